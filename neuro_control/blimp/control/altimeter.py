# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Altitude from the readings of a lidar that looks down."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neuro_control.blimp.control.types import CONTROL_PERIOD
from neuro_control.errors import ConfigurationError


@dataclass(frozen=True)
class AltimeterSettings:
    """What readings an altimeter accepts, and for how long it does without.

    Attributes:
        minimum: Smallest distance that the sensor can measure, m.
        maximum: Largest distance that it can measure, m.
        last_range_timeout: Time for which the last valid reading replaces invalid ones, s.
        stuck_timeout: Time after which a reading that has not changed at all counts as stuck, s; in
            real flights one in six differs from the one before.

    Raises:
        ConfigurationError: The limits contradict one another, or a time is below 0.
    """

    minimum: float = 0.1
    maximum: float = 8.0
    last_range_timeout: float = 0.5
    stuck_timeout: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.minimum < self.maximum < math.inf:
            raise ConfigurationError(
                "the lidar's limits are 0 < minimum < maximum, not "
                f"{self.minimum:g} and {self.maximum:g} m"
            )
        if not (self.last_range_timeout >= 0 and self.stuck_timeout > 0):
            raise ConfigurationError(
                "last_range_timeout is 0 s or more and stuck_timeout is above 0 s, not "
                f"{self.last_range_timeout} and {self.stuck_timeout}"
            )


class Altimeter:
    """Takes the readings of a lidar for altitudes, unless they are invalid.

    Args:
        settings: Its numbers; they may be replaced at any time.

    Attributes:
        problem: What is wrong with the last reading, or None.
    """

    def __init__(self, settings: AltimeterSettings = AltimeterSettings()) -> None:
        self.settings = settings
        self.reset()

    def reset(self) -> None:
        """Forget all readings."""
        self.problem: str | None = None
        self._valid: float | None = None
        self._last = math.nan
        self._invalid_for = 0.0
        self._unchanged_for = 0.0

    def read(self, distance: float) -> float | None:
        """Altitude, m, or None where there is no valid one.

        Args:
            distance: Reading of this control period, m. As REP 117 has it, -inf is too close, and
                counts as the smallest distance; inf (nothing in range) and NaN are invalid.
        """
        unchanged = distance == self._last
        self._unchanged_for = self._unchanged_for + CONTROL_PERIOD if unchanged else 0.0
        self._last = distance
        self.problem = self._problem_of(distance)
        if self.problem is None:
            self._valid = max(distance, self.settings.minimum)
            self._invalid_for = 0.0
            return self._valid
        self._invalid_for += CONTROL_PERIOD
        bridged = self._invalid_for <= self.settings.last_range_timeout + 1e-9
        return self._valid if bridged else None

    def _problem_of(self, distance: float) -> str | None:
        limits = self.settings
        if distance == -math.inf:
            return None
        if math.isnan(distance):
            return "the lidar measured no range"
        if distance == math.inf or distance > limits.maximum:
            return f"range {distance:.2f} m is beyond the lidar's {limits.maximum:g} m"
        if distance < limits.minimum:
            return f"range {distance:.2f} m is below the lidar's {limits.minimum:g} m"
        if self._unchanged_for >= limits.stuck_timeout - 1e-9:
            return f"range {distance:.2f} m is stuck: unchanged for {self._unchanged_for:.1f} s"
        return None
