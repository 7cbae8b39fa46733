# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Contact schedules by name: when which foot is in stance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import Command
from neuro_control.quadruped.control.gait_scheduler import GaitScheduler
from neuro_control.quadruped.control.oscillators import Oscillators

Array = NDArray[np.float64]


class ContactSchedule(Protocol):
    """Contacts of four feet over time.

    Attributes:
        phases: Phases of the feet, (4,), in [0, 1); a foot is in stance while its own is below
            ``duration``.
        duration: Part of the cycle that a foot is in stance (duty factor); 1 at rest.
        frequency: Frequency of cycles, Hz. With the other two it predicts the contacts to come.
        changing: Whether feet are on their way to another order, so that the trunk had better be
            slow.
        stance: Which feet are in stance, (4,).
    """

    phases: Array
    duration: float
    frequency: float

    @property
    def changing(self) -> bool:
        """As above."""

    @property
    def stance(self) -> NDArray[np.bool_]:
        """As above."""

    def reset(self, command: Command) -> None:
        """Begin anew."""

    def step(
        self,
        command: Command,
        period: float,
        longest: float,
        forces: Array | None,
        velocity_error: float,
    ) -> None:
        """Go on towards a command.

        Args:
            command: Within its ranges.
            period: Time since the last step, s.
            longest: Longest duration allowed; below 1, feet must step whatever is commanded.
            forces: Forces with which the feet press, (4,), N; None if they are not measured.
            velocity_error: Tracking error of the trunk's velocity, m/s.
        """


class CoastingSchedule:
    """Contacts as they were, for a moment: phases run on at the last frequency.

    Attributes are those of ``ContactSchedule``.
    """

    changing = False

    def __init__(self) -> None:
        self.reset(Command())

    def take_over(self, other: ContactSchedule) -> None:
        """Go on from where another schedule is."""
        self.phases = other.phases.copy()
        self.duration, self.frequency = other.duration, other.frequency

    def reset(self, command: Command) -> None:
        """Begin with all feet in stance."""
        self.phases = np.zeros(4)
        self.duration, self.frequency = 1.0, command.frequency

    def step(
        self,
        command: Command,  # as ContactSchedule has it
        period: float,
        longest: float,
        forces: Array | None,
        velocity_error: float,
    ) -> None:
        """Go on."""
        self.phases = (self.phases + period * self.frequency) % 1.0

    @property
    def stance(self) -> NDArray[np.bool_]:
        """Which feet are in stance, (4,)."""
        return self.phases < self.duration


CONTACT_SCHEDULES: dict[str, Callable[[], ContactSchedule]] = {
    "schedule": GaitScheduler,
    "oscillators": Oscillators,
}


def make_contact_schedule(name: str) -> ContactSchedule:
    """Contact schedule by name.

    Raises:
        ConfigurationError: There is none.
    """
    if name not in CONTACT_SCHEDULES:
        raise ConfigurationError(
            f"no contact schedule '{name}': there are {', '.join(CONTACT_SCHEDULES)}"
        )
    return CONTACT_SCHEDULES[name]()
