# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.places.control.poses import covariance


def pose(x, y, yaw):
    return np.array([x, y, 0.0, 0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2)])


def test_worked_by_hand():
    poses = np.stack([pose(1, 2, 0.1), pose(4, 2, 0.3), pose(1, 0, 3.0)])
    # Of the weights 4 : 1 : 0 the second place has a fifth: 3 m along x and 0.2 rad about z.
    found = covariance(poses, np.array([5.0, 2.0, 1.0]), position=0.5, angle=0.1)
    expected = np.diag([0.25 + 9 / 5, 0.25, 0.25, 0.01, 0.01, 0.01 + 0.04 / 5])
    expected[0, 5] = expected[5, 0] = 3 * 0.2 / 5
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_one_place_and_places_that_are_equally_good():
    alone = covariance(pose(1, 2, 3)[None], np.array([7.0]), 2.0, 0.5)
    np.testing.assert_allclose(alone, np.diag([4, 4, 4, 0.25, 0.25, 0.25]))
    two = covariance(np.stack([pose(0, 0, 0), pose(0, 4, 0)]), np.array([1.0, 1.0]), 0.0, 0.0)
    np.testing.assert_allclose(two, np.diag([0, 8, 0, 0, 0, 0]))


def test_rotations_take_the_short_way_about_the_fixed_axes():
    # From a yaw of 90 degrees, a further roll of the body is a turn about the map's y.
    start = pose(0, 0, math.pi / 2)
    roll = np.array([math.sin(0.1), 0.0, 0.0, math.cos(0.1)])
    x, y, z, w = start[3:]
    rx, ry, rz, rw = roll
    turned = np.array(
        [
            w * rx + x * rw + y * rz - z * ry,
            w * ry - x * rz + y * rw + z * rx,
            w * rz + x * ry - y * rx + z * rw,
            w * rw - x * rx - y * ry - z * rz,
        ]
    )
    for sign in (1.0, -1.0):  # a quaternion and its negative are one attitude
        poses = np.stack([start, np.concatenate([start[:3], sign * turned])])
        found = covariance(poses, np.array([1.0, 1.0]), 0.0, 0.0)
        expected = np.zeros((6, 6))
        expected[4, 4] = 0.2**2 / 2
        np.testing.assert_allclose(found, expected, atol=1e-12)


@given(
    st.lists(
        st.tuples(
            st.floats(-1e3, 1e3),
            st.floats(-1e3, 1e3),
            st.floats(-10, 10),
            st.floats(-1e3, 1e3, width=32),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_a_covariance_is_one_whatever_the_scores(places):
    scores = np.array(sorted((score for *_, score in places), reverse=True))
    poses = np.stack([pose(x, y, yaw) for x, y, yaw, _ in places])
    found = covariance(poses, scores, 1.0, 0.2)
    np.testing.assert_allclose(found, found.T, atol=1e-300)
    assert np.linalg.eigvalsh(found).min() >= 0.03
    assert found[5, 5] <= math.pi**2 + 0.04 + 1e-9
