# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Enable, emergency stop, lifecycle, parameters and diagnostics of controllers."""

import math

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool

from neuro_control.errors import ConfigurationError
from tests.bench import MS, Bench, Probe, options
from tests.ros.toy import ANGLES, JOINTS, SAFE, Toy, loop_of

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
