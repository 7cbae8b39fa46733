# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Place cells: experts that learn each place at one sight, by Hebb's rule.

While an image of a place is shown, some neurons that have no place yet are made to fire. The
synapses between active inputs and these neurons grow in proportion to the inputs' activity, and are
scaled to a fixed strength together. Several traverses add up. Neurons of a place come in pairs: one
has synapses with a random half of the inputs, the other one with the other half. So a pair holds
the whole image, and a place loses little with a neuron.

Sources: Hebb, The organization of behavior (1949); Turrigiano, The self-tuning neuron: synaptic
scaling of excitatory synapses (Cell, 2008). Teaching by a current is that of Tempo's and VPRTempo's
output layer (Hines, Stratton, Milford and Fischer, arXiv 2309.10225).
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from neuro_control.places.control.suppression import unit
from neuro_control.places.control.types import Array32, Arrays


def learn_at_one_sight(levels: Array32, neurons: int, seed: Sequence[int]) -> Arrays:
    """An expert that knows its places from one image of each traverse.

    Args:
        levels: Levels of the inputs for each traverse and place, (traverses, places, inputs).
        neurons: Neurons of the expert, at least as many as places; each place has as many, and
            what is left over stays without synapses.
        seed: Seed of the inputs of each neuron.

    Returns:
        ``weights`` (inputs, neurons), ``thresholds`` (neurons,), all 0, ``responses`` (places,
        neurons), 1 where a neuron has learnt a place, and the processor's ``seconds``.
    """
    began = time.thread_time()
    rng = np.random.default_rng(seed)
    _, places, inputs = levels.shape
    each = neurons // places
    seen = unit(np.mean([unit(traverse) for traverse in levels], axis=0))
    weights = np.zeros((inputs, neurons), np.float16)
    responses = np.zeros((places, neurons), np.uint16)
    for place, image in enumerate(seen):
        own = slice(place * each, (place + 1) * each)
        half = rng.random((inputs, (each + 1) // 2)) < 0.5
        connected = np.stack([half, ~half], axis=2).reshape(inputs, -1)[:, :each]
        if each % 2:
            connected[:, -1] = True  # a neuron without a partner has all inputs
        weights[:, own] = image[:, None] * connected
        responses[place, own] = 1
    return {
        "weights": weights,
        "thresholds": np.zeros(neurons, np.float32),
        "responses": responses,
        "seconds": np.array([time.thread_time() - began]),
    }
