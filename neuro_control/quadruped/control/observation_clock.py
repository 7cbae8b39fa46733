# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How much time has passed between two observations: by their stamps, unless a clock was set.

A stamp that is far from the last one says that observations were lost, or that somebody set a
clock. The joints tell the one from the other: where they are as far from their last angles as they
move within one period, one period has passed, whatever the stamps say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.settings import Settings, number
from neuro_control.quadruped.control.types import PERIOD, Observation

Array = NDArray[np.float64]

# Difference of two stamps from the nominal period that is rounding, s.
_ROUNDING = 1e-6
# Weight of a new period in the mean period, by which the rate of observations is judged.
_MEAN = 0.01
# Periods beyond which the mean period is not that of 500 Hz, s.
_SHORTEST, _LONGEST = PERIOD / 1.2, PERIOD * 1.2


@dataclass(frozen=True)
class ClockSettings(Settings):
    """What is believed of stamps.

    Attributes:
        longest_gap: Time without observations that is bridged; after more it begins anew, s.
    """

    longest_gap: float = 0.25
    overdue: float = number(
        0.01, "Time after the last observation from which readings are predicted, s", 0.002, 1.0
    )
    held_time: float = number(
        0.05, "Time for which the last command holds where none can be predicted, s", 0.002, 1.0
    )
    believed_period: float = number(
        0.008, "Time between two stamps up to which it is believed as it stands, s", 0.002, 0.1
    )
    still: float = number(
        0.03, "Way of all joints together, beside that of one period, that is none, rad", 0.0, 1.0
    )


class ObservationClock:
    """Time between observations, and a time that no clock that is set can change.

    Attributes:
        lost: Whether so much time has passed before the last observation that nobody knows how the
            robot moves.
        steps: How often a clock has been set.

    Args:
        settings: What is believed of stamps.
    """

    def __init__(self, settings: ClockSettings | None = None) -> None:
        self._own = settings or ClockSettings()
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next observation is the first."""
        self.lost = False
        self.steps = 0
        self._last: tuple[float, Array, Array] | None = None
        self._offset = 0.0
        self._mean = PERIOD

    def step(self, observation: Observation, stamp: float) -> float:
        """Time that has passed since the last observation, s; the nominal period for the first.

        Args:
            observation: What the robot measures.
            stamp: Its stamp, s.
        """
        last, self._last = self._last, (stamp, observation.angles, observation.speeds)
        self.lost = False
        if last is None:
            return PERIOD
        period = stamp - last[0]
        if abs(period - PERIOD) < _ROUNDING:
            self._mean += _MEAN * (PERIOD - self._mean)
            return PERIOD
        believed = 0.0 < period <= self._own.believed_period
        if not believed and self._continues(last, observation):
            self._offset += period - PERIOD
            self.steps += 1
            return PERIOD
        self.lost = not 0.0 < period <= self._own.longest_gap
        if self.lost:
            self._offset += period - PERIOD
            return PERIOD
        self._mean += _MEAN * (period - self._mean)
        return period

    def _continues(self, last: tuple[float, Array, Array], observation: Observation) -> bool:
        """Whether joints are where they would be one period after the last observation."""
        _, angles, speeds = last
        way = observation.angles - angles - 0.5 * PERIOD * (observation.speeds + speeds)
        # A reading that is not finite makes this false.
        return bool(math.sqrt(float(way @ way)) < self._own.still)

    def time(self, stamp: float) -> float:
        """Time that goes on evenly, s, at a stamp, s; it is the stamp while no clock is set."""
        return stamp - self._offset if self._offset else stamp

    @property
    def remarks(self) -> list[str]:
        """That observations don't come 500 times a second, if so."""
        if _SHORTEST <= self._mean <= _LONGEST:
            return []
        return [f"observations come {1.0 / self._mean:.0f} times a second, not {1.0 / PERIOD:.0f}"]
