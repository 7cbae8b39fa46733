# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""One presentation of an image to experts: the equations of ``expert``, compiled and by events.

A spike of an input costs one row of weights, plasticity is computed only when a neuron fires, and
an inhibitory neuron, which nothing but its own excitatory neuron drives, is not simulated at all:
it fires once, a constant time after that neuron (``expert.inhibition_delay``).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from neuro_control.places.control.stdp.plasticity import follow, potentiate
from neuro_control.places.control.types import Array32, Counts, Indices


class ExpertState(NamedTuple):
    """What training changes in an expert, and its delays; or that of E experts together.

    Attributes:
        weights: Weights of the synapses, (inputs, neurons) or (E, inputs, neurons).
        thresholds: What adaptation adds to each neuron's threshold, mV, (neurons,) or (E, neurons).
        delays: Delay of each input, in steps, (inputs,); experts share them.
    """

    weights: Array32
    thresholds: Array32
    delays: Indices


class Record(NamedTuple):
    """Arrays in which a presentation leaves its result, of one expert or of E experts together.

    Attributes:
        drive: What arrived at each neuron, Σ w, is added here, (neurons,) or (E, neurons).
        counts: Spikes of each neuron are added here, (neurons,) or (E, neurons).
        raster: Step and neuron of each spike are written here, (spikes, 2), unless it has no rows.
    """

    drive: Array32
    counts: Counts
    raster: Indices


# Unless NumPy's error model is chosen, Numba checks every single division for zero.
@numba.njit(  # type: ignore[untyped-decorator]  # numba is untyped
    cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz", "arcp", "reassoc"}
)
def present(state: Any, spikes: Any, c: Any, learn: Any, record: Any) -> None:
    """Present an image to one expert, from rest.

    Args:
        state: ``ExpertState`` of the expert; changed in place if it learns.
        spikes: ``InputSpikes`` of the image.
        c: ``StepConstants`` of the expert.
        learn: Whether weights and thresholds change.
        record: ``Record`` that receives the result.
    """
    weights, threshold, delays = state.weights, state.thresholds, state.delays
    drive, counts, raster = record.drive, record.counts, record.raster
    bounds = c.delay_bounds
    n = weights.shape[1]
    depth = c.delays
    rows = 2 * depth
    # What is on its way to each neuron. A row is a time of arrival less the neuron's own delay, so
    # that one spike's weights go to one row, or to two where its delay passes the longest.
    underway = np.zeros((rows, n), np.float32)
    excitation = np.zeros(n, np.float32)
    inhibition = np.zeros(n, np.float32)
    voltage = np.full(n, np.float32(c.rest), np.float32)
    since = np.full(n, np.float32(c.interval))
    last = np.full(n, -1, np.int64)
    emitted = spikes.input_first[:-1].copy()
    # Neurons whose inhibitory neuron has yet to fire, in a ring by the step in which it will.
    ring = c.inhibition_delay + 1
    waiting = np.zeros(ring, np.int64)
    calm = c.inhibition_gone + 1
    inhibited_by = np.zeros((ring, n), np.int64)
    recorded = 0

    k = np.float32(c.leak)
    rest = np.float32(c.rest)
    reversal = np.float32(c.inhibition)
    conductance = np.float32(c.conductance)
    zero, one = np.float32(0), np.float32(1)
    e_mean, e_kept = np.float32(c.excitation_mean), np.float32(c.excitation_decay)
    i_mean, i_kept = np.float32(c.inhibition_mean), np.float32(c.inhibition_decay)
    limit_of = threshold + np.float32(c.base)
    refractory, interval = np.float32(c.refractory), np.float32(c.interval)

    arriving = np.zeros(n, np.float32)
    for t in range(c.steps):
        for s in range(spikes.first[t], spikes.first[t + 1]):
            source = spikes.inputs[s]
            emitted[source] += 1
            delay = delays[source]
            limit = bounds[depth - delay]
            _add(underway[(t + delay) % rows, :limit], weights[source, :limit])
            _add(underway[(t + delay - depth) % rows, limit:], weights[source, limit:])
        for group in range(depth):
            row = underway[(t - group) % rows, bounds[group] : bounds[group + 1]]
            arriving[bounds[group] : bounds[group + 1]] = row
            row[:] = 0

        slot = t % ring
        brought = np.float32(c.from_inhibitory * waiting[slot])
        # The compiler turns small loops over few arrays into vector instructions.
        for j in range(n):
            ge = excitation[j] * e_mean
            gi = inhibition[j] * i_mean
            moved = (voltage[j] + k * (rest + gi * reversal)) / (one + k * (one + ge + gi))
            voltage[j] = moved if since[j] >= refractory else voltage[j]
        for j in range(n):
            excitation[j] = excitation[j] * e_kept + conductance * arriving[j]
            drive[j] += arriving[j]
        for j in range(n):
            since[j] += one
        calm = 0 if waiting[slot] else calm + 1
        if calm <= c.inhibition_gone:
            for j in range(n):
                inhibition[j] = inhibition[j] * i_kept + brought
        elif calm == c.inhibition_gone + 1:
            # Computing with denormal numbers takes many times as long as with others.
            inhibition[:] = 0
        reached = np.float32(0)
        for j in range(n):
            reached += one if (voltage[j] > limit_of[j]) & (since[j] >= interval) else zero
        for s in range(waiting[slot]):
            inhibition[inhibited_by[slot, s]] -= np.float32(c.from_inhibitory)
        waiting[slot] = 0

        if reached == 0:
            continue
        slot = (t + c.inhibition_delay) % ring
        for j in range(n):
            if voltage[j] <= limit_of[j] or since[j] < interval:
                continue
            inhibited_by[slot, waiting[slot]] = j
            waiting[slot] += 1
            if learn:
                potentiate(state, j, t, last[j], spikes, emitted, c)
                threshold[j] += np.float32(c.adaptation)
                limit_of[j] += np.float32(c.adaptation)
            counts[j] += 1
            if raster.shape[0]:
                raster[recorded, 0] = t
                raster[recorded, 1] = j
                recorded += 1
            voltage[j] = np.float32(c.reset)
            since[j] = 0
            last[j] = t
    if learn:
        for j in range(n):
            if last[j] >= 0:
                follow(state, j, c.steps - 1, last[j], spikes, emitted, c)


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _add(target: Any, values: Any) -> None:
    for j in range(len(target)):
        target[j] += values[j]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]  # numba is untyped
def present_all(state: Any, spikes: Any, c: Any, record: Any) -> None:
    """Present an image to E experts, none of which learns; see ``present``."""
    record.drive[:] = 0
    record.counts[:] = 0
    for e in range(len(state.weights)):
        present(
            ExpertState(state.weights[e], state.thresholds[e], state.delays),
            spikes,
            c,
            False,
            Record(record.drive[e], record.counts[e], record.raster),
        )
