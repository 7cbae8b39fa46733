"""Which readings are relied on, by readings made up."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.quadruped.control.sensor_monitor import Senses
from neuro_control.quadruped.control.types import JOINTS, PERIOD, Observation


def readings(k):
    """Joints that swing to and fro, as they would be felt at step ``k``."""
    time = k * PERIOD + 0.1 * np.arange(12)
    return Observation(
        np.array([0.1, 0.0, 0.01 * k]), np.array([0.0, 0.0, 9.81]),
        0.3 * np.sin(10 * time), 3.0 * np.cos(10 * time), np.full(4, 30.0),
    )  # fmt: skip


def felt(senses, begin, end, change=lambda k, each: each):
    for k in range(begin, end):
        checked = senses.check(change(k, readings(k)), stepping=True)
    return checked


def at(joint, angle=None, speed=None):
    def change(k, each):
        angles, speeds = each.angles.copy(), each.speeds.copy()
        if angle is not None:
            angles[joint] = angle(k, angles[joint])
        if speed is not None:
            speeds[joint] = speed(k, speeds[joint])
        return each._replace(angles=angles, speeds=speeds)

    return change


def test_good_readings_pass_as_they_are():
    senses = Senses()
    for k in range(2000):
        for one, other in zip(senses.check(readings(k), True), readings(k), strict=True):
            np.testing.assert_array_equal(one, other)
    assert senses.sound
    assert senses.remarks == []


@pytest.mark.parametrize(
    ("change", "words", "within"),
    [
        (at(4, angle=lambda k, was: math.nan), "tells no number", 6),
        (at(4, speed=lambda k, was: math.inf), "tells no number", 6),
        (at(4, angle=lambda k, was: was + 0.5), "jumps", 6),
        (at(4, speed=lambda k, was: was + 100.0), "jumps", 6),
        (at(4, speed=lambda k, was: was + 5.0), "doesn't turn as fast as it says", 25),
        (at(4, angle=lambda k, was: 0.3, speed=lambda k, was: 0.0), "", 50),
    ],
)
def test_a_lost_joint_is_told(change, words, within):
    senses = Senses()
    felt(senses, 0, 100)
    checked = felt(senses, 100, 100 + within, change)
    assert np.flatnonzero(senses.lost).tolist() == [4]
    assert senses.remarks[0].startswith(f"the sensor of {JOINTS[4]} {words}")
    assert np.isfinite(checked.angles).all()
    assert checked.speeds[4] == 0.0
    np.testing.assert_array_equal(checked.speeds[5:], readings(99 + within).speeds[5:])


def test_frozen_joints_are_told_only_while_legs_move():
    for stepping in (True, False):
        senses = Senses()
        for _ in range(60):
            senses.check(readings(0)._replace(speeds=np.zeros(12)), stepping)
        assert senses.lost.any() == stepping


def test_ten_milliseconds_are_bridged_along_the_last_speed():
    senses = Senses()
    felt(senses, 0, 100)
    checked = felt(senses, 100, 105, at(7, angle=lambda k, was: math.nan))
    assert senses.sound
    assert checked.angles[7] == pytest.approx(readings(104).angles[7], abs=0.01)
    felt(senses, 105, 300)
    assert senses.sound


def test_who_tells_numbers_again_counts_after_a_second_but_not_who_went_astray():
    for change, back in ((lambda k, was: math.nan, True), (lambda k, was: was + 0.5, False)):
        senses = Senses()
        felt(senses, 0, 100)
        felt(senses, 100, 150, at(7, angle=change))
        felt(senses, 150, 640)
        assert not senses.sound
        felt(senses, 640, 800)
        assert senses.sound == back


def test_an_imu_that_tells_no_number_is_bridged_then_lost_then_found():
    senses = Senses()
    felt(senses, 0, 10)
    nothing = lambda k, each: each._replace(rate=np.full(3, np.nan))  # noqa: E731
    felt(senses, 10, 15, nothing)
    assert senses.sound
    checked = felt(senses, 15, 16, nothing)
    assert senses.blind
    assert senses.remarks == ["the IMU tells no number"]
    assert np.isfinite(checked.rate).all()
    felt(senses, 16, 600)
    assert senses.sound


def test_a_foot_that_tells_no_number_stands_as_planned():
    senses = Senses()
    forces = np.array([math.nan, 1.0, 2.0, 3.0])
    checked = senses.check(readings(0)._replace(forces=forces), True)
    assert 4.0 < checked.forces[0] < 12.0
    np.testing.assert_array_equal(checked.forces[1:], forces[1:])
    assert senses.remarks == ["the foot sensor of FL tells no number"]
    assert senses.sound


@given(st.lists(st.tuples(st.integers(0, 33), st.floats(width=32)), min_size=1, max_size=60))
def test_whatever_comes_what_is_relied_on_is_finite(changes):
    senses = Senses()
    for k, (where, value) in enumerate(changes):
        numbers = np.concatenate(readings(k))
        numbers[where] = value
        parts = np.split(numbers, [3, 6, 18, 30])
        for each in senses.check(Observation(*parts), True):
            assert np.isfinite(each).all()
