# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The estimator against motions that are known."""

import numpy as np
import pytest

from neuro_control.quadruped.control import kinematics
from neuro_control.quadruped.control.estimator import Estimator
from neuro_control.quadruped.control.robots import GO2

PERIOD = 0.002
STANDING = np.tile([0.0, 0.9, -1.8], 4)
UP = np.array([0.0, 0.0, 9.81])


def feet(angles):
    at, jacobian = np.empty((4, 3)), np.empty((3, 3))
    for i in range(4):
        kinematics.foot(GO2.legs[i], angles[3 * i : 3 * i + 3], at[i], jacobian)
    return at


def sliding(velocity, seconds):
    """Angles and speeds of legs whose feet stay while the trunk moves level at ``velocity``."""
    start, q = feet(STANDING), STANDING.copy()
    for k in range(round(seconds / PERIOD)):
        before = q.copy()
        for i in range(4):
            kinematics.angles(GO2.legs[i], start[i] - velocity * (k * PERIOD), q[3 * i : 3 * i + 3])
        yield q.copy(), (q - before) / PERIOD


def test_at_rest_it_finds_height_and_attitude_from_the_first_reading():
    tilt = 0.1
    estimator = Estimator(GO2)
    estimator.reset(9.81 * np.array([-np.sin(tilt), 0.0, np.cos(tilt)]), STANDING)
    assert np.arcsin(-estimator.rotation[2, 0]) == pytest.approx(tilt)
    estimator.reset(UP, STANDING)
    assert estimator.position[2] == pytest.approx(GO2.radius - feet(STANDING)[0, 2])


def test_feet_that_stand_tell_the_trunks_velocity():
    estimator = Estimator(GO2)
    estimator.reset(UP, STANDING)
    velocity = np.array([0.2, -0.1, 0.0])
    for k, (q, dq) in enumerate(sliding(velocity, 0.6)):
        if k < 10:
            continue  # the jump to its speed
        estimator.step(np.zeros(3), UP, q, dq, np.ones(4))
    # The ball under each foot rolls, so its middle moves on; the feet here stay.
    np.testing.assert_allclose(estimator.velocity[:2] / velocity[:2], 1.0, atol=0.15)
    assert abs(estimator.velocity[2]) < 0.01
    assert estimator.position[2] == pytest.approx(GO2.radius - feet(STANDING)[0, 2], abs=2e-3)


def test_it_learns_the_gyros_offset_and_stays_level():
    estimator = Estimator(GO2)
    estimator.reset(UP, STANDING)
    offset = np.array([0.01, -0.015, 0.0])
    for _ in range(10_000):
        estimator.step(offset, UP, STANDING, np.zeros(12), np.ones(4))
    np.testing.assert_allclose(estimator.rate[:2], 0.0, atol=2e-3)
    assert estimator.rotation[2, 2] > 0.99999


def test_in_flight_it_falls():
    estimator = Estimator(GO2)
    estimator.reset(UP, STANDING)
    for _ in range(50):
        estimator.step(np.zeros(3), np.zeros(3), STANDING, np.zeros(12), np.zeros(4))
    assert estimator.velocity[2] == pytest.approx(-9.81 * 0.1)
    np.testing.assert_allclose(
        estimator.feet[:, 2] + 0.1**2 / 2 * -9.81, feet(STANDING)[:, 2] - GO2.radius, atol=2e-3
    )


def test_a_foot_that_slips_pulls_less():
    def after(speed):
        estimator = Estimator(GO2)
        estimator.reset(UP, STANDING)
        dq = np.zeros(12)
        dq[1] = speed
        for _ in range(100):
            estimator.step(np.zeros(3), UP, STANDING, dq, np.ones(4))
        return np.linalg.norm(estimator.velocity)

    assert after(0.2) < 0.05
    assert after(20.0) < 5 * after(2.0)


def test_rotations_stay_rotations():
    estimator = Estimator(GO2)
    estimator.reset(UP, STANDING)
    rng = np.random.default_rng(0)
    for _ in range(1000):
        estimator.step(rng.normal(size=3) * 5, UP, STANDING, np.zeros(12), np.zeros(4))
    np.testing.assert_allclose(estimator.rotation @ estimator.rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(estimator.rotation) == pytest.approx(1.0)
