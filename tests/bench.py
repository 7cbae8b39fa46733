"""A workbench for nodes: real rclpy over real DDS, and a probe that talks to them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState

from neuro_control.ros.messages import COMMAND_QOS, SENSOR_QOS, joint_state, to_stamp

MS = 1_000_000  # ns


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

    def spin_until(self, condition: Callable[[], Any], timeout: float = 10.0) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, "what was waited for did not happen"
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


def options(**values: Any) -> dict[str, Any]:
    """Node options that set parameters."""
    return {"parameter_overrides": [Parameter(name, value=v) for name, v in values.items()]}
