# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figure of the fault matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neuro_control.cli.plotting import figure

# Colours of a cell: some trial failed, the fault can't happen, all held.
_FAILED, _ABSENT, _HELD = "#d95f02", "#eeeeee", "#a6d8a8"


def draw_matrix(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Nodes × faults: green where all trials held; in it the longest time to safe, ms."""
    nodes = list(dict.fromkeys(row["node"] for row in rows))
    faults = list(dict.fromkeys(row["fault"] for row in rows))
    colours = np.full((len(nodes), len(faults)), _ABSENT, dtype=object)
    texts = np.full(colours.shape, "", dtype=object)
    for i, node in enumerate(nodes):
        for j, fault in enumerate(faults):
            trials = [row for row in rows if (row["node"], row["fault"]) == (node, fault)]
            if not trials:
                continue
            colours[i, j] = _HELD if all(trial["held"] for trial in trials) else _FAILED
            times = [t["time_to_safe_ms"] for t in trials if t["time_to_safe_ms"] is not None]
            texts[i, j] = f"{max(times):.0f}" if times else ""
    with figure(path, 3.0 + 0.5 * len(faults), 1.8 + 0.35 * len(nodes)) as drawn:
        axes = drawn.subplots()
        for i, j in np.ndindex(colours.shape):
            axes.add_patch(_square(j, i, str(colours[i, j])))
            axes.text(j, i, texts[i, j], ha="center", va="center", fontsize=7)
        axes.set_xticks(range(len(faults)), faults, rotation=60, ha="right")
        axes.set_yticks(range(len(nodes)), nodes)
        axes.set_xlim(-0.5, len(faults) - 0.5)
        axes.set_ylim(len(nodes) - 0.5, -0.5)
        axes.set_title(
            "Green: all oracles held in all trials (orange: not). Number: longest time to safe, ms",
            fontsize=8,
        )


def _square(x: float, y: float, colour: str) -> Any:
    """A square of a cell."""
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.5, y - 0.5), 1.0, 1.0, facecolor=colour, edgecolor="white")
