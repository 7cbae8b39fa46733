# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Frames on ``/tf`` and ``/tf_static``, with or without the package tf2_msgs.

There is no wheel of tf2_msgs. Where it is missing, a participant of this process's own in ROS's DDS
domain writes the same bytes under the same names, and tf2, RViz and Foxglove read them.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from typing import Any, Protocol

from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile

from neuro_control.errors import ConfigurationError
from neuro_control.ros.dds.participant import Participant
from neuro_control.ros.description.kinematic_tree import Transform
from neuro_control.ros.messages import NANOSECONDS, fill, fill_quaternion, to_stamp

try:  # There is no wheel of it.
    from tf2_msgs.msg import TFMessage
except ImportError:
    TFMessage = None

TRANSPORTS = ("auto", "ros", "cyclonedds")
# As tf2_ros has them.
_DEPTH = 100
_STATIC_QOS = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Broadcaster(Protocol):
    """Sends frames.

    Attributes:
        name: How, for the diagnostics.
    """

    name: str

    def send(self, stamp: int, transforms: Sequence[Transform]) -> None:
        """Send frames that hold at a time, ns."""

    def send_fixed(self, stamp: int, transforms: Sequence[Transform]) -> None:
        """Send the frames that never change, all of them, for whoever subscribes later as well."""

    def close(self) -> None:
        """Stop sending; calling it more than once does no harm."""


class RosBroadcaster:
    """Sends frames through ROS.

    Args:
        node: Publishes them.

    Raises:
        ConfigurationError: tf2_msgs is missing.
    """

    name = "ros"

    def __init__(self, node: Node) -> None:
        if TFMessage is None:
            raise ConfigurationError(
                "the ROS package tf2_msgs is not installed: set transport to cyclonedds, and "
                "pip install 'neuro_control[dds]'"
            )
        self._node = node
        self._moving = node.create_publisher(TFMessage, "/tf", _DEPTH)
        self._fixed = node.create_publisher(TFMessage, "/tf_static", _STATIC_QOS)
        self._publishers = [self._moving, self._fixed]

    def send(self, stamp: int, transforms: Sequence[Transform]) -> None:
        """Send frames that hold at a time, ns, while somebody subscribes."""
        if self._moving.get_subscription_count():
            self._publish(self._moving, stamp, transforms)

    def send_fixed(self, stamp: int, transforms: Sequence[Transform]) -> None:
        """Send the frames that never change."""
        self._publish(self._fixed, stamp, transforms)

    @staticmethod
    def _publish(publisher: Any, stamp: int, transforms: Sequence[Transform]) -> None:
        messages = []
        for each in transforms:
            message = TransformStamped(child_frame_id=each.child)
            message.header.stamp, message.header.frame_id = to_stamp(stamp), each.parent
            fill(message.transform.translation, each.position)
            fill_quaternion(message.transform.rotation, each.quaternion)
            messages.append(message)
        publisher.publish(TFMessage(transforms=messages))

    def close(self) -> None:
        """Destroy the topics."""
        publishers, self._publishers = self._publishers, []
        for publisher in publishers:
            self._node.destroy_publisher(publisher)


class DdsBroadcaster:
    """Sends frames by a DDS participant of this process's own.

    Args:
        node: Its remappings and namespace say where ``/tf`` is.
        interface: Network interface; empty for loopback where ROS keeps to this machine, and for
            what Cyclone DDS finds elsewhere.

    Raises:
        ConfigurationError: cyclonedds is missing, or can't use the interface.
    """

    name = "cyclonedds"

    def __init__(self, node: Node, interface: str) -> None:
        domain = int(os.environ.get("ROS_DOMAIN_ID") or 0)
        self._participant: Participant | None = Participant(
            domain, interface or ("lo" if _stays_here() else "")
        )
        from neuro_control.ros.dds import tf_idl

        self._idl = tf_idl
        moving, fixed = (f"rt{node.resolve_topic_name(each)}" for each in ("/tf", "/tf_static"))
        self._moving = self._participant.writer(moving, tf_idl.TFMessage, _DEPTH)
        self._fixed = self._participant.writer(fixed, tf_idl.TFMessage, latched=True)

    def send(self, stamp: int, transforms: Sequence[Transform]) -> None:
        """Send frames that hold at a time, ns."""
        self._moving.write(self._message(stamp, transforms))

    def send_fixed(self, stamp: int, transforms: Sequence[Transform]) -> None:
        """Send the frames that never change."""
        self._fixed.write(self._message(stamp, transforms))

    def _message(self, stamp: int, transforms: Sequence[Transform]) -> Any:
        idl = self._idl
        time = idl.Time(*divmod(stamp, NANOSECONDS))
        messages = []
        for each in transforms:
            w, *vector = each.quaternion.tolist()
            pose = idl.Transform(idl.Vector3(*each.position.tolist()), idl.Quaternion(*vector, w))
            messages.append(idl.TransformStamped(idl.Header(time, each.parent), each.child, pose))
        return idl.TFMessage(messages)

    def close(self) -> None:
        """Leave the domain."""
        participant, self._participant = self._participant, None
        if participant is not None:
            del self._moving, self._fixed
            participant.close()


def _stays_here() -> bool:
    """Whether ROS keeps discovery to this machine."""
    return (
        os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "").upper() == "LOCALHOST"
        or os.environ.get("ROS_LOCALHOST_ONLY") == "1"
    )


class NoBroadcaster:
    """Sends nothing, where nothing is installed that could."""

    name = "none: pip install 'neuro_control[dds]', or install the ROS package tf2_msgs"

    def send(self, stamp: int, transforms: Sequence[Transform]) -> None:
        """Send nothing."""

    def send_fixed(self, stamp: int, transforms: Sequence[Transform]) -> None:
        """Send nothing."""

    def close(self) -> None:
        """There is nothing to end."""


def broadcaster(node: Node, transport: str, interface: str) -> Broadcaster:
    """What sends frames on this machine.

    Args:
        node: Node that sends them.
        transport: ros, cyclonedds, or auto: ros where tf2_msgs is installed, else cyclonedds
            where that is, else nothing.
        interface: Network interface, for Cyclone DDS.

    Raises:
        ConfigurationError: That way is not open on this machine.
    """
    if transport == "auto":
        if TFMessage is None and importlib.util.find_spec("cyclonedds") is None:
            return NoBroadcaster()
        transport = "cyclonedds" if TFMessage is None else "ros"
    return RosBroadcaster(node) if transport == "ros" else DdsBroadcaster(node, interface)
