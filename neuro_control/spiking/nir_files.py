# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Files of NIR, the Neuromorphic Intermediate Representation, and networks as its nodes.

NIR describes a spiking network as a graph of neurons and synapses in continuous time, which
simulators (snnTorch, Norse, Lava) and neuromorphic chips read. Our networks live in discrete
ticks; a decay d of a tick Δt is the time constant τ = Δt / (1 − d), so that an Euler step of NIR's
equation, τ dv/dt = (v_leak − v) + R I with R = τ / Δt, is our tick: v ← d v + I.

Every node is of NIR's own kinds, and any program that reads NIR reads the file. Two things have no
place in NIR's equations and stand in a node's ``metadata``: that a spike takes the threshold off
the voltage (``reset``: ``subtract``) where NIR sets the voltage to ``v_reset``; and thresholds that
follow the layer's input (``threshold_of``, ``threshold_tau``, ``threshold_weight``). The graph's
metadata hold the tick, ``step``, in s.

Source: Pedersen et al., Neuromorphic intermediate representation: A unified instruction set for
interoperable brain-inspired computing (Nature Communications 15, 8122, 2024).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.files import writing
from neuro_control.spiking.network import Network, NetworkStructure

Array = NDArray[np.float64]
Nodes = dict[str, Any]
Edges = list[tuple[str, str]]

# A decay of 1 has no time constant. This one loses a part in 10¹² a tick, which no run shows.
_LARGEST_DECAY = 1.0 - 1e-12


def library() -> Any:
    """The package ``nir``.

    Raises:
        ConfigurationError: It is not installed.
    """
    try:
        import nir
    except ImportError as error:
        raise ConfigurationError(
            "files of NIR need its package: pip install 'neuro_control[nir]'"
        ) from error
    return nir


def write(path: Path, nodes: Nodes, edges: Edges, metadata: Mapping[str, Any]) -> None:
    """Write a graph to a file, whole or not at all.

    Args:
        path: The file; its name ends in ``.nir``.
        nodes: NIR's nodes by name.
        edges: Pairs of names, from and to.
        metadata: Numbers, texts and arrays about the graph.

    Raises:
        ConfigurationError: ``nir`` is not installed, or the name has another end.
    """
    nir = library()
    if path.suffix != ".nir":
        raise ConfigurationError(f"the name of a file of NIR ends in .nir, not as {path.name}")
    graph = nir.NIRGraph(nodes=nodes, edges=edges, metadata=dict(metadata))
    with writing(path) as part:
        nir.write(str(part), graph)


def read(path: Path) -> Any:
    """The graph (``nir.NIRGraph``) of a file.

    Raises:
        ConfigurationError: ``nir`` is not installed, or the file is missing, damaged or none of
            NIR.
    """
    nir = library()
    if not path.is_file():
        raise ConfigurationError(f"no file {path}")
    try:
        return nir.read(str(path))
    except Exception as error:  # h5py and nir raise whatever a damaged file makes them stumble on
        raise ConfigurationError(f"{path} is damaged or no file of NIR: {error!r}") from error


def time_constant(decay: Array, step: float) -> Array:
    """Time constants, s, of what is left of a value after a tick of ``step``, s."""
    found: Array = step / (1.0 - np.minimum(np.asarray(decay, np.float64), _LARGEST_DECAY))
    return found


def decay(constant: Array, step: float) -> Array:
    """Part that is left after a tick of ``step``, s, by time constants, s."""
    return 1.0 - step / np.asarray(constant, np.float64)


def network(
    structure: NetworkStructure, numbers: Network, step: float, prefix: str
) -> tuple[Nodes, Edges]:
    """Nodes and edges of one network, from ``PREFIX.encode`` to ``PREFIX.output``.

    Args:
        structure: Its structure.
        numbers: Its parameters, without dimensions in front.
        step: Its tick, s.
        prefix: Begins the nodes' names.
    """
    nir = library()
    zero = np.zeros(structure.hidden)
    synaptic = time_constant(numbers.current_decay, step)
    membrane = time_constant(numbers.voltage_decay, step)
    encoding = time_constant(numbers.encoder_decay, step)
    readout = time_constant(np.atleast_1d(numbers.readout_decay), step)
    hidden: dict[str, Any] = {"reset": "subtract"}
    if structure.adaptive:
        hidden |= {
            "threshold_of": f"{prefix}.encoders",
            "threshold_tau": time_constant(numbers.trace_decay, step),
            "threshold_weight": np.ascontiguousarray(numbers.adaptation.T),
        }
    nodes = {
        "encode": nir.Affine(numbers.encoder_weight[:, None], numbers.encoder_bias),
        "encoders": nir.LIF(
            tau=encoding,
            r=encoding / step,
            v_leak=np.zeros(structure.encoders),
            v_threshold=numbers.encoder_threshold,
            metadata={"reset": "subtract"},
        ),
        "synapses": nir.Linear(np.ascontiguousarray(numbers.weight.T)),
        "hidden": nir.CubaLIF(
            tau_syn=synaptic,
            tau_mem=membrane,
            r=membrane / step,
            v_leak=zero,
            v_threshold=numbers.threshold,
            w_in=synaptic / step,
            metadata=hidden,
        ),
        "readout": nir.Linear(numbers.readout[None, :]),
        "output": nir.LI(tau=readout, r=np.ones(1), v_leak=np.zeros(1)),
    }
    names = list(nodes)
    edges = list(pairwise(names))
    if structure.recurrent:
        nodes["recurrence"] = nir.Linear(np.ascontiguousarray(numbers.recurrent_weight.T))
        edges += [("hidden", "recurrence"), ("recurrence", "hidden")]
    return (
        {f"{prefix}.{name}": node for name, node in nodes.items()},
        [(f"{prefix}.{first}", f"{prefix}.{last}") for first, last in edges],
    )


def read_network(graph: Any, step: float, prefix: str) -> tuple[NetworkStructure, Network]:
    """The network that ``network`` turned into nodes.

    Args:
        graph: The graph that holds it.
        step: Its tick, s.
        prefix: What its nodes' names begin with.

    Raises:
        ConfigurationError: A node is missing or of another kind, or its numbers are those of no
            network of ours: the file was made by another program.
    """
    nir = library()

    def node(name: str, kind: type[Any]) -> Any:
        found = graph.nodes.get(f"{prefix}.{name}")
        if not isinstance(found, kind):
            raise ConfigurationError(
                f"{prefix}.{name} is {type(found).__name__}, where a {kind.__name__} belongs"
            )
        return found

    encode, encoders = node("encode", nir.Affine), node("encoders", nir.LIF)
    hidden, output = node("hidden", nir.CubaLIF), node("output", nir.LI)
    recurrent = f"{prefix}.recurrence" in graph.nodes
    adaptive = "threshold_weight" in hidden.metadata
    m, n = len(encode.bias), len(hidden.v_threshold)
    structure = NetworkStructure(m, n, adaptive, recurrent)
    for name, each in (("encoders", encoders), ("hidden", hidden)):
        if each.metadata.get("reset") != "subtract":
            raise ConfigurationError(
                f"neurons of {prefix}.{name} are reset to a voltage; ours subtract their threshold"
            )
    numbers = Network(
        encoder_weight=encode.weight[:, 0],
        encoder_bias=encode.bias,
        encoder_decay=decay(encoders.tau, step),
        encoder_threshold=encoders.v_threshold,
        weight=node("synapses", nir.Linear).weight.T,
        current_decay=decay(hidden.tau_syn, step),
        voltage_decay=decay(hidden.tau_mem, step),
        threshold=hidden.v_threshold,
        trace_decay=decay(hidden.metadata["threshold_tau"], step) if adaptive else np.zeros(m),
        adaptation=hidden.metadata["threshold_weight"].T if adaptive else np.zeros((m, n)),
        recurrent_weight=(
            node("recurrence", nir.Linear).weight.T if recurrent else np.zeros((n, n))
        ),
        readout=node("readout", nir.Linear).weight[0],
        readout_decay=decay(output.tau, step)[0],
    )
    for name, shape in structure.shapes.items():
        if np.shape(getattr(numbers, name)) != shape:
            raise ConfigurationError(
                f"{prefix}: {name} has the shape {np.shape(getattr(numbers, name))}, not {shape}"
            )
    return structure, numbers
