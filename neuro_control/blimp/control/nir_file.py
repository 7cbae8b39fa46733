# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The blimp's spiking controller as a file of NIR, and back.

Both networks receive the error ``error`` (m), their outputs add up to ``command``; they are cut off
at ±``limit`` of the graph's metadata. The nodes are those of ``spiking.nir_files.network``, under
``pd`` and ``i``, one tick a control period.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neuro_control.blimp.control.antisymmetric import KINDS, AntisymmetricStructure
from neuro_control.blimp.control.genome import TERMS, Genome, NetworkDesign
from neuro_control.blimp.control.types import CONTROL_PERIOD
from neuro_control.errors import ConfigurationError
from neuro_control.spiking import nir_files
from neuro_control.spiking.network import Network, NetworkStructure

_INPUT, _OUTPUT = "error", "command"


def write(path: Path, genomes: Mapping[str, Genome], limit: float, facts: Any) -> None:
    """Write a controller's networks, whole or not at all.

    Args:
        path: The file; its name ends in ``.nir``.
        genomes: The networks by their term.
        limit: Largest command.
        facts: How they were made, as JSON knows it.

    Raises:
        ConfigurationError: As ``nir_files.write``.
    """
    nir = nir_files.library()
    nodes = {_INPUT: nir.Input(np.array([1])), _OUTPUT: nir.Output(np.array([1]))}
    edges = []
    for term, genome in genomes.items():
        structure = genome.design.structure
        found = nir_files.network(
            structure.expanded, structure.expand(genome.checked().vector), CONTROL_PERIOD, term
        )
        nodes |= found[0]
        edges += [(_INPUT, f"{term}.encode"), *found[1], (f"{term}.output", _OUTPUT)]
    metadata = {"step": CONTROL_PERIOD, "limit": limit, "facts": json.dumps(facts)}
    nir_files.write(path, nodes, edges, metadata)


def read(path: Path) -> tuple[dict[str, Genome], float, dict[str, Any]]:
    """Networks by their term, largest command and facts, of a file that ``write`` wrote.

    Raises:
        ConfigurationError: As ``nir_files.read``, or the networks are none of ours.
    """
    graph = nir_files.read(path)
    try:
        step, limit = float(graph.metadata["step"]), float(graph.metadata["limit"])
        facts = dict(json.loads(graph.metadata["facts"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{path} holds no controller of a blimp ({error!r})") from error
    if step != CONTROL_PERIOD:
        raise ConfigurationError(
            f"{path} has ticks of {step:g} s; the blimp's networks have {CONTROL_PERIOD:g} s"
        )
    try:
        genomes = {
            term: _genome(term, *nir_files.read_network(graph, step, term)) for term in TERMS
        }
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    return genomes, limit, facts


def _genome(term: str, structure: NetworkStructure, network: Network) -> Genome:
    """The network as pairs.

    Raises:
        ConfigurationError: It is not antisymmetric, or its numbers are out of range.
    """
    kind = next(k for k, v in KINDS.items() if v == (structure.adaptive, structure.recurrent))
    antisymmetric = AntisymmetricStructure(kind)
    if structure[:2] != antisymmetric.expanded[:2]:
        raise ConfigurationError(f"{term} has other numbers of neurons than a blimp's network")
    vector = antisymmetric.collapse(network)
    # A decay that became a time constant and back may be beyond its bounds by rounding.
    lower, upper = NetworkDesign(term, kind).bounds
    near = np.clip(vector, lower, upper)
    vector = np.where(np.abs(near - vector) < 1e-9, near, vector)
    return Genome(NetworkDesign(term, kind), vector).checked()
