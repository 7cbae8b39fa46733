# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A gait layer in this process: what it estimates, as a policy takes it, and how it follows one."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.command_mux import CommandSources
from neuro_control.quadruped.control.controller import QuadrupedController
from neuro_control.quadruped.control.types import PERIOD
from neuro_control.quadruped.simulation.body import Body
from neuro_control.quart.control.actions import POLICY_PERIOD, gait_command
from neuro_control.quart.control.state import RobotState

_TICKS = round(POLICY_PERIOD / PERIOD)


def robot_state(controller: QuadrupedController) -> RobotState:
    """State of a robot as its controller estimates it."""
    estimator = controller.gait.estimator
    position, rotation = controller.odometry.pose(estimator)
    velocity = estimator.rotation.T @ estimator.velocity
    return RobotState(
        velocity=velocity[:2],
        yaw_rate=float(estimator.rate[2]),
        height=float(position[2]) - 0.3,
        pitch=-math.asin(min(max(float(rotation[2, 0]), -1.0), 1.0)),
        roll=math.atan2(rotation[2, 1], rotation[2, 2]),
        position=np.array(position[:2]),
        yaw=math.atan2(rotation[1, 0], rotation[0, 0]),
    )


def follow(
    body: Body,
    controller: QuadrupedController,
    action: NDArray[np.float64],
    now: float,
    after: Callable[[], None] = lambda: None,
) -> None:
    """Walk as an action says until the next one is due.

    Args:
        body: The robot.
        controller: Its gait layer.
        action: The action, (12,).
        now: Present time, s.
        after: Called after each period of the physics.
    """
    sources = CommandSources.constant(gait_command(action))
    for tick in range(_TICKS):
        answer = controller.step(body.observation, now + tick * PERIOD, sources)
        body.step(answer.efforts)
        after()
