# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Odometry across the estimator's resets."""

import numpy as np

from neuro_control.quadruped.control.estimator import Estimator
from neuro_control.quadruped.control.odometry import LegOdometry
from neuro_control.quadruped.control.robots import GO2


def turned(yaw):
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def test_odometry_goes_on_where_it_was_when_the_estimator_begins_anew():
    odometry, estimator = LegOdometry(), Estimator(GO2)
    odometry.step("walking", estimator)
    estimator.position, estimator.rotation = np.array([2.0, 1.0, 0.3]), turned(np.pi / 2)
    odometry.step("walking", estimator)
    position, rotation = odometry.pose(estimator)
    np.testing.assert_allclose(position, [2.0, 1.0, 0.3])
    np.testing.assert_allclose(rotation, turned(np.pi / 2), atol=1e-12)
    for state in ("damping", "folding"):
        odometry.step(state, estimator)
        assert not odometry.estimating
    # It rises: the estimator is at its origin, looking ahead, and a metre ahead after a while.
    estimator.position, estimator.rotation = np.array([1.0, 0.0, 0.28]), turned(0.1)
    odometry.step("rising", estimator)
    position, rotation = odometry.pose(estimator)
    np.testing.assert_allclose(position, [2.0, 2.0, 0.28], atol=1e-12)
    np.testing.assert_allclose(rotation, turned(np.pi / 2 + 0.1), atol=1e-12)
    odometry.reset()
    np.testing.assert_allclose(odometry.pose(estimator)[0], [1.0, 0.0, 0.28])
