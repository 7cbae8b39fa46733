# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The spiking controller of a blimp: two networks of 80 neurons, one for PD, one for I.

u = u_PD(e) + u_I(e), each an antisymmetric network (``antisymmetric``), one tick a control period.

Source: Burgers, Stroobants and de Croon (arXiv 2309.12937), section II.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control import weights as weight_files
from neuro_control.blimp.control import nir_file
from neuro_control.blimp.control.antisymmetric import (
    ENCODER_SPIKE,
    ENCODER_VOLTAGE,
    HIDDEN_SPIKE,
    HIDDEN_VOLTAGE,
    PAIRS,
    pack,
    tick_and_count,
)
from neuro_control.blimp.control.genome import TERMS, Genome, described
from neuro_control.blimp.control.types import FULL_COMMAND
from neuro_control.errors import ConfigurationError

Array = NDArray[np.float64]

_FILE_KIND = "blimp controller"
# Names of the layers' neurons, in the order of the spikes.
_LAYERS = ("pd_encoder", "pd_hidden", "integral_encoder", "integral_hidden")


class SpikingController:
    """Two spiking networks that do a PID's work: u = u_PD(e) + u_I(e), cut off at ±limit.

    Deterministic, and odd: to the opposite errors it answers the opposite commands, to the bit.

    Args:
        pd: Network for the proportional and the derivative term.
        integral: Network for the integral term.
        limit: Largest command.
        facts: How the networks were made, as JSON knows it.

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
        limit: float = FULL_COMMAND,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        for genome, term in ((pd, "pd"), (integral, "i")):
            if genome.design.term != term:
                raise ConfigurationError(
                    f"a network for '{genome.design.term}' stands where one for '{term}' belongs"
                )
        if not 0 < limit < math.inf:
            raise ConfigurationError(f"the limit is a number above 0, not {limit}")
        self.pd, self.integral = pd.checked(), integral.checked()
        self.limit = float(limit)
        self.facts = dict(facts or {})
        self.reset()
        # Compiled now, so that the first command of a flight doesn't wait for it.
        self.step(0.0)
        self.reset()

    def reset(self) -> None:
        """Return to rest, and counters to 0: at the start of a flight."""
        self.ticks = 0
        self._networks = pack(
            (self.pd.design.structure, self.pd.vector),
            (self.integral.design.structure, self.integral.vector),
        )
        # Spikes of the encoders and of the hidden neurons of each network.
        self._counts = np.zeros((2, 2), dtype=np.int64)

    def step(self, error: float) -> float:
        """Command in [-limit, limit] for the error set-point − altitude, m.

        Raises:
            ValueError: The error is not finite: it would stay in the neurons for good.
        """
        if not math.isfinite(error):
            raise ValueError(f"the error is {error}")
        self.ticks += 1
        command: float = tick_and_count(float(error), self.limit, *self._networks, self._counts)
        return command

    @property
    def spikes(self) -> Array:
        """Spikes of the last tick, (160,), 0 or 1: encoders and hidden of PD, then those of I.

        Of each 40 the 20 that a positive error excites, if their weights are positive, come first.
        """
        return self._of_layers(ENCODER_SPIKE, HIDDEN_SPIKE)

    @property
    def potentials(self) -> Array:
        """Membrane potentials after the last tick, (160,), in the order of ``spikes``."""
        return self._of_layers(ENCODER_VOLTAGE, HIDDEN_VOLTAGE)

    def _of_layers(self, encoder: int, hidden: int) -> Array:
        """Parts of both networks' states that begin there, one for each neuron."""
        layers = [slice(start, start + 2 * PAIRS) for start in (encoder, hidden)]
        return np.concatenate([each[layer] for each in self._networks.states for layer in layers])

    @property
    def neurons(self) -> list[str]:
        """Names of its neurons, in the order of ``spikes``."""
        return [f"{layer}_{index}" for layer in _LAYERS for index in range(2 * PAIRS)]

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
        for genome, counts in zip((self.pd, self.integral), self._counts, strict=True):
            total += int(np.dot(genome.design.structure.fan_out, counts))
        return total

    def save(self, path: Path, facts: Mapping[str, Any]) -> None:
        """Write both networks to one file, whole or not at all.

        Args:
            path: The file: safetensors, or NIR if its name ends in ``.nir``.
            facts: How they were made, as JSON knows it.

        Raises:
            ConfigurationError: As ``nir_file.write``, for NIR.
        """
        if path.suffix == ".nir":
            nir_file.write(path, {"pd": self.pd, "i": self.integral}, self.limit, dict(facts))
            return
        arrays: dict[str, Array] = {}
        for term, genome in (("pd", self.pd), ("i", self.integral)):
            arrays |= {f"{term}/{name}": array for name, array in genome.arrays().items()}
        kinds = {"pd": self.pd.design.kind, "i": self.integral.design.kind}
        weight_files.write(path, _FILE_KIND, arrays, {**facts, "kinds": kinds, "limit": self.limit})

    @classmethod
    def load(cls, path: Path) -> SpikingController:
        """Controller from a file that ``save`` wrote, safetensors or NIR.

        Raises:
            ConfigurationError: There is no such file, it is damaged or holds something else, or
                its numbers are not those of two networks.
        """
        if path.suffix == ".nir":
            found, largest, facts = nir_file.read(path)
            return cls(found["pd"], found["i"], limit=largest, facts=facts)
        arrays, facts = weight_files.read(path, _FILE_KIND)
        kinds = described(path, facts.pop("kinds", None))
        limit = facts.pop("limit", None)
        try:
            genomes = {}
            for term in TERMS:
                mine = {n: arrays.pop(n) for n in sorted(arrays) if n.startswith(f"{term}/")}
                parts = {name.removeprefix(f"{term}/"): array for name, array in mine.items()}
                genomes[term] = Genome.from_arrays(term, kinds.get(term), parts)
            if arrays:
                raise ConfigurationError(f"it holds {', '.join(arrays)} besides the two networks")
            if not isinstance(limit, int | float):
                raise ConfigurationError(f"the limit is a number above 0, not {limit}")
            return cls(genomes["pd"], genomes["i"], limit=limit, facts=facts)
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}") from error
