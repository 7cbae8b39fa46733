# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figures of the experiments about QUARD's tasks."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neuro_control.cli.evaluation import wilson
from neuro_control.cli.experiments import Row
from neuro_control.cli.plotting import figure
from neuro_control.quart.control.tasks import MANNERS
from neuro_control.quart.evaluation.rendering.replays import Frame, replay

# Most episodes on a page of pictures, and frames of each.
_EPISODES, _FRAMES = 8, 5


def _values(rows: Sequence[Row], column: str) -> list[str]:
    return list(dict.fromkeys(row[column] for row in rows))


def success(rows: Sequence[Row], path: Path, colour: str = "policy") -> None:
    """Strict success by task with its 95 % interval, and the published test's as a dash.

    Args:
        rows: Rows of episodes.
        path: PNG file.
        colour: Column whose values have a bar each.
    """
    panels = [(d, s) for d in _values(rows, "draw") for s in _splits(rows, colour)]
    tasks, bars = _values(rows, "task"), _values(rows, colour)
    wide = max(6.0, 0.5 + 0.22 * len(tasks) * (len(bars) + 1))
    with figure(path, wide, 2.8 * len(panels) + 0.4, dpi=90) as drawn:
        axes = drawn.subplots(len(panels), 1, squeeze=False)[:, 0]
        for panel, (draw, split) in zip(axes, panels, strict=True):
            own = [r for r in rows if r["draw"] == draw and split in ("", r.get("split"))]
            for number, bar in enumerate(bars):
                part = [row for row in own if row[colour] == bar]
                _bars(panel, part, tasks, (number, len(bars)), bar)
            panel.set_title(f"draw: {draw}" + (f", split: {split}" if split else ""), fontsize=9)
            panel.set(ylim=(0, 1.02), ylabel="success", xticks=range(len(tasks)))
            panel.set_xticklabels(tasks)
            panel.grid(axis="y", alpha=0.3)
        axes[0].legend(fontsize=7, ncols=min(len(bars), 4), loc="lower left")


def _splits(rows: Sequence[Row], colour: str) -> list[str]:
    """Splits that have a panel each; one panel if there are none, or bars show them."""
    return _values(rows, "split") if colour != "split" and "split" in rows[0] else [""]


def _bars(
    panel: Any, rows: Sequence[Row], tasks: Sequence[str], which: tuple[int, int], label: str
) -> None:
    """A bar for each task, beside those of the others; ``which`` is its number and how many."""
    number, count = which
    width = 0.8 / count
    for place, task in enumerate(tasks):
        own = [row for row in rows if row["task"] == task]
        if not own:
            continue
        strict, x = sum(row["strict"] for row in own), place - 0.4 + (number + 0.5) * width
        rate, (low, high) = strict / len(own), wilson(strict, len(own))
        panel.bar(x, rate, 0.9 * width, color=f"C{number % 10}", label=label if not place else None)
        panel.errorbar(x, rate, [[max(rate - low, 0)], [max(high - rate, 0)]], color="k", lw=0.8)
        published = sum(row["published"] for row in own) / len(own)
        panel.plot(x, published, "_", color="0.4", ms=60 * width, mew=1)


def speeds(rows: Sequence[Row], path: Path) -> None:
    """Measured speed by manner, mean and standard deviation, each policy beside the expert."""
    tasks, policies = _values(rows, "task"), _values(rows, "policy")
    with figure(path, max(6.0, 2.2 * len(tasks)), 2.8, dpi=90) as drawn:
        axes = drawn.subplots(1, len(tasks), squeeze=False, sharey=True)[0]
        for panel, task in zip(axes, tasks, strict=True):
            for number, policy in enumerate(policies):
                own = [
                    [r["speed"] for r in rows
                     if (r["task"], r["policy"], r["manner"]) == (task, policy, manner)]
                    for manner in MANNERS
                ]  # fmt: skip
                panel.errorbar(
                    np.arange(len(MANNERS)) + 0.06 * number,
                    [statistics.fmean(each) for each in own],
                    [statistics.pstdev(each) for each in own],
                    marker="o", ms=4, capsize=2, lw=1, label=policy,
                )  # fmt: skip
            panel.set(title=task, xticks=range(len(MANNERS)))
            panel.set_xticklabels(MANNERS, fontsize=7)
            panel.grid(alpha=0.3)
        axes[0].set_ylabel("measured speed (m/s)")
        axes[0].legend(fontsize=7)


def failures(rows: Sequence[Row], path: Path) -> None:
    """Episodes that failed, from behind, with what the policy saw in the corner."""
    failed = [row for row in rows if not row["strict"]]
    _pages(spread(failed, _EPISODES), path, look=False)


def saliency(rows: Sequence[Row], path: Path) -> None:
    """What decided in episodes that succeeded and in episodes that failed."""
    right = spread([row for row in rows if row["strict"]], _EPISODES // 2)
    wrong = spread([row for row in rows if not row["strict"]], _EPISODES // 2)
    _pages([*right, *wrong], path, look=True)


def spread(rows: Sequence[Row], number: int) -> list[Row]:
    """Some of the rows, of as many tasks as there are."""
    queues = [[row for row in rows if row["task"] == task] for task in _values(rows, "task")]
    found: list[Row] = []
    while len(found) < number and any(queues):
        found += [queue.pop(0) for queue in queues if queue]
    return found[:number]


def _pages(episodes: Sequence[Row], path: Path, *, look: bool) -> None:
    """A line of frames for each episode, under its words and what came of it."""
    with figure(path, 2.4 * _FRAMES, max(0.6, 2.1 * len(episodes)), dpi=80) as drawn:
        if not episodes:
            drawn.text(0.5, 0.5, "no episode of this kind", ha="center")
            return
        lines = drawn.subfigures(len(episodes), 1, squeeze=False)[:, 0]
        for line, row in zip(lines, episodes, strict=True):
            end = "success" if row["strict"] else row["failed"]
            line.suptitle(
                f"{row['policy']}, seed {row['seed']}: “{row['instruction']}”: {end}", fontsize=8
            )
            frames = replay(row, frames=_FRAMES, look=look)
            for panel, frame in zip(line.subplots(1, _FRAMES), frames, strict=False):
                _frame(panel, frame)
                panel.set_axis_off()


def _frame(panel: Any, frame: Frame) -> None:
    panel.set_title(f"{frame.time:.1f} s", fontsize=7)
    if frame.saliency is not None and frame.seen is not None:
        pixels = len(frame.seen)
        panel.imshow(frame.seen)
        panel.imshow(
            frame.saliency, cmap="inferno", alpha=0.5, extent=(0, pixels, pixels, 0),
            interpolation="bilinear",
        )  # fmt: skip
        return
    panel.imshow(frame.behind)
    if frame.seen is not None:
        # In the upper right corner, a third as high as the picture.
        height, width = frame.behind.shape[:2]
        side = height / 2.5
        panel.imshow(frame.seen, extent=(width - side, width, side, 0))
        panel.set(xlim=(0, width), ylim=(height, 0))
