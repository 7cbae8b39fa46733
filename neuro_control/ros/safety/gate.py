# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The gate through which a controller's commands go out, and no other way does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.publisher import Publisher

from neuro_control.ros.safety.safety import Safety


class CommandGate:
    """Publishes commands while the node may move its robot, and the safe command otherwise.

    Args:
        publisher: Publishes commands.
        safety: Says whether the node may move its robot. Its lock is held from the question to the
            publication, so that nothing unsafe follows an emergency stop.
        safe_command: Safe command under a stamp, ns; computed each time that it is sent.

    Attributes:
        sent: When the last command was published, s of the steady clock.
    """

    def __init__(
        self, publisher: Publisher[Any], safety: Safety, safe_command: Callable[[int], Any]
    ) -> None:
        self._publisher = publisher
        self._safety = safety
        self._safe_command = safe_command
        self.sent = 0.0

    def send(self, nanoseconds: int, command: Any) -> Any:
        """Publish ``command``, or the safe one if the node may not move its robot; return it."""
        with self._safety.lock:
            if self._safety.enabled:
                self._publish(command)
                return command
        return self.send_safe(nanoseconds)

    def send_safe(self, nanoseconds: int) -> Any:
        """Publish the safe command under the stamp ``nanoseconds``; return it."""
        command = self._safe_command(nanoseconds)
        self._publish(command)
        return command

    def _publish(self, command: Any) -> None:
        self._publisher.publish(command)
        self.sent = time.monotonic()
