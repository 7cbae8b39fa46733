# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Poses as pairs of position and quaternion (w, x, y, z), and what URDF writes of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import mujoco
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Beyond this sine of the pitch, roll and yaw turn about the same axis.
_GIMBAL_LOCK = 1.0 - 1e-12
# Numbers closer to 0 than this are rounding errors of the compilation.
_ZERO = 1e-12


def _no_rotation() -> Array:
    return np.array([1.0, 0.0, 0.0, 0.0])


@dataclass(frozen=True)
class Pose:
    """A frame within another.

    Attributes:
        position: Its origin, (3,), m.
        quaternion: Its attitude as w, x, y, z, (4,).
    """

    position: Array = field(default_factory=lambda: np.zeros(3))
    quaternion: Array = field(default_factory=_no_rotation)

    def __matmul__(self, other: Pose) -> Pose:
        """Pose of a frame that ``other`` gives within this one."""
        position, quaternion = np.empty(3), np.empty(4)
        mujoco.mju_mulPose(
            position, quaternion, self.position, self.quaternion, other.position, other.quaternion
        )
        return Pose(position, quaternion)

    @property
    def inverse(self) -> Pose:
        """Pose of the outer frame within this one."""
        position, quaternion = np.empty(3), np.empty(4)
        mujoco.mju_negPose(position, quaternion, self.position, self.quaternion)
        return Pose(position, quaternion)

    @property
    def matrix(self) -> Array:
        """Its rotation, (3, 3)."""
        matrix = np.empty(9)
        mujoco.mju_quat2Mat(matrix, self.quaternion)
        return matrix.reshape(3, 3)

    @property
    def rpy(self) -> Array:
        """Roll, pitch and yaw about fixed axes, (3,), rad, as URDF has them."""
        m = self.matrix
        if abs(m[2, 0]) > _GIMBAL_LOCK:
            pitch = math.copysign(math.pi / 2, -m[2, 0])
            return np.array([0.0, pitch, math.atan2(-m[0, 1], m[1, 1])])
        return np.array(
            [
                math.atan2(m[2, 1], m[2, 2]),
                math.asin(-m[2, 0]),
                math.atan2(m[1, 0], m[0, 0]),
            ]
        )


def rotated(matrix: list[list[float]]) -> Pose:
    """Pose of a rotation (3, 3) about the origin."""
    quaternion = np.empty(4)
    mujoco.mju_mat2Quat(quaternion, np.array(matrix, dtype=np.float64).ravel())
    return Pose(quaternion=quaternion)


def text(*numbers: float) -> str:
    """Numbers as an attribute in XML."""
    return " ".join(f"{0.0 if abs(number) < _ZERO else number:.9g}" for number in numbers)
