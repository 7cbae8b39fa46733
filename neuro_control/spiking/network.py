"""A spiking network that answers one number by another: encoder, hidden layer, read-out.

The equations are those of ``neurons``; here they run compiled, one network a call in about a
microsecond (``Runner``) or a population over a whole input (``respond``), and in NumPy for whoever
wants to read or check them (``step``). A layer's weights are passed over for neurons that are
silent, as they would be on neuromorphic hardware.

Source: Burgers, Stroobants and de Croon (arXiv 2309.12937), section II.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.spiking.neurons import (
    IWTAParameters,
    IWTAState,
    LIFParameters,
    LIFState,
    integrate,
    iwta,
    lif,
    recurrent,
    through,
)

Array = NDArray[np.float64]


class Structure(NamedTuple):
    """Size and kind of a network.

    Attributes:
        encoders: Encoding neurons m.
        hidden: Hidden neurons n.
        adaptive: Thresholds of the hidden layer follow its input (IWTA), rather than stay.
        recurrent: The hidden layer hears itself.
    """

    encoders: int
    hidden: int
    adaptive: bool
    recurrent: bool

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each part of ``Network``, in its order."""
        m, n = self.encoders, self.hidden
        return {
            "encoder_weight": (m,),
            "encoder_bias": (m,),
            "encoder_decay": (m,),
            "encoder_threshold": (m,),
            "weight": (m, n),
            "current_decay": (n,),
            "voltage_decay": (n,),
            "threshold": (n,),
            "trace_decay": (m,),
            "adaptation": (m, n),
            "recurrent_weight": (n, n),
            "readout": (n,),
            "readout_decay": (),
        }

    @property
    def size(self) -> int:
        """Numbers of a packed network."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    @property
    def state_size(self) -> int:
        """Numbers of a network's packed state."""
        return 3 * self.encoders + 4 * self.hidden + 1


class Network(NamedTuple):
    """Numbers of a network, or of a batch of them with more dimensions in front.

    Attributes:
        encoder_weight: Of the value that is encoded, (..., m).
        encoder_bias: Constant drive of the encoders, (..., m).
        encoder_decay: Voltage decay of the encoders, whose current doesn't last, (..., m).
        encoder_threshold: Their thresholds, (..., m).
        weight: From encoders to the hidden layer, (..., m, n).
        current_decay: Of the hidden layer, (..., n).
        voltage_decay: Likewise, (..., n).
        threshold: Likewise, at rest, (..., n).
        trace_decay: Of the traces of the encoders' spikes, (..., m); read if adaptive.
        adaptation: Of the thresholds by the traces, (..., m, n); read if adaptive.
        recurrent_weight: Within the hidden layer, (..., n, n); read if recurrent.
        readout: From the hidden layer to the output, (..., n).
        readout_decay: Of the output, (...).
    """

    encoder_weight: Array
    encoder_bias: Array
    encoder_decay: Array
    encoder_threshold: Array
    weight: Array
    current_decay: Array
    voltage_decay: Array
    threshold: Array
    trace_decay: Array
    adaptation: Array
    recurrent_weight: Array
    readout: Array
    readout_decay: Array


def pack(structure: Structure, network: Network) -> Array:
    """Networks as rows of numbers, (..., size).

    Raises:
        ValueError: A part has not the shape that the structure wants.
    """
    rows = []
    batch = np.shape(network.readout_decay)
    for (name, shape), part in zip(structure.shapes.items(), network, strict=True):
        array = np.asarray(part, dtype=np.float64)
        if array.shape != batch + shape:
            raise ValueError(f"{name} has the shape {array.shape}, not {batch + shape}")
        rows.append(array.reshape(*batch, -1))
    return np.ascontiguousarray(np.concatenate(rows, axis=-1))


class State(NamedTuple):
    """State of a network, or of a batch of them, for ``step``.

    Attributes:
        encoders: Of the encoding neurons.
        hidden: Of the hidden layer: ``LIFState``, or ``IWTAState`` if adaptive.
        output: Of the read-out, (...).
    """

    encoders: LIFState
    hidden: LIFState | IWTAState
    output: Array


def rest(structure: Structure, network: Network) -> State:
    """State of networks that have never heard anything."""
    batch = np.shape(network.readout_decay)
    shape = (*batch, structure.hidden)
    hidden: LIFState | IWTAState
    if structure.adaptive:
        hidden = IWTAState.rest(shape, structure.encoders, network.threshold)
    else:
        hidden = LIFState.rest(shape)
    return State(LIFState.rest((*batch, structure.encoders)), hidden, np.zeros(batch))


def step(structure: Structure, network: Network, value: Any, state: State) -> tuple[Array, State]:
    """One tick in NumPy: what the networks answer to ``value`` (...), and their state."""
    drive = network.encoder_weight * np.asarray(value)[..., None] + network.encoder_bias
    parameters = LIFParameters(
        np.zeros_like(network.encoder_decay), network.encoder_decay, network.encoder_threshold
    )
    spikes, encoders = lif(drive, state.encoders, parameters)
    drive = through(spikes, network.weight)
    if structure.recurrent:
        drive = recurrent(drive, state.hidden.spikes, network.recurrent_weight)
    hidden: LIFState | IWTAState
    if isinstance(state.hidden, IWTAState):
        adaptive = IWTAParameters(
            network.current_decay,
            network.voltage_decay,
            network.threshold,
            network.trace_decay,
            network.adaptation,
        )
        found, hidden = iwta(drive, spikes, state.hidden, adaptive)
    else:
        plain = LIFParameters(network.current_decay, network.voltage_decay, network.threshold)
        found, hidden = lif(drive, state.hidden, plain)
    readout = (found * network.readout).sum(axis=-1)
    output: Any = integrate(readout, state.output, network.readout_decay)
    return output, State(encoders, hidden, output)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _tick(
    value: float, p: Array, s: Array, m: int, n: int, adaptive: bool, recurrent: bool
) -> float:
    """``step`` of one packed network ``p`` on its packed state ``s``, in place."""
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
    values: Array, networks: Array, states: Array, outputs: Array, m: int, n: int,
    adaptive: bool, recurrent: bool,
) -> None:  # fmt: skip
    for i in numba.prange(len(networks)):
        row = values[i] if len(values) > 1 else values[0]
        for t in range(len(row)):
            outputs[i, t] = _tick(row[t], networks[i], states[i], m, n, adaptive, recurrent)


def _fresh(structure: Structure, networks: Array) -> Array:
    """Packed states at rest, (..., state_size), of packed networks (..., size)."""
    states = np.zeros((*networks.shape[:-1], structure.state_size))
    m, n = structure.encoders, structure.hidden
    at = 4 * m + m * n + 2 * n
    states[..., 3 * m + 3 * n : 3 * m + 4 * n] = networks[..., at : at + n]
    return states


def respond(structure: Structure, networks: Array, values: Array) -> Array:
    """What each of a population answers to an input over time, on all cores.

    Args:
        structure: Of all of them.
        networks: Packed, (P, size).
        values: Input of each, (P, T), or the same for all, (T,).

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
    _respond(values, networks, _fresh(structure, networks), outputs, *structure)
    return outputs


class Runner:
    """One network that runs tick by tick.

    Args:
        structure: What it is.
        network: Its numbers.

    Raises:
        ValueError: They don't have the shapes that the structure wants.
    """

    def __init__(self, structure: Structure, network: Network) -> None:
        self.structure = structure
        self._packed = pack(structure, network)
        if self._packed.shape != (structure.size,):
            raise ValueError("a runner runs one network, not a batch")
        self.reset()

    def reset(self) -> None:
        """Back to rest."""
        self._state = _fresh(self.structure, self._packed)

    def step(self, value: float) -> float:
        """What the network answers to ``value`` in this tick."""
        found: float = _tick(value, self._packed, self._state, *self.structure)
        return found

    @property
    def spikes(self) -> Array:
        """Spikes of the last tick, encoders before hidden neurons, (m + n,)."""
        m, n = self.structure.encoders, self.structure.hidden
        hidden = self._state[3 * m + 2 * n : 3 * m + 3 * n]
        return np.concatenate([self._state[m : 2 * m], hidden])
