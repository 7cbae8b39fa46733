# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figures of the quadruped's experiments."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from neuro_control.cli.experiments import Row
from neuro_control.cli.plotting import figure
from neuro_control.quadruped.control.command import Command
from neuro_control.quadruped.control.types import LEGS
from neuro_control.quadruped.evaluation.rollout import Record
from neuro_control.simulation.effects import Push

# A foot that presses harder is in stance, N.
_STANDS = 5.0
_COLOURS = ("C0", "C1", "C2", "C3")


@contextmanager
def _drawn(path: Path, rows: int, columns: int, width: float, height: float) -> Iterator[Any]:
    """Axes, (rows, columns), of that size in inches, written to ``path`` when the block ends."""
    with figure(path, width, height, dpi=80) as drawn:
        yield drawn.subplots(rows, columns, squeeze=False)


def maps(rows: Sequence[Row], path: Path) -> None:
    """Errors over velocities as maps, and what was reached of height, frequency and swing."""
    robots = list(dict.fromkeys(row["robot"] for row in rows))
    with _drawn(path, len(robots), 6, 17, 2.8 * len(robots)) as axes:
        for line, robot in zip(axes, robots, strict=True):
            own = [row for row in rows if row["robot"] == robot]
            walks = [row for row in own if row["map"] == "velocities"]
            _map(line[0], [r for r in walks if r["vy"] == 0], ("vx", "yaw"), "v_error_mps")
            _map(line[1], [r for r in walks if r["vy"] == 0], ("vx", "yaw"), "yaw_error_rps")
            _map(line[2], [r for r in walks if r["yaw"] == 0], ("vx", "vy"), "v_error_mps")
            line[0].set_title(f"{robot}: velocity's error (m/s)", fontsize=10)
            line[1].set_title("yaw rate's error (rad/s)", fontsize=10)
            line[2].set_title("velocity's error (m/s)", fontsize=10)
            for panel, key, got, unit in (
                (line[3], "z", "height", "m"),
                (line[4], "hz", "frequency", "Hz"),
                (line[5], "lift", "swing_m", "m"),
            ):
                name = {"z": "height", "hz": "frequency", "lift": "swing"}[key]
                part = [row for row in own if row["map"] == name]
                commanded = [row[key] for row in part]
                panel.plot(commanded, commanded, "k:", lw=1)
                panel.plot(commanded, [row[got] for row in part], "o-", ms=4)
                panel.set(xlabel=f"{name} commanded ({unit})", ylabel=f"reached ({unit})")
                panel.grid(alpha=0.3)


def _map(panel: Any, rows: Sequence[Row], keys: tuple[str, str], value: str) -> None:
    x, y = (sorted({row[key] for row in rows}) for key in keys)
    values = np.full((len(y), len(x)), math.nan)
    for row in rows:
        values[y.index(row[keys[1]]), x.index(row[keys[0]])] = row[value]
    panel.imshow(values, origin="lower", aspect="auto", cmap="viridis", vmin=0.0, vmax=0.06)
    for i, j in np.ndindex(values.shape):
        text = "fell" if math.isnan(values[i, j]) else f"{values[i, j]:.3f}"
        colour = "w" if values[i, j] < 0.04 else "k"
        panel.text(j, i, text, ha="center", va="center", fontsize=8, color=colour)
    labels = {"vx": "vx (m/s)", "vy": "vy (m/s)", "yaw": "yaw rate (rad/s)"}
    panel.set(xlabel=labels[keys[0]], ylabel=labels[keys[1]])
    panel.set_xticks(range(len(x)), [f"{each:g}" for each in x])
    panel.set_yticks(range(len(y)), [f"{each:g}" for each in y])


def gaits(records: Mapping[str, Record], path: Path, seconds: float = 1.0) -> None:
    """Bars while each foot is in stance, by its force, over the end of each walk."""
    with _drawn(path, len(records), 1, 8, 1.1 * len(records) + 0.5) as axes:
        for panel, (name, record) in zip(axes[:, 0], records.items(), strict=True):
            stands = record.forces[-round(seconds / record.period) :] > _STANDS
            for foot in range(4):
                starts, ends = (record.period * each for each in _stances(stands[:, foot]))
                bars = list(zip(starts, ends - starts, strict=True))
                panel.broken_barh(bars, (foot - 0.4, 0.8), color=_COLOURS[foot])
            panel.set(xlim=(0, seconds), ylim=(3.6, -0.6), ylabel=name)
            panel.set_yticks(range(4), LEGS, fontsize=8)
            if name != list(records)[-1]:
                panel.set_xticklabels([])
        axes[-1, 0].set_xlabel("time (s); bars: the foot is in stance")


def robustness(rows: Sequence[Row], path: Path) -> None:
    """How far each run's trunk leaned to a side, by the push's direction; crosses fell."""
    grounds = list(dict.fromkeys(row["ground"] for row in rows))
    robots = list(dict.fromkeys(row["robot"] for row in rows))
    with _drawn(path, 1, len(robots), 5 * len(robots), 3.4) as axes:
        for panel, robot in zip(axes[0], robots, strict=True):
            for shift, (ground, colour) in enumerate(zip(grounds, _COLOURS, strict=False)):
                own = [r for r in rows if r["ground"] == ground and r["robot"] == robot]
                walked = [r for r in own if math.isnan(r["fell_s"])]
                fell = [r["push_deg"] + 8 * shift - 8 for r in own if r not in walked]
                panel.plot(
                    [r["push_deg"] + 8 * shift - 8 for r in walked],
                    [r["roll_deg"] for r in walked], ".", color=colour,
                    label=f"{ground}: {len(fell)} of {len(own)} fell",
                )  # fmt: skip
                panel.plot(fell, [0.0] * len(fell), "x", color=colour, ms=9)
            panel.set(title=robot, xlabel="push towards (°; 0 ahead, 90 left)", ylim=(0, None))
            panel.set(ylabel="largest roll (°)")
            panel.set_xticks(range(0, 360, 45))
            panel.legend(fontsize=8)
            panel.grid(alpha=0.3)


def pushes(rows: Sequence[Row], path: Path) -> None:
    """The hardest push up to which no run fell, by direction."""
    robots = list(dict.fromkeys(row["robot"] for row in rows))
    ways = sorted({row["push_deg"] for row in rows})
    forces = sorted({row["force"] for row in rows})
    with _drawn(path, 1, 1, 5.5, 3.4) as axes:
        panel = axes[0, 0]
        for shift, robot in enumerate(robots):
            borne = []
            for way in ways:
                own = [r for r in rows if r["robot"] == robot and r["push_deg"] == way]
                fatal = [r["force"] for r in own if not math.isnan(r["fell_s"])]
                under = [force for force in forces if force < min(fatal, default=math.inf)]
                borne.append(max(under, default=0.0))
            panel.bar(np.array(ways) + 16 * shift - 8, borne, 15, label=robot)
        panel.axhline(forces[-1], color="0.5", lw=1, ls=":")
        panel.set(
            xlabel="push towards (°; 0 ahead, 90 left)",
            ylabel="largest force for 0.2 s without a fall (N)",
        )
        panel.set_xticks(ways)
        panel.legend(fontsize=8)
        panel.grid(alpha=0.3)


def push(record: Record, pushed: Push, command: Command, path: Path) -> None:
    """What follows a push: velocity, tilt, and from above the feet under the trunk's path."""
    shown = slice(round((pushed.begins - 0.5) / record.period), None)
    time = record.time[shown] - pushed.begins
    truth = record.truth.part(shown)
    with _drawn(path, 1, 3, 15, 3.6) as axes:
        velocity, tilt, above = axes[0]
        for column, label, commanded in (
            (0, "forwards", command.forward),
            (1, "left", command.left),
        ):
            velocity.plot(time, truth.velocity[:, column], label=label)
            velocity.axhline(commanded, color=f"C{column}", ls=":", lw=1)
        velocity.set(xlabel="time since the push (s)", ylabel="velocity (m/s)")
        for angle, label in ((truth.roll, "roll"), (truth.pitch, "pitch")):
            tilt.plot(time, np.degrees(angle), label=label)
        tilt.set(xlabel="time since the push (s)", ylabel="(°)")
        for panel in (velocity, tilt):
            panel.axvspan(0.0, pushed.lasts, color="0.85")
            panel.legend(fontsize=8)
            panel.grid(alpha=0.3)
        trunk, feet, forces = record.trunk[shown], record.feet[shown], record.forces[shown]
        above.plot(trunk[:, 0], trunk[:, 1], "k", lw=1, label="trunk")
        begins, ends = (int(np.searchsorted(time, each)) for each in (0.0, pushed.lasts))
        above.plot(trunk[begins:ends, 0], trunk[begins:ends, 1], "tab:red", lw=3, label="push")
        for foot, colour in enumerate(_COLOURS):
            starts, ends = _stances(forces[:, foot] > _STANDS)
            middles = ((starts + ends) // 2)[ends - starts > round(0.04 / record.period)]
            above.plot(
                feet[middles, foot, 0], feet[middles, foot, 1], "o", ms=5, color=colour,
                label=LEGS[foot],
            )  # fmt: skip
        above.set(xlabel="x (m)", ylabel="y (m)", title="from above; dots: feet in stance")
        above.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
        above.grid(alpha=0.3)


def _stances(stands: Any) -> tuple[Any, Any]:
    """Rows at which stances begin and at which they are over, of whether a foot stands, (T,)."""
    edges = np.diff(np.concatenate([[0], stands.astype(int), [0]]))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def rising(records: Mapping[str, Record], path: Path) -> None:
    """Height and lean of the trunk from each start, and when it walks."""
    with _drawn(path, 1, 2, 11, 3.4) as axes:
        for (start, record), colour in zip(records.items(), _COLOURS, strict=False):
            time, truth = record.time, record.truth
            axes[0, 0].plot(time, 100 * truth.height, color=colour, label=start)
            axes[0, 1].plot(time, np.degrees(truth.lean), color=colour, label=start)
            if "walking" in record.states:
                walks = record.states.index("walking") * record.period
                for panel in axes[0]:
                    panel.axvline(walks, color=colour, ls=":", lw=1)
        axes[0, 0].set(xlabel="time (s); dotted: begins to walk", ylabel="height of the trunk (cm)")
        axes[0, 1].set(xlabel="time (s)", ylabel="lean of the trunk (°)")
        for panel in axes[0]:
            panel.legend(fontsize=8)
            panel.grid(alpha=0.3)
