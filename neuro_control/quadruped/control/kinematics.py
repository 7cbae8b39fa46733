# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Kinematics of the legs, compiled: pure functions on arrays.

Everything is in the trunk's frame (x forward, y left, z up); legs are in the order of
``types.LEGS`` and described by ``Robot.legs``. With the hip's angle q0 about x, thigh's q1 and
calf's q2 about y, a foot stands at

    h + Rx(q0) (Ry(q1) (0, s, -l) + Ry(q1 + q2) (fx, 0, fz)).
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# A knee keeps this far from being stretched, rad: there the Jacobian would lose its rank.
_STRETCHED = 0.15


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def foot(leg: Array, q: Array, position: Array, jacobian: Array) -> None:
    """Write a foot's middle (3,), m, and its Jacobian (3, 3), m/rad.

    Args:
        leg: A row of ``Robot.legs``.
        q: Angles of hip, thigh and calf, (3,), rad.
        position: Out.
        jacobian: Out.
    """
    s0, c0 = math.sin(q[0]), math.cos(q[0])
    s1, c1 = math.sin(q[1]), math.cos(q[1])
    s12, c12 = math.sin(q[1] + q[2]), math.cos(q[1] + q[2])
    xc = leg[5] * c12 + leg[6] * s12
    zc = -leg[5] * s12 + leg[6] * c12
    x, z = xc - leg[4] * s1, zc - leg[4] * c1
    y = leg[3] * c0 - z * s0
    up = leg[3] * s0 + z * c0
    position[0] = leg[0] + x
    position[1] = leg[1] + y
    position[2] = leg[2] + up
    jacobian[0, 0], jacobian[1, 0], jacobian[2, 0] = 0.0, -up, y
    jacobian[0, 1], jacobian[1, 1], jacobian[2, 1] = z, x * s0, -x * c0
    jacobian[0, 2], jacobian[1, 2], jacobian[2, 2] = zc, xc * s0, -xc * c0


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def contact(leg: Array, q: Array, down: Array, position: Array, jacobian: Array) -> None:
    """As ``foot``, but of the point of the foot that touches the ground.

    The foot is a ball that rolls: what stands still on the ground is not its middle.

    Args:
        leg: A row of ``Robot.legs``.
        q: Angles of hip, thigh and calf, (3,), rad.
        down: Way from the ball's middle to the ground, (3,), m.
        position: Out.
        jacobian: Out.
    """
    foot(leg, q, position, jacobian)
    s0, c0 = math.sin(q[0]), math.cos(q[0])
    position += down
    jacobian[1, 0] -= down[2]
    jacobian[2, 0] += down[1]
    # Thigh and calf turn about (0, c0, s0).
    for j in (1, 2):
        jacobian[0, j] += c0 * down[2] - s0 * down[1]
        jacobian[1, j] += s0 * down[0]
        jacobian[2, j] -= c0 * down[0]


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def angles(leg: Array, position: Array, q: Array) -> None:
    """Write the angles (3,), rad, that bring a foot's middle to ``position``, knee backwards.

    Where the leg doesn't reach, it stretches towards it.
    """
    x, y, z = position[0] - leg[0], position[1] - leg[1], position[2] - leg[2]
    side = leg[3]
    below = -math.sqrt(max(y * y + z * z - side * side, 1e-6))
    q[0] = math.atan2(z, y) - math.atan2(below, side)
    if q[0] > math.pi:
        q[0] -= 2 * math.pi
    elif q[0] < -math.pi:
        q[0] += 2 * math.pi
    thigh, calf = leg[4], math.hypot(leg[5], leg[6])
    cosine = (x * x + below * below - thigh * thigh - calf * calf) / (2 * thigh * calf)
    knee = -max(math.acos(min(max(cosine, -1.0), 1.0)), _STRETCHED)
    q[2] = knee - math.atan2(-leg[5], -leg[6])
    q[1] = math.atan2(-x, -below) - math.atan2(calf * math.sin(knee), thigh + calf * math.cos(knee))


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def centre_of_mass(
    robot: Any, q: Array, dq: Array, gravity: Array, com: Array, velocity: Array, torque: Array
) -> None:
    """Write the whole's centre of mass, its velocity against the trunk, and gravity's torques.

    Args:
        robot: ``Robot.record``.
        q: Angles, (12,), rad.
        dq: Speeds, (12,), rad/s.
        gravity: Acceleration of gravity in the trunk's frame, (3,), m/s².
        com: Out, (3,), m.
        velocity: Out, (3,), m/s.
        torque: Out, (12,), N m: what holds the links of legs that hang.
    """
    own = robot[0]
    masses, coms = own.masses, own.coms
    total = masses[0] + 4 * (masses[1] + masses[2] + masses[3])
    com[:] = masses[0] * own.base_com
    velocity[:] = 0.0
    at = np.empty(3)
    for i in range(4):
        leg = own.legs[i]
        s0, c0 = math.sin(q[3 * i]), math.cos(q[3 * i])
        for j in range(3):
            torque[3 * i + j] = 0.0
        for link in range(3):
            c = coms[i, link]
            x, y, z = c[0], c[1], c[2]
            xk = zk = 0.0
            if link == 2:
                angle = q[3 * i + 1] + q[3 * i + 2]
                s, co = math.sin(angle), math.cos(angle)
                x, z = co * c[0] + s * c[2], -s * c[0] + co * c[2]
                xk, zk = x, z
                x -= leg[4] * math.sin(q[3 * i + 1])
                z -= leg[4] * math.cos(q[3 * i + 1])
            elif link == 1:
                s, co = math.sin(q[3 * i + 1]), math.cos(q[3 * i + 1])
                x, z = co * c[0] + s * c[2], -s * c[0] + co * c[2]
            if link > 0:
                y += leg[3]
            at[0], at[1], at[2] = x, c0 * y - s0 * z, s0 * y + c0 * z
            mass = masses[1 + link]
            for k in range(3):
                com[k] += mass * (leg[k] + at[k])
            for j in range(link + 1):
                if j == 0:
                    vx, vy, vz = 0.0, -at[2], at[1]
                elif j == 1:
                    vx, vy, vz = z, x * s0, -x * c0
                else:
                    vx, vy, vz = zk, xk * s0, -xk * c0
                speed = dq[3 * i + j]
                velocity[0] += mass * vx * speed
                velocity[1] += mass * vy * speed
                velocity[2] += mass * vz * speed
                torque[3 * i + j] -= mass * (vx * gravity[0] + vy * gravity[1] + vz * gravity[2])
    com /= total
    velocity /= total
