# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Second stage of a command: each number within its range, velocities within the robot's limits."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from neuro_control.quadruped.control.command import RANGES, Command
from neuro_control.quadruped.control.settings import Settings, number


@dataclass(frozen=True)
class LimitSettings(Settings):
    """Largest velocities; what is larger is clamped."""

    max_forward: float = number(
        RANGES["forward"][1], "Fastest forwards, m/s", 0.0, RANGES["forward"][1]
    )
    max_backward: float = number(
        -RANGES["forward"][0], "Fastest backwards, m/s", 0.0, -RANGES["forward"][0]
    )
    max_sideways: float = number(
        RANGES["left"][1], "Fastest to either side, m/s", 0.0, RANGES["left"][1]
    )
    max_yaw_rate: float = number(
        RANGES["yaw_rate"][1], "Fastest turn, rad/s", 0.0, RANGES["yaw_rate"][1]
    )

    @property
    def velocities(self) -> dict[str, tuple[float, float]]:
        """Lowest and highest of each velocity, by its name in a command."""
        return {
            "forward": (-self.max_backward, self.max_forward),
            "left": (-self.max_sideways, self.max_sideways),
            "yaw_rate": (-self.max_yaw_rate, self.max_yaw_rate),
        }


class CommandLimits:
    """Clamps each number of a command.

    Attributes:
        settings: Largest velocities; a change takes effect in the next step.
        remarks: What was clamped in the last command.

    Args:
        settings: As above.
    """

    def __init__(self, settings: LimitSettings) -> None:
        self.settings = settings
        self.remarks: list[str] = []
        self._last: tuple[Command, LimitSettings] | None = None
        self._limited = Command()

    def step(self, command: Command) -> Command:
        """The nearest command within all limits; the same object while nothing changes.

        Raises:
            ConfigurationError: A number is not finite.
        """
        last = self._last
        if last is None or command is not last[0] or self.settings is not last[1]:
            self._last = (command, self.settings)
            self._limit(command)
        return self._limited

    def _limit(self, command: Command) -> None:
        limited, remarks = {}, []
        for name, (low, high) in self.settings.velocities.items():
            value = getattr(command, name)
            limited[name] = min(max(value, low), high)
            if limited[name] != value:
                remarks.append(f"{name} {value:g} is beyond {low:g} to {high:g}")
        self._limited, clamped = dataclasses.replace(command, **limited).clamped()
        self.remarks = [f"{each}: clamped" for each in remarks + clamped]
