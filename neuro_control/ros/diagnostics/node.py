# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Base of nodes that report their state: in the log when it changes, in ``/diagnostics`` steadily.

A node sets its state by ``set_state``, and says by ``expectations`` and ``loop`` what
``monitoring`` judges: the topics that it needs and how often it works. ``remarks`` decides what is
logged.
"""

from __future__ import annotations

import functools
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.parameter import Parameter
from rclpy.subscription import Subscription

from neuro_control.errors import ConfigurationError
from neuro_control.ros import parameters as ros_parameters
from neuro_control.ros.diagnostics.monitoring import (
    Expectation,
    MonitoringParameters,
    Timing,
    TopicMonitor,
)
from neuro_control.ros.diagnostics.remarks import Remarks, kind_of
from neuro_control.ros.intraprocess import HandingOver
from neuro_control.ros.messages import to_stamp
from neuro_control.ros.parameter_requests import ParameterRequests
from neuro_control.ros.safety.supervision import Supervised

P = TypeVar("P")

# Topics of rclpy's own, which say nothing of a node's work.
_OF_EVERY_NODE = ("/clock", "/parameter_events")


class DiagnosticNode(
    ros_parameters.Declaring,
    Supervised,
    HandingOver,
    ABC,
    Generic[P],
):
    """Base of a node that has parameters and reports its state.

    Publishes ``/diagnostics`` at 1 Hz and on every change of state: a status for each topic that it
    subscribes to (its name ends in the topic's), two for its loop where it has one, and last its
    own.

    Args:
        name: Name of the node.
        parameters_type: Dataclass of its parameters.
        kind: What the node is, for its name in the diagnostics.
        node_options: Passed on to the rclpy node.

    Raises:
        ConfigurationError: A parameter is unknown or its value wrong.
    """

    def __init__(self, name: str, parameters_type: type[P], kind: str, **node_options: Any) -> None:
        self._topics: dict[str, TopicMonitor] = {}
        super().__init__(name, automatically_declare_parameters_from_overrides=True, **node_options)
        try:
            self.parameters: P = ros_parameters.declare(self, parameters_type)
        except ConfigurationError:
            self.destroy_node()
            raise
        self._parameter_requests = ParameterRequests(self)
        self._kind = kind
        # A watchdog runs on the steady clock, whatever a simulated clock does.
        self.steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._state: tuple[bytes, str] = (DiagnosticStatus.STALE, "starting")
        self._kind_of_state = (DiagnosticStatus.STALE, "starting")
        self._remarks = Remarks()
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.create_timer(1.0, self.report, clock=self.steady)
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._apply_parameters)

    def destroy_node(self) -> None:
        """End the node and its threads."""
        # One whose parameters are wrong ends before it serves any.
        if hasattr(self, "_parameter_requests"):
            self._parameter_requests.close()
        super().destroy_node()

    @abstractmethod
    def diagnostic_values(self) -> dict[str, str]:
        """Values that the diagnostics show beside the state, by name."""

    def expectations(self) -> dict[str, Expectation]:
        """What the node needs now of the topics that it subscribes to, by their names there."""
        return {}

    def loop(self) -> tuple[Timing, float] | None:
        """The work that the node does steadily and its period (s), or None while it does none."""
        return None

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
            key: What tells one kind of state from another; the text without its numbers by default.
        """
        if self._state == (level, text):
            return
        self._state = (level, text)
        known, self._kind_of_state = self._kind_of_state, (level, key or kind_of(text))
        if self._kind_of_state == known or not self._remarks.due(*self._kind_of_state):
            return  # the next report shows it
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
        values = {
            **self.diagnostic_values(),
            "failures": str(self.failures),
            "remarks_suppressed": str(self._remarks.suppressed),
        }
        status.values = [KeyValue(key=key, value=value) for key, value in values.items()]
        states = [*self._topic_states(name), *self._loop_states(name), status]
        message = DiagnosticArray(status=states)
        message.header.stamp = to_stamp(self.now())
        self._diagnostics.publish(message)

    @property
    def _limits_between_levels(self) -> MonitoringParameters:
        known = isinstance(self.parameters, MonitoringParameters)
        return self.parameters if known else MonitoringParameters()  # type: ignore[return-value]

    def _topic_states(self, name: str) -> list[DiagnosticStatus]:
        expected = self.expectations()
        now, simulated = self.now(), self.get_clock().ros_time_is_active
        return [
            monitor.status(
                f"{name}: {topic}", expected.get(topic), now, simulated, self._limits_between_levels
            )
            for topic, monitor in self._topics.items()
        ]

    def _loop_states(self, name: str) -> list[DiagnosticStatus]:
        loop = self.loop()
        if loop is None:
            return []
        (timing, period), limits = loop, self._limits_between_levels
        return [
            timing.periodicity(f"{name}: periodicity", period, self.now(), limits),
            timing.execution_time(f"{name}: execution time", period, limits),
        ]

    def create_subscription(
        self, msg_type: Any, topic: str, callback: Callable[..., None], *args: Any, **kwargs: Any
    ) -> Subscription:
        """As rclpy has it; the topic's state is in the diagnostics."""
        if topic not in _OF_EVERY_NODE:
            callback = _counted(callback, self._topics.setdefault(topic, TopicMonitor()))
        return super().create_subscription(msg_type, topic, callback, *args, **kwargs)

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


def _counted(callback: Callable[..., None], monitor: TopicMonitor) -> Callable[..., None]:
    """``callback``, whose messages ``monitor`` counts."""

    @functools.wraps(callback)
    def receive(*arguments: Any) -> None:
        monitor.count += 1
        monitor.received = time.monotonic()
        callback(*arguments)

    return receive
