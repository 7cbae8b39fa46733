# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A place expert as a file of NIR, and back.

| node | what it is |
| --- | --- |
| ``spikes`` | input: how often each input fires in a tick, (inputs,) |
| ``delay.K`` → ``synapses.K`` | delays of the inputs to the neurons whose own delay is K ticks, and their weights |
| ``excitatory`` | the excitatory neurons |
| ``inhibitory`` → ``inhibition`` | each neuron's inhibitory neuron, which fires a constant time after it, as that delay; and what it does to all other neurons, negative |
| ``fired`` | output: the spikes of the excitatory neurons, (neurons,) |

NIR has no neurons whose synapses are conductances. ``excitatory`` is a ``CubaLIF`` with the same
time constants and thresholds, whose resistance is the excitatory synapses' driving voltage at rest,
and its metadata say what it stands for: ``synapses: conductance``, the reversal voltages (mV), the
time constant of inhibition, the refractory time and the shortest interval (s). Positive weights are
excitatory conductances, negative ones inhibitory. A program that does not read the metadata has an
approximation.

The expert is as it is used: it does not learn.
"""  # noqa: E501  # the table's rows

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.stdp.constants import step_constants
from neuro_control.places.control.stdp.expert import EXCITATORY, Expert, neuron_delays
from neuro_control.places.control.stdp.presentation import ExpertState
from neuro_control.places.control.types import Array32, Indices
from neuro_control.spiking import nir_files


def write(path: Path, expert: Expert, state: ExpertState) -> None:
    """Write one expert, whole or not at all.

    Args:
        path: The file; its name ends in ``.nir``.
        expert: Constants of the expert.
        state: Its weights (inputs, neurons), thresholds (neurons,) and delays (inputs,).

    Raises:
        ConfigurationError: As ``nir_files.write``.
    """
    nir = nir_files.library()
    step = expert.step
    delays = neuron_delays(expert)
    inhibition = -expert.from_inhibitory * (1.0 - np.eye(expert.neurons))
    waits = np.full(expert.neurons, step_constants(expert).inhibition_delay * step)
    nodes = {
        "spikes": nir.Input(np.array([expert.inputs])),
        "excitatory": _excitatory(expert, state.thresholds),
        "inhibitory": nir.Delay(waits),
        "inhibition": nir.Linear(inhibition.astype(np.float32)),
        "fired": nir.Output(np.array([expert.neurons])),
    }
    edges = [
        ("excitatory", "inhibitory"),
        ("inhibitory", "inhibition"),
        ("inhibition", "excitatory"),
        ("excitatory", "fired"),
    ]
    for own in np.unique(delays):
        weights = np.where(delays == own, state.weights, np.float32(0)).T
        nodes[f"delay.{own}"] = nir.Delay((state.delays + own) % expert.delays * step)
        nodes[f"synapses.{own}"] = nir.Linear(np.ascontiguousarray(weights, np.float32))
        edges += [
            ("spikes", f"delay.{own}"),
            (f"delay.{own}", f"synapses.{own}"),
            (f"synapses.{own}", "excitatory"),
        ]
    metadata = {"step": step, "expert": json.dumps(dataclasses.asdict(expert))}
    nir_files.write(path, nodes, edges, metadata)


def _excitatory(expert: Expert, thresholds: Array32) -> Any:
    shape = expert.neurons
    return nir_files.library().CubaLIF(
        tau_syn=np.full(shape, expert.excitation),
        tau_mem=np.full(shape, EXCITATORY.membrane),
        r=np.full(shape, EXCITATORY.excitation - EXCITATORY.rest),
        v_leak=np.full(shape, EXCITATORY.rest),
        v_threshold=thresholds + np.float32(expert.threshold),
        v_reset=np.full(shape, EXCITATORY.reset),
        w_in=np.full(shape, expert.conductance * expert.excitation / expert.step),
        metadata={
            "synapses": "conductance",
            "v_excitation": EXCITATORY.excitation,
            "v_inhibition": EXCITATORY.inhibition,
            "tau_inhibition": expert.inhibition,
            "refractory": EXCITATORY.refractory,
            "interval": expert.interval,
        },
    )


def read(path: Path) -> tuple[Expert, ExpertState]:
    """Constants and state of the expert in a file that ``write`` wrote.

    Raises:
        ConfigurationError: As ``nir_files.read``, or the file holds no place expert.
    """
    graph = nir_files.read(path)
    try:
        expert = Expert(**json.loads(graph.metadata["expert"]))
        weights = np.zeros((expert.inputs, expert.neurons), np.float32)
        for own in np.unique(neuron_delays(expert)):
            weights += graph.nodes[f"synapses.{own}"].weight.T
        thresholds = graph.nodes["excitatory"].v_threshold - np.float32(expert.threshold)
        delays: Indices = np.rint(graph.nodes["delay.0"].delay / expert.step).astype(np.int64)
        if thresholds.shape != (expert.neurons,) or delays.shape != (expert.inputs,):
            raise ValueError("its nodes have other sizes than its metadata say")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"{path} holds no place expert ({error!r})") from error
    return expert, ExpertState(weights, thresholds, delays)
