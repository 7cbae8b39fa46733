# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The gait scheduler: a phase that runs on, and four feet that follow it at their leads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.command import Command

Array = NDArray[np.float64]

# How fast feet drift towards the phases of another gait, cycles/s, and the duration changes, 1/s.
_DRIFT = 0.7
_CHANGE = 0.6
# How fast a duration changes that exceeds what is allowed, 1/s.
_SHORTENING = 4.0
# Feet change their order while each is in stance for this part of a cycle at least.
_OVERLAP = 0.65


def leads(command: Command) -> Array:
    """Lead of each foot over the common phase, (4,), cycles in [0, 1)."""
    phase, offset, bound = command.phase, command.offset, command.bound
    return np.array([phase + offset + bound, offset, bound, phase]) % 1.0


class GaitScheduler:
    """Contacts of four feet over time, without a jump between any two commands.

    A foot's phase is the common phase plus its lead; it is in stance while that is below
    ``duration``.
    Commands change frequency at once and leads and duration at a bounded rate, each lead along
    the shorter way round.

    Attributes:
        phases: Phases of the feet, (4,), in [0, 1).
        duration: Part of the cycle that a foot is in stance.
        frequency: Frequency of cycles, Hz.
    """

    def __init__(self) -> None:
        self.reset(Command())

    def reset(self, command: Command) -> None:
        """Begin in the midst of that gait."""
        self._phase = 0.0
        self._command, self._goal = command, leads(command)
        self._leads = self._goal
        self.duration = command.duration
        self.frequency = command.frequency
        self.phases = self._leads.copy()

    def step(
        self,
        command: Command,
        period: float,
        longest: float = 1.0,
        forces: Array | None = None,
        velocity_error: float = 0.0,
    ) -> None:
        """Go on towards a command.

        Args:
            command: Within its ranges.
            period: Time since the last step, s.
            longest: Duration that is not exceeded, whatever the command.
            forces: Forces of the feet, which this schedule does not use.
            velocity_error: Tracking error of the velocity, which this schedule does not use.
        """
        self.frequency = command.frequency
        self._phase = (self._phase + period * self.frequency) % 1.0
        if command is not self._command:
            self._command, self._goal = command, leads(command)
        duration = command.duration
        if self._leads is not self._goal:
            way = (self._goal - self._leads + 0.5) % 1.0 - 0.5
            most = _DRIFT * period
            if np.abs(way).max() <= most:
                self._leads = self._goal
            else:
                duration = max(duration, _OVERLAP)
                if self.duration >= min(_OVERLAP, longest) - 1e-9:
                    self._leads = (self._leads + np.clip(way, -most, most)) % 1.0
        most = (_SHORTENING if self.duration > longest else _CHANGE) * period
        self.duration += min(max(min(duration, longest) - self.duration, -most), most)
        self.phases = (self._phase + self._leads) % 1.0

    @property
    def changing(self) -> bool:
        """Whether feet are on their way to the phases of another gait."""
        return self._leads is not self._goal

    @property
    def stance(self) -> NDArray[np.bool_]:
        """Which feet are in stance, (4,)."""
        return self.phases < self.duration
