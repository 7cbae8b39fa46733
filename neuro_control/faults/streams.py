# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sends the streams of a node's robot, and the clock, each in its time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from rclpy.node import Node
from rosgraph_msgs.msg import Clock

from neuro_control.faults.subject import Moment, Stream, Subject
from neuro_control.ros.messages import NANOSECONDS, to_stamp

# Longest time between two messages of the clock, s.
_TICK = 0.01
# Simulated time begins here, ns: time to go back from.
_EPOCH = 3600 * NANOSECONDS


class Streams:
    """The streams of a subject.

    Args:
        node: Publishes them.
        subject: What they are.
        simulated: Whether ``/clock`` is sent, and stamps are of it.
        others: What sends the messages of a stream that is no topic, by its name.

    Attributes:
        offset: By how much the clock is off the machine's, ns.
        sent: When the last message of a stream was sent unaltered, ns of the machine's clock.
        muted: Whether nothing but the clock is sent.
    """

    def __init__(
        self,
        node: Node,
        subject: Subject,
        simulated: bool,
        others: Mapping[str, Callable[[Any], None]],
    ) -> None:
        self.offset = _EPOCH - time.time_ns() if simulated else 0
        self.sent: dict[str, int] = {}
        self.muted = False
        self._subject, self._rng = subject, np.random.default_rng(0)
        self._began = time.monotonic()
        self._due: dict[str, float] = {}
        self._clock_due = 0.0
        self._clock = node.create_publisher(Clock, "/clock", 10) if simulated else None
        self._send = {
            each.topic: others[each.topic]
            if each.topic in others
            else node.create_publisher(each.message, each.topic, each.qos).publish
            for each in subject.streams
        }

    def now(self) -> int:
        """Time of the node's clock, ns."""
        return max(time.time_ns() + self.offset, 0)

    def send(self, latest: Any, alter: Callable[[Stream, Any], list[Any]] | None = None) -> None:
        """Send what is due.

        Args:
            latest: Latest message of the node, which a stream may answer.
            alter: Gives the messages that are sent in place of one.
        """
        now, stamp = time.monotonic(), self.now()
        if self._clock is not None and now >= self._clock_due:
            self._clock_due = now + _TICK
            self._clock.publish(Clock(clock=to_stamp(stamp)))
        for stream in () if self.muted else self._subject.streams:
            due = self._due.get(stream.topic, now)
            if now < due:
                continue
            # What was missed is not made up for: a robot doesn't, either.
            self._due[stream.topic] = max(due + 1 / stream.rate, now)
            message = stream.make(Moment(stamp, now - self._began, self._rng, latest))
            if message is None:
                continue
            altered = [message] if alter is None else alter(stream, message)
            for each in altered:
                self.publish(stream, each)
            if len(altered) == 1 and altered[0] is message:
                self.sent[stream.topic] = time.time_ns()

    def publish(self, stream: Stream, message: Any) -> None:
        """Send a message of a stream at once."""
        self._send[stream.topic](message)
