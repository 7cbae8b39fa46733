# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A node between topics that passes messages on less well than it got them, by a seeded script.

It works with hardware in the loop as in simulation: the node that is to be tried listens to the
topic that this node publishes. ``docs/fault_injection.md`` shows scripts.
"""

from __future__ import annotations

import heapq
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from neuro_control import resources
from neuro_control.bags.message_types import find_type
from neuro_control.errors import ConfigurationError
from neuro_control.faults.message_faults import FaultyTopic, MessageFault, make_fault
from neuro_control.ros import process
from neuro_control.ros.diagnostics.node import DiagnosticNode
from neuro_control.ros.messages import SENSOR_QOS
from neuro_control.ros.parameters import parameter
from neuro_control.yaml_text import read_yaml

# Time between two looks for messages that are due, s.
_TICK = 0.001
# Most messages that wait: a delay of minutes must not fill memory.
_WAITING = 10_000
# How messages are passed on: reliably, which every subscription accepts; a set-point stays.
_QOS = {
    "sensor": QoSProfile(depth=5),
    "command": QoSProfile(depth=1),
    "set_point": QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL),
}
_TOPIC = re.compile(r"[/~]?[A-Za-z_]\w*(/[A-Za-z_]\w*)*", re.ASCII)
_KEYS = ("from", "to", "type", "qos", "faults")


@dataclass(frozen=True)
class Route:
    """A topic of a script.

    Attributes:
        source: Topic that messages come from.
        target: Topic that they go to.
        message: Their type.
        qos: One of sensor, command and set_point.
        faults: What happens to them.
    """

    source: str
    target: str
    message: type[Any]
    qos: str
    faults: tuple[MessageFault, ...]


def read_script(path: Path) -> tuple[int, list[Route]]:
    """Seed and topics of a script.

    Raises:
        ConfigurationError: It can't be read or has another form; the message says where.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"can't read the script {path}: {error}") from error
    content = read_yaml(text, f"the script {path}")
    if not isinstance(content, Mapping) or set(content) - {"seed", "topics"}:
        raise ConfigurationError(f"{path}: a script has the entries seed and topics")
    seed, topics = content.get("seed", 0), content.get("topics")
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ConfigurationError(f"{path}: seed is a whole number from 0 on, not {seed}")
    if not isinstance(topics, list) or not topics:
        raise ConfigurationError(f"{path}: topics is a list of one or more")
    routes = []
    for number, topic in enumerate(topics, start=1):
        try:
            routes.append(_route(topic))
        except (ConfigurationError, TypeError) as error:
            raise ConfigurationError(f"{path}, topic {number}: {error}") from error
    sources = {route.source for route in routes}
    if circular := [route.target for route in routes if route.target in sources]:
        raise ConfigurationError(
            f"{path}: {circular[0]} is a topic's 'to' and one's 'from': messages would go round in "
            "a circle; give one topic all faults"
        )
    return seed, routes


def _route(topic: Any) -> Route:
    if not isinstance(topic, Mapping):
        raise ConfigurationError("a topic is a mapping with from, to, type and faults")
    if unknown := sorted(str(key) for key in set(topic) - set(_KEYS)):
        raise ConfigurationError(f"no '{unknown[0]}': there are {', '.join(_KEYS)}")
    names = {key: topic.get(key) for key in ("from", "to", "type")}
    if missing := [key for key, name in names.items() if not isinstance(name, str) or not name]:
        raise ConfigurationError(f"{missing[0]} is missing, or no text")
    if names["from"] == names["to"]:
        raise ConfigurationError("from and to are the same: messages would go round in a circle")
    for key in ("from", "to"):
        if not _TOPIC.fullmatch(str(names[key])):
            raise ConfigurationError(f"{key} is a topic like imu/imu, not '{names[key]}'")
    qos, faults = topic.get("qos", "sensor"), topic.get("faults", [])
    if qos not in _QOS:
        raise ConfigurationError(f"qos is one of {', '.join(_QOS)}, not '{qos}'")
    if not isinstance(faults, list):
        raise ConfigurationError("faults is a list")
    kind = find_type(str(names["type"]))
    made = tuple(make_fault(each) for each in faults)
    for fault in made:
        fault.check(kind())
    return Route(str(names["from"]), str(names["to"]), kind, qos, made)


@dataclass(frozen=True)
class InjectorParameters:
    """Parameters of the node."""

    script: str = parameter(
        "", "File of the script; docs/fault_injection.md says how to write one", fixed=True
    )


class FaultInjector(DiagnosticNode[InjectorParameters]):
    """Passes messages on, with faults.

    Subscribes to each topic ``from`` of its script and publishes ``to``. Times are those of a
    steady clock since the node was made.

    Args:
        name: Name of the node.
        node_options: Passed on to the rclpy node.

    Raises:
        ConfigurationError: The script is missing or wrong.
    """

    def __init__(self, name: str = "fault_injector", **node_options: Any) -> None:
        super().__init__(name, InjectorParameters, "fault injector", **node_options)
        try:
            if not self.parameters.script:
                raise ConfigurationError("script is empty: name a file with topics and faults")
            seed, routes = read_script(resources.find_file("config", self.parameters.script))
        except ConfigurationError:
            self.destroy_node()
            raise
        self._began = time.monotonic()
        self._counts: Counter[str] = Counter()
        self._waiting: list[tuple[float, int, Any, Any]] = []  # due, number, publisher, message
        self._number = 0
        for index, route in enumerate(routes):
            publisher = self.create_publisher(route.message, route.target, _QOS[route.qos])
            faulty = FaultyTopic(route.faults, np.random.default_rng([seed, index]))
            # Best effort hears every publisher, and latched ones too where it asks for it.
            qos = QoSProfile(depth=SENSOR_QOS.depth, reliability=ReliabilityPolicy.BEST_EFFORT)
            if route.qos == "set_point":
                qos = _QOS["set_point"]
            self.create_subscription(
                route.message, route.source, partial(self._receive, faulty, publisher), qos
            )
        self.create_timer(_TICK, self._send_due, clock=self.steady)
        self.set_state(DiagnosticStatus.OK, f"passes on {len(routes)} topic(s), with faults")

    def _receive(self, faulty: FaultyTopic, publisher: Any, message: Any) -> None:
        now = time.monotonic() - self._began
        self._counts["received"] += 1
        for due, each in faulty.take(now, message):
            if len(self._waiting) >= _WAITING:
                self._counts["overflowed"] += 1
                continue
            self._number += 1
            heapq.heappush(self._waiting, (due, self._number, publisher, each))
        self._send_due()

    def _send_due(self) -> None:
        now = time.monotonic() - self._began
        while self._waiting and self._waiting[0][0] <= now:
            _, _, publisher, message = heapq.heappop(self._waiting)
            publisher.publish(message)
            self._counts["sent"] += 1

    def diagnostic_values(self) -> dict[str, str]:
        """Messages that came, were passed on, wait, and were too many."""
        counts = {name: str(self._counts[name]) for name in ("received", "sent", "overflowed")}
        return {**counts, "waiting": str(len(self._waiting))}


def run_script(script: Path) -> None:
    """Run the node with a script, a path or a name in ``config/``, until Ctrl-C."""
    name = str(script.absolute()) if script.exists() else str(script)
    process.discover_locally()
    given = [Parameter("script", value=name)]
    process.run_node(partial(FaultInjector, parameter_overrides=given))


def main() -> None:
    """Run the node: the executable fault_injector."""
    process.run_node(FaultInjector)
