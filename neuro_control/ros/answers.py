# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The answers that a controller has given, and what an observation is that comes beside its order.

Observations are repeated when their answer was lost, overtake one another, and are stamped by
clocks that are set. None of this may reset a control law: it would drop a robot that walks.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Any

import numpy as np

from neuro_control.ros.messages import NANOSECONDS

# A simulated clock that begins a new episode begins near zero, or goes back by more than anybody
# sets a running robot's clock back, ns; whatever else goes back is a step of the clock.
_EPISODE_START = 1 * NANOSECONDS
_EPISODE_STEP = 10 * NANOSECONDS
# Answers that are kept for observations that come again.
_REPEATABLE = 8


class Order(Enum):
    """What an observation is by its stamp, compared with those that were answered."""

    NEXT = "later than all others"
    AGAIN = "one that was answered, as it was"
    EPISODE = "the first of a new episode of a simulation"
    CLOCK_BACK = "the next, the clock having been set back or the last stamp having been ahead"
    LATE = "overtaken by another"


class Answers:
    """Remembers the latest observations with their commands, and judges the order of the next.

    Args:
        simulated: Whether observations come from a simulation, which may begin a new episode: a
            robot on the wall clock has none.
    """

    def __init__(self, simulated: bool = False) -> None:
        self._simulated = simulated
        self._episode = 0  # stamp of the episode's first observation, ns
        # Stamp, observation and command, the latest last.
        self._given: deque[tuple[int, Any, Any]] = deque(maxlen=_REPEATABLE)

    def __bool__(self) -> bool:
        """Whether an observation has been answered."""
        return bool(self._given)

    @property
    def command(self) -> Any:
        """The last command."""
        return self._given[-1][2]

    def add(self, stamp: int, observation: Any, command: Any) -> None:
        """Remember the ``command`` that answered the ``observation`` of ``stamp`` (ns)."""
        if not self._given:
            self._episode = stamp
        self._given.append((stamp, observation, command))

    def forget(self) -> None:
        """Begin anew."""
        self._given.clear()

    def judge(self, stamp: int, observation: Any, now: int, slack: float) -> tuple[Order, Any]:
        """What an observation is.

        Args:
            stamp: Its stamp, ns.
            observation: Its value.
            now: Time of the node's clock, ns.
            slack: Time, s, by which the first observation of an episode that is received may be
                later than the first of the episode before.

        Returns:
            What it is, and the command that answered it, if it comes again.
        """
        if not self._given or stamp > self._given[-1][0]:
            return Order.NEXT, None
        if self._begins_anew(stamp, observation, now, slack):
            return Order.EPISODE, None
        for answered, known, command in reversed(self._given):
            if answered == stamp and np.array_equal(known, observation, equal_nan=True):
                return Order.AGAIN, command
        last = self._given[-1][0]
        if now < last and stamp < last:
            return Order.CLOCK_BACK, None
        # Whoever sent two observations under one stamp may wait for an answer.
        return (Order.LATE, self.command if now == stamp else None)

    def _begins_anew(self, stamp: int, value: Any, now: int, slack: float) -> bool:
        last, observation, _ = self._given[-1]
        if now == stamp == last == self._episode:
            return self._simulated and not np.array_equal(observation, value, equal_nan=True)
        if not self._simulated or now >= last:
            return False
        if stamp > self._episode + slack * NANOSECONDS:
            return False
        return stamp < _EPISODE_START or last - stamp > _EPISODE_STEP
