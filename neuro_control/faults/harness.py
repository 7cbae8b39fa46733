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
from functools import partial
from typing import Any, Protocol

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor

from neuro_control.errors import ConfigurationError
from neuro_control.faults.child import Child
from neuro_control.faults.streams import Streams
from neuro_control.faults.subject import Received, Stream, Subject, Surroundings

# Time between two looks at the topics, s.
_LOOK = 0.001
# Commands one after another that move the robot, by which it is taken to move.
_STEADILY = 3


class Alters(Protocol):
    """What stands between the streams and the node."""

    def alter(self, stream: Stream, message: Any) -> list[Any]:
        """Messages that are sent in place of ``message``."""

    def act(self, harness: Harness) -> None:
        """Do what is to be done beside the streams; called at every look."""


class Harness:
    """Starts a node, and sends and receives what its robot would.

    Args:
        key: Name of the subject.
        subject: What is declared of the node.
        domain: ROS domain, of nobody else on this machine.
        simulated: Whether the node lives by ``/clock``, which is sent here.

    Attributes:
        received: Messages of the node's output since ``forget``.
        reports: Texts of its diagnostics that were no good news, since ``forget``.
        counts: What it has refused by its latest diagnostics, by reason.
        node: A ROS node for clients of the node's services.
        streams: Sends what the node receives.
        surroundings: What the node needs beside topics.
        child: The node's process.
    """

    def __init__(self, key: str, subject: Subject, domain: int, simulated: bool) -> None:
        self.key, self.subject, self.domain, self.simulated = key, subject, domain, simulated
        self.received: list[Received] = []
        self.reports: list[str] = []
        self.counts: dict[str, str] = {}
        self._latest: Any = None
        self._state = ""
        self._clients: dict[str, Any] = {}
        self._stack = ExitStack()
        with ExitStack() as stack:
            rclpy.init(args=[], domain_id=domain)
            stack.callback(rclpy.try_shutdown)
            robot = rclpy.create_node("robot", enable_rosout=False)
            stack.callback(robot.destroy_node)
            # Calls services; the robot's own topics are polled, for the time stamps that only the
            # middleware has.
            self.node = rclpy.create_node("operator", enable_rosout=False)
            stack.callback(self.node.destroy_node)
            self._executor = SingleThreadedExecutor()
            stack.callback(self._executor.shutdown)
            self._executor.add_node(self.node)
            self.surroundings: Surroundings = stack.enter_context(subject.surroundings(domain))
            self._diagnostics = robot.create_subscription(
                DiagnosticArray, "/diagnostics", lambda _: None, 100
            )
            if self.surroundings.listen is None:
                output = subject.output
                commands = robot.create_subscription(
                    output.message, output.topic, lambda _: None, output.qos
                )
                self._listen: Callable[[], list[tuple[int, Any]]] = partial(taken, commands)
            else:
                self._listen = partial(_stamped, self.surroundings.listen)
            self.streams = Streams(robot, subject, simulated, self.surroundings.send)
            self.child = self.start({})
            stack.callback(lambda: self.child.close())
            self._stack = stack.pop_all()

    def close(self) -> None:
        """End the node and the harness."""
        self._stack.close()

    def start(self, parameters: dict[str, Any]) -> Child:
        """The node in a new process, with parameters that differ from the subject's."""
        every = {**self.subject.parameters, **self.surroundings.parameters, **parameters}
        if self.simulated:
            every["use_sim_time"] = True
        return Child(self.subject.name, self.subject.node, every, self.domain)

    def restart(self) -> None:
        """Start the node in a new process, as a launch file does that respawns."""
        self.child.close()
        self.child = self.start({})

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
            self.streams.send(self._latest, None if fault is None else fault.alter)
            if fault is not None:
                fault.act(self)
            self.listen()
            if until():
                return True
            time.sleep(_LOOK)
        return until()

    def listen(self) -> None:
        """Take down what has come."""
        for _, report in taken(self._diagnostics):
            own = [s for s in report.status if s.name.startswith(f"{self.subject.name}:")]
            if own:
                # The last is the node's state; those before it, as of its rates, are no reason why
                # it is safe: on a busy machine there is always something to say of them.
                self._note(own[-1])
        for moment, message in self._listen():
            self.received.append(Received(moment, message, self._latest, self._state))
            self._latest = message

    def _note(self, status: DiagnosticStatus) -> None:
        good = status.level == DiagnosticStatus.OK
        self._state = "" if good else status.message
        if not good:
            self.reports.append(status.message)
        self.counts = {
            each.key: each.value
            for each in status.values
            if each.key.startswith(("rejected/", "dropped"))
        }

    def forget(self) -> None:
        """Start a new account of what the node says."""
        self.listen()
        self.received.clear()
        self.reports.clear()

    def wait_until_it_moves(self, seconds: float) -> bool:
        """Send good streams until the node answers so that the robot moves."""
        self.forget()
        output = self.subject.output

        def steadily() -> bool:
            recent = self.received[-_STEADILY:]
            return len(recent) == _STEADILY and not any(
                output.trouble(each.message) or output.safe(each) for each in recent
            )

        return self.run(seconds, steadily)

    def hears_from(self, name: str) -> bool:
        """Whether a ROS node of that name publishes the observation."""
        topic = self.subject.streams[0].topic
        found = self.node.get_publishers_info_by_topic(topic)
        return any(each.node_name == name for each in found)

    # Services.

    def call(self, kind: type[Any], name: str, request: Any, seconds: float = 5.0) -> Any:
        """Answer of one of the node's services, while streams go on; None if none came."""
        client = self.client(kind, name)
        if not self.run(seconds, client.service_is_ready):
            return None
        future = client.call_async(request)

        def done() -> bool:
            self._executor.spin_once(timeout_sec=0)
            return bool(future.done())

        return future.result() if self.run(seconds, done) else None

    def client(self, kind: type[Any], name: str) -> Any:
        """Client of one of the node's services, made when it is first wanted."""
        if name not in self._clients:
            self._clients[name] = self.node.create_client(kind, f"/{self.subject.name}/{name}")
        return self._clients[name]


def taken(subscription: Any) -> list[tuple[int, Any]]:
    """All messages that wait at a subscription, and when they were published, ns."""
    found = []
    with subscription.handle:
        while (one := subscription.handle.take_message(subscription.msg_type, False)) is not None:
            message, info = one
            found.append((int(info["source_timestamp"]), message))
    return found


def _stamped(listen: Callable[[], Any]) -> list[tuple[int, Any]]:
    """What has come from elsewhere, with the present time, ns."""
    return [(time.time_ns(), message) for message in listen()]


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
