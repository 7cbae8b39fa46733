# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Chunks: what the expert does at a moment and in the second after it.

A policy that says several actions at once is trained on them (Zhao et al., "Learning fine-grained
bimanual manipulation with low-cost hardware", arXiv 2304.13705). The expert is asked along the way
that its own commands lead if the robot follows them exactly, so that a moment at random has a
chunk as a recorded one has, at a fraction of a simulation's cost.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from neuro_control.quart.control.actions import NUMBERS, POLICY_PERIOD
from neuro_control.quart.control.tasks import Task
from neuro_control.quart.training.expert import Pose, Progress, expert_action

Array = NDArray[np.float64]

CHUNK = 10
"""Number of actions of a chunk in a data set."""

ROLLING = 0.05
"""Speed at which the ball of "stop" rolls towards the robot, m/s."""

_FORWARD, _LEFT, _YAW_RATE = (NUMBERS.index(name) for name in ("forward", "left", "yaw_rate"))


def expert_chunk(
    task: Task, pose: Pose, progress: Progress, ball: Array | None = None, count: int = CHUNK
) -> Array:
    """Actions of the expert now and each 0.1 s after, (count, 12).

    Args:
        task: The task.
        pose: Where the robot is.
        progress: What the expert remembers; it is left as it is.
        ball: Position of the ball, (2,) or (3,), m, if the task has one that moves.
        count: Number of actions.
    """
    progress = dataclasses.replace(progress)
    rolls = task.skill == "stop" and ball is not None
    actions = []
    for step in range(count):
        action = expert_action(task, pose, progress, step * POLICY_PERIOD, ball)
        actions.append(action)
        pose = _followed(pose, action)
        if rolls and ball is not None:
            ball = np.array([ball[0] - ROLLING * POLICY_PERIOD, *ball[1:]])
    return np.array(actions)


def _followed(pose: Pose, action: Array) -> Pose:
    """The pose after a robot has followed an action exactly."""
    turn = action[_YAW_RATE] * POLICY_PERIOD
    middle = pose.yaw + 0.5 * turn
    c, s = math.cos(middle), math.sin(middle)
    ahead, left = action[_FORWARD] * POLICY_PERIOD, action[_LEFT] * POLICY_PERIOD
    position = pose.position + np.array([c * ahead - s * left, s * ahead + c * left])
    return Pose(position, math.remainder(pose.yaw + turn, 2.0 * math.pi))
