# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Base of nodes that take what others publish, as it comes: serialised, and all topics or some."""

from __future__ import annotations

import contextlib
import re
from abc import abstractmethod
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import yaml
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from std_msgs.msg import String

from neuro_control.bags.message_types import find_type
from neuro_control.bags.sinks import RUN, RUN_TOPIC, Sink, Topic
from neuro_control.bags.tap import OLD_NAMES
from neuro_control.errors import ConfigurationError
from neuro_control.ros.diagnostics.node import DiagnosticNode
from neuro_control.ros.parameters import parameter

# Wall time between two looks for new topics, s.
_LOOK = 0.25


@dataclass(frozen=True)
class ListenerParameters:
    """Parameters of a node that takes what others publish."""

    topics: tuple[str, ...] = parameter(
        (), "Topics to take, as regular expressions of whole names; none takes all", fixed=True
    )
    exclude: tuple[str, ...] = parameter(
        ("/rosout",), "Topics to leave out, as regular expressions of whole names", fixed=True
    )
    scenario: str = parameter(
        "", "Name of the scenario, for whoever reads what is taken", fixed=True
    )

    def __post_init__(self) -> None:
        for pattern in (*self.topics, *self.exclude):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ConfigurationError(
                    f"'{pattern}' is no regular expression: {error}"
                ) from error


P = TypeVar("P", bound=ListenerParameters)


class Listener(DiagnosticNode[P]):
    """Subscribes to topics as they appear, and hands their messages to a sink.

    Args:
        name: Name of the node.
        parameters_type: Dataclass of its parameters.
        kind: What the node is, for its name in the diagnostics.
        node_options: Passed on to the rclpy node.

    Raises:
        ConfigurationError: A parameter is wrong, or the sink can't be made.
    """

    def __init__(self, name: str, parameters_type: type[P], kind: str, **node_options: Any) -> None:
        super().__init__(name, parameters_type, kind, **node_options)
        self._known: set[str] = set()
        self._counts: Counter[str] = Counter()
        try:
            self._sink: Sink | None = self.make_sink()
        except ConfigurationError:
            self.destroy_node()
            raise
        self._sink.open_topic(RUN)
        run = String(data=yaml.dump({"scenario": self.parameters.scenario or None}))
        self._sink.write(RUN_TOPIC, self.now(), serialize_message(run))
        self.create_timer(_LOOK, self._look, clock=self.steady)
        self.set_state(DiagnosticStatus.OK, "listening")

    @abstractmethod
    def make_sink(self) -> Sink:
        """What takes the messages.

        Raises:
            ConfigurationError: It can't be made.
        """

    def _look(self) -> None:
        """Subscribe to what has appeared."""
        for name, kinds in self.get_topic_names_and_types():
            if name in self._known or not self._wants(name):
                continue
            infos = self.get_publishers_info_by_topic(name)
            if not infos:
                continue  # so far somebody only subscribes
            self._known.add(name)
            if len(kinds) > 1:
                self.get_logger().warning(f"{name} is left out: it has several types, {kinds}")
                continue
            self._subscribe(name, kinds[0], [each.qos_profile for each in infos])

    def _wants(self, name: str) -> bool:
        p = self.parameters
        if name.rpartition("/")[2] in OLD_NAMES:
            return False
        if any(re.fullmatch(each, name) for each in p.exclude):
            return False
        return not p.topics or any(re.fullmatch(each, name) for each in p.topics)

    def _subscribe(self, name: str, kind: str, offered: list[QoSProfile]) -> None:
        try:
            message_type = find_type(kind)
        except ConfigurationError as error:
            self.get_logger().warning(f"{name} is left out: {error}")
            return
        if self._sink is None:
            return
        self._sink.open_topic(Topic.of(name, message_type, offered[0]))
        # Not by the base, which looks at messages: these are bytes.
        Node.create_subscription(
            self, message_type, name, partial(self._take, name), _qos(offered), raw=True
        )

    def _take(self, name: str, data: bytes) -> None:
        if self._sink is None:
            return
        self._counts[name] += 1
        try:
            self._sink.write(name, self.now(), data)
        except Exception as error:  # a full disk must not bring the process down
            self.fail_safe(f"can't take messages any more: {error}")
            sink, self._sink = self._sink, None
            with contextlib.suppress(Exception):
                sink.close()

    def diagnostic_values(self) -> dict[str, str]:
        """How many messages of how many topics were taken."""
        return {
            "topics": str(len(self._known)),
            "messages": str(sum(self._counts.values())),
        }

    def stop(self) -> None:
        """Close the sink."""
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.close()


def _qos(offered: list[QoSProfile]) -> QoSProfile:
    """What is compatible with all publishers of a topic, and loses least."""
    reliable = all(each.reliability == ReliabilityPolicy.RELIABLE for each in offered)
    latched = all(each.durability == DurabilityPolicy.TRANSIENT_LOCAL for each in offered)
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=1000,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )
