"""What the nodes of devices share: parameters, a state that is told once, diagnostics."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter

from neuro_control.errors import ConfigurationError
from neuro_control.ros import parameters as ros_parameters

P = TypeVar("P")

# Time within which the same state is told once, s: a loose plug comes and goes at any rate.
_REPEAT = 1.0


class Driver(
    ros_parameters.Declaring,
    Node,  # type: ignore[misc]  # rclpy is untyped
    ABC,
    Generic[P],
):
    """Base of the nodes that drive a device.

    Publishes ``/diagnostics`` at 1 Hz and on every change of state.

    Args:
        name: Name of the node.
        parameters_type: Dataclass of its parameters.
        node_options: Passed on to the rclpy node.

    Raises:
        ConfigurationError: A parameter is unknown or its value wrong.
    """

    def __init__(self, name: str, parameters_type: type[P], **node_options: Any) -> None:
        super().__init__(name, automatically_declare_parameters_from_overrides=True, **node_options)
        try:
            self.parameters: P = ros_parameters.declare(self, parameters_type)
        except ConfigurationError:
            self.destroy_node()
            raise
        # A device takes its time whatever a simulated clock does.
        self.steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._status = (DiagnosticStatus.STALE, "starting")
        self._status_key = self._status
        self._told: dict[tuple[bytes, str], float] = {}
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.create_timer(1.0, self._publish_status, clock=self.steady)
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._apply_parameters)

    @abstractmethod
    def figures(self) -> dict[str, str]:
        """What the diagnostics tell beside the state, by name."""

    @abstractmethod
    def stop(self) -> None:
        """Bring the device to rest and let go of it; more than once does no harm."""

    def destroy_node(self) -> None:
        """End the node, its device at rest."""
        self.stop()
        super().destroy_node()

    def now(self) -> int:
        """Time of the node's clock, ns."""
        return int(self.get_clock().now().nanoseconds)

    def say(self, level: bytes, text: str, key: str | None = None) -> None:
        """Set the state; publish and log it when it changes (``key`` tells one from another)."""
        self._status = (level, text)
        known, self._status_key = self._status_key, (level, key or text)
        if self._status_key == known:
            return
        now = time.monotonic()
        if now - self._told.get(self._status_key, -math.inf) < _REPEAT:
            return  # it comes and goes; the next report tells of it
        self._told[self._status_key] = now
        logger = self.get_logger()
        if level == DiagnosticStatus.ERROR:
            logger.error(text)
        elif level == DiagnosticStatus.WARN:
            logger.warning(text)
        else:
            logger.info(text)
        self._publish_status()

    def _check_parameters(self, changes: list[Parameter]) -> SetParametersResult:
        return ros_parameters.verdict(self.parameters, changes)

    def _apply_parameters(self, changes: list[Parameter]) -> None:
        self.parameters = ros_parameters.changed(self.parameters, changes)

    def _publish_status(self) -> None:
        level, text = self._status
        name = self.get_fully_qualified_name().lstrip("/")
        status = DiagnosticStatus(level=level, name=f"{name}: driver", message=text)
        status.values = [KeyValue(key=key, value=value) for key, value in self.figures().items()]
        message = DiagnosticArray(status=[status])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)
