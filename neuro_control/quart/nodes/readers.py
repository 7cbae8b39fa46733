# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Readers of what the policy's node receives beside pictures: odometry and instructions."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from std_msgs.msg import String

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.language import words_of
from neuro_control.quart.control.state import RobotState
from neuro_control.ros.messages import Rejected, finite

Array = NDArray[np.float64]

# Height of the trunk from which a state's is counted, m.
_HEIGHT = 0.3
# What no quadruped does; odometry that says so has lost itself: m/s, rad/s, m.
_FASTEST, _TURNS, _FARTHEST = 10.0, 50.0, 1e6


class Instruction(NamedTuple):
    """An instruction as it was received.

    Attributes:
        text: Its words; cut off where they are too many.
        problem: Why nobody can follow it; empty if somebody may.
    """

    text: str
    problem: str


def read_instruction(message: String) -> Instruction:
    """The instruction in a message. One that can't be followed is one to stop.

    A robot that went on by the instruction before would do what nobody wants any more.
    """
    try:
        words_of(message.data)
    except ConfigurationError as error:
        return Instruction(message.data[:80], str(error))
    return Instruction(message.data, "")


def read_odometry(message: Odometry) -> Array:
    """Position, attitude and speeds of the trunk, (13,), of its estimated odometry.

    Position, m; attitude as w, x, y, z; linear and angular velocity of the body, m/s and rad/s.

    Raises:
        Rejected: A number is not finite or beyond what a quadruped does, or the attitude is no
            unit quaternion.
    """
    pose, twist = message.pose.pose, message.twist.twist
    p, q, v, w = pose.position, pose.orientation, twist.linear, twist.angular
    numbers = finite(
        "the odometry", [p.x, p.y, p.z, q.w, q.x, q.y, q.z, v.x, v.y, v.z, w.x, w.y, w.z], 13
    )
    if abs(float(np.linalg.norm(numbers[3:7])) - 1.0) > 1e-3:
        raise Rejected("attitude", f"the attitude {numbers[3:7]} is no unit quaternion")
    sizes = [np.abs(numbers[a:b]).max() for a, b in ((0, 3), (7, 10), (10, 13))]
    if sizes[0] > _FARTHEST or sizes[1] > _FASTEST or sizes[2] > _TURNS:
        raise Rejected("range", f"no quadruped has the position and speeds {numbers}")
    return numbers


def robot_state(numbers: Array) -> RobotState:
    """State of a robot of the numbers (13,) of ``read_odometry``."""
    w, x, y, z = numbers[3:7].tolist()
    return RobotState(
        velocity=numbers[7:9],
        yaw_rate=float(numbers[12]),
        height=float(numbers[2]) - _HEIGHT,
        pitch=math.asin(min(max(2.0 * (w * y - z * x), -1.0), 1.0)),
        roll=math.atan2(2.0 * (w * x + y * z), 1.0 - 2.0 * (x * x + y * y)),
        position=numbers[:2],
        yaw=math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z)),
    )
