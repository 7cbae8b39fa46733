# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The spiking networks in torch, differentiable by surrogate gradients.

Spikes are steps, whose derivative is 0 wherever it is one. Forward they stay steps, so that the
network is the one that flies; backward the slope of a smooth curve replaces theirs (a surrogate
gradient). Time is unrolled in windows: the state goes on from one to the next, the gradient does
not.

Source: Neftci, Mostafa and Zenke, Surrogate Gradient Learning in Spiking Neural Networks (arXiv
1901.09948); Zenke and Ganguli, SuperSpike (arXiv 1705.11146), for the fast sigmoid.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from neuro_control.blimp.control.antisymmetric import PAIRS, AntisymmetricStructure

Tensor = torch.Tensor


class _Spike(torch.autograd.Function):
    """The step and its surrogate gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        slope: Tensor = gradients[0] / (1.0 + x.abs()) ** 2
        return slope


def spike(x: Tensor) -> Tensor:
    """1 where ``x`` is above 0, else 0; backward the slope of a fast sigmoid, 1 / (1 + |x|)²."""
    found: Tensor = _Spike.apply(x)  # type: ignore[no-untyped-call]  # torch is untyped here
    return found


class NetworkState(NamedTuple):
    """State of a network in K flights; that of neurons is (K, 2, pairs), the + ones first.

    Attributes:
        encoders: Voltages of the encoders.
        encoder_spikes: Spikes of their last tick.
        trace: Traces of these spikes.
        current: Synaptic currents of the hidden neurons.
        voltage: Their voltages.
        threshold: Their thresholds.
        spikes: Spikes of their last tick.
        output: Output of the read-out, (K,).
    """

    encoders: Tensor
    encoder_spikes: Tensor
    trace: Tensor
    current: Tensor
    voltage: Tensor
    threshold: Tensor
    spikes: Tensor
    output: Tensor

    @classmethod
    def rest(cls, structure: AntisymmetricStructure, vector: Tensor, count: int) -> NetworkState:
        """A network (size,) at rest, in ``count`` flights."""
        none = torch.zeros(count, 2, PAIRS, dtype=vector.dtype)
        threshold = structure.parts(vector)["threshold"].expand(count, 2, PAIRS)
        output = torch.zeros(count, dtype=vector.dtype)
        return cls(none, none, none, none, none, threshold, none, output)

    def detached(self) -> NetworkState:
        """The same, through which no gradient goes."""
        return NetworkState(*(each.detach() for each in self))


def respond(
    structure: AntisymmetricStructure, vector: Tensor, errors: Tensor, state: NetworkState
) -> tuple[Tensor, NetworkState]:
    """What one network answers in several flights, differentiable: ``antisymmetric.tick`` in torch.

    Args:
        structure: Structure of the network.
        vector: Its numbers, (size,).
        errors: Errors of each flight, (K, T).
        state: State that it starts from.

    Returns:
        Outputs, (K, T), and the state after them.
    """
    p = structure.parts(vector)
    sign = torch.tensor([[1.0], [-1.0]], dtype=vector.dtype)
    drives = p["encoder_weight"] * sign * errors.T[:, :, None, None] + p["encoder_bias"]
    encoders, encoder_spikes, trace, current, voltage, threshold, spikes, output = state
    decay = p["readout_decay"]
    outputs = []
    for drive in drives:
        # As is usual with surrogate gradients, the gradient leaves the reset out.
        reset = encoder_spikes.detach() * p["encoder_threshold"]
        encoders = p["encoder_decay"] * encoders + drive - reset
        encoder_spikes = spike(encoders - p["encoder_threshold"])
        received = p["weight_same"] * encoder_spikes + p["weight_cross"] * encoder_spikes.flip(1)
        current = p["current_decay"] * current + received
        if structure.recurrent:
            back = p["recurrent_same"] * spikes + p["recurrent_cross"] * spikes.flip(1)
            current = current + back
        voltage = p["voltage_decay"] * voltage + current - spikes.detach() * threshold
        if structure.adaptive:
            trace = p["trace_decay"] * trace + encoder_spikes
            threshold = p["threshold"] + p["adaptation"] * (trace.flip(1) - trace)
        spikes = spike(voltage - threshold)
        total = (p["readout"] * (spikes[:, 0] - spikes[:, 1])).sum(-1)
        output = decay * output + (1.0 - decay) * total
        outputs.append(output)
    state = NetworkState(
        encoders, encoder_spikes, trace, current, voltage, threshold, spikes, output
    )
    return torch.stack(outputs, -1), state


def loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """The cost of evolution, mean absolute error + (1 − ρ), over a window of all flights at once.

    The ρ of a window of one flight, in which an integral hardly changes, would say little.
    """
    x, y = outputs - outputs.mean(), targets - targets.mean()
    # The small number is for silent networks, at which the root has no derivative.
    rho = (x * y).sum() / ((x**2).sum() * (y**2).sum() + 1e-12).sqrt()
    return (outputs - targets).abs().mean() + 1.0 - rho
