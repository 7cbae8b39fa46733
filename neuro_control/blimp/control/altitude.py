"""Flying by a lidar: set-points and readings that a controller may see, and what to do without.

A pilot holds any controller of altitude; what goes wrong with the sensor is its business.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from neuro_control.blimp.control.network import SpikingController
from neuro_control.blimp.control.pid import PID, Gains
from neuro_control.blimp.control.thrust_allocation import LIMIT
from neuro_control.errors import ConfigurationError
from neuro_control.resources import find_file

CONTROL_PERIOD = 0.1  # s
CONTROLLERS = ("pid", "pd", "snn")
# The network that `snn` stands for.
NETWORK = "blimp_snn.safetensors"
FALLBACKS = ("hold", "descend")
# Time over which the trim, the command that keeps the altitude, is averaged, s.
_TRIM_TIME = 5.0


def on_course(course: Sequence[float], flown: float, otherwise: float) -> float:
    """Altitude that a course wants, m.

    Args:
        course: Time (s) from which an altitude (m) counts, that altitude, and so on.
        flown: Time since the flight began, s.
        otherwise: Altitude where the course has none yet, m.
    """
    # Half a period of slack: times in seconds are no whole numbers of periods.
    reached = [
        altitude
        for time, altitude in zip(course[::2], course[1::2], strict=True)
        if time <= flown + CONTROL_PERIOD / 2
    ]
    return reached[-1] if reached else otherwise


class AltitudeController(Protocol):
    """What turns errors into commands."""

    def reset(self) -> None:
        """Forget the past: at the start of a flight."""

    def step(self, error: float) -> float:
        """Command in [-10, 10] for the error set-point − altitude, m."""


def make_controller(
    name: str, gains: Gains | None = None, derivative_time: float = 0.0
) -> AltitudeController:
    """Controller by name.

    Args:
        name: ``pid``, ``pd``, ``snn``, or a file of networks, in config/weights or by its path.
        gains: Of the PID or PD; those of the paper by default.
        derivative_time: Of their derivative's low pass, s.

    Raises:
        ConfigurationError: There is no such file, or it holds something else.
    """
    gains = gains or Gains()
    if name == "pd":
        gains = Gains(gains.proportional, 0.0, gains.derivative)
    if name in ("pid", "pd"):
        return PID(gains, CONTROL_PERIOD, LIMIT, derivative_time)
    file = NETWORK if name == "snn" else name
    if not file.endswith(".safetensors"):
        raise ConfigurationError(
            f"no controller '{name}': there are {', '.join(CONTROLLERS)}, or a .safetensors file"
        )
    return SpikingController.load(find_file("config/weights", file))


class Altimeter:
    """Takes the readings of a lidar for altitudes, unless they can't be.

    Args:
        minimum: Smallest distance that the sensor can tell, m.
        maximum: Largest, m.
        patience: Time for which the last good reading stands in for those that fail, s.
        frozen_after: Time after which a reading that has not changed at all is no longer believed,
            s; a lidar's noise moves its last digit.

    Raises:
        ConfigurationError: The limits contradict one another.
    """

    def __init__(
        self,
        minimum: float = 0.1,
        maximum: float = 8.0,
        patience: float = 0.5,
        frozen_after: float = 5.0,
    ) -> None:
        if not 0 < minimum < maximum < math.inf:
            raise ConfigurationError(
                f"the lidar's limits are 0 < minimum < maximum, not {minimum:g} and {maximum:g} m"
            )
        self.minimum = minimum
        self.maximum = maximum
        self.patience = patience
        self.frozen_after = frozen_after
        self.reset()

    def reset(self) -> None:
        """Forget all readings."""
        self.trouble: str | None = None
        self._good: float | None = None
        self._last = math.nan
        self._failed = 0.0
        self._unchanged = 0.0

    def read(self, distance: float) -> float | None:
        """Altitude, m, or None where there is none to be believed.

        Args:
            distance: Reading of this control period, m. As REP 117 has it, -inf is too close, and
                counts as the smallest distance; inf (nothing in range) and NaN are failures.
        """
        self._unchanged = self._unchanged + CONTROL_PERIOD if distance == self._last else 0.0
        self._last = distance
        self.trouble = self._doubt(distance)
        if self.trouble is None:
            self._good = max(distance, self.minimum)
            self._failed = 0.0
            return self._good
        self._failed += CONTROL_PERIOD
        return self._good if self._failed <= self.patience + 1e-9 else None

    def _doubt(self, distance: float) -> str | None:
        if distance == -math.inf:
            return None
        if math.isnan(distance):
            return "the lidar can't tell the range"
        if distance == math.inf or distance > self.maximum:
            return f"range {distance:.2f} m is beyond the lidar's {self.maximum:g} m"
        if distance < self.minimum:
            return f"range {distance:.2f} m is below the lidar's {self.minimum:g} m"
        if self._unchanged >= self.frozen_after - 1e-9:
            return f"range {distance:.2f} m has not changed for {self._unchanged:.1f} s: frozen"
        return None


class Pilot:
    """Flies by a controller, and by trim where there is no altitude.

    Args:
        controller: What turns errors into commands.
        altimeter: What turns readings into altitudes.
        floor: Lowest set-point, m.
        ceiling: Highest, m.
        fallback: Without an altitude, ``hold`` keeps the command that kept the altitude lately,
            ``descend`` takes a little less.
        descent: How much less, of 10.

    Raises:
        ConfigurationError: A number is out of range, or there is no such fallback.
    """

    def __init__(
        self,
        controller: AltitudeController,
        altimeter: Altimeter,
        floor: float = 0.2,
        ceiling: float = 3.0,
        fallback: str = "hold",
        descent: float = 0.5,
    ) -> None:
        if not 0 <= floor < ceiling < math.inf:
            raise ConfigurationError(
                f"floor and ceiling are 0 <= floor < ceiling, not {floor:g} and {ceiling:g} m"
            )
        if fallback not in FALLBACKS:
            raise ConfigurationError(f"fallback is {' or '.join(FALLBACKS)}, not '{fallback}'")
        if not 0 <= descent <= LIMIT:
            raise ConfigurationError(f"descent lies between 0 and {LIMIT:g}, not {descent:g}")
        self.controller = controller
        self.altimeter = altimeter
        self.floor = floor
        self.ceiling = ceiling
        self.fallback = fallback
        self.descent = descent
        self.reset()

    def reset(self) -> None:
        """Forget the past: at the start of a flight."""
        self.controller.reset()
        self.altimeter.reset()
        self.trim = 0.0
        self.remark: str | None = None

    def step(self, distance: float, set_point: float) -> float:
        """Command in [-10, 10].

        Args:
            distance: Reading of the lidar, m, as ``Altimeter.read`` takes it.
            set_point: Altitude that is wanted, m; beyond floor and ceiling, those are.
        """
        wanted = min(max(set_point, self.floor), self.ceiling)
        altitude = self.altimeter.read(distance)
        trouble = self.altimeter.trouble
        if altitude is None:
            self.remark = f"{trouble}: {self._doing}"
            return self.without_altitude()
        if trouble is not None:
            self.remark = f"{trouble}: the last good reading stands in"
        elif wanted != set_point:
            self.remark = (
                f"set-point {set_point:.2f} m lies beyond {self.floor:g} to {self.ceiling:g} m: "
                f"{wanted:g} m instead"
            )
        else:
            self.remark = None
        command = self.controller.step(wanted - altitude)
        self.trim += CONTROL_PERIOD / _TRIM_TIME * (command - self.trim)
        return command

    def without_altitude(self) -> float:
        """Command in [-10, 10] of the fallback."""
        command = self.trim - (self.descent if self.fallback == "descend" else 0.0)
        return min(max(command, -LIMIT), LIMIT)

    @property
    def _doing(self) -> str:
        return "holding trim" if self.fallback == "hold" else "descending"
