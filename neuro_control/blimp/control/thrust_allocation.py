# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Thrust allocation: a control law's command becomes the thrusts of two propellers and an angle.

The propellers share one shaft, which a servo turns upwards or downwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from neuro_control.blimp.control.types import DOWN, FULL_COMMAND, UP, ThrustCommand
from neuro_control.errors import ConfigurationError

# Size of a command below which the propellers stand still.
DEAD_ZONE = 0.3


@dataclass(frozen=True)
class AllocationSettings:
    """Numbers of a thrust allocation.

    Attributes:
        max_thrust: Thrust of both propellers together at full command, N.
        dead_zone: Size of a command, of ``FULL_COMMAND``, below which the propellers stand still.

    Raises:
        ConfigurationError: A number is out of range.
    """

    max_thrust: float = 0.18
    dead_zone: float = DEAD_ZONE

    def __post_init__(self) -> None:
        if not 0 < self.max_thrust < math.inf:
            raise ConfigurationError(f"max_thrust is a number of N above 0, not {self.max_thrust}")
        if not 0 <= self.dead_zone <= FULL_COMMAND:
            raise ConfigurationError(
                f"dead_zone lies between 0 and {FULL_COMMAND:g}, not {self.dead_zone}"
            )


class ThrustAllocation:
    """Turns a command without unit into thrusts and the angle of the shaft.

    A command too small to turn the propellers leaves the shaft as it is, so that noise about zero
    doesn't wear out the servo.

    Source: Burgers, Stroobants and de Croon (arXiv 2309.12937), section III.

    Args:
        settings: Its numbers; they may be replaced at any time.
    """

    def __init__(self, settings: AllocationSettings = AllocationSettings()) -> None:
        self.settings = settings
        self.reset()

    def reset(self) -> None:
        """Point the shaft upwards, as it is when a flight starts."""
        self.angle = UP

    def step(self, command: float) -> ThrustCommand:
        """Thrusts and angle that carry out ``command``; above 0 it climbs.

        The thrust is proportional to the command. It isn't limited here: whoever sends it limits
        it, in newtons.

        Raises:
            ValueError: The command is not finite; the shaft stays as it is.
        """
        if not math.isfinite(command):
            raise ValueError(f"a command that is not finite: {command}")
        if abs(command) < self.settings.dead_zone:
            return self.idle()
        self.angle = UP if command > 0 else DOWN
        each = abs(command) / FULL_COMMAND * self.settings.max_thrust / 2
        return ThrustCommand(each, each, self.angle)

    def idle(self) -> ThrustCommand:
        """Propellers that stand still on a shaft that stays as it is."""
        return ThrustCommand(0.0, 0.0, self.angle)
