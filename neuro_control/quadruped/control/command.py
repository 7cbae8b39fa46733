# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command that a gait layer obeys: the 15 numbers of walk-these-ways.

Margolis and Agrawal, "Walk These Ways" (arXiv 2212.03238); the order is that of their code.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError

Array = NDArray[np.float64]


def _number(default: float, low: float, high: float) -> Any:
    return field(default=default, metadata={"range": (low, high)})


@dataclass(frozen=True)
class Command:
    """How to walk; the fields are in the order of the array.

    A foot is in stance while its own phase is below ``duration``. FL's is ahead of the common phase
    by phase + offset + bound, FR's by offset, RL's by bound and RR's by phase, in cycles.

    Attributes:
        forward: Velocity forwards, m/s.
        left: Velocity to the left, m/s.
        yaw_rate: Turning to the left, rad/s.
        height: Height of the trunk over the ground beyond 0.3 m, m.
        frequency: Frequency of steps, Hz.
        phase: Lead of FL and RR: 0.5 alone makes a trot.
        offset: Lead of FL and FR: 0.5 alone makes a bound.
        bound: Lead of FL and RL: 0.5 alone makes a pace.
        duration: Part of a cycle that a foot is in stance (duty factor); 1 stands still.
        swing: Height to which feet are lifted, m.
        pitch: Pitch of the trunk, nose down, rad.
        roll: Roll of the trunk, right side down, rad.
        width: Way between left and right feet, m.
        length: Way between front and hind feet, m.
        auxiliary: Weight of the auxiliary rewards in training; nothing here reads it.
    """

    forward: float = _number(0.0, -1.0, 1.6)
    left: float = _number(0.0, -0.6, 0.6)
    yaw_rate: float = _number(0.0, -1.5, 1.5)
    height: float = _number(0.0, -0.2, 0.05)
    frequency: float = _number(3.0, 2.0, 4.0)
    phase: float = _number(0.5, 0.0, 1.0)
    offset: float = _number(0.0, 0.0, 1.0)
    bound: float = _number(0.0, 0.0, 1.0)
    duration: float = _number(0.5, 0.35, 1.0)
    swing: float = _number(0.08, 0.03, 0.2)
    pitch: float = _number(0.0, -0.4, 0.4)
    roll: float = _number(0.0, -0.4, 0.4)
    width: float = _number(0.28, 0.1, 0.45)
    length: float = _number(0.4, 0.35, 0.45)
    auxiliary: float = _number(0.0, 0.0, 1.0)

    def clamped(self) -> tuple[Command, list[str]]:
        """The nearest command within all ranges, and a remark on each number that was moved.

        Raises:
            ConfigurationError: A number is not finite.
        """
        changes, remarks = {}, []
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not np.isfinite(value):
                raise ConfigurationError(f"{name} of the command is {value}, not a finite number")
            if not low <= value <= high:
                changes[name] = min(max(value, low), high)
                remarks.append(f"{name} {value:g} is beyond {low:g} to {high:g}")
        return dataclasses.replace(self, **changes), remarks

    def array(self) -> Array:
        """All numbers, (15,), in the documented order."""
        return np.array([getattr(self, name) for name in RANGES])

    @classmethod
    def of(cls, numbers: Sequence[float] | Array) -> Command:
        """Command of 15 numbers in the documented order.

        Raises:
            ConfigurationError: There are not 15.
        """
        if len(numbers) != len(RANGES):
            raise ConfigurationError(
                f"a gait command has {len(RANGES)} numbers ({', '.join(RANGES)}), "
                f"not {len(numbers)}"
            )
        return cls(*(float(number) for number in numbers))


RANGES: dict[str, tuple[float, float]] = {
    each.name: each.metadata["range"] for each in dataclasses.fields(Command)
}

# A pace sways over one side's feet and then the other's: g y / z of sideways acceleration, which
# the ground's friction bears if they are close together.
# The walk is the lateral sequence of most mammals: RL, FL, RR, FR, one foot in the air at a time,
# and slow, so that there is time to swing it.
GAITS: dict[str, dict[str, float]] = {
    "trot": {"phase": 0.5, "offset": 0.0, "bound": 0.0, "duration": 0.5},
    "pace": {"phase": 0.0, "offset": 0.0, "bound": 0.5, "duration": 0.5, "width": 0.16},
    "bound": {"phase": 0.0, "offset": 0.5, "bound": 0.0, "duration": 0.5},
    "pronk": {"phase": 0.0, "offset": 0.0, "bound": 0.0, "duration": 0.5},
    "walk": {"phase": 0.5, "offset": 0.25, "bound": 0.0, "duration": 0.75, "frequency": 2.0},
    "stand": {"phase": 0.5, "offset": 0.0, "bound": 0.0, "duration": 1.0},
}


def gait(name: str, **numbers: float) -> Command:
    """Command of a gait: trot, pace, bound, pronk, walk or stand.

    Args:
        name: Name of the gait.
        numbers: Fields of ``Command`` that differ from its defaults.

    Raises:
        ConfigurationError: There is no such gait or field.
    """
    if name not in GAITS:
        raise ConfigurationError(f"no gait '{name}': there are {', '.join(GAITS)}")
    unknown = sorted(set(numbers) - set(RANGES))
    if unknown:
        raise ConfigurationError(
            f"a command has no {', '.join(unknown)}: there are {', '.join(RANGES)}"
        )
    return Command(**{**GAITS[name], **numbers})
