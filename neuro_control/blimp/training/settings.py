# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is trained and how, whichever way."""

from __future__ import annotations

from dataclasses import dataclass

from neuro_control.blimp.control.genome import NetworkDesign
from neuro_control.blimp.control.pid import PIDSettings
from neuro_control.errors import ConfigurationError


@dataclass(frozen=True)
class TrainingSettings:
    """What is trained and how.

    Attributes:
        term: Part of the PID that the network stands for: one of ``genome.TERMS``.
        kind: Kind of its hidden layer: one of ``antisymmetric.KINDS``.
        seed: Seed of everything random but the flights, which are the same for all.
        steps: Steps to train for.
        validate_every: Steps from one point of the curve, and checkpoint, to the next.
        derivative_time: Time constant of the low pass in the PD that is learned from, s. Without
            one, as in the paper, a centimetre of noise changes its command by 1.4, which drowns
            the effect of the blimp's motion.

    Raises:
        ConfigurationError: A value is out of range, or there is no such term or kind.
    """

    term: str
    kind: str
    seed: int = 0
    steps: int = 1
    validate_every: int = 1
    derivative_time: float = 0.3

    def __post_init__(self) -> None:
        NetworkDesign(self.term, self.kind)
        PIDSettings(derivative_time=self.derivative_time)
        if min(self.steps, self.validate_every) < 1:
            raise ConfigurationError(
                "a training has at least one step, and at least one from a point of its curve to "
                f"the next, not {self.steps} and {self.validate_every}"
            )

    @property
    def design(self) -> NetworkDesign:
        """What each network is."""
        return NetworkDesign(self.term, self.kind)

    def end(self, done: int) -> int:
        """Steps at the next point of the curve, or at the end, from ``done`` on."""
        every = self.validate_every
        return min((done // every + 1) * every, self.steps)
