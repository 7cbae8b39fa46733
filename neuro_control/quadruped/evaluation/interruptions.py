# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Walks that something outside the robot interrupts, and what becomes of the robot.

Observations are lost, a clock is set, or the controller's process is stopped for a while. Motors
keep the last torque while no command comes, and brake when that has lasted for ``command_timeout``,
as those of the free-running simulation of config/quadruped.yaml do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_control.cli.experiments import Row
from neuro_control.quadruped.control.command import gait
from neuro_control.quadruped.control.command_mux import CommandSources
from neuro_control.quadruped.control.controller import QuadrupedController
from neuro_control.quadruped.control.robots import find_robot
from neuro_control.quadruped.control.types import JOINTS, PERIOD
from neuro_control.quadruped.evaluation.setting import Setting
from neuro_control.quadruped.simulation.body import Body, world

Array = NDArray[np.float64]

KINDS = ("lost observations", "clock step", "stopped process")

_SPEED = 0.8  # m/s
# When it is interrupted at first, and over how much more time the moments are spread, s.
_BEGINS, _SPREAD = 1.5, 0.7
# Time that it has afterwards to rise again, and for which it must walk then, s.
_RISES, _WALKS = 10.0, 1.5
# One of so many steps looks at the height of the trunk.
_LOOKS = 5
# Time without a command after which motors brake, s, and their damping then, N m s/rad: as
# config/quadruped.yaml has them.
_COMMAND_TIMEOUT, _DAMPING = 0.05, 3.0
# A trunk that is lower has sat down, m.
_LOW = 0.2


@dataclass(frozen=True)
class Interruption:
    """One walk and what interrupts it.

    Attributes:
        robot: go2 or go1.
        kind: One of ``KINDS``.
        seconds: How long observations are lost or the process is stopped, or by how much the clock
            is set, s.
        begins: When, s.
        seed: Seed of the start and of the sensors' noise.
    """

    robot: str
    kind: str
    seconds: float
    begins: float
    seed: int


def draw(robot: str, kind: str, seed: int) -> Interruption:
    """An interruption by a seed: 5 to 200 ms are lost, ±10 ms to ±5 s set, up to 1 s stopped."""
    rng = np.random.default_rng([seed, KINDS.index(kind), 300])
    begins = _BEGINS + rng.uniform(0.0, _SPREAD)
    if kind == "lost observations":
        seconds = rng.uniform(0.005, 0.2)
    elif kind == "clock step":
        seconds = math.exp(rng.uniform(math.log(0.01), math.log(5.0))) * rng.choice([-1.0, 1.0])
    else:
        seconds = rng.uniform(0.005, 1.0)
    return Interruption(robot, kind, float(seconds), float(begins), seed)


class _Link:
    """What passes between robot and controller, while it is interrupted and otherwise."""

    def __init__(self, task: Interruption, controller: QuadrupedController) -> None:
        self._task, self._controller = task, controller
        self._sources = CommandSources.constant(gait("trot", forward=_SPEED))
        self._answered = self._commanded = 0.0
        self._efforts = np.zeros(len(JOINTS))

    def efforts(self, body: Body, time: float) -> Array:
        """Torques of the motors at a time, s."""
        task = self._task
        interrupted = task.begins <= time < task.begins + task.seconds
        if task.kind == "clock step" or not interrupted:
            stamp = time
            if task.kind == "clock step" and time >= task.begins:
                stamp += task.seconds
            self._answered = self._commanded = time
            self._efforts = self._controller.step(body.observation, stamp, self._sources).efforts
        elif task.kind == "lost observations":
            # The node goes on without them, and brakes by no speeds once it can't.
            self._commanded = time
            answer = self._controller.bridge(time - self._answered)
            self._efforts = np.zeros(len(JOINTS)) if answer is None else answer.efforts
        if time - self._commanded > _COMMAND_TIMEOUT:
            self._efforts = -_DAMPING * body.observation.speeds
        return self._efforts


def interrupt(task: Interruption) -> Row:
    """What became of a robot: whether it fell, sat down and walked in the end, and how softly."""
    body = Body(world(task.robot))
    body.reset(np.random.default_rng(task.seed))
    controller = QuadrupedController(find_robot(task.robot))
    link = _Link(task, controller)
    ends = task.begins + (0.0 if task.kind == "clock step" else task.seconds)
    fell, lowest, sinks, lean, walks = math.nan, math.inf, 0.0, 0.0, math.nan
    for k in range(round((ends + _RISES) / PERIOD)):
        time = k * PERIOD
        body.step(link.efforts(body, time))
        if time < task.begins:
            continue
        if body.fallen and math.isnan(fell):
            fell = time - task.begins
        if k % _LOOKS == 0:
            lowest = min(lowest, body.height)
        sinks = max(sinks, -float(body.data.qvel[2]))
        lean = max(lean, math.acos(min(max(float(body.rotation[2, 2]), -1.0), 1.0)))
        if time < ends or controller.state != "walking":
            walks = math.nan
        elif math.isnan(walks):
            walks = time
        elif time - walks > _WALKS:
            break
    return {
        "fell_s": fell,
        "sat_down": lowest < _LOW,
        "walks": not math.isnan(walks),
        "walks_again_s": walks - ends,
        "lowest_m": lowest,
        "sinks_mps": sinks,
        "lean_deg": math.degrees(lean),
    }


def interruptions(setting: Setting) -> list[Row]:
    """A trot at 0.8 m/s, interrupted once: lost observations, a clock step, a stopped process."""
    tasks = [draw(robot, kind, seed) for robot in setting.robots for kind in KINDS
             for seed in range(setting.seeds)]  # fmt: skip
    labelled = [
        (
            {
                "robot": task.robot, "kind": task.kind, "seed": task.seed,
                "begins_s": task.begins, "seconds": task.seconds,
            },
            task,
        )
        for task in tasks
    ]  # fmt: skip
    return setting.run("interruptions", labelled, interrupt)
