# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Actions that are still to be done while the next are computed.

A policy answers a picture by one action or by a chunk of them, each for ``POLICY_PERIOD`` from the
time of the picture on. Computing takes time: meanwhile the robot goes on by what was decided before
(Zhao et al., "Learning fine-grained bimanual manipulation", arXiv 2304.13705, and lerobot's policy
server run chunks so). When the last action is over and no other has come, there is none, and the
robot has to stop.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.actions import NUMBERS, POLICY_PERIOD

Array = NDArray[np.float64]


class ActionQueue:
    """The latest chunk of actions, by time.

    Args:
        hold: Time for which the last action of a chunk acts on beyond its own, s.

    Raises:
        ConfigurationError: The time is negative or not finite.
    """

    def __init__(self, hold: float = 0.0) -> None:
        if not 0.0 <= hold < math.inf:
            raise ConfigurationError(f"an action is held for 0 s or more, not {hold:g} s")
        self._hold = hold
        self.clear()

    def clear(self) -> None:
        """Forget all actions."""
        self._actions: Array = np.empty((0, len(NUMBERS)))
        self._begin = -math.inf

    def put(self, begin: float, actions: Array) -> None:
        """Let a chunk replace the one before.

        Args:
            begin: Time from which its first action counts: that of the picture it answers, s.
            actions: Actions, (k, 12).
        """
        self._actions = np.asarray(actions, dtype=np.float64).reshape(-1, len(NUMBERS))
        self._begin = begin

    def at(self, time: float) -> Array | None:
        """Action of a time (s), (12,); None if there is none for it."""
        count = len(self._actions)
        elapsed = time - self._begin
        # Times are sums of periods, which binary fractions don't hold.
        if not count or elapsed > count * POLICY_PERIOD + self._hold + 1e-9:
            return None
        number = math.floor(elapsed / POLICY_PERIOD + 1e-6)
        found: Array = self._actions[min(max(number, 0), count - 1)]
        return found
