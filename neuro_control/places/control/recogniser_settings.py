# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a recogniser works, in one dataclass: its node, its evaluation and experiments set it."""

from __future__ import annotations

from dataclasses import dataclass

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.ensemble import ASSIGNMENTS
from neuro_control.places.control.spiking_scorer import DEFAULT_MARGIN
from neuro_control.places.control.stdp.batch_simulator import CORES

MODES = ("fast", "spiking")
REGULARISATIONS = ("homeostasis", "silence", "none")


@dataclass(frozen=True)
class RecogniserSettings:
    """How a recogniser works.

    Attributes:
        mode: fast or spiking.
        regularisation: homeostasis, silence or none.
        assignment: standard or weighted.
        sequence: Number of images in a row that are matched together.
        best: Number K of places of an estimate.
        seed: Seed of the inputs' spikes, in the spiking mode.
        threshold: Score below which a place counts as never visited. By default the threshold
            follows the scores of the images so far (``NoveltyThreshold``), starting with the one
            that ``false_accepts`` of the reference's images reach on places that are not theirs.
        false_accepts: Share of images of places never visited that may be accepted.
        silence_from: Share of the reference's images from which on a neuron that fires for so many
            has no vote.
        margin: Number of spreads above its mean from which on a drive makes a neuron fire.
        device: Where the spiking mode runs: ``cores`` for compiled code on all cores, or a device
            as torch names it.

    Raises:
        ConfigurationError: A number is out of range, or a word is not one of the choices.
    """

    mode: str = "fast"
    regularisation: str = "homeostasis"
    assignment: str = "standard"
    sequence: int = 1
    best: int = 5
    seed: int = 0
    threshold: float | None = None
    false_accepts: float = 0.05
    silence_from: float = 0.1
    margin: float = DEFAULT_MARGIN
    device: str = CORES

    def __post_init__(self) -> None:
        for name, words in (
            ("mode", MODES),
            ("regularisation", REGULARISATIONS),
            ("assignment", ASSIGNMENTS),
        ):
            if getattr(self, name) not in words:
                raise ConfigurationError(
                    f"{name} is one of {', '.join(words)}, not '{getattr(self, name)}'"
                )
        if self.best < 1:
            raise ConfigurationError(f"an estimate has 1 place or more, not {self.best}")
        if not 0.0 <= self.false_accepts <= 1.0:
            raise ConfigurationError(
                f"false_accepts is a share, 0 to 1, not {self.false_accepts:g}"
            )
