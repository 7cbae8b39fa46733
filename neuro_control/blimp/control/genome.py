# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a network of the spiking controller is: its design, the bounds of its numbers, the numbers.

A *design* says what a network is before it is evolved or trained: which part of a PID it stands
for, the kind of its hidden layer, and so the bounds of its numbers. A *genome* is a design with its
numbers, and what files hold.

Source: Burgers, Stroobants and de Croon (arXiv 2309.12937), section II, and table I for the bounds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control import weights as weight_files
from neuro_control.blimp.control.antisymmetric import AntisymmetricStructure
from neuro_control.blimp.control.types import FULL_COMMAND
from neuro_control.errors import ConfigurationError

Array = NDArray[np.float64]

TERMS = {"pd": "the proportional and the derivative term", "i": "the integral term"}

_FILE_KIND = "blimp network"

_BOUNDS: dict[str, tuple[float, float]] = {
    "encoder_weight": (-2.0, 2.0),
    "encoder_bias": (-1.0, 1.0),
    "encoder_decay": (0.0, 1.0),
    "encoder_threshold": (0.0, 10.0),
    "weight_same": (-2.0, 2.0),
    "weight_cross": (-2.0, 2.0),
    "current_decay": (0.0, 1.0),
    "voltage_decay": (0.0, 1.0),
    "threshold": (0.0, 10.0),
    "readout": (-1.0, 1.0),
    "trace_decay": (0.0, 1.0),
    "adaptation": (-1.0, 1.0),
    "recurrent_same": (-1.0, 1.0),
    "recurrent_cross": (-1.0, 1.0),
    "readout_decay": (0.0, 1.0),
}
# What a network may have beyond the paper's bounds. Twenty pairs of ±1 say ±20 at most, where a PD
# of the gains that a blimp needs says ±40 within half a metre; the authors, too, scale what theirs
# say, by 0.33.
_LIMITS = {**_BOUNDS, "readout": (-FULL_COMMAND, FULL_COMMAND)}
# An integral must be kept by the hidden layer, not by a read-out that is slow.
_READOUT_DECAY_OF_I = (0.0, 0.3)


@dataclass(frozen=True)
class NetworkDesign:
    """What a network is before it has numbers.

    Attributes:
        term: Part of the PID that it stands for: one of ``TERMS``.
        kind: Kind of its hidden layer: one of ``antisymmetric.KINDS``.

    Raises:
        ConfigurationError: There is no such term or kind.
    """

    term: str
    kind: str

    def __post_init__(self) -> None:
        if self.term not in TERMS:
            raise ConfigurationError(f"no term '{self.term}': there are {', '.join(TERMS)}")
        AntisymmetricStructure(self.kind)

    @property
    def structure(self) -> AntisymmetricStructure:
        """Which numbers it has, and what they mean."""
        return AntisymmetricStructure(self.kind)

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Least and largest of each number of its vector in evolution, each (size,)."""
        return self._within(_BOUNDS)

    @property
    def limits(self) -> tuple[Array, Array]:
        """Least and largest of each number that a network may have, each (size,)."""
        return self._within(_LIMITS)

    def _within(self, bounds: Mapping[str, tuple[float, float]]) -> tuple[Array, Array]:
        pairs = []
        for name, shape in self.structure.shapes.items():
            pair = bounds[name]
            if name == "readout_decay" and self.term == "i":
                pair = _READOUT_DECAY_OF_I
            pairs += [pair] * math.prod(shape)
        lower, upper = np.array(pairs).T
        return lower, upper

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """Vectors (count, size), uniform inside the bounds: where evolution starts."""
        lower, upper = self.bounds
        return rng.uniform(lower, upper, (count, len(lower)))


class Genome(NamedTuple):
    """One network.

    Attributes:
        design: What it is.
        vector: Its numbers, (size,), in the order of ``design.structure.shapes``.
    """

    design: NetworkDesign
    vector: Array

    def checked(self) -> Genome:
        """The same genome with a vector as the compiled networks take it.

        Raises:
            ConfigurationError: The vector has another size, or numbers beyond the bounds.
        """
        design, vector = self.design, np.array(self.vector, dtype=np.float64)
        lower, upper = design.limits
        if vector.shape != lower.shape:
            raise ConfigurationError(
                f"a {design.kind} network has {len(lower)} numbers, not the shape {vector.shape}"
            )
        wrong = ~((vector >= lower) & (vector <= upper))
        if wrong.any():
            k = int(np.argmax(wrong))
            names = [n for n, s in design.structure.shapes.items() for _ in range(math.prod(s))]
            raise ConfigurationError(
                f"{names[k]} of a network for {design.term} lies between {lower[k]:g} and "
                f"{upper[k]:g}, not at {vector[k]:g}"
            )
        return Genome(design, vector)

    def arrays(self) -> dict[str, Array]:
        """Its numbers by name, as files hold them.

        Raises:
            ConfigurationError: They are not those of its design.
        """
        found: dict[str, Array] = self.design.structure.parts(self.checked().vector)
        return found

    @classmethod
    def from_arrays(cls, term: Any, kind: Any, arrays: Mapping[str, NDArray[Any]]) -> Genome:
        """Genome from what a file holds of it.

        Raises:
            ConfigurationError: The arrays are not those of such a network.
        """
        design = NetworkDesign(str(term), str(kind))
        shapes = design.structure.shapes
        found = {name: array.shape for name, array in arrays.items()}
        for name in sorted(shapes.keys() | found.keys()):
            if shapes.get(name) != found.get(name):
                raise ConfigurationError(
                    f"{name} has the shape {found.get(name, 'of nothing')}, where a {design.kind} "
                    f"network has {shapes.get(name, 'none')}"
                )
        vector = design.structure.vector({name: arrays[name] for name in shapes})
        return cls(design, vector).checked()


def save_network(path: Path, genome: Genome, facts: Mapping[str, Any]) -> None:
    """Write one network as safetensors, whole or not at all.

    Args:
        path: File to write.
        genome: The network.
        facts: How it was made, as JSON knows it.

    Raises:
        ConfigurationError: The genome's numbers are not those of its design.
    """
    design = {"term": genome.design.term, "kind": genome.design.kind}
    weight_files.write(path, _FILE_KIND, genome.arrays(), {**facts, "design": design})


def load_network(path: Path) -> tuple[Genome, dict[str, Any]]:
    """Network from a file, and the facts that were written with it.

    Raises:
        ConfigurationError: There is no such file, it is damaged or holds something else, or its
            numbers are not those of a network.
    """
    arrays, facts = weight_files.read(path, _FILE_KIND)
    design = described(path, facts.pop("design", None))
    try:
        return Genome.from_arrays(design.get("term"), design.get("kind"), arrays), facts
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def described(path: Path, value: Any) -> Mapping[str, Any]:
    """``value``, which says in the file ``path`` of which kind its networks are.

    Raises:
        ConfigurationError: It says nothing.
    """
    if not isinstance(value, dict):
        raise ConfigurationError(f"{path} doesn't say which kind its networks are")
    return value
