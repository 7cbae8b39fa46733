# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Simulates all experts of an ensemble as one batch in torch, for a GPU.

It computes what ``batch_simulator`` computes. The input of the neurons doesn't depend on what they
do: it is computed for the whole presentation first, for all neurons at once that share a delay.
What remains to be done step by step are the equations of ``spiking.conductance``, for all neurons
of all experts at once.

Numbers are added up in another order than in the compiled code. A neuron whose voltage comes within
some 1e-4 mV of its threshold may therefore fire a step earlier or later, or not at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.stdp.constants import step_constants
from neuro_control.places.control.stdp.encoding import InputSpikes
from neuro_control.places.control.stdp.expert import Expert, neuron_delays
from neuro_control.places.control.types import Array32, Counts, Indices

try:
    import torch
except ImportError as error:
    raise ConfigurationError(
        "experts on a device need torch: pip install 'neuro_control[train]', or set the device to "
        "cores"
    ) from error


class TorchSimulator:
    """Presents images to the experts of an ensemble on a device of torch.

    Args:
        expert: Constants of the experts.
        weights: Weights of the E experts, (E, inputs, neurons).
        delays: Delays of the inputs, in steps, (inputs,).
        device: The device as torch names it: cpu, cuda, cuda:1, …

    Raises:
        ConfigurationError: torch has no such device here.
    """

    def __init__(self, expert: Expert, weights: Array32, delays: Indices, device: str) -> None:
        self._device = _device(device)
        self._constants = step_constants(expert)
        self._delays = delays
        own = neuron_delays(expert)
        # Neurons that share a delay lie side by side, (inputs, E · neurons) of each.
        self._groups = [
            (
                delay,
                slice(*np.searchsorted(own, (delay, delay + 1)).tolist()),
                self._placed(np.moveaxis(weights[:, :, own == delay], 0, 1)),
            )
            for delay in np.unique(own).tolist()
        ]
        self._shape = (len(weights), expert.neurons)

    def respond(self, spikes: InputSpikes, thresholds: Array32) -> tuple[Counts, Array32]:
        """Present an image to all experts, none of which learns.

        Args:
            spikes: Spikes of the inputs.
            thresholds: What each neuron's adaptation adds to its threshold, mV, (E, neurons).

        Returns:
            Spikes of each neuron, and what arrived at each neuron, Σ w, both (E, neurons).
        """
        arriving = self._arriving(spikes)
        drive = arriving.sum(dim=0)
        counts = self._integrate(arriving, self._placed(thresholds))
        return counts.cpu().numpy(), drive.cpu().numpy()

    def _placed(self, array: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)

    def _arriving(self, spikes: InputSpikes) -> torch.Tensor:
        """What arrives at each neuron in each step, (steps, E, neurons)."""
        c = self._constants
        when = np.repeat(np.arange(c.steps), np.diff(spikes.first))
        found = torch.empty((c.steps, *self._shape), device=self._device)
        for delay, neurons, weights in self._groups:
            arrived = when + (self._delays[spikes.inputs] + delay) % c.delays
            order = np.argsort(arrived, kind="stable")
            first = np.searchsorted(arrived[order], np.arange(c.steps + 1))
            # The rows of weights of each step's inputs, added up.
            brought = torch.nn.functional.embedding_bag(
                self._placed(spikes.inputs[order[: first[-1]]]),
                weights.flatten(1),
                self._placed(first[:-1]),
                mode="sum",
            )
            found[:, :, neurons] = brought.view(c.steps, *weights.shape[1:])
        return found

    def _integrate(self, arriving: torch.Tensor, thresholds: torch.Tensor) -> torch.Tensor:
        """Spikes of each neuron, (E, neurons)."""
        c = self._constants
        limit = thresholds + c.base
        voltage = torch.full_like(limit, c.rest)
        excitation, inhibition = torch.zeros_like(limit), torch.zeros_like(limit)
        since = torch.full_like(limit, c.interval)
        counts = torch.zeros_like(limit, dtype=torch.int32)
        # Spikes that inhibitory neurons have yet to answer, the oldest first.
        waiting = [torch.zeros_like(limit)] * c.inhibition_delay
        for arrived in arriving:
            e, i = excitation * c.excitation_mean, inhibition * c.inhibition_mean
            pulled = voltage + c.leak * (c.rest + i * c.inhibition)
            moved = pulled / (1 + c.leak * (1 + e + i))
            voltage = torch.where(since >= c.refractory, moved, voltage)
            excitation = excitation * c.excitation_decay + c.conductance * arrived
            answered = waiting.pop(0)
            rivals = answered.sum(dim=1, keepdim=True) - answered
            inhibition = inhibition * c.inhibition_decay + c.from_inhibitory * rivals
            since += 1
            fired = (voltage > limit) & (since >= c.interval)
            waiting.append(fired.float())
            counts += fired
            voltage = torch.where(fired, c.reset, voltage)
            since = torch.where(fired, 0.0, since)
        return counts


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    # torch built without a device's support ends in an AssertionError.
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigurationError(
            f"torch has no device '{name}' here ({reason}): give cpu, cuda or whatever there is, "
            "or cores for the processor's"
        ) from error
    return device
