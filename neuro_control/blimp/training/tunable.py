# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What can be tuned in closed loop: networks and PIDs, as vectors of numbers within bounds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import yaml
from numpy.typing import NDArray

from neuro_control.blimp.control.genome import Genome
from neuro_control.blimp.control.pid import PIDSettings
from neuro_control.blimp.control.spiking_controller import SpikingController
from neuro_control.blimp.simulation.heave import Controllers, networks_of, pids_of
from neuro_control.blimp.training import population_code
from neuro_control.files import write_text

Array = NDArray[np.float64]

# Standard deviation of the first generation, as a part of each number's range.
_SPREAD = 0.02
_CODE_SPREAD = 0.06
# Weights of a constructed network may be a thousandth of their range, and an integral is kept only
# where recurrence balances a leak: these begin to vary by a part of what they are.
_RELATIVE = {"weight_same", "weight_cross", "recurrent_same", "recurrent_cross", "readout"}
_PART, _LEAST = 0.03, 2e-4
_OTHERS = {"current_decay": 2e-3, "encoder_bias": 5e-3}


class Tunable(Protocol):
    """A controller as a vector of numbers.

    Attributes:
        mean: Where tuning starts, (d,).
        bounds: Least and largest of each number, each (d,).
        spread: Standard deviation of the first generation, as a part of each range, (d,).
        file: Name of the file that ``save`` writes.
        separable: Whether there are too many numbers for their correlations to be learned.
    """

    mean: Array
    bounds: tuple[Array, Array]
    spread: Array
    file: str
    separable: bool

    def controllers(self, vectors: Array) -> Controllers:
        """Controllers of vectors (P, d), as the heave dynamics take them."""

    def save(self, path: Path, vector: Array, facts: Mapping[str, Any]) -> None:
        """Write the controller of a vector (d,), and how it was made."""


class TunableNetworks:
    """Both networks of a spiking controller.

    Args:
        start: Where tuning starts.
    """

    file = "controller.safetensors"
    separable = True

    def __init__(self, start: SpikingController) -> None:
        self.start = start
        genomes = (start.pd, start.integral)
        self._split = len(start.pd.vector)
        self.mean = np.concatenate([genome.vector for genome in genomes])
        lower, upper = zip(*(genome.design.limits for genome in genomes), strict=True)
        self.bounds = np.concatenate(lower), np.concatenate(upper)
        self.spread = np.concatenate([_spread_of(genome) for genome in genomes])

    def controllers(self, vectors: Array) -> Controllers:
        """Controllers of vectors (P, d), as the heave dynamics take them."""
        pd, integral = vectors[:, : self._split], vectors[:, self._split :]
        return networks_of((self.start.pd.design, pd), (self.start.integral.design, integral))

    def controller(self, vector: Array) -> SpikingController:
        """The controller of a vector (d,)."""
        return SpikingController(
            Genome(self.start.pd.design, vector[: self._split]),
            Genome(self.start.integral.design, vector[self._split :]),
            self.start.limit,
        )

    def save(self, path: Path, vector: Array, facts: Mapping[str, Any]) -> None:
        """Write the networks of a vector (d,), and how they were made."""
        self.controller(vector).save(path, {**self.start.facts, "tuning": dict(facts)})


def _spread_of(genome: Genome) -> Array:
    """Standard deviation of the first generation about a genome, as a part of each range."""
    structure = genome.design.structure
    lower, upper = genome.design.limits
    parts = structure.parts(
        np.clip(_PART * np.abs(genome.vector) / (upper - lower), _LEAST, _SPREAD)
    )
    for name, shape in structure.shapes.items():
        if name not in _RELATIVE:
            parts[name] = np.full(shape, _OTHERS.get(name, _SPREAD))
    return structure.vector(parts)


class TunableCode:
    """A population code, which networks are written down from (``population_code``)."""

    file = "controller.safetensors"
    separable = False

    def __init__(self) -> None:
        lower, upper, self.mean = np.array(list(population_code.CODE.values())).T
        self.bounds = lower, upper
        self.spread = np.full(len(self.mean), _CODE_SPREAD)

    def controllers(self, vectors: Array) -> Controllers:
        """Controllers of vectors (P, d), as the heave dynamics take them."""
        pd, integral = population_code.networks(vectors)
        return networks_of((population_code.PD, pd), (population_code.INTEGRAL, integral))

    def controller(self, vector: Array) -> SpikingController:
        """The controller of a vector (d,)."""
        pd, integral = population_code.networks(vector[None])
        return SpikingController(
            Genome(population_code.PD, pd[0]), Genome(population_code.INTEGRAL, integral[0])
        )

    def save(self, path: Path, vector: Array, facts: Mapping[str, Any]) -> None:
        """Write the networks of a vector (d,), and how they were made."""
        code = dict(zip(population_code.CODE, vector.tolist(), strict=True))
        self.controller(vector).save(path, {"code": code, "tuning": dict(facts)})


class TunablePID:
    """Gains and filter of a PID.

    Args:
        start: Where tuning starts; its anti-windup is kept.
    """

    file = "controller.yaml"
    separable = False
    bounds = np.zeros(4), np.array([60.0, 6.0, 80.0, 2.0])
    spread = np.full(4, _CODE_SPREAD)

    def __init__(self, start: PIDSettings) -> None:
        self.start = start
        self.mean = start.numbers[:4]

    def controllers(self, vectors: Array) -> Controllers:
        """Controllers of vectors (P, 4), as the heave dynamics take them."""
        rest = np.broadcast_to(self.start.numbers[4:], (len(vectors), 2))
        return pids_of(np.concatenate([vectors, rest], axis=1))

    def save(self, path: Path, vector: Array, facts: Mapping[str, Any]) -> None:
        """Write the PID of a vector (4,), with a comment on how it was made."""
        names = ("proportional", "integral", "derivative", "derivative_time")
        found: dict[str, Any] = dict(
            zip(names, (round(x, 4) for x in vector.tolist()), strict=True)
        )
        found["anti_windup"] = self.start.anti_windup
        text = yaml.safe_dump(found, sort_keys=False)
        write_text(path, f"# tune blimp --controller pid: {json.dumps(dict(facts))}\n{text}")
