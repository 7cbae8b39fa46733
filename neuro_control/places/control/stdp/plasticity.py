# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Spike-timing-dependent plasticity of an expert's weights: triplet STDP, compiled and by events.

Traces x of inputs, y₁ and y₂ of neurons are set to 1 by a spike and decay. When an input's spike
arrives, w += η_early y₁; when a neuron fires, w += η_late x y₂, y₂ being that of before. No weight
exceeds 1. The sums over events are those of the traces' equations, computed when the neuron fires.

Source: Hussaini, Milford and Fischer (arXiv 2209.08723), section III, and their code; Diehl and
Cook (2015).
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _delay_of(j: Any, bounds: Any) -> Any:
    """Delay of neuron ``j``, in steps."""
    return np.searchsorted(bounds, j, side="right") - 1


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]  # numba is untyped
def potentiate(state: Any, j: Any, t: Any, last: Any, spikes: Any, emitted: Any, c: Any) -> None:
    """Change the weights of a neuron that fires, by what arrived since its last spike.

    Its first spike changes nothing: there is no earlier one for the slow trace to hold.

    Args:
        state: ``ExpertState``, whose weights change.
        j: The neuron.
        t: Step of its spike.
        last: Step of its last spike, -1 if there was none.
        spikes: ``InputSpikes`` of the presentation.
        emitted: Index in ``spikes.steps`` after each input's last spike so far, (inputs,).
        c: ``StepConstants`` of the expert.
    """
    if last < 0:
        return
    weights, delays = state.weights, state.delays
    early, late = c.early_decay, c.late_decay
    follow(state, j, t, last, spikes, emitted, c)
    own = _delay_of(j, c.delay_bounds)
    gained = np.float32(c.late_rate) * late[t - last]
    for source in range(weights.shape[0]):
        delay = (delays[source] + own) % c.delays
        for s in range(emitted[source] - 1, spikes.input_first[source] - 1, -1):
            arrived = spikes.steps[s] + delay
            if arrived <= t:
                grown = weights[source, j] + gained * early[t - arrived]
                weights[source, j] = min(grown, np.float32(1))
                break


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]  # numba is untyped
def follow(state: Any, j: Any, t: Any, last: Any, spikes: Any, emitted: Any, c: Any) -> None:
    """Let a neuron's weights grow by the inputs' spikes that followed its last, up to step ``t``.

    The arguments are those of ``potentiate``.
    """
    weights, delays, early = state.weights, state.delays, c.early_decay
    own = _delay_of(j, c.delay_bounds)
    for source in range(weights.shape[0]):
        delay = (delays[source] + own) % c.delays
        trace = np.float32(0)
        for s in range(emitted[source] - 1, spikes.input_first[source] - 1, -1):
            arrived = spikes.steps[s] + delay
            if arrived <= last:
                break
            if arrived <= t:
                trace += early[arrived - last]
        grown = weights[source, j] + np.float32(c.early_rate) * trace
        weights[source, j] = min(grown, np.float32(1))
