# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Walks during which a component of the robot fails for a while, and what becomes of the robot.

The failures are those of docs/fault_injection.md, which a running simulation takes as its parameter
``injected_failures``; here they begin and end at times of the episode, and a run can be repeated.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from neuro_control.cli.experiments import Row
from neuro_control.quadruped.control.command import gait
from neuro_control.quadruped.evaluation import metrics
from neuro_control.quadruped.evaluation.rollout import RolloutSettings, rollout
from neuro_control.quadruped.evaluation.setting import Setting
from neuro_control.quadruped.simulation.body import FALLEN
from neuro_control.simulation.failures import parse

# What fails, in the words of fault injection; with none of them the robot walks on.
FAILURES = (
    "none", "imu delayed 0.02", "foot_force off", "motors slow 100", "motor:FL_calf off",
    "FL_calf off", "gyro off", "FL_calf_joint_angle stuck", "joint_position delayed 0.02",
    "gyro stuck", "gyro garbage", "gyro wrong", "accelerometer stuck",
)  # fmt: skip

_SPEED = 0.5  # m/s
# When a component fails, over how much more time the moments are spread by seeds, for how long it
# fails, and how long the robot is watched afterwards, s.
_BEGINS, _SPREAD, _LASTS, _WATCHED = 5.0, 0.7, 4.0, 5.0


@dataclass(frozen=True)
class FailedWalk:
    """One walk and what fails during it.

    Attributes:
        robot: go2 or go1.
        failure: One of ``FAILURES``.
        begins: When, s.
        seed: Seed of the start and of the sensors' noise.
    """

    robot: str
    failure: str
    begins: float
    seed: int


def draw(robot: str, failure: str, seed: int) -> FailedWalk:
    """A walk by a seed: with seed 0 the component fails at 5 s, with others up to 0.7 s later."""
    rng = np.random.default_rng([seed, 400])
    begins = _BEGINS + (rng.uniform(0.0, _SPREAD) if seed else 0.0)
    return FailedWalk(robot, failure, float(begins), seed)


def fail(task: FailedWalk) -> Row:
    """What became of a robot: when it noticed, how it went down, and whether it walked again."""
    ends = task.begins + _LASTS
    effects = tuple(
        dataclasses.replace(each.effect, begins=task.begins, lasts=_LASTS)
        for each in parse(task.failure)
    )
    settings = RolloutSettings(
        task.robot, (gait("trot", forward=_SPEED),), seconds=ends + _WATCHED, seed=task.seed,
        effects=effects,
    )  # fmt: skip
    controller = settings.controller()
    record = rollout(
        settings.body(), controller, settings.command, settings.seconds, settings.seed,
        end_at_fall=False, probe=lambda: bool(controller.locomotion.monitor.remarks),
    )  # fmt: skip
    time, states = record.time, np.array(record.states)
    fails = (time >= task.begins) & (time < ends)
    noticed = fails & np.array(record.probed)
    # From when on it walks to the end.
    others = np.flatnonzero(states != "walking")
    walks = float(time[others[-1]]) if len(others) else 0.0
    again = others[-1] < len(states) - 1 if len(others) else True
    return {
        "noticed_s": float(time[noticed.argmax()] - task.begins) if noticed.any() else math.nan,
        **metrics.sensor_loss(record, task.begins, FALLEN),
        "lowest_m": float(record.truth.height[fails].min()),
        "state_at_end": str(states[fails][-1]),
        "walks": bool(again),
        "walks_again_s": max(walks - ends, 0.0) if again else math.nan,
    }


def failures(setting: Setting) -> list[Row]:
    """A trot at 0.5 m/s during which a component fails for 4 s: sensors, motors, and none."""
    tasks = [draw(robot, failure, seed) for robot in setting.robots for failure in FAILURES
             for seed in range(setting.seeds)]  # fmt: skip
    labelled = [
        (
            {
                "robot": task.robot, "failure": task.failure, "seed": task.seed,
                "begins_s": task.begins,
            },
            task,
        )
        for task in tasks
    ]  # fmt: skip
    return setting.run("failures", labelled, fail)
