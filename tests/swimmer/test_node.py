# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The swimmer's controller through real topics; the base has tests in ros/test_controller.py."""

import math

import numpy as np
import pytest
from geometry_msgs.msg import Twist, TwistStamped
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool

from neuro_control.errors import ConfigurationError
from neuro_control.ros.messages import to_stamp
from neuro_control.swimmer.control.circuit import Circuit
from neuro_control.swimmer.control.policy import find_policy
from neuro_control.swimmer.control.steering import Calibration, calibration_path
from neuro_control.swimmer.nodes.controller import SwimmerController
from tests.bench import Bench, Loop, options


def loop_of(bench, **values):
    values.setdefault("use_sim_time", True)
    return Loop(bench, SwimmerController(**options(**values)))


@pytest.fixture
def swimmer(bench):
    return loop_of(bench)


def test_every_observation_is_answered_under_its_stamp_by_the_circuit(swimmer):
    circuit = Circuit(5)
    rng = np.random.default_rng(0)
    for _ in range(70):
        swimmer.advance()
        angles = rng.uniform(-1, 1, 5)
        command = swimmer.answer(angles)
        assert list(command.name) == swimmer.probe.names
        # To the bit: messages carry 64 bits.
        np.testing.assert_array_equal(command.effort, circuit.step(angles) * 5e-4)


def test_when_time_goes_back_the_circuit_starts_anew(swimmer):
    for _ in range(40):
        swimmer.advance()
        swimmer.answer(np.zeros(5))
    assert swimmer.node.circuit.phase == 40
    swimmer.now = 0
    swimmer.set_clock()
    assert swimmer.answer(np.zeros(5)).effort[0] == 5e-4  # dorsal, as at the start
    assert swimmer.node.circuit.phase == 1


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


def test_torque_can_be_lowered_at_run_time_and_not_raised_beyond_the_robots(swimmer):
    node = swimmer.node
    (lower,) = node.set_parameters([Parameter("max_torque", value=1e-4)])
    (back,) = node.set_parameters([Parameter("max_torque", value=5e-4)])
    assert lower.successful
    assert back.successful
    (beyond,) = node.set_parameters([Parameter("max_torque", value=1)])
    assert not beyond.successful
    assert "max_torque (1 N·m) is at most torque_limit (0.0005 N·m)" in beyond.reason
    assert node.get_parameter("max_torque").value == 5e-4


def test_limits_follow_their_parameter(swimmer):
    swimmer.node.set_parameters([Parameter("max_torque", value=1e-4)])
    swimmer.advance()
    assert max(swimmer.answer(np.full(5, 0.9)).effort) == 1e-4


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
    swimmer = loop_of(bench, stamped_cmd_vel=True, await_cmd_vel=True)
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
    swimmer = loop_of(bench, stamped_cmd_vel=True, await_cmd_vel=True)
    swimmer.advance()
    missed = swimmer.now
    swimmer.probe.send(missed, np.full(5, 0.5))
    bench.spin_for(0.05)
    assert not swimmer.probe.commands
    swimmer.advance()
    command = swimmer.answer(np.full(5, 0.5), answered=missed)
    assert not any(command.effort)
    bench.spin_until(lambda: swimmer.probe.said("no cmd_vel for the observation"))


def test_trained_weights_replace_the_weight_parameters(bench):
    swimmer = loop_of(bench, policy="trained")
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
    swimmer = loop_of(bench, links=8)
    swimmer.probe.names = [f"joint_{i}" for i in range(1, 8)]
    publisher = swimmer.probe.create_publisher(Twist, "cmd_vel", 1)
    bench.spin_until(publisher.get_subscription_count)
    swimmer.advance()
    assert any(swimmer.answer(np.full(7, 0.5)).effort)
    publisher.publish(Twist())
    bench.spin_until(lambda: swimmer.node.set_point() == (1.0, 0.0, 0.0))
    swimmer.advance()
    assert not any(swimmer.answer(np.full(7, 0.5)).effort)


def test_activity_names_and_values_every_neuron_and_muscle(swimmer):
    received = []
    topic = "swimmer_controller/activity"
    swimmer.probe.create_subscription(JointState, topic, received.append, 10)
    swimmer.bench.spin_until(lambda: swimmer.node.count_subscribers(topic))
    swimmer.bench.spin_for(0.1)
    swimmer.advance()
    swimmer.answer(np.full(5, 0.2))
    swimmer.bench.spin_until(lambda: bool(received))
    activity = dict(zip(received[0].name, received[0].position, strict=True))
    assert len(activity) == 20
    circuit = Circuit(5)
    circuit.step(np.full(5, 0.2))
    assert activity["neuron_dorsal_joint_2"] == circuit.activity.neurons[0, 1]
    assert activity["muscle_ventral_joint_1"] == circuit.activity.muscles[1, 0]


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
