"""The spiking controller of a blimp: two networks of 80 neurons, one for PD, one for I.

u = u_PD(e) + u_I(e), each a network of mirrored pairs (``pairs``), one tick a control period. A
*design* says what a network is before it is evolved: its kind and the bounds of its numbers; a
*genome* is a design with its numbers, and what files hold.

Source: Burgers, Stroobants and de Croon (arXiv 2309.12937), section II and table I for the bounds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control import weights as files
from neuro_control.blimp.control.antisymmetric import PAIRS, Structure, tick_both
from neuro_control.errors import ConfigurationError

Array = NDArray[np.float64]

TERMS = {"pd": "the proportional and the derivative term", "i": "the integral term"}

_NETWORK, _CONTROLLER = "blimp network", "blimp controller"

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
# An integral must be kept by the hidden layer, not by a read-out that is slow.
_READOUT_DECAY_OF_I = (0.0, 0.3)


@dataclass(frozen=True)
class Design:
    """What a network is before it is evolved.

    Attributes:
        term: Of the PID, that it stands for: one of ``TERMS``.
        kind: Of its hidden layer: one of ``pairs.KINDS``.

    Raises:
        ConfigurationError: There is no such term or kind.
    """

    term: str
    kind: str

    def __post_init__(self) -> None:
        if self.term not in TERMS:
            raise ConfigurationError(f"no term '{self.term}': there are {', '.join(TERMS)}")
        Structure(self.kind)

    @property
    def structure(self) -> Structure:
        """Which numbers it has, and what they mean."""
        return Structure(self.kind)

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Least and largest of each number of its vector, each (size,)."""
        pairs = []
        for name, shape in self.structure.shapes.items():
            pair = _BOUNDS[name]
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

    design: Design
    vector: Array


def _arrays(genome: Genome) -> dict[str, Array]:
    found: dict[str, Array] = genome.design.structure.parts(_checked(genome).vector)
    return found


def _checked(genome: Genome) -> Genome:
    """``genome`` with its vector as the compiled tick takes it.

    Raises:
        ConfigurationError: The vector has another size, or numbers beyond the bounds.
    """
    design, vector = genome.design, np.array(genome.vector, dtype=np.float64)
    lower, upper = design.bounds
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


def _genome(term: Any, kind: Any, arrays: Mapping[str, NDArray[Any]]) -> Genome:
    """Genome from what a file holds of it.

    Raises:
        ConfigurationError: It is none.
    """
    design = Design(str(term), str(kind))
    shapes = design.structure.shapes
    found = {name: array.shape for name, array in arrays.items()}
    for name in sorted(shapes.keys() | found.keys()):
        if shapes.get(name) != found.get(name):
            raise ConfigurationError(
                f"{name} has the shape {found.get(name, 'of nothing')}, where a {design.kind} "
                f"network has {shapes.get(name, 'none')}"
            )
    return _checked(Genome(design, design.structure.vector({n: arrays[n] for n in shapes})))


def save_network(path: Path, genome: Genome, facts: Mapping[str, Any]) -> None:
    """Write one network as safetensors, whole or not at all.

    Args:
        path: The file.
        genome: The network.
        facts: How it came to be, as JSON knows it.

    Raises:
        ConfigurationError: The genome's numbers are not those of its design.
    """
    design = {"term": genome.design.term, "kind": genome.design.kind}
    files.write(path, _NETWORK, _arrays(genome), {**facts, "design": design})


def load_network(path: Path) -> tuple[Genome, dict[str, Any]]:
    """Network from a file, and the facts that were written with it.

    Raises:
        ConfigurationError: There is no such file, it is damaged or holds something else, or its
            numbers are not those of a network.
    """
    arrays, facts = files.read(path, _NETWORK)
    design = _mapping(path, facts.pop("design", None))
    try:
        return _genome(design.get("term"), design.get("kind"), arrays), facts
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def _mapping(path: Path, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigurationError(f"{path} doesn't say which kind its networks are")
    return value


class SpikingController:
    """Two spiking networks that do a PID's work: u = u_PD(e) + u_I(e), cut off at ±limit.

    Deterministic, and odd: to the opposite errors it answers the opposite commands, to the bit.

    Args:
        pd: Network for the proportional and the derivative term.
        integral: Network for the integral term.
        limit: Largest command.
        facts: How the networks came to be, as JSON knows it.

    Raises:
        ConfigurationError: A network is for the other term, or its numbers are not those of its
            design.

    Attributes:
        ticks: Ticks since the last reset.
    """

    def __init__(
        self,
        pd: Genome,
        integral: Genome,
        limit: float = 10.0,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        for genome, term in ((pd, "pd"), (integral, "i")):
            if genome.design.term != term:
                raise ConfigurationError(
                    f"a network for '{genome.design.term}' stands where one for '{term}' belongs"
                )
        if not 0 < limit < math.inf:
            raise ConfigurationError(f"the limit is a number above 0, not {limit}")
        self.pd, self.integral = _checked(pd), _checked(integral)
        self.limit = limit
        self.facts = dict(facts or {})
        self.reset()

    def reset(self) -> None:
        """Back to rest, and counters to 0: at the start of a flight."""
        self.ticks = 0
        self._counts = np.zeros(4, dtype=np.int64)
        pd, integral = (g.design.structure for g in (self.pd, self.integral))
        self._pd_state = pd.rest(self.pd.vector)
        self._i_state = integral.rest(self.integral.vector)
        self._arguments = (
            float(self.limit), self._counts,
            self.pd.vector, self._pd_state, pd.adaptive, pd.recurrent,
            self.integral.vector, self._i_state, integral.adaptive, integral.recurrent,
        )  # fmt: skip

    def step(self, error: float) -> float:
        """Command in [-limit, limit] for the error set-point − altitude, m.

        Raises:
            ValueError: The error is not finite: it would stay in the neurons for good.
        """
        if not math.isfinite(error):
            raise ValueError(f"the error is {error}")
        self.ticks += 1
        command: float = tick_both(float(error), *self._arguments)
        return command

    @property
    def spikes(self) -> Array:
        """Spikes of the last tick, (160,), 0 or 1: encoders and hidden of PD, then those of I.

        Of each 40 the 20 that a positive error excites, if their weights are positive, come first.
        """
        found = []
        for state in (self._pd_state, self._i_state):
            found += [state[2 * PAIRS : 4 * PAIRS], state[12 * PAIRS : 14 * PAIRS]]
        return np.concatenate(found)

    @property
    def spike_count(self) -> int:
        """Spikes of all neurons since the last reset."""
        return int(self._counts.sum())

    @property
    def synaptic_operations(self) -> int:
        """Additions of a weight because of a spike since the last reset.

        Each spike counts the synapses it passes through (``Structure.fan_out``): of neurons that
        are connected, not of matrices that are mostly zero. What turns the error into currents, a
        multiplication and an addition for each of 80 encoders and tick, and what neurons do by
        themselves (leaks, comparisons), is not among them.
        """
        total = 0
        for row, genome in ((0, self.pd), (2, self.integral)):
            encoder, hidden = genome.design.structure.fan_out
            total += encoder * int(self._counts[row]) + hidden * int(self._counts[row + 1])
        return total

    def save(self, path: Path, facts: Mapping[str, Any]) -> None:
        """Write both networks to one safetensors file, whole or not at all.

        Args:
            path: The file.
            facts: How they came to be, as JSON knows it.
        """
        arrays: dict[str, Array] = {}
        for term, genome in (("pd", self.pd), ("i", self.integral)):
            arrays |= {f"{term}/{name}": array for name, array in _arrays(genome).items()}
        kinds = {"pd": self.pd.design.kind, "i": self.integral.design.kind}
        files.write(path, _CONTROLLER, arrays, {**facts, "kinds": kinds, "limit": self.limit})

    @classmethod
    def load(cls, path: Path) -> SpikingController:
        """Controller from a file that ``save`` wrote.

        Raises:
            ConfigurationError: There is no such file, it is damaged or holds something else, or
                its numbers are not those of two networks.
        """
        arrays, facts = files.read(path, _CONTROLLER)
        kinds = _mapping(path, facts.pop("kinds", None))
        limit = facts.pop("limit", None)
        try:
            genomes = {}
            for term in TERMS:
                mine = {n: arrays.pop(n) for n in sorted(arrays) if n.startswith(f"{term}/")}
                parts = {name.removeprefix(f"{term}/"): array for name, array in mine.items()}
                genomes[term] = _genome(term, kinds.get(term), parts)
            if arrays:
                raise ConfigurationError(f"it holds {', '.join(arrays)} besides the two networks")
            if not isinstance(limit, int | float):
                raise ConfigurationError(f"the limit is a number above 0, not {limit}")
            return cls(genomes["pd"], genomes["i"], limit=limit, facts=facts)
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}") from error
