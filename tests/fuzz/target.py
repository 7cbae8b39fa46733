# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A node that is fuzzed, and what is known of it: the base of all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from rclpy.node import Node
from std_srvs.srv import SetBool

from neuro_control.ros.messages import to_stamp
from tests.bench import MS, Bench


class Target:
    """A node that is fuzzed.

    Attributes:
        node: The node.
        examples: Makes a message as it should be, by topic.
        commands: Count of the commands judged.
        failure: What an oracle said of the first command that it failed.
    """

    node: Any

    def __init__(self, bench: Bench, node: Any) -> None:
        self.bench, self.node = bench, node
        self.examples: dict[str, Callable[[np.random.Generator], Any]] = {}
        self.commands = 0
        self.failure = ""
        self.enabled = True
        self.probe = bench.add(Node("prober"))
        name = node.get_name()
        self.enable = self.probe.create_client(SetBool, f"{name}/enable")
        self.callbacks: dict[str, Callable[[Any], None]] = {}

    def find_callbacks(self) -> None:
        for topic in self.examples:
            full = self.node.resolve_topic_name(topic)
            (found,) = [s for s in self.node.subscriptions if s.topic_name == full]
            self.callbacks[topic] = found.callback

    def now(self) -> int:
        return int(self.node.get_clock().now().nanoseconds)

    def stamp(self, rng: np.random.Generator) -> Time:
        return to_stamp(self.now() + int(rng.integers(-2, 1)) * MS)

    def turn(self, rng: np.random.Generator) -> None:
        """Let time pass, and the executor run what is due."""
        self.bench.spin_for(0.001)

    def switch(self) -> None:
        self.enabled = not self.enabled
        assert self.bench.call(self.enable, SetBool.Request(data=self.enabled)).success

    def close(self) -> None:
        """End what the bench does not."""

    def judge(self, command: Any) -> None:
        """Count a command, and note the first that breaks an oracle.

        The node bears any exception, this one as well, so that it can't tell.
        """
        self.commands += 1
        if not self.failure:
            self.failure = self.failing(command)

    def failing(self, command: Any) -> str:
        """What is wrong with a command; empty if nothing is."""
        return ""
