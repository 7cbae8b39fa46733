# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the quadruped's control modules share: observation, joint command, constants."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PERIOD = 0.002
"""Time between two control steps, s: the gait controller was made for this one."""

GRAVITY = 9.81
"""Acceleration of gravity, m/s²."""

LEGS = ("FL", "FR", "RL", "RR")
JOINTS = tuple(f"{leg}_{part}_joint" for leg in LEGS for part in ("hip", "thigh", "calf"))

# Signs of each leg: +1 in front and -1 behind, +1 on the left and -1 on the right.
FORWARD = np.array([1.0, 1.0, -1.0, -1.0])
LEFT = np.array([1.0, -1.0, 1.0, -1.0])


class Observation(NamedTuple):
    """What the robot measures.

    Attributes:
        rate: Angular velocity by the gyro, (3,), rad/s.
        acceleration: Specific force by the accelerometer, gravity's reaction included, (3,), m/s².
        angles: Angles of the joints, (12,), rad.
        speeds: Speeds of the joints, (12,), rad/s.
        forces: Forces with which the feet press, (4,), N.
    """

    rate: Array
    acceleration: Array
    angles: Array
    speeds: Array
    forces: Array


class JointCommand(NamedTuple):
    """What is commanded of the joints, each (12,).

    Attributes:
        positions: Reference angles, rad; the measured angles for legs in stance.
        velocities: Reference speeds, rad/s.
        efforts: Torques, all in all, N m.
    """

    positions: Array
    velocities: Array
    efforts: Array
