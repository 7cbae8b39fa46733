# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The gait controller through real topics, under simulated time."""

import math

import mujoco
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Twist, TwistStamped
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool, Trigger

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import Command, gait
from neuro_control.quadruped.control.command_mux import CommandSources, MuxSettings
from neuro_control.quadruped.control.controller import ControllerSettings, QuadrupedController
from neuro_control.quadruped.control.robots import GO2, find_robot
from neuro_control.quadruped.control.types import JOINTS, LEGS, PERIOD
from neuro_control.quadruped.nodes.gait_controller import GaitController, _quaternion
from neuro_control.quadruped.simulation.body import Body, world
from neuro_control.ros.messages import (
    COMMAND_QOS,
    RECORD_QOS,
    SENSOR_QOS,
    joint_state,
    to_nanoseconds,
    to_stamp,
)
from neuro_control.simulation.node import Simulation
from tests.bench import MS, options

STEP = 2 * MS
STANDING = np.tile([0.0, 0.8, -1.6], 4)
TORQUE = np.tile(GO2.torque, 4)


class Quadruped:
    """A controller under simulated time, and the topics of the robot that it moves."""

    def __init__(self, bench, **values):
        self.bench = bench
        self.node = bench.add(GaitController(**options(use_sim_time=True, **values)))
        self.probe = probe = bench.add(Node("robot"))
        self.commands, self.diagnostics = [], []
        self.clock = probe.create_publisher(Clock, "/clock", 10)
        self.joints = probe.create_publisher(JointState, "joint_states", SENSOR_QOS)
        self.imu = probe.create_publisher(Imu, "imu/imu", SENSOR_QOS)
        self.feet = probe.create_publisher(JointState, "foot_forces", SENSOR_QOS)
        twist = TwistStamped if values.get("stamped_cmd_vel") else Twist
        self.cmd_vel = probe.create_publisher(twist, "cmd_vel", 1)
        self.gait_command = probe.create_publisher(Float64MultiArray, "gait_command", 1)
        probe.create_subscription(JointState, "joint_commands", self.commands.append, COMMAND_QOS)
        probe.create_subscription(
            DiagnosticArray, "/diagnostics", lambda m: self.diagnostics.extend(m.status), 10
        )
        self.node.start()
        self.now = 10**12
        topics = (
            self.clock, self.joints, self.imu, self.feet, self.cmd_vel, self.gait_command,
        )  # fmt: skip
        bench.spin_until(lambda: all(each.get_subscription_count() for each in topics))
        bench.spin_until(lambda: probe.count_publishers("joint_commands"))
        bench.spin_for(0.05)
        self.set_clock()

    def set_clock(self):
        self.clock.publish(Clock(clock=to_stamp(self.now)))
        self.bench.spin_until(lambda: self.node.get_clock().now().nanoseconds == self.now)

    def feel(self, rate=(0.0, 0.0, 0.0), acceleration=(0.0, 0.0, 9.81), forces=(37.0,) * 4):
        message = Imu()
        message.header.stamp = to_stamp(self.now)
        w, a = message.angular_velocity, message.linear_acceleration
        w.x, w.y, w.z = map(float, rate)
        a.x, a.y, a.z = map(float, acceleration)
        self.imu.publish(message)
        self.feet.publish(joint_state(self.now, list(LEGS), effort=np.array(forces)))

    def move(self, angles=STANDING, speeds=None, names=JOINTS):
        speeds = np.zeros(12) if speeds is None else np.asarray(speeds, dtype=float)
        self.joints.publish(joint_state(self.now, list(names), np.array(angles), speeds))

    def answer(self, stamp=None):
        """The command of a stamp, now by default; others may come before and after it."""
        stamp = self.now if stamp is None else stamp

        def found():
            return [c for c in self.commands[-20:] if to_nanoseconds(c.header.stamp) == stamp]

        self.bench.spin_until(found, what=f"a command of {stamp} ns")
        return found()[-1]

    def tick(self):
        self.now += STEP
        self.set_clock()

    def at(self, angles=STANDING, speeds=None, names=JOINTS, **felt):
        """Efforts that answer the next observation."""
        self.tick()
        self.feel(**felt)
        before = len(self.commands)
        self.move(angles, speeds, names)
        # The watchdog may answer an earlier silence meanwhile: what counts is the stamp.
        self.bench.spin_until(
            lambda: any(to_nanoseconds(c.header.stamp) == self.now for c in self.commands[before:])
        )
        command = self.commands[-1]
        assert list(command.name) == list(JOINTS)
        assert to_nanoseconds(command.header.stamp) == self.now
        return np.array(command.effort)

    def tell(self, *numbers):
        self.gait_command.publish(Float64MultiArray(data=[float(n) for n in numbers]))
        self.bench.spin_for(0.1)

    def steer(self, forward=0.0, left=0.0, yaw_rate=0.0):
        message = Twist()
        message.linear.x, message.linear.y, message.angular.z = forward, left, yaw_rate
        self.cmd_vel.publish(message)
        self.bench.spin_for(0.1)

    def said(self, text):
        return any(text in status.message for status in self.diagnostics)

    def obeyed(self):
        """Command that the next observation finds."""
        self.at()
        return self.node.controller.command


def test_an_observation_is_answered_by_torques_once_all_of_its_stamp_is_there(bench):
    dog = Quadruped(bench)
    dog.tick()
    dog.move()
    dog.bench.spin_for(0.1)
    assert dog.commands == []
    dog.feel()
    command = dog.answer()
    assert to_nanoseconds(command.header.stamp) == dog.now
    for _ in range(10):
        efforts = dog.at()
    # Who holds 15 kg pushes with the knees: above 0 stretches no leg.
    assert (efforts[2::3] > 1.0).all()
    assert (np.abs(efforts) <= TORQUE).all()
    assert dog.node.controller.state in ("rising", "walking")


def test_without_imu_the_last_command_holds_then_it_damps_and_recovers_with_it(bench):
    dog = Quadruped(bench)
    for _ in range(5):
        last = dog.at()
    speeds = np.linspace(-2.0, 2.0, 12)
    for _ in range(2):
        dog.tick()
        dog.move(speeds=speeds)
    np.testing.assert_array_equal(dog.answer(dog.now - STEP).effort, last)
    for _ in range(140):
        dog.tick()
        dog.move(speeds=speeds)
        command = dog.answer(dog.now - STEP)
    np.testing.assert_allclose(command.effort, -3.0 * speeds)
    assert list(command.velocity) == [0.0] * 12
    bench.spin_until(lambda: dog.said("no imu/imu, foot_forces for the observation"))
    dog.feel()
    dog.answer()
    assert (dog.at()[2::3] > 1.0).all()


@pytest.mark.parametrize(
    "wrong", [{"rate": (math.nan, 0.0, 0.0)}, {"acceleration": (1e6, 0.0, 0.0)}]
)
def test_an_imu_that_tells_no_numbers_is_bridged_and_then_lays_the_robot_down(bench, wrong):
    dog = Quadruped(bench)
    for _ in range(5):
        dog.at()
    for _ in range(5):
        assert (dog.at(**wrong)[2::3] > 1.0).all()
    speeds = np.ones(12)
    np.testing.assert_allclose(dog.at(speeds=speeds, **wrong), -3.0 * speeds)
    bench.spin_until(lambda: dog.said("down: joints only brake; the IMU is not finite"))


def test_a_sensor_that_jumped_is_cleared_by_the_service_that_the_diagnostics_name(bench):
    dog = Quadruped(bench)
    for _ in range(5):
        dog.at()
    jumped = STANDING.copy()
    jumped[4] += 0.5
    for _ in range(10):
        dog.at(jumped)
    bench.spin_until(lambda: dog.said("/gait_controller/clear_sensor_faults makes it count again"))
    assert not dog.node.controller.locomotion.monitor.reliable
    clear = dog.probe.create_client(Trigger, "/gait_controller/clear_sensor_faults")
    assert bench.call(clear, Trigger.Request()).success
    dog.at(jumped)
    assert dog.node.controller.locomotion.monitor.reliable


def test_without_foot_sensors_it_waits_for_none(bench):
    dog = Quadruped(bench, foot_sensors=False)
    for _ in range(10):
        dog.tick()
        dog.feel()
        dog.move()
        effort = np.array(dog.answer().effort)
    assert (effort[2::3] > 1.0).all()


def test_joints_in_another_order_are_sorted_by_their_names(bench):
    dog = Quadruped(bench)
    for _ in range(3):
        expected = dog.at()
    order = np.random.default_rng(0).permutation(12)
    np.testing.assert_allclose(
        dog.at(STANDING[order], names=[JOINTS[k] for k in order]), expected, atol=0.5
    )


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ([f"joint_{k}" for k in range(12)], "no joint FL_hip_joint"),
        ([*JOINTS[:11], "RR_knee_joint"], "no joint RR_calf_joint among"),
        ([*JOINTS, "arm_joint"], "a quadruped has no joint arm_joint"),
        ([*JOINTS, "RR_calf_joint"], "a joint is named twice"),
    ],
)
def test_wrong_joint_names_are_refused_and_the_motors_stay_limp(bench, names, why):
    dog = Quadruped(bench)
    count = len(names)
    for _ in range(3):
        effort = dog.at(np.full(count, -0.9), np.zeros(count), names)
        np.testing.assert_array_equal(effort, np.zeros(12))
    bench.spin_until(lambda: dog.said(f"joint_states rejected: {why}"))


@pytest.mark.parametrize(
    ("angle", "speed", "why"),
    [
        (math.nan, 0.0, "is not finite"),
        (math.inf, 0.0, "is not finite"),
        (0.8, math.nan, "is not finite"),
        (3.0, 0.0, "jumps"),
    ],
)
def test_a_joint_that_tells_nonsense_is_bridged_and_then_lays_the_robot_down(
    bench, angle, speed, why
):
    dog = Quadruped(bench)
    for _ in range(5):
        dog.at()
    angles, speeds = STANDING.copy(), np.zeros(12)
    angles[4], speeds[4] = angle, speed
    for _ in range(5):
        assert np.isfinite(dog.at(angles, speeds)).all()
        assert dog.node.controller.state in ("rising", "walking")
    dog.at(angles, speeds)
    assert dog.node.controller.state == "sitting_down"
    bench.spin_until(lambda: dog.said(f"lies down; the sensor of FR_thigh_joint {why}"))
    for _ in range(600):
        assert np.isfinite(dog.at(angles, speeds)).all()
    assert dog.node.controller.state == "damping"


def test_a_foot_that_tells_no_number_does_not_stop_it_and_is_said(bench):
    dog = Quadruped(bench)
    for k in range(40):
        dog.at(STANDING + 1e-4 * (k % 2), forces=(math.nan, 37.0, 37.0, 37.0))
    assert dog.node.controller.state in ("rising", "walking")
    bench.spin_until(lambda: dog.said("the foot sensor of FL is not finite"))


def test_without_observations_the_torque_is_zero_and_it_begins_anew_after_a_gap(bench):
    dog = Quadruped(bench)
    for _ in range(5):
        dog.at(speeds=np.full(12, 0.5))
    dog.now += 300 * MS
    dog.set_clock()
    # The watchdog's commands follow those that answer the last observations.
    bench.spin_until(lambda: not np.any(dog.commands[-1].effort))
    bench.spin_until(lambda: dog.said("no joint_states for"))
    # It has moved meanwhile: the clock was not only set.
    dog.at(STANDING + 0.1)
    assert dog.node.controller.state == "rising"


class Walking(Quadruped):
    """A robot in MuJoCo that walks at 0.8 m/s by the node's commands, through topics."""

    def __init__(self, bench):
        super().__init__(bench, velocity_profile=[0.0, 0.8, 0.0, 0.0])
        self.body = Body(world())
        self.body.reset(np.random.default_rng(0))
        self.efforts = np.zeros(12)
        self.go_on(1.5)

    def go_on(self, seconds):
        for _ in range(round(seconds / PERIOD)):
            o = self.body.observation
            self.efforts = self.at(o.angles, o.speeds, rate=o.rate, acceleration=o.acceleration,
                                   forces=o.forces)  # fmt: skip
            self.body.step(self.efforts)
            assert not self.body.fallen

    def lose(self, seconds):
        """Time goes on and nothing is received."""
        for k in range(round(seconds / PERIOD)):
            self.tick()
            if k > 6:
                # By then it is the watchdog that commands.
                self.efforts = np.array(self.answer().effort)
            self.body.step(self.efforts)

    def walks(self):
        return self.node.controller.state == "walking" and self.body.height > 0.25


def test_a_walking_robot_bears_lost_observations_and_steps_of_the_clock(bench):
    dog = Walking(bench)
    for seconds in (0.02, 0.05, 0.15):
        dog.lose(seconds)
        dog.go_on(0.3)
        assert dog.walks()
    for step in (20 * MS, -20 * MS, 200 * MS, -3000 * MS):
        dog.now += step
        dog.go_on(0.1)
        assert dog.walks()
    # One observation is stamped ahead.
    dog.now += 20 * MS
    dog.go_on(PERIOD)
    dog.now -= 20 * MS
    dog.go_on(0.1)
    assert dog.walks()


@pytest.mark.parametrize("stopped", [False, True])
def test_the_safe_command_does_not_brake_by_speeds_older_than_the_timeout(bench, stopped):
    dog = Quadruped(bench)
    speeds = np.zeros(12)
    speeds[2] = 12.0
    for _ in range(5):
        dog.at(speeds=speeds)
    if stopped:
        stop = dog.probe.create_client(SetBool, "/gait_controller/emergency_stop")
        bench.call(stop, SetBool.Request(data=True))
        np.testing.assert_allclose(dog.at(speeds=speeds), np.clip(-3.0 * speeds, -TORQUE, TORQUE))
    # From here on each is stamped 0.2 s in the past, and refused for it.
    for _ in range(60):
        dog.tick()
        stamp, dog.now = dog.now, dog.now - 200 * MS
        dog.move(speeds=np.zeros(12))
        dog.now = stamp
        effort = np.array(dog.answer().effort)
    np.testing.assert_array_equal(effort, np.zeros(12))


def test_a_fall_is_damped_and_said(bench):
    dog = Quadruped(bench)
    for _ in range(5):
        dog.at()
    for k in range(300):
        # Encoders that never change have frozen.
        felt = STANDING + 1e-4 * (k % 2)
        dog.at(felt, acceleration=(0.0, 9.81, 0.0), rate=(4.0, 0.0, 0.0))
        if dog.node.controller.state == "damping":
            break
    speeds = np.linspace(-1.0, 1.0, 12)
    np.testing.assert_allclose(dog.at(speeds=speeds, rate=(4.0, 0.0, 0.0)), -3.0 * speeds)
    bench.spin_until(lambda: dog.said("down: joints only brake; it fell"))


def test_an_estimate_that_can_not_be_is_forgotten(bench):
    dog = Quadruped(bench)
    for _ in range(5):
        dog.at()
    dog.node.controller.gait.estimator.rotation[:] = math.nan
    speeds = np.linspace(-1.0, 1.0, 12)
    np.testing.assert_allclose(dog.at(speeds=speeds), -3.0 * speeds)
    bench.spin_until(lambda: dog.said("its state estimate is not finite"))
    for _ in range(400):
        dog.at()
        if dog.node.controller.state != "damping":
            break
    assert dog.node.controller.state == "folding"


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


def simulated(bench, seconds, seed=3, arguments="{}", effects="[]", **values):
    """Simulation and controller in lockstep; the rows that ``_end_step`` leaves."""
    simulation = bench.add(
        Simulation(
            **options(
                model="neuro_control.quadruped.simulation.body:world",
                model_arguments=arguments,
                seed=seed,
                duration=seconds,
                effects=effects,
            )
        )
    )
    node = bench.add(GaitController(**options(use_sim_time=True, **values)))
    rows, end_step = [], simulation.end_step

    def taken_down():
        rows.append((simulation.data.qpos.copy(), simulation.data.qvel.copy()))
        end_step()

    simulation.end_step = taken_down
    return simulation, node, rows


@pytest.mark.parametrize("robot", ["go2", "go1"])
def test_a_walk_through_ros_is_the_walk_without_it_to_the_bit(bench, robot):
    profile = [0.0, 0.5, 0.0, 0.0, 1.0, 0.3, 0.1, -0.5]
    simulation, node, rows = simulated(
        bench, 1.6, arguments=f"robot: {robot}", robot=robot, velocity_profile=profile
    )
    node.start()
    bench.spin_until(lambda: simulation.finished, timeout=60)
    settings = ControllerSettings(mux=MuxSettings(velocity_profile=tuple(profile)))
    body, controller = Body(world(robot)), QuadrupedController(find_robot(robot), settings)
    body.reset(np.random.default_rng(3))
    for tick, (qpos, _) in enumerate(rows):
        answer = controller.step(body.observation, tick * PERIOD, CommandSources())
        body.step(answer.efforts)
        assert (body.data.qpos == qpos).all(), tick
    assert len(rows) == 800
    assert body.velocity[0] > 0.2


def test_it_walks_as_cmd_vel_says_and_stands_when_that_is_silent(bench):
    simulation, node, rows = simulated(bench, 5.2, stand_delay=0.3)
    probe = bench.add(Node("joystick"))
    publisher = probe.create_publisher(Twist, "cmd_vel", 1)
    told, felt = Twist(), []
    told.linear.x, told.angular.z = 0.5, 0.4
    # A tenth of a second after another, by the simulated clock, for three seconds.
    probe.create_subscription(
        Clock,
        "/clock",
        lambda m: (
            publisher.publish(told)
            if to_nanoseconds(m.clock) % (100 * MS) == 0 and m.clock.sec < 3
            else None
        ),
        10,
    )
    probe.create_subscription(Odometry, "odom", felt.append, SENSOR_QOS)
    # Both ends know of one another before the first step.
    pause = probe.create_client(SetBool, "/simulation/pause")
    assert bench.call(pause, SetBool.Request(data=True)).success
    node.start()
    bench.spin_until(publisher.get_subscription_count)
    assert bench.call(pause, SetBool.Request(data=False)).success
    bench.spin_until(lambda: simulation.finished, timeout=90)
    qpos, qvel = (np.array(each) for each in zip(*rows, strict=True))
    speed = np.hypot(qvel[:, 0], qvel[:, 1])
    assert speed[1000:1500].mean() == pytest.approx(0.5, abs=0.05)
    assert qvel[1000:1500, 5].mean() == pytest.approx(0.4, abs=0.05)
    assert speed[-100:].max() < 0.05
    assert node.controller.gait.schedule.stance.all()
    assert node.controller.state == "walking"
    # Fifty times a second, in odom, and about where it is.
    stamps = [to_nanoseconds(message.header.stamp) for message in felt]
    assert set(np.diff(stamps)) == {20 * MS}
    last = felt[-1]
    assert (last.header.frame_id, last.child_frame_id) == ("odom", "base_link")
    row = qpos[round(stamps[-1] / STEP) - 1]
    position = last.pose.pose.position
    np.testing.assert_allclose([position.x, position.y, position.z], row[:3], atol=0.1)
    turn = last.pose.pose.orientation
    assert abs(np.dot([turn.w, turn.x, turn.y, turn.z], row[3:7])) > 0.99


def lies_softly(rows):
    """Whether the trunk went down, level in the end, neither dropped nor thrown over."""
    up = np.array([1 - 2 * (qpos[4] ** 2 + qpos[5] ** 2) for qpos, _ in rows])
    qpos, qvel = rows[-1]
    assert qpos[2] < 0.15
    assert up.min() > math.cos(math.radians(40))
    assert up[-1] > math.cos(math.radians(20))
    assert np.abs(qvel[:6]).max() < 0.3
    assert min(qvel[2] for _, qvel in rows) > -0.9
    return True


def test_a_stop_lays_it_down_softly(bench):
    simulation, node, rows = simulated(bench, 2.4, velocity_profile=[0.0, 0.5, 0.0, 0.0])
    stop = bench.add(Node("button")).create_client(SetBool, "/gait_controller/emergency_stop")
    bench.spin_until(stop.service_is_ready)
    node.start()
    bench.spin_until(lambda: len(rows) > 500, timeout=60)
    assert bench.call(stop, SetBool.Request(data=True)).success
    bench.spin_until(lambda: simulation.finished, timeout=60)
    assert lies_softly(rows)


def test_a_joint_that_is_lost_in_a_walk_lays_it_down_softly(bench):
    simulation, node, rows = simulated(
        bench,
        2.4,
        effects="loss: {sensor: FL_calf, begins: 1.0}",
        velocity_profile=[0.0, 0.5, 0.0, 0.0],
    )
    node.start()
    bench.spin_until(lambda: simulation.finished, timeout=60)
    assert lies_softly(rows)


def test_the_simulated_quadruped_offers_its_sensors_as_messages(bench):
    bench.add(
        Simulation(
            **options(
                model="neuro_control.quadruped.simulation.body:world",
                model_arguments="{noise: 0}",
                lockstep=False,
                real_time_factor=0.1,
            )
        )
    )
    probe = bench.add(Node("listener"))
    heard = {}
    for topic, kind in (
        ("joint_states", JointState),
        ("foot_forces", JointState),
        ("imu/imu", Imu),
    ):
        probe.create_subscription(
            kind, topic, lambda message, topic=topic: heard.update({topic: message}), SENSOR_QOS
        )
    bench.spin_until(lambda: len(heard) == 3)
    assert list(heard["joint_states"].name) == list(JOINTS)
    assert list(heard["foot_forces"].name) == list(LEGS)
    assert all(force >= 0 for force in heard["foot_forces"].effort)
    assert heard["imu/imu"].header.frame_id == "imu"


def test_phases_stances_and_velocities_are_published_while_somebody_subscribes(bench):
    dog = Quadruped(bench)
    heard = []
    dog.probe.create_subscription(JointState, "/gait_controller/activity", heard.append, RECORD_QOS)
    bench.spin_until(lambda: dog.node.count_subscribers("/gait_controller/activity"))
    dog.steer(0.3)
    for _ in range(10):
        dog.at()
    bench.spin_until(lambda: len(heard) == 10)
    told = dict(zip(heard[-1].name, heard[-1].position, strict=True))
    assert [told[f"stance_{leg}"] for leg in LEGS] == [1.0] * 4
    assert told["commanded_forward"] == 0.3
    assert told["estimated_height"] == pytest.approx(0.3, abs=0.05)


def test_transforms_follow_odometry_where_there_is_tf2_msgs(bench):
    messages = pytest.importorskip("tf2_msgs.msg", reason="there is no wheel of it")
    dog = Quadruped(bench)
    heard = []
    dog.probe.create_subscription(messages.TFMessage, "/tf", heard.append, 10)
    bench.spin_until(lambda: dog.node.count_subscribers("/tf"))
    for _ in range(20):
        dog.at()
    bench.spin_until(lambda: heard)
    (transform,) = heard[0].transforms
    assert (transform.header.frame_id, transform.child_frame_id) == ("odom", "base_link")
    assert transform.transform.translation.z == pytest.approx(0.3, abs=0.05)


def test_quaternions_are_mujocos():
    rng = np.random.default_rng(0)
    for _ in range(50):
        quaternion = rng.normal(size=4)
        quaternion /= np.linalg.norm(quaternion)
        rotation = np.empty(9)
        mujoco.mju_quat2Mat(rotation, quaternion)
        found = _quaternion(rotation.reshape(3, 3))
        assert abs(found @ quaternion) == pytest.approx(1.0)


def test_the_numbers_of_a_gait_command_are_in_the_order_of_the_paper():
    assert list(Command().array()) == [
        0, 0, 0, 0, 3, 0.5, 0, 0, 0.5, 0.08, 0, 0, 0.28, 0.4, 0,
    ]  # fmt: skip
