# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How much of something may happen: a store that fills steadily, is spent, and never overflows."""

from __future__ import annotations

import time


class Budget:
    """What may be spent, as processor time on requests or lines in the log.

    Args:
        share: How much is added in each second of wall time, 1/s.
        burst: The most that is stored.
    """

    def __init__(self, share: float, burst: float) -> None:
        self._share, self._burst = share, burst
        self._left = burst
        self._filled = time.monotonic()

    def wait(self) -> float:
        """Wall time until something may be spent again, s; 0 when it may be now."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + self._share * (now - self._filled))
        self._filled = now
        return max(0.0, -self._left / self._share)

    def spend(self, amount: float) -> None:
        """Take ``amount``; what is left may become negative."""
        self._left -= amount
