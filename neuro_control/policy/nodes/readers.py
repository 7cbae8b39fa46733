# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Readers of what a policy observes: numbers by source, as ``control.sources`` names them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from sensor_msgs.msg import JointState

from neuro_control.policy.control.sources import JOINT_FIELDS, odometry_numbers
from neuro_control.ros.messages import JointReader, Rejected, finite

Array = NDArray[np.float64]


def read_odometry(message: Odometry) -> Array:
    """Numbers of ``sources.ODOMETRY``, (15,).

    Raises:
        Rejected: A number is not finite, or the attitude is no unit quaternion.
    """
    pose, twist = message.pose.pose, message.twist.twist
    p, q, v, w = pose.position, pose.orientation, twist.linear, twist.angular
    numbers = finite(
        "the odometry", [p.x, p.y, p.z, q.w, q.x, q.y, q.z, v.x, v.y, v.z, w.x, w.y, w.z], 13
    )
    if abs(float(np.linalg.norm(numbers[3:7])) - 1.0) > 1e-3:
        raise Rejected("attitude", f"the attitude {numbers[3:7]} is no unit quaternion")
    return odometry_numbers(numbers[:3], numbers[3:7], numbers[7:10], numbers[10:])


class JointNumbers:
    """Reads angles and, where they are wanted, speeds of joints.

    Args:
        names: The joints in the order wanted.
        speeds: Whether messages must have speeds; without, they count as 0.
    """

    def __init__(self, names: Sequence[str], speeds: bool) -> None:
        self._readers = [JointReader(names, field) for field in JOINT_FIELDS[: 1 + speeds]]
        self._count = len(names)

    def __call__(self, message: JointState) -> Array:
        """Angles, rad, and speeds, rad/s, (2, n).

        Raises:
            Rejected: As ``JointReader``.
        """
        numbers = np.zeros((2, self._count))
        for row, read in enumerate(self._readers):
            numbers[row] = read(message)
        return numbers
