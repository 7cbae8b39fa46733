# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Readers of the robot's messages: shapes, names, and ranges of sensors that work."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Float64MultiArray

from neuro_control.quadruped.control.command import RANGES
from neuro_control.quadruped.control.types import JOINTS
from neuro_control.ros.messages import JointReader, Rejected, finite

Array = NDArray[np.float64]

# What joints can't measure unless they are broken, rad/s.
_SPEED = 200.0
# What the IMU can't: angular velocity, rad/s, and acceleration, m/s².
_MOTION = (100.0, 100.0, 100.0, 2000.0, 2000.0, 2000.0)


class JointsReader:
    """Reads angles and speeds of all joints; the sensor monitor judges them."""

    def __init__(self) -> None:
        self._readers = [
            JointReader(JOINTS, field, gaps=True) for field in ("position", "velocity")
        ]

    def __call__(self, message: JointState) -> Array:
        """Angles, rad, and speeds, rad/s, (2, 12).

        Raises:
            Rejected: A joint is missing, foreign or named twice.
        """
        read = np.array([reader(message) for reader in self._readers])
        if len(message.name) != len(JOINTS):
            foreign = [name for name in message.name if name not in JOINTS]
            raise Rejected("names", f"a quadruped has no joint {', '.join(foreign[:20])}")
        return read


def read_command(message: Float64MultiArray) -> tuple[float, ...]:
    """The 15 numbers of a gait command.

    Raises:
        Rejected: There are more or fewer, or one is not finite.
    """
    return tuple(finite("gait_command", message.data, len(RANGES)).tolist())


def read_stamped_command() -> Callable[[JointState], tuple[float, ...]]:
    """Reader of gait commands that have their numbers by name; raises as ``read_command`` does."""
    read = JointReader(list(RANGES))
    return lambda message: tuple(read(message).tolist())


def known_speeds(speeds: Array) -> Array:
    """Speeds (12,), rad/s, by which a robot that goes down may brake: 0 where they can't be so."""
    known: Array = np.where(np.abs(speeds) < _SPEED, speeds, 0.0)
    return known


def read_body_imu(message: Imu) -> Array:
    """Angular velocity, rad/s, and acceleration, m/s², (2, 3); the sensor monitor judges them.

    Numbers are missing, NaN, where they are not finite or no robot moves like that.
    """
    w, a = message.angular_velocity, message.linear_acceleration
    numbers = (w.x, w.y, w.z, a.x, a.y, a.z)
    measured = np.array(numbers).reshape(2, 3)
    if not all(-most <= number <= most for number, most in zip(numbers, _MOTION, strict=True)):
        measured[~(np.abs(measured) <= np.reshape(_MOTION, (2, 3)))] = np.nan
    return measured
