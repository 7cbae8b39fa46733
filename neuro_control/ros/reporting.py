"""What nodes share: declared parameters, a state that is told once, diagnostics, a lifecycle."""

from __future__ import annotations

import math
import time
import traceback
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.parameter import Parameter

from neuro_control.errors import ConfigurationError
from neuro_control.ros import parameters as ros_parameters
from neuro_control.ros.parameters import parameter

P = TypeVar("P")

# Wall time within which the same state is told once, s: what comes and goes may do so at any rate.
_REPEAT = 1.0


class Reporting(
    ros_parameters.Declaring,
    Node,  # type: ignore[misc]  # rclpy is untyped
    ABC,
    Generic[P],
):
    """Base of a node that has parameters and tells how it is.

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
        self._kind = kind
        # Watching over something takes its time whatever a simulated clock does.
        self.steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._state: tuple[bytes, str] = (DiagnosticStatus.STALE, "not active")
        self._state_key = self._state
        self._told: dict[tuple[bytes, str], float] = {}
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.create_timer(1.0, self.report, clock=self.steady)
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._apply_parameters)

    @abstractmethod
    def figures(self) -> dict[str, str]:
        """What the diagnostics tell beside the state, by name."""

    def apply(self) -> None:
        """Take over ``self.parameters``, which changed at run time and are valid."""

    def report(self) -> None:
        """Called every second; tells the state."""
        self.publish_state()

    def shown_state(self) -> tuple[bytes, str]:
        """Level and text that the diagnostics show."""
        return self._state

    def now(self) -> int:
        """Time of the node's clock, ns."""
        return int(self.get_clock().now().nanoseconds)

    def say(self, level: bytes, text: str, key: str | None = None) -> None:
        """Set the state; publish and log it when it changes (``key`` tells one from another)."""
        self._state = (level, text)
        known, self._state_key = self._state_key, (level, key or text)
        if self._state_key == known:
            return
        now = time.monotonic()
        if now - self._told.get(self._state_key, -math.inf) < _REPEAT:
            return  # it comes and goes; the next report tells of it
        self._told[self._state_key] = now
        logger = self.get_logger()
        if level == DiagnosticStatus.ERROR:
            logger.error(text)
        elif level == DiagnosticStatus.WARN:
            logger.warning(text)
        else:
            logger.info(text)
        self.publish_state()

    def publish_state(self) -> None:
        """Tell the state and the figures now."""
        level, text = self.shown_state()
        name = self.get_fully_qualified_name().lstrip("/")
        status = DiagnosticStatus(level=level, name=f"{name}: {self._kind}", message=text)
        status.values = [KeyValue(key=key, value=value) for key, value in self.figures().items()]
        message = DiagnosticArray(status=[status])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)

    def _check_parameters(self, changes: list[Parameter]) -> SetParametersResult:
        return ros_parameters.verdict(self.parameters, changes)

    def _apply_parameters(self, changes: list[Parameter]) -> None:
        self.parameters = ros_parameters.changed(self.parameters, changes)
        self.apply()


@dataclass(frozen=True)
class LifecycleParameters:
    """Parameters that every node with a lifecycle has."""

    autostart: bool = parameter(
        True, "Configure and activate when the node starts, without a lifecycle manager", fixed=True
    )


L = TypeVar("L", bound=LifecycleParameters)


class Managed(
    Reporting[L],
    LifecycleNode,  # type: ignore[misc]  # rclpy is untyped
):
    """Base of the nodes that have a lifecycle; a derived class adds activation and clean-up."""

    @abstractmethod
    def set_up(self) -> None:
        """Make what the node needs from ``self.parameters``, and its topics.

        Raises:
            ConfigurationError: The parameters don't fit.
        """

    @abstractmethod
    def stop(self) -> None:
        """Come to rest; more than once does no harm."""

    def start(self) -> None:
        """Configure and activate, if the parameter ``autostart`` says so.

        Raises:
            ConfigurationError: The node could not be set up.
        """
        if not self.parameters.autostart:
            return
        for transition in (self.trigger_configure, self.trigger_activate):
            if transition() != TransitionCallbackReturn.SUCCESS:
                raise ConfigurationError(f"{self.get_name()}: {self._state[1]}")

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Set the node up."""
        try:
            self.set_up()
        except ConfigurationError as error:
            self.say(DiagnosticStatus.ERROR, str(error))
            return TransitionCallbackReturn.FAILURE
        except Exception as error:
            # rclpy keeps what goes wrong in a transition to itself.
            self.get_logger().error(traceback.format_exc())
            self.say(DiagnosticStatus.ERROR, f"configure failed: {error!r}")
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Come to rest."""
        self.stop()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Come to rest."""
        self.stop()
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Come to rest."""
        self.stop()
        return TransitionCallbackReturn.SUCCESS
