# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Plays the robot of one node: sends its streams, takes down what it commands and reports.

The node runs in a process of its own and is reached through real topics. When it published
something is told by the middleware's own time stamp, so that a late harness measures no late node.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rosgraph_msgs.msg import Clock

from neuro_control.errors import ConfigurationError
from neuro_control.faults.child import Child
from neuro_control.faults.subject import Moment, Stream, Subject, Surroundings
from neuro_control.ros.messages import NANOSECONDS, to_stamp

# Longest time between two looks at the topics, and between two messages of the clock, s.
_LOOK = 0.001
_TICK = 0.01
# Commands one after another that move the robot, by which it is taken to move.
_STEADILY = 3
# Simulated time begins here, ns: time to go back from.
_EPOCH = 3600 * NANOSECONDS


class Alters(Protocol):
    """What stands between the streams and the node."""

    def alter(self, harness: Harness, stream: Stream, message: Any, moment: Moment) -> list[Any]:
        """Messages that are sent in place of ``message``."""

    def act(self, harness: Harness) -> None:
        """Do what is to be done beside the streams; called at every look."""


@dataclass(frozen=True)
class Heard:
    """A message of the node.

    Attributes:
        time: When it was published, ns of the machine's clock.
        message: The message.
    """

    time: int
    message: Any


class Harness:
    """Starts a node, and sends and receives what its robot would.

    Args:
        name: Name of the node.
        subject: What is declared of it.
        domain: ROS domain, of nobody else on this machine.
        simulated: Whether the node lives by ``/clock``, which is sent here.

    Attributes:
        heard: What the node's output said since ``forget``.
        reports: Texts of its diagnostics that were no good news, since ``forget``.
        counts: What it has refused by its latest diagnostics, by reason.
        sent: When a stream's last message was sent unaltered, ns of the machine's clock, by topic.
        offset: By how much the clock is off the machine's, ns.
        surroundings: What the node needs beside topics.
        child: The node's process.
    """

    def __init__(self, name: str, subject: Subject, domain: int, simulated: bool) -> None:
        self.name, self.subject = name, subject
        self.simulated = simulated
        self.heard: list[Heard] = []
        self.reports: list[str] = []
        self.counts: dict[str, str] = {}
        self.sent: dict[str, int] = {}
        self.offset = _EPOCH - time.time_ns() if simulated else 0
        self.rng = np.random.default_rng(0)
        self._began = time.monotonic()
        self._latest: Any = None
        self._domain = domain
        self._stack = ExitStack()
        self._due: dict[str, float] = {}
        self._clock_due = 0.0
        with ExitStack() as stack:
            rclpy.init(args=[], domain_id=domain)
            stack.callback(rclpy.try_shutdown)
            self.node = rclpy.create_node("robot", enable_rosout=False)
            stack.callback(self.node.destroy_node)
            # Calls services; the robot's own topics are polled, for the time stamps that only the
            # middleware has.
            self._operator = rclpy.create_node("operator", enable_rosout=False)
            stack.callback(self._operator.destroy_node)
            self._executor = SingleThreadedExecutor()
            stack.callback(self._executor.shutdown)
            self._executor.add_node(self._operator)
            self._listening = [
                self.node.create_subscription(kind, topic, lambda _: None, qos)
                for kind, topic, qos in (
                    (subject.output.message, subject.output.topic, subject.output.qos),
                    (DiagnosticArray, "/diagnostics", 100),
                )
            ]
            self._publishers = {
                each.topic: self.node.create_publisher(each.message, each.topic, each.qos)
                for each in subject.streams
            }
            self._clock = self.node.create_publisher(Clock, "/clock", 10)
            self.surroundings: Surroundings = stack.enter_context(subject.surroundings(domain))
            self.child = self._start()
            stack.callback(lambda: self.child.close())
            self._stack = stack.pop_all()

    def close(self) -> None:
        """End the node and the harness."""
        self._stack.close()

    def _start(self) -> Child:
        parameters = {**self.subject.parameters, **self.surroundings.parameters}
        if self.simulated:
            parameters["use_sim_time"] = True
        return Child(self.name, self.subject.node, parameters, self._domain)

    def restart(self) -> None:
        """Start the node in a new process, as a launch file does that respawns."""
        self.child.close()
        self.child = self._start()

    # Time.

    def now(self) -> int:
        """Time of the node's clock, ns."""
        return time.time_ns() + self.offset

    # The loop.

    def run(
        self,
        seconds: float,
        until: Callable[[], bool] = lambda: False,
        fault: Alters | None = None,
    ) -> bool:
        """Send streams for ``seconds`` or ``until`` something holds; gives whether it does."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._send(fault)
            if fault is not None:
                fault.act(self)
            self.listen()
            if until():
                return True
            time.sleep(_LOOK)
        return until()

    def _send(self, fault: Alters | None) -> None:
        now = time.monotonic()
        stamp = self.now()
        if self.simulated and now >= self._clock_due:
            self._clock_due = now + _TICK
            self._clock.publish(Clock(clock=to_stamp(stamp)))
        for stream in self.subject.streams:
            due = self._due.get(stream.topic, now)
            if now < due:
                continue
            # What was missed is not made up for: a robot doesn't, either.
            self._due[stream.topic] = max(due + 1 / stream.rate, now)
            moment = Moment(stamp, now - self._began, self.rng, self._latest)
            message = stream.make(moment)
            altered = [message] if fault is None else fault.alter(self, stream, message, moment)
            for each in altered:
                self._publishers[stream.topic].publish(each)
            if len(altered) == 1 and altered[0] is message:
                self.sent[stream.topic] = time.time_ns()

    def publish(self, stream: Stream, message: Any) -> None:
        """Send one more message of a stream."""
        self._publishers[stream.topic].publish(message)

    def listen(self) -> None:
        """Take down what has come."""
        output, diagnostics = self._listening
        for heard in _taken(output):
            self.heard.append(heard)
            self._latest = heard.message
        for report in _taken(diagnostics):
            for status in report.message.status:
                if not status.name.startswith(f"{self.name}:"):
                    continue
                if status.level != DiagnosticStatus.OK:
                    self.reports.append(status.message)
                self.counts = {
                    each.key: each.value
                    for each in status.values
                    if each.key.startswith(("rejected/", "dropped"))
                }

    def forget(self) -> None:
        """Start a new account of what the node says."""
        self.listen()
        self.heard.clear()
        self.reports.clear()

    # What the node says.

    def wait_until_it_moves(self, seconds: float) -> bool:
        """Send good streams until the node answers so that the robot moves."""
        self.forget()
        output = self.subject.output

        def steadily() -> bool:
            recent = [each.message for each in self.heard[-_STEADILY:]]
            return len(recent) == _STEADILY and not any(
                output.trouble(message) or output.safe(message) for message in recent
            )

        return self.run(seconds, steadily)

    # Services.

    def call(self, kind: type[Any], name: str, request: Any, seconds: float = 5.0) -> Any:
        """Answer of one of the node's services, while streams go on; None if none came."""
        client = self._operator.create_client(kind, f"/{self.name}/{name}")
        try:
            if not self.run(seconds, client.service_is_ready):
                return None
            future = client.call_async(request)

            def done() -> bool:
                self._executor.spin_once(timeout_sec=0)
                return bool(future.done())

            return future.result() if self.run(seconds, done) else None
        finally:
            self._operator.destroy_client(client)


def _taken(subscription: Any) -> list[Heard]:
    """All messages that wait at a subscription."""
    found = []
    with subscription.handle:
        while (taken := subscription.handle.take_message(subscription.msg_type, False)) is not None:
            message, info = taken
            found.append(Heard(int(info["source_timestamp"]), message))
    return found


def claim_domain(first: int, last: int = 232) -> tuple[int, socket.socket]:
    """A ROS domain that no other harness on this machine uses, and what holds it.

    Raises:
        ConfigurationError: All are in use.
    """
    for domain in range(first, last + 1):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0neuro_control/faults/{domain}")
        except OSError:
            claim.close()
            continue
        return domain, claim
    raise ConfigurationError(f"all ROS domains from {first} to {last} are in use")
