# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Lifecycle node that every controller builds on: the loop from an observation to a command.

A controller provides its parameters, its inputs, a ``step`` and a safe action. Every message is
checked before ``step`` sees it (``inputs``); every action is checked and limited before it is
published. Whatever goes wrong on the way ends in the safe command and a diagnostic that says why.
Enable, emergency stop and the gate of commands are in ``safety``, state and figures in
``controller_diagnostics``, configuration and activation in ``lifecycle``.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from numpy.typing import ArrayLike, NDArray
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.timer import Timer

from neuro_control.ros import parameters as ros_parameters
from neuro_control.ros.answers import Answers, Order
from neuro_control.ros.controller_diagnostics import ControllerDiagnostics
from neuro_control.ros.controller_parameters import ControllerParameters as ControllerParameters
from neuro_control.ros.inputs import Input as Input
from neuro_control.ros.inputs import rejection_reason
from neuro_control.ros.messages import (
    NANOSECONDS,
    SET_POINT_QOS,
    all_finite,
    restamped,
    to_nanoseconds,
)
from neuro_control.ros.ros2_control.groups import command_publisher, destroy_publisher
from neuro_control.ros.safety.gate import CommandGate
from neuro_control.ros.safety.safety import Safety
from neuro_control.ros.steady_time import SteadyTime

Array = NDArray[np.float64]

# How early, as a part of the control period, an observation may come and still be stepped on.
_JITTER = 0.1


P = TypeVar("P", bound=ControllerParameters)


class Controller(ControllerDiagnostics[P]):
    """Base of all controller nodes.

    The first input is the observation: each of its messages is answered by one command under its
    stamp. Observations that come faster than ``control_period`` are answered by the last command.

    Services: ``~/enable`` and ``~/emergency_stop`` (std_srvs/SetBool). While disabled or stopped
    every observation is answered by the safe command.
    Topics: the inputs, the command, ``/diagnostics`` at 1 Hz and on every change of state.

    Args:
        name: Name of the node.
        parameters_type: Dataclass of its parameters.
        command_type: Message type of the command.
        command_topic: Relative name of its topic.
        node_options: Passed on to the rclpy node.

    Raises:
        ConfigurationError: A parameter is unknown or its value wrong.
    """

    def __init__(
        self,
        name: str,
        parameters_type: type[P],
        command_type: type[Any],
        command_topic: str,
        **node_options: Any,
    ) -> None:
        super().__init__(name, parameters_type, "controller", **node_options)
        self._command_type = command_type
        self._command_topic = command_topic
        self._watchdog: Timer | None = None
        self._simulated = False
        self._steady_time = SteadyTime()
        self._answers = Answers()
        self._held: tuple[int, Any, float] | None = None  # stamp, observation, time of arrival
        self._due = 0
        self._enabled_at = 0  # time of the node's clock when it was last enabled, ns
        self._safety = Safety(
            self,
            on_disable=self._rest,
            on_emergency_stop=self._rest,
            on_enable=self._begin_again,
            report=self._on_stopped,
            repeat=self._repeat_safe,
            period=self.parameters.control_period,
            heartbeat_timeout=self.parameters.heartbeat_timeout,
        )

    # What a derived class provides.

    @abstractmethod
    def configure(self) -> Sequence[Input[Any]]:
        """Build the control law from ``self.parameters``; return its inputs.

        A message on the first input triggers a step.

        Raises:
            ConfigurationError: The parameters don't make a control law.
        """

    @abstractmethod
    def reset(self) -> None:
        """Put the control law into its initial state.

        Called on activation, when the node is enabled again, and when a simulation begins anew.
        """

    @abstractmethod
    def step(self, observation: Any) -> ArrayLike:
        """Action that answers the first input's value."""

    @abstractmethod
    def limits(self) -> tuple[ArrayLike, ArrayLike]:
        """Lowest and highest action, in its units, broadcastable to it."""

    @abstractmethod
    def safe_action(self) -> ArrayLike:
        """Action that is safe in every state of the robot; computed each time that it is sent."""

    def fallback_action(self) -> ArrayLike:
        """Action while observations are refused or missing; by default the safe action."""
        return self.safe_action()

    def overdue(self) -> float:
        """Silence after which the fallback is sent, s; by default ``input_timeout``.

        A control law that can go on for a moment without observations begins so earlier. Until
        ``input_timeout`` nothing is wrong yet, and nothing is said.
        """
        return self.parameters.input_timeout

    @abstractmethod
    def command(self, nanoseconds: int, action: Array) -> Any:
        """Command message of ``action``, stamped ``nanoseconds``."""

    def awaits(self, source: Input[Any], stamp: int) -> bool:
        """Whether the observation of ``stamp`` (ns) has to wait for an awaited input.

        By default it waits for the message of its own stamp.
        """
        return source.time != stamp or source.value is None

    def while_waiting(self) -> None:
        """Called when an observation that waits for an input comes again."""

    def remark(self) -> str | None:
        """Warning for the diagnostics after a step that went well, or None."""
        return None

    # Lifecycle.

    def set_up(self) -> None:
        """Build the control law and its topics."""
        self._inputs = tuple(self.configure())
        self._limits = tuple(np.asarray(limit, dtype=np.float64) for limit in self.limits())
        self._shape = np.shape(self.safe_action())
        self.reset()
        self._publisher = command_publisher(self, self._command_type, self._command_topic)
        self._gate = CommandGate(self._publisher, self._safety, self._safe_command)
        self._subscriptions_made = [
            self.create_subscription(
                each.message, each.topic, partial(self._receive, each), each.qos
            )
            for each in self._inputs
        ]

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start the control law and the watchdog."""
        self._simulated = self.get_clock().ros_time_is_active
        self._steady_time = SteadyTime(self.get_clock() if self._simulated else None)
        self._answers = Answers(self._simulated)
        for each in self._inputs:
            each.steady, each.measured = self._steady_time, None
        self._restart()
        self._active = True
        self._watchdog = self.create_timer(
            self.parameters.control_period, self._watch, clock=self.steady
        )
        self.set_state(DiagnosticStatus.STALE, f"waiting for {self._inputs[0].topic}")
        return TransitionCallbackReturn.SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop, and destroy the topics."""
        self.stop()
        for subscription in self._subscriptions_made:
            self.destroy_subscription(subscription)
        if self._publisher is not None:
            destroy_publisher(self, self._publisher)
            self._publisher = None
        return TransitionCallbackReturn.SUCCESS

    def destroy_node(self) -> None:
        """End the node and its safety's thread."""
        # The base ends a node whose parameters are wrong before it has any safety.
        if hasattr(self, "_safety"):
            self._safety.close()
        super().destroy_node()

    def stop(self) -> None:
        """Send the safe command a last time and ignore all further messages."""
        if self._watchdog is not None:
            self.destroy_timer(self._watchdog)
            self._watchdog = None
        if self._active:
            self._gate.send_safe(self.now())
            self._active = False
            self.report_deactivated()

    # From an observation to a command.

    def _receive(self, source: Input[Any], message: Any) -> None:
        if not self._active:
            return
        begin = time.perf_counter()
        now = self.now()
        header = getattr(message, "header", None)
        stamp = now if header is None else to_nanoseconds(header.stamp)
        source.received, source.received_wall = self._steady_time.at(now), begin
        triggers = source is self._inputs[0]
        try:
            value = source.accept(message, stamp, now)
        except Exception as error:
            self._refuse(source, error)
            if triggers:
                # A wrong stamp is of no use to whoever waits for the answer.
                wrong_stamp = rejection_reason(error) in ("stale", "future")
                self._publish_fallback(now if wrong_stamp else stamp)
            return
        if not triggers:
            if self._sent_while_disabled(source, stamp, now):
                self._rejected[f"{source.topic}/disabled"] += 1
                return
            source.keep(value, stamp, now, clock_may_lag=self._simulated)
            held = self._held
            if held is not None and not self._awaits(held[0]):
                self._held = None
                self._control(*held)
            return
        if self._settled(source, stamp, value, now):
            return
        source.keep(value, stamp, now)
        held, self._held = self._held, None
        if held is not None and held[0] != stamp:
            self.set_state(DiagnosticStatus.WARN, self._missing(held[0]), key="awaited")
            self._publish_fallback(held[0])
        if self._awaits(stamp):
            self._held = (stamp, value, begin)
            if held is not None:
                self.while_waiting()
            return
        self._control(stamp, value, begin)

    def _refuse(self, source: Input[Any], error: Exception) -> None:
        reason = rejection_reason(error)
        self._rejected[f"{source.topic}/{reason}"] += 1
        self.set_state(
            DiagnosticStatus.WARN,
            f"{source.topic} rejected: {error}",
            key=f"{source.topic}/{reason}",
        )

    def _sent_while_disabled(self, source: Input[Any], stamp: int, now: int) -> bool:
        """Whether a set-point was sent while disabled: it must not act once enabled."""
        if source.qos is not SET_POINT_QOS or source.awaited:
            return False  # measured, or used with the observation of its stamp only
        return not self._safety.enabled or stamp < self._enabled_at <= now

    def _awaits(self, stamp: int) -> bool:
        """Whether an awaited input of the observation of ``stamp`` (ns) is still missing."""
        if not self._safety.enabled:
            return False  # the safe command depends on no input
        return any(each.awaited and self.awaits(each, stamp) for each in self._inputs)

    def _missing(self, stamp: int) -> str:
        topics = ", ".join(each.topic for each in self._inputs if each.awaited)
        return f"no {topics} for the observation of {stamp / NANOSECONDS:.3f} s"

    def _settled(self, source: Input[Any], stamp: int, value: Any, now: int) -> bool:
        """Whether the observation needs no new command, being a repetition or out of order."""
        order, answer = self._answers.judge(stamp, value, now, self.parameters.input_timeout)
        if order is Order.NEXT:
            return False
        if order is Order.EPISODE:
            self._resets += 1
            self._restart()
            return False
        if order is Order.CLOCK_BACK:
            self._due = stamp
            return False
        if order is Order.LATE:
            self._rejected[f"{source.topic}/order"] += 1
        if answer is not None:
            # It is sent again when the answer was lost.
            self._gate.send(stamp, answer)
        return True

    def _control(self, stamp: int, value: Any, begin: float) -> None:
        period = round(self.parameters.control_period * NANOSECONDS)
        if self._answers and stamp < self._due - _JITTER * period:
            # Observations come faster than the control period: the last command is repeated.
            self._gate.send(stamp, restamped(self._answers.command, stamp))
            return
        # The next step is due a period after this one was due, which keeps the mean rate.
        on_time = bool(self._answers) and stamp - self._due < period
        self._due = (self._due if on_time else stamp) + period
        if not self._safety.enabled:
            command = self._gate.send_safe(stamp)
            self.set_state(DiagnosticStatus.WARN, self._safety.reason)
        else:
            command = self._act(stamp, value)
        self._answers.add(stamp, value, command)
        elapsed = time.perf_counter() - begin
        self._timing.add(elapsed)
        self._overruns += elapsed > self.parameters.control_period

    def _act(self, stamp: int, observation: Any) -> Any:
        try:
            command = self.command(stamp, self._limited(self.step(observation)))
        except Exception as error:
            # A control law that fails must not leave the robot on its last command.
            self._rejected[f"step/{type(error).__name__}"] += 1
            self.set_state(DiagnosticStatus.ERROR, f"the control law failed: {error}")
            return self._gate.send_safe(stamp)
        sent = self._gate.send(stamp, command)
        if sent is not command:
            return sent  # it was stopped while the control law was at work
        remark = self.remark()
        level = DiagnosticStatus.OK if remark is None else DiagnosticStatus.WARN
        self.set_state(level, remark or "running")
        return command

    def _limited(self, action: ArrayLike) -> Array:
        """``action`` clipped to the limits; ValueError if its shape or a value of it is wrong."""
        action = np.asarray(action, dtype=np.float64)
        if action.shape != self._shape:
            raise ValueError(f"the action has shape {action.shape} instead of {self._shape}")
        if not all_finite(action):
            raise ValueError(f"the action is not finite: {action}")
        low, high = self._limits
        limited: Array = np.minimum(np.maximum(action, low), high)
        return limited

    def _publish_fallback(self, nanoseconds: int) -> None:
        """Publish the fallback command, or the safe one while disabled or if the fallback fails."""
        if not self._safety.enabled:
            self._gate.send_safe(nanoseconds)
            return
        try:
            command = self.command(nanoseconds, self._limited(self.fallback_action()))
        except Exception as error:
            self._rejected[f"fallback/{type(error).__name__}"] += 1
            self.set_state(DiagnosticStatus.ERROR, f"the fallback failed: {error}")
            self._gate.send_safe(nanoseconds)
            return
        self._gate.send(nanoseconds, command)

    def _safe_command(self, nanoseconds: int) -> Any:
        return self.command(nanoseconds, np.asarray(self.safe_action(), dtype=np.float64))

    def fail_safe(self, reason: str) -> None:
        """Publish the safe command and report ``reason``; the next observation is answered."""
        self._rest()
        self.set_state(DiagnosticStatus.ERROR, reason)

    def _watch(self) -> None:
        source = self._inputs[0]
        now = self.now()
        if source.received is None:
            # A simulation in lockstep would take it for the answer to its first observation.
            if not self._simulated:
                self._gate.send_safe(now)
            return
        silence = source.silence(now)
        if silence <= min(source.timeout, self.overdue()):
            return
        since_received = (self._steady_time.at(now) - source.received) / NANOSECONDS
        if since_received > source.timeout:
            self.set_state(
                DiagnosticStatus.WARN,
                f"no {source.topic} for {silence:.2f} s: the fallback is sent until one comes",
                key="silence",
            )
        # Else they come and are refused, which is the state.
        self._publish_fallback(now)

    def _restart(self) -> None:
        self._answers.forget()
        self._held = None
        self.reset()

    # Safety and parameters.

    def _rest(self) -> None:
        """Publish the safe command now rather than with the next observation."""
        if self._active:
            self._gate.send_safe(self.now())

    def _begin_again(self) -> None:
        self._enabled_at = self.now()
        if self._active:
            self._restart()

    def _on_stopped(self) -> None:
        self.set_state(DiagnosticStatus.WARN, self._safety.reason)

    def _repeat_safe(self) -> None:
        """Publish the safe command in place of the node's own thread, should that be held up.

        A simulated robot does not need it, and a simulation in lockstep would take it for an
        answer.
        """
        if self._simulated or not self._active:
            return
        if time.monotonic() - self._gate.sent > self.parameters.control_period:
            self._rest()

    def _apply_parameters(self, changes: list[Parameter]) -> None:
        self.parameters = ros_parameters.changed(self.parameters, changes)
        if not self._inputs:
            return  # not configured yet
        self._inputs[0].timeout = self.parameters.input_timeout
        try:
            self.apply()
            self._limits = tuple(np.asarray(limit, dtype=np.float64) for limit in self.limits())
        except Exception as error:
            # A control law with some parameters old and some new must not move a robot.
            self._safety.enabled = False
            self.set_state(
                DiagnosticStatus.ERROR,
                f"disabled, parameters can't be applied: {error}; set them right, "
                "then call `~/enable` true",
            )
