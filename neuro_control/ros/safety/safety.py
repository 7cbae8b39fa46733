# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether a node may move its robot: enable, emergency stop and heartbeat.

The emergency stop has a thread of its own (``thread``). There it is latched first, so that
nothing that the node's own thread computes passes any more, and then acted upon: the safe command
goes out however long the node's own thread is held up by a step, a flood of messages or requests.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.subscription import Subscription
from rclpy.timer import Timer
from std_msgs.msg import UInt64
from std_srvs.srv import SetBool

from neuro_control.ros.safety import heartbeat
from neuro_control.ros.safety.thread import ServiceThread

# Wall time between two looks whether the heartbeat goes on, as a part of its timeout.
_LOOKS = 0.2


class Safety:
    """Enable and emergency stop of one node.

    Services: ``~/enable`` and ``~/emergency_stop`` (std_srvs/SetBool). An emergency stop also
    disables, so that releasing it moves nothing: the node moves again after ``~/enable`` only.
    ``~/enable`` is served by the node's executor, ``~/emergency_stop`` by a thread of its own.
    With a heartbeat timeout, the topic ``heartbeat`` (std_msgs/UInt64) has the same effect by its
    silence; the node does not move before its first number.

    Args:
        node: Offers the services.
        on_disable: Brings the robot to rest; called each time that ``~/enable`` is called with
            false, by the node's executor.
        on_emergency_stop: Brings the robot to rest at once; called each time that the emergency
            stop is pressed, by the safety's thread with ``lock`` held.
        on_enable: Prepares to move again; called when a disabled node is enabled, by the node's
            executor.
        report: Reports ``reason``; called by the node's executor after an emergency stop.
        repeat: Called every ``period`` by the safety's thread, with ``lock`` held, while the
            emergency stop is active.
        period: Time between two calls of ``repeat``, s.
        heartbeat_timeout: Time without a new number on ``heartbeat`` that presses the emergency
            stop, s; 0 asks for no heartbeat.
        lock: Held while the safety's thread acts, and by the node while it checks ``enabled`` and
            acts on it.

    Attributes:
        lock: The same.
        emergency_stop: Whether an emergency stop is active; the node is then disabled, too.
    """

    def __init__(
        self,
        node: Node,
        on_disable: Callable[[], None],
        on_emergency_stop: Callable[[], None],
        on_enable: Callable[[], None] | None = None,
        report: Callable[[], None] | None = None,
        repeat: Callable[[], None] | None = None,
        period: float = 0.01,
        heartbeat_timeout: float = 0.0,
        lock: Any = None,
    ) -> None:
        self.lock = threading.RLock() if lock is None else lock
        self.emergency_stop = False
        self._enabled = True
        self._cause = ""
        self._node = node
        self._on_disable = on_disable
        self._on_emergency_stop = on_emergency_stop
        self._on_enable = on_enable
        self._report = report
        self._repeat = repeat
        self._heartbeat: heartbeat.HeartbeatMonitor | None = None
        node.create_service(SetBool, "~/enable", self._handle_enable)
        self._thread = ServiceThread(node, "safety")
        self._thread.serve(SetBool, "~/emergency_stop", self._handle_emergency_stop)
        if repeat is not None:
            self._repeating = self._thread.every(period, self._on_repeat)
            self._repeating.cancel()
        if heartbeat_timeout:
            self._heartbeat = heartbeat.HeartbeatMonitor(heartbeat_timeout)
            self._thread.listen(UInt64, heartbeat.TOPIC, self._on_heartbeat, heartbeat.QOS)
            self._thread.every(_LOOKS * heartbeat_timeout, self._on_look)
        self._thread.start()

    def close(self) -> None:
        """End the safety's thread; calling it more than once does no harm."""
        self._thread.close()

    @property
    def enabled(self) -> bool:
        """Whether the node may move its robot."""
        if self.emergency_stop or not self._enabled:
            return False
        return self._heartbeat is None or self._heartbeat.begun

    @enabled.setter
    def enabled(self, enabled: bool) -> None:
        self._enabled = enabled

    @property
    def reason(self) -> str:
        """Why the robot does not move and what brings it back, empty if it may move."""
        if self.emergency_stop:
            return (
                f"{self._cause}emergency stop is active: release it with `~/emergency_stop` false, "
                "then call `~/enable` true"
            )
        if not self._enabled:
            return "disabled: call `~/enable` true to move again"
        return "" if self.enabled else f"waiting for the first number on {heartbeat.TOPIC}"

    def values(self) -> dict[str, str]:
        """Values for the node's diagnostics."""
        return {
            "enabled": str(self.enabled).lower(),
            "emergency_stop": str(self.emergency_stop).lower(),
        }

    def _handle_enable(self, request: Any, response: Any) -> Any:
        with self.lock:
            if request.data and self.emergency_stop:
                response.success = False
                response.message = (
                    "emergency stop is active: release it first, `~/emergency_stop` false"
                )
                return response
            if request.data and not self._enabled and self._on_enable is not None:
                self._on_enable()
            self._enabled = request.data
            if not self._enabled:
                self._on_disable()
        response.success = True
        response.message = "enabled" if request.data else "disabled"
        return response

    # In the safety's thread.

    def _handle_emergency_stop(self, request: Any, response: Any) -> Any:
        if request.data:
            self._stop("")
            response.message = "stopped"
        elif not self.emergency_stop:
            response.message = "no emergency stop was active"
        else:
            with self.lock:
                self._enabled = self.emergency_stop = False
                if self._heartbeat is not None:
                    self._heartbeat.begin()
                if self._repeat is not None:
                    self._repeating.cancel()
            response.message = "released: call `~/enable` true to move again"
        response.success = True
        return response

    def _stop(self, cause: str) -> None:
        # Latched before the lock is there: what the node's own thread checks next is refused.
        self.emergency_stop = True
        with self.lock:
            self._cause = cause
            self._enabled = False
            if self._repeat is not None:
                self._repeating.reset()
            self._on_emergency_stop()
        if self._report is not None:
            self._thread.hand_over(self._report)

    def _on_repeat(self) -> None:
        with self.lock:
            if self.emergency_stop and self._repeat is not None:
                self._repeat()

    def _on_heartbeat(self, message: UInt64) -> None:
        if self._heartbeat is not None and not self.emergency_stop:
            self._heartbeat.beat(message.data, time.monotonic())

    def _on_look(self) -> None:
        if self._heartbeat is None or self.emergency_stop:
            return
        silence = self._heartbeat.silence(time.monotonic())
        if silence > self._heartbeat.timeout:
            self._stop(f"no {heartbeat.TOPIC} for {silence:.2f} s: ")


class Interlocked(Node):  # type: ignore[misc]  # rclpy is untyped
    """Base of a node whose callbacks and whose emergency stop exclude one another.

    For nodes whose callbacks are short and move something themselves, as drivers. Parameters'
    services are left out, since a request may be long.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.lock = threading.RLock()
        super().__init__(*args, **kwargs)

    def create_subscription(
        self, msg_type: Any, topic: str, callback: Callable[..., None], *args: Any, **kwargs: Any
    ) -> Subscription:
        """As rclpy has it."""
        locked = self._locked(callback)
        return super().create_subscription(msg_type, topic, locked, *args, **kwargs)

    def create_timer(
        self, timer_period_sec: float, callback: Callable[..., None], *args: Any, **kwargs: Any
    ) -> Timer:
        """As rclpy has it."""
        return super().create_timer(timer_period_sec, self._locked(callback), *args, **kwargs)

    def create_service(
        self, srv_type: Any, srv_name: str, callback: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        """As rclpy has it."""
        if srv_name.startswith("~/"):
            callback = self._locked(callback)
        return super().create_service(srv_type, srv_name, callback, *args, **kwargs)

    def _locked(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(callback)
        def call(*arguments: Any) -> Any:
            with self.lock:
                return callback(*arguments)

        return call
