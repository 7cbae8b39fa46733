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
from neuro_control.bags.reader import Bag
from neuro_control.bags.sinks import RUN_TOPIC
from neuro_control.errors import ConfigurationError
from neuro_control.ros import process
from neuro_control.ros.messages import NANOSECONDS

# Whoever comes later gets the last message of a topic that says what is, not what happens.
_LATCHED = ("/tf_static", "/robot_description", RUN_TOPIC)
# Wall time for which subscribers are given to find the publishers, s.
_DISCOVERY = 0.5
# Longest wait at once, so that Ctrl-C is minded, s.
_NAP = 0.1
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
        begin, first = time.perf_counter(), None
        for done, message in enumerate(bag.messages(list(publishers))):
            first = message.nanoseconds if first is None else first
            due = begin + (message.nanoseconds - first) / NANOSECONDS / rate
            while (left := due - time.perf_counter()) > 0 and not stop():
                time.sleep(min(left, _NAP))
            if stop():
                break
            publishers[message.topic].publish(message.data)
            progress(done + 1)
    finally:
        process.close([node])
        stop.restore()
    return stop.signal


def _publishers(node: Node, bag: Bag) -> dict[str, Publisher]:
    found: dict[str, Publisher] = {}
    for name, kind in bag.kinds.items():
        if name in _OF_NO_USE:
            continue
        try:
            message_type: Any = find_type(kind)
        except ConfigurationError as error:
            node.get_logger().warning(f"{name} is left out: {error}")
            continue
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
