# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Constants of an expert as the compiled loop over a presentation needs them: in steps."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from neuro_control.places.control.stdp.expert import (
    EXCITATORY,
    Expert,
    inhibition_delay,
    neuron_delays,
)
from neuro_control.places.control.types import Array32, Indices

# After so many time constants, what is left of inhibition is too small for a number of 32 bits.
_GONE = 20


class StepConstants(NamedTuple):
    """Constants of an expert for a fixed step of integration.

    Attributes:
        steps: Steps of a presentation.
        delays: Number of different delays, one step apart, from 0 on.
        refractory: Steps for which the voltage is held after a spike.
        interval: Fewest steps between two spikes of a neuron.
        inhibition_delay: Steps from a spike to the inhibition of all other neurons.
        inhibition_gone: Steps after which nothing is left of inhibition.
        leak: Step over the membrane's time constant.
        rest: Resting potential, mV.
        reset: Potential after a spike, mV.
        inhibition: Reversal potential of inhibition, mV.
        excitation_mean: Mean over a step of an excitatory conductance that is 1 at its start.
        excitation_decay: What is left of it at the end of the step.
        inhibition_mean: The same mean for an inhibitory conductance.
        inhibition_decay: What is left of an inhibitory conductance at the end of a step.
        from_inhibitory: Conductance that a spike brings to all other neurons, by inhibition.
        conductance: Conductance that a spike brings through a weight of 1.
        base: Threshold without adaptation, mV.
        adaptation: Rise of the threshold for each spike, mV.
        early_rate: Learning rate of an input's spike that follows the neuron's.
        late_rate: Learning rate of a neuron's spike that follows the input's.
        early_decay: What is left of the traces of inputs and neurons by steps since the spike,
            (steps + delays + 1,).
        late_decay: The same for a neuron's slower trace.
        delay_bounds: Neurons that share a delay lie side by side; the first neuron of each of the
            delays, (delays + 1,).
    """

    steps: int
    delays: int
    refractory: int
    interval: int
    inhibition_delay: int
    inhibition_gone: int
    leak: float
    rest: float
    reset: float
    inhibition: float
    excitation_mean: float
    excitation_decay: float
    inhibition_mean: float
    inhibition_decay: float
    from_inhibitory: float
    conductance: float
    base: float
    adaptation: float
    early_rate: float
    late_rate: float
    early_decay: Array32
    late_decay: Array32
    delay_bounds: Indices


def step_constants(expert: Expert) -> StepConstants:
    """The constants of ``expert`` for its step of integration.

    Raises:
        ConfigurationError: As ``expert.inhibition_delay``.
    """
    step = expert.step
    elapsed = np.arange(expert.steps + expert.delays + 1) * step
    # Conductances decay within a step: what acts during the step is their mean.
    kept = [np.exp(-step / each) for each in (expert.excitation, expert.inhibition)]
    means = [
        each * (1 - left) / step
        for each, left in zip((expert.excitation, expert.inhibition), kept, strict=True)
    ]
    return StepConstants(
        steps=expert.steps,
        delays=expert.delays,
        refractory=round(EXCITATORY.refractory / step),
        interval=round(expert.interval / step),
        inhibition_delay=max(1, round(inhibition_delay(expert) / step)),
        inhibition_gone=math.ceil(_GONE * expert.inhibition / step),
        leak=step / EXCITATORY.membrane,
        rest=EXCITATORY.rest,
        reset=EXCITATORY.reset,
        inhibition=EXCITATORY.inhibition,
        excitation_mean=means[0],
        excitation_decay=kept[0],
        inhibition_mean=means[1],
        inhibition_decay=kept[1],
        from_inhibitory=expert.from_inhibitory,
        conductance=expert.conductance,
        base=expert.threshold,
        adaptation=expert.adaptation,
        early_rate=expert.early_rate,
        late_rate=expert.late_rate,
        early_decay=np.exp(-elapsed / expert.early_trace).astype(np.float32),
        late_decay=np.exp(-elapsed / expert.late_trace).astype(np.float32),
        delay_bounds=np.searchsorted(neuron_delays(expert), np.arange(expert.delays + 1)),
    )
