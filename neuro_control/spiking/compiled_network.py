# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Spiking networks of ``network`` in compiled form.

One network takes about a microsecond for a tick (``NetworkSimulator``); a population runs over a
whole input on all cores (``respond``). The weights of silent neurons are skipped, as they would be
on neuromorphic hardware.

Source: Burgers, Stroobants and de Croon (arXiv 2309.12937), section II.
"""

from __future__ import annotations

import numba
import numpy as np

from neuro_control.spiking.network import Array, Network, NetworkStructure


def pack(structure: NetworkStructure, network: Network) -> Array:
    """Networks as rows of numbers, (..., size).

    Raises:
        ValueError: A parameter doesn't have the shape of the structure.
    """
    rows = []
    batch = np.shape(network.readout_decay)
    for (name, shape), part in zip(structure.shapes.items(), network, strict=True):
        array = np.asarray(part, dtype=np.float64)
        if array.shape != batch + shape:
            raise ValueError(f"{name} has the shape {array.shape}, not {batch + shape}")
        rows.append(array.reshape(*batch, -1))
    return np.ascontiguousarray(np.concatenate(rows, axis=-1))


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _tick(
    value: float, p: Array, s: Array, m: int, n: int, adaptive: bool, recurrent: bool
) -> float:
    """``network.step`` of one packed network ``p`` on its packed state ``s``, in place.

    The structure comes as four numbers: as a tuple it would cost half as much time again.
    """
    weight = p[4 * m : 4 * m + m * n].reshape(m, n)
    at = 4 * m + m * n
    current_decay, voltage_decay, base = p[at : at + n], p[at + n : at + 2 * n], p[at + 2 * n :]
    at += 3 * n
    trace_decay = p[at : at + m]
    adaptation = p[at + m : at + m + m * n].reshape(m, n)
    at += m + m * n
    back = p[at : at + n * n].reshape(n, n)
    readout, readout_decay = p[at + n * n : at + n * n + n], p[at + n * n + n]

    voltage, spikes, trace = s[:m], s[m : 2 * m], s[2 * m : 3 * m]
    at = 3 * m
    hidden_current, hidden_voltage = s[at : at + n], s[at + n : at + 2 * n]
    hidden_spikes, threshold = s[at + 2 * n : at + 3 * n], s[at + 3 * n : at + 4 * n]
    last = at + 4 * n

    for j in range(n):
        hidden_current[j] *= current_decay[j]
    for i in range(m):
        drive = p[i] * value + p[m + i]
        voltage[i] = p[2 * m + i] * voltage[i] + drive - spikes[i] * p[3 * m + i]
        spikes[i] = 1.0 if voltage[i] > p[3 * m + i] else 0.0
        if spikes[i]:
            for j in range(n):
                hidden_current[j] += weight[i, j]
    if recurrent:
        for k in range(n):
            if hidden_spikes[k]:
                for j in range(n):
                    hidden_current[j] += back[k, j]
    for j in range(n):
        reset = hidden_spikes[j] * threshold[j]
        hidden_voltage[j] = voltage_decay[j] * hidden_voltage[j] + hidden_current[j] - reset
        threshold[j] = base[j]
    if adaptive:
        for i in range(m):
            trace[i] = trace_decay[i] * trace[i] + spikes[i]
            for j in range(n):
                threshold[j] += trace[i] * adaptation[i, j]
    total = 0.0
    for j in range(n):
        hidden_spikes[j] = 1.0 if hidden_voltage[j] > threshold[j] else 0.0
        total += hidden_spikes[j] * readout[j]
    s[last] = readout_decay * s[last] + (1.0 - readout_decay) * total
    return float(s[last])


@numba.njit(cache=True, parallel=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _respond(
    values: Array, networks: Array, states: Array, outputs: Array, structure: NetworkStructure
) -> None:
    m, n, adaptive, recurrent = structure
    for i in numba.prange(len(networks)):
        row = values[i] if len(values) > 1 else values[0]
        for t in range(len(row)):
            outputs[i, t] = _tick(row[t], networks[i], states[i], m, n, adaptive, recurrent)


def _at_rest(structure: NetworkStructure, networks: Array) -> Array:
    """Packed states at rest, (..., state_size), of packed networks (..., size)."""
    states = np.zeros((*networks.shape[:-1], structure.state_size))
    m, n = structure.encoders, structure.hidden
    at = 4 * m + m * n + 2 * n
    states[..., 3 * m + 3 * n : 3 * m + 4 * n] = networks[..., at : at + n]
    return states


def respond(structure: NetworkStructure, networks: Array, values: Array) -> Array:
    """Outputs of a population of networks for an input over time, computed on all cores.

    Args:
        structure: NetworkStructure of all networks.
        networks: Packed networks, (P, size).
        values: Input of each network, (P, T), or the same input for all, (T,).

    Returns:
        Outputs, (P, T), from rest on.

    Raises:
        ValueError: The shapes don't fit.
    """
    networks = np.ascontiguousarray(networks, dtype=np.float64)
    values = np.ascontiguousarray(np.atleast_2d(values), dtype=np.float64)
    if networks.ndim != 2 or networks.shape[1] != structure.size:
        raise ValueError(f"expected networks (P, {structure.size}), got {networks.shape}")
    if len(values) not in (1, len(networks)):
        raise ValueError(f"expected 1 or {len(networks)} inputs, got {len(values)}")
    outputs = np.empty((len(networks), values.shape[1]))
    _respond(values, networks, _at_rest(structure, networks), outputs, structure)
    return outputs


class NetworkSimulator:
    """Simulates one network, tick by tick.

    Args:
        structure: NetworkStructure of the network.
        network: Parameters of the network.

    Raises:
        ValueError: The parameters don't have the shapes of the structure.
    """

    def __init__(self, structure: NetworkStructure, network: Network) -> None:
        self.structure = structure
        self._packed = pack(structure, network)
        if self._packed.shape != (structure.size,):
            raise ValueError("a simulator takes one network, not a batch")
        self.reset()

    def reset(self) -> None:
        """Bring the network back to rest."""
        self._state = _at_rest(self.structure, self._packed)

    def step(self, value: float) -> float:
        """Output of the network for the input ``value``, after one tick."""
        found: float = _tick(value, self._packed, self._state, *self.structure)
        return found

    @property
    def spikes(self) -> Array:
        """Spikes of the last tick, encoders before hidden neurons, (m + n,)."""
        m, n = self.structure.encoders, self.structure.hidden
        hidden = self._state[3 * m + 2 * n : 3 * m + 3 * n]
        return np.concatenate([self._state[m : 2 * m], hidden])
