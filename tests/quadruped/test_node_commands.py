# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Commands and parameters of the gait controller, through real topics under simulated time."""

import math

import numpy as np
import pytest
from geometry_msgs.msg import TwistStamped
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nav_msgs.msg import Odometry
from rclpy.parameter import Parameter
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool, Trigger

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import RANGES, gait
from neuro_control.quadruped.nodes.gait_controller import GaitController
from neuro_control.ros.messages import (
    SENSOR_QOS,
    joint_state,
    to_nanoseconds,
    to_stamp,
)
from tests.bench import MS, options
from tests.quadruped.node_setting import STANDING, TORQUE, Quadruped


def test_gait_commands_are_obeyed_clamped_or_refused_and_said(bench):
    dog = Quadruped(bench)
    pace = gait("pace", forward=0.2, frequency=2.5)
    dog.tell(*pace.array())
    assert dog.obeyed() == pace
    for bad, why in (
        ([0.1] * 14, "14 values of gait_command instead of 15"),
        ([0.1] * 14 + [math.nan], "gait_command[14] is nan"),
        ([math.inf] * 15, "gait_command[14] is nan"),
        ([], "14 values of gait_command"),
    ):
        dog.tell(*bad)
        assert dog.obeyed() == pace
        bench.spin_until(lambda why=why: dog.said(why))
    dog.tell(*gait("trot", forward=7.0, swing=0.5).array())
    assert dog.obeyed() == gait("trot", forward=1.6, swing=0.2)
    bench.spin_until(lambda: dog.said("forward 7 is beyond -1 to 1.6: clamped"))


def test_cmd_vel_overrides_velocities_until_it_falls_silent(bench):
    dog = Quadruped(bench, max_forward=0.4, gait="walk", command_timeout=0.3, stand_delay=0.2)
    assert dog.obeyed() == gait("walk")
    dog.steer(9.0, 0.1, -0.3)
    assert dog.obeyed() == gait("walk", forward=0.4, left=0.1, yaw_rate=-0.3)
    bench.spin_until(lambda: dog.said("forward 9 is beyond -1 to 0.4: clamped"))
    dog.steer(math.nan)
    assert dog.obeyed().forward == 0.4
    bench.spin_until(lambda: dog.said("cmd_vel rejected"))
    dog.now += 300 * MS
    assert dog.obeyed() == gait("walk")
    bench.spin_until(lambda: dog.said("stops: neither cmd_vel nor gait_command for 0.3 s"))
    dog.now += 200 * MS
    assert dog.obeyed() == gait("walk", duration=1.0)
    bench.spin_until(lambda: dog.said("stands: neither"))
    dog.steer(0.1)
    assert dog.obeyed() == gait("walk", forward=0.1)


def test_cmd_vel_may_carry_a_stamp_and_counts_from_then(bench):
    dog = Quadruped(bench, stamped_cmd_vel=True)
    message = TwistStamped()
    message.header.stamp = to_stamp(dog.now - 400 * MS)
    message.twist.linear.x = 0.2
    dog.cmd_vel.publish(message)
    bench.spin_for(0.1)
    assert dog.obeyed().forward == 0.2
    dog.now += 150 * MS
    assert dog.obeyed().forward == 0.0


def test_in_lockstep_an_observation_waits_for_the_command_that_answers_the_last_odometry(bench):
    with pytest.raises(ConfigurationError, match="lockstep needs stamped_gait_command"):
        GaitController(**options(lockstep=True))
    dog = Quadruped(bench, lockstep=True, stamped_gait_command=True)
    odometry = []
    dog.probe.create_subscription(Odometry, "odom", odometry.append, SENSOR_QOS)
    bench.spin_until(lambda: dog.node.count_subscribers("odom"))
    # Nothing has been published yet that a command could answer.
    bench.spin_until(lambda: dog.at() is not None and odometry)
    stamp = to_nanoseconds(odometry[-1].header.stamp)
    dog.tick()
    dog.feel()
    dog.move()
    bench.spin_for(0.1)
    assert to_nanoseconds(dog.commands[-1].header.stamp) < dog.now
    count = len(odometry)
    dog.move()  # as a simulation does that got no answer
    bench.spin_until(lambda: len(odometry) > count)
    assert to_nanoseconds(odometry[-1].header.stamp) == stamp
    pace = gait("pace", forward=0.2)
    dog.gait_command.publish(joint_state(stamp, list(RANGES), pace.array()))
    dog.answer()
    assert dog.node.controller.command == pace


def test_it_lies_and_stands_when_asked(bench):
    dog = Quadruped(bench, start_standing=False)
    speeds = np.full(12, 0.1)
    for _ in range(110):
        efforts = dog.at(speeds=speeds)
    assert dog.node.controller.state == "damping"
    np.testing.assert_allclose(efforts, -0.3)
    up = dog.probe.create_client(Trigger, "/gait_controller/stand_up")
    down = dog.probe.create_client(Trigger, "/gait_controller/lie_down")
    assert bench.call(up, Trigger.Request()).success
    for _ in range(160):
        dog.at()
    assert dog.node.controller.state == "folding"
    bench.spin_until(lambda: dog.said("down: gets up"))
    lies = bench.call(down, Trigger.Request())
    assert lies.message == "lies down; /gait_controller/stand_up makes it stand up again"
    for _ in range(460):
        dog.at()
    assert dog.node.controller.state == "damping"


def test_an_emergency_stop_damps_until_it_is_enabled_again(bench):
    dog = Quadruped(bench)
    for _ in range(5):
        dog.at()
    stop = dog.probe.create_client(SetBool, "/gait_controller/emergency_stop")
    enable = dog.probe.create_client(SetBool, "/gait_controller/enable")
    bench.call(stop, SetBool.Request(data=True))
    speeds = np.linspace(-2.0, 2.0, 12)
    np.testing.assert_allclose(dog.at(speeds=speeds), -3.0 * speeds)
    # It needs nothing but the joints for it.
    dog.tick()
    dog.move(speeds=speeds)
    np.testing.assert_allclose(dog.answer().effort, -3.0 * speeds)
    bench.call(stop, SetBool.Request(data=False))
    np.testing.assert_allclose(dog.at(speeds=speeds), -3.0 * speeds)
    bench.call(enable, SetBool.Request(data=True))
    assert np.abs(dog.at()).max() < 1.0  # it holds what there is
    assert (dog.at()[2::3] > 1.0).all()


def test_how_to_walk_is_changed_at_run_time_and_contradictions_refused(bench):
    dog = Quadruped(bench, gait="pace")
    assert dog.obeyed() == gait("pace")
    dog.node.set_parameters([Parameter("gait", value="walk"), Parameter("height", value=-0.1)])
    assert dog.obeyed() == gait("walk", height=-0.1)
    for name, value in (
        ("frequency", 1.0),
        ("velocity_profile", [1.0]),
        ("velocity_profile", [1.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0]),
        ("gait", "gallop"),
        ("robot", "go1"),
    ):
        assert not dog.node.set_parameters([Parameter(name, value=value)])[0].successful
    with pytest.raises(ConfigurationError, match="width is 0, for the gait's own, or lies"):
        GaitController(**options(width=0.05))


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [
        ("upright", "start_standing", False),
        ("rhythm", "contact_schedule", "oscillators"),
        ("course", "velocity_profile", [0.0, 0.3, 0.0, 0.0]),
        ("stand_after", "stand_delay", 2.0),
    ],
)
def test_old_names_of_parameters_are_accepted(bench, old, new, value):
    node = bench.add(GaitController(**options(**{old: value})))
    found = getattr(node.parameters, new)
    assert (list(found) if isinstance(value, list) else found) == value


def test_gains_are_set_by_section_and_name_or_refused_with_what_would_be_right(bench):
    gains = "{gait: {smoother: {forward_jerk: 20}}, governor: {max_stride: 0.2}}"
    dog = Quadruped(bench, gains=gains)
    assert dog.node.controller.smoother.settings.forward_jerk == 20.0
    assert dog.node.controller.governor.settings.max_stride == 0.2
    for wrong, why in (
        ("{gait: {jerk: 1}}", "gains: gait: there is no jerk: there are smoother, stepping"),
        ("{governor: {max_stride: 9}}", "max_stride is a number between 0.1 and 0.5, not 9"),
        ("{mux: {stand_delay: 1}}", "gains sets no mux, which has parameters of its own"),
        ("[1]", "gains is a mapping of sections to numbers"),
        ("{", "gains is no YAML"),
    ):
        with pytest.raises(ConfigurationError, match=why):
            GaitController(**options(gains=wrong))


def test_odometry_is_served_under_its_old_name_while_somebody_subscribes(bench):
    dog = Quadruped(bench)
    heard = {"odom": [], "odometry": []}
    for topic, messages in heard.items():
        dog.probe.create_subscription(Odometry, topic, messages.append, SENSOR_QOS)
        bench.spin_until(lambda topic=topic: dog.probe.count_publishers(topic))
    bench.spin_for(0.2)
    for _ in range(30):
        dog.at()
    bench.spin_until(lambda: all(heard.values()))
    assert heard["odom"][0] == heard["odometry"][0]


numbers = st.one_of(
    st.floats(-1e9, 1e9), st.sampled_from([np.inf, -np.inf, np.nan, 1e308]), st.floats(-3, 3)
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(numbers, min_size=12, max_size=12),
    st.lists(numbers, min_size=12, max_size=12),
    st.lists(numbers, min_size=6, max_size=6),
    st.lists(numbers, min_size=4, max_size=4),
    st.lists(numbers, max_size=16),
)
def test_whatever_arrives_torques_are_finite_and_within_their_limits(
    bench, angles, speeds, felt, forces, told
):
    if not hasattr(bench, "dog"):
        bench.dog = Quadruped(bench)
    dog = bench.dog
    dog.gait_command.publish(Float64MultiArray(data=told))
    for k in range(2):
        dog.tick()
        dog.feel(felt[:3], felt[3:], forces)
        # One of the two has joints that can be.
        dog.move(STANDING if k else angles, np.zeros(12) if k else speeds)
    before = len(dog.commands)
    dog.tick()
    dog.feel()
    dog.move()
    dog.bench.spin_until(
        lambda: any(to_nanoseconds(c.header.stamp) == dog.now for c in dog.commands[before:])
    )
    for command in dog.commands[before - 1 :]:
        assert (np.abs(command.effort) <= TORQUE).all()
        assert np.isfinite([*command.position, *command.velocity]).all()
