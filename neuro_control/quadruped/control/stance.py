# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Forces of the feet in stance: the cost of what is to come, and a quadratic program for now.

The robot is one body that forces at the feet push (Di Carlo et al., "Dynamic Locomotion in the MIT
Cheetah 3 Through Convex Model-Predictive Control", IROS 2018). Over a cycle ahead, during which
feet come and go by the schedule, the linear-quadratic regulator's backward recursion gives what a
state will cost without looking at limits; that cost stands in the program of the present forces,
which keeps friction and torques. So the program has 12 numbers instead of 12 a stage, and is solved
anew in every control step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import daqp
import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.robots import Robot
from neuro_control.quadruped.control.settings import Settings, number
from neuro_control.quadruped.control.types import GRAVITY

Array = NDArray[np.float64]

STAGES = 20


@dataclass(frozen=True)
class StanceSettings(Settings):
    """What errors and forces cost, and what the ground bears."""

    error_cost: tuple[float, ...] = number(
        (8.0, 8.0, 8.0, 6.0, 6.0, 60.0, 0.08, 0.08, 0.1, 1.0, 1.0, 0.3),
        "Cost of errors of roll, pitch, yaw, x, y and z and of their speeds", 0.0, 1e4,
    )  # fmt: skip
    effort_cost: float = number(2e-5, "Cost of force, 1/N²", 1e-9, 1.0)
    friction: float = number(0.45, "Friction of the ground, as far as it is relied on", 0.05, 2.0)
    min_force: float = number(4.0, "Force of a foot in stance at least, N", 0.0, 50.0)
    max_load: float = number(
        1.6, "Force of a foot in stance at most, in weights of the robot", 0.3, 5.0
    )


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _stood(phase: float, duration: float) -> float:
    """Cycles that a foot has stood by an unwrapped phase."""
    whole = math.floor(phase)
    return whole * duration + min(phase - whole, duration)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _push(lever: Array, inverse: Array, mass: float, out: Array) -> None:
    """What a force at a lever does to a body, (6, 3): angular, then linear acceleration."""
    out[0, 0], out[0, 1], out[0, 2] = 0.0, -lever[2] * inverse[0], lever[1] * inverse[0]
    out[1, 0], out[1, 1], out[1, 2] = lever[2] * inverse[1], 0.0, -lever[0] * inverse[1]
    out[2, 0], out[2, 1], out[2, 2] = -lever[1] * inverse[2], lever[0] * inverse[2], 0.0
    for i in range(3):
        for j in range(3):
            out[3 + i, j] = 1.0 / mass if i == j else 0.0


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _solve(a: Array, b: Array) -> None:
    """Write the solution of a x = b, (6, 6), into ``b``: LAPACK would take longer to call."""
    for k in range(6):
        pivot = k
        for i in range(k + 1, 6):
            if abs(a[i, k]) > abs(a[pivot, k]):
                pivot = i
        if pivot != k:
            for j in range(6):
                a[k, j], a[pivot, j] = a[pivot, j], a[k, j]
                b[k, j], b[pivot, j] = b[pivot, j], b[k, j]
        for i in range(k + 1, 6):
            factor = a[i, k] / a[k, k]
            for j in range(k + 1, 6):
                a[i, j] -= factor * a[k, j]
            for j in range(6):
                b[i, j] -= factor * b[k, j]
    for k in range(5, -1, -1):
        for j in range(6):
            dot = b[k, j]
            for i in range(k + 1, 6):
                dot -= a[k, i] * b[i, j]
            b[k, j] = dot / a[k, k]


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _program(
    motion: Any, reference: Any, robot: Any, settings: Any, hessian: Array, gradient: Array
) -> None:
    """Write the quadratic program's cost for the forces of the feet in stance.

    Args:
        motion: ``tracking.MOTION``.
        reference: ``tracking.REFERENCE``.
        robot: ``Robot.record``.
        settings: ``StanceSettings.record``.
        hessian: Out, (12, 12).
        gradient: Out, (12,).
    """
    m, r, own = motion[0], reference[0], settings[0]
    error, disturbance, standing = m.error, m.unknown, m.stance
    levers, footholds, velocity, yaw_rate = m.levers, m.footholds, r.velocity, r.velocity[2]
    phases, duration, frequency = r.phases, r.duration, r.frequency
    mass, inverse = robot[0].mass, robot[0].inverse_inertia
    cost, effort = own.error_cost, own.effort_cost
    dt = 1.2 / (frequency * STAGES)
    half = 0.5 * dt * dt
    weight = mass * GRAVITY / (4.0 * duration)
    p = np.zeros((12, 12))
    for i in range(12):
        p[i, i] = cost[i] * 2.0
    linear = np.zeros(12)
    push = np.empty((6, 3))
    lever = np.empty(3)
    c, w, brought = np.empty((6, 6)), np.empty((6, 6)), np.empty((6, 6))
    pe, gain, n = np.empty((12, 6)), np.empty((12, 6)), np.empty((12, 12))
    free, wanted = np.empty(6), np.empty(6)
    for stage in range(STAGES - 1, -1, -1):
        time = stage * dt
        turned = yaw_rate * (time + 0.5 * dt)
        co, si = math.cos(turned), math.sin(turned)
        # What happens without the choice of forces: gravity, what is unknown, the curve.
        free[:3] = disturbance[:3]
        free[3] = disturbance[3] + yaw_rate * (si * velocity[0] + co * velocity[1])
        free[4] = disturbance[4] - yaw_rate * (co * velocity[0] - si * velocity[1])
        free[5] = disturbance[5] - GRAVITY
        # E' P E and P E, where E = (dt²/2, dt) makes changes of state of accelerations.
        for i in range(12):
            for j in range(6):
                pe[i, j] = half * p[i, j] + dt * p[i, 6 + j]
        for i in range(6):
            for j in range(6):
                w[i, j] = half * pe[i, j] + dt * pe[6 + i, j]
        if stage == 0:
            break
        c[:] = 0.0
        for foot in range(4):
            phase = phases[foot] + frequency * time
            part = (_stood(phase + frequency * dt, duration) - _stood(phase, duration)) / (
                frequency * dt
            )
            if part < 1e-3:
                continue
            if standing[foot] and (phase < duration or duration >= 1.0):
                lever[0] = levers[foot, 0] - velocity[0] * (time + 0.5 * dt)
                lever[1] = levers[foot, 1] - velocity[1] * (time + 0.5 * dt)
                lever[2] = levers[foot, 2]
            else:
                middle = phase + 0.5 * frequency * dt
                ahead = (0.5 * duration - min(middle - math.floor(middle), duration)) / frequency
                x = footholds[foot, 0] + velocity[0] * ahead
                y = footholds[foot, 1] + velocity[1] * ahead
                lever[0], lever[1] = co * x - si * y, si * x + co * y
                lever[2] = footholds[foot, 2]
            _push(lever, inverse, mass, push)
            for i in range(6):
                free[i] += part * push[i, 2] * weight
                for j in range(6):
                    dot = 0.0
                    for k in range(3):
                        dot += push[i, k] * push[j, k]
                    c[i, j] += part / effort * dot
        # (1 + C W)^-1 C is the part of what is wanted that forces will bring about.
        for i in range(6):
            for j in range(6):
                dot = 1.0 if i == j else 0.0
                for k in range(6):
                    dot += c[i, k] * w[k, j]
                brought[i, j] = dot
        _solve(brought, c)
        for i in range(12):
            for j in range(6):
                dot = 0.0
                for k in range(6):
                    dot += pe[i, k] * c[k, j]
                gain[i, j] = dot
        # Value of the state after the step, then of the state before it.
        for i in range(12):
            for j in range(i + 1):
                dot = p[i, j]
                for k in range(6):
                    dot -= gain[i, k] * pe[j, k]
                n[i, j] = dot
                n[j, i] = dot
        for i in range(12):
            for j in range(6):
                linear[i] += pe[i, j] * free[j]
        for i in range(6):
            wanted[i] = half * linear[i] + dt * linear[6 + i]
        for i in range(12):
            for j in range(6):
                linear[i] -= gain[i, j] * wanted[j]
        for i in range(6):
            linear[6 + i] += dt * linear[i]
        for i in range(6):
            for j in range(6):
                a, b, d = n[i, j], n[i, 6 + j], n[6 + i, 6 + j]
                p[i, j] = a
                p[i, 6 + j] = b + dt * a
                p[6 + i, j] = n[6 + i, j] + dt * a
                p[6 + i, 6 + j] = d + dt * (b + n[6 + i, j]) + dt * dt * a
        for i in range(12):
            p[i, i] += cost[i]
    # The present stage: x1 = A e + E (G u + free).
    now = error.copy()
    for i in range(6):
        now[i] += dt * error[6 + i] + half * free[i]
        now[6 + i] += dt * free[i]
    pull = p @ now + linear
    for i in range(6):
        wanted[i] = half * pull[i] + dt * pull[6 + i]
    pushes = np.zeros((6, 12))
    count = 0
    for foot in range(4):
        if standing[foot]:
            _push(levers[foot], inverse, mass, push)
            pushes[:, 3 * count : 3 * count + 3] = push
            count += 1
    size = 3 * count
    g = np.ascontiguousarray(pushes[:, :size])
    gw = np.ascontiguousarray(g.T) @ w
    hessian[:size, :size] = gw @ g
    gradient[:size] = np.ascontiguousarray(g.T) @ wanted
    for i in range(size):
        hessian[i, i] += effort
        if i % 3 == 2:
            gradient[i] -= effort * weight


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _limits(motion: Any, robot: Any, settings: Any, rows: Array, low: Array, high: Array) -> int:
    """Write bounds of the forces, then friction's rows, then the torques'; return the feet.

    Args:
        motion: ``tracking.MOTION``.
        robot: ``Robot.record``.
        settings: ``StanceSettings.record``.
        rows: Out, (28, 12).
        low: Out, (40,).
        high: Out, (40,).
    """
    m, own, torque = motion[0], settings[0], robot[0].torque
    standing, jacobians, gravity, slope = m.stance, m.jacobians, m.holding, m.slope
    friction, least = own.friction, own.min_force
    most = own.max_load * robot[0].mass * GRAVITY
    count = 0
    for foot in range(4):
        count += standing[foot]
    size = 3 * count
    k = 0
    rows[:] = 0.0
    for foot in range(4):
        if not standing[foot]:
            continue
        low[3 * k], low[3 * k + 1], low[3 * k + 2] = -most, -most, least
        high[3 * k], high[3 * k + 1], high[3 * k + 2] = most, most, most
        for side in range(4):
            row = 4 * k + side
            along = side // 2
            sign = 1.0 if side % 2 else -1.0
            # Along the ground, which rises, against its normal.
            rows[row, 3 * k] = friction * slope[0]
            rows[row, 3 * k + 1] = friction * slope[1]
            rows[row, 3 * k + 2] = -friction + sign * slope[along]
            rows[row, 3 * k + along] += sign
            low[size + row], high[size + row] = -1e30, 0.0
        for joint in range(3):
            row = 4 * count + 3 * k + joint
            for axis in range(3):
                rows[row, 3 * k + axis] = -jacobians[foot, axis, joint]
            held = gravity[3 * foot + joint]
            low[size + row] = min(-torque[joint] - held, -1.0)
            high[size + row] = max(torque[joint] - held, 1.0)
        k += 1
    return count


class Stance:
    """Forces of the feet in stance.

    Args:
        robot: Its numbers.
        settings: What errors and forces cost.
    """

    def __init__(self, robot: Robot, settings: StanceSettings | None = None) -> None:
        self._robot, self._weight = robot.record, robot.mass * GRAVITY
        self._settings = (settings or StanceSettings()).record()
        self._hessian, self._gradient = np.empty((12, 12)), np.empty(12)
        self._rows, self._low, self._high = np.empty((28, 12)), np.empty(40), np.empty(40)

    def forces(self, motion: NDArray[Any], reference: NDArray[Any]) -> Array:
        """Forces of the ground on the feet, (4, 3), N; zero for feet that are not in stance.

        Everything is in the frame that is level and looks ahead with the trunk.

        Args:
            motion: ``tracking.MOTION``: tracking errors, accelerations of unknown cause, stance,
                levers, footholds, Jacobians, holding torques and slopes.
            reference: ``tracking.REFERENCE``: velocity and contact schedule.
        """
        forces = np.zeros((4, 3))
        rows, low, high = self._rows, self._low, self._high
        count = _limits(motion, self._robot, self._settings, rows, low, high)
        if count == 0:
            return forces
        _program(motion, reference, self._robot, self._settings, self._hessian, self._gradient)
        stance = motion["stance"][0].view(np.bool_)
        size, more = 3 * count, 7 * count
        found, _, flag, _ = daqp.solve(
            np.ascontiguousarray(self._hessian[:size, :size]),
            self._gradient[:size],
            np.ascontiguousarray(rows[:more, :size]),
            high[: size + more],
            low[: size + more],
            np.zeros(size + more, dtype=np.int32),
        )
        if flag > 0:
            forces[stance] = found.reshape(-1, 3)
        else:
            # Torques and least forces can contradict each other where a leg is folded up.
            forces[stance, 2] = self._weight / count
        return forces
