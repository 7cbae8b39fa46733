# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Commands to the group controllers of ros2_control, and the commands that they get.

A group controller (``forward_command_controller``, ``effort_controllers`` and the like) takes the
numbers of its joints in one order, without names or stamps: a std_msgs/Float64MultiArray on
``CONTROLLER/commands``. What is measured comes from the
``joint_state_broadcaster`` on ``joint_states``, which is what controllers here subscribe to anyway.

A group is named by a text, ``CONTROLLER:INTERFACE`` or ``CONTROLLER:INTERFACE:JOINT,JOINT``, with
the joints in the order of the controller's own parameter ``joints``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

from neuro_control.errors import ConfigurationError
from neuro_control.ros.messages import COMMAND_QOS, Rejected, doubles, finite, joint_state
from neuro_control.ros.parameters import parameter

Array = NDArray[np.float64]

INTERFACES = ("position", "velocity", "effort")


@dataclass(frozen=True)
class GroupParameters:
    """Parameter of the nodes that command joints, and of the simulation that takes commands."""

    group_controllers: tuple[str, ...] = parameter(
        (),
        "Group controllers of ros2_control in place of joint_commands, each as "
        "CONTROLLER:INTERFACE or CONTROLLER:INTERFACE:JOINT,JOINT",
        fixed=True,
    )


@dataclass(frozen=True)
class Group:
    """A group controller.

    Attributes:
        topic: Topic of its commands.
        interface: Which of ``INTERFACES`` it commands.
        joints: Its joints in their order; empty means all joints of a command in theirs.
    """

    topic: str
    interface: str
    joints: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Group:
        """Group that a text names.

        Raises:
            ConfigurationError: The text has another form.
        """
        controller, _, rest = text.partition(":")
        interface, _, joints = rest.partition(":")
        if not controller or interface not in INTERFACES:
            raise ConfigurationError(
                f"a group is CONTROLLER:INTERFACE or CONTROLLER:INTERFACE:JOINT,JOINT with one of "
                f"{', '.join(INTERFACES)}, not '{text}'"
            )
        names = tuple(name.strip() for name in joints.split(",")) if joints else ()
        return cls(f"{controller}/commands", interface, names)


class GroupPublisher:
    """Publishes joint commands to group controllers, as a publisher of joint commands would.

    Args:
        node: Has the topics.
        groups: The groups.

    Attributes:
        topic: Topic of the first group.
    """

    def __init__(self, node: Node, groups: Sequence[Group]) -> None:
        self._node, self._groups = node, tuple(groups)
        self._publishers = [
            node.create_publisher(Float64MultiArray, group.topic, COMMAND_QOS) for group in groups
        ]
        self.topic = self._publishers[0].topic

    def publish(self, command: JointState) -> None:
        """Publish each group's numbers of a command.

        Raises:
            ValueError: The command lacks a joint of a group.
        """
        for group, publisher in zip(self._groups, self._publishers, strict=True):
            values = np.asarray(getattr(command, group.interface))
            if group.joints:
                values = values[[command.name.index(joint) for joint in group.joints]]
            publisher.publish(Float64MultiArray(data=doubles(values)))

    def destroy(self) -> None:
        """Destroy the topics."""
        for publisher in self._publishers:
            self._node.destroy_publisher(publisher)


def command_publisher(node: Any, message: type[Any], topic: str) -> Any:
    """Publisher of a controller's commands, to groups if its parameters name some.

    Raises:
        ConfigurationError: A group's text has another form.
    """
    named = getattr(node.parameters, "group_controllers", ())
    if not named or message is not JointState:
        return node.create_publisher(message, topic, COMMAND_QOS)
    return GroupPublisher(node, [Group.of(text) for text in named])


def destroy_publisher(node: Any, publisher: Any) -> None:
    """Destroy what ``command_publisher`` made."""
    if isinstance(publisher, GroupPublisher):
        publisher.destroy()
    else:
        node.destroy_publisher(publisher)


class GroupCommands:
    """Stands in for group controllers: joins the groups' numbers into joint commands.

    Args:
        node: Has the topics.
        groups: Texts of the groups, with their joints.
        take: Called with each joint command, once every group has sent one.
        refuse: Called with what was refused, and why.

    Raises:
        ConfigurationError: A group's text has another form or no joints.
    """

    def __init__(
        self,
        node: Node,
        groups: Sequence[str],
        take: Callable[[JointState], None],
        refuse: Callable[[Rejected], None],
    ) -> None:
        self._groups = [Group.of(text) for text in groups]
        without = [group.topic for group in self._groups if not group.joints]
        if without:
            raise ConfigurationError(f"the simulation needs the joints of {', '.join(without)}")
        self._take, self._refuse = take, refuse
        self._values: dict[str, Array] = {}
        self._names = list(dict.fromkeys(n for group in self._groups for n in group.joints))
        for group in self._groups:
            node.create_subscription(
                Float64MultiArray, group.topic, self._receiver(group), COMMAND_QOS
            )

    def _receiver(self, group: Group) -> Callable[[Float64MultiArray], None]:
        def receive(message: Float64MultiArray) -> None:
            try:
                numbers = finite(group.topic, message.data, len(group.joints))
            except Rejected as error:
                self._refuse(error)
                return
            self._values[group.topic] = numbers
            if len(self._values) == len(self._groups):
                self._take(self._command())

        return receive

    def _command(self) -> JointState:
        fields = {name: np.zeros(len(self._names)) for name in INTERFACES}
        for group in self._groups:
            rows = [self._names.index(joint) for joint in group.joints]
            fields[group.interface][rows] = self._values[group.topic]
        return joint_state(0, self._names, **fields)
