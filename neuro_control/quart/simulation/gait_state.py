# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a gait layer in this process estimates, as a policy takes it."""

from __future__ import annotations

import math

import numpy as np

from neuro_control.quadruped.control.controller import QuadrupedController
from neuro_control.quart.control.state import RobotState


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
