# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figures of the swimmer's experiments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from neuro_control.cli.plotting import figure

Rows = Sequence[Mapping[str, Any]]

_COLOURS = {
    "ncap": "#d95f02",
    "ncap-trained": "#e7298a",
    "ncap-extended": "#7570b3",
    "ncap-delay": "#1b9e77",
    "mlp": "#444444",
    "mlp-64": "#666666",
    "mlp-256": "#1f78b4",
}
_LABELS = {
    "ncap": "NCAP (4 numbers)",
    "ncap-trained": "NCAP, trained",
    "ncap-extended": "NCAP with period and lead (6)",
    "ncap-delay": "the same, trained for delays",
    "mlp": "MLP 64 × 64, trained on each body",
    "mlp-64": "MLP 64 × 64 (6,021)",
    "mlp-256": "MLP 256 × 256 (73,221)",
}
_ALGORITHMS = {"ppo": "PPO", "ddpg": "DDPG", "ars": "ES (ARS)", "cmaes": "ES (CMA-ES)"}


@contextmanager
def _drawn(path: Path, columns: int, height: float = 3.6) -> Iterator[Any]:
    """Axes side by side, (columns,), written to ``path`` when the block ends."""
    with figure(path, 1.2 + 3.6 * columns, height) as drawn:
        axes = drawn.subplots(1, columns, squeeze=False)[0]
        for panel in axes:
            panel.grid(alpha=0.3)
            panel.spines[["top", "right"]].set_visible(False)
        yield axes


def _groups(rows: Iterable[Mapping[str, Any]], key: str) -> dict[Any, list[Mapping[str, Any]]]:
    found: dict[Any, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row[key], []).append(row)
    return found


def curves(rows: Rows, path: Path, goal: float) -> None:
    """Return over environment steps: each seed thin, their median thick; a panel an algorithm."""
    algorithms = _groups(rows, "algorithm")
    with _drawn(path, len(algorithms)) as axes:
        for panel, (algorithm, found) in zip(axes, algorithms.items(), strict=True):
            for policy, points in _groups(found, "policy").items():
                colour = _COLOURS[policy]
                seeds = [
                    (np.array([p["steps"] for p in each]), np.array([p["return"] for p in each]))
                    for each in _groups(points, "seed").values()
                ]
                for steps, returns in seeds:
                    panel.plot(np.maximum(steps, 2000), returns, color=colour, lw=0.7, alpha=0.35)
                length = min(len(steps) for steps, _ in seeds)
                median = np.median([returns[:length] for _, returns in seeds], axis=0)
                panel.plot(
                    np.maximum(seeds[0][0][:length], 2000),
                    median,
                    color=colour,
                    lw=2,
                    label=_LABELS[policy],
                )
            panel.axhline(goal, color="0.6", lw=1, ls=":")
            panel.set(
                xscale="log",
                ylim=(0, 1000),
                xlabel="environment steps",
                title=_ALGORITHMS[algorithm],
            )
        axes[0].set_ylabel("return (of 1000)")
        for panel, where in ((axes[0], "center left"), (axes[-1], "lower right")):
            panel.legend(fontsize=7, loc=where)


def _strips(panel: Any, groups: Mapping[str, Sequence[float]]) -> None:
    """A row for each group: its values as dots, their mean as a bar."""
    rng = np.random.default_rng(0)  # of the dots' place across the row
    for row, values in enumerate(groups.values()):
        panel.barh(row, np.mean(values), color="#c7d4df", height=0.7)
        jitter = rng.uniform(-0.22, 0.22, len(values))
        panel.plot(values, row + jitter, "o", color="#31597a", ms=3, alpha=0.7)
    panel.set(yticks=range(len(groups)), xlim=(0, 1000), xlabel="return (of 1000)")
    panel.set_yticklabels(groups)
    panel.invert_yaxis()


def _values(rows: Rows, by: Callable[[Mapping[str, Any]], str], key: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(by(row), []).append(row[key])
    return found


def initial(rows: Rows, path: Path) -> None:
    """Return before training, a dot for each draw."""
    with _drawn(path, 1) as axes:
        axes[0].figure.set_size_inches(7, 3.6)
        _strips(axes[0], _values(rows, lambda row: str(row["start"]), "return"))


def ablations(rows: Rows, path: Path) -> None:
    """Return after training, a dot for each seed; a panel an algorithm."""
    algorithms = _groups(rows, "algorithm")
    with _drawn(path, len(algorithms)) as axes:
        axes[0].figure.set_size_inches(12, 3.6)
        for panel, (algorithm, found) in zip(axes, algorithms.items(), strict=True):
            _strips(panel, _values(found, lambda row: str(row["variant"]), "return"))
            panel.set_title(_ALGORITHMS[algorithm])


def _lines(panel: Any, rows: Rows, x: str) -> None:
    labels = {**_LABELS, "ncap": "NCAP, untrained"}
    for policy, points in _groups(rows, "policy").items():
        at = [point[x] for point in points]
        panel.plot(
            at,
            [point["return"] for point in points],
            "o-",
            color=_COLOURS[policy],
            ms=4,
            label=labels[policy],
        )
        low, high = ([point[key] for point in points] for key in ("low", "high"))
        panel.fill_between(at, low, high, color=_COLOURS[policy], alpha=0.2, lw=0)
    panel.set_ylim(0, 1000)


def bodies(rows: Rows, path: Path) -> None:
    """Return over links of the body."""
    with _drawn(path, 1) as axes:
        axes[0].figure.set_size_inches(7, 4)
        _lines(axes[0], rows, "links")
        axes[0].set(xlabel="links of the body", ylabel="return (of 1000)")
        axes[0].legend(fontsize=8, loc="lower right")


_CONDITIONS = {
    "delay": "delay of the loop (control steps)",
    "noise": "sensor noise (of typical size)",
    "density": "density of the medium (of usual)",
    "lost_joint": "joint whose sensor is lost (0: none)",
}


def robustness(rows: Rows, path: Path) -> None:
    """Return over each condition."""
    conditions = _groups(rows, "condition")
    with _drawn(path, len(conditions)) as axes:
        for panel, (condition, found) in zip(axes, conditions.items(), strict=True):
            _lines(panel, found, "value")
            panel.set_xlabel(_CONDITIONS[condition])
        axes[0].set_ylabel("return (of 1000)")
        axes[0].legend(fontsize=7, loc="lower left")
