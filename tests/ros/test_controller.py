# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""From an observation to a command: the base of all controllers, through real topics."""

import math

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.parameter import Parameter
from std_msgs.msg import Float64

from neuro_control.ros.messages import (
    SENSOR_QOS,
)
from tests.bench import MS
from tests.ros.toy import ANGLES, HOUR, JOINTS, SAFE

# From an observation to a command.


def test_every_observation_is_answered_under_its_stamp_by_the_control_law(loop):
    rng = np.random.default_rng(0)
    for _ in range(20):
        loop.advance()
        angles = rng.uniform(-1, 1, 5)
        command = loop.answer(angles)
        assert list(command.name) == JOINTS
        # To the bit: messages carry 64 bits.
        np.testing.assert_array_equal(command.effort, 2.0 * angles)
    assert loop.node.steps == 20


def test_the_same_observation_again_gets_the_same_answer_and_no_step(loop):
    loop.advance()
    first = loop.answer(ANGLES)
    assert loop.answer(ANGLES) == first
    assert loop.node.steps == 1


def test_an_observation_that_was_overtaken_is_counted_and_moves_nothing(loop):
    for _ in range(3):
        loop.advance()
        loop.answer(ANGLES)
    loop.advance(5 * MS)
    loop.probe.commands.clear()
    loop.probe.send(loop.now - 10 * MS, ANGLES)  # 5 ms before the last
    loop.probe.send(loop.now - 5 * MS, ANGLES / 2)  # as the last, with other angles
    loop.counts("rejected/joint_states/order", "2")
    assert loop.probe.commands == []
    assert loop.node.steps == 3


def test_when_time_goes_back_the_control_law_starts_anew(loop):
    for _ in range(4):
        loop.advance()
        loop.answer(ANGLES)
    resets = loop.node.resets
    loop.now = 0
    loop.set_clock()
    assert any(loop.answer(ANGLES).effort)
    assert (loop.node.steps, loop.node.resets) == (1, resets + 1)
    loop.counts("resets", "1")


@pytest.mark.parametrize("step", [-5000, -1000, -100, -40, 10, 100, 1000, 5000])
def test_a_step_of_the_clock_resets_no_control_law(loop, step):
    for _ in range(4):
        loop.advance()
        loop.answer(ANGLES)
    resets = loop.node.resets
    loop.now += step * MS
    for number in range(4):
        loop.advance()
        # Each is answered under its stamp, the first included.
        np.testing.assert_array_equal(loop.answer(ANGLES * number / 2).effort, [number / 2] * 5)
    assert (loop.node.steps, loop.node.resets) == (8, resets)


@pytest.mark.parametrize("ahead", [10, 20, 90])
def test_a_stamp_ahead_of_the_clock_resets_no_control_law(loop, ahead):
    for _ in range(4):
        loop.advance()
        loop.answer(ANGLES)
    resets = loop.node.resets
    loop.advance()
    loop.answer(ANGLES, stamp=loop.now + ahead * MS)
    for number in range(4):
        loop.advance()
        np.testing.assert_array_equal(loop.answer(ANGLES * number / 2).effort, [number / 2] * 5)
    assert loop.node.resets == resets


def test_an_observation_that_comes_again_late_is_answered_alike_and_resets_nothing(loop):
    for number in range(6):
        loop.advance()
        loop.answer(ANGLES * number / 2)
    steps, resets = loop.node.steps, loop.node.resets
    late = loop.now - loop.period
    # Its clock comes again before it, as it does from a simulation that repeats an observation.
    loop.probe.tick(late)
    loop.bench.spin_until(lambda: loop.node.now() == late)
    np.testing.assert_array_equal(loop.answer(ANGLES * 2, stamp=late).effort, [2.0] * 5)
    assert (loop.node.steps, loop.node.resets) == (steps, resets)
    loop.set_clock()
    loop.advance()
    loop.answer(ANGLES)
    assert (loop.node.steps, loop.node.resets) == (steps + 1, resets)


def test_observations_faster_than_the_control_period_hold_the_command_between_steps(loop):
    for number in range(9):
        loop.advance(10 * MS)
        command = loop.answer(np.full(5, 0.1 * (number + 1)))
        # Steps on the first, the fourth and the seventh.
        assert command.effort[0] == pytest.approx(0.2 * (number - number % 3 + 1))
    assert loop.node.steps == 3


def test_actions_are_cut_off_at_the_limits_which_follow_their_parameter(loop):
    loop.node.law = lambda angles: np.array([4.0, -4.0, 0.5, 0.0, 1e300])
    loop.advance()
    np.testing.assert_array_equal(loop.answer(ANGLES).effort, [3.0, -3.0, 0.5, 0.0, 3.0])
    loop.node.set_parameters([Parameter("limit", value=1)])
    loop.advance()
    np.testing.assert_array_equal(loop.answer(ANGLES).effort, [1.0, -1.0, 0.5, 0.0, 1.0])


@pytest.mark.parametrize("wrong", ["raises", "NaN", "another shape"])
def test_a_control_law_that_fails_ends_in_the_safe_command_and_not_the_node(loop, wrong):
    laws = {
        "raises": lambda angles: 1 / 0,
        "NaN": lambda angles: np.full(5, math.nan),
        "another shape": lambda angles: np.zeros(4),
    }
    loop.node.law = laws[wrong]
    loop.advance()
    assert list(loop.answer(ANGLES).effort) == SAFE
    loop.says("the control law failed")
    assert loop.status().level == DiagnosticStatus.ERROR
    loop.node.law = None
    loop.advance()
    assert any(loop.answer(ANGLES).effort)
    loop.says("running")


def test_a_remark_warns_and_the_step_counts(loop):
    loop.node.warning = "the toy is tired"
    loop.advance()
    assert any(loop.answer(ANGLES).effort)
    loop.says("the toy is tired")
    assert loop.status().level == DiagnosticStatus.WARN
    loop.node.warning = None
    loop.advance()
    loop.answer(ANGLES)
    loop.says("running")
    assert loop.status().level == DiagnosticStatus.OK


# What is not acted upon.

BAD = {
    "NaN": ({"angles": [0, math.nan, 0, 0, 0]}, "position[1] is nan", "not_finite"),
    "infinity": ({"angles": [0, 0, 0, 0, math.inf]}, "position[4] is inf", "not_finite"),
    "wrong names": ({"angles": [0] * 5, "names": list("abcde")}, "no joint joint_1", "names"),
    "too few joints": (
        {"angles": [0] * 3, "names": JOINTS[:3]}, "no joint joint_4, joint_5", "names"
    ),
    "more names than angles": ({"angles": [0] * 4}, "4 values of position for 5", "size"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_observation_gets_the_safe_command_and_the_reason_and_the_next_recovers(loop, fault):
    message, says, reason = BAD[fault]
    loop.advance()
    assert any(loop.answer(ANGLES).effort)
    loop.advance()
    # In lockstep a simulation waits for this stamp, bad as its observation was.
    assert list(loop.answer(**message).effort) == SAFE
    loop.says(says)
    loop.counts(f"rejected/joint_states/{reason}", "1")
    assert loop.node.steps == 1
    loop.advance()
    assert any(loop.answer(ANGLES).effort)
    loop.says("running")


@pytest.mark.parametrize(
    ("offset", "says", "reason"),
    [
        (-HOUR, "3600.000 s old, the limit is 0.1 s", "stale"),
        (-101 * MS, "0.101 s old, the limit is 0.1 s", "stale"),
        (101 * MS, "stamped 0.101 s ahead of the clock", "future"),
        (HOUR, "stamped 3600.000 s ahead of the clock", "future"),
    ],
)
def test_a_stamp_that_is_off_gets_the_safe_command_stamped_now(loop, offset, says, reason):
    loop.advance()
    loop.answer(ANGLES)
    loop.advance()
    command = loop.answer(ANGLES, stamp=loop.now + offset, answered=loop.now)
    assert list(command.effort) == SAFE
    loop.says(says)
    loop.counts(f"rejected/joint_states/{reason}", "1")
    loop.advance()
    assert any(loop.answer(ANGLES).effort)


@pytest.mark.parametrize("offset", [-100 * MS, 100 * MS])
def test_a_stamp_at_the_limit_is_acted_upon(loop, offset):
    loop.advance()
    assert any(loop.answer(ANGLES, stamp=loop.now + offset).effort)


def test_a_reader_that_fails_leaves_the_node_up(loop):
    read, loop.node.reader = loop.node.reader, lambda message: {}["by hand"]
    loop.advance()
    assert list(loop.answer(ANGLES).effort) == SAFE
    loop.says("joint_states rejected: 'by hand'")
    loop.counts("rejected/joint_states/KeyError", "1")
    loop.node.reader = read
    loop.advance()
    assert any(loop.answer(ANGLES).effort)


def test_bad_values_of_another_input_are_counted_and_the_last_good_one_holds(loop):
    publisher = loop.probe.create_publisher(Float64, "bias", SENSOR_QOS)
    loop.bench.spin_until(publisher.get_subscription_count)
    publisher.publish(Float64(data=0.25))
    loop.bench.spin_until(lambda: loop.node.bias.value == 0.25)
    for value, reason in ((math.nan, "not_finite"), (13.0, "ZeroDivisionError")):
        publisher.publish(Float64(data=value))
        loop.says("bias rejected")
        loop.counts(f"rejected/bias/{reason}", "1")
    loop.advance()
    np.testing.assert_array_equal(loop.answer(ANGLES).effort, [1.25] * 5)


def test_a_value_of_another_input_is_used_until_it_is_too_old(loop):
    publisher = loop.probe.create_publisher(Float64, "bias", SENSOR_QOS)
    loop.bench.spin_until(publisher.get_subscription_count)
    publisher.publish(Float64(data=0.25))
    # It has no header: its time is when it was received.
    loop.bench.spin_until(lambda: loop.node.bias.value == 0.25)
    loop.advance(200 * MS)
    np.testing.assert_array_equal(loop.answer(ANGLES).effort, [1.25] * 5)
    loop.advance(30 * MS)
    np.testing.assert_array_equal(loop.answer(ANGLES).effort, [1.0] * 5)


def test_a_value_from_before_the_clock_went_back_is_not_used(loop):
    publisher = loop.probe.create_publisher(Float64, "bias", SENSOR_QOS)
    loop.bench.spin_until(publisher.get_subscription_count)
    publisher.publish(Float64(data=0.25))
    loop.bench.spin_until(lambda: loop.node.bias.value == 0.25)
    loop.now = 30 * MS
    loop.set_clock()
    np.testing.assert_array_equal(loop.answer(ANGLES).effort, [1.0] * 5)
