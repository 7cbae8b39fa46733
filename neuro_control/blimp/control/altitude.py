# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Altitude control of the blimp: from a lidar's reading and a set-point to thrusts.

lidar → altimeter → control law → thrust allocation. ``AltitudeController`` is the one object that
the node, the evaluation and the experiments drive.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from neuro_control.blimp.control.altimeter import Altimeter, AltimeterSettings
from neuro_control.blimp.control.laws import ControlLaw
from neuro_control.blimp.control.spiking_controller import SpikingController
from neuro_control.blimp.control.thrust_allocation import AllocationSettings, ThrustAllocation
from neuro_control.blimp.control.types import (
    CONTROL_PERIOD,
    FULL_COMMAND,
    Observation,
    ThrustCommand,
)
from neuro_control.errors import ConfigurationError

FALLBACKS = ("hold", "descend")
# Time over which the trim, the command that keeps the altitude, is averaged, s.
_TRIM_TIME = 5.0


@dataclass(frozen=True)
class AltitudeSettings:
    """Numbers of an altitude controller.

    Attributes:
        floor: Lowest set-point, m.
        ceiling: Highest set-point, m.
        fallback: Without an altitude, ``hold`` keeps the trim, the command that kept the altitude
            lately; ``descend`` commands a little less.
        descent: How much less that is, of ``FULL_COMMAND``.
        altimeter: Numbers of the altimeter.
        allocation: Numbers of the thrust allocation.

    Raises:
        ConfigurationError: A number is out of range, or there is no such fallback.
    """

    floor: float = 0.2
    ceiling: float = 3.0
    fallback: str = "hold"
    descent: float = 0.5
    altimeter: AltimeterSettings = field(default_factory=AltimeterSettings)
    allocation: AllocationSettings = field(default_factory=AllocationSettings)

    def __post_init__(self) -> None:
        if not 0 <= self.floor < self.ceiling < math.inf:
            raise ConfigurationError(
                "floor and ceiling are 0 <= floor < ceiling, not "
                f"{self.floor:g} and {self.ceiling:g} m"
            )
        if self.fallback not in FALLBACKS:
            raise ConfigurationError(f"fallback is {' or '.join(FALLBACKS)}, not '{self.fallback}'")
        if not 0 <= self.descent <= FULL_COMMAND:
            raise ConfigurationError(
                f"descent lies between 0 and {FULL_COMMAND:g}, not {self.descent:g}"
            )


class AltitudeController:
    """Holds an altitude by a control law, and commands the trim where there is no altitude.

    Args:
        law: What turns errors into commands.
        settings: Its other numbers.

    Attributes:
        trim: The command, in [-10, 10], that kept the altitude lately.
        remark: What is wrong with the last observation and what is done about it, or None.
    """

    def __init__(self, law: ControlLaw, settings: AltitudeSettings = AltitudeSettings()) -> None:
        self.law = law
        self.altimeter = Altimeter(settings.altimeter)
        self.allocation = ThrustAllocation(settings.allocation)
        self.settings = settings
        self.reset()

    def reset(self) -> None:
        """Forget the past: at the start of a flight."""
        self.law.reset()
        self.altimeter.reset()
        self.allocation.reset()
        self.trim = 0.0
        self.remark: str | None = None

    def change(self, settings: AltitudeSettings) -> None:
        """Take over other numbers; what the controller remembers stays."""
        self.settings = settings
        self.altimeter.settings = settings.altimeter
        self.allocation.settings = settings.allocation

    @property
    def network(self) -> SpikingController | None:
        """The control law, if it is a spiking one."""
        return self.law if isinstance(self.law, SpikingController) else None

    def step(self, observation: Observation) -> ThrustCommand:
        """Thrusts and servo angle that answer an observation.

        A set-point beyond floor and ceiling is clamped to them.
        """
        settings = self.settings
        set_point = min(max(observation.set_point, settings.floor), settings.ceiling)
        altitude = self.altimeter.read(observation.distance)
        if altitude is None:
            doing = "holding trim" if settings.fallback == "hold" else "descending"
            self.remark = f"{self.altimeter.problem}: {doing}"
            return self.fallback()
        self.remark = self._remark_on(observation.set_point, set_point)
        command = self.law.step(set_point - altitude)
        self.trim += CONTROL_PERIOD / _TRIM_TIME * (command - self.trim)
        return self.allocation.step(command)

    def fallback(self) -> ThrustCommand:
        """Thrusts and servo angle while there is no altitude: the trim, or a little less."""
        descent = self.settings.descent if self.settings.fallback == "descend" else 0.0
        return self.allocation.step(min(max(self.trim - descent, -FULL_COMMAND), FULL_COMMAND))

    def _remark_on(self, commanded: float, set_point: float) -> str | None:
        if self.altimeter.problem is not None:
            return f"{self.altimeter.problem}: the last valid reading replaces it"
        if set_point != commanded:
            low, high = self.settings.floor, self.settings.ceiling
            return (
                f"set-point {commanded:.2f} m lies beyond {low:g} to {high:g} m: "
                f"{set_point:g} m instead"
            )
        return None
