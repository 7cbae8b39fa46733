# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Publishes a recording's messages in ROS, at the pace at which they were received."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from neuro_control.bags.message_types import find_type
from neuro_control.bags.pacing import paced
from neuro_control.bags.reader import Bag
from neuro_control.bags.sinks import RUN_TOPIC
from neuro_control.errors import ConfigurationError
from neuro_control.ros import process

# Whoever comes later gets the last message of a topic that says what is, not what happens.
_LATCHED = ("/tf_static", "/robot_description", RUN_TOPIC)
# Wall time for which subscribers are given to find the publishers, s.
_DISCOVERY = 0.5
_OF_NO_USE = ("/parameter_events", "/rosout")


def publish(bag: Bag, rate: float, progress: Callable[[float], None]) -> int | None:
    """Publish all messages of types that are installed.

    Args:
        bag: The recording.
        rate: Speed, as a multiple of that of the recording.
        progress: Called with the number of messages that are published.

    Returns:
        The signal that ended it before its time, or None.

    Raises:
        ConfigurationError: No type of its messages is installed.
    """
    process.initialise([])
    stop = process.Stop()
    node = Node("bag_player")
    try:
        publishers = _publishers(node, bag)
        time.sleep(_DISCOVERY)
        messages = paced(bag.messages(list(publishers)), rate, stop)
        for done, message in enumerate(messages):
            publishers[message.topic].publish(message.data)
            progress(done + 1)
    finally:
        process.close([node])
        stop.restore()
    return stop.signal


def _publishers(node: Node, bag: Bag) -> dict[str, Publisher]:
    found: dict[str, Publisher] = {}
    for name in bag.readable(node.get_logger().warning):
        if name in _OF_NO_USE:
            continue
        message_type: Any = find_type(bag.kinds[name])
        latched = name.startswith(_LATCHED)
        qos = QoSProfile(
            depth=100,
            reliability=ReliabilityPolicy.RELIABLE,
            durability=(DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE),
        )
        found[name] = node.create_publisher(message_type, name, qos)
    if not found:
        raise ConfigurationError("no type of the recording's messages is installed")
    return found
