# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Fit of the heave dynamics to a real flight under the paper's PID.

The flight is simulated with the log's references, and what is fitted is made to reproduce the
measured altitudes of the twenty seconds after each step. Mass and the air that moves along are
taken from the robot's description: a flight tells only ratios to them.
"""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.types import CONTROL_PERIOD, FULL_COMMAND
from neuro_control.blimp.evaluation.real_flights import REAL_PID, Log, steps_of
from neuro_control.blimp.simulation.conditions import FlightConditions
from neuro_control.blimp.simulation.electronics import DUTY_OFFSET
from neuro_control.blimp.simulation.heave import Disturbances, pids_of, plant_of, simulate
from neuro_control.blimp.simulation.world import world
from neuro_control.cli.experiments import Row
from neuro_control.learning.evolution import CovarianceSearch

Array = NDArray[np.float64]

# What is fitted, with least and largest values; the delay, in control periods, is tried one by one.
_BOUNDS = {
    "thrust": (0.05, 0.4),
    "drag": (0.0, 1.0),
    "damping": (0.0, 0.2),
    "stiffness": (0.0, 0.02),
    "exponent": (0.5, 3.0),
    "reversal": (0.05, 1.2),
}
_DELAYS = (0, 1, 2, 3)
# The command at which the PID's flight rests: the weight follows from it.
_TRIM = 3.15
_AFTER = 20.0  # s after each step
_GENERATIONS, _POPULATION = 80, 16
# Time within which the first altitude is reached and the integral finds the trim, s.
_BEFORE = 60.0


def fit(log: Log, seed: int = 0) -> list[Row]:
    """Numbers of the heave dynamics that fit a flight best, beside the model's.

    Returns:
        A row for each number, and one for the error that is left, m.
    """
    found = [(*_fit(log, delay, seed), delay) for delay in _DELAYS]
    numbers, error, delay = min(found, key=lambda each: each[1])
    model = _plant(FlightConditions().delay)
    ours = np.array([model[name][0] for name in _BOUNDS])
    periods = int(model["delay"][0])
    rows: list[Row] = [
        {"number": name, "fitted": fitted, "model": value}
        for name, fitted, value in zip(_BOUNDS, numbers.tolist(), ours.tolist(), strict=True)
    ]
    rows.append(
        {
            "number": "delay",
            "fitted": delay * CONTROL_PERIOD,
            "model": periods * CONTROL_PERIOD,
        }
    )
    left = float(_errors(log, ours[None], periods)[0])
    return [*rows, {"number": "RMS error after steps, m", "fitted": error, "model": left}]


def _plant(delay: float) -> NDArray[np.void]:
    """Heave dynamics of the model, (1,)."""
    given = world("heavy")
    given.reset(mujoco.MjData(given.model), np.random.default_rng(0))
    return plant_of(given, delay)


def _fit(log: Log, delay: int, seed: int) -> tuple[Array, float]:
    lower, upper = np.array(list(_BOUNDS.values())).T
    model = _plant(0.0)
    start = np.array([model[name][0] for name in _BOUNDS])
    search = CovarianceSearch(
        start, population=_POPULATION, spread=0.1, seed=seed, bounds=(lower, upper)
    )
    best, least = start, float(_errors(log, start[None], delay)[0])
    for _ in range(_GENERATIONS):
        candidates = search.ask()
        errors = _errors(log, candidates, delay)
        search.tell(-errors)
        if errors.min() < least:
            best, least = candidates[int(errors.argmin())], float(errors.min())
    return best, least


def _errors(log: Log, candidates: Array, delay: int) -> Array:
    """RMS error (P,), m, after the steps of a flight, of candidates (P, numbers)."""
    before = round(_BEFORE / CONTROL_PERIOD)
    ticks = before + round(log.time[-1] / CONTROL_PERIOD) + 1
    steps = steps_of(log)
    first = steps[0].start - 1
    times = np.arange(ticks - before) * CONTROL_PERIOD
    rows = np.searchsorted(log.time, times + 1e-6, "right") - 1
    references = log.reference[np.maximum(rows, first)]
    references = np.concatenate([np.full(before, log.reference[first]), references])
    count = len(candidates)
    plants = np.repeat(_plant(0.0), count)
    for name, values in zip(_BOUNDS, candidates.T, strict=True):
        plants[name] = values
    plants["delay"] = delay
    duty = (DUTY_OFFSET + _TRIM / FULL_COMMAND) / (DUTY_OFFSET + 1.0)
    plants["weight"] = plants["thrust"] * duty ** plants["exponent"]
    none = np.zeros((count, ticks))
    start = np.full(count, log.reference[first])
    calm = Disturbances(none, none, none, none, none, start, np.zeros(count, np.int64))
    pid = pids_of(REAL_PID.numbers[None])
    flown = simulate(pid, np.repeat(references[None], count, axis=0), plants, calm)[0]
    total = np.zeros(count)
    for step in steps:
        within = np.flatnonzero(log.time[step] - log.time[step.start] < _AFTER) + step.start
        total += _best_shift(flown, log, within, before)
    return np.sqrt(total / len(steps))


def _best_shift(flown: Array, log: Log, rows: NDArray[np.int64], before: int) -> Array:
    """Mean squared error (P,) after a step whose time is known to a row of the log only."""
    period = round(float(np.median(np.diff(log.time))) / CONTROL_PERIOD)
    ticks = np.round(log.time[rows] / CONTROL_PERIOD).astype(int) + before
    found = [
        ((flown[:, np.minimum(ticks + shift, flown.shape[1] - 1)] - log.altitude[rows]) ** 2).mean(
            axis=1
        )
        for shift in range(period)
    ]
    least: Array = np.min(found, axis=0)
    return least
