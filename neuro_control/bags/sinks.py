# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What takes the messages of a run: a file, a view, a server. Messages come serialised (CDR)."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String

from neuro_control.bags.message_types import definition, type_name

RUN_TOPIC = "/neuro_control/run"
"""Topic of the message that tells what ran: a String, whose text is YAML."""


class Topic(NamedTuple):
    """A topic whose messages a sink takes.

    Attributes:
        name: Its name, resolved.
        kind: Type of its messages, as ``sensor_msgs/msg/JointState``.
        definition: Definition of that type, as ``message_types.definition`` gives it.
        qos: Quality of service that is offered, as rosbag2 writes it; empty if unknown.
    """

    name: str
    kind: str
    definition: str
    qos: str = ""

    @classmethod
    def of(cls, name: str, message_type: type[Any], qos: QoSProfile | None = None) -> Topic:
        """Topic of a name and a message type."""
        written = "" if qos is None else _written(qos)
        kind = type_name(message_type)
        return cls(name, kind, definition(kind), written)


class Sink(Protocol):
    """Takes messages."""

    def open_topic(self, topic: Topic) -> None:
        """Get ready for the messages of a topic; called once for each, before its first."""

    def write(self, name: str, nanoseconds: int, data: bytes) -> None:
        """Take a message.

        Args:
            name: Name of its topic.
            nanoseconds: When it was received, ns: simulated time in simulation.
            data: The message, serialised.
        """

    def close(self) -> None:
        """Finish: nothing more comes."""


def _written(qos: QoSProfile) -> str:
    """A quality of service as rosbag2 of Jazzy writes it, a YAML list of one profile."""
    forever = "{sec: 9223372036, nsec: 854775807}"
    return (
        f"- history: {qos.history.name.lower()}\n"
        f"  depth: {qos.depth}\n"
        f"  reliability: {qos.reliability.name.lower()}\n"
        f"  durability: {qos.durability.name.lower()}\n"
        f"  deadline: {forever}\n"
        f"  lifespan: {forever}\n"
        "  liveliness: automatic\n"
        f"  liveliness_lease_duration: {forever}\n"
        "  avoid_ros_namespace_conventions: false\n"
    )


# Whoever comes later gets it, too, where a recording is played.
RUN = Topic.of(RUN_TOPIC, String, QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
"""That topic."""
