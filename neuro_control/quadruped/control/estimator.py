# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""State estimator: how the trunk moves, by the measurements of IMU, joints and feet.

An extended Kalman filter of the errors in attitude, velocity and the gyro's offset (9 numbers). The
IMU carries it on; each foot in stance is a measurement that its point of contact does not move,
three numbers at a time. Bloesch et al., "State Estimation for Legged Robots" (RSS 2012), without
the feet's positions: those are carried along (``feet``) and give the height above the ground.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control import kinematics
from neuro_control.quadruped.control.robots import Robot
from neuro_control.quadruped.control.settings import Settings, number
from neuro_control.quadruped.control.types import GRAVITY, PERIOD

Array = NDArray[np.float64]


@dataclass(frozen=True)
class EstimatorSettings(Settings):
    """Noise that the filter reckons with, as standard deviations, and its times."""

    gyro_noise: float = number(0.02, "Noise of the gyro, rad/s", 1e-5, 10.0)
    acceleration_noise: float = number(
        2.0, "Noise of the accelerometer with what impacts do to it, m/s²", 1e-3, 100.0
    )
    offset_noise: float = number(1e-3, "Drift of the gyro's offset, rad/s/√s", 0.0, 1.0)
    foot_noise: float = number(0.08, "Velocity of a foot in stance, m/s", 1e-3, 10.0)
    start: tuple[float, ...] = number(
        (0.03, 0.1, 0.01), "Deviations at the start: attitude, velocity, offset (rad, m/s, rad/s)",
        1e-6, 10.0,
    )  # fmt: skip
    slip: float = number(
        3.0, "Deviations beyond which a foot seems to slip and counts less", 0.1, 100.0
    )
    ground_time: float = number(0.08, "Time in which the ground's shape is believed, s", 0.002, 10)


# The filter's state, and what it knows of legs and ground; ``Estimator`` describes the fields.
_STATE = np.dtype(
    [
        ("rotation", np.float64, (3, 3)),
        ("imu_velocity", np.float64, (3,)),
        ("offset", np.float64, (3,)),
        ("covariance", np.float64, (9, 9)),
        ("velocity", np.float64, (3,)),
        ("rate", np.float64, (3,)),
        ("position", np.float64, (3,)),
        ("ground", np.float64, (3,)),
        ("feet", np.float64, (4, 3)),
        ("points", np.float64, (4, 3)),
        ("jacobians", np.float64, (4, 3, 3)),
    ]
)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _turn(rotation: Array, by: Array) -> None:
    """Turn a rotation by a rotation vector from the left, and keep it orthogonal."""
    angle = math.sqrt(by[0] ** 2 + by[1] ** 2 + by[2] ** 2)
    a = 1.0 - angle**2 / 6 if angle < 1e-4 else math.sin(angle) / angle
    b = 0.5 if angle < 1e-4 else (1 - math.cos(angle)) / angle**2
    k = np.array([[0.0, -by[2], by[1]], [by[2], 0.0, -by[0]], [-by[1], by[0], 0.0]])
    turned = rotation + a * (k @ rotation) + b * (k @ (k @ rotation))
    x = turned[:, 0] / math.sqrt((turned[:, 0] ** 2).sum())
    y = turned[:, 1] - (x * turned[:, 1]).sum() * x
    y /= math.sqrt((y**2).sum())
    rotation[:, 0] = x
    rotation[:, 1] = y
    rotation[0, 2] = x[1] * y[2] - x[2] * y[1]
    rotation[1, 2] = x[2] * y[0] - x[0] * y[2]
    rotation[2, 2] = x[0] * y[1] - x[1] * y[0]


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _carry_on(state: Any, noise: Any, rate: Array, acceleration: Array, period: float) -> None:
    """Carry the state on by the IMU."""
    s, own = state[0], noise[0]
    rotation, velocity, covariance = s.rotation, s.imu_velocity, s.covariance
    specific = rotation @ acceleration
    f = np.eye(9)
    for i in range(3):
        for j in range(3):
            f[i, 6 + j] = -period * rotation[i, j]
    f[3, 1], f[3, 2] = period * specific[2], -period * specific[1]
    f[4, 0], f[4, 2] = -period * specific[2], period * specific[0]
    f[5, 0], f[5, 1] = period * specific[1], -period * specific[0]
    covariance[:] = f @ covariance @ f.T
    for i in range(3):
        covariance[i, i] += (own.gyro_noise * period) ** 2
        covariance[3 + i, 3 + i] += (own.acceleration_noise * period) ** 2
        covariance[6 + i, 6 + i] += own.offset_noise**2 * period
    _turn(rotation, rotation @ ((rate - s.offset) * period))
    velocity += specific * period
    velocity[2] -= GRAVITY * period


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _correct(state: Any, slip: float, moving: Array, lever: Array, deviation: float) -> None:
    """A foot's point of contact, which moves by ``moving`` in the trunk's frame, stands still."""
    s = state[0]
    rotation, velocity, covariance = s.rotation, s.imu_velocity, s.covariance
    r = rotation @ moving
    h = np.zeros((3, 9))
    h[0, 1], h[0, 2] = r[2], -r[1]
    h[1, 0], h[1, 2] = -r[2], r[0]
    h[2, 0], h[2, 1] = r[1], -r[0]
    cross = np.array(
        [[0.0, -lever[2], lever[1]], [lever[2], 0.0, -lever[0]], [-lever[1], lever[0], 0.0]]
    )
    h[:, 6:] = rotation @ cross
    error = np.zeros(9)
    for axis in range(3):
        h[axis, 3 + axis] = 1.0
        row = h[axis]
        ph = covariance @ row
        innovation = -(velocity[axis] + r[axis]) - (row * error).sum()
        variance = (row * ph).sum() + deviation**2
        # Huber's weight: what is far out pulls no harder than what is at the edge.
        out = abs(innovation) / math.sqrt(variance) / slip
        if out > 1.0:
            variance += deviation**2 * (out**2 - 1.0) + (row * ph).sum() * (out - 1.0)
        gain = ph / variance
        error += gain * innovation
        for i in range(9):
            for j in range(9):
                covariance[i, j] -= gain[i] * ph[j]
    _turn(rotation, error[:3])
    velocity += error[3:6]
    s.offset += error[6:]


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _estimate(
    state: Any, robot: Any, noise: Any, rate: Array, acceleration: Array, q: Array, dq: Array,
    trust: Array, period: float,
) -> None:  # fmt: skip
    """Take an observation in; arguments are as ``Estimator.step`` has them."""
    s, own = state[0], robot[0]
    rotation, ground, feet, points, jacobians = s.rotation, s.ground, s.feet, s.points, s.jacobians
    _carry_on(state, noise, rate, acceleration, period)
    slope = math.sqrt(1.0 + ground[1] ** 2 + ground[2] ** 2)
    up = np.array([-ground[1] / slope, -ground[2] / slope, 1.0 / slope])
    down = -own.radius * (up @ rotation)
    for i in range(4):
        kinematics.contact(own.legs[i], q[3 * i : 3 * i + 3], down, points[i], jacobians[i])
        if trust[i] <= 0.0:
            continue
        lever = points[i] - own.imu
        turning = rate - s.offset
        moving = jacobians[i] @ dq[3 * i : 3 * i + 3]
        moving[0] += turning[1] * lever[2] - turning[2] * lever[1]
        moving[1] += turning[2] * lever[0] - turning[0] * lever[2]
        moving[2] += turning[0] * lever[1] - turning[1] * lever[0]
        _correct(state, noise[0].slip, moving, lever, noise[0].foot_noise / trust[i])
    s.rate[:] = rate - s.offset
    w, imu = s.rate, own.imu
    swing = np.empty(3)
    swing[0] = w[1] * imu[2] - w[2] * imu[1]
    swing[1] = w[2] * imu[0] - w[0] * imu[2]
    swing[2] = w[0] * imu[1] - w[1] * imu[0]
    s.velocity[:] = s.imu_velocity - rotation @ swing
    # Feet in stance are where the legs say; the others stay behind where they stood.
    for i in range(4):
        if trust[i] > 0.0:
            feet[i] = rotation @ points[i]
        else:
            feet[i] -= s.velocity * period
    # The plane through the feet, by least squares: height under the trunk, slopes along x and y.
    a = np.zeros((3, 3))
    b = np.zeros(3)
    for i in range(4):
        row = np.array([1.0, feet[i, 0], feet[i, 1]])
        for j in range(3):
            b[j] += row[j] * feet[i, 2]
            for k in range(3):
                a[j, k] += row[j] * row[k]
    a[1, 1] += 1e-3
    a[2, 2] += 1e-3
    plane = np.linalg.solve(a, b)
    ground[0] -= s.velocity[2] * period
    keep = min(period / noise[0].ground_time, 1.0)
    ground += keep * (plane - ground)
    s.position[:2] += s.velocity[:2] * period
    s.position[2] = -ground[0]


class Estimator:
    """Attitude, velocity, height and where the feet stand.

    Attributes:
        rotation: Rotation from the trunk's frame to a level one, (3, 3); yaw is since the start.
        velocity: Velocity of the trunk's origin in the level frame, (3,), m/s.
        rate: Angular velocity in the trunk's frame, (3,), rad/s.
        position: x and y since the start, by dead reckoning, and the height of the trunk's origin
            above the ground, (3,), m.
        ground: Ground under the trunk's origin, m, and its slope along the level frame's x and y,
            (3,).
        feet: Way from the trunk's origin to where each foot stands or last stood, level frame,
            (4, 3), m.
        points: Points of contact in the trunk's frame, (4, 3), m.
        jacobians: Jacobians of these points, (4, 3, 3).
        state: All of these, in a structured array of one row, which compiled functions take.

    Args:
        robot: Its numbers.
        settings: Noise that the filter reckons with.
    """

    def __init__(self, robot: Robot, settings: EstimatorSettings | None = None) -> None:
        self._robot, self._own = robot, settings or EstimatorSettings()
        self._noise = self._own.record()
        self.state = state = np.zeros(1, _STATE)
        self.rotation, self.position = state["rotation"][0], state["position"][0]
        self.velocity, self.rate = state["velocity"][0], state["rate"][0]
        self.ground, self.feet = state["ground"][0], state["feet"][0]
        self.points, self.jacobians = state["points"][0], state["jacobians"][0]
        self.reset(np.array([0.0, 0.0, GRAVITY]), np.tile([0.0, 0.9, -1.8], 4))

    def reset(self, acceleration: Array, angles: Array) -> None:
        """Begin at rest, level as the accelerometer says, with all feet on the ground."""
        up = acceleration / np.linalg.norm(acceleration)
        x = np.array([1.0, 0.0, 0.0]) - up[0] * up
        x /= np.linalg.norm(x)
        self.state[:] = np.zeros(1, _STATE)
        self.rotation[:] = np.stack([x, np.cross(up, x), up])
        self.state["covariance"] = np.diag(np.repeat(np.square(self._own.start), 3))
        down = -self._robot.radius * up
        for i in range(4):
            kinematics.contact(
                self._robot.legs[i], angles[3 * i : 3 * i + 3], down,
                self.points[i], self.jacobians[i],
            )  # fmt: skip
        self.feet[:] = self.points @ self.rotation.T
        self.ground[:] = self.feet[:, 2].mean(), 0.0, 0.0
        self.position[:] = 0.0, 0.0, -self.ground[0]

    def step(
        self, rate: Array, acceleration: Array, angles: Array, speeds: Array, trust: Array,
        period: float = PERIOD,
    ) -> None:  # fmt: skip
        """Take an observation in.

        Args:
            rate: Angular velocity by the gyro, (3,), rad/s.
            acceleration: Specific force by the accelerometer, (3,), m/s².
            angles: Angles of the joints, (12,), rad.
            speeds: Speeds of the joints, (12,), rad/s.
            trust: How far each foot is relied on to stand still, (4,), 0 to 1.
            period: Time since the last observation, s.
        """
        _estimate(
            self.state, self._robot.record, self._noise, rate, acceleration, angles, speeds,
            trust, period,
        )  # fmt: skip
