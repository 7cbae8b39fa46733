# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Readers of the robot's messages: shapes, names, and ranges of sensors that work."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Imu, JointState

from neuro_control.quadruped.control.types import JOINTS
from neuro_control.ros.messages import JointReader, Rejected, read_imu

Array = NDArray[np.float64]

# What joints can't measure unless they are broken, rad/s.
_SPEED = 200.0
# What the IMU can't: angular velocity, rad/s, and acceleration, m/s².
_MOTION = np.array([[100.0], [2000.0]])


class JointsReader:
    """Reads angles and speeds of all joints; the sensor monitor judges them.

    Attributes:
        speeds: Speeds of the joints by the last message, (12,), rad/s; 0 where it has none.
    """

    def __init__(self) -> None:
        self._readers = [
            JointReader(JOINTS, field, gaps=True) for field in ("position", "velocity")
        ]
        self.speeds = np.zeros(len(JOINTS))

    def __call__(self, message: JointState) -> Array:
        """Angles, rad, and speeds, rad/s, (2, 12).

        Raises:
            Rejected: A joint is missing, foreign or named twice.
        """
        try:
            read = np.array([reader(message) for reader in self._readers])
            if len(message.name) != len(JOINTS):
                foreign = [name for name in message.name if name not in JOINTS]
                raise Rejected("names", f"a quadruped has no joint {', '.join(foreign[:20])}")
        except Rejected:
            # A robot that goes down brakes with what can still be read.
            speeds = dict(zip(message.name, message.velocity, strict=False))
            self._keep(np.array([speeds.get(name, 0.0) for name in JOINTS]))
            raise
        self._keep(read[1])
        return read

    def _keep(self, speeds: Array) -> None:
        self.speeds = np.where(np.abs(speeds) < _SPEED, speeds, 0.0)


def read_body_imu(message: Imu) -> Array:
    """Angular velocity, rad/s, and acceleration, m/s², (2, 3).

    Raises:
        Rejected: They are not finite, or no robot moves like that.
    """
    measured = read_imu(message)
    if (np.abs(measured) > _MOTION).any():
        raise Rejected("range", f"no robot turns and is jolted like {measured.tolist()}")
    return measured
