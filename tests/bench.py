# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A workbench for nodes: real rclpy over real DDS, and a probe that talks to them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool

from neuro_control.ros.messages import (
    COMMAND_QOS,
    NANOSECONDS,
    SENSOR_QOS,
    joint_state,
    to_nanoseconds,
    to_stamp,
)

MS = 1_000_000  # ns
# Wall time within which what a test waits for has happened even on a busy machine, s.
TIMEOUT = 30.0


def wait_until(condition: Callable[[], Any], what: str, timeout: float = TIMEOUT) -> None:
    """Wait until ``condition`` holds, or fail saying that ``what`` did not happen."""
    for _ in before_deadline(what, timeout):
        if condition():
            return
        time.sleep(0.02)


def before_deadline(what: str, timeout: float = TIMEOUT) -> Iterator[None]:
    """Turns of a loop; fails when ``timeout`` (s) is over and the loop has not been left."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        yield
    pytest.fail(f"within {timeout:g} s it did not happen: {what}")


def turns(most: int, what: str) -> Iterator[int]:
    """Numbers of a loop's turns; fails after ``most`` turns if the loop has not been left."""
    yield from range(most)
    pytest.fail(f"within {most} turns it did not happen: {what}")


class Bench:
    def __init__(self, arguments: list[str] | None = None) -> None:
        rclpy.init(args=arguments)
        # With a node that stays, there is one DDS participant throughout.
        self._stays = rclpy.create_node(
            "bench", enable_rosout=False, start_parameter_services=False
        )
        self.executor = EventsExecutor()
        self.nodes: list[Any] = []

    def add(self, node: Any) -> Any:
        self.nodes.append(node)
        self.executor.add_node(node)
        return node

    def spin_until(
        self,
        condition: Callable[[], Any],
        timeout: float = TIMEOUT,
        what: str = "the condition of this line",
    ) -> None:
        for _ in before_deadline(what, timeout):
            if condition():
                return
            self.executor.spin_once(timeout_sec=0.01)

    def spin_for(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.executor.spin_once(timeout_sec=0.01)

    def call(self, client: Any, request: Any) -> Any:
        self.spin_until(client.service_is_ready)
        future = client.call_async(request)
        self.spin_until(future.done)
        return future.result()

    def close(self) -> None:
        for node in self.nodes:
            stop = getattr(node, "stop", None)
            if stop is not None:
                stop()
        for node in self.nodes:
            self.executor.remove_node(node)
            node.destroy_node()
        self.executor.shutdown()
        self._stays.destroy_node()
        rclpy.try_shutdown()
        # Nodes are parts of cycles, and a participant lives as long as its nodes. Fast DDS hangs
        # now and then when it takes one down while another in the same process hears of it.
        self.nodes.clear()
        gc.collect()


class Probe(Node):
    """Stands in for a robot: sends clock and joint states, takes down commands and diagnostics."""

    def __init__(self, names: list[str] | None = None) -> None:
        super().__init__("probe")
        self.names = names or [f"joint_{i}" for i in range(1, 6)]
        self.commands: list[JointState] = []
        self.diagnostics: list[Any] = []
        self.clock = self.create_publisher(Clock, "/clock", 10)
        self.joints = self.create_publisher(JointState, "joint_states", SENSOR_QOS)
        self.create_subscription(JointState, "joint_commands", self.commands.append, COMMAND_QOS)
        self.create_subscription(
            DiagnosticArray, "/diagnostics", lambda m: self.diagnostics.extend(m.status), 10
        )

    def tick(self, nanoseconds: int) -> None:
        self.clock.publish(Clock(clock=to_stamp(nanoseconds)))

    def send(self, nanoseconds: int, angles: Any, names: list[str] | None = None) -> None:
        self.joints.publish(
            joint_state(nanoseconds, names or self.names, np.asarray(angles, dtype=float))
        )

    def efforts(self) -> list[list[float]]:
        return [list(command.effort) for command in self.commands]

    def said(self, text: str) -> bool:
        return any(text in status.message for status in self.diagnostics)

    def said_last(self, text: str) -> bool:
        return bool(self.diagnostics) and text in self.diagnostics[-1].message


class Loop:
    """A controller under simulated time, and the probe that plays its robot.

    Args:
        bench: The workbench.
        node: The controller.
        period: Time between two observations, ns.
    """

    def __init__(self, bench: Bench, node: Any, period: int = 30 * MS) -> None:
        self.bench, self.period = bench, period
        self.probe = bench.add(Probe())
        self.node = bench.add(node)
        self.node.start()
        self.now = 10 * 3600 * NANOSECONDS
        simulated = node.get_parameter("use_sim_time").value
        bench.spin_until(
            lambda: (
                self.probe.joints.get_subscription_count()
                and (self.probe.clock.get_subscription_count() or not simulated)
                and self.probe.count_publishers("joint_commands")
                and self.probe.count_publishers("/diagnostics")
            )
        )
        bench.spin_for(0.05)
        if simulated:
            self.set_clock()

    def set_clock(self) -> None:
        self.probe.tick(self.now)
        self.bench.spin_until(lambda: self.node.get_clock().now().nanoseconds == self.now)

    def advance(self, nanoseconds: int | None = None) -> None:
        self.now += self.period if nanoseconds is None else nanoseconds
        self.set_clock()

    def answer(
        self, angles: Any, stamp: int | None = None, names: Any = None, answered: int | None = None
    ) -> JointState:
        """Send joint states; the command that answers them.

        Args:
            angles: Positions of the joints.
            stamp: Stamp of the joint states, ns; the simulated time by default.
            names: Their names.
            answered: Stamp of the answer, ns; ``stamp`` by default.
        """
        stamp = self.now if stamp is None else stamp
        expected = stamp if answered is None else answered
        before = len(self.probe.commands)
        self.probe.send(stamp, angles, names)
        found: list[JointState] = []

        def is_there() -> bool:
            found.extend(
                command
                for command in self.probe.commands[before:]
                if to_nanoseconds(command.header.stamp) == expected
            )
            return bool(found)

        self.bench.spin_until(is_there, what=f"a command that answers {expected} ns")
        return found[-1]

    def status(self) -> Any:
        self.bench.spin_until(lambda: bool(self.probe.diagnostics))
        return self.probe.diagnostics[-1]

    def says(self, text: str) -> None:
        """Wait until the latest diagnostics show the state ``text``."""
        self.bench.spin_until(lambda: self.probe.said_last(text), what=f"the state '{text}'")

    def counts(self, name: str, value: str) -> None:
        """Wait until the diagnostics show ``value`` under ``name``."""

        def is_there() -> bool:
            values = {each.key: each.value for each in self.status().values}
            return values.get(name) == value

        self.bench.spin_until(is_there, what=f"{name} is {value} in the diagnostics")

    def call(self, service: str, data: bool) -> Any:
        """Answer of one of the node's services of type SetBool."""
        client = self.probe.create_client(SetBool, f"{self.node.get_name()}/{service}")
        return self.bench.call(client, SetBool.Request(data=data))


def options(**values: Any) -> dict[str, Any]:
    """Node options that set parameters."""
    return {"parameter_overrides": [Parameter(name, value=v) for name, v in values.items()]}
