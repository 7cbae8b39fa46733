# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A node without any protection, which the matrix must see through."""

import os

from rclpy.node import Node
from sensor_msgs.msg import JointState

from neuro_control.faults.subject import Output, Stream, Subject
from neuro_control.ros.messages import COMMAND_QOS, SENSOR_QOS, joint_state


class Reckless(Node):
    """Repeats its last command for ever, which is twice the angle, and ends of two."""

    def __init__(self):
        super().__init__("reckless")
        self.commands = self.create_publisher(JointState, "joint_commands", COMMAND_QOS)
        self.create_subscription(JointState, "joint_states", self.receive, SENSOR_QOS)
        self.create_timer(0.02, self.repeat)
        self.effort = 0.0

    def receive(self, message):
        if len(message.position) != 1:
            os._exit(3)  # as a library does that breaks down
        self.effort = 2 * message.position[0]

    def repeat(self):
        self.commands.publish(joint_state(0, ["joint"], effort=[self.effort]))


SUBJECT = Subject(
    node="tests.faults.reckless:Reckless",
    name="reckless",
    streams=(
        Stream(
            "joint_states",
            JointState,
            50.0,
            lambda moment: joint_state(moment.stamp, ["joint"], [0.5]),
            ("position",),
            timeout=0.2,
        ),
    ),
    output=Output(
        "joint_commands",
        JointState,
        trouble=lambda m: "too much" if abs(m.effort[0]) > 1 else "",
        safe=lambda received: received.message.effort[0] == 0,
        fields=("effort",),
        most=60.0,
    ),
    managed=False,
)
