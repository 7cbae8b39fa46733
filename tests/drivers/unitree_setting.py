# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A peer, the driver of the Go2, and a probe that commands and listens, over real DDS."""

from __future__ import annotations

import time

import numpy as np
from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool, Trigger

from neuro_control.quadruped.control.types import JOINTS
from neuro_control.quadruped.go2.driver import UnitreeGo2
from neuro_control.ros.messages import COMMAND_QOS, SENSOR_QOS, SET_POINT_QOS, joint_state
from tests.bench import Probe, options
from tests.drivers.unitree_peer import DOMAIN, STANDING, Peer

# What a peer hears: Damp, BalanceStand, StopMove, StandUp, StandDown, Euler, Move.
DAMP, BALANCE, STOP, UP, DOWN, EULER, MOVE = 1001, 1002, 1003, 1004, 1005, 1007, 1008
# Nothing is late on a busy machine unless it is the question.
PATIENT = {"state_timeout": 4.0, "damp_after": 10.0, "motor_timeout": 1.0, "bridge_time": 1.0}


class Setting:
    """A peer, the driver, and a probe that commands and listens."""

    def __init__(self, bench, leg=STANDING, **values):
        self.bench = bench
        self.drove = 0.0  # when it was last driven
        self.peer = Peer()
        self.peer.leg = leg
        self.probe = bench.add(Probe())
        self.probe.create_timer(0.01, self.peer.live)
        self.heard = []  # in the order of arrival
        for kind, topic in (
            (Imu, "imu/imu"), (JointState, "foot_forces"), (JointState, "joint_states"),
            (Odometry, "odom"),
        ):  # fmt: skip
            self.probe.create_subscription(
                kind, topic, lambda m, t=topic: self.heard.append((t, m)), SENSOR_QOS
            )
        self.twist = self.probe.create_publisher(Twist, "cmd_vel", SET_POINT_QOS)
        self.gait = self.probe.create_publisher(Float64MultiArray, "gait_command", SET_POINT_QOS)
        self.joints = self.probe.create_publisher(JointState, "joint_commands", COMMAND_QOS)
        self.node = bench.add(
            UnitreeGo2(
                **options(**{"domain": DOMAIN, "network_interface": "lo", **PATIENT, **values})
            )
        )
        self.node.start()
        bench.spin_until(lambda: self.newest("joint_states") and self.newest("odom"))
        low = self.node.parameters.level == "low"
        publisher = self.joints if low else self.twist
        bench.spin_until(
            lambda: (
                publisher.get_subscription_count() and self.probe.count_publishers("/diagnostics")
            )
        )

    def newest(self, topic):
        return next((m for t, m in reversed(self.heard) if t == topic), None)

    def call(self, service, data=None):
        kind = Trigger if data is None else SetBool
        request = kind.Request() if data is None else kind.Request(data=data)
        client = self.probe.create_client(kind, f"unitree_go2/{service}")
        return self.bench.call(client, request)

    def steer(self, forward=0.4, left=0.0, turn=0.0):
        message = Twist()
        message.linear.x, message.linear.y, message.angular.z = forward, left, turn
        self.twist.publish(message)

    def walk(self):
        self.bench.spin_until(lambda: self.steer() or self.peer.moves())

    def drive(self, effort=1.0, age=0.0, **fields):
        efforts = np.full(12, effort) if np.ndim(effort) == 0 else np.asarray(effort)
        message = joint_state(
            self.node.now() - round(age * 1e9), list(JOINTS), np.full(12, -1.0), np.zeros(12),
            efforts,
        )  # fmt: skip
        for name, value in fields.items():
            setattr(message, name, value)
        self.joints.publish(message)

    def keep_driving(self, effort=2.0, **fields):
        """Drive at 50 Hz at most: whoever waits for something calls it at every turn."""
        now = time.monotonic()
        if now - self.drove > 0.02:
            self.drove = now
            self.drive(effort, **fields)

    def unlock(self):
        assert self.call("unlock", True).success
        self.bench.spin_until(lambda: self.node.motors.stage == "unlocked")

    def obeys(self, effort=2.0):
        """Command until motors turn by it."""
        self.peer.commands.clear()
        self.bench.spin_until(lambda: self.keep_driving(effort) or len(self.driven()) > 0)

    def driven(self):
        """Commands that don't only brake."""
        return [c for c in self.peer.commands if any(m.tau or m.kp for m in c.motor_cmd)]

    def braked(self):
        """Whether motors brake, once what was under way has come."""
        self.peer.commands.clear()
        self.bench.spin_until(lambda: len(self.peer.commands) > 5)
        self.peer.commands = self.peer.commands[-3:]
        kinds = {(m.tau, m.kp, m.kd) for c in self.peer.commands for m in c.motor_cmd[:12]}
        return kinds == {(0.0, 0.0, 3.0)}

    def says(self, text):
        self.bench.spin_until(lambda: self.probe.said(text))
        self.probe.diagnostics.clear()

    def rejects(self, reason):
        return f"rejected/{reason}" in self.figures()

    def counted(self, name):
        return int(self.node.diagnostic_values().get(name, 0))

    def received(self):
        """How many joint_commands the driver has taken in, good or bad."""
        values = self.node.diagnostic_values()
        names = ("joint_commands", "joint_commands_not_obeyed")
        return sum(int(v) for k, v in values.items() if k in names or k.startswith("rejected/"))

    def figures(self):
        self.probe.diagnostics.clear()
        self.node.report()
        self.bench.spin_until(lambda: bool(self.probe.diagnostics))
        return {v.key: v.value for v in self.probe.diagnostics[-1].values}
