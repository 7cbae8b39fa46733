# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Poisson encoding: from firing rates to the spikes of an expert's inputs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from neuro_control.places.control.stdp.expert import Expert
from neuro_control.places.control.types import Array32, Indices


class InputSpikes(NamedTuple):
    """Spikes of the inputs during a presentation, sorted in two ways.

    Attributes:
        first: Index in ``inputs`` at which the spikes of each step begin, (steps + 1,).
        inputs: The inputs that fire, step after step, (spikes,).
        input_first: Index in ``steps`` at which the spikes of each input begin, (inputs + 1,).
        steps: The steps in which each input fires, input after input, ascending, (spikes,).
    """

    first: Indices
    inputs: Indices
    input_first: Indices
    steps: Indices

    @classmethod
    def of(cls, when: Indices, which: Indices, steps: int, inputs: int) -> InputSpikes:
        """Spikes of the inputs ``which`` at the steps ``when``, both (spikes,), in any order."""
        _, order = _sorted(which, inputs)
        when, which = when[order], which[order]
        first, by_step = _sorted(when, steps)
        input_first, by_input = _sorted(which[by_step], inputs)
        return cls(first, which[by_step], input_first, when[by_step][by_input])


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _sorted(keys: Any, count: Any) -> Any:
    """Counting sort of ``keys``, each below ``count``; equal keys keep their order.

    Returns:
        The index at which each key begins in the sorted order, (count + 1,), and that order.
    """
    first = np.zeros(count + 1, np.int64)
    for key in keys:
        first[key + 1] += 1
    for key in range(count):
        first[key + 1] += first[key]
    free = first[:-1].copy()
    order = np.empty(len(keys), np.int64)
    for index, key in enumerate(keys):
        order[free[key]] = index
        free[key] += 1
    return first, order


def encode(rates: Array32, expert: Expert, rng: np.random.Generator) -> InputSpikes:
    """Poisson spikes of inputs that fire at ``rates`` (inputs,), Hz, for one presentation."""
    steps = expert.steps
    counts = rng.poisson(rates * (steps * expert.step))
    which = np.repeat(np.arange(len(rates)), counts)
    return InputSpikes.of(rng.integers(0, steps, len(which)), which, steps, len(rates))
