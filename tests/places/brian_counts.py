# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How often the neurons of one expert fire, counted in Brian2 and kept for where there is none.

``python -m tests.places.brian_counts`` writes ``brian_counts.csv`` anew, in three minutes.
"""

from pathlib import Path

import numpy as np

from tests.places.textures import textures

FILE = Path(__file__).with_name("brian_counts.csv")

NEURONS, PLACES, IMAGES, REPETITIONS = 100, 10, 6, 12

# The authors' times, in steps of 0.1 ms: rest before all images, an image, the rest after it.
BEFORE, SHOWN, CYCLE, LONGEST_DELAY = 5000, 3500, 5000, 100


def expert():
    """An expert as training leaves it: weights (inputs, neurons), thresholds' adaptation in mV."""
    rng = np.random.default_rng(0)
    own = np.arange(NEURONS) % PLACES
    like = (textures(PLACES).reshape(PLACES, -1)[own].T / 255) ** 2
    weights = like * rng.random(like.shape) + 0.05 * rng.random(like.shape)
    return weights * (78 / weights.sum(axis=0)), rng.uniform(38.0, 44.0, NEURONS)


def rates():
    """Of the inputs, for each image, (IMAGES, inputs), Hz."""
    return textures(PLACES)[:IMAGES].reshape(IMAGES, -1) / 4


def counted(repetition):
    """Spikes of each neuron for each image, (IMAGES, NEURONS), in one run of Brian2's."""
    from tests.places.brian_expert import simulate

    rng = np.random.default_rng([1, repetition])
    weights, theta = expert()
    delays = rng.integers(0, LONGEST_DELAY + 1, weights.shape)
    until = BEFORE + IMAGES * CYCLE
    spikes = np.zeros((until, len(weights)), bool)
    begins = BEFORE + CYCLE * np.arange(IMAGES)
    for begin, rate in zip(begins, rates(), strict=True):
        spikes[begin : begin + SHOWN] = rng.random((SHOWN, len(rate))) < rate * 1e-4
    found = simulate(weights, theta, delays, *np.nonzero(spikes), until=until).spikes
    image = (found[:, 0] - BEFORE) // CYCLE
    counts = np.zeros((IMAGES, NEURONS), int)
    np.add.at(counts, (image, found[:, 1]), 1)
    return counts


def recorded():
    """What the file holds, (REPETITIONS, IMAGES, NEURONS)."""
    return np.loadtxt(FILE, int, delimiter=",").reshape(REPETITIONS, IMAGES, NEURONS)


if __name__ == "__main__":
    runs = np.concatenate([counted(repetition) for repetition in range(REPETITIONS)])
    np.savetxt(FILE, runs, "%d", delimiter=",")
