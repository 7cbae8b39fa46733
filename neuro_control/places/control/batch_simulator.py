"""Presents images to experts: the equations of ``expert``, compiled and by events.

A spike of an input costs one row of weights, plasticity is worked out when a neuron fires, and an
inhibitory neuron, which nothing but its own excitatory neuron drives, is not simulated at all: it
fires once, a constant time after it (``expert.inhibition_delay``).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.places.control.constants import Count, constants_of
from neuro_control.places.control.expert import (
    Expert,
    Float,
    InputSpikes,
    neuron_delays,
)

CORES = "cores"


class Runner:
    """Presents images to experts of one kind; compiled.

    Args:
        expert: Constants of the experts.

    Attributes:
        expert: As above.
        constants: The same, as the loop needs them.
    """

    def __init__(self, expert: Expert) -> None:
        self.expert = expert
        self.constants, self._early, self._late = constants_of(expert)
        # Neurons that share a delay lie side by side: where each delay's begin.
        self._bounds = np.searchsorted(neuron_delays(expert), np.arange(expert.delays + 1))

    def respond(
        self,
        weights: Float,
        threshold: Float,
        spikes: InputSpikes,
        delays: NDArray[np.int64],
        drive: Float,
        counts: Count,
    ) -> None:
        """Shows an image to E experts; nothing is learnt. Lets go of the interpreter's lock.

        Args:
            weights: (E, inputs, neurons).
            threshold: What each neuron's adaptation adds to its threshold, mV, (E, neurons).
            spikes: Of the inputs.
            delays: Of the inputs, steps, (inputs,).
            drive: What arrives at each neuron, Σ w, is written here, (E, neurons).
            counts: Spikes of each neuron are written here, (E, neurons).
        """
        _present_all(
            *(weights, threshold, spikes, delays, self._bounds, self.constants),
            *(self._early, self._late, drive, counts),
        )

    def raster(
        self, weights: Float, threshold: Float, spikes: InputSpikes, delays: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Each spike of one expert, nothing being learnt: (spikes, 2), step and neuron."""
        counts = np.zeros(self.expert.neurons, np.int32)
        most = self.expert.steps // self.constants.interval + 1
        raster = np.zeros((self.expert.neurons * most, 2), np.int64)
        _present(
            *(weights, threshold, spikes, delays, self._bounds, self.constants),
            *(self._early, self._late, False, np.zeros_like(threshold), counts, raster),
        )
        return raster[: counts.sum()]

    def learn(
        self, weights: Float, threshold: Float, spikes: InputSpikes, delays: NDArray[np.int64]
    ) -> Count:
        """Spikes of each neuron of one expert, (neurons,), while it learns.

        ``weights`` (inputs, neurons) and ``threshold`` (neurons,) change in place. The weights must
        be scaled to their sum before (``Expert.scaled``).
        """
        counts = np.zeros(self.expert.neurons, np.int32)
        _present(
            *(weights, threshold, spikes, delays, self._bounds, self.constants),
            *(self._early, self._late, True, np.zeros_like(threshold), counts, _NO_RASTER),
        )
        return counts


_NO_RASTER = np.zeros((0, 2), np.int64)


# Without NumPy's division by zero each division would be checked, one by one.
@numba.njit(  # type: ignore[untyped-decorator]  # numba is untyped
    cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz", "arcp", "reassoc"}
)
def _present(
    weights: Any,
    threshold: Any,
    spikes: Any,
    delays: Any,
    bounds: Any,
    c: Any,
    early: Any,
    late: Any,
    learn: Any,
    drive: Any,
    counts: Any,
    raster: Any,
) -> None:
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
        # Small loops over few arrays: those the compiler turns into vector instructions.
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
            # Numbers too small for the format cost many times what others do.
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
                _potentiate(weights, j, t, last[j], spikes, emitted, delays, bounds, c, early, late)
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
                _follow(weights, j, c.steps - 1, last[j], spikes, emitted, delays, bounds, c, early)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _present_all(
    weights: Any,
    threshold: Any,
    spikes: Any,
    delays: Any,
    bounds: Any,
    c: Any,
    early: Any,
    late: Any,
    drive: Any,
    counts: Any,
) -> None:
    raster = np.zeros((0, 2), np.int64)
    drive[:] = 0
    counts[:] = 0
    for e in range(len(weights)):
        _present(
            weights[e],
            threshold[e],
            spikes,
            delays,
            bounds,
            c,
            early,
            late,
            False,
            drive[e],
            counts[e],
            raster,
        )


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _add(target: Any, values: Any) -> None:
    for j in range(len(target)):
        target[j] += values[j]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _delay_of(j: Any, bounds: Any) -> Any:
    """A neuron's part of the delays."""
    return np.searchsorted(bounds, j, side="right") - 1


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _potentiate(
    weights: Any,
    j: Any,
    t: Any,
    last: Any,
    spikes: Any,
    emitted: Any,
    delays: Any,
    bounds: Any,
    c: Any,
    early: Any,
    late: Any,
) -> None:
    """A neuron fires: weights grow by what arrived since its last spike, then by what arrived last.

    Its first spike changes nothing: there is no earlier one for the slow trace to hold.
    """
    if last < 0:
        return
    _follow(weights, j, t, last, spikes, emitted, delays, bounds, c, early)
    own = _delay_of(j, bounds)
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
def _follow(
    weights: Any,
    j: Any,
    t: Any,
    last: Any,
    spikes: Any,
    emitted: Any,
    delays: Any,
    bounds: Any,
    c: Any,
    early: Any,
) -> None:
    """Weights of a neuron grow by the input's spikes that arrived after its last, up to now."""
    own = _delay_of(j, bounds)
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


Show = Callable[[InputSpikes, Float], tuple[NDArray[np.int32], Float]]


def shower(weights: Float, expert: Expert, seed: int, device: str = CORES) -> Show:
    """What shows an image's spikes to all experts.

    Args:
        weights: (E, inputs, neurons).
        expert: Their constants.
        seed: Of the delays.
        device: Where it is done: compiled on all cores, or as torch names its devices.

    Returns:
        From spikes and thresholds (E, neurons) to spikes and drive of all neurons, (E, neurons).

    Raises:
        ConfigurationError: torch is missing, or has no such device.
    """
    experts, inputs, neurons = weights.shape
    delays = expert.input_delays(np.random.default_rng([seed, inputs]))
    if device != CORES:
        # It imports torch, which takes a while.
        from neuro_control.places.control.torch_simulator import TorchRunner

        return TorchRunner(expert, weights, delays, device).respond
    runner = Runner(expert)
    cores = min(len(os.sched_getaffinity(0)), experts)
    pool = ThreadPoolExecutor(cores)
    parts = [slice(*ends) for ends in zip(*_ends(experts, cores), strict=True)]

    def show(spikes: InputSpikes, thresholds: Float) -> tuple[NDArray[np.int32], Float]:
        counts = np.empty((experts, neurons), np.int32)
        drive = np.empty((experts, neurons), np.float32)

        def respond(part: slice) -> None:
            runner.respond(
                weights[part], thresholds[part], spikes, delays, drive[part], counts[part]
            )

        list(pool.map(respond, parts))
        return counts, drive

    return show


def _ends(count: int, parts: int) -> tuple[list[int], list[int]]:
    edges = np.linspace(0, count, parts + 1).astype(int).tolist()
    return edges[:-1], edges[1:]
