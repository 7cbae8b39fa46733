# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Heartbeat of a remote operator: numbers that count up, and whose absence stops the robots.

A stop that must be sent does not arrive over a link that is broken. A stop by silence does: whoever
lets the robots move sends numbers, and the robots stop when these cease. That a number is greater
than the one before tells a sender that lives from a message that somebody repeats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_msgs.msg import UInt64

from neuro_control.ros.parameters import parameter

TOPIC = "heartbeat"
# The latest number is all that counts, and one that is lost is not sent again.
QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


@dataclass(frozen=True)
class HeartbeatParameters:
    """Parameters of nodes that a heartbeat may stop."""

    heartbeat_timeout: float = parameter(
        0.0,
        "Time without a new number on the topic heartbeat that presses the emergency stop, s; 0 "
        "asks for no heartbeat",
        low=0.0,
        high=60.0,
        fixed=True,
    )


class HeartbeatMonitor:
    """Tells whether the heartbeat goes on.

    Args:
        timeout: Longest time between two numbers, s.
    """

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.begin()

    def begin(self) -> None:
        """Wait for the first number, as at the start and after an emergency stop."""
        self._number = -1
        self._last = -math.inf

    @property
    def begun(self) -> bool:
        """Whether there has been a number."""
        return self._number >= 0

    def beat(self, number: int, now: float) -> None:
        """Take down a number, received at ``now`` (s of a clock that never goes back)."""
        if number > self._number:
            self._number, self._last = number, now

    def silence(self, now: float) -> float:
        """Time since the last new number, s; 0 before the first."""
        return now - self._last if self.begun else 0.0


class Heartbeat(Node):  # type: ignore[misc]  # rclpy is untyped
    """Publishes ``heartbeat`` (std_msgs/UInt64): 0, 1, 2 and so on.

    Args:
        rate: Numbers a second.
        namespace: Namespace of the nodes that it lets move.
    """

    def __init__(self, rate: float = 10.0, namespace: str = "/") -> None:
        super().__init__(TOPIC, namespace=namespace)
        self._number = 0
        self._publisher = self.create_publisher(UInt64, TOPIC, QOS)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0 / rate, self._beat, clock=steady)

    @property
    def topic(self) -> str:
        """Full name of the topic."""
        return str(self._publisher.topic_name)

    def _beat(self) -> None:
        self._publisher.publish(UInt64(data=self._number))
        self._number += 1
