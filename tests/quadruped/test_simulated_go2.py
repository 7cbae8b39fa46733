# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
from rclpy.parameter import Parameter
from sensor_msgs.msg import Imu, JointState
from std_srvs.srv import SetBool, Trigger

pytest.importorskip("cyclonedds", reason="needs cyclonedds: pip install 'neuro_control[unitree]'")

from neuro_control.quadruped.control.command import gait
from neuro_control.quadruped.control.command_mux import CommandSources
from neuro_control.quadruped.control.controller import QuadrupedController
from neuro_control.quadruped.control.robots import GO2
from neuro_control.quadruped.control.types import Observation
from neuro_control.quadruped.go2 import idl, sport
from neuro_control.quadruped.go2.driver import UnitreeGo2
from neuro_control.quadruped.go2.motors import (
    command_checksum,
    fill_brake,
    fill_command,
    read_state,
    state_checksum,
)
from neuro_control.quadruped.go2.parameters import UnitreeParameters
from neuro_control.quadruped.go2.simulated import SimulatedGo2
from neuro_control.quadruped.go2.simulated_robot import SimulatedRobot
from neuro_control.quadruped.go2.state_monitor import StateMonitor
from neuro_control.ros.dds.participant import Participant, newest, taken
from neuro_control.ros.messages import (
    COMMAND_QOS,
    SENSOR_QOS,
    SET_POINT_QOS,
    Rejected,
    joint_state,
    to_nanoseconds,
)
from neuro_control.simulation.failures import parse
from tests.bench import Probe, options

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = 100 + int(os.environ["ROS_DOMAIN_ID"])
NOT_OFFERED, WRONG, NOT_READY = 3203, 3204, 4202


def live(robot, seconds):
    for _ in range(round(seconds / 0.002)):
        robot.step()


def ask(robot, call):
    return robot.answer(call.number, call.parameter)


def stood():
    robot = SimulatedRobot()
    assert ask(robot, sport.STAND_UP) == 0
    live(robot, 3.0)
    assert ask(robot, sport.BALANCE_STAND) == 0
    return robot


def low_state(robot):
    state = idl.LowState()
    robot.fill_state(state)
    return state


def test_it_lies_until_it_is_commanded_to_stand_and_walks_once_it_balances():
    robot = SimulatedRobot()
    live(robot, 1.0)
    assert robot.lies
    assert ask(robot, sport.move(0.4, 0.0, 0.0)) == NOT_READY
    assert ask(robot, sport.STAND_UP) == 0
    live(robot, 3.0)
    assert robot.body.height == pytest.approx(0.3, abs=0.02)
    # StandUp locks the joints.
    assert ask(robot, sport.move(0.4, 0.0, 0.0)) == NOT_READY
    assert ask(robot, sport.BALANCE_STAND) == 0
    start = robot.body.data.qpos[0]
    for _ in range(8):
        assert ask(robot, sport.move(0.4, 0.0, 0.0)) == 0
        live(robot, 0.25)
    assert 0.5 < robot.body.data.qpos[0] - start < 0.9
    live(robot, 2.0)  # a Move holds for a second
    start = robot.body.data.qpos[0]
    live(robot, 0.5)
    assert abs(robot.body.data.qpos[0] - start) < 0.02
    assert ask(robot, sport.STAND_DOWN) == 0
    live(robot, 3.0)
    assert robot.lies


def test_damped_it_sinks_and_rises_again():
    robot = stood()
    assert ask(robot, sport.DAMP) == 0
    live(robot, 2.0)
    assert robot.lies
    assert ask(robot, sport.BALANCE_STAND) == NOT_READY
    assert ask(robot, sport.RECOVERY_STAND) == 0
    live(robot, 4.0)
    assert robot.body.height == pytest.approx(0.3, abs=0.02)
    assert ask(robot, sport.move(0.2, 0.0, 0.0)) == 0


@pytest.mark.parametrize(
    ("number", "parameter", "code"),
    [
        (1008, '{"x": 0.1, "y": 0.0}', WRONG),
        (1008, '{"x": NaN, "y": 0.0, "z": 0.0}', WRONG),
        (1008, "nonsense", WRONG),
        (1008, "[1]", WRONG),
        (1008, '{"x": 1' + 400 * "0" + ', "y": 0.0, "z": 0.0}', WRONG),
        (1008, '{"x": 1' + 5000 * "0" + ', "y": 0.0, "z": 0.0}', WRONG),
        (1008, 100_000 * "[", WRONG),
        (1008, 100_000 * '{"x":', WRONG),
        (2**62, "{}", NOT_OFFERED),
        (1007, '{"x": "a", "y": 0.0, "z": 0.0}', WRONG),
        (1013, '{"data": 0.02}', NOT_OFFERED),
        (1016, "{}", NOT_OFFERED),
        (1015, '{"data": 1}', 0),
        (1003, "", 0),
    ],
)
def test_requests_are_answered_by_the_code_that_fits(number, parameter, code):
    robot = SimulatedRobot(start="standing")
    ask(robot, sport.STAND_UP)
    ask(robot, sport.BALANCE_STAND)
    assert robot.answer(number, parameter) == code


def test_requests_that_nobody_serves_fill_no_memory():
    robot = SimulatedRobot()
    for number in range(10_000, 11_000):
        robot.answer(number, "")
    assert robot.counts == {"requests/other": 1000}


def test_it_leans_and_sinks_as_commanded():
    robot = SimulatedRobot(start="standing", offers_height=True)
    ask(robot, sport.RECOVERY_STAND)
    assert ask(robot, sport.euler(0.0, 0.15)) == 0
    assert ask(robot, sport.body_height(-0.05)) == 0
    live(robot, 3.0)
    assert robot.body.height == pytest.approx(0.25, abs=0.02)
    nose = robot.body.rotation[2, 0]  # below the horizon
    assert -math.asin(nose) == pytest.approx(0.15, abs=0.03)


def command(angles, stiffness=60.0):
    message = idl.LowCmd()
    fill_command(message, np.tile(angles, 4), np.zeros(12), np.zeros(12), stiffness, 3.0)
    return message


def test_motors_obey_only_once_the_controller_has_released_them_and_are_damped_without_commands():
    robot = SimulatedRobot()
    assert json.loads(robot.switch(1001, "")[1]) == {"form": "0", "name": "normal"}
    robot.drive(command((0.0, 0.8, -1.6)))
    live(robot, 1.0)
    assert robot.lies
    assert robot.switch(1003, "")[0] == 0
    assert json.loads(robot.switch(1001, "")[1])["name"] == ""
    assert ask(robot, sport.STAND_UP) == NOT_READY
    wrong = command((0.0, 0.8, -1.6))
    wrong.crc ^= 1
    robot.drive(wrong)
    infinite = command((0.0, 0.8, -1.6))
    infinite.motor_cmd[0].tau = math.inf
    infinite.crc = command_checksum(infinite)
    robot.drive(infinite)
    assert robot.counts == {"ignored_commands": 1, "requests/1004": 1, "wrong_commands": 2}
    for _ in range(50):
        robot.drive(command((0.0, 0.8, -1.6)))
        live(robot, 0.02)
    assert read_state(low_state(robot)).angles == pytest.approx(
        np.tile([0.0, 0.8, -1.6], 4), abs=0.25
    )
    assert robot.body.height > 0.25
    live(robot, 2.0)
    assert robot.lies  # nobody commands
    brake = idl.LowCmd()
    fill_brake(brake, 3.0)
    robot.drive(brake)
    live(robot, 0.05)
    assert robot.switch(1002, '{"name": "normal"}')[0] == 0
    assert ask(robot, sport.RECOVERY_STAND) == 0
    live(robot, 4.0)
    assert robot.body.height == pytest.approx(0.3, abs=0.02)


def test_its_states_are_what_the_body_measures():
    robot = stood()
    live(robot, 0.5)
    state = low_state(robot)
    assert state.crc == state_checksum(state)
    read, felt = read_state(state), robot.body.observation
    assert read.angles == pytest.approx(felt.angles, abs=1e-6)
    assert read.speeds == pytest.approx(felt.speeds, abs=1e-5)
    assert read.forces == pytest.approx(felt.forces, abs=0.5)
    assert sum(state.foot_force) == pytest.approx(GO2.mass * 9.81, rel=0.2)
    assert state.tick == round(1000 * robot.time)
    tells = idl.SportModeState()
    robot.fill_sport_state(tells)
    assert tells.position == pytest.approx(robot.body.data.qpos[:3].tolist())
    assert (tells.mode, tells.gait_type) == (1, 0)
    ask(robot, sport.move(0.4, 0.0, 0.0))
    robot.fill_sport_state(tells)
    assert (tells.mode, tells.gait_type) == (3, 1)


class Outside:
    """A simulated robot in a process of its own, and the driver and a probe in this one."""

    def __init__(self, bench, **values):
        self.bench = bench
        self.process = subprocess.Popen(
            [sys.executable, ROOT / "bin" / "simulated_go2", "--ros-args",
             "-p", f"domain:={DOMAIN}"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        self.probe = bench.add(Probe())
        # On a busy machine a state may be late; what is right then is not the question here.
        patient = {
            "state_timeout": 5.0, "damp_after": 20.0, "command_timeout": 3.0, "bridge_time": 1.0,
        }  # fmt: skip
        self.node = bench.add(
            UnitreeGo2(**options(domain=DOMAIN, network_interface="lo", **{**patient, **values}))
        )
        self.places = []
        self.probe.create_subscription(Odometry, "odom", self.places.append, SENSOR_QOS)

    def start(self):
        self.node.start()
        self.bench.spin_until(lambda: self.places or self.process.poll() is not None, timeout=60)
        assert self.process.poll() is None, "it ended by itself"
        return self

    @property
    def position(self):
        return self.places[-1].pose.pose.position

    def call(self, service, data=None):
        kind = Trigger if data is None else SetBool
        request = kind.Request() if data is None else kind.Request(data=data)
        return self.bench.call(self.probe.create_client(kind, f"unitree_go2/{service}"), request)


def test_effects_are_in_what_its_states_tell():
    plain, wrong = SimulatedRobot(), SimulatedRobot(effects="jump: {sensor: FL_calf, offset: 0.3}")
    angles = [
        np.array([motor.q for motor in low_state(robot).motor_state[:12]])
        for robot in (plain, wrong)
    ]
    difference = angles[1] - angles[0]
    assert np.count_nonzero(difference) == 1
    assert np.abs(difference).max() == pytest.approx(0.3, abs=1e-6)


@pytest.fixture
def outside(bench):
    made = []

    def make(**values):
        made.append(Outside(bench, **values))
        return made[-1].start()

    yield make
    for each in made:
        each.process.kill()
        each.process.wait()


@pytest.mark.timing
def test_the_driver_has_it_stand_up_walk_stop_and_damps_its_joints_when_it_is_lost(outside):
    go2 = outside(stand_after=0.2)
    assert go2.call("stand_up").success
    go2.bench.spin_until(lambda: go2.node.sport.stage == "standing", timeout=60)
    assert go2.position.z > 0.25
    start = go2.position.x
    twist = Twist()
    twist.linear.x = 0.4
    publisher = go2.probe.create_publisher(Twist, "cmd_vel", SET_POINT_QOS)
    go2.probe.create_timer(0.05, lambda: publisher.publish(twist))
    go2.bench.spin_until(lambda: go2.position.x - start > 0.3, timeout=60)
    assert go2.position.z > 0.25
    # Its process stands still: the driver hears nothing more.
    go2.node.set_parameters_atomically(
        [Parameter("state_timeout", value=0.4), Parameter("damp_after", value=0.8)]
    )
    go2.process.send_signal(signal.SIGSTOP)
    go2.bench.spin_until(lambda: go2.node.sport.down, timeout=60)
    assert go2.probe.said("no lowstate for")
    go2.process.send_signal(signal.SIGCONT)
    go2.bench.spin_until(lambda: go2.position.z < 0.2, timeout=60)
    go2.process.send_signal(signal.SIGINT)
    assert go2.process.wait(30) == 0


@pytest.mark.timing
def test_the_gait_controller_stands_up_through_unlocked_motors(outside):
    go2 = outside(level="low", motor_timeout=1.0)
    controller, received = QuadrupedController(GO2), {}
    controller.compile()
    stand = CommandSources.constant(gait("stand"))
    publisher = go2.probe.create_publisher(JointState, "joint_commands", COMMAND_QOS)

    def step(joints):
        if len(received) < 2 or not go2.node.motors.taken:
            return
        imu, feet = received["imu"], received["feet"]
        w, a = imu.angular_velocity, imu.linear_acceleration
        observation = Observation(
            np.array([w.x, w.y, w.z]), np.array([a.x, a.y, a.z]), np.array(joints.position),
            np.array(joints.velocity), np.array(feet.effort),
        )  # fmt: skip
        stamp = to_nanoseconds(joints.header.stamp)
        # States that a busy machine loses look like sensors that jump.
        if controller.locomotion.reason:
            controller.restart()
        answer = controller.step(observation, 1e-9 * stamp, stand)
        publisher.publish(joint_state(stamp, list(joints.name), *answer))

    for kind, topic, hear in (
        (Imu, "imu/imu", lambda m: received.update(imu=m)),
        (JointState, "foot_forces", lambda m: received.update(feet=m)),
        (JointState, "joint_states", step),
    ):
        go2.probe.create_subscription(kind, topic, hear, SENSOR_QOS)
    assert go2.call("unlock", True).success
    go2.bench.spin_until(lambda: go2.node.motors.stage == "unlocked")
    go2.bench.spin_until(lambda: go2.position.z > 0.2, timeout=60)
    assert go2.call("unlock", False).success
    go2.bench.spin_until(lambda: go2.position.z < 0.2, timeout=60)


def request(number, parameter="{}"):
    message = idl.Request(parameter=parameter)
    message.header.identity.id, message.header.identity.api_id = 7, number
    return message


def test_the_node_tells_its_interfaces_version_and_stops_its_sport_state_as_the_robot_does(bench):
    node = bench.add(SimulatedGo2(**options(domain=DOMAIN, sport_state_at_low_level=False)))
    here = Participant(DOMAIN, "lo")
    requests = here.writer("rt/api/sport/request", idl.Request)
    switches = here.writer("rt/api/motion_switcher/request", idl.Request)
    answers = here.reader("rt/api/sport/response", idl.Response, 16)
    states = here.reader("rt/sportmodestate", idl.SportModeState, 1)
    found = []

    def answered(message):
        requests.write(message)
        found.extend(taken(answers))
        return found

    bench.spin_until(lambda: answered(request(1)))
    assert (found[0].header.status.code, found[0].data) == (0, "1.0.0.1")
    found.clear()
    bench.spin_until(lambda: answered(request(1008, '{"x": 1' + 400 * "0" + "}")))
    assert found[-1].header.status.code in (0, WRONG)
    bench.spin_until(lambda: newest(states) is not None)
    bench.spin_until(lambda: switches.write(request(1003)) or node.robot.controller == "")
    newest(states)
    time = node.robot.time
    bench.spin_until(lambda: node.robot.time > time + 0.1)
    assert newest(states) is None
    here.close()


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        ("FL_calf off", "not_finite"),
        ("FL_calf garbage 40", "range"),
        ("FL_calf wrong 2.5", "range"),
        ("gyro garbage 1000", "imu"),
    ],
)
def test_a_component_that_fails_makes_states_that_the_driver_refuses(failure, reason):
    robot, monitor = SimulatedRobot(), StateMonitor(UnitreeParameters())
    live(robot, 0.1)
    monitor.check(100.0, read_state(low_state(robot)))
    robot.body.effects.inject(parse(failure))
    live(robot, 0.02)
    with pytest.raises(Rejected) as caught:
        monitor.check(100.02, read_state(low_state(robot)))
    assert caught.value.reason == reason
    robot.body.effects.inject(())
    live(robot, 0.02)
    monitor.check(100.04, read_state(low_state(robot)))


def test_failures_are_refused_where_the_start_did_not_allow_them_or_the_robot_lacks_them(bench):
    robot = bench.add(SimulatedGo2(**options(domain=DOMAIN)))
    answer = robot.set_parameters([Parameter("injected_failures", value="imu stuck")])[0]
    assert not answer.successful
    assert "failure_injection" in answer.reason
    other = SimulatedGo2(
        "other", **options(domain=DOMAIN, failure_injection=True, start="standing")
    )
    bench.add(other)
    answer = other.set_parameters([Parameter("injected_failures", value="FL_knee stuck")])[0]
    assert not answer.successful
    assert "FL_knee" in answer.reason
