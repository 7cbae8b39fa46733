# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who may command a robot on its course: the policy, the expert, and those who can't see or read.

A task that a robot without eyes does by walking a way of its own says nothing about policies. So
each table has rows for whoever lacks something: scripts that only know the skill, the policy on
black pictures ("blind") and without the words for its target ("deaf"), and actions at random.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.controller import QuadrupedController
from neuro_control.quadruped.simulation.body import Body
from neuro_control.quadruped.simulation.camera import Camera
from neuro_control.quart.control.actions import POLICY_PERIOD, RANGES, TERMINATE
from neuro_control.quart.control.judge import Moment
from neuro_control.quart.control.policy import Policy
from neuro_control.quart.control.state import IDLE
from neuro_control.quart.control.tasks import Task
from neuro_control.quart.simulation.course import Course
from neuro_control.quart.simulation.gait_state import robot_state
from neuro_control.quart.training.expert import SPEEDS, Pose, Progress, expert_action

Array = NDArray[np.float64]


class Expert:
    """The privileged expert: it knows where everything stands."""

    def reset(self, task: Task) -> None:
        """A new task begins."""
        self._task, self._progress = task, Progress()

    def act(self, body: Body, moment: Moment, controller: QuadrupedController) -> Array:
        """Action of a moment, (12,)."""
        pose = Pose(moment.position, moment.yaw)
        return expert_action(self._task, pose, self._progress, moment.time, moment.ball)


class Seer:
    """A policy that sees through the camera at the robot's head, as far as it may.

    Args:
        policy: The policy.
        course: The course, whose camera it looks through.
        blind: Whether its pictures are black but for a spot, so that it sees nothing.
        deaf: Whether it is told the skill and no more: which object is meant is left out.
    """

    def __init__(
        self, policy: Policy, course: Course, *, blind: bool = False, deaf: bool = False
    ) -> None:
        self.policy, self._blind, self._deaf = policy, blind, deaf
        pixels = policy.network.size.image
        self._camera = Camera(course.model, "head", pixels, pixels)
        self.image = np.zeros((pixels, pixels, 3), np.uint8)

    def reset(self, task: Task) -> None:
        """A new task begins."""
        words = task.instruction
        if self._deaf:
            words = words.replace(f" {task.target.colour}", "")
        self.policy.reset(words)

    def act(self, body: Body, moment: Moment, controller: QuadrupedController) -> Array:
        """Action of a moment, (12,)."""
        self.image = self._camera.look(body.data)
        if self._blind:
            self.image = np.zeros_like(self.image)
            # A picture of one colour is refused: black that is not quite black is not.
            self.image[: len(self.image) // 8] = 20
        self.decision = self.policy.act(self.image, robot_state(controller), POLICY_PERIOD)
        return self.decision.action

    def close(self) -> None:
        """Release the graphics."""
        self._camera.close()


class Script:
    """A robot without eyes that knows the skill: it walks a way of its own, and ends.

    Args:
        seed: Seed of the side that it takes where it has to choose one.
    """

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)

    def reset(self, task: Task) -> None:
        """A new task begins."""
        self._task, self._side = task, self._rng.choice([-1.0, 1.0])

    def act(self, body: Body, moment: Moment, controller: QuadrupedController) -> Array:
        """Action of a moment, (12,)."""
        task, action = self._task, IDLE.copy()
        skill, speed = task.skill, SPEEDS[task.manner]
        way = speed * moment.time
        far = {"tunnel": 4.4, "crawl": 3.2, "unload": 2.3, "stop": 2.3}.get(skill, 2.3)
        action[1] = speed
        # To the middle of one of the two objects: 0.75 m aside on a way of 3 m.
        wanted = 0.0 if skill == "crawl" else self._side * math.atan2(0.75, 3.0)
        if skill == "tunnel":
            wanted = self._side * math.atan2(0.75, 2.0) if way < 2.1 else 0.0
        if skill == "avoid":
            wanted = self._side * (0.45 if way < 1.8 else 0.0)
        action[3] = float(np.clip(2.0 * (wanted - moment.yaw), -1.0, 1.0))
        if skill == "crawl":
            action[4], action[9] = -0.195, 0.04
        if way > far:
            action[1:4] = 0.0
            if skill == "unload" and way < far + 3.0 * speed:
                action[10] = 0.4
            elif skill != "stop" or way > far + 8.0 * speed:
                action[TERMINATE] = 1.0
        return action


class Random:
    """Actions at random, each for half a second.

    Args:
        seed: Their seed.
    """

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)

    def reset(self, task: Task) -> None:
        """A new task begins."""
        self._until, self._action = 0.0, IDLE.copy()

    def act(self, body: Body, moment: Moment, controller: QuadrupedController) -> Array:
        """Action of a moment, (12,)."""
        if moment.time >= self._until:
            self._until = moment.time + 0.5
            self._action = IDLE.copy()
            self._action[1:4] = self._rng.uniform(*RANGES[1:4].T)
            self._action[TERMINATE] = float(self._rng.random() < 0.02)
        return self._action
