# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Leaves out messages of streams that come more often than a view can show."""

from __future__ import annotations

from neuro_control.bags.sinks import Sink, Topic
from neuro_control.ros.messages import NANOSECONDS

# Streams, of which a view needs no more than it can show; every other message may be an event.
_STREAMS = (
    "geometry_msgs/msg/Twist",
    "geometry_msgs/msg/TwistStamped",
    "nav_msgs/msg/Odometry",
    "rosgraph_msgs/msg/Clock",
    "sensor_msgs/msg/FluidPressure",
    "sensor_msgs/msg/Imu",
    "sensor_msgs/msg/JointState",
    "sensor_msgs/msg/Range",
    "std_msgs/msg/Float64MultiArray",
    "tf2_msgs/msg/TFMessage",
)
# They may carry spikes, of which each counts.
_ACTIVITY, _ACTIVITY_SPACING = "/activity", 0.019


class Spacing:
    """Says which messages are due.

    Args:
        seconds: Smallest time between two messages of a stream, s; 0 lets all pass.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._spacings: dict[str, int] = {}
        self._due: dict[str, int] = {}

    def add(self, topic: Topic) -> None:
        """Know a topic."""
        seconds = self._seconds if topic.kind in _STREAMS else 0.0
        if topic.name.endswith(_ACTIVITY):
            seconds = min(seconds, _ACTIVITY_SPACING)
        self._spacings[topic.name] = round(seconds * NANOSECONDS)

    def is_due(self, name: str, nanoseconds: int) -> bool:
        """Whether a message of a topic, received at a time (ns), is to pass."""
        spacing = self._spacings[name]
        if not spacing:
            return True
        due = self._due.get(name)
        # A clock that goes back begins anew.
        if due is not None and due - spacing <= nanoseconds < due:
            return False
        self._due[name] = nanoseconds + spacing
        return True


class Thinned:
    """A sink that gets the messages that are due.

    Args:
        sink: The sink.
        seconds: As ``Spacing`` has it.
    """

    def __init__(self, sink: Sink, seconds: float) -> None:
        self._sink, self._spacing = sink, Spacing(seconds)

    def open_topic(self, topic: Topic) -> None:
        """Pass on; ``Sink`` has the argument."""
        self._spacing.add(topic)
        self._sink.open_topic(topic)

    def write(self, name: str, nanoseconds: int, data: bytes) -> None:
        """Pass on what is due; ``Sink`` has the arguments."""
        if self._spacing.is_due(name, nanoseconds):
            self._sink.write(name, nanoseconds, data)

    def close(self) -> None:
        """Close the sink."""
        self._sink.close()
