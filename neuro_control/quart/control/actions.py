# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""QUART's action: twelve numbers, each a token of 256 bins, and the gait command they make.

The order is that of QUART's code: terminate, velocity ahead and to the left, yaw rate, body height,
step frequency, the three gait phases of walk-these-ways, foot swing height, pitch, stance width.
A number becomes a token by the range of its data set, and a token the lower edge of its bin:

    token = int((number - low) / (high - low) · 255),    number = low + token (high - low) / 256

Source: Ding et al. (arXiv 2312.14457), and the code of QUART-Online (yuan48/QUART-Online).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import Command

Array = NDArray[np.float64]
Tokens = NDArray[np.int64]

BINS = 256
NUMBERS = (
    "terminate", "forward", "left", "yaw_rate", "height", "frequency", "phase", "offset", "bound",
    "swing", "pitch", "width",
)  # fmt: skip
# Ranges of our data, in units of ``command.Command``; the phases' are fixed by QUART.
RANGES = np.array(
    [
        (0.0, 1.0), (-0.3, 1.2), (-0.5, 0.5), (-1.2, 1.2), (-0.2, 0.05), (2.0, 4.0),
        (0.0, 1.0), (0.0, 1.0), (0.0, 1.0), (0.03, 0.2), (-0.4, 0.4), (0.1, 0.45),
    ]
)  # fmt: skip
TERMINATE = 0

POLICY_PERIOD = 0.1
"""Time between two actions, s."""

# Velocities below which all feet stay on the ground, m/s and rad/s.
_STILL = {"forward": 0.03, "left": 0.03, "yaw_rate": 0.06}


@dataclass(frozen=True)
class ActionTokens:
    """How actions and tokens become one another.

    Attributes:
        ranges: Lowest and highest value of each number, (12, 2); it goes with the weights.
    """

    ranges: Array = field(default_factory=RANGES.copy)

    def __post_init__(self) -> None:
        low, high = np.asarray(self.ranges, dtype=np.float64).reshape(-1, 2).T
        if len(low) != len(NUMBERS) or not (np.isfinite(low) & np.isfinite(high)).all():
            raise ConfigurationError(
                f"ranges of actions are {len(NUMBERS)} pairs of finite numbers, not {self.ranges}"
            )
        if not (low < high).all():
            wrong = NUMBERS[int(np.argmin(low < high))]
            raise ConfigurationError(f"the range of {wrong} is empty: low is not below high")

    def encode(self, actions: Array) -> Tokens:
        """Tokens of actions, (..., 12); what is out of range has the token of its end."""
        low, high = self.ranges.T
        part = (np.clip(actions, low, high) - low) / (high - low)
        tokens: Tokens = (part * (BINS - 1)).astype(np.int64)
        return tokens

    def decode(self, tokens: NDArray[np.integer] | Array) -> Array:
        """Actions of tokens, (..., 12); a token may lie between two."""
        low, high = self.ranges.T
        actions: Array = low + np.asarray(tokens, dtype=np.float64) * (high - low) / BINS
        return actions


def gait_command(action: Array) -> Command:
    """Gait command of an action, (12,): a trot at the phases that it has.

    The robot stands on all feet where the action says terminate, or hardly moves.

    Raises:
        ConfigurationError: The action has another shape or is not finite.
    """
    numbers = np.asarray(action, dtype=np.float64)
    if numbers.shape != (len(NUMBERS),) or not np.isfinite(numbers).all():
        raise ConfigurationError(f"an action is {len(NUMBERS)} finite numbers, not {action}")
    values = dict(zip(NUMBERS, numbers.tolist(), strict=True))
    if values.pop("terminate") > 0.5:
        values |= dict.fromkeys(_STILL, 0.0)
    stands = all(abs(values[name]) < least for name, least in _STILL.items())
    return Command(**values, duration=1.0 if stands else 0.5).clamped()[0]
