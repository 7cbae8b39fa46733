# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which words a policy acts on: instructions in all wordings, and what is none.

Whether a policy takes words for an instruction depends on the words alone; no robot walks here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from neuro_control.cli.evaluation import wilson
from neuro_control.cli.experiments import Row
from neuro_control.cli.plotting import figure
from neuro_control.quart.control.instructions import WORDINGS, Understood, say
from neuro_control.quart.control.policy import Policy
from neuro_control.quart.control.state import RobotState
from neuro_control.quart.evaluation.guides import weights_of
from neuro_control.quart.training.data.moments import Draws, draw_meaning
from neuro_control.quart.training.data.phrases import NO_TASKS, mistyped, no_task

_INSTRUCTIONS = (*WORDINGS, "typing error", "upper case")
# Those that training shows.
_SEEN = ("quard", "seen", "typing error", "upper case")


def measure(policies: Sequence[str], count: int, seed: int) -> list[Row]:
    """A row for each sentence that is given to each policy.

    Args:
        policies: Names or files, as ``guides.weights_of`` has them.
        count: Sentences of each kind.
        seed: Seed of the sentences.

    Returns:
        ``policy``; ``words``, the kind of words; ``shown``, whether training shows such words;
        ``instruction``, whether they are one; ``text``; and ``accepted``, whether it is followed.
    """
    rows: list[Row] = []
    for name in policies:
        file = weights_of(name)
        if file is not None:
            policy = Policy.load(file)
            rows += [
                {"policy": name, **row, "accepted": _accepts(policy, str(row["text"]))}
                for row in _sentences(count, seed)
            ]
    return rows


def _sentences(count: int, seed: int) -> list[Row]:
    rows: list[Row] = []
    for kind in _INSTRUCTIONS:
        rng = np.random.default_rng(seed)
        texts = [_said(kind, draw_meaning(Draws(), rng), rng) for _ in range(count)]
        shown = kind in _SEEN
        rows += [{"words": kind, "shown": shown, "instruction": True, "text": t} for t in texts]
    for kind in NO_TASKS:
        for split in ("seen", "unseen"):
            rng = np.random.default_rng(seed)
            texts = [no_task(rng, split, kind) for _ in range(count)]
            same = {"words": kind, "shown": split == "seen", "instruction": False}
            rows += [{**same, "text": text} for text in texts]
    return rows


def _said(kind: str, meant: Understood, rng: np.random.Generator) -> str:
    if kind in WORDINGS:
        return say(meant, rng, kind)
    return mistyped(say(meant), rng) if kind == "typing error" else say(meant).upper()


def _accepts(policy: Policy, text: str) -> bool:
    pixels = policy.network.size.image
    noise = np.random.default_rng(0).integers(0, 256, (pixels, pixels, 3), dtype=np.uint8)
    policy.reset(text)
    still = RobotState(np.zeros(2), 0.0, 0.0, 0.0, 0.0, np.zeros(2), 0.0)
    return policy.act(noise, still).understood


def summarise(rows: Sequence[Row]) -> list[Row]:
    """Rates of acceptance by kind of words, with 95 % intervals (Wilson)."""
    cells: dict[tuple[object, ...], list[Row]] = {}
    columns = ("policy", "instruction", "words", "shown")
    for row in rows:
        cells.setdefault(tuple(row[each] for each in columns), []).append(row)
    found = []
    for cell, own in cells.items():
        accepted = sum(row["accepted"] for row in own)
        low, high = wilson(accepted, len(own))
        rates = {"accepted": accepted / len(own), "low": low, "high": high}
        found.append({**dict(zip(columns, cell, strict=True)), "n": len(own), **rates})
    return found


def draw(rows: Sequence[Row], path: Path) -> None:
    """Accepted parts by kind of words: instructions in blue, all else in red."""
    found = summarise(rows)
    labels = [
        f"{row['words']}{'' if row['shown'] else ', not shown in training'}"
        + (f" ({row['policy']})" if len({each["policy"] for each in found}) > 1 else "")
        for row in found
    ]
    with figure(path, 7.0, 0.6 + 0.22 * len(found), dpi=90) as drawn:
        panel = drawn.subplots()
        places = np.arange(len(found))[::-1]
        rates = np.array([[row["accepted"], row["low"], row["high"]] for row in found])
        colours = ["C0" if row["instruction"] else "C3" for row in found]
        panel.barh(places, rates[:, 0], color=colours, height=0.7)
        errors = np.clip([rates[:, 0] - rates[:, 1], rates[:, 2] - rates[:, 0]], 0.0, None)
        panel.errorbar(rates[:, 0], places, xerr=errors, fmt="none", color="k", lw=0.8)
        panel.set(yticks=places, xlim=(0, 1.01), xlabel="part of the sentences that is acted on")
        panel.set_yticklabels(labels, fontsize=7)
        panel.grid(axis="x", alpha=0.3)
