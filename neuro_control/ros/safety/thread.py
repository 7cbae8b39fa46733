# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A thread beside a node's own: for what must not wait for it, and for what it must not wait for.

The one is its emergency stop and its heartbeat, the other requests that take long to be read. An
executor takes whole nodes, hence what a thread serves belongs to a small node beside the first,
such as ``NAME_safety``, whose services and topics have the names that they would have there.
"""

from __future__ import annotations

import atexit
import sys
import threading
from collections.abc import Callable
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.executors import ExternalShutdownException
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, qos_profile_services_default
from rclpy.timer import Timer

# Python lets a thread that waits run after this time, s, instead of 5 ms: a small part of the
# shortest control period, since it may have to wait more than once. It costs nothing while no
# thread waits.
_SWITCH_INTERVAL = 1e-4
# Wall time after which the thread looks whether it is to end, s.
_POLL = 1.0


class ServiceThread:
    """Serves a node's services and topics in a thread of its own.

    Args:
        node: The node that they belong to.
        purpose: What it serves: the end of its name.

    Attributes:
        ended: Whether it ends or has ended.
    """

    def __init__(self, node: Node, purpose: str) -> None:
        self._node = node
        self._purpose = purpose
        # Without the arguments of the process, which may rename the node; the names of what it
        # serves are those that the first node would give them.
        self._own = Node(
            f"{node.get_name()}_{purpose}",
            namespace=node.get_namespace(),
            context=node.context,
            use_global_arguments=False,
            enable_rosout=False,
            start_parameter_services=False,
        )
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.ended = False
        sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_INTERVAL))

    def serve(
        self,
        kind: type[Any],
        name: str,
        handle: Callable[[Any, Any], Any],
        qos: QoSProfile = qos_profile_services_default,
    ) -> None:
        """Offer a service of the node; ``handle`` is called in the thread.

        Where it raises, the answer is one in which nothing is filled in but the reason.
        """

        def answer(request: Any, response: Any) -> Any:
            try:
                return handle(request, response)
            except Exception as error:
                self._log(f"{name} failed: {error!r}")
                response = kind.Response()
                if hasattr(response, "message"):
                    response.message = f"failed: {error!r}"
                return response

        full = self._node.resolve_service_name(name)
        self._own.create_service(kind, full, answer, qos_profile=qos)

    def listen(
        self, kind: type[Any], topic: str, receive: Callable[[Any], None], qos: QoSProfile
    ) -> None:
        """Subscribe to a topic of the node; ``receive`` is called in the thread."""
        name = self._node.resolve_topic_name(topic)
        self._own.create_subscription(kind, name, self._guarded(receive), qos)

    def every(self, period: float, act: Callable[[], None]) -> Timer:
        """Timer whose ``act`` is called in the thread every ``period`` (s)."""
        guarded = self._guarded(act)
        return self._own.create_timer(period, lambda: guarded(), clock=self._steady)

    def hand_over(self, call: Callable[[], None]) -> bool:
        """Let the node's own executor call something; gives whether there is one."""
        executor = self._node.executor
        if executor is None:
            return False
        # An exception in a task ends the process: this executor does not catch it.
        executor.create_task(self._guarded(call))
        return True

    def start(self) -> None:
        """Begin to serve."""
        self._executor = EventsExecutor(context=self._node.context)
        self._executor.add_node(self._own)
        self._thread = threading.Thread(target=self._run, name=self._own.get_name(), daemon=True)
        self._thread.start()
        # A thread that the end of the interpreter meets in the middleware would abort the process.
        atexit.register(self.close)

    def close(self) -> None:
        """End the thread; calling it more than once does no harm."""
        if self.ended:
            return
        self.ended = True
        atexit.unregister(self.close)
        self._executor.create_task(lambda: None)  # wakes it
        self._thread.join()
        self._executor.remove_node(self._own)
        self._executor.shutdown()
        self._own.destroy_node()

    def _run(self) -> None:
        while not self.ended and self._node.context.ok():
            try:
                self._executor.spin_once(timeout_sec=_POLL)
            except ExternalShutdownException:
                return
            except Exception as error:
                self._log(f"the thread of its {self._purpose}: {error!r}")

    def _guarded(self, callback: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: Any) -> None:
            try:
                callback(*arguments)
            except Exception as error:
                self._log(f"the thread of its {self._purpose} failed: {error!r}")

        return call

    def _log(self, text: str) -> None:
        self._node.get_logger().error(text, throttle_duration_sec=1.0)
