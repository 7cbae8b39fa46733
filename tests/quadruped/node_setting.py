# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A gait controller under simulated time, and the topics of the robot that it moves."""

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Twist, TwistStamped
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Float64MultiArray

from neuro_control.quadruped.control.robots import GO2
from neuro_control.quadruped.control.types import JOINTS, LEGS
from neuro_control.quadruped.nodes.gait_controller import GaitController
from neuro_control.ros.messages import (
    COMMAND_QOS,
    SENSOR_QOS,
    joint_state,
    to_nanoseconds,
    to_stamp,
)
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
        numbers = JointState if values.get("stamped_gait_command") else Float64MultiArray
        self.gait_command = probe.create_publisher(numbers, "gait_command", 1)
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
        # A gyro that never changes is stuck.
        w.x += 1e-4 * (self.now // STEP % 2)
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
