# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Simulates presentations of images to experts, one by one or all of an ensemble's at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from neuro_control.places.control.stdp.constants import step_constants
from neuro_control.places.control.stdp.encoding import InputSpikes
from neuro_control.places.control.stdp.expert import Expert
from neuro_control.places.control.stdp.presentation import ExpertState, Record, present, present_all
from neuro_control.places.control.types import Array32, Counts, Indices

# The device that stands for compiled code on all cores of the processor.
CORES = "cores"

_NO_RASTER = np.zeros((0, 2), np.int64)


class BatchSimulator:
    """Presents images to experts of one kind, by compiled code.

    Args:
        expert: Constants of the experts.

    Attributes:
        expert: Constants of the experts.
        constants: The same constants, as the compiled loop needs them.

    Raises:
        ConfigurationError: As ``constants.step_constants``.
    """

    def __init__(self, expert: Expert) -> None:
        self.expert = expert
        self.constants = step_constants(expert)

    def respond(self, state: ExpertState, spikes: InputSpikes) -> tuple[Counts, Array32]:
        """Present an image to E experts, none of which learns. Releases the interpreter's lock.

        Args:
            state: State of the E experts.
            spikes: Spikes of the inputs.

        Returns:
            Spikes of each neuron, and what arrived at each neuron, Σ w, both (E, neurons).
        """
        shape = state.thresholds.shape
        record = Record(np.empty(shape, np.float32), np.empty(shape, np.int32), _NO_RASTER)
        present_all(state, spikes, self.constants, record)
        return record.counts, record.drive

    def raster(self, state: ExpertState, spikes: InputSpikes) -> Indices:
        """Step and neuron of each spike of one expert that doesn't learn, (spikes, 2)."""
        neurons = self.expert.neurons
        most = self.expert.steps // self.constants.interval + 1
        record = Record(
            drive=np.zeros(neurons, np.float32),
            counts=np.zeros(neurons, np.int32),
            raster=np.zeros((neurons * most, 2), np.int64),
        )
        present(state, spikes, self.constants, False, record)
        return record.raster[: record.counts.sum()]

    def learn(self, state: ExpertState, spikes: InputSpikes) -> Counts:
        """Spikes of each neuron, (neurons,), of one expert that learns.

        The weights and thresholds of ``state`` change in place. The weights must be scaled to their
        sum before (``Expert.scaled``).
        """
        neurons = self.expert.neurons
        record = Record(np.zeros(neurons, np.float32), np.zeros(neurons, np.int32), _NO_RASTER)
        present(state, spikes, self.constants, True, record)
        return record.counts


# From an image's spikes and the thresholds (E, neurons) to spikes and drive, both (E, neurons).
Present = Callable[[InputSpikes, Array32], tuple[Counts, Array32]]


def make_present(weights: Array32, expert: Expert, seed: int, device: str = CORES) -> Present:
    """A function that presents an image's spikes to all experts of an ensemble.

    Args:
        weights: Weights of the E experts, (E, inputs, neurons).
        expert: Constants of the experts.
        seed: Seed of the inputs' delays.
        device: ``cores`` for compiled code on all cores, or a device as torch names it.

    Returns:
        Gives the spikes and the drive of all neurons, (E, neurons), for an image's spikes and the
        adaptation of the thresholds (E, neurons).

    Raises:
        ConfigurationError: torch is missing, or has no such device.
    """
    experts, inputs, _ = weights.shape
    delays = expert.input_delays(np.random.default_rng([seed, inputs]))
    if device != CORES:
        # Importing it imports torch, which takes a while.
        from neuro_control.places.control.stdp.torch_simulator import TorchSimulator

        return TorchSimulator(expert, weights, delays, device).respond
    simulator = BatchSimulator(expert)
    workers = min(len(os.sched_getaffinity(0)), experts)
    pool = ThreadPoolExecutor(workers)
    edges = np.linspace(0, experts, workers + 1).astype(int).tolist()
    parts = [slice(*ends) for ends in pairwise(edges)]

    def present_on_cores(spikes: InputSpikes, thresholds: Array32) -> tuple[Counts, Array32]:
        def respond(part: slice) -> tuple[Counts, Array32]:
            state = ExpertState(weights[part], thresholds[part], delays)
            return simulator.respond(state, spikes)

        found = list(pool.map(respond, parts))
        return (
            np.concatenate([counts for counts, _ in found]),
            np.concatenate([drive for _, drive in found]),
        )

    return present_on_cores
