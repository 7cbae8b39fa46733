# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figures of the experiments about places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neuro_control.cli.plotting import figure


def draw_sizes(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw recall with its interval over the number of places, for each method.

    How fast a method is depends on what else the machine does: ``benchmark places`` measures it.
    """
    with figure(path, 7, 4.5) as drawn:
        panel = drawn.subplots()
        for method in dict.fromkeys(row["method"] for row in rows):
            own = [row for row in rows if row["method"] == method]
            x, y = ([float(row[name]) for row in own] for name in ("places", "r1"))
            low, high = ([float(row[name]) for row in own] for name in ("r1_low", "r1_high"))
            panel.plot(x, y, "o-", label=method)
            panel.fill_between(x, low, high, alpha=0.12)
        panel.set(xlabel="places", ylabel="R@1", ylim=(0, 1))
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8)


def draw_ablation(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw the recall of each design in both modes."""
    labels = list(dict.fromkeys(_label(row) for row in rows))
    with figure(path, 9, 0.4 * len(labels) + 1.2) as drawn:
        panel = drawn.subplots()
        for shift, (mode, colour) in enumerate((("fast", "C0"), ("spiking", "C1"), ("", "0.5"))):
            for y, label in enumerate(labels):
                for row in rows:
                    if _label(row) == label and row["mode"] == mode:
                        at = y + (0.4 * shift - 0.2 if mode else 0.0)
                        panel.barh(at, row["r1"], 0.38, color=colour)
        template = next(row for row in rows if row["design"] == "template, adapted")
        panel.axvline(template["r1"], color="0.5", lw=1, ls="--")
        panel.set_yticks(range(len(labels)))
        panel.set_yticklabels(labels, fontsize=8)
        panel.invert_yaxis()
        for name, colour in (("fast", "C0"), ("spiking", "C1"), ("baselines", "0.5")):
            panel.barh(0, 0, color=colour, label=name)
        panel.legend(fontsize=8)
        panel.set(xlabel="R@1", xlim=(0, 1))


def _label(row: Mapping[str, Any]) -> str:
    """What a row of the ablation is of."""
    if not row["mode"]:
        return str(row["design"])
    parts = [row["design"], row["regularisation"]]
    parts += [row["assignment"]] * (row["assignment"] != "standard")
    parts += ["not aligned"] * (not row["alignment"])
    parts += ["nothing suppressed"] * (not row["suppression"])
    return ", ".join(parts)
