# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What an ensemble is made of and how it is trained, in one dataclass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.preprocessing import PatchNormalisation, Preprocessing, Retina
from neuro_control.places.control.stdp.expert import PAPER, RETINAL, Expert
from neuro_control.places.control.types import Indices

PREPROCESSINGS = ("retina", "patch")
REGIONS = ("contiguous", "random")
LEARNINGS = ("one-shot", "stdp")
# Excitatory neurons of an expert by default: a pair for each of 25 places, and the paper's number.
NEURONS = {"one-shot": 50, "stdp": 400}

# Names under which files written before 0.2 hold a setting.
_FORMERLY = {"eye": "preprocessing"}


@dataclass(frozen=True)
class EnsembleSettings:
    """What an ensemble is made of and how it is trained.

    Attributes:
        preprocessing: retina, or patch for the paper's patch normalisation.
        regions: Whether the places of an expert lie together (contiguous) or are drawn (random).
        places: Largest number of places of an expert.
        networks: Experts for each place, of different seeds; their scores are summed.
        neurons: Excitatory neurons of an expert.
        epochs: How many times an expert is trained on each image by STDP.
        seed: Seed of weights, delays, input spikes and drawn places.
        surround: As for ``Retina``, pixels; 0 compares with the whole image.
        shrinkage: As for ``Retina.learn``.
        saturation: As for ``Retina``, standard deviations.
        adaptation: As for ``Retina``, images.
        learning: one-shot (``place_cells``), or stdp for the paper's experts.

    Raises:
        ConfigurationError: A number is out of range, or a word is not one of the choices.
    """

    preprocessing: str = "retina"
    regions: str = "contiguous"
    places: int = 25
    networks: int = 1
    neurons: int = NEURONS["one-shot"]
    epochs: int = 60
    seed: int = 0
    surround: float = 2.0
    shrinkage: float = 20.0
    saturation: float = 3.0
    adaptation: float = 3.0
    learning: str = "one-shot"

    def __post_init__(self) -> None:
        for name, words in (
            ("preprocessing", PREPROCESSINGS),
            ("regions", REGIONS),
            ("learning", LEARNINGS),
        ):
            if getattr(self, name) not in words:
                raise ConfigurationError(
                    f"{name} is one of {', '.join(words)}, not '{getattr(self, name)}'"
                )
        for name in ("places", "networks", "neurons", "epochs"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be 1 or more, not {getattr(self, name)}")
        for name in ("surround", "seed"):
            if not getattr(self, name) >= 0:
                raise ConfigurationError(f"{name} must be 0 or more, not {getattr(self, name)}")
        for name in ("shrinkage", "saturation", "adaptation"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"{name} must be above 0, not {getattr(self, name)}")

    @classmethod
    def of_file(cls, facts: dict[str, Any]) -> EnsembleSettings:
        """The settings that a model's file holds, under today's names or those of before 0.2.

        Raises:
            ValueError: A setting is missing. None takes its default: an older version would have
                preprocessed images in another way.
            TypeError: There is an unknown setting, or one of another type.
        """
        # Before 1.0 there was STDP only.
        given: dict[str, Any] = {"learning": "stdp"}
        given |= {_FORMERLY.get(name, name): value for name, value in facts.items()}
        missing = [each.name for each in fields(cls) if each.name not in given]
        if missing:
            raise ValueError(f"no {', '.join(missing)}")
        for each in fields(cls):
            value, kind = given[each.name], type(each.default)
            # JSON may have lost the point of a floating number.
            if type(value) not in ((int, float) if kind is float else (kind,)):
                raise TypeError(f"{each.name} is {value!r}, no {kind.__name__}")
        return cls(**given)

    @property
    def expert(self) -> Expert:
        """Constants of the experts."""
        chosen = RETINAL if self.preprocessing == "retina" else PAPER
        return Expert(**{**asdict(chosen), "neurons": self.neurons})

    def preprocessing_for(self, traverses: Sequence[NDArray[np.uint8]]) -> Preprocessing:
        """The preprocessing for a route, from its reference traverses (n, side, side)."""
        if self.preprocessing == "patch":
            return PatchNormalisation()
        return Retina.learn(
            traverses, self.surround, self.shrinkage, self.saturation, self.adaptation
        )

    def divided(self, first: int, count: int) -> list[tuple[int, Indices]]:
        """Network and places of each expert, for ``count`` places from ``first`` on."""
        # What is learnt at one sight takes a neuron for each place.
        most = min(self.places, self.neurons) if self.learning == "one-shot" else self.places
        divided = []
        for network in range(self.networks):
            order = first + np.arange(count)
            if self.regions == "random":
                rng = np.random.default_rng([self.seed, network, first])
                order = rng.permutation(order)
            parts = np.array_split(order, -(-count // most))
            divided += [(network, part.astype(np.int64)) for part in parts]
        return divided
