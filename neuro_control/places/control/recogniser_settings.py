# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a recogniser works, in one dataclass: its node, its evaluation and experiments set it."""

from __future__ import annotations

from dataclasses import dataclass

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.ensemble import ASSIGNMENTS
from neuro_control.places.control.sequences import MATCHINGS
from neuro_control.places.control.spiking_scorer import DEFAULT_MARGIN as STDP_MARGIN
from neuro_control.places.control.stdp.batch_simulator import CORES
from neuro_control.places.control.trajectories import DIRECTIONS

MODES = ("fast", "spiking")
REGULARISATIONS = ("homeostasis", "silence", "none")
MOST_SUPPRESSED = 300
# Margin of an ensemble's neurons, by how it learnt.
DEFAULT_MARGIN = {"stdp": STDP_MARGIN, "one-shot": 1.0}


@dataclass(frozen=True)
class RecogniserSettings:
    """How a recogniser works.

    Attributes:
        mode: fast or spiking.
        regularisation: homeostasis, silence or none.
        assignment: standard or weighted.
        sequence: Number of different images in a row that are matched together.
        matching: How images in a row are matched: along trajectories of any pace (trajectory), by
            delays for several constant paces (delays), or at the reference's own pace (pace).
        direction: Whether the camera passes the places in their order (forward), in the opposite
            order (reverse), or in either (both).
        alignment: Whether displacements of the camera are learnt from recognised images.
        suppression: Number of inhibitory neurons that learn from recognised images in which
            directions images change, and suppress them; 0 for none.
        best: Number K of places of an estimate.
        seed: Seed of the inputs' spikes, in the spiking mode.
        threshold: Score below which a place counts as never visited. By default the threshold
            follows the scores of the images so far (``NoveltyThreshold``), starting with the one
            that ``false_accepts`` of the reference's images reach on places that are not theirs.
        false_accepts: Share of images of places never visited that may be accepted.
        silence_from: Share of the reference's images from which on a neuron that fires for so many
            has no vote.
        margin: Number of spreads above its mean from which on a drive makes a neuron fire; by
            default 2 for experts trained by STDP, and 1 for those that learnt at one sight.
        device: Where the spiking mode runs: ``cores`` for compiled code on all cores, or a device
            as torch names it.

    Raises:
        ConfigurationError: A number is out of range, or a word is not one of the choices.
    """

    mode: str = "fast"
    regularisation: str = "homeostasis"
    assignment: str = "standard"
    sequence: int = 1
    matching: str = "trajectory"
    direction: str = "forward"
    alignment: bool = True
    suppression: int = 16
    best: int = 5
    seed: int = 0
    threshold: float | None = None
    false_accepts: float = 0.05
    silence_from: float = 0.1
    margin: float | None = None
    device: str = CORES

    def __post_init__(self) -> None:
        for name, words in (
            ("mode", MODES),
            ("regularisation", REGULARISATIONS),
            ("assignment", ASSIGNMENTS),
            ("matching", MATCHINGS),
            ("direction", DIRECTIONS),
        ):
            if getattr(self, name) not in words:
                raise ConfigurationError(
                    f"{name} is one of {', '.join(words)}, not '{getattr(self, name)}'"
                )
        if not 0 <= self.suppression <= MOST_SUPPRESSED:
            raise ConfigurationError(
                f"suppression takes 0 to {MOST_SUPPRESSED} neurons, not {self.suppression}"
            )
        if self.best < 1:
            raise ConfigurationError(f"an estimate has 1 place or more, not {self.best}")
        if not 0.0 <= self.false_accepts <= 1.0:
            raise ConfigurationError(
                f"false_accepts is a share, 0 to 1, not {self.false_accepts:g}"
            )
