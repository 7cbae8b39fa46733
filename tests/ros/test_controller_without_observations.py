# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a controller does without observations, or while another input is awaited."""

import math

import pytest
from geometry_msgs.msg import TwistStamped

from neuro_control.ros.messages import (
    SENSOR_QOS,
    to_nanoseconds,
    to_stamp,
)
from tests.bench import MS, Loop, options
from tests.ros.toy import ANGLES, FALLBACK, SAFE, Toy, loop_of

# Fallback and watchdog.


def test_the_fallback_answers_what_is_refused_or_missing_unless_disabled(bench):
    loop = loop_of(bench, holds=True)
    loop.advance()
    loop.answer(ANGLES)
    loop.advance()
    assert list(loop.answer([math.nan] * 5).effort) == FALLBACK
    loop.probe.commands.clear()
    loop.advance(200 * MS)
    loop.bench.spin_until(lambda: FALLBACK in loop.probe.efforts())
    assert loop.call("enable", False).success
    loop.probe.commands.clear()
    loop.bench.spin_until(lambda: bool(loop.probe.commands))
    assert loop.probe.efforts()[-1] == SAFE
    loop.advance()
    assert list(loop.answer([math.nan] * 5).effort) == SAFE


def test_a_fallback_that_fails_ends_in_the_safe_command(bench):
    loop = loop_of(bench, holds=True)
    loop.node.fallback_action = lambda: {}["by hand"]
    loop.advance()
    assert list(loop.answer([math.nan] * 5).effort) == SAFE
    loop.says("the fallback failed: 'by hand'")


def test_silence_beyond_the_timeout_brings_the_safe_command_until_a_message_comes(loop):
    loop.advance()
    assert any(loop.answer(ANGLES).effort)
    loop.probe.commands.clear()
    for _ in range(3):
        loop.advance()
    loop.bench.spin_for(0.1)
    assert loop.probe.commands == []  # 0.09 s: not too old yet
    loop.advance()
    loop.bench.spin_until(lambda: len(loop.probe.commands) > 2)
    assert all(efforts == SAFE for efforts in loop.probe.efforts())
    loop.says("no joint_states for 0.12 s")
    loop.advance()
    assert any(loop.answer(ANGLES).effort)


@pytest.mark.parametrize("step", [-30_000, -1000, -50])
def test_a_clock_that_was_set_back_does_not_hold_up_the_watchdog(loop, step):
    loop.advance()
    assert any(loop.answer(ANGLES).effort)
    loop.probe.commands.clear()
    loop.now += step * MS
    for _ in range(5):  # the first of them is part of the step
        loop.advance()
    loop.bench.spin_until(lambda: SAFE in loop.probe.efforts(), timeout=5.0)
    loop.says("no joint_states for 0.12 s")


def test_observations_that_are_out_of_order_do_not_end_the_silence(loop):
    loop.advance()
    loop.answer(ANGLES)
    stamp = loop.now
    loop.probe.commands.clear()
    for number in range(3):
        loop.advance(29 * MS)
        loop.probe.send(stamp, ANGLES * (number + 2))
        loop.counts("rejected/joint_states/order", str(number + 1))
    loop.advance(29 * MS)
    loop.bench.spin_until(lambda: SAFE in loop.probe.efforts(), timeout=5.0)


def test_before_the_first_observation_a_simulated_robot_gets_no_command(loop):
    loop.bench.spin_for(0.3)
    assert loop.probe.commands == []
    assert loop.status().message == "waiting for joint_states"


def test_before_the_first_observation_a_real_robot_gets_the_safe_command(bench):
    loop = Loop(bench, Toy(**options(use_sim_time=False)))
    bench.spin_until(lambda: len(loop.probe.commands) > 3)
    assert all(efforts == SAFE for efforts in loop.probe.efforts())


def test_missing_observations_are_reported_though_simulated_time_stands_still(loop):
    loop.advance()
    loop.answer(ANGLES)
    loop.says("no joint_states for 1.")


@pytest.mark.timing
def test_on_the_wall_clock_the_safe_command_comes_once_a_period_in_silence(bench):
    loop = Loop(bench, Toy(**options(use_sim_time=False)))
    loop.probe.send(loop.node.now(), ANGLES)
    bench.spin_until(lambda: any(map(any, loop.probe.efforts())))
    loop.probe.commands.clear()
    bench.spin_for(0.3)
    assert all(efforts == SAFE for efforts in loop.probe.efforts())
    assert 3 <= len(loop.probe.commands) <= 8


# Awaited inputs.


def twists(loop):
    publisher = loop.probe.create_publisher(TwistStamped, "cmd_vel", SENSOR_QOS)
    loop.bench.spin_until(publisher.get_subscription_count)

    def send(speed, stamp):
        message = TwistStamped()
        message.header.stamp = to_stamp(stamp)
        message.twist.linear.x = speed
        publisher.publish(message)

    return send


def test_an_awaited_input_is_the_one_of_the_same_stamp_whichever_comes_first(bench):
    loop = loop_of(bench, awaited=True)
    send = twists(loop)
    for speed, first in ((0.25, True), (0.5, False), (0.75, True), (1.0, False)):
        loop.advance()
        answered = len(loop.probe.commands)
        if first:
            send(speed, loop.now)
            bench.spin_until(lambda: loop.node.cmd_vel.time == loop.now)
        loop.probe.send(loop.now, ANGLES)
        if not first:
            bench.spin_for(0.1)
            assert len(loop.probe.commands) == answered
            send(speed, loop.now)
        bench.spin_until(lambda answered=answered: len(loop.probe.commands) > answered)
        assert list(loop.probe.commands[-1].effort) == [1.0 + speed] * 5
        assert to_nanoseconds(loop.probe.commands[-1].header.stamp) == loop.now


def test_an_observation_whose_awaited_input_never_comes_gets_the_safe_command(bench):
    loop = loop_of(bench, awaited=True)
    loop.advance()
    missed = loop.now
    loop.probe.send(missed, ANGLES)
    bench.spin_for(0.1)
    assert not loop.probe.commands
    loop.advance()
    assert list(loop.answer(ANGLES, answered=missed).effort) == SAFE
    loop.says("no cmd_vel for the observation of 36000.030 s")


def test_disabled_nothing_is_awaited(bench):
    loop = loop_of(bench, awaited=True)
    assert loop.call("enable", False).success
    loop.advance()
    assert list(loop.answer(ANGLES).effort) == SAFE
