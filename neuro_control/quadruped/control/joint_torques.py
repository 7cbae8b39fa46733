# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Joint commands of legs in stance, which push by forces, and in swing, which follow targets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control import kinematics
from neuro_control.quadruped.control.settings import Settings, number

Array = NDArray[np.float64]

# Speeds and accelerations of a joint that no swing needs, rad/s and rad/s².
_FASTEST, _MOST_ACCELERATION = 25.0, 400.0


@dataclass(frozen=True)
class JointSettings(Settings):
    """Gains of the joints."""

    stiffness: float = number(60.0, "Stiffness of legs in swing, N m/rad", 0.0, 500.0)
    damping: float = number(2.0, "Damping of legs in swing, N m s/rad", 0.0, 20.0)
    friction_share: float = number(
        0.7, "Share of the joints' friction that is compensated", 0.0, 1.0
    )
    friction_speed: float = number(
        0.5, "Speed of a joint at which its dry friction is fully there, rad/s", 0.01, 10.0
    )


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def are_finite(positions: Array, velocities: Array, efforts: Array) -> bool:
    """Whether all numbers of a joint command are finite: quicker than by arrays."""
    total = 0.0
    for j in range(positions.size):
        # What is not finite stays so.
        total += 0.0 * positions[j] + 0.0 * velocities[j] + 0.0 * efforts[j]
    return total == 0.0


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _friction(robot: Any, settings: Any, joint: int, speed: float) -> float:
    """Torque that compensates a share of a joint's friction, N m."""
    own, r = settings[0], robot[0]
    dry = r.friction[joint] * math.tanh(speed / own.friction_speed)
    found: float = own.friction_share * (dry + r.damping[joint] * speed)
    return found


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def command_joints(
    motion: Any, estimate: Any, robot: Any, settings: Any, q: Array, dq: Array, forces: Array,
    positions: Array, velocities: Array, efforts: Array,
) -> None:  # fmt: skip
    """Write joint commands.

    Args:
        motion: ``tracking.MOTION``.
        estimate: ``Estimator.state``.
        robot: ``Robot.record``.
        settings: ``JointSettings.record``.
        q: Angles, (12,), rad.
        dq: Speeds, (12,), rad/s.
        forces: Forces of the ground on the feet, level frame that looks ahead, (4, 3), N.
        positions: Out, (12,), rad.
        velocities: Out, (12,), rad/s.
        efforts: Out, (12,), N m.
    """
    m, own, r = motion[0], settings[0], robot[0]
    foot, jacobian, angles = np.empty(3), np.empty((3, 3)), np.empty(3)
    for i in range(4):
        at = slice(3 * i, 3 * i + 3)
        if m.stance[i]:
            force = forces[i] @ m.level
            positions[at] = q[at]
            velocities[at] = dq[at]
            efforts[at] = m.holding[at] - force @ estimate[0].jacobians[i]
            for j in range(3):
                efforts[3 * i + j] += _friction(robot, settings, j, dq[3 * i + j])
        else:
            kinematics.angles(r.legs[i], m.targets[i], angles)
            kinematics.foot(r.legs[i], angles, foot, jacobian)
            inverse = np.linalg.inv(jacobian)
            speed = inverse @ m.speeds[i]
            acceleration = inverse @ m.accelerations[i]
            for j in range(3):
                k = 3 * i + j
                speed[j] = min(max(speed[j], -_FASTEST), _FASTEST)
                acceleration[j] = min(max(acceleration[j], -_MOST_ACCELERATION), _MOST_ACCELERATION)
                positions[k] = angles[j]
                velocities[k] = speed[j]
                efforts[k] = (
                    own.stiffness * (angles[j] - q[k])
                    + own.damping * (speed[j] - dq[k])
                    + r.reflected[j] * acceleration[j]
                    + m.holding[k]
                    + _friction(robot, settings, j, speed[j])
                )
        for j in range(3):
            k = 3 * i + j
            efforts[k] = min(max(efforts[k], -r.torque[j]), r.torque[j])
