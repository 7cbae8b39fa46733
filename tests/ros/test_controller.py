import math

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import Twist, TwistStamped
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool

from neuro_control.errors import ConfigurationError
from neuro_control.ros.messages import joint_state, to_stamp
from neuro_control.swimmer.control.circuit import Circuit
from neuro_control.swimmer.control.policy import find_policy
from neuro_control.swimmer.control.steering import Calibration, calibration_path
from neuro_control.swimmer.nodes.controller import SwimmerController
from tests.bench import MS, Bench, Probe, options

PERIOD = 30 * MS
HOUR = 3600 * 10**9


class Swimmer:
    """A controller under simulated time and the probe that plays its robot."""

    def __init__(self, bench, **values):
        self.bench = bench
        self.probe = bench.add(Probe())
        values.setdefault("use_sim_time", True)
        self.node = bench.add(SwimmerController(**options(**values)))
        self.node.start()
        self.now = 10 * HOUR
        bench.spin_until(
            lambda: (
                self.probe.joints.get_subscription_count()
                and (self.probe.clock.get_subscription_count() or not values["use_sim_time"])
                and self.probe.count_publishers("joint_commands")
                and self.probe.count_publishers("/diagnostics")
            )
        )
        bench.spin_for(0.05)

    def set_clock(self):
        self.probe.tick(self.now)
        self.bench.spin_until(lambda: self.node.get_clock().now().nanoseconds == self.now)

    def advance(self):
        self.now += PERIOD
        self.set_clock()

    def answer(self, angles, stamp=None, names=None):
        """Send joint states; the command that answers them."""
        stamp = self.now if stamp is None else stamp
        before = len(self.probe.commands)
        self.probe.send(stamp, angles, names)
        self.bench.spin_until(lambda: len(self.probe.commands) > before)
        return self.probe.commands[-1]

    def status(self):
        self.bench.spin_until(lambda: bool(self.probe.diagnostics))
        return self.probe.diagnostics[-1]


@pytest.fixture
def swimmer(bench):
    made = Swimmer(bench)
    made.set_clock()
    return made


def test_every_observation_is_answered_under_its_stamp_by_the_circuit(swimmer):
    circuit = Circuit(5)
    rng = np.random.default_rng(0)
    for _ in range(70):
        swimmer.advance()
        angles = rng.uniform(-1, 1, 5)
        command = swimmer.answer(angles)
        assert (command.header.stamp.sec, command.header.stamp.nanosec) == divmod(
            swimmer.now, 10**9
        )
        assert list(command.name) == swimmer.probe.names
        # To the bit: messages carry 64 bits.
        np.testing.assert_array_equal(command.effort, circuit.step(angles) * 5e-4)


BAD = {
    "NaN": (
        {"angles": [0, math.nan, 0, 0, 0]}, "position[1] is nan", "rejected/joint_states/not_finite"
    ),
    "infinity": (
        {"angles": [0, 0, 0, 0, math.inf]}, "position[4] is inf", "rejected/joint_states/not_finite"
    ),
    "wrong names": (
        {"angles": [0] * 5, "names": ["a", "b", "c", "d", "e"]},
        "no joint joint_1",
        "rejected/joint_states/names",
    ),
    "too few joints": (
        {"angles": [0] * 3, "names": ["joint_1", "joint_2", "joint_3"]},
        "no joint joint_4, joint_5",
        "rejected/joint_states/names",
    ),
    "more names than angles": (
        {"angles": [0] * 4}, "4 values of position for 5", "rejected/joint_states/size"
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_observation_gets_the_safe_command_and_the_reason_and_the_next_recovers(
    swimmer, fault
):
    message, says, counter = BAD[fault]
    angles = np.full(5, 0.5)
    swimmer.advance()
    assert any(swimmer.answer(angles).effort)
    swimmer.advance()
    command = swimmer.answer(**message)
    assert list(command.effort) == [0.0] * 5
    # In lockstep a simulation waits for this stamp, bad as its observation was.
    assert command.header.stamp.nanosec == swimmer.now % 10**9
    swimmer.bench.spin_until(lambda: swimmer.probe.said(says))
    values = {v.key: v.value for v in swimmer.probe.diagnostics[-1].values}
    assert values[counter] == "1"
    swimmer.advance()
    assert any(swimmer.answer(angles).effort)
    swimmer.bench.spin_until(lambda: swimmer.status().message == "running")


@pytest.mark.parametrize(("offset", "says"), [(-HOUR, "3600.0"), (HOUR, "ahead of the clock")])
def test_a_stamp_an_hour_off_gets_the_safe_command_stamped_now(swimmer, offset, says):
    swimmer.advance()
    swimmer.answer(np.full(5, 0.5))
    swimmer.advance()
    command = swimmer.answer(np.full(5, 0.5), stamp=swimmer.now + offset)
    assert list(command.effort) == [0.0] * 5
    assert command.header.stamp.sec == swimmer.now // 10**9
    swimmer.bench.spin_until(lambda: swimmer.probe.said(says))
    swimmer.advance()
    assert any(swimmer.answer(np.full(5, 0.5)).effort)


def test_silence_beyond_the_time_out_brings_the_safe_command_within_a_period(swimmer):
    swimmer.advance()
    assert any(swimmer.answer(np.full(5, 0.5)).effort)
    swimmer.probe.commands.clear()
    for _ in range(3):
        swimmer.advance()
    swimmer.bench.spin_for(0.1)
    assert swimmer.probe.commands == []  # 0.09 s: not too old yet
    swimmer.advance()
    swimmer.bench.spin_until(lambda: bool(swimmer.probe.commands), timeout=1)
    assert swimmer.probe.efforts()[0] == [0.0] * 5
    swimmer.bench.spin_until(lambda: swimmer.probe.said("no joint_states for 0.1"))
    swimmer.advance()
    assert any(swimmer.answer(np.full(5, 0.5)).effort)


def test_the_same_observation_again_gets_the_same_answer_and_no_step(swimmer):
    swimmer.advance()
    first = swimmer.answer(np.full(5, 0.5))
    assert swimmer.answer(np.full(5, 0.5)) == first
    assert swimmer.node.circuit.phase == 1


def test_an_observation_that_was_overtaken_is_counted_and_moves_nothing(swimmer):
    for _ in range(3):
        swimmer.advance()
        swimmer.answer(np.full(5, 0.5))
    swimmer.now += 5 * MS
    swimmer.set_clock()
    swimmer.probe.commands.clear()
    swimmer.probe.send(swimmer.now - 10 * MS, np.full(5, 0.5))  # 5 ms before the last
    swimmer.probe.send(swimmer.now - 5 * MS, np.full(5, 0.4))  # as the last, with other angles
    swimmer.bench.spin_until(lambda: swimmer.node._rejected["joint_states/order"] == 2)
    assert swimmer.probe.commands == []
    assert swimmer.node.circuit.phase == 3


def test_when_time_goes_back_the_circuit_starts_anew(swimmer):
    for _ in range(40):
        swimmer.advance()
        swimmer.answer(np.zeros(5))
    assert swimmer.node.circuit.phase == 40
    swimmer.now = 0
    swimmer.set_clock()
    assert swimmer.answer(np.zeros(5)).effort[0] == 5e-4  # dorsal, as at the start
    assert swimmer.node.circuit.phase == 1


def test_observations_faster_than_the_control_period_hold_the_command_between_steps(swimmer):
    for _ in range(9):
        swimmer.now += 10 * MS
        swimmer.set_clock()
        command = swimmer.answer(np.full(5, 0.5))
        assert command.header.stamp.nanosec == swimmer.now % 10**9
    assert swimmer.node.circuit.phase == 3


def test_an_emergency_stop_holds_until_released_and_enabled(swimmer):
    stop = swimmer.probe.create_client(SetBool, "swimmer_controller/emergency_stop")
    enable = swimmer.probe.create_client(SetBool, "swimmer_controller/enable")
    angles = np.full(5, 0.5)

    def moves():
        swimmer.advance()
        return any(swimmer.answer(angles).effort)

    assert moves()
    swimmer.probe.commands.clear()
    assert swimmer.bench.call(stop, SetBool.Request(data=True)).success
    swimmer.bench.spin_until(lambda: bool(swimmer.probe.commands))
    assert swimmer.probe.efforts()[-1] == [0.0] * 5
    assert not moves()
    assert swimmer.status().message.startswith("emergency stop is active: release")
    refused = swimmer.bench.call(enable, SetBool.Request(data=True))
    assert not refused.success
    assert "release it first" in refused.message
    assert swimmer.bench.call(stop, SetBool.Request(data=False)).success
    assert not moves()
    assert swimmer.bench.call(enable, SetBool.Request(data=True)).success
    assert moves()


def test_disabled_it_answers_with_the_safe_command(swimmer):
    enable = swimmer.probe.create_client(SetBool, "swimmer_controller/enable")
    assert swimmer.bench.call(enable, SetBool.Request(data=False)).success
    swimmer.advance()
    assert not any(swimmer.answer(np.full(5, 0.5)).effort)
    swimmer.bench.spin_until(
        lambda: swimmer.status().message.startswith("disabled: call `~/enable` true")
    )


def test_deactivated_it_sends_the_safe_command_once_and_falls_silent(swimmer):
    change = swimmer.probe.create_client(ChangeState, "swimmer_controller/change_state")
    swimmer.advance()
    swimmer.answer(np.full(5, 0.5))
    request = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_DEACTIVATE))
    assert swimmer.bench.call(change, request).success
    swimmer.bench.spin_until(lambda: swimmer.probe.efforts()[-1] == [0.0] * 5)
    swimmer.probe.commands.clear()
    swimmer.probe.send(swimmer.now + PERIOD, np.full(5, 0.5))
    swimmer.bench.spin_for(0.2)
    assert swimmer.probe.commands == []
    for transition in (
        Transition.TRANSITION_CLEANUP,
        Transition.TRANSITION_CONFIGURE,
        Transition.TRANSITION_ACTIVATE,
    ):
        request = ChangeState.Request(transition=Transition(id=transition))
        assert swimmer.bench.call(change, request).success
    swimmer.bench.spin_until(lambda: swimmer.probe.joints.get_subscription_count() == 1)
    swimmer.bench.spin_for(0.1)
    swimmer.advance()
    assert any(swimmer.answer(np.full(5, 0.5)).effort)


def test_a_control_law_that_fails_ends_in_the_safe_command_and_not_the_node(swimmer):
    step = swimmer.node.step

    def failing(angles):
        if failing.result is None:
            raise ZeroDivisionError("by hand")
        return failing.result

    swimmer.node.step = failing
    for result in (None, np.full(5, math.nan), np.zeros(4)):
        failing.result = result
        swimmer.advance()
        assert not any(swimmer.answer(np.full(5, 0.5)).effort)
        swimmer.bench.spin_until(lambda: swimmer.status().level == DiagnosticStatus.ERROR)
        assert "the control law failed" in swimmer.status().message
    swimmer.node.step = step
    swimmer.advance()
    assert any(swimmer.answer(np.full(5, 0.5)).effort)


def test_actions_are_cut_off_at_the_limits(swimmer):
    swimmer.node.step = lambda angles: np.array([1.0, -1.0, 1e-4, 0, 1e300])
    swimmer.advance()
    command = swimmer.answer(np.zeros(5))
    np.testing.assert_array_equal(command.effort, [5e-4, -5e-4, 1e-4, 0, 5e-4])


def test_parameters_change_at_run_time_whole_or_not_at_all(swimmer):
    node = swimmer.node
    good = Parameter("proprioception_weight", value=3)
    bad = Parameter("contralateral_weight", value=1.0)
    result = node.set_parameters_atomically([good, bad])
    assert not result.successful
    assert "contralateral_weight" in result.reason
    assert "0.0, value: 1.0" in result.reason
    assert node.circuit.weights.proprioception == 1.0
    assert node.set_parameters_atomically([good]).successful
    assert node.circuit.weights.proprioception == 3.0
    assert not node.set_parameters_atomically([Parameter("links", value=7)]).successful
    angles = np.full(5, 0.2)
    swimmer.advance()
    expected = Circuit(5, node.parameters.weights()).step(angles) * 5e-4
    np.testing.assert_array_equal(swimmer.answer(angles).effort, expected)


def test_a_reader_that_fails_and_parameters_that_do_not_apply_leave_the_node_up(swimmer):
    source = swimmer.node._inputs[0]
    read, source.read = source.read, lambda message: {}["by hand"]
    swimmer.advance()
    assert not any(swimmer.answer(np.full(5, 0.5)).effort)
    swimmer.bench.spin_until(lambda: swimmer.probe.said("rejected: 'by hand'"))
    source.read = read
    swimmer.node.apply = lambda: {}["by hand"]
    assert swimmer.node.set_parameters([Parameter("speed", value=0.5)])[0].successful
    swimmer.bench.spin_until(lambda: swimmer.probe.said("disabled, parameters can't be applied"))
    swimmer.advance()
    assert not any(swimmer.answer(np.full(5, 0.5)).effort)


def test_a_controller_that_cannot_be_configured_says_why(bench):
    node = bench.add(SwimmerController())
    node.configure = lambda: {}["by hand"]
    with pytest.raises(ConfigurationError, match="configure failed: KeyError"):
        node.start()


def test_limits_follow_their_parameter(swimmer):
    swimmer.node.set_parameters([Parameter("max_torque", value=1e-4)])
    swimmer.advance()
    assert max(swimmer.answer(np.full(5, 0.9)).effort) == 1e-4


def test_diagnostics_come_every_second_with_rate_latency_and_counts(swimmer):
    swimmer.bench.spin_for(0.2)
    for _ in range(20):
        swimmer.advance()
        swimmer.answer(np.zeros(5))
    swimmer.probe.diagnostics.clear()
    swimmer.bench.spin_until(lambda: len(swimmer.probe.diagnostics) >= 2, timeout=4)
    values = {v.key: v.value for v in swimmer.probe.diagnostics[-1].values}
    assert swimmer.probe.diagnostics[-1].name == "swimmer_controller: controller"
    assert values["steps"] == "20"
    assert 0 < float(values["latency_p50_ms"]) <= float(values["latency_p99_ms"]) < 1000
    assert {"loop_rate_hz", "overruns", "emergency_stop"} <= set(values)


def test_cmd_vel_steers_until_it_is_too_old_and_then_rests(swimmer):
    publisher = swimmer.probe.create_publisher(Twist, "cmd_vel", 1)
    swimmer.bench.spin_until(publisher.get_subscription_count)
    twist = Twist()
    table = Calibration.load(calibration_path("ncap", 6))
    tempo, turn = table.inputs(0.041, 0.12)
    assert 0 < tempo < 0.6
    assert turn < 0
    twist.linear.x, twist.angular.z = 0.041, 0.12
    publisher.publish(twist)
    swimmer.bench.spin_until(lambda: swimmer.node.set_point() == (1.0, turn, tempo))
    twist.linear.x = math.nan
    publisher.publish(twist)
    swimmer.bench.spin_until(lambda: swimmer.probe.said("cmd_vel rejected"))
    assert swimmer.node.set_point() == (1.0, turn, tempo)
    expected = Circuit(5)
    np.testing.assert_array_equal(
        swimmer.answer(np.full(5, 0.5)).effort,
        expected.step(np.full(5, 0.5), 1.0, turn, tempo) * 5e-4,
    )
    twist.linear.x, twist.angular.z = 1e9, -1e9
    publisher.publish(twist)
    most = (1.0, max(table.turn), 1.0)
    swimmer.bench.spin_until(lambda: swimmer.node.set_point() == pytest.approx(most))
    for _ in range(17):
        swimmer.advance()
    assert swimmer.node.set_point() == (1.0, 0.0, 0.0)
    assert not any(swimmer.answer(np.full(5, 0.5)).effort)
    swimmer.bench.spin_until(lambda: swimmer.probe.said("at rest: no cmd_vel for 0.5 s"))
    # Neither a restart nor a clock that goes back lets it swim off on its own.
    stop = swimmer.probe.create_client(SetBool, "swimmer_controller/emergency_stop")
    enable = swimmer.probe.create_client(SetBool, "swimmer_controller/enable")
    for client, data in ((stop, True), (stop, False), (enable, True)):
        assert swimmer.bench.call(client, SetBool.Request(data=data)).success
    swimmer.advance()
    assert not any(swimmer.answer(np.full(5, 0.5)).effort)
    swimmer.now = 0
    swimmer.set_clock()
    assert not any(swimmer.answer(np.full(5, 0.5)).effort)


def test_an_awaited_cmd_vel_is_the_one_of_the_same_stamp_whichever_comes_first(bench):
    swimmer = Swimmer(bench, stamped_cmd_vel=True, await_cmd_vel=True)
    swimmer.set_clock()
    publisher = swimmer.probe.create_publisher(TwistStamped, "cmd_vel", 1)
    bench.spin_until(publisher.get_subscription_count)
    table, circuit = Calibration.load(calibration_path("ncap", 6)), Circuit(5)
    angles = np.full(5, 0.5)

    def send(speed):
        message = TwistStamped()
        message.header.stamp = to_stamp(swimmer.now)
        message.twist.linear.x = speed
        publisher.publish(message)

    for speed, first in ((0.02, True), (0.04, False), (0.06, True), (0.0, False)):
        swimmer.advance()
        answered = len(swimmer.probe.commands)
        if first:
            send(speed)
            bench.spin_for(0.05)
        swimmer.probe.send(swimmer.now, angles)
        if not first:
            bench.spin_for(0.1)
            assert len(swimmer.probe.commands) == answered
            send(speed)
        bench.spin_until(lambda answered=answered: len(swimmer.probe.commands) > answered)
        tempo, turn = table.inputs(speed, 0.0)
        np.testing.assert_array_equal(
            swimmer.probe.commands[-1].effort, circuit.step(angles, 1.0, turn, tempo) * 5e-4
        )


def test_an_observation_whose_cmd_vel_never_comes_gets_the_safe_command_with_the_next(bench):
    swimmer = Swimmer(bench, stamped_cmd_vel=True, await_cmd_vel=True)
    swimmer.set_clock()
    swimmer.advance()
    missed = swimmer.now
    swimmer.probe.send(missed, np.full(5, 0.5))
    bench.spin_for(0.05)
    assert not swimmer.probe.commands
    swimmer.advance()
    command = swimmer.answer(np.full(5, 0.5))
    assert command.header.stamp.nanosec == missed % 10**9
    assert not any(command.effort)
    bench.spin_until(lambda: swimmer.probe.said("no cmd_vel for the observation"))


def test_trained_weights_replace_the_weight_parameters(bench):
    swimmer = Swimmer(bench, policy="trained")
    swimmer.set_clock()
    design, vector = find_policy("ncap-extended", 6)
    circuit = design.circuit(vector)
    rng = np.random.default_rng(0)
    for _ in range(5):
        swimmer.advance()
        angles = rng.uniform(-1, 1, 5)
        np.testing.assert_array_equal(swimmer.answer(angles).effort, circuit.step(angles) * 5e-4)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"policy": "gone.safetensors"}, "no file 'gone.safetensors' in config/weights"),
        ({"policy": "fish"}, "no policy 'fish'"),
        ({"policy": "swimmer_ncap_unit_steering_6_links.safetensors"}, "not a policy of the swim"),
        ({"calibration": "gone.safetensors"}, "no file 'gone.safetensors' in config/weights"),
        ({"calibration": "swimmer_ncap_extended.safetensors"}, "not a calibration of the swimmer"),
        (
            {"links": 8, "calibration": "swimmer_ncap_unit_steering_6_links.safetensors"},
            "that of 6 links, not 8",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_refused_in_one_line(bench, values, says):
    node = bench.add(SwimmerController(**options(**values)))
    with pytest.raises(ConfigurationError, match=says) as caught:
        node.start()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"policy": "trained", "ipsilateral_weight": 2.0}, "brings its own ipsilateral_weight"),
        ({"await_cmd_vel": True}, "await_cmd_vel needs stamped_cmd_vel"),
    ],
)
def test_parameters_that_contradict_one_another_are_refused(bench, values, says):
    with pytest.raises(ConfigurationError, match=says):
        SwimmerController(**options(**values))


def test_without_a_calibration_a_velocity_command_rests(bench):
    swimmer = Swimmer(bench, links=8)
    swimmer.probe.names = [f"joint_{i}" for i in range(1, 8)]
    swimmer.set_clock()
    publisher = swimmer.probe.create_publisher(Twist, "cmd_vel", 1)
    bench.spin_until(publisher.get_subscription_count)
    swimmer.advance()
    assert any(swimmer.answer(np.full(7, 0.5)).effort)
    publisher.publish(Twist())
    bench.spin_until(lambda: swimmer.node.set_point() == (1.0, 0.0, 0.0))
    swimmer.advance()
    assert not any(swimmer.answer(np.full(7, 0.5)).effort)


def test_activity_names_and_values_every_neuron_and_muscle(swimmer):
    heard = []
    from sensor_msgs.msg import JointState

    swimmer.probe.create_subscription(JointState, "swimmer_controller/activity", heard.append, 10)
    swimmer.bench.spin_until(swimmer.node._activity.get_subscription_count)
    swimmer.advance()
    swimmer.answer(np.full(5, 0.2))
    swimmer.bench.spin_until(lambda: bool(heard))
    activity = dict(zip(heard[0].name, heard[0].position, strict=True))
    assert len(activity) == 20
    circuit = Circuit(5)
    circuit.step(np.full(5, 0.2))
    assert activity["neuron_dorsal_joint_2"] == circuit.activity.neurons[0, 1]
    assert activity["muscle_ventral_joint_1"] == circuit.activity.muscles[1, 0]


def test_on_the_wall_clock_silence_is_told_and_answered_too(bench):
    swimmer = Swimmer(bench, use_sim_time=False)
    now = swimmer.node.get_clock().now().nanoseconds
    swimmer.probe.send(now, np.full(5, 0.5))
    swimmer.bench.spin_until(lambda: any(map(any, swimmer.probe.efforts())))
    swimmer.probe.commands.clear()
    swimmer.bench.spin_for(0.3)
    assert swimmer.probe.efforts()
    assert not any(map(any, swimmer.probe.efforts()))
    # One safe command a control period while the silence lasts.
    assert 3 <= len(swimmer.probe.commands) <= 8


def test_rejections_at_any_rate_are_told_once_a_second_and_all_counted(swimmer):
    swimmer.advance()
    swimmer.probe.diagnostics.clear()
    for number in range(60):
        # Good and bad in turn: each is another state, and no text stands twice.
        bad = np.full(5, 0.5) if number % 2 else [math.nan, number, 0, 0, 0]
        swimmer.advance()
        swimmer.answer(bad)
    assert swimmer.node._rejected["joint_states/not_finite"] == 30
    assert len(swimmer.probe.diagnostics) < 15
    assert swimmer.probe.said("joint_states rejected")


def test_an_empty_list_as_a_dump_writes_it_is_the_default(bench):
    bench.close()
    again = Bench(["--ros-args", "-p", "joint_names:=[]"])
    try:
        node = again.add(SwimmerController())
        node.start()
        assert node.parameters.joints == [f"joint_{i}" for i in range(1, 6)]
    finally:
        again.close()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"joint_names": ["a", "b"]}, "5 joints; joint_names lists 2"),
        ({"links": 4, "turn_joints": 4}, "turn_joints is at most 3"),
        ({"control_period": 1.5, "input_timeout": 2.0}, "at least two control periods"),
        ({"input_timeout": 0.02}, "longer than control_period"),
        ({"spede": 1.0}, "has no parameter spede"),
    ],
)
def test_parameters_that_contradict_one_another_are_refused_at_start(bench, values, says):
    with pytest.raises(ConfigurationError, match=says):
        SwimmerController(**options(**values))


@pytest.fixture(scope="module")
def long_lived():
    bench = Bench()
    try:
        made = Swimmer(bench)
        made.set_clock()
        yield made
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
    swimmer = long_lived
    swimmer.advance()
    before = len(swimmer.probe.commands)
    message = joint_state(
        swimmer.now, swimmer.probe.names if plain else names, np.array(values, dtype=float)
    )
    swimmer.probe.joints.publish(message)
    swimmer.bench.spin_until(lambda: len(swimmer.probe.commands) > before)
    effort = np.array(swimmer.probe.commands[-1].effort)
    assert effort.shape == (5,)
    assert np.isfinite(effort).all()
    assert (np.abs(effort) <= 5e-4).all()
    swimmer.advance()
    assert any(swimmer.answer(np.full(5, 0.5)).effort)
