# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Training of one expert on the images of its places.

Source: Hussaini, Milford and Fischer (arXiv 2209.08723), section III.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from neuro_control.places.control.stdp.batch_simulator import BatchSimulator
from neuro_control.places.control.stdp.encoding import encode
from neuro_control.places.control.stdp.expert import Expert
from neuro_control.places.control.stdp.presentation import ExpertState
from neuro_control.places.control.types import HZ_PER_LEVEL, Array32, Arrays

# Number of epochs at the end of training whose spikes decide to which places a neuron responds.
_COUNTED = 5
# Duration of a presentation and of the rest after it, s.
_CYCLE = 0.5


def train_expert(levels: Array32, expert: Expert, epochs: int, seed: Sequence[int]) -> Arrays:
    """Train an expert from its initial weights.

    Args:
        levels: Levels of the inputs for each traverse and place, (traverses, places, inputs); they
            are presented traverse after traverse.
        expert: Constants of the expert.
        epochs: Number of times that each image is presented.
        seed: Seed of weights, delays and spikes.

    Returns:
        ``weights`` (inputs, neurons), ``thresholds`` (neurons,), ``responses`` (places, neurons)
        in the last five epochs, and the processor's ``seconds``.
    """
    began = time.thread_time()
    rng = np.random.default_rng(seed)
    simulator = BatchSimulator(expert)
    weights = expert.initial_weights(rng)
    thresholds = np.full(expert.neurons, expert.initial_adaptation, np.float32)
    delays = expert.input_delays(rng)
    kept = np.float32(np.exp(-_CYCLE / expert.adaptation_decay))
    responses = np.zeros((levels.shape[1], expert.neurons), np.uint16)
    rates = levels * np.float32(HZ_PER_LEVEL)
    for epoch in range(epochs):
        for traverse in rates:
            for place, image in enumerate(traverse):
                weights = expert.scaled(weights)
                state = ExpertState(weights, thresholds, delays)
                counts = simulator.learn(state, encode(image, expert, rng))
                thresholds *= kept
                if epoch >= epochs - _COUNTED:
                    responses[place] += counts.astype(np.uint16)
    return {
        "weights": expert.scaled(weights).astype(np.float16),
        "thresholds": thresholds,
        "responses": responses,
        "seconds": np.array([time.thread_time() - began]),
    }
