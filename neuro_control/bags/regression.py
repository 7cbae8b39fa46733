# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Feeds recorded sensors to controllers, and compares their commands with the recorded ones.

The nodes are those that run on the robot, with the clock of the recording. A message is published
when all that went before has been answered, so that a slow machine gives the same answers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock

from neuro_control.bags.comparison import TopicComparison
from neuro_control.bags.message_types import type_name
from neuro_control.bags.reader import Bag, Recorded
from neuro_control.errors import ConfigurationError
from neuro_control.ros import process
from neuro_control.ros.intraprocess import Bus, HandingOver, handing_over
from neuro_control.ros.messages import to_stamp

CLOCK = "/clock"
# Topics of every node, which say nothing of what it commands.
_OF_EVERY_NODE = ("/diagnostics", "/parameter_events", "/rosout")
_QOS = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
# Wall time for which an answer is waited for, and that for all that never come together, s.
_ANSWER, _ANSWERS = 2.0, 20.0
# Wall time between two turns of timers and services, s.
_TURN = 0.01


def compare(
    bag: Bag,
    factories: Mapping[str, Callable[[], Node]],
    parameter_file: Path,
    progress: Callable[[float], None],
) -> dict[str, dict[str, Any]]:
    """Let nodes answer a recording.

    Args:
        bag: The recording.
        factories: Makes each node, by name.
        parameter_file: ROS parameter file of all.
        progress: Called with the part of the messages that is done, 0 to 1.

    Returns:
        For each topic that the nodes publish and the recording has: what
        ``TopicComparison.result`` gives.

    Raises:
        ConfigurationError: A node can't be made, or the recording lacks what the nodes take.
    """
    process.initialise(["--ros-args", "--params-file", str(parameter_file)])
    stop = process.Stop()
    nodes: list[Any] = []
    with handing_over() as bus:
        try:
            nodes.extend(make() for make in factories.values())
            with stop.interrupting():
                for node in nodes:
                    node.start()
            nodes.append(HandingOver("bag_player", use_global_arguments=False))
            replay = _Replay(bag, nodes, bus, stop)
            replay.play(progress)
        finally:
            process.close(nodes)
            stop.restore()
    if stop.signal is not None:
        raise SystemExit(128 + stop.signal)
    return {topic: each.result() for topic, each in replay.compared.items()}


class _Replay:
    """Plays a recording to the first of ``nodes`` through the last one."""

    def __init__(self, bag: Bag, nodes: Sequence[Any], bus: Bus, stop: Callable[[], bool]) -> None:
        *controllers, player = nodes
        self._bag, self._bus, self._stop, self._nodes = bag, bus, stop, nodes
        taken = {each.topic_name: each for node in controllers for each in node.subscriptions}
        given = {each.topic_name: each for node in controllers for each in node.publishers}
        inputs = [name for name in bag.kinds if name in taken and name not in given]
        outputs = [name for name in bag.kinds if name in given and name not in _OF_EVERY_NODE]
        _check_inputs(bag, [name for name in inputs if name != CLOCK], taken)
        self._publishers = {
            name: player.create_publisher(taken[name].msg_type, name, _QOS) for name in inputs
        }
        self._clock = self._publishers.get(CLOCK) or player.create_publisher(Clock, CLOCK, _QOS)
        self._has_clock = CLOCK in inputs
        self.compared = {name: TopicComparison() for name in outputs}
        for name, comparison in self.compared.items():
            _check_type(bag, name, given[name].msg_type)
            player.create_subscription(
                given[name].msg_type, name, comparison.answer, _output_qos(given[name].qos_profile)
            )
        self._patience = _ANSWERS

    def play(self, progress: Callable[[float], None]) -> None:
        """Publish all inputs, and wait for the answers that were recorded."""
        topics = [*self._publishers, *self.compared]
        total = max(1, sum(self._bag.counts[name] for name in topics))
        executor = EventsExecutor()
        for node in self._nodes:
            executor.add_node(node)
        self._turn = partial(self._bus.turn, executor, 0.001)
        self._turn()
        due = 0.0
        for done, message in enumerate(self._bag.messages(topics)):
            self._play(message)
            self._bus.deliver(math.inf)
            if time.perf_counter() > due:
                self._turn()
                progress(done / total)
                due = time.perf_counter() + _TURN
                if self._stop():
                    break
        for node in self._nodes:
            executor.remove_node(node)
        executor.shutdown()

    def _play(self, message: Recorded) -> None:
        decoded = self._bag.decode(message)
        comparison = self.compared.get(message.topic)
        if comparison is not None:
            self._await(comparison, comparison.record(decoded))
            return
        if not self._has_clock:
            self._clock.publish(Clock(clock=to_stamp(message.nanoseconds)))
        self._publishers[message.topic].publish(decoded)

    def _await(self, comparison: TopicComparison, key: int) -> None:
        """Give nodes that answer in a thread of their own the time to."""
        if key in comparison.answered:
            return
        begin = time.perf_counter()
        until = begin + min(_ANSWER, self._patience)
        while key not in comparison.answered and time.perf_counter() < until:
            self._turn()
        if key not in comparison.answered:
            self._patience -= time.perf_counter() - begin


def _check_inputs(bag: Bag, inputs: Sequence[str], taken: Mapping[str, Any]) -> None:
    if not inputs:
        wanted = sorted(set(taken) - {CLOCK, *_OF_EVERY_NODE})
        raise ConfigurationError(
            f"the recording has none of the topics that the nodes take, {', '.join(wanted)}; "
            f"--remap OLD:=NEW renames one of its own: {', '.join(sorted(bag.kinds))}"
        )
    for name in inputs:
        _check_type(bag, name, taken[name].msg_type)


def _check_type(bag: Bag, name: str, message_type: type[Any]) -> None:
    kind = type_name(message_type)
    if bag.kinds[name] != kind:
        raise ConfigurationError(
            f"{name} was recorded as {bag.kinds[name]}, and the node has it as {kind}: set the "
            "node's parameters as they were"
        )


def _output_qos(offered: QoSProfile) -> QoSProfile:
    """What takes all that a publisher sends, also of what it keeps for latecomers."""
    latched = offered.durability == DurabilityPolicy.TRANSIENT_LOCAL
    durability = offered.durability if latched else DurabilityPolicy.VOLATILE
    return QoSProfile(depth=1000, reliability=offered.reliability, durability=durability)
