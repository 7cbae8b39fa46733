# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Base of managed nodes: they configure and activate themselves, or a lifecycle manager does."""

from __future__ import annotations

import signal
import threading
import traceback
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, TypeVar

from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.srv import ChangeState
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from neuro_control.errors import ConfigurationError
from neuro_control.ros import compiling
from neuro_control.ros.diagnostics.monitoring import MonitoringParameters
from neuro_control.ros.diagnostics.node import DiagnosticNode
from neuro_control.ros.lifecycle import priority
from neuro_control.ros.parameters import parameter


@dataclass(frozen=True)
class LifecycleParameters(MonitoringParameters):
    """Parameters that every managed node has."""

    autostart: bool = parameter(
        True, "Configure and activate when the node starts, without a lifecycle manager", fixed=True
    )
    thread_priority: int = parameter(
        0,
        "Real-time priority (SCHED_FIFO) of the process's threads from configuring on; 0: none",
        low=0,
        high=priority.MOST,
        fixed=True,
    )


L = TypeVar("L", bound=LifecycleParameters)


class ManagedNode(
    DiagnosticNode[L],
    LifecycleNode,  # type: ignore[misc]  # rclpy is untyped
):
    """Base of the nodes that have a lifecycle; a derived class adds activation and clean-up."""

    def __init__(self, name: str, parameters_type: type[L], kind: str, **node_options: Any) -> None:
        super().__init__(name, parameters_type, kind, **node_options)
        for service in self.services:
            if service.srv_type is ChangeState:
                service.callback = self._valid_transitions(service.callback)

    def destroy_node(self) -> None:
        """End the node, so that it leaves the graph at once.

        rclpy leaves the state machine to the garbage collector. While anything refers to the node,
        others would see it, and a simulation would wait for it to become active.
        """
        super().destroy_node()
        # One whose parameters are wrong ends before it has any.
        if hasattr(self, "_state_machine"):
            self._state_machine.destroy_when_not_in_use()

    @abstractmethod
    def set_up(self) -> None:
        """Make what the node needs from ``self.parameters``, and its topics.

        Raises:
            ConfigurationError: The parameters don't fit.
        """

    @abstractmethod
    def stop(self) -> None:
        """Bring the robot to rest; calling it more than once does no harm."""

    def fail_safe(self, reason: str) -> None:
        """Bring the robot to rest and report ``reason``; the node is active again on demand."""
        self.stop()
        self.set_state(
            DiagnosticStatus.ERROR,
            f"{reason}; the node has stopped: start it again with "
            f"`ros2 lifecycle set {self.get_name()} deactivate`, then `activate`",
        )

    def start(self) -> None:
        """Configure and activate, if the parameter ``autostart`` says so.

        Raises:
            ConfigurationError: The node could not be set up.
        """
        if not self.parameters.autostart:
            self.set_state(
                DiagnosticStatus.STALE,
                f"unconfigured: start it with `ros2 lifecycle set {self.get_name()} configure`, "
                "then `activate`",
            )
            return
        for transition in (self.trigger_configure, self.trigger_activate):
            if transition() != TransitionCallbackReturn.SUCCESS:
                raise ConfigurationError(f"{self.get_name()}: {self._state[1]}")

    def report_deactivated(self) -> None:
        """Report that the node has ended its work as it should."""
        self.set_state(DiagnosticStatus.STALE, "deactivated normally")

    def _valid_transitions(self, answer: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """``answer`` to requests for a transition, without those that rclpy would raise on."""

        def change(request: Any, response: Any) -> Any:
            wanted = request.transition
            possible = {each[0]: each[1] for each in self._state_machine.available_transitions}
            if wanted.label in possible.values() or (not wanted.label and wanted.id in possible):
                label = wanted.label or possible[wanted.id]
                return _interrupted(answer, request, response, label)
            self.get_logger().warning(
                f"refused the transition {wanted.label or wanted.id}: "
                f"the node is {self._state_machine.current_state[1]}, "
                f"possible are {', '.join(possible.values()) or 'none'}",
                throttle_duration_sec=1.0,
            )
            response.success = False
            return response

        return change

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Set the node up."""
        try:
            with compiling.announced(self.get_logger().info):
                self.set_up()
            if self.parameters.thread_priority:
                priority.prioritise(self.parameters.thread_priority)
        except ConfigurationError as error:
            self.set_state(DiagnosticStatus.ERROR, str(error))
            return TransitionCallbackReturn.FAILURE
        except Exception as error:
            # rclpy does not show what goes wrong in a transition.
            self.get_logger().error(traceback.format_exc())
            self.set_state(DiagnosticStatus.ERROR, f"configure failed: {error!r}")
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Bring the robot to rest."""
        self.stop()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Bring the robot to rest."""
        self.stop()
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Bring the robot to rest and undo what was set up: the node can be configured anew."""
        self.stop()
        self.on_cleanup(state)
        return TransitionCallbackReturn.SUCCESS


def _interrupted(
    answer: Callable[[Any, Any], Any], request: Any, response: Any, transition: str
) -> Any:
    """``answer`` to a request for ``transition``; a signal that ends the process ends "configure".

    Nothing moves then, and a control law that is compiled for the first time would keep the process
    for another half a minute.
    """
    if transition != "configure" or threading.current_thread() is not threading.main_thread():
        return answer(request, response)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def interrupt(number: int, frame: FrameType | None) -> None:
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)  # the process knows that it ends
        raise KeyboardInterrupt

    try:
        for number in before:
            signal.signal(number, interrupt)
        return answer(request, response)
    except KeyboardInterrupt:
        return response
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
