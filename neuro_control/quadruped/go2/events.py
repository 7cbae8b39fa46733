# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Events in the driver: counts for the diagnostics, and the latest warning for a while."""

from __future__ import annotations

import math
import time
from collections import Counter

from neuro_control.ros.inputs import rejection_reason

# How long the diagnostics show a warning, s.
_SHOWN = 3.0


class Events:
    """Counts of what happened, and the latest warning."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._warning, self._key, self._warned = "", "", -math.inf

    def count(self, name: str, times: int = 1) -> None:
        """Count an event."""
        self._counts[name] += times

    def warn(self, text: str, key: str = "") -> None:
        """Show a warning in the diagnostics for a while.

        Args:
            text: The warning.
            key: What kind of warning it is, if its text contains numbers.
        """
        self._warning, self._key, self._warned = text, key or text, time.monotonic()

    def reject(self, source: str, error: Exception) -> None:
        """Count and warn of a message that was not accepted."""
        reason = rejection_reason(error)
        self.count(f"rejected/{reason}")
        self.warn(f"{source} rejected: {error}", f"{source} rejected/{reason}")

    def warning(self, now: float) -> tuple[str, str]:
        """The latest warning and its kind, both empty if there is none to be shown."""
        return (self._warning, self._key) if now - self._warned < _SHOWN else ("", "")

    def values(self) -> dict[str, str]:
        """Counts for the diagnostics, those of rejected messages last."""
        names = sorted(self._counts, key=lambda name: name.startswith("rejected/"))
        return {name: str(self._counts[name]) for name in names}
