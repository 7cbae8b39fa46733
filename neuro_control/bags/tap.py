# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Takes the messages of the nodes of this process to a sink, at next to no cost for the robot.

A message is handed over within the process (``intraprocess``), so that its subscription's callback
does nothing but remember it. It is serialised between two steps, in portions, and what the sink
does with it happens in the sink's own process.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import yaml
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile
from rclpy.serialization import serialize_message
from std_msgs.msg import String

from neuro_control.bags.pipe import SinkProcess
from neuro_control.bags.sinks import RUN, RUN_TOPIC, Topic
from neuro_control.bags.thinning import Spacing
from neuro_control.ros.intraprocess import HandingOver
from neuro_control.ros.parameters import parameters_of

# Wall time between two portions, and that of a portion of which nothing has piled up, s.
_PERIOD, _PORTION = 0.005, 0.0002
# Messages that wait for each portion more.
_PILE = 50
# Topics that carry what another topic has, under a name of an earlier release: to subscribe to one
# makes its node warn.
OLD_NAMES = ("odometry",)


class Tap:
    """Takes what nodes publish.

    Args:
        sink: Gets the messages.
        scenario: Name of the scenario, for whoever reads the recording.
        spacing: Smallest simulated time between two messages of a stream that are taken, s; 0
            takes all.
    """

    def __init__(self, sink: SinkProcess, scenario: str, spacing: float = 0.0) -> None:
        self._sink, self._scenario = sink, scenario
        self._spacing = Spacing(spacing)
        self._waiting: deque[tuple[str, int, Any]] = deque()
        self._closed = False

    def connect(self, nodes: Sequence[Node], now: Callable[[], float]) -> Node:
        """Node that takes all that ``nodes`` publish, to be spun with them.

        Args:
            nodes: The nodes, started but for the simulation.
            now: Gives the simulated time, s.
        """
        node = HandingOver(f"tap_{self._sink.pid}", use_global_arguments=False, enable_rosout=False)
        self._now = now
        self._sink.open_topic(RUN)
        parameters = {each.get_name(): parameters_of(each) for each in nodes}
        run = {"scenario": self._scenario, "parameters": parameters}
        self._waiting.append((RUN_TOPIC, 0, String(data=yaml.dump(run, sort_keys=False))))
        known: set[str] = set()
        for publisher in [each for made in nodes for each in made.publishers]:
            name = publisher.topic_name
            if name in known or name.rpartition("/")[2] in OLD_NAMES:
                continue
            known.add(name)
            topic = Topic.of(name, publisher.msg_type, publisher.qos_profile)
            self._spacing.add(topic)
            self._sink.open_topic(topic)
            node.create_subscription(
                publisher.msg_type, name, partial(self._take, name), _qos(publisher.qos_profile)
            )
        node.create_timer(_PERIOD, self._send, clock=Clock(clock_type=ClockType.STEADY_TIME))
        return node

    def _take(self, name: str, message: Any) -> None:
        now = round(1e9 * self._now())
        if self._spacing.is_due(name, now):
            self._waiting.append((name, now, message))

    def _send(self) -> None:
        """Serialise a portion of what waits, and send it."""
        until = time.perf_counter() + _PORTION * (1 + len(self._waiting) // _PILE)
        while self._waiting and time.perf_counter() < until:
            self._pass_on()
        self._sink.send()

    def _pass_on(self) -> None:
        name, nanoseconds, message = self._waiting.popleft()
        self._sink.write(name, nanoseconds, serialize_message(message))

    def close(self) -> None:
        """Pass on the rest, and close the sink; once.

        Raises:
            ConfigurationError: The sink failed.
        """
        if self._closed:
            return
        self._closed = True
        while self._waiting:
            self._pass_on()
        self._sink.close()


def _qos(offered: QoSProfile) -> QoSProfile:
    """What takes all messages of a publisher, those that it keeps for latecomers included."""
    latched = offered.durability == DurabilityPolicy.TRANSIENT_LOCAL
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=1000,
        reliability=offered.reliability,
        durability=offered.durability if latched else DurabilityPolicy.VOLATILE,
    )
