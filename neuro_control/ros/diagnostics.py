# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Base of nodes that report their state: in the log when it changes, in ``/diagnostics`` steadily.

A node sets its state by ``set_state``; rates and latencies for its diagnostics come from ``Rate``
and ``Timing``.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections import deque
from typing import Any, Generic, TypeVar

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.parameter import Parameter

from neuro_control.errors import ConfigurationError
from neuro_control.ros import parameters as ros_parameters
from neuro_control.ros.intraprocess import HandingOver
from neuro_control.ros.messages import to_stamp
from neuro_control.ros.parameter_requests import ParameterRequests
from neuro_control.ros.supervision import Supervised

P = TypeVar("P")

# Wall time within which the same state is reported once, s: a state that comes and goes may do so
# at any rate.
_REPEAT = 1.0
# Shortest wall time over which a rate is measured, s: the diagnostics' second, with some slack.
_RATE_WINDOW = 0.9
# How many of the latest latencies the percentiles are taken of.
_LATENCIES = 1000


class Rate:
    """How often something happens per second of wall time."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._counted = 0
        self._rate = 0.0

    def update(self, count: int) -> float:
        """Rate, 1/s, given how often it has happened so far; measured anew once a second."""
        now = time.monotonic()
        if now - self._since >= _RATE_WINDOW:
            self._rate = (count - self._counted) / (now - self._since)
            self._since, self._counted = now, count
        return self._rate


class Timing:
    """How often a node has done its work, how often per second, and how long it took.

    Attributes:
        count: How often so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._rate = Rate()
        self._latencies: deque[float] = deque(maxlen=_LATENCIES)

    def add(self, latency: float) -> None:
        """Count one more, which took ``latency`` (s)."""
        self._latencies.append(latency)
        self.count += 1

    def rate(self) -> float:
        """How often per second, 1/s."""
        return self._rate.update(self.count)

    def latencies(self) -> dict[str, str]:
        """Percentiles of the latest latencies, for the diagnostics."""
        # A copy, since another thread may add to them.
        p50, p99 = np.percentile(list(self._latencies) or [0.0], [50, 99]) * 1e3
        return {"latency_p50_ms": f"{p50:.3f}", "latency_p99_ms": f"{p99:.3f}"}


class DiagnosticNode(
    ros_parameters.Declaring,
    Supervised,
    HandingOver,
    ABC,
    Generic[P],
):
    """Base of a node that has parameters and reports its state.

    Publishes ``/diagnostics`` at 1 Hz and on every change of state.

    Args:
        name: Name of the node.
        parameters_type: Dataclass of its parameters.
        kind: What the node is, for its name in the diagnostics.
        node_options: Passed on to the rclpy node.

    Raises:
        ConfigurationError: A parameter is unknown or its value wrong.
    """

    def __init__(self, name: str, parameters_type: type[P], kind: str, **node_options: Any) -> None:
        super().__init__(name, automatically_declare_parameters_from_overrides=True, **node_options)
        try:
            self.parameters: P = ros_parameters.declare(self, parameters_type)
        except ConfigurationError:
            self.destroy_node()
            raise
        ParameterRequests(self)
        self._kind = kind
        # A watchdog runs on the steady clock, whatever a simulated clock does.
        self.steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._state: tuple[bytes, str] = (DiagnosticStatus.STALE, "starting")
        self._state_key = self._state
        self._reported: dict[tuple[bytes, str], float] = {}
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.create_timer(1.0, self.report, clock=self.steady)
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._apply_parameters)

    @abstractmethod
    def diagnostic_values(self) -> dict[str, str]:
        """Values that the diagnostics show beside the state, by name."""

    def fail_safe(self, reason: str) -> None:
        """Report ``reason`` as an error; a node that moves something brings it to rest, too."""
        self.set_state(DiagnosticStatus.ERROR, reason)

    def apply(self) -> None:
        """Take over ``self.parameters``, which changed at run time and are valid."""

    def report(self) -> None:
        """Publish the diagnostics; called every second."""
        self.publish_diagnostics()

    def reported_state(self) -> tuple[bytes, str]:
        """Level and text that the diagnostics show."""
        return self._state

    def now(self) -> int:
        """Time of the node's clock, ns."""
        # What now() of the clock does, without the Time that it makes: a fifth of the time.
        return int(self.get_clock().handle.get_now().nanoseconds)

    def set_state(self, level: bytes, text: str, key: str | None = None) -> None:
        """Set the state; log and publish it when it changes.

        Args:
            level: Level of ``DiagnosticStatus``.
            text: The state in words.
            key: What tells one state from another, for a text that holds changing numbers; the
                text itself by default.
        """
        self._state = (level, text)
        known, self._state_key = self._state_key, (level, key or text)
        if self._state_key == known:
            return
        now = time.monotonic()
        if now - self._reported.get(self._state_key, -math.inf) < _REPEAT:
            return  # it comes and goes; the next report shows it
        self._reported[self._state_key] = now
        logger = self.get_logger()
        if level == DiagnosticStatus.ERROR:
            logger.error(text)
        elif level == DiagnosticStatus.WARN:
            logger.warning(text)
        else:
            logger.info(text)
        self.publish_diagnostics()

    def publish_diagnostics(self) -> None:
        """Publish the state and the values now."""
        level, text = self.reported_state()
        name = self.get_fully_qualified_name().lstrip("/")
        status = DiagnosticStatus(level=level, name=f"{name}: {self._kind}", message=text)
        values = {**self.diagnostic_values(), "failures": str(self.failures)}
        status.values = [KeyValue(key=key, value=value) for key, value in values.items()]
        message = DiagnosticArray(status=[status])
        message.header.stamp = to_stamp(self.now())
        self._diagnostics.publish(message)

    def _check_parameters(self, changes: list[Parameter]) -> SetParametersResult:
        if any(each.name == "use_sim_time" for each in changes):
            # Neither the ages of messages nor the watchdog would outlive a change of clocks.
            return SetParametersResult(
                successful=False, reason="use_sim_time can only be set when the node starts"
            )
        return ros_parameters.verdict(self.parameters, changes)

    def _apply_parameters(self, changes: list[Parameter]) -> None:
        self.parameters = ros_parameters.changed(self.parameters, changes)
        self.apply()
