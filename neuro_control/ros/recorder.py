# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a run keeps beside the simulation's recording: inner activity, changed parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rcl_interfaces.msg import ParameterEvent
from rclpy.parameter import parameter_value_to_python
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState

from neuro_control.ros.intraprocess import HandingOver
from neuro_control.ros.messages import NANOSECONDS, RECORD_QOS, to_nanoseconds


@dataclass(frozen=True)
class ParameterChange:
    """A parameter that was set while the run went on.

    Attributes:
        time: Simulated time of the change, s.
        node: Name of the node.
        name: Name of the parameter.
        value: Its new value.
    """

    time: float
    node: str
    name: str
    value: Any


class Recorder:
    """Records what nodes publish of their inner activity and of changes of their parameters.

    Args:
        activity: Topic of type sensor_msgs/JointState whose positions are the activity, or None.
        nodes: Names of the nodes whose parameters count.
        now: Gives the simulated time, s; by default it is received on /clock.

    Attributes:
        node: The node that subscribes.
        now: Gives the simulated time, s.
        changes: What was set while the nodes ran.
    """

    def __init__(
        self, activity: str | None, nodes: Sequence[str], now: Callable[[], float] | None = None
    ) -> None:
        self.node = HandingOver("recorder")
        self._time = 0.0
        self.changes: list[ParameterChange] = []
        self._nodes = list(nodes)
        self._times: list[float] = []
        self._values: list[Any] = []
        self._names: list[str] = []
        if activity is not None:
            self.node.create_subscription(JointState, activity, self._on_activity, RECORD_QOS)
        if now is None:
            self.node.create_subscription(Clock, "/clock", self._on_clock, 10)
        self.now = now or (lambda: self._time)
        self.node.create_subscription(
            ParameterEvent, "/parameter_events", self._on_parameters, RECORD_QOS
        )

    def activity(self) -> Mapping[str, Any] | None:
        """``time`` (n,), ``names`` and ``values`` (n, names) received; None if none was."""
        if not self._times:
            return None
        return {"time": self._times, "names": self._names, "values": np.array(self._values)}

    def _on_activity(self, message: JointState) -> None:
        self._names = self._names or list(message.name)
        self._times.append(to_nanoseconds(message.header.stamp) / NANOSECONDS)
        self._values.append(np.frombuffer(message.position).copy())

    def _on_clock(self, message: Clock) -> None:
        self._time = to_nanoseconds(message.clock) / NANOSECONDS

    def _on_parameters(self, message: ParameterEvent) -> None:
        node = message.node.lstrip("/")
        if node in self._nodes:
            self.changes += [
                ParameterChange(self.now(), node, each.name, parameter_value_to_python(each.value))
                for each in message.changed_parameters
            ]
