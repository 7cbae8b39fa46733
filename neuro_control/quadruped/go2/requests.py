# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Requests to the robot's services: sent by number, counted, and waited for until answered."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from neuro_control.quadruped.go2.events import Events
from neuro_control.quadruped.go2.sport import Call, Service, reason


class Requests:
    """Requests under way.

    Args:
        events: Counts requests and answers, and warns of those refused or missed.
        send: Sends a call as the request of a number.
    """

    def __init__(self, events: Events, send: Callable[[int, Call], None]) -> None:
        self._events, self._send = events, send
        self._pending: dict[int, tuple[Call, float]] = {}

    def forget(self) -> None:
        """Wait for no answer any more."""
        self._pending.clear()

    def send(self, call: Call) -> None:
        """Send a call, and wait for its answer if it has one."""
        number = time.monotonic_ns()
        if call.answered:
            self._pending[number] = (call, time.monotonic())
        self._events.count(f"calls/{call.name}")
        self._send(number, call)

    def answered(self, service: Service, answer: Any) -> Call | None:
        """Take in an answer.

        Returns:
            The call that it answers, if it is one of ours that the robot did not refuse.
        """
        # Others send requests as well: the remote control, an app.
        call, _ = self._pending.pop(answer.header.identity.id, (None, 0.0))
        if call is None or call.service is not service:
            return None
        self._events.count("answers")
        code = answer.header.status.code
        if code:
            self._events.count(f"refused/{call.name}")
            self._events.warn(f"the robot refused {call.name}: {reason(code)}")
            return None
        return call

    def expire(self, now: float, timeout: float) -> None:
        """Give up waiting for answers that did not come within ``timeout`` seconds."""
        for number, (call, sent) in list(self._pending.items()):
            if now - sent > timeout:
                del self._pending[number]
                self._events.count(f"unanswered/{call.name}")
                self._events.warn(f"no answer to {call.name} within {now - sent:.1f} s")
