# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Networks and PIDs on the same flights: usual ones, trims, and what none was tuned to.

Flight k of a condition has the same body, noise, draughts and gusts whoever flies it, so that
differences are between flights that are alike but for the controller. They are flights of the
compiled heave dynamics, a thousand in the time that MuJoCo takes for three; ``evaluate`` flies the
usual conditions in MuJoCo.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.laws import make_law
from neuro_control.blimp.control.pid import PID
from neuro_control.blimp.control.spiking_controller import SpikingController
from neuro_control.blimp.control.types import CONTROL_PERIOD
from neuro_control.blimp.evaluation.metrics import metrics
from neuro_control.blimp.evaluation.rollout import COURSE, HOLD
from neuro_control.blimp.evaluation.trajectory import Trajectory
from neuro_control.blimp.simulation.conditions import HEAVINESS, FlightConditions, conditions
from neuro_control.blimp.simulation.electronics import (
    DRAUGHT_TIME,
    GUST_RISE,
    GUST_TIME,
    pull_of,
)
from neuro_control.blimp.simulation.heave import (
    Controllers,
    Disturbances,
    networks_of,
    pids_of,
    plant_of,
    simulate,
)
from neuro_control.blimp.simulation.world import max_thrust, world
from neuro_control.blimp.training.tuning_flights import Flights, wandering
from neuro_control.cli.evaluation import interval
from neuro_control.cli.experiments import Row
from neuro_control.cli.progress import progress
from neuro_control.errors import ConfigurationError

Array = NDArray[np.float64]

CONTROLLERS = ("pid", "pid-filtered", "pid-tuned", "snn-evolved", "snn")
# Flights that nothing was tuned or chosen by begin with this seed.
FIRST_SEED = 1000
METRICS = (
    "rmse_m", "sse_m", "oscillation_m", "overshoot_up_m", "overshoot_down_m", "settling_s",
)  # fmt: skip
# Who is compared, and with whom.
OURS, RIVAL = "snn", "pid-tuned"


class Condition(NamedTuple):
    """What a flight is flown under.

    Attributes:
        given: Its conditions.
        held: Time for which somebody holds the blimp at its start, s.
    """

    given: FlightConditions
    held: float = 0.0


def trimmed(trim: float) -> float:
    """Heaviness, kg, of a blimp that a command of ``trim``, of 10, holds."""
    full = max_thrust(world("neutral").model)
    return math.copysign(pull_of(trim), trim) * full / 9.81


def flight_conditions() -> dict[str, Condition]:
    """Conditions of the comparison, by name."""
    heavy = conditions("heavy")
    usual = ("heavy", "neutral", "gust", "lossy", "sagging", "varied")
    found = {name: Condition(conditions(name)) for name in usual}
    for trim in (-8.0, 1.0, 5.0, 8.0):
        found[f"trim {trim:+g}"] = Condition(FlightConditions(heaviness=trimmed(trim)))
    changes: dict[str, dict[str, float]] = {
        "mass 1.5": {"mass": 1.5},
        "thrust 0.6": {"thrust": 0.6},
        "delay 0.4 s": {"delay": 0.4},
        "draughts x 2": {"draught": 0.006},
        "half lost": {"lost": 0.5},
    }
    for name, change in changes.items():
        found[name] = Condition(dataclasses.replace(heavy, **change))
    found["held 30 s"] = Condition(FlightConditions(heaviness=HEAVINESS, start=1.2), held=30.0)
    return found


def flights_of(condition: Condition, seeds: Sequence[int]) -> Flights:
    """Set-points (F, T), m, plants (F,) and disturbances of flights of a condition, one a seed."""
    given, count = condition.given, len(seeds)
    set_points = np.repeat(COURSE, round(HOLD / CONTROL_PERIOD))
    body = world(**dataclasses.asdict(given))
    data, plants, random = mujoco.MjData(body.model), [], []
    for seed in seeds:
        body.reset(data, np.random.default_rng(seed))
        plants.append(plant_of(body, given.delay, given.sag))
        random.append(_random(given, len(set_points), np.random.default_rng([seed, 6])))
    age, error, lost, wind, draught = (np.array(each) for each in zip(*random, strict=True))
    start = np.full(count, given.start)
    held = np.full(count, round(condition.held / CONTROL_PERIOD), dtype=np.int64)
    disturbances = Disturbances(age, error, lost, wind, draught, start, held)
    return np.tile(set_points, (count, 1)), np.concatenate(plants), disturbances


def _random(given: FlightConditions, ticks: int, rng: np.random.Generator) -> tuple[Array, ...]:
    """Age and error of readings, losses, upward wind and draughts of one flight, each (T,)."""
    shape = (1, ticks)
    gust = given.gust * GUST_RISE * (rng.uniform() if given.spread else 1.0)
    return (
        rng.uniform(size=ticks),
        rng.normal(0.0, given.noise, ticks),
        (rng.uniform(size=ticks) < given.lost).astype(np.float64),
        gust * wandering(rng, shape, GUST_TIME)[0],
        given.draught * wandering(rng, shape, DRAUGHT_TIME)[0],
    )


def controllers_of(name: str) -> Controllers:
    """A control law by name, as the heave dynamics take it."""
    law = make_law(name)
    if isinstance(law, PID):
        return pids_of(law.settings.numbers[None])
    if not isinstance(law, SpikingController):
        raise ConfigurationError(f"{name} is no control law of the heave dynamics")
    pd, integral = law.pd, law.integral
    return networks_of((pd.design, pd.vector[None]), (integral.design, integral.vector[None]))


def compare(controllers: Sequence[str], seeds: int) -> list[Row]:
    """Metrics of each flight of each controller under each condition."""
    rows: list[Row] = []
    chosen = {name: controllers_of(name) for name in controllers}
    numbers = range(FIRST_SEED, FIRST_SEED + seeds)
    conditions = flight_conditions()
    with progress("flights", len(conditions) * len(chosen), "sets of flights") as show:
        for condition, each in conditions.items():
            flights = flights_of(each, numbers)
            for name, flown_by in chosen.items():
                altitudes = simulate(flown_by, *flights)[0]
                for seed, set_points, altitude in zip(numbers, flights[0], altitudes, strict=True):
                    label: Row = {"condition": condition, "controller": name, "seed": seed}
                    rows.append({**label, **metrics_of(set_points, altitude)})
                show(len(rows) // seeds)
    return rows


def metrics_of(set_points: Array, altitude: Array) -> Row:
    """Metrics of a flight along set-points (T,), m, of which the altitude (T,), m, is known."""
    time = CONTROL_PERIOD * np.arange(1, len(altitude) + 1, dtype=np.float64)
    none = np.zeros((len(altitude), 0))
    flight = Trajectory(time, set_points, altitude, np.zeros(len(altitude)), none, (), 0)
    found = metrics(flight)
    return {name: found[name] for name in METRICS}


def summarise(rows: list[Row]) -> list[Row]:
    """Means of each controller and condition, and where ours differs from its rival.

    ``better`` and ``worse`` name the metrics whose difference on the same flights has a 95 %
    bootstrap interval that leaves 0 out.
    """
    found: list[Row] = []
    for condition, controller in dict.fromkeys((r["condition"], r["controller"]) for r in rows):
        own = _of(rows, condition, controller)
        row: Row = {"condition": condition, "controller": controller}
        row |= {name: float(np.nanmean([each[name] for each in own])) for name in METRICS}
        rival = _of(rows, condition, RIVAL)
        row["better"], row["worse"] = ("", "")
        if controller == OURS and rival:
            row["better"], row["worse"] = _judge(own, rival)
        found.append(row)
    return found


def _of(rows: Sequence[Mapping[str, Any]], condition: str, controller: str) -> list[Any]:
    return [r for r in rows if r["condition"] == condition and r["controller"] == controller]


def _judge(own: Sequence[Mapping[str, Any]], rival: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Names of the metrics in which ``own`` flights are better, and worse, than the rival's."""
    better, worse = [], []
    for name in METRICS:
        pairs = zip(own, rival, strict=True)
        difference = np.array([mine[name] - its[name] for mine, its in pairs])
        low, high = interval(difference, np.random.default_rng(0))
        if high < 0:
            better.append(name.rpartition("_")[0])
        elif low > 0:
            worse.append(name.rpartition("_")[0])
    return " ".join(better), " ".join(worse)
