# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which readings are relied on, by readings made up."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.quadruped.control.sensor_monitor import SensorMonitor
from neuro_control.quadruped.control.types import JOINTS, PERIOD, Observation


def readings(k):
    """Joints that swing to and fro, as they would be felt at step ``k``."""
    time = k * PERIOD + 0.1 * np.arange(12)
    return Observation(
        np.array([0.1, 0.0, 0.01 * k]), np.array([0.0, 0.0, 9.81]),
        0.3 * np.sin(10 * time), 3.0 * np.cos(10 * time), np.full(4, 30.0),
    )  # fmt: skip


def checked_between(monitor, begin, end, change=lambda k, each: each):
    for k in range(begin, end):
        checked = monitor.check(change(k, readings(k)), stepping=True)
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
    monitor = SensorMonitor()
    for k in range(2000):
        for one, other in zip(monitor.check(readings(k), True), readings(k), strict=True):
            np.testing.assert_array_equal(one, other)
    assert monitor.reliable
    assert monitor.remarks == []


@pytest.mark.parametrize(
    ("change", "words", "within"),
    [
        (at(4, angle=lambda k, was: math.nan), "is not finite", 6),
        (at(4, speed=lambda k, was: math.inf), "is not finite", 6),
        (at(4, angle=lambda k, was: was + 0.5), "jumps", 6),
        (at(4, speed=lambda k, was: was + 100.0), "jumps", 6),
        (at(4, speed=lambda k, was: was + 5.0), "contradicts its own speed", 25),
        (at(4, angle=lambda k, was: 0.3, speed=lambda k, was: 0.0), "", 50),
    ],
)
def test_a_lost_joint_is_named(change, words, within):
    monitor = SensorMonitor()
    checked_between(monitor, 0, 100)
    checked = checked_between(monitor, 100, 100 + within, change)
    assert np.flatnonzero(monitor.lost).tolist() == [4]
    assert monitor.remarks[0].startswith(f"the sensor of {JOINTS[4]} {words}")
    assert np.isfinite(checked.angles).all()
    assert checked.speeds[4] == 0.0
    np.testing.assert_array_equal(checked.speeds[5:], readings(99 + within).speeds[5:])


def test_joints_are_stuck_only_while_legs_move():
    for stepping in (True, False):
        monitor = SensorMonitor()
        for _ in range(60):
            monitor.check(readings(0)._replace(speeds=np.zeros(12)), stepping)
        assert monitor.lost.any() == stepping


def test_ten_milliseconds_are_bridged_along_the_last_speed():
    monitor = SensorMonitor()
    checked_between(monitor, 0, 100)
    checked = checked_between(monitor, 100, 105, at(7, angle=lambda k, was: math.nan))
    assert monitor.reliable
    assert checked.angles[7] == pytest.approx(readings(104).angles[7], abs=0.01)
    checked_between(monitor, 105, 300)
    assert monitor.reliable


def test_a_lost_sensor_counts_again_after_a_second_unless_its_angle_jumped():
    for change, back in ((lambda k, was: math.nan, True), (lambda k, was: was + 0.5, False)):
        monitor = SensorMonitor()
        checked_between(monitor, 0, 100)
        checked_between(monitor, 100, 150, at(7, angle=change))
        checked_between(monitor, 150, 640)
        assert not monitor.reliable
        checked_between(monitor, 640, 800)
        assert monitor.reliable == back


def test_an_imu_that_is_not_finite_is_bridged_then_lost_then_found():
    monitor = SensorMonitor()
    checked_between(monitor, 0, 10)
    nothing = lambda k, each: each._replace(rate=np.full(3, np.nan))  # noqa: E731
    checked_between(monitor, 10, 15, nothing)
    assert monitor.reliable
    checked = checked_between(monitor, 15, 16, nothing)
    assert monitor.imu_lost
    assert monitor.remarks == ["the IMU is not finite"]
    assert np.isfinite(checked.rate).all()
    checked_between(monitor, 16, 600)
    assert monitor.reliable


def turning(rate):
    """Readings whose angular velocity is a function of the step."""
    return lambda k, each: each._replace(rate=rate(k))


def test_a_gyro_that_is_stuck_while_the_robot_steps_is_lost_until_it_changes_for_a_second():
    for stepping in (False, True):
        monitor = SensorMonitor()
        checked_between(monitor, 0, 100)
        for k in range(100, 126):
            monitor.check(readings(k)._replace(rate=readings(99).rate), stepping)
        assert monitor.imu_lost == stepping
    checked_between(monitor, 126, 127, turning(lambda k: readings(99).rate))
    assert monitor.remarks == ["the IMU is stuck"]
    assert not monitor.latched
    checked_between(monitor, 127, 600)
    assert monitor.imu_lost
    checked_between(monitor, 600, 700)
    assert monitor.reliable


def test_a_gyro_that_is_noise_is_lost_within_thirty_milliseconds_until_it_is_forgiven():
    rng = np.random.default_rng(0)
    monitor = SensorMonitor()
    checked_between(monitor, 0, 100)
    checked_between(monitor, 100, 115, turning(lambda k: rng.uniform(-10.0, 10.0, 3)))
    assert monitor.remarks == ["the IMU jumps"]
    checked_between(monitor, 115, 1000)
    assert monitor.latched
    monitor.forgive()
    checked_between(monitor, 1000, 1010)
    assert monitor.reliable


def test_the_blow_of_an_impact_is_no_fault_of_the_gyro():
    # Four readings in a row turn faster and faster, as under the hardest push of the experiments.
    blow = np.array([0.0, 6.0, 9.0, 11.0, 13.0, 13.5, 13.2, 13.0])
    monitor = SensorMonitor()
    checked_between(monitor, 0, 100)
    for begin in range(100, 400, 60):
        checked_between(
            monitor, begin, begin + len(blow),
            turning(lambda k, begin=begin: np.array([blow[k - begin], 0.0, 0.01 * k])),
        )  # fmt: skip
        checked_between(monitor, begin + len(blow), begin + 60)
        assert monitor.reliable


def test_after_a_gap_an_angular_velocity_may_have_changed():
    monitor = SensorMonitor()
    checked_between(monitor, 0, 100)
    for k in range(100, 120):
        rate = np.array([10.0 * (k % 2), 0.0, 0.01 * k])
        monitor.check(readings(k)._replace(rate=rate), stepping=True, period=0.02)
    assert not monitor.imu_lost


def test_a_foot_that_is_not_finite_stands_as_planned():
    monitor = SensorMonitor()
    forces = np.array([math.nan, 1.0, 2.0, 3.0])
    checked = monitor.check(readings(0)._replace(forces=forces), True)
    assert 4.0 < checked.forces[0] < 12.0
    np.testing.assert_array_equal(checked.forces[1:], forces[1:])
    assert monitor.remarks == ["the foot sensor of FL is not finite"]
    assert monitor.reliable


@given(st.lists(st.tuples(st.integers(0, 33), st.floats(width=32)), min_size=1, max_size=60))
def test_whatever_comes_what_is_relied_on_is_finite(changes):
    monitor = SensorMonitor()
    for k, (where, value) in enumerate(changes):
        numbers = np.concatenate(readings(k))
        numbers[where] = value
        parts = np.split(numbers, [3, 6, 18, 30])
        for each in monitor.check(Observation(*parts), True):
            assert np.isfinite(each).all()


def test_a_sensor_that_jumped_counts_again_once_it_is_forgiven():
    monitor = SensorMonitor()
    monitor.check(readings(0), stepping=True)
    for k in range(1, 700):
        jumped = readings(k)
        jumped.angles[4] += 0.5
        monitor.check(jumped, stepping=True)
    assert monitor.latched
    assert monitor.remarks == ["the sensor of FR_thigh_joint jumps"]
    monitor.forgive()
    assert monitor.reliable
    jumped = readings(700)
    jumped.angles[4] += 0.5
    assert monitor.check(jumped, stepping=True).speeds[4] == jumped.speeds[4]
    assert monitor.reliable


def test_a_joint_may_move_further_between_readings_that_are_further_apart():
    for gap, reliable in ((0.02, True), (PERIOD, False)):
        monitor, angle = SensorMonitor(), 0.0
        for k in range(20):
            moved = readings(k)
            angle += 15.0 * (0.02 if k == 10 else PERIOD)
            moved.angles[4], moved.speeds[4] = angle, 15.0
            monitor.check(moved, True, gap if k == 10 else PERIOD)
        assert monitor.reliable == reliable
