# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The base of all controllers, with a toy control law of its own, through real topics."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import TwistStamped
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64
from std_srvs.srv import SetBool

from neuro_control.errors import ConfigurationError
from neuro_control.ros.controller import Controller, ControllerParameters, Input
from neuro_control.ros.messages import (
    SENSOR_QOS,
    JointReader,
    Rejected,
    joint_state,
    read_twist,
    to_nanoseconds,
    to_stamp,
)
from neuro_control.ros.parameters import parameter
from tests.bench import MS, Bench, Loop, Probe, options

HOUR = 3600 * 10**9
JOINTS = [f"joint_{i}" for i in range(1, 6)]
ANGLES = np.full(5, 0.5)
SAFE, FALLBACK = [0.0] * 5, [0.125] * 5


@dataclass(frozen=True)
class ToyParameters(ControllerParameters):
    gain: float = parameter(2.0, "Effort per angle, N·m/rad", low=-100.0, high=100.0)
    limit: float = parameter(3.0, "Largest effort, N·m", low=0.0, high=100.0)
    awaited: bool = parameter(False, "Wait for the cmd_vel of the same stamp", fixed=True)
    holds: bool = parameter(False, "Answer a bad observation by the fallback", fixed=True)

    def __post_init__(self):
        super().__post_init__()
        if self.gain > 50 and self.limit < 1:
            raise ConfigurationError("a gain above 50 needs a limit of 1 or more")


class Toy(Controller[ToyParameters]):
    """Effort is gain times angle plus the latest cmd_vel's speed plus the latest bias.

    Attributes:
        steps: Steps since the last reset.
        resets: How often it was reset.
        law: Replaces the control law, if set.
        warning: Its remark.
    """

    def __init__(self, name="toy", **node_options):
        super().__init__(name, ToyParameters, JointState, "joint_commands", **node_options)
        self.steps = self.resets = 0
        self.law = self.warning = self.trouble = None

    def configure(self):
        if self.trouble:
            raise self.trouble()
        p = self.parameters
        self.reader = JointReader(JOINTS)
        self.cmd_vel = Input(
            "cmd_vel", TwistStamped, read_twist, 0.5, SENSOR_QOS, awaited=p.awaited
        )
        self.bias = Input("bias", Float64, self.read_bias, 0.2)
        joints = Input("joint_states", JointState, lambda m: self.reader(m), p.input_timeout)
        return joints, self.cmd_vel, self.bias

    @staticmethod
    def read_bias(message):
        if message.data == 13:
            raise ZeroDivisionError("a reader that did not foresee 13")
        if not math.isfinite(message.data):
            raise Rejected("not_finite", f"bias is {message.data}")
        return message.data

    def reset(self):
        self.steps = 0
        self.resets += 1

    def step(self, angles):
        self.steps += 1
        if self.law is not None:
            return self.law(angles)
        speed = self.cmd_vel.fresh(self.now())
        bias = self.bias.fresh(self.now())
        return self.parameters.gain * angles + (speed[0] if speed else 0.0) + (bias or 0.0)

    def limits(self):
        return -self.parameters.limit, self.parameters.limit

    def safe_action(self):
        return np.zeros(5)

    def fallback_action(self):
        return np.full(5, 0.125) if self.parameters.holds else self.safe_action()

    def apply(self):
        if self.trouble:
            raise self.trouble()

    def command(self, nanoseconds, action):
        return joint_state(nanoseconds, JOINTS, effort=action)

    def remark(self):
        return self.warning


def loop_of(bench, **values):
    return Loop(bench, Toy(**options(use_sim_time=True, **values)))


@pytest.fixture
def loop(bench):
    return loop_of(bench)


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


# Enable and emergency stop.


def test_an_emergency_stop_holds_until_released_and_enabled(loop):
    def moves():
        loop.advance()
        return any(loop.answer(ANGLES).effort)

    assert moves()
    loop.probe.commands.clear()
    assert loop.call("emergency_stop", True).success
    loop.bench.spin_until(lambda: bool(loop.probe.commands))
    assert loop.probe.efforts()[-1] == SAFE
    assert not moves()
    # What brings it back stands in the log and in the diagnostics.
    loop.says(
        "emergency stop is active: release it with `~/emergency_stop` false, "
        "then call `~/enable` true"
    )
    loop.counts("emergency_stop", "true")
    refused = loop.call("enable", True)
    assert not refused.success
    assert "release it first" in refused.message
    assert not moves()
    assert "call `~/enable` true" in loop.call("emergency_stop", False).message
    assert not moves()
    loop.says("disabled: call `~/enable` true to move again")
    resets = loop.node.resets
    assert loop.call("enable", True).success
    assert loop.node.resets == resets + 1
    assert moves()
    loop.counts("emergency_stop", "false")


def test_disabled_it_answers_with_the_safe_command_until_it_is_enabled(loop):
    loop.advance()
    loop.answer(ANGLES)
    loop.probe.commands.clear()
    assert loop.call("enable", False).success
    loop.bench.spin_until(lambda: bool(loop.probe.commands))
    assert loop.probe.efforts()[-1] == SAFE
    loop.advance()
    assert list(loop.answer(ANGLES).effort) == SAFE
    loop.says("disabled: call `~/enable` true to move again")
    loop.counts("enabled", "false")
    assert loop.call("enable", True).success
    loop.advance()
    assert any(loop.answer(ANGLES).effort)
    loop.says("running")


def test_enabled_twice_it_is_not_reset(loop):
    resets = loop.node.resets
    assert loop.call("enable", True).success
    assert loop.node.resets == resets


def test_an_emergency_stop_before_it_is_active_holds_when_it_is(bench):
    node = bench.add(Toy(**options(autostart=False, use_sim_time=True)))
    probe = bench.add(Probe())
    client = probe.create_client(ChangeState, "toy/change_state")
    stop = probe.create_client(SetBool, "toy/emergency_stop")
    enable = probe.create_client(SetBool, "toy/enable")
    assert bench.call(stop, SetBool.Request(data=True)).success
    assert bench.call(stop, SetBool.Request(data=False)).success
    assert bench.call(enable, SetBool.Request(data=True)).success
    assert bench.call(enable, SetBool.Request(data=False)).success
    for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
        request = ChangeState.Request(transition=Transition(id=transition))
        assert bench.call(client, request).success
    bench.spin_until(probe.joints.get_subscription_count)
    bench.spin_until(lambda: probe.count_publishers("joint_commands"))
    bench.spin_for(0.1)
    probe.tick(10**12)
    bench.spin_until(lambda: node.now() == 10**12)
    probe.send(10**12, ANGLES)
    bench.spin_until(lambda: bool(probe.commands))
    assert probe.efforts() == [SAFE]


# Lifecycle.


def change(loop, transition):
    client = loop.probe.create_client(ChangeState, "toy/change_state")
    request = ChangeState.Request(transition=Transition(id=transition))
    return loop.bench.call(client, request).success


def test_deactivated_it_sends_the_safe_command_once_and_falls_silent(loop):
    loop.advance()
    loop.answer(ANGLES)
    assert change(loop, Transition.TRANSITION_DEACTIVATE)
    loop.bench.spin_until(lambda: loop.probe.efforts()[-1] == SAFE)
    loop.says("deactivated normally")
    loop.probe.commands.clear()
    loop.probe.send(loop.now + loop.period, ANGLES)
    loop.bench.spin_for(0.2)
    assert loop.probe.commands == []
    for transition in (
        Transition.TRANSITION_CLEANUP,
        Transition.TRANSITION_CONFIGURE,
        Transition.TRANSITION_ACTIVATE,
    ):
        assert change(loop, transition)
    loop.bench.spin_until(lambda: loop.probe.joints.get_subscription_count() == 1)
    loop.bench.spin_for(0.1)
    loop.advance()
    assert any(loop.answer(ANGLES).effort)
    assert loop.node.steps == 1


def test_stopped_it_sends_the_safe_command_once_and_reports_it_as_no_fault(loop):
    loop.advance()
    loop.answer(ANGLES)
    loop.probe.commands.clear()
    loop.node.stop()
    loop.node.stop()
    loop.says("deactivated normally")
    assert loop.status().level == DiagnosticStatus.STALE
    loop.bench.spin_for(0.2)
    assert loop.probe.efforts() == [SAFE]


def test_without_autostart_it_says_what_starts_it(bench):
    probe = bench.add(Probe())
    bench.spin_until(lambda: probe.count_publishers("/diagnostics") == 0)
    node = bench.add(Toy(**options(autostart=False)))
    node.start()
    bench.spin_until(lambda: probe.said("start it with `ros2 lifecycle set toy configure`"))


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        (lambda: ConfigurationError("gain and limit don't fit"), "^toy: gain and limit don't fit$"),
        (lambda: KeyError("by hand"), "configure failed: KeyError"),
    ],
)
def test_a_controller_that_cannot_be_configured_says_why(bench, trouble, says):
    # Made anew: an exception that stays would keep the node, and its participant, by its traceback.
    node = bench.add(Toy())
    node.trouble = trouble
    with pytest.raises(ConfigurationError, match=says):
        node.start()


# Parameters.


def test_parameters_change_at_run_time_whole_or_not_at_all(loop):
    node = loop.node
    gain, limit = Parameter("gain", value=60), Parameter("limit", value=0.5)
    result = node.set_parameters_atomically([gain, limit])
    assert not result.successful
    assert result.reason == "a gain above 50 needs a limit of 1 or more"
    loop.advance()
    np.testing.assert_array_equal(loop.answer(ANGLES).effort, [1.0] * 5)
    assert node.set_parameters_atomically([Parameter("gain", value=4)]).successful
    assert node.get_parameter("gain").value == 4.0
    assert not node.set_parameters_atomically([Parameter("awaited", value=True)]).successful
    loop.advance()
    np.testing.assert_array_equal(loop.answer(ANGLES).effort, [2.0] * 5)
    assert node.resets == 2  # when it was set up and activated, and not by a parameter


def test_the_age_limit_follows_its_parameter(loop):
    loop.node.set_parameters([Parameter("input_timeout", value=0.5)])
    loop.advance()
    assert any(loop.answer(ANGLES, stamp=loop.now - 400 * MS).effort)


def test_parameters_that_can_not_be_applied_disable_it_and_say_so(loop):
    loop.node.trouble = lambda: KeyError("by hand")
    assert loop.node.set_parameters([Parameter("gain", value=3.0)])[0].successful
    loop.bench.spin_until(
        lambda: loop.probe.said("disabled, parameters can't be applied: 'by hand'")
    )
    loop.advance()
    assert list(loop.answer(ANGLES).effort) == SAFE
    loop.node.trouble = None
    assert loop.call("enable", True).success
    loop.advance()
    assert any(loop.answer(ANGLES).effort)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"input_timeout": 0.02}, "longer than control_period"),
        ({"gian": 1.0}, "toy has no parameter gian"),
        ({"gain": 60.0, "limit": 0.5}, "a gain above 50 needs a limit"),
    ],
)
def test_parameters_that_contradict_one_another_are_refused_at_start(bench, values, says):
    with pytest.raises(ConfigurationError, match=says):
        Toy(**options(**values))


# Diagnostics.


def test_diagnostics_come_every_second_with_rate_latency_and_counts(loop):
    for _ in range(20):
        loop.advance()
        loop.answer(ANGLES)
    loop.probe.diagnostics.clear()
    loop.bench.spin_until(lambda: len(loop.probe.diagnostics) >= 2)
    values = {v.key: v.value for v in loop.probe.diagnostics[-1].values}
    assert loop.probe.diagnostics[-1].name == "toy: controller"
    assert values["steps"] == "20"
    assert 0 < float(values["latency_p50_ms"]) <= float(values["latency_p99_ms"])
    assert float(values["loop_rate_hz"]) >= 0
    assert {"overruns", "resets", "enabled", "emergency_stop"} <= set(values)


def test_another_node_that_commands_the_same_robot_is_warned_of(loop):
    loop.probe.create_publisher(JointState, "joint_commands", 1)
    loop.advance()
    loop.answer(ANGLES)
    loop.says("2 nodes publish joint_commands")
    assert loop.status().level == DiagnosticStatus.WARN


@pytest.mark.timing
def test_rejections_at_any_rate_are_reported_once_a_second_and_all_counted(loop):
    loop.advance()
    loop.probe.diagnostics.clear()
    for number in range(60):
        # Good and bad in turn: each is another state, and no text stands twice.
        bad = ANGLES if number % 2 else [math.nan, number, 0, 0, 0]
        loop.advance()
        loop.answer(bad)
    assert len(loop.probe.diagnostics) < 15
    assert loop.probe.said("joint_states rejected")
    loop.counts("rejected/joint_states/not_finite", "30")


@pytest.fixture(scope="module")
def long_lived():
    bench = Bench()
    try:
        yield loop_of(bench)
    finally:
        bench.close()


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    names=st.lists(st.sampled_from([*(f"joint_{i}" for i in range(1, 7)), "", "α"]), max_size=7),
    values=st.lists(st.floats(), max_size=7),
    plain=st.booleans(),
)
def test_no_message_brings_the_node_down_or_reaches_a_motor(long_lived, names, values, plain):
    loop = long_lived
    loop.advance()
    command = loop.answer(np.array(values, dtype=float), names=JOINTS if plain else names)
    effort = np.array(command.effort)
    assert effort.shape == (5,)
    assert np.isfinite(effort).all()
    assert (np.abs(effort) <= 3.0).all()
    loop.advance()
    assert any(loop.answer(ANGLES).effort)
