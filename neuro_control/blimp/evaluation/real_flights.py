# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Real flights beside simulated ones: the authors' logs, step by step, with the same references.

The logs are public (timburgers/SNN_Workspace, Results_EA/Real_experimental); no licence stands
beside them, so the package has none. A log is a CSV file with the columns ``time`` (s), ``meas``
(altitude, m) and ``ref`` (reference altitude, m), at any rate; others are left alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control import files
from neuro_control.blimp.control.altitude import AltitudeController
from neuro_control.blimp.control.laws import make_law
from neuro_control.blimp.control.pid import PIDSettings
from neuro_control.blimp.control.types import CONTROL_PERIOD
from neuro_control.blimp.evaluation.rollout import follow
from neuro_control.blimp.simulation.body import Body
from neuro_control.blimp.simulation.world import world
from neuro_control.cli.experiments import Row
from neuro_control.cli.plotting import figure
from neuro_control.errors import ConfigurationError

Array = NDArray[np.float64]

REAL_PID = PIDSettings(anti_windup="none")
# The end of a step, over which rest is judged, and that over which it wanders, s.
_REST, _WANDER = 10.0, 30.0
_SETTLED = 0.05  # m
# What the simulation was calibrated to, in the first half of the PID's flight: no test of it.
CALIBRATED = ("overshoot_m", "rise_s", "peak_s", "wander_m", "changes")
_METRICS = (
    "rise_s", "peak_s", "overshoot_m", "settling_s", "mean_error_m", "largest_error_m", "wander_m",
    "changes",
)  # fmt: skip


class Log(NamedTuple):
    """A flight as it was measured, each (T,).

    Attributes:
        time: Time since the first row, s.
        altitude: What the lidar measured, m.
        reference: Reference altitude, m.
    """

    time: Array
    altitude: Array
    reference: Array


def read_log(path: Path) -> Log:
    """A log from a CSV file.

    Raises:
        ConfigurationError: The file can't be read, lacks a column, or holds what is no number.
    """
    names, *rows = files.read_csv(path, "the log")
    try:
        columns = [names.index(name) for name in ("time", "meas", "ref")]
        found = np.array([[float(row[k]) for k in columns] for row in rows]).T
    except (ValueError, IndexError) as error:
        raise ConfigurationError(
            f"{path} is no log with numbers in the columns time, meas and ref: {error}"
        ) from error
    time, altitude, reference = found
    return Log(time - time[0], altitude, reference)


def steps_of(log: Log) -> list[slice]:
    """Rows of each step of the reference from one altitude to another, take-off left out."""
    edges = np.flatnonzero(np.diff(log.reference)) + 1
    ends = [*edges[1:], len(log.time)]
    return [
        slice(int(start), int(end))
        for start, end in zip(edges, ends, strict=True)
        if log.reference[start - 1] > 0
    ]


def step_metrics(log: Log, step: slice) -> dict[str, float]:
    """Metrics of one step of a flight, by what was measured.

    Returns:
        ``rise_s`` from 10 to 90 %; ``peak_s``, time of the largest overshoot, and ``overshoot_m``;
        ``settling_s`` to within 5 cm of the reference, in 3 s on average; ``mean_error_m`` and
        ``largest_error_m`` of the last 10 s; ``wander_m``, standard deviation in the last 30 s;
        ``changes``, the part of readings there that differ from the one before.
    """
    time = log.time[step] - log.time[step.start]
    before, after = log.reference[step.start - 1], log.reference[step.start]
    error = log.altitude[step] - after
    over = error * math.copysign(1.0, after - before)
    way = 1.0 + over / abs(after - before)
    peak = int(np.argmax(over[time < 20.0]))
    period = float(np.median(np.diff(time)))
    width = max(round(3.0 / period), 1)
    smooth = np.convolve(error, np.ones(width) / width, "valid")
    outside = np.flatnonzero(np.abs(smooth) > _SETTLED)
    last, wander = time > time[-1] - _REST, time > time[-1] - _WANDER
    return {
        "rise_s": _first(time, way >= 0.9) - _first(time, way >= 0.1),
        "peak_s": float(time[peak]),
        "overshoot_m": float(over[peak]),
        "settling_s": float(time[outside[-1]]) if len(outside) else 0.0,
        "mean_error_m": float(error[last].mean()),
        "largest_error_m": float(np.abs(error[last]).max()),
        "wander_m": float(error[wander].std()),
        "changes": float(np.mean(np.abs(np.diff(error[wander])) > 1e-6)),
    }


def _first(time: Array, reached: NDArray[np.bool_]) -> float:
    return float(time[np.argmax(reached)]) if reached.any() else math.nan


def simulated(log: Log, controller: str, seed: int) -> Log:
    """The flight that the simulated blimp makes of a log's references, read at the log's times."""
    ticks = round(log.time[-1] / CONTROL_PERIOD) + 1
    rows = np.searchsorted(log.time, np.arange(ticks) * CONTROL_PERIOD + 1e-6, "right") - 1
    body = Body(world("heavy", start=max(float(log.altitude[0]), 0.05)))
    # The robot's own PID goes on integrating while its command is cut off.
    pid = REAL_PID if controller == "pid" else None
    flown_by = AltitudeController(make_law(controller, pid))
    flight = follow(body, flown_by, seed, log.reference[rows])
    readings = flight.reading[np.round(log.time / CONTROL_PERIOD).astype(int)]
    # Too close to be measured on the floor, as the altimeter takes it.
    return Log(log.time, np.where(np.isfinite(readings), readings, 0.1), log.reference)


def compare(logs: Mapping[str, Log], seeds: int) -> list[Row]:
    """Metrics of each step of real flights beside those of simulated ones.

    Args:
        logs: By the name of the control law that flies in simulation.
        seeds: Simulated flights of each.

    Returns:
        A row for each law, size of step and metric: the real flight's mean, the simulated flights'
        mean, and the 5 to 95 % range of single simulated steps; whether it was calibrated to.
    """
    rows: list[Row] = []
    for law, log in logs.items():
        flights = [simulated(log, law, seed) for seed in range(seeds)]
        steps = steps_of(log)
        sizes = [_size(log, step) for step in steps]
        for size in dict.fromkeys(sizes):
            these = [step for step, its in zip(steps, sizes, strict=True) if its == size]
            real = [step_metrics(log, step) for step in these]
            ours = [step_metrics(flight, step) for flight in flights for step in these]
            for name in _METRICS:
                values = np.array([each[name] for each in ours])
                low, high = np.nanpercentile(values, [5, 95])
                rows.append(
                    {
                        "controller": law,
                        "step": size,
                        "metric": name,
                        "real": float(np.nanmean([each[name] for each in real])),
                        "simulated": float(np.nanmean(values)),
                        "low": float(low),
                        "high": float(high),
                        "calibrated": law == "pid" and name in CALIBRATED,
                    }
                )
    return rows


def _size(log: Log, step: slice) -> str:
    return f"{log.reference[step.start] - log.reference[step.start - 1]:+.1f} m"


def draw(logs: Mapping[str, Log], seeds: int, path: Path) -> None:
    """Draw real flights over simulated ones into a PNG file, a panel for each control law."""
    with figure(path, 11, 1 + 2.8 * len(logs)) as drawn:
        panels = np.atleast_1d(drawn.subplots(len(logs), 1, sharex=True))
        for panel, (law, log) in zip(panels, logs.items(), strict=True):
            for seed in range(seeds):
                ours = simulated(log, law, seed)
                label = f"simulated, {law}" if seed == 0 else None
                panel.plot(ours.time, ours.altitude, color="C0", lw=0.6, alpha=0.6, label=label)
            panel.plot(log.time, log.altitude, color="tab:red", lw=1.2, label="real")
            panel.step(log.time, log.reference, "k--", lw=0.8, where="post", label="reference")
            panel.set(ylabel="altitude (m)")
            panel.legend(loc="upper left", ncols=3, fontsize=8)
            panel.grid(alpha=0.3)
        panels[-1].set(xlabel="time (s)")
