# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""One rollout of a task: course, robot, gait layer at 500 Hz, policy at 10 Hz, and the judges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.command_mux import CommandSources
from neuro_control.quadruped.control.controller import QuadrupedController
from neuro_control.quadruped.control.robots import find_robot
from neuro_control.quadruped.control.types import PERIOD
from neuro_control.quadruped.simulation.body import Body
from neuro_control.quart.control.actions import POLICY_PERIOD, TERMINATE, gait_command
from neuro_control.quart.control.judge import WATCHED, Moment, StrictJudge, published
from neuro_control.quart.control.tasks import Task
from neuro_control.quart.simulation.course import Course, Witness
from neuro_control.quart.simulation.scenery import PLAIN, Scenery

Array = NDArray[np.float64]

_EVERY = round(POLICY_PERIOD / PERIOD)


class Guide(Protocol):
    """Whoever commands a robot on its course: a policy, a script or the expert."""

    def reset(self, task: Task) -> None:
        """A new task begins."""

    def act(self, body: Body, moment: Moment, controller: QuadrupedController) -> Array:
        """Action of a moment, (12,)."""


@dataclass(frozen=True)
class Outcome:
    """What came of a rollout.

    Attributes:
        published: Whether it passed the published test.
        strict: Whether it passed the strict test, ended in time.
        done: Whether it passed the strict test but for its end.
        failed: Why it failed strictly; empty if it did not.
        touched: Whether the robot touched what it should not.
        terminated: Whether it said that it has ended.
        fell: Whether the robot fell.
        seconds: Duration, s.
        speed: Mean speed from the start to the end, along its way, m/s.
    """

    published: bool
    strict: bool
    done: bool
    failed: str
    touched: bool
    terminated: bool
    fell: bool
    seconds: float
    speed: float


def rollout(
    course: Course,
    task: Task,
    guide: Guide,
    seed: int = 0,
    scenery: Scenery = PLAIN,
    watch: Any = None,
    watch_period: float = POLICY_PERIOD,
) -> Outcome:
    """Let a robot do a task.

    Args:
        course: A course that has what the task needs.
        task: The task.
        guide: Commands the robot.
        seed: Seed of the start and of the sensors' noise.
        scenery: What surrounds the task.
        watch: Called with the body, the moment of the last action, and that action, if given.
        watch_period: Time between two of these calls, s; a part of that between two actions.
    """
    course.arrange(task, scenery)
    body = Body(course.world())
    body.reset(np.random.default_rng(seed))
    controller = QuadrupedController(find_robot(course.robot))
    witness, judge = Witness(course, body), StrictJudge(task)
    guide.reset(task)
    passed, ended, way = False, None, 0.0
    watched = round(watch_period / PERIOD)
    moment = witness.moment(0.0)
    for step in range(round((task.seconds + WATCHED) / PERIOD)):
        now = step * PERIOD
        if step % _EVERY == 0:
            before, moment = moment, witness.moment(now, ended is not None)
            way += float(np.linalg.norm(moment.position - before.position))
            judge.see(moment)
            passed |= now <= task.seconds and published(task, moment)
            late = now > task.seconds if ended is None else now > ended + WATCHED
            if late or judge.success or body.fallen or (judge.failed and passed):
                break
            action = guide.act(body, moment, controller)
            if action[TERMINATE] > 0.5 and ended is None:
                ended = now
            sources = CommandSources.constant(gait_command(action))
        if watch is not None and step % watched == 0:
            watch(body, moment, action)
        body.step(controller.step(body.observation, now, sources).efforts)
        witness.look()
    return Outcome(
        published=passed,
        strict=judge.success and not body.fallen,
        done=judge.done and not judge.failed,
        failed="it fell" if body.fallen else judge.reason,
        touched=judge.touched,
        terminated=ended is not None,
        fell=body.fallen,
        seconds=moment.time,
        speed=way / max(ended or moment.time, POLICY_PERIOD),
    )
