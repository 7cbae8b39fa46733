# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Neurons as pure functions from input, state and parameters to spikes and state.

Arrays are batched: they may have any leading dimensions that broadcast, and the neurons last.
Spikes are 0 or 1 in the floating type of the voltages, so that they multiply weights. One call is
one tick; decays are those of a tick and have no unit.

Sources: Burgers, Stroobants and de Croon, Evolving Spiking Neural Networks to Mimic PID Control
for Autonomous Blimps (arXiv 2309.12937), section II; for input-weighted threshold adaptation,
Stroobants, De Wagter and de Croon, Neuromorphic Control using Input-Weighted Threshold Adaptation
(arXiv 2304.08778).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


class LIFParameters(NamedTuple):
    """Parameters of leaky integrate-and-fire neurons, each (..., n) or a scalar.

    Attributes:
        current_decay: Part of the synaptic current that is left after a tick, in [0, 1].
        voltage_decay: Part of the membrane voltage that is left after a tick, in [0, 1].
        threshold: Voltage above which a neuron spikes.
    """

    current_decay: Array
    voltage_decay: Array
    threshold: Array


class LIFState(NamedTuple):
    """State of leaky integrate-and-fire neurons, each (..., n).

    Attributes:
        current: Synaptic current.
        voltage: Membrane voltage.
        spikes: Spikes of the last tick.
    """

    current: Array
    voltage: Array
    spikes: Array

    @classmethod
    def rest(cls, shape: tuple[int, ...]) -> LIFState:
        """State of neurons that have received no input yet."""
        return cls(np.zeros(shape), np.zeros(shape), np.zeros(shape))


def lif(drive: Array, state: LIFState, parameters: LIFParameters) -> tuple[Array, LIFState]:
    """Current-based leaky integrate-and-fire with a soft reset.

    i ← τ_syn i + drive; v ← τ_mem v + i − s θ; s ← H(v − θ). A neuron that spiked starts the next
    tick a threshold lower rather than at zero, so that no input is lost.

    Args:
        drive: Input from the synapses in this tick, Σ W s or an encoded value, (..., n).
        state: State after the tick before.
        parameters: Parameters of the neurons.

    Returns:
        Spikes (..., n) and the state of this tick.
    """
    current = parameters.current_decay * state.current + drive
    voltage = parameters.voltage_decay * state.voltage + current
    voltage = voltage - state.spikes * parameters.threshold
    spikes = np.greater(voltage, parameters.threshold).astype(voltage.dtype)
    return spikes, LIFState(current, voltage, spikes)


class IWTAParameters(NamedTuple):
    """Parameters of neurons whose thresholds follow their input.

    Attributes:
        current_decay: As in ``LIFParameters``, (..., n).
        voltage_decay: As in ``LIFParameters``, (..., n).
        base: Threshold of neurons that have received no input, (..., n).
        trace_decay: Part of a trace that is left after a tick, in [0, 1], (..., m).
        adaptation: Change of each threshold per unit of each trace, (..., m, n).
    """

    current_decay: Array
    voltage_decay: Array
    base: Array
    trace_decay: Array
    adaptation: Array


class IWTAState(NamedTuple):
    """State of neurons whose thresholds follow their input.

    Attributes:
        current: Synaptic current, (..., n).
        voltage: Membrane voltage, (..., n).
        trace: Trace of each input neuron's spikes, (..., m).
        threshold: Threshold of the last tick, (..., n).
        spikes: What the last tick gave, (..., n).
    """

    current: Array
    voltage: Array
    trace: Array
    threshold: Array
    spikes: Array

    @classmethod
    def rest(cls, shape: tuple[int, ...], inputs: int, base: Array) -> IWTAState:
        """State of neurons that have received no input yet.

        Args:
            shape: Shape of the neurons, (..., n).
            inputs: Number m of input neurons.
            base: Thresholds, which broadcast to ``shape``.
        """
        threshold = np.broadcast_to(base, shape).astype(np.float64)
        trace = np.zeros((*shape[:-1], inputs))
        return cls(np.zeros(shape), np.zeros(shape), trace, threshold, np.zeros(shape))


def iwta(
    drive: Array, inputs: Array, state: IWTAState, parameters: IWTAParameters
) -> tuple[Array, IWTAState]:
    """Leaky integrate-and-fire with input-weighted threshold adaptation.

    i ← τ_syn i + drive; v ← τ_mem v + i − s θ; x ← τ_th x + s_in; θ ← θ_base + x W_th;
    s ← H(v − θ). The reset is by the threshold that was passed. A lasting input moves the
    thresholds for as long as the traces last, which is how such neurons integrate.

    This is the equation of the paper (Burgers, Stroobants and de Croon, arXiv 2309.12937, section
    II; González-Álvarez et al., arXiv 2304.08778). The code that its authors published differs: it
    adds the neuron's own spikes to the trace, and it applies the leak of the trace twice a tick.

    Args:
        drive: Input from the synapses in this tick, (..., n).
        inputs: Spikes of the layer in front, (..., m).
        state: State after the tick before.
        parameters: Parameters of the neurons.

    Returns:
        Spikes (..., n) and the state of this tick.
    """
    current = parameters.current_decay * state.current + drive
    voltage = parameters.voltage_decay * state.voltage + current - state.spikes * state.threshold
    trace = parameters.trace_decay * state.trace + inputs
    threshold = parameters.base + through(trace, parameters.adaptation)
    spikes = np.greater(voltage, threshold).astype(voltage.dtype)
    return spikes, IWTAState(current, voltage, trace, threshold, spikes)


def through(values: Array, weights: Array) -> Array:
    """Drive of n neurons by values (..., m) through weights (..., m, n): Σ values W, (..., n)."""
    found: Array = np.matmul(values[..., None, :], weights)[..., 0, :]
    return found


def recurrent(drive: Array, spikes: Array, weights: Array) -> Array:
    """``drive`` plus the drive by the layer's own spikes of the tick before, (..., n).

    It makes a recurrent layer of either kind of neuron:
    ``lif(recurrent(drive, state.spikes, W), …)``.

    Args:
        drive: Drive from the layer in front, (..., n).
        spikes: The layer's own spikes of the tick before, (..., n).
        weights: Weights from each neuron to each, (..., n, n).
    """
    return drive + through(spikes, weights)


def integrate(drive: Array, value: Array, decay: Array) -> Array:
    """Leaky integrator that reads a layer out: v ← τ v + (1 − τ) drive.

    Args:
        drive: Drive of the integrators, Σ W_d s, (..., k).
        value: Value after the tick before, (..., k).
        decay: Part of the value that is left after a tick, in [0, 1].
    """
    return decay * value + (1.0 - decay) * drive


def paired(value: Array, weights: Array, biases: Array) -> Array:
    """Drive of encoding neurons in pairs, for a value and for its opposite.

    Neurons 2k and 2k + 1 get b_k + W_k value and b_k − W_k value, so that an error and its
    opposite excite mirror images of one another.

    Args:
        value: Value to encode, (...,).
        weights: Weight of each pair, (..., p).
        biases: Bias of each pair, (..., p).

    Returns:
        Drive of 2p neurons, (..., 2p).
    """
    scaled = weights * np.asarray(value)[..., None]
    pairs = np.stack([biases + scaled, biases - scaled], axis=-1)
    found: Array = pairs.reshape(*pairs.shape[:-2], -1)
    return found
