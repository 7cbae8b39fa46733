# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a policy may observe, by source and name.

| source | topic | numbers |
| --- | --- | --- |
| ``odom`` | ``odom`` | ``x``, ``y``, ``z`` (m), ``roll``, ``pitch``, ``yaw`` (rad), ``forward``, ``left``, ``up`` (m/s, in the body), ``roll_rate``, ``pitch_rate``, ``yaw_rate`` (rad/s, in the body), ``gravity_x``, ``gravity_y``, ``gravity_z`` (direction of gravity in the body) |
| ``imu`` | ``imu/imu`` | ``roll_rate``, ``pitch_rate``, ``yaw_rate`` (rad/s), ``acceleration_x``, ``acceleration_y``, ``acceleration_z`` (m/s²) |
| ``joints`` | ``joint_states`` | ``JOINT.position`` (rad), ``JOINT.velocity`` (rad/s) |
| ``feet`` | ``foot_forces`` | the feet by name (N) |
| ``goal`` | ``goal_pose`` and ``odom`` | ``ahead``, ``left``, ``distance`` (m), ``bearing``, ``turn`` (to the goal's attitude; rad) |
| ``command`` | ``cmd_vel`` | ``forward``, ``left`` (m/s), ``yaw_rate`` (rad/s) |
| ``action`` | | all numbers of the last action: the network's output within its bounds, 0 at the start |
"""  # noqa: E501  # the table's rows

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_RATES = ("roll_rate", "pitch_rate", "yaw_rate")
ODOMETRY = (
    *("x", "y", "z", "roll", "pitch", "yaw", "forward", "left", "up", *_RATES),
    *("gravity_x", "gravity_y", "gravity_z"),
)
IMU = (*_RATES, "acceleration_x", "acceleration_y", "acceleration_z")
GOAL = ("ahead", "left", "distance", "bearing", "turn")
COMMAND = ("forward", "left", "yaw_rate")
JOINT_FIELDS = ("position", "velocity")

# Names of each source's numbers; None where the robot's own names count.
SOURCES: dict[str, tuple[str, ...] | None] = {
    "odom": ODOMETRY,
    "imu": IMU,
    "joints": None,
    "feet": None,
    "goal": GOAL,
    "command": COMMAND,
    "action": (),
}


def odometry_numbers(position: Array, quaternion: Array, linear: Array, angular: Array) -> Array:
    """Numbers of ``ODOMETRY``, (15,).

    Args:
        position: Position, (3,), m.
        quaternion: Attitude as w, x, y, z, (4,), of length 1.
        linear: Velocity in the body, (3,), m/s.
        angular: Angular velocity in the body, (3,), rad/s.
    """
    w, x, y, z = quaternion.tolist()
    roll = math.atan2(2.0 * (w * x + y * z), 1.0 - 2.0 * (x * x + y * y))
    pitch = math.asin(min(max(2.0 * (w * y - z * x), -1.0), 1.0))
    yaw = math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
    down = (-2.0 * (x * z - w * y), -2.0 * (y * z + w * x), -(1.0 - 2.0 * (x * x + y * y)))
    return np.array([*position, roll, pitch, yaw, *linear, *angular, *down])


def goal_numbers(goal: Array, place: Array) -> Array:
    """Numbers of ``GOAL``, (5,), of a goal and a robot that are each at x, y, yaw, (3,)."""
    x, y = (goal - place)[:2]
    yaw = float(place[2])
    ahead = math.cos(yaw) * x + math.sin(yaw) * y
    left = math.cos(yaw) * y - math.sin(yaw) * x
    turn = math.remainder(float(goal[2]) - yaw, math.tau)
    return np.array([ahead, left, math.hypot(x, y), math.atan2(left, ahead), turn])
