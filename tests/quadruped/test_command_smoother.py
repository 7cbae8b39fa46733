# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command smoother alone, by steps worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.quadruped.control.command import Command, gait
from neuro_control.quadruped.control.command_smoother import CommandSmoother, SmootherSettings

PERIOD = 0.002


def smoother(**settings):
    return CommandSmoother(SmootherSettings(**settings), 0.3)


def test_velocities_rise_at_their_accelerations_and_stay_at_the_command():
    stage = smoother()
    command = Command(forward=0.01, left=0.5, yaw_rate=-1.0)
    stage.step(command)
    # 2 m/s², 1.5 m/s² and 4 rad/s² for 2 ms.
    np.testing.assert_allclose(stage.velocity, [0.004, 0.003, -0.008])
    for _ in range(3):
        stage.step(command)
    np.testing.assert_allclose(stage.velocity, [0.01, 0.012, -0.032])


def test_height_and_tilt_follow_at_their_rates():
    stage = smoother()
    stage.reset(0.1)
    stage.step(Command(height=-0.1, roll=0.001, pitch=-0.4))
    # 0.25 m/s and 0.8 rad/s for 2 ms.
    assert stage.height == pytest.approx(0.1005)
    np.testing.assert_allclose(stage.tilt, [0.001, -0.0016])
    for _ in range(500):
        stage.step(Command(height=-0.1, roll=0.001, pitch=-0.4))
    assert stage.height == pytest.approx(0.2)
    np.testing.assert_allclose(stage.tilt, [0.001, -0.4])


def test_it_slows_down_where_feet_stop_or_change_their_order_and_says_so():
    command = Command(forward=1.0, left=0.2, yaw_rate=-1.0)
    stage = smoother(forward_acceleration=100.0, yaw_acceleration=100.0)
    for _ in range(300):
        stage.step(command, changes=True)
    np.testing.assert_allclose(stage.velocity, [0.6, 0.2, -0.6])
    assert stage.remarks == [
        "forward 1 waits until feet have changed their order: 0.6",
        "yaw_rate -1 waits until feet have changed their order: -0.6",
    ]
    for _ in range(300):
        stage.step(command, stops=True)
    np.testing.assert_allclose(stage.velocity, 0.0)
    assert stage.remarks == []


def test_in_stance_the_trunk_is_shifted_over_the_feet():
    stage = smoother()
    for _ in range(100):
        stage.step(gait("stand"), stops=True, offset=(0.3, -0.01))
    np.testing.assert_allclose(stage.velocity, [0.05, -0.01, 0.0])


def test_jerk_is_limited_on_the_way_up_and_down():
    # Steps of 1 s, 1 m/s³: accelerations of 1, 2, 2, 1 reach 6 without overshoot.
    stage = CommandSmoother(SmootherSettings(forward_acceleration=2.0, forward_jerk=1.0), 0.3)
    reached = []
    for _ in range(6):
        stage.step(Command(forward=6.0), 1.0)
        reached.append(float(stage.velocity[0]))
    np.testing.assert_allclose(reached, [1.0, 3.0, 5.0, 6.0, 6.0, 6.0])


def test_without_a_jerk_limit_acceleration_jumps():
    stage = CommandSmoother(SmootherSettings(forward_acceleration=2.0), 0.3)
    reached = []
    for _ in range(4):
        stage.step(Command(forward=5.0), 1.0)
        reached.append(float(stage.velocity[0]))
    np.testing.assert_allclose(reached, [2.0, 4.0, 5.0, 5.0])


@given(st.lists(st.floats(-1.6, 1.6), min_size=1, max_size=4), st.floats(1.0, 200.0))
def test_acceleration_and_jerk_stay_within_their_limits_whatever_is_commanded(goals, jerk):
    stage = smoother(forward_jerk=jerk)
    velocities = [0.0, 0.0]
    for goal in goals:
        for _ in range(150):
            stage.step(Command(forward=goal))
            velocities.append(float(stage.velocity[0]))
    accelerations = np.diff(velocities) / PERIOD
    assert np.abs(accelerations).max() <= 2.0 + 1e-9
    assert np.abs(np.diff(accelerations)).max() / PERIOD <= jerk * (1 + 1e-6) + 1e-6
