# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A spiking network from one number to another: encoding neurons, hidden layer, read-out.

The equations are those of ``neurons``, in NumPy: for reading, and as the reference of the compiled
networks in ``compiled_network``.

Source: Burgers, Stroobants and de Croon (arXiv 2309.12937), section II.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

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


class NetworkStructure(NamedTuple):
    """Size and kind of a network.

    Attributes:
        encoders: Number m of encoding neurons.
        hidden: Number n of hidden neurons.
        adaptive: Whether thresholds of the hidden layer follow its input (IWTA) or are constant.
        recurrent: Whether the hidden layer has synapses onto itself.
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
        """Number of parameters of a packed network."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    @property
    def state_size(self) -> int:
        """Number of variables of a network's packed state."""
        return 3 * self.encoders + 4 * self.hidden + 1


class Network(NamedTuple):
    """Parameters of a network, or of a batch of networks with more dimensions in front.

    Attributes:
        encoder_weight: Weights of the encoded value, (..., m).
        encoder_bias: Constant drive of the encoding neurons, (..., m).
        encoder_decay: Voltage decay of the encoding neurons, whose current doesn't last, (..., m).
        encoder_threshold: Thresholds of the encoding neurons, (..., m).
        weight: Weights from the encoding neurons to the hidden layer, (..., m, n).
        current_decay: Current decay of the hidden layer, (..., n).
        voltage_decay: Voltage decay of the hidden layer, (..., n).
        threshold: Thresholds of the hidden layer at rest, (..., n).
        trace_decay: Decay of the traces of the encoding neurons' spikes, (..., m); used if
            adaptive.
        adaptation: Change of the thresholds by the traces, (..., m, n); used if adaptive.
        recurrent_weight: Weights within the hidden layer, (..., n, n); used if recurrent.
        readout: Weights from the hidden layer to the output, (..., n).
        readout_decay: Decay of the output, (...).
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


class NetworkState(NamedTuple):
    """NetworkState of a network, or of a batch of them, for ``step``.

    Attributes:
        encoders: NetworkState of the encoding neurons.
        hidden: NetworkState of the hidden layer: ``LIFState``, or ``IWTAState`` if adaptive.
        output: Output of the read-out, (...).
    """

    encoders: LIFState
    hidden: LIFState | IWTAState
    output: Array


def rest(structure: NetworkStructure, network: Network) -> NetworkState:
    """NetworkState of networks that have received no input yet."""
    batch = np.shape(network.readout_decay)
    shape = (*batch, structure.hidden)
    hidden: LIFState | IWTAState
    if structure.adaptive:
        hidden = IWTAState.rest(shape, structure.encoders, network.threshold)
    else:
        hidden = LIFState.rest(shape)
    return NetworkState(LIFState.rest((*batch, structure.encoders)), hidden, np.zeros(batch))


def step(
    structure: NetworkStructure, network: Network, value: Any, state: NetworkState
) -> tuple[Array, NetworkState]:
    """One tick in NumPy: outputs for the input ``value`` (...), and the state after it."""
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
    return output, NetworkState(encoders, hidden, output)
