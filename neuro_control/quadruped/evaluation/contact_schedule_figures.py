# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figures that compare contact schedules: gaits over speed, cost of transport, tracking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.cli.experiments import Row
from neuro_control.cli.plotting import figure
from neuro_control.quadruped.control.types import LEGS, PERIOD

_FEET = dict(zip(LEGS, ("#1b9e77", "#d95f02", "#7570b3", "#e7298a"), strict=True))
# Order in which feet are drawn: that of a walk.
_ORDER = ("RL", "FL", "RR", "FR")


@contextmanager
def _drawn(path: Path, rows: int, columns: int, width: float, height: float) -> Iterator[Any]:
    with figure(path, width, height) as drawn:
        axes = drawn.subplots(rows, columns, squeeze=False)
        for panel in axes.flat:
            panel.grid(alpha=0.3)
            panel.spines[["top", "right"]].set_visible(False)
        yield axes


def ramp(rows: Sequence[Row], swinging: NDArray[np.bool_], path: Path) -> None:
    """Feet on the ground in four gaits, and their order, frequency and duty factor by drive."""
    with _drawn(path, 2, 4, 14.0, 6.4) as axes:
        for column, name in enumerate(("walk", "trot", "gallop", "bound")):
            panel = axes[0, column]
            there = [row for row in rows if row["gait"] == name]
            if not there:
                panel.set_title(f"no {name}")
                continue
            row = there[len(there) // 2]
            start = round(row["time_s"] / PERIOD)
            shown = swinging[start : start + round(2.5 / row["frequency_hz"] / PERIOD)]
            time = np.arange(len(shown)) * PERIOD
            for foot, leg in enumerate(_ORDER):
                stands = ~shown[:, LEGS.index(leg)]
                panel.fill_between(
                    time, foot - 0.4, foot + 0.4, where=stands, color=_FEET[leg], step="post", lw=0
                )
            panel.set_yticks(range(4), _ORDER)
            panel.set_xlabel("time (s); filled: in stance")
            panel.set_title(f"{name}, {row['speed_mps']:.1f} m/s, drive {row['drive']:.2f}")
        for column, way in enumerate(("up", "down")):
            panel = axes[1, column]
            there = [row for row in rows if row["way"] == way]
            for leg in ("FL", "FR", "RR"):
                panel.plot(
                    [row["drive"] for row in there], [row[f"lead_{leg}"] for row in there], ".",
                    ms=4, color=_FEET[leg], label=leg,
                )  # fmt: skip
            panel.set_ylim(0, 1)
            panel.set_xlim((0, 1) if way == "up" else (1, 0))
            panel.set_xlabel(f"drive, going {way}")
            panel.set_ylabel("begins to swing after RL (cycles)")
            panel.legend()
        for panel, key, label in (
            (axes[1, 2], "frequency_hz", "frequency (Hz)"),
            (axes[1, 3], "duration", "duty factor"),
        ):
            for way, colour in (("up", "#d95f02"), ("down", "#7570b3")):
                there = [row for row in rows if row["way"] == way]
                panel.plot(
                    [row["drive"] for row in there], [row[key] for row in there], ".",
                    ms=4, color=colour, label=f"going {way}",
                )  # fmt: skip
            panel.set_xlabel("drive")
            panel.set_ylabel(label)
            panel.legend()


def mean_at(rows: Sequence[Row], key: str, speed: float) -> float:
    """Mean of a column over the rows of a speed, NaN if it is a number in none."""
    values = np.array([row[key] for row in rows if row["speed_mps"] == speed], dtype=np.float64)
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def sweep(rows: Sequence[Row], colours: Mapping[str, str], path: Path) -> None:
    """Cost of transport and error of the velocity over speed, by contact schedule."""
    robots = list(dict.fromkeys(row["robot"] for row in rows))
    with _drawn(path, len(robots), 2, 9.6, 3.4 * len(robots)) as axes:
        speeds = sorted({row["speed_mps"] for row in rows})
        for robot, (cost, error) in zip(robots, axes, strict=True):
            for name, colour in colours.items():
                own = [row for row in rows if row["robot"] == robot and row["rhythm"] == name]
                for panel, key in ((cost, "cost_of_transport"), (error, "v_error_mps")):
                    means = [mean_at(own, key, speed) for speed in speeds]
                    panel.plot(speeds, means, ".-", color=colour, label=name)
            cost.set_yscale("log")
            cost.set_ylabel(f"{robot}: cost of transport")
            error.set_ylabel("error of the velocity (m/s)")
            error.set_ylim(bottom=0)
            for panel in (cost, error):
                panel.set_xlabel("commanded speed (m/s)")
            cost.legend()
