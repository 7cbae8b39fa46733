# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Networks and PIDs on the same flights: usual ones, trims, and what none was tuned to.

Flight k of a condition has the same start, noise, draughts and gusts whoever flies it, so that
differences are between flights that are alike but for the controller.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.altitude import AltitudeController
from neuro_control.blimp.control.laws import make_law
from neuro_control.blimp.control.types import CONTROL_PERIOD
from neuro_control.blimp.evaluation.metrics import metrics
from neuro_control.blimp.evaluation.rollout import COURSE, HOLD, follow
from neuro_control.blimp.simulation.body import Body
from neuro_control.blimp.simulation.conditions import HEAVINESS, FlightConditions, conditions
from neuro_control.blimp.simulation.electronics import pull_of
from neuro_control.blimp.simulation.world import max_thrust, world
from neuro_control.cli.evaluation import interval
from neuro_control.cli.experiments import Row

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
    for trim in (-8.0, -5.0, -1.0, 1.0, 5.0, 8.0):
        found[f"trim {trim:+g}"] = Condition(FlightConditions(heaviness=trimmed(trim)))
    changes: dict[str, dict[str, float]] = {
        "mass 1.5": {"mass": 1.5},
        "thrust 0.6": {"thrust": 0.6},
        "prompt": {"delay": 0.0},
        "delay 0.4 s": {"delay": 0.4},
        "calm": {"draught": 0.0},
        "draughts x 2": {"draught": 0.006},
        "noise 5 mm": {"noise": 0.005},
        "half lost": {"lost": 0.5},
    }
    for name, change in changes.items():
        found[name] = Condition(dataclasses.replace(heavy, **change))
    found["held 30 s"] = Condition(FlightConditions(heaviness=HEAVINESS, start=1.2), held=30.0)
    return found


def fly(task: tuple[str, Condition, int]) -> Row:
    """Metrics of one flight of a controller: a task."""
    controller, condition, seed = task
    body = Body(world(**dataclasses.asdict(condition.given)))
    set_points = np.repeat(COURSE, round(HOLD / CONTROL_PERIOD))
    flown_by = AltitudeController(make_law(controller))
    found = metrics(follow(body, flown_by, seed, set_points, condition.held))
    return {name: found[name] for name in (*METRICS, "energy", "synops_per_s")}


def tasks(controllers: Sequence[str], seeds: int) -> list[tuple[Row, tuple[str, Condition, int]]]:
    """Label and task of each flight."""
    return [
        ({"condition": name, "controller": controller, "seed": seed}, (controller, condition, seed))
        for name, condition in flight_conditions().items()
        for controller in controllers
        for seed in range(FIRST_SEED, FIRST_SEED + seeds)
    ]


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
