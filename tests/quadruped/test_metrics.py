# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Metrics of walks, worked by hand."""

import math

import numpy as np
import pytest

from neuro_control.quadruped.control.command import gait
from neuro_control.quadruped.control.robots import GO2
from neuro_control.quadruped.control.types import PERIOD
from neuro_control.quadruped.evaluation import metrics
from neuro_control.quadruped.evaluation.rollout import Record, Truth


def truth(rows=3000, **columns):
    values = {
        "velocity": [0.53, -0.04, 0.0], "yaw_rate": 0.1, "height": 0.29, "roll": -0.02,
        "pitch": 0.0, "power": 60.0, **columns,
    }  # fmt: skip
    made = Truth(*(np.tile(np.atleast_1d(values[name]), (rows, 1)) for name in Truth._fields))
    return Truth(made.velocity, *(column[:, 0] for column in made[1:]))


def record(rows=3000, fell=None, states=None, **columns):
    return Record(
        GO2, 12.0, truth(rows, **columns), np.full((rows, 4), 30.0), np.zeros((rows, 4, 3)),
        np.zeros((rows, 4)), states or ["walking"] * rows, [], fell,
        step_ms=np.full(rows, 0.1), wall=2.0,
    )  # fmt: skip


def test_tracking_is_that_worked_by_hand():
    walked = truth()
    for column in walked:
        column[:1500] = 9.0  # before it has settled
    found = metrics.tracking(walked, gait("trot", forward=0.5), 12.0, 0.3)
    assert (found["forward"], found["left"]) == pytest.approx((0.53, -0.04))
    assert found["v_error_mps"] == pytest.approx(0.05)
    assert found["yaw_error_rps"] == pytest.approx(0.1)
    assert found["height_error_m"] == pytest.approx(0.01)
    assert found["roll_rad"] == pytest.approx(0.02)
    distance = math.hypot(0.53, 0.04)
    assert found["cost_of_transport"] == pytest.approx(60 / (12 * 9.81 * distance))


def test_after_a_fall_nothing_was_tracked():
    found = metrics.obeyed(record(2000, fell=4.0), gait("trot"))
    assert all(math.isnan(value) for value in found.values())
    assert metrics.fall(record(2000, fell=4.0)) == {"fell_s": 4.0}
    assert math.isnan(metrics.fall(record())["fell_s"])


def test_a_height_is_commanded_beyond_that_of_the_robot():
    found = metrics.obeyed(record(), gait("trot", height=-0.03))
    assert found["height_error_m"] == pytest.approx(0.02)


def test_steps_are_counted_and_measured():
    walked = record()
    # Each foot is in stance for 0.2 s and swings for 0.2 s, up to 6 cm.
    phase = (walked.time / 0.4) % 1.0
    walked.feet[:, :, 2] = np.where(phase < 0.5, 0.0, 0.06 * np.sin(np.pi * (2 * phase - 1)))[
        :, None
    ]
    walked.forces[:] = np.where(phase < 0.5, 40.0, 0.0)[:, None]
    found = metrics.stepping(walked)
    assert found["frequency"] == pytest.approx(2.5, rel=1e-3)
    assert found["swing_m"] == pytest.approx(0.06, abs=0.001)


def test_strides_show_a_wandering_that_means_hide():
    walked = record(6000, velocity=[0.5, 0.0, 0.0], yaw_rate=0.0)
    phase = (walked.time / 0.4) % 1.0
    walked.feet[:, :, 2] = 0.03  # on rubble no foot comes down to the ground's zero
    # After it has touched down a foot bounces for 8 ms.
    pressed = (phase < 0.5) & ~((phase > 0.02) & (phase < 0.04))
    walked.forces[:] = np.where(pressed, 40.0, 0.0)[:, None]
    # Strides are too fast and too slow in turn, by 0.1 m/s, and within each the trunk sways.
    stride = np.floor(walked.time / 0.4)
    walked.truth.velocity[:, 0] += np.where(stride % 2 == 0, 0.1, -0.1)
    walked.truth.velocity[:, 0] += 0.3 * np.sin(2 * np.pi * phase)
    walked.truth.yaw_rate[:] = 0.2
    command = gait("trot", forward=0.5)
    found = metrics.stride_errors(walked, command)
    assert metrics.obeyed(walked, command)["v_error_mps"] < 0.01
    assert found["v_stride_rms_mps"] == pytest.approx(0.1, abs=0.003)
    assert found["yaw_stride_rms_rps"] == pytest.approx(0.2)
    assert found["v_rms_mps"] == pytest.approx(math.sqrt(0.1**2 + 0.3**2 / 2), abs=0.003)
    standing = metrics.stride_errors(record(), command)
    assert math.isnan(standing["v_stride_rms_mps"])
    assert standing["v_rms_mps"] == pytest.approx(math.hypot(0.03, 0.04))
    fallen = metrics.stride_errors(record(fell=4.0), command)
    assert all(math.isnan(value) for value in fallen.values())


def test_timing_compares_simulated_with_passed_time():
    found = metrics.timing(record())
    assert found["step_ms_p50"] == pytest.approx(0.1)
    assert found["real_time_factor"] == pytest.approx(3000 * PERIOD / 2.0)


def test_getting_up_is_timed_and_its_turns_are_counted():
    states = [
        "damping",
        *["folding"] * 2,
        "self_righting",
        "folding",
        "self_righting",
        "rising",
        "walking",
    ]
    found = metrics.recovery(record(8, states=states), 6.0)
    assert found["up_s"] == pytest.approx(7 * PERIOD)
    assert found["turns"] == 2
    assert math.isnan(found["fell_s"])
    assert metrics.recovery(record(8, states=["folding"] * 8), 6.0)["fell_s"] == 6.0


def test_a_lost_sensor_is_answered_by_lying_down():
    states = ["walking"] * 1000 + ["sitting_down"] * 500 + ["damping"] * 500
    lost = record(2000, states=states)
    lost.truth.velocity[:900, 2] = -9.0  # before the loss
    lost.truth.velocity[1200, 2] = -0.4
    lost.truth.roll[1100:], lost.truth.pitch[:] = 0.3, 0.4
    found = metrics.sensor_loss(lost, 1.9, math.radians(60))
    assert found["told_s"] == pytest.approx(0.1)
    assert found["lies_s"] == pytest.approx(1.1)
    assert found["sinks_mps"] == pytest.approx(0.4)
    lean = math.degrees(math.acos(math.cos(0.3) * math.cos(0.4)))
    assert found["lean_deg"] == pytest.approx(lean)
    assert math.isnan(found["fell_s"])
    fallen = metrics.sensor_loss(lost, 1.9, 0.45)
    assert fallen["fell_s"] == pytest.approx(0.3)
