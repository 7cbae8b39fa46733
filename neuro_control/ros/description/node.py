# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A robot's description and frames on topics, as ROS's own robot_state_publisher has them.

It also runs where only wheels are installed, which have neither that node nor tf2_msgs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from nav_msgs.msg import Odometry
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from neuro_control import resources
from neuro_control.errors import ConfigurationError
from neuro_control.files import read_text
from neuro_control.ros.description.kinematic_tree import KinematicTree, Transform
from neuro_control.ros.description.transforms import (
    TRANSPORTS,
    Broadcaster,
    NoBroadcaster,
    broadcaster,
)
from neuro_control.ros.diagnostics.node import DiagnosticNode
from neuro_control.ros.messages import (
    NANOSECONDS,
    SENSOR_QOS,
    Rejected,
    finite,
    to_nanoseconds,
)
from neuro_control.ros.parameters import parameter
from neuro_control.ros.process import run_node

# Largest URDF that is read, bytes.
_MAX_BYTES = 4_000_000
_LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
# Time between two looks whether somebody publishes odometry, s.
_LOOK = 0.2
# How far the length of a quaternion may be from 1.
_UNIT = 1e-3


@dataclass(frozen=True)
class DescriptionParameters:
    """Parameters of the node."""

    urdf: str = parameter("", "URDF of the robot: a file of config/urdf, or a path", fixed=True)
    publish_rate: float = parameter(
        50.0, "Frames of the joints per second of the joints' stamps, at most", low=1.0, high=1000.0
    )
    odometry_topic: str = parameter(
        "odom",
        "Topic (nav_msgs/Odometry) whose pose is a frame, too; empty if somebody else sends it",
        fixed=True,
    )
    frame_prefix: str = parameter(
        "", "Goes before the name of every frame, such as go2/ where several share /tf", fixed=True
    )
    transport: str = parameter(
        "auto",
        "How frames are sent: ros, cyclonedds (a DDS participant of its own), or auto: ros where "
        "the package tf2_msgs is installed",
        choices=TRANSPORTS,
        fixed=True,
    )
    network_interface: str = parameter(
        "",
        "Network interface, for cyclonedds; empty takes loopback where ROS keeps to this machine, "
        "else the first found",
        fixed=True,
    )

    def __post_init__(self) -> None:
        if not self.urdf:
            raise ConfigurationError("urdf names the robot's URDF, such as go2.urdf")

    def description(self) -> str:
        """The URDF.

        Raises:
            ConfigurationError: It can't be read.
        """
        return read_text(resources.find_file("config/urdf", self.urdf), _MAX_BYTES, "the URDF")


class RobotStatePublisher(DiagnosticNode[DescriptionParameters]):
    """Publishes what a robot looks like and where its links are.

    Publishes ``robot_description`` (std_msgs/String, latched), ``/tf_static`` for what is fixed,
    and ``/tf`` for the joints of ``joint_states`` (sensor_msgs/JointState), at most
    ``publish_rate`` times a second of their stamps, and for the pose of ``odom``.

    Args:
        name: Name of the node.
        node_options: Passed on to the rclpy node.

    Raises:
        ConfigurationError: A parameter is wrong, the URDF can't be read, or frames can't be sent.
    """

    def __init__(self, name: str = "robot_state_publisher", **node_options: Any) -> None:
        super().__init__(name, DescriptionParameters, "description", **node_options)
        self._broadcaster: Broadcaster | None = None
        self._sent: int | None = None  # stamp of the joints that were sent last, ns
        self._counts = {"joint_states": 0, "odometry": 0, "rejected": 0}
        p = self.parameters
        try:
            urdf = p.description()
            self._tree = KinematicTree(urdf)
            self._broadcaster = broadcaster(self, p.transport, p.network_interface)
        except ConfigurationError:
            self.destroy_node()
            raise
        self._describe(urdf)
        self.create_subscription(JointState, "joint_states", self._on_joints, SENSOR_QOS)
        self._looking = (
            self.create_timer(_LOOK, self._look_for_odometry, clock=self.steady)
            if p.odometry_topic
            else None
        )
        self._set_running()

    def _look_for_odometry(self) -> None:
        """Subscribe to odometry once somebody publishes it.

        A simulation takes a subscription to ``odom`` that nobody serves for one to its own ground
        truth, under the name that this had.
        """
        topic = self.parameters.odometry_topic
        if self._looking is not None and self.count_publishers(topic):
            self.create_subscription(Odometry, topic, self._on_odometry, SENSOR_QOS)
            self.destroy_timer(self._looking)
            self._looking = None

    def _set_running(self) -> None:
        if isinstance(self._broadcaster, NoBroadcaster):
            text = f"frames are not sent, {self._broadcaster.name}"
            self.set_state(DiagnosticStatus.WARN, text)
        else:
            self.set_state(DiagnosticStatus.OK, "running")

    def _describe(self, urdf: str) -> None:
        publisher = self.create_publisher(String, "robot_description", _LATCHED)
        publisher.publish(String(data=urdf))
        self._send_fixed()

    def _send_fixed(self) -> None:
        if self._broadcaster is not None:
            self._broadcaster.send_fixed(self.now(), [self._named(t) for t in self._tree.fixed])

    def start(self) -> None:
        """Nothing has to be waited for."""

    def destroy_node(self) -> None:
        """Stop sending frames and end the node."""
        if getattr(self, "_broadcaster", None) is not None:
            self._broadcaster.close()  # type: ignore[union-attr]
        super().destroy_node()

    def _named(self, transform: Transform) -> Transform:
        prefix = self.parameters.frame_prefix
        if not prefix:
            return transform
        parent, child = prefix + transform.parent, prefix + transform.child
        return Transform(parent, child, transform.position, transform.quaternion)

    def _on_joints(self, message: JointState) -> None:
        stamp = to_nanoseconds(message.header.stamp)
        period = NANOSECONDS / self.parameters.publish_rate
        # A simulation that begins anew goes back to zero.
        if self._sent is not None and 0 <= stamp - self._sent < period:
            return
        try:
            values = _positions(message)
        except Rejected as error:
            self._reject("joint_states", error)
            return
        self._sent = stamp
        self._counts["joint_states"] += 1
        self._send(stamp, list(self._tree.transforms(values)))

    def _on_odometry(self, message: Odometry) -> None:
        try:
            transform = _pose(message)
        except Rejected as error:
            self._reject("odometry", error)
            return
        self._counts["odometry"] += 1
        self._send(to_nanoseconds(message.header.stamp), [transform])

    def _send(self, stamp: int, transforms: list[Transform]) -> None:
        if transforms and self._broadcaster is not None:
            self._broadcaster.send(stamp, [self._named(each) for each in transforms])

    def _reject(self, topic: str, error: Rejected) -> None:
        self._counts["rejected"] += 1
        self.set_state(
            DiagnosticStatus.WARN, f"{topic} rejected: {error}", f"{topic}/{error.reason}"
        )

    def report(self) -> None:
        """Report the state; what was refused counts as over after a second."""
        self.publish_diagnostics()
        self._set_running()

    def diagnostic_values(self) -> dict[str, str]:
        """How frames are sent, and counts of messages."""
        sender = "none" if self._broadcaster is None else self._broadcaster.name
        counts = {name: str(count) for name, count in self._counts.items()}
        return {"transport": sender, "links": str(len(self._tree.links)), **counts}


def _positions(message: JointState) -> dict[str, float]:
    """Angles and displacements by joint; a joint that is not measured, as NaN has it, is left out.

    Raises:
        Rejected: There are more or fewer positions than names.
    """
    if len(message.position) != len(message.name):
        raise Rejected("size", f"{len(message.position)} positions for {len(message.name)} names")
    values = zip(message.name, message.position, strict=True)
    return {name: value for name, value in values if math.isfinite(value)}


def _pose(message: Odometry) -> Transform:
    """Frame of an odometry.

    Raises:
        Rejected: A number is not finite, the attitude no unit quaternion, or a frame has no name.
    """
    p, q = message.pose.pose.position, message.pose.pose.orientation
    numbers = finite("pose", [p.x, p.y, p.z, q.w, q.x, q.y, q.z], 7)
    if abs(float(np.linalg.norm(numbers[3:])) - 1.0) > _UNIT:
        raise Rejected("attitude", f"the attitude {numbers[3:]} is no unit quaternion")
    parent, child = message.header.frame_id, message.child_frame_id
    if not parent or not child:
        raise Rejected("frame", "odometry names the frames of its pose")
    return Transform(parent, child, numbers[:3], numbers[3:])


def main() -> None:
    """Run the node: the executable robot_state_publisher."""
    run_node(RobotStatePublisher)
