# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether a source of commands has shown that it lives, before a robot moves by it.

A source that sends one command and dies, or that comes and goes, must not set a machine in motion.
PX4's offboard mode asks for the same: commands at 2 Hz or more for more than a second, and again
after each interruption.
"""

from __future__ import annotations

import math

# Time for which commands must have come before they move anything, s.
DURATION = 1.0
# Longest time between two of them, s: 2 Hz.
INTERVAL = 0.5


class ProofOfLife:
    """Counts a source's commands as proof that it lives once they have come for long enough.

    Times are those of a clock that never goes back, as of ``time.monotonic``.

    Args:
        duration: Time for which commands must have come, s.
        interval: Longest time between two commands, s.
    """

    def __init__(self, duration: float = DURATION, interval: float = INTERVAL) -> None:
        self._duration = duration
        self._interval = interval
        self.forget()

    def forget(self) -> None:
        """Ask for the proof anew, as after an emergency stop or while disabled."""
        self._since = math.inf
        self._last = -math.inf

    def add(self, now: float) -> None:
        """Count a command that was accepted, as fresh and finite, at ``now`` (s)."""
        if now - self._last > self._interval:
            self._since = now
        self._last = now

    def given(self, now: float) -> bool:
        """Whether commands have come for long enough, and do still at ``now`` (s)."""
        return now - self._last <= self._interval and self.missing(now) == 0.0

    def missing(self, now: float) -> float:
        """How much longer commands must come, s: 0 once they have come for long enough."""
        if now - self._last > self._interval:
            return self._duration
        return max(0.0, self._duration - (self._last - self._since))
