# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Emergency stop and heartbeat, pressed and sent by an operator who has a thread of his own."""

import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from geometry_msgs.msg import TwistStamped
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import UInt64
from std_srvs.srv import SetBool

from neuro_control.ros.controller import Input
from neuro_control.ros.messages import (
    COMMAND_QOS,
    SENSOR_QOS,
    SET_POINT_QOS,
    joint_state,
    read_twist,
    to_nanoseconds,
)
from neuro_control.ros.safety.heartbeat import QOS, Heartbeat, HeartbeatMonitor
from tests.bench import MS, TIMEOUT, Loop, options, wait_until
from tests.ros.toy import ANGLES, JOINTS, SAFE, Toy, loop_of


class Operator:
    """Presses the emergency stop, and sees the commands, whatever the node's thread does."""

    def __init__(self, name="toy"):
        self.node = Node("operator")
        self.commands = []
        self.node.create_subscription(
            JointState, "joint_commands", self.commands.append, COMMAND_QOS
        )
        self.client = self.node.create_client(SetBool, f"{name}/emergency_stop")
        self.joints = self.node.create_publisher(JointState, "joint_states", SENSOR_QOS)
        self.heartbeat = self.node.create_publisher(UInt64, "heartbeat", QOS)
        self._executor = EventsExecutor()
        self._executor.add_node(self.node)
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        wait_until(self.client.service_is_ready, "the emergency stop is offered")

    def _run(self):
        while not self._ended:
            self._executor.spin_once(timeout_sec=0.02)

    def close(self):
        self._ended = True
        self._thread.join()
        self._executor.remove_node(self.node)
        self._executor.shutdown()
        self.node.destroy_node()

    def press(self):
        return self.client.call_async(SetBool.Request(data=True))

    def efforts(self):
        return [list(command.effort) for command in list(self.commands)]


@pytest.fixture
def operator(bench):
    made = []

    def make(*arguments):
        made.append(Operator(*arguments))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize("works", ["in Python", "without the interpreter's lock"])
def test_an_emergency_stop_acts_while_a_step_takes_too_long(bench, operator, works):
    loop = loop_of(bench)
    station = operator()
    loop.advance()
    assert any(loop.answer(ANGLES).effort)
    wait_until(lambda: station.commands, "the operator sees the commands")
    seen = {}

    def long_step(angles):
        seen["began"] = len(station.commands)
        pressed = station.press()
        deadline = time.monotonic() + 20.0
        # It ends when the stop has acted, or else never would before its time is over.
        while time.monotonic() < deadline and not (
            pressed.done() and SAFE in station.efforts()[seen["began"] :]
        ):
            if works != "in Python":
                time.sleep(0.5)
        seen["during"] = station.efforts()[seen["began"] :]
        return np.full(5, 2.0)

    loop.node.law = long_step
    loop.advance()
    # What the step computed does not pass any more; whoever waits for its stamp gets an answer.
    assert list(loop.answer(ANGLES).effort) == SAFE
    assert seen["during"]
    assert all(efforts == SAFE for efforts in seen["during"])
    loop.says("emergency stop is active")


def test_a_real_robot_gets_the_safe_command_again_and_again_while_a_step_takes_too_long(
    bench, operator
):
    loop = Loop(bench, Toy(**options(use_sim_time=False)))
    station = operator()
    seen = []

    def long_step(angles):
        station.press()
        began, deadline = len(station.commands), time.monotonic() + 20.0
        while time.monotonic() < deadline and len(station.commands) < began + 5:
            time.sleep(0.1)
        seen.extend(station.efforts()[began + 1 :])  # the first may have been on its way
        return np.full(5, 2.0)

    loop.node.law = long_step
    loop.probe.send(loop.node.now(), ANGLES)
    bench.spin_until(lambda: seen)
    assert len(seen) >= 4
    bench.spin_for(0.2)
    assert all(efforts == SAFE for efforts in [*seen, *station.efforts()])


def test_a_repeated_observation_gets_no_old_command_after_an_emergency_stop(loop):
    loop.advance()
    assert any(loop.answer(ANGLES).effort)
    assert loop.call("emergency_stop", True).success
    loop.probe.commands.clear()
    assert list(loop.answer(ANGLES).effort) == SAFE
    assert all(efforts == SAFE for efforts in loop.probe.efforts())


def test_releasing_a_stop_that_is_not_active_changes_nothing(loop):
    loop.advance()
    assert any(loop.answer(ANGLES).effort)
    assert loop.call("emergency_stop", False).message == "no emergency stop was active"
    loop.advance()
    assert any(loop.answer(ANGLES).effort)


def test_an_emergency_stop_is_not_held_up_by_a_flood_and_nothing_passes_it(bench, operator):
    loop = loop_of(bench)
    station = operator()
    loop.advance()
    loop.answer(ANGLES)
    ended = threading.Event()

    def flood():
        while not ended.is_set():
            station.joints.publish(joint_state(loop.now, JOINTS, np.random.default_rng().random(5)))

    thread = threading.Thread(target=flood, daemon=True)
    thread.start()
    try:
        bench.spin_for(0.2)
        pressed = station.press()
        bench.spin_until(pressed.done)
        bench.spin_for(0.1)
        last = len(station.commands)
        bench.spin_for(0.2)
    finally:
        ended.set()
        thread.join()
    assert len(station.commands) > last
    assert all(efforts == SAFE for efforts in station.efforts()[last:])


@pytest.fixture
def loop(bench):
    return loop_of(bench)


# What was sent while disabled.


class Steered(Toy):
    """Its cmd_vel is a set-point."""

    def configure(self):
        joints, _, bias = super().configure()
        self.cmd_vel = Input("cmd_vel", TwistStamped, read_twist, 5.0, SET_POINT_QOS)
        return joints, self.cmd_vel, bias


@pytest.mark.parametrize("way", ["disabled", "stopped"])
def test_a_set_point_that_was_sent_while_disabled_does_not_act_after_enabling(bench, way):
    loop = Loop(bench, Steered(**options(use_sim_time=True)))
    publisher = loop.probe.create_publisher(TwistStamped, "cmd_vel", SET_POINT_QOS)
    bench.spin_until(publisher.get_subscription_count)

    def send(speed):
        message = TwistStamped()
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(loop.now, 10**9)
        message.twist.linear.x = speed
        publisher.publish(message)

    loop.advance()
    loop.answer(ANGLES)
    if way == "disabled":
        assert loop.call("enable", False).success
    else:
        assert loop.call("emergency_stop", True).success
    send(0.75)
    loop.counts("rejected/cmd_vel/disabled", "1")
    if way == "stopped":
        assert loop.call("emergency_stop", False).success
    loop.advance()
    assert loop.call("enable", True).success
    loop.advance()
    np.testing.assert_array_equal(loop.answer(ANGLES).effort, [1.0] * 5)
    send(0.5)
    bench.spin_until(lambda: loop.node.cmd_vel.value is not None)
    loop.advance()
    np.testing.assert_array_equal(loop.answer(ANGLES).effort, [1.5] * 5)


# Heartbeat.


def test_a_heartbeat_lives_by_numbers_that_rise():
    monitor = HeartbeatMonitor(0.5)
    assert not monitor.begun
    assert monitor.silence(100.0) == 0.0
    monitor.beat(0, 100.0)
    assert monitor.begun
    assert monitor.silence(100.25) == 0.25
    monitor.beat(1, 100.5)
    for number in (1, 0, 1):  # repeated, or replayed
        monitor.beat(number, 101.0)
    assert monitor.silence(101.0) == 0.5
    monitor.beat(2, 101.0)
    assert monitor.silence(101.0) == 0.0


def test_without_the_first_heartbeat_nothing_moves_and_with_its_end_the_robot_stops(bench):
    loop = loop_of(bench, heartbeat_timeout=1.0)
    loop.advance()
    assert list(loop.answer(ANGLES).effort) == SAFE
    loop.says("waiting for the first number on heartbeat")
    heart = bench.add(Heartbeat(20.0))

    def moves():
        loop.advance()
        return any(loop.answer(ANGLES).effort)

    bench.spin_until(moves)
    bench.executor.remove_node(heart)  # it falls silent
    bench.spin_until(lambda: loop.probe.said("no heartbeat for 1."))
    assert not moves()
    bench.executor.add_node(heart)
    bench.spin_for(0.3)
    assert not moves()  # it latches
    assert loop.call("emergency_stop", False).success
    assert not moves()
    bench.spin_until(lambda: loop.call("enable", True).success)
    bench.spin_until(moves)


def test_a_number_that_is_repeated_is_no_heartbeat(bench, operator):
    loop = loop_of(bench, heartbeat_timeout=0.5)
    station = operator()
    bench.spin_until(station.heartbeat.get_subscription_count)

    def moves(number):
        station.heartbeat.publish(UInt64(data=number))
        loop.advance()
        return any(loop.answer(ANGLES).effort)

    bench.spin_until(lambda: moves(7))
    bench.spin_until(lambda: not moves(7))
    assert not moves(8)
    loop.says("emergency stop is active: release it")


def test_the_safe_command_under_an_emergency_stop_carries_the_stamp_that_is_waited_for(loop):
    loop.advance()
    loop.answer(ANGLES)
    assert loop.call("emergency_stop", True).success
    for _ in range(3):
        loop.advance(30 * MS)
        command = loop.answer(ANGLES)
        assert to_nanoseconds(command.header.stamp) == loop.now
        assert list(command.effort) == SAFE


def test_the_command_heartbeat_lets_a_node_move_and_its_end_stops_it(bench):
    loop = loop_of(bench, heartbeat_timeout=2.0)

    def moves():
        loop.advance()
        return any(loop.answer(ANGLES).effort)

    process = subprocess.Popen([sys.executable, "-m", "neuro_control.cli", "heartbeat"])
    try:
        bench.spin_until(moves)
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT) == 0
    finally:
        process.kill()
        process.wait()
    bench.spin_until(lambda: not moves())
    bench.spin_until(lambda: loop.probe.said("no heartbeat for 2."))
