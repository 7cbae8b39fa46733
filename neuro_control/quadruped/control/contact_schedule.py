"""What tells a gait layer when which foot stands, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import Command
from neuro_control.quadruped.control.gait_scheduler import Schedule
from neuro_control.quadruped.control.oscillators import Oscillators

Array = NDArray[np.float64]


class Rhythm(Protocol):
    """Contacts of four feet over time.

    Attributes:
        phases: Of the feet, (4,), in [0, 1); one stands while its own is below ``duration``.
        duration: Part of the cycle that a foot stands; 1 at rest.
        frequency: Hz. With the other two it tells the contacts to come.
        changing: Whether feet are on their way to another order, and the trunk had better be slow.
        stance: Which feet stand, (4,).
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
        self, command: Command, period: float, longest: float, forces: Array | None, astray: float
    ) -> None:
        """Go on towards a command.

        Args:
            command: Within its ranges.
            period: By which time goes on, s.
            longest: Below 1, feet must step whatever is commanded.
            forces: With which the feet press, (4,), N; None if nobody knows.
            astray: By how much the trunk's velocity differs from what is wanted, m/s.
        """


RHYTHMS: dict[str, Callable[[], Rhythm]] = {"schedule": Schedule, "oscillators": Oscillators}


def make_rhythm(name: str) -> Rhythm:
    """Rhythm by name.

    Raises:
        ConfigurationError: There is none.
    """
    if name not in RHYTHMS:
        raise ConfigurationError(f"no rhythm '{name}': there are {', '.join(RHYTHMS)}")
    return RHYTHMS[name]()
