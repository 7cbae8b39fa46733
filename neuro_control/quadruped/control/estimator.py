"""How the trunk moves, from what the robot itself feels: IMU, joints and feet.

An extended Kalman filter of the errors in attitude, velocity and the gyro's offset (9 numbers). The
IMU carries it on; each foot that stands tells that its point of contact does not move, three
numbers at a time. Bloesch et al., "State Estimation for Legged Robots" (RSS 2012), without the
feet's positions: those are carried along (``feet``) and give the height above the ground.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control import kinematics
from neuro_control.quadruped.control.robots import Robot
from neuro_control.quadruped.control.types import GRAVITY

Array = NDArray[np.float64]

# Noise: of the gyro, rad/s; of the accelerometer with what impacts do to it, m/s²; of the gyro's
# offset, rad/s/√s; of a foot that stands, m/s.
_GYRO, _ACCELERATION, _OFFSET, _FOOT = 0.02, 2.0, 1e-3, 0.08
# What it begins with: rad, m/s, rad/s.
_START = (0.03, 0.1, 0.01)
# A foot that seems to move faster than this many standard deviations slips; it counts less.
_SLIP = 3.0
# How fast the ground's shape is believed, s.
_GROUND_TIME = 0.08


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
def _carry_on(
    rotation: Array, velocity: Array, offset: Array, covariance: Array,
    rate: Array, acceleration: Array, period: float,
) -> None:  # fmt: skip
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
        covariance[i, i] += (_GYRO * period) ** 2
        covariance[3 + i, 3 + i] += (_ACCELERATION * period) ** 2
        covariance[6 + i, 6 + i] += _OFFSET**2 * period
    _turn(rotation, rotation @ ((rate - offset) * period))
    velocity += specific * period
    velocity[2] -= GRAVITY * period


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _correct(
    rotation: Array, velocity: Array, offset: Array, covariance: Array,
    moving: Array, lever: Array, deviation: float,
) -> None:  # fmt: skip
    """A foot's point of contact, which moves by ``moving`` in the trunk's frame, stands still."""
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
        told = -(velocity[axis] + r[axis]) - (row * error).sum()
        variance = (row * ph).sum() + deviation**2
        # Huber's weight: what is far out pulls no harder than what is at the edge.
        out = abs(told) / math.sqrt(variance) / _SLIP
        if out > 1.0:
            variance += deviation**2 * (out**2 - 1.0) + (row * ph).sum() * (out - 1.0)
        gain = ph / variance
        error += gain * told
        for i in range(9):
            for j in range(9):
                covariance[i, j] -= gain[i] * ph[j]
    _turn(rotation, error[:3])
    velocity += error[3:6]
    offset += error[6:]


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _estimate(
    rotation: Array, velocity: Array, offset: Array, covariance: Array, feet: Array, ground: Array,
    position: Array, rate: Array, acceleration: Array, q: Array, dq: Array, trust: Array,
    legs: Array, radius: float, imu: Array, period: float,
    points: Array, jacobians: Array, out_velocity: Array, out_rate: Array,
) -> None:  # fmt: skip
    _carry_on(rotation, velocity, offset, covariance, rate, acceleration, period)
    slope = math.sqrt(1.0 + ground[1] ** 2 + ground[2] ** 2)
    up = np.array([-ground[1] / slope, -ground[2] / slope, 1.0 / slope])
    down = -radius * (up @ rotation)
    for i in range(4):
        kinematics.contact(legs[i], q[3 * i : 3 * i + 3], down, points[i], jacobians[i])
        if trust[i] <= 0.0:
            continue
        lever = points[i] - imu
        turning = rate - offset
        moving = jacobians[i] @ dq[3 * i : 3 * i + 3]
        moving[0] += turning[1] * lever[2] - turning[2] * lever[1]
        moving[1] += turning[2] * lever[0] - turning[0] * lever[2]
        moving[2] += turning[0] * lever[1] - turning[1] * lever[0]
        _correct(rotation, velocity, offset, covariance, moving, lever, _FOOT / trust[i])
    out_rate[:] = rate - offset
    w = out_rate
    swing = np.empty(3)
    swing[0] = w[1] * imu[2] - w[2] * imu[1]
    swing[1] = w[2] * imu[0] - w[0] * imu[2]
    swing[2] = w[0] * imu[1] - w[1] * imu[0]
    out_velocity[:] = velocity - rotation @ swing
    # Feet that stand are where the legs say; the others stay behind where they stood.
    for i in range(4):
        if trust[i] > 0.0:
            feet[i] = rotation @ points[i]
        else:
            feet[i] -= out_velocity * period
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
    ground[0] -= out_velocity[2] * period
    keep = period / _GROUND_TIME
    ground += keep * (plane - ground)
    position[:2] += out_velocity[:2] * period
    position[2] = -ground[0]


class Estimator:
    """Attitude, velocity, height and where the feet stand.

    Attributes:
        rotation: From the trunk's frame to one that is level, (3, 3); yaw is since the start.
        velocity: Of the trunk's origin in the level frame, (3,), m/s.
        rate: Angular velocity in the trunk's frame, (3,), rad/s.
        position: x and y since the start, by dead reckoning, and the height of the trunk's origin
            above the ground, (3,), m.
        ground: Ground under the trunk's origin, m, and its slope along the level frame's x and y,
            (3,).
        feet: From the trunk's origin to where each foot stands or last stood, level frame, (4, 3).
        points: Points of contact in the trunk's frame, (4, 3), m.
        jacobians: Theirs, (4, 3, 3).

    Args:
        robot: Its numbers.
        period: Time between two observations, s.
    """

    def __init__(self, robot: Robot, period: float) -> None:
        self._robot, self._period = robot, period
        self._legs, self._imu = robot.legs, np.array(robot.imu)
        self.reset(np.array([0.0, 0.0, GRAVITY]), np.tile([0.0, 0.9, -1.8], 4))

    def reset(self, acceleration: Array, angles: Array) -> None:
        """Begin at rest, level as the accelerometer says, with all feet on the ground."""
        up = acceleration / np.linalg.norm(acceleration)
        x = np.array([1.0, 0.0, 0.0]) - up[0] * up
        x /= np.linalg.norm(x)
        self.rotation = np.ascontiguousarray(np.stack([x, np.cross(up, x), up]))
        self.velocity, self._velocity = np.zeros(3), np.zeros(3)
        self.rate, self._offset = np.zeros(3), np.zeros(3)
        self._covariance = np.diag(np.repeat(np.square(_START), 3))
        self.points, self.jacobians = np.zeros((4, 3)), np.zeros((4, 3, 3))
        down = -self._robot.radius * up
        for i in range(4):
            kinematics.contact(
                self._legs[i], angles[3 * i : 3 * i + 3], down, self.points[i], self.jacobians[i]
            )
        self.feet = np.ascontiguousarray(self.points @ self.rotation.T)
        self.ground = np.array([self.feet[:, 2].mean(), 0.0, 0.0])
        self.position = np.array([0.0, 0.0, -self.ground[0]])

    def step(
        self, rate: Array, acceleration: Array, angles: Array, speeds: Array, trust: Array
    ) -> None:
        """Take an observation in.

        Args:
            rate: Of the gyro, (3,), rad/s.
            acceleration: Of the accelerometer, gravity's reaction included, (3,), m/s².
            angles: Of the joints, (12,), rad.
            speeds: Of the joints, (12,), rad/s.
            trust: How far each foot stands, (4,), 0 to 1.
        """
        _estimate(
            self.rotation, self._velocity, self._offset, self._covariance, self.feet, self.ground,
            self.position, rate, acceleration, angles, speeds, trust,
            self._legs, self._robot.radius, self._imu, self._period,
            self.points, self.jacobians, self.velocity, self.rate,
        )  # fmt: skip
