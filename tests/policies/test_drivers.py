# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The statements P and U of docs/safety.md: drivers over random sequences, in real time.

What must not happen any more after a time is given the longest pause of this process beside it, so
that a busy machine breaks no statement.
"""

import math
import time
from collections import Counter

import numpy as np
import pytest
from geometry_msgs.msg import Twist
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool

from neuro_control.drivers.propulsion import Propulsion
from neuro_control.ros.messages import COMMAND_QOS, joint_state
from tests.bench import options
from tests.policies import holds, sequences, told

# Time that a timer and a message may take beside what a statement says, s.
_SLACK = 0.06
ANGLES = st.sampled_from((0.0, 0.5, math.pi / 2, math.pi))


class Driven:
    """A driver, its services, and a clock that knows how long this process has paused."""

    def __init__(self, bench, node):
        self.bench, self.node = bench, node
        self.probe = bench.add(Node("commander"))
        self.received = Counter()
        self.clients = {}
        self.watch = lambda: None
        self.pause = 0.0

    def count(self):
        """Count what the node's subscriptions have dealt with."""
        for subscription in self.node.subscriptions:

            def counting(message, callback=subscription.callback, name=subscription.topic_name):
                callback(message)
                self.received[name] += 1

            subscription.callback = counting

    def spin_until(self, condition, what="the condition of this line"):
        before = time.monotonic()

        def watched():
            nonlocal before
            now = time.monotonic()
            # A pause is forgotten slowly: what it delayed may still be on its way.
            self.pause = max(now - before, 0.98 * self.pause)
            before = now
            self.watch()
            return condition()

        self.bench.spin_until(watched, what=what)

    def spin_for(self, seconds):
        end = time.monotonic() + seconds
        self.spin_until(lambda: time.monotonic() >= end)

    def send(self, publisher, message):
        """Publish a message, and wait until the node has dealt with it."""
        name = publisher.topic_name
        expected = self.received[name] + 1
        publisher.publish(message)
        self.spin_until(lambda: self.received[name] >= expected, what=f"{name} arrives")

    def call(self, service, kind, request):
        name = f"{self.node.get_name()}/{service}"
        if name not in self.clients:
            self.clients[name] = self.probe.create_client(kind, name)
        client = self.clients[name]
        self.spin_until(client.service_is_ready)
        future = client.call_async(request)
        self.spin_until(future.done)
        return future.result()

    def set(self, service, data):
        return self.call(service, SetBool, SetBool.Request(data=data))

    @property
    def slack(self):
        return _SLACK + 3.0 * self.pause


class DriverMachine(RuleBasedStateMachine):
    """Enable and emergency stop, as every driver has them."""

    driven: Driven

    def __init__(self):
        super().__init__()
        self.trail = []
        self.enabled = self.stopped = False
        self.good_at = -math.inf  # when the last good command was dealt with

    def back_to_start(self):
        d = self.driven
        d.watch = lambda: None
        d.set("emergency_stop", True)
        d.set("emergency_stop", False)
        d.set("enable", True)
        self.enabled, self.stopped = True, False

    def teardown(self):
        self.driven.watch = lambda: None

    def busy(self):
        """Have the robot move, so that there is something to stop."""

    @rule()
    @told
    def disable(self):
        self.busy()
        holds("P4", self.driven.set("enable", False).success)
        self.enabled, self.good_at = False, -math.inf
        self.rested()

    @rule()
    @told
    def emergency_stop(self):
        self.busy()
        holds("P4", self.driven.set("emergency_stop", True).success)
        self.enabled, self.stopped, self.good_at = False, True, -math.inf
        self.rested()

    @rule()
    @told
    def enable(self):
        done = self.driven.set("enable", True).success
        holds("P4", done != self.stopped)
        if done and not self.enabled:
            self.enabled, self.good_at = True, -math.inf
        self.driven.spin_for(0.03)

    @rule()
    @told
    def bring_back(self):
        if self.stopped:
            holds("P4", self.driven.set("emergency_stop", False).success)
            self.stopped = False
        self.enable()

    def rested(self):
        """What must hold once the driver was disabled or stopped."""
        self.driven.spin_for(0.03)


class PropulsionMachine(DriverMachine):
    """The propellers' driver."""

    def __init__(self):
        super().__init__()
        self.turned_at, self.turn = -math.inf, 0.0  # last change of the servo, part of its range
        self.width = None

    @initialize()
    @told
    def begin(self):
        self.back_to_start()
        # The shaft is where it was sent, wherever the last sequence left it.
        self.driven.spin_for(0.2)
        self.width = self.driven.node.outputs.servo.value
        self.driven.watch = self.judge

    def judge(self):
        d, p = self.driven, self.driven.node.parameters
        now = time.monotonic()
        duties = [motor.value for motor in d.node.outputs.motors]
        width = d.node.outputs.servo.value
        if width != self.width:
            whole = abs(p.servo_maximum_pulse - p.servo_minimum_pulse) / 0.02
            part = 1.0 if self.width is None else abs(width - self.width) / whole
            still_turning = now - self.turned_at < self.turn * p.servo_travel_time
            self.turned_at, self.turn = now, part if not still_turning else 0.0
            self.width = width
        holds("P6", all(0 <= duty <= p.full_duty + 1e-9 for duty in duties), duties)
        if not any(duties):
            return
        holds("P4", self.enabled, duties)
        holds("P1", self.good_at > -math.inf, duties)
        late = now - self.good_at - p.command_timeout
        holds("P2", late < d.slack, f"{late:.3f} s after the time-out: {duties}")
        # The pulse was seen up to a pause after it was sent.
        turning = self.turned_at + 0.8 * self.turn * p.servo_travel_time - now - d.pause
        holds("P3", turning < 0.01, f"{turning:.3f} s before the shaft arrives: {duties}")

    def message(self, left, right, angle, age=0.0):
        stamp = self.driven.node.now() - round(age * 1e9)
        names = ["left_propeller", "right_propeller", "servo"]
        position, effort = np.array([0.0, 0.0, angle]), np.array([left, right, 0.0])
        return joint_state(stamp, names, position=position, effort=effort)

    @rule(left=st.floats(0.0, 0.2), right=st.floats(0.0, 0.2), angle=ANGLES,
          times=st.integers(1, 8))  # fmt: skip
    @told
    def command(self, left, right, angle, times):
        for _ in range(times):
            if self.enabled:
                self.good_at = math.inf  # from the moment on when it may arrive
            self.driven.send(self.driven.commands, self.message(left, right, angle))
            self.good_at = time.monotonic() if self.enabled else -math.inf
            self.driven.spin_for(0.02)

    @rule(kind=st.sampled_from(("NaN", "negative", "old", "ahead", "names", "sizes")))
    @told
    def bad_command(self, kind):
        outputs = self.driven.node.outputs
        message = self.message(0.06, 0.06, 1.0, {"old": 60.0, "ahead": -60.0}.get(kind, 0.0))
        if kind == "NaN":
            message.position = [0.0, 0.0, math.nan]
        elif kind == "negative":
            message.effort = [-0.06, 0.06, 0.0]
        elif kind == "names":
            message.name = ["left_propeller", "servo", "foreign"]
        elif kind == "sizes":
            message.effort = [0.06]
        before = outputs.servo.value
        self.driven.send(self.driven.commands, message)
        holds("P5", outputs.servo.value == before, kind)
        self.driven.spin_for(0.02)

    @rule(seconds=st.sampled_from((0.05, 0.3)))
    @told
    def silence(self, seconds):
        self.driven.spin_for(seconds)


def test_whatever_comes_the_propellers_do_what_is_stated(bench):
    node = bench.add(
        Propulsion(**options(pin_factory="mock", command_timeout=0.2, servo_travel_time=0.1))
    )
    driven = Driven(bench, node)
    driven.count()
    driven.commands = driven.probe.create_publisher(JointState, "joint_commands", COMMAND_QOS)
    bench.spin_until(driven.commands.get_subscription_count)

    class Machine(PropulsionMachine):
        pass

    Machine.driven = driven
    run_state_machine_as_test(Machine, settings=sequences(examples=4, steps=15))


class SportMachine(DriverMachine):
    """The Go2's driver at the high level, and a robot that stands."""

    @initialize()
    @told
    def begin(self):
        d = self.driven
        d.peer.silent, d.peer.spoil = False, lambda state: None
        d.spin_for(0.1)
        self.back_to_start()
        self.lost_at = math.inf  # since when there are no states
        self.down = True
        self.seen = len(d.peer.requests)
        d.watch = self.judge
        self.stand_up()

    def judge(self):
        """Judge the requests that have arrived."""
        import json

        from tests.drivers.unitree_setting import DAMP, DOWN, MOVE

        d, p, now = self.driven, self.driven.node.parameters, time.monotonic()
        for request in d.peer.requests[self.seen :]:
            number = request.header.identity.api_id
            if number in (DAMP, DOWN):
                self.down = True
            if number != MOVE:
                continue
            move = json.loads(request.parameter)
            inside = (
                -p.max_backward <= move["x"] <= p.max_forward
                and abs(move["y"]) <= p.max_sideways
                and abs(move["z"]) <= p.max_yaw_rate
            )
            holds("U1", inside, move)
            holds("U6", self.enabled, move)
            holds("U4", not self.down, move)
            late = now - self.good_at - p.command_timeout
            holds("U2", late < d.slack, f"{late:.3f} s after the time-out")
            lost = now - self.lost_at - p.state_timeout
            holds("U3", lost < d.slack, f"{lost:.3f} s after the time-out of states")
        self.seen = len(d.peer.requests)

    def asked_since(self, before):
        return [r.header.identity.api_id for r in self.driven.peer.requests[before:]]

    def rested(self):
        from tests.drivers.unitree_setting import DAMP

        for _ in range(5):
            self.steer(x=0.3, y=0.0, z=0.0, times=1)
        if self.stopped:
            self.driven.spin_until(
                lambda: DAMP in self.asked_since(0)[-60:], what="Damp after the emergency stop"
            )

    def busy(self):
        from tests.drivers.unitree_setting import MOVE

        if not self.enabled:
            self.bring_back()
        if self.down:
            self.stand_up()
        before = len(self.driven.peer.requests)
        deadline = time.monotonic() + 10.0
        while MOVE not in self.asked_since(before):
            assert time.monotonic() < deadline, "the robot does not walk"
            self.steer(x=0.3, y=0.0, z=0.0, times=1)

    @rule()
    @told
    def stand_up(self):
        from std_srvs.srv import Trigger

        linked = self.lost_at == math.inf
        self.down = False  # from the moment on when it may be obeyed
        answer = self.driven.call("stand_up", Trigger, Trigger.Request())
        if not (self.enabled and linked):
            self.down = self.down or not answer.success
        self.driven.spin_for(0.05)

    @rule(
        x=st.floats(-5.0, 5.0), y=st.floats(-5.0, 5.0), z=st.floats(-5.0, 5.0),
        times=st.integers(1, 10),
    )  # fmt: skip
    @told
    def steer(self, x, y, z, times):
        twist = Twist()
        twist.linear.x, twist.linear.y, twist.angular.z = x, y, z
        for _ in range(times):
            if self.enabled:
                self.good_at = math.inf
            self.driven.send(self.driven.twists, twist)
            self.good_at = time.monotonic() if self.enabled else -math.inf
            self.driven.spin_for(0.03)

    @rule(number=st.sampled_from((math.nan, math.inf, -math.inf)))
    @told
    def bad_command(self, number):
        """U5: it counts for nothing, so that U2 is as if it had not been sent."""
        self.busy()
        twist = Twist()
        twist.linear.x = number
        for _ in range(20):
            self.driven.send(self.driven.twists, twist)
            self.driven.spin_for(0.03)

    @rule()
    @told
    def silence(self):
        """Without commands StopMove comes after the last Move."""
        from tests.drivers.unitree_setting import STOP

        d, p = self.driven, self.driven.node.parameters
        self.busy()
        before = len(d.peer.requests)
        d.spin_for(p.command_timeout + 0.1)
        d.spin_until(
            lambda: STOP in self.asked_since(before), what="StopMove after a time without commands"
        )

    @precondition(lambda self: self.lost_at == math.inf)
    @rule(how=st.sampled_from(("silent", "checksum", "not finite")), long=st.booleans())
    @told
    def lose_states(self, how, long):
        """States cease, or can't be believed; then they come again."""
        from tests.drivers.unitree_setting import DAMP

        d, p = self.driven, self.driven.node.parameters
        self.busy()

        def wrong(state):
            if how == "checksum":
                state.crc ^= 1
            else:
                state.motor_state[3].q, state.crc = math.nan, 0

        if how == "silent":
            d.peer.silent = True
        else:
            d.peer.spoil = wrong
        self.lost_at = time.monotonic()
        before = len(d.peer.requests)
        end = time.monotonic() + (p.damp_after + 0.3 if long else 1.5 * p.state_timeout)
        while time.monotonic() < end:
            self.steer(x=0.3, y=0.0, z=0.0, times=1)
        if long:
            d.spin_until(lambda: DAMP in self.asked_since(before), what="Damp without states")
        d.peer.silent, d.peer.spoil = False, lambda state: None
        self.lost_at = math.inf
        for _ in range(10):
            self.steer(x=0.3, y=0.0, z=0.0, times=1)


def test_whatever_comes_the_go2_is_asked_for_what_is_stated(bench):
    pytest.importorskip("cyclonedds")
    from tests.drivers.unitree_setting import Setting

    values = {
        "state_timeout": 0.3, "damp_after": 0.8, "command_timeout": 0.3, "stand_after": 0.3,
        "bridge_time": 0.1,
    }  # fmt: skip
    setting = Setting(bench, **values)
    driven = Driven(bench, setting.node)
    driven.count()
    driven.peer, driven.twists = setting.peer, setting.twist

    class Machine(SportMachine):
        pass

    Machine.driven = driven
    try:
        run_state_machine_as_test(Machine, settings=sequences(examples=4, steps=8))
    finally:
        # The driver sends its last requests before their peer has gone.
        setting.node.destroy_node()
        bench.nodes.remove(setting.node)
        setting.peer.close()
