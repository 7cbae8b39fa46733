# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Keeps nodes alive: what goes wrong in a callback ends in the safe command and a diagnostic.

rclpy lets an exception out of ``spin``: a process that nobody guards ends by it, and with it the
commands of its robot. Here each callback of a node is guarded on its own, so that the executor
neither loses the messages that wait behind the one that failed, nor leaves a request unanswered.
``spin`` of ``process`` guards what fails outside of callbacks, as a message that can't be decoded.
"""

from __future__ import annotations

import functools
import traceback
from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from rclpy.node import Node
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.timer import Timer
from rosgraph_msgs.msg import Clock


class Supervised(Node):  # type: ignore[misc]  # rclpy is untyped
    """Base of a node whose callbacks may fail without ending it.

    A subscription's or timer's callback that raises ends in ``fail_safe``, and the next message is
    received as ever. A service's callback that raises is answered, too: by the response as it is
    when nothing has been filled in, whose ``success`` is false, and with the reason where it has a
    ``message``.

    Attributes:
        failures: How often a callback has failed.
    """

    failures = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Those that rclpy makes otherwise than by create_service, as of the lifecycle.
        for service in self.services:
            if not hasattr(service.callback, "__wrapped__"):
                service.callback = self.guarded_service(service.callback, service.srv_name)

    @abstractmethod
    def fail_safe(self, reason: str) -> None:
        """Publish the safe command, if the node commands anything, and report ``reason``.

        The node stays alive. It may be called at any time and repeatedly.
        """

    def create_subscription(
        self, msg_type: Any, topic: str, callback: Callable[..., None], *args: Any, **kwargs: Any
    ) -> Subscription:
        """As rclpy has it."""
        if msg_type is Clock:
            callback = _ignoring_negative(callback)
        guarded = self._guarded(callback, f"a message on {topic}")
        return super().create_subscription(msg_type, topic, guarded, *args, **kwargs)

    def create_timer(
        self, timer_period_sec: float, callback: Callable[..., None], *args: Any, **kwargs: Any
    ) -> Timer:
        """As rclpy has it."""
        name = getattr(callback, "__name__", "callback").lstrip("_")
        guarded = self._guarded(callback, f"the timer of {name}")
        return super().create_timer(timer_period_sec, guarded, *args, **kwargs)

    def create_service(
        self, srv_type: Any, srv_name: str, callback: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Service:
        """As rclpy has it."""
        guarded = self.guarded_service(callback, srv_name)
        return super().create_service(srv_type, srv_name, guarded, *args, **kwargs)

    def _guarded(self, callback: Callable[..., None], what: str) -> Callable[..., None]:
        # ``wraps`` keeps the signature, by which rclpy decides what it hands over.
        @functools.wraps(callback)
        def call(*arguments: Any) -> None:
            try:
                callback(*arguments)
            except Exception as error:
                report_failure([self], what, error)

        return call

    def guarded_service(self, callback: Callable[..., Any], name: str) -> Callable[..., Any]:
        """``callback`` of the service ``name``, which answers although it raises."""

        @functools.wraps(callback)
        def call(request: Any, response: Any) -> Any:
            try:
                return callback(request, response)
            except Exception as error:
                report_failure([self], f"a call of {name}", error)
                answer = type(response)()
                if hasattr(answer, "message"):
                    answer.message = f"failed: {error!r}"
                return answer

        return call


def _ignoring_negative(callback: Callable[[Clock], None]) -> Callable[[Clock], None]:
    """``callback`` without the times before 0, which ROS does not know and rclpy raises on."""

    @functools.wraps(callback)
    def receive(message: Clock) -> None:
        if message.clock.sec >= 0:
            callback(message)

    return receive


def report_failure(nodes: Iterable[Node], what: str, error: Exception) -> None:
    """Bring ``nodes`` to their safe state because ``what`` has failed by ``error``.

    Nothing is raised: a node whose safe command fails as well has no better one, and stays alive.
    """
    place = "".join(traceback.format_exception(error))
    for node in nodes:
        if not isinstance(node, Supervised):
            node.get_logger().error(f"{what} failed: {error!r}", throttle_duration_sec=1.0)
            continue
        node.failures += 1
        node.get_logger().error(place, throttle_duration_sec=1.0)
        try:
            node.fail_safe(f"{what} failed: {error!r}")
        except Exception as worse:
            node.get_logger().error(
                f"the safe state could not be reached: {worse!r}", throttle_duration_sec=1.0
            )
