# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""An expert: a spiking network that learns, without labels, to tell a few places apart.

Inputs that fire at the rates of an image's pixels drive excitatory neurons through plastic
synapses; each excitatory neuron has an inhibitory neuron, which answers its spikes and inhibits all
other excitatory neurons. The equations are those of ``spiking.conductance``; ``presentation`` holds
them in compiled form.

Besides the longer step, three things differ from the authors' code. None of them shows in the
counts of spikes, which the tests compare with Brian2's:

- An image is presented to a network at rest, so that the result doesn't depend on earlier images.
- The delay of a synapse is the sum of a delay of its input and a delay of its neuron, modulo the
  longest delay. It is uniform and independent for each neuron's inputs, as theirs is, and lets a
  spike's weights be added in their order in memory.
- A spike transmits the weights as they were when it left its input, without what they have grown
  by since the neuron's last spike, which is computed when the neuron fires.

Source: Hussaini, Milford and Fischer (arXiv 2209.08723), section III, and their code; Diehl and
Cook, Unsupervised learning of digit recognition using spike-timing-dependent plasticity (2015).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.types import Array32, Indices
from neuro_control.spiking.conductance import ConductanceLIF, ConductanceState, conductance_lif

EXCITATORY = ConductanceLIF(
    membrane=0.1, rest=-65.0, reset=-65.0, excitation=0.0, inhibition=-100.0, refractory=5e-3
)
INHIBITORY = ConductanceLIF(
    membrane=0.01, rest=-60.0, reset=-45.0, excitation=0.0, inhibition=-85.0, refractory=2e-3
)


@dataclass(frozen=True)
class Expert:
    """Constants of an expert, the authors' own; times in s, voltages in mV.

    Attributes:
        inputs: Number of inputs: the pixels of a preprocessed image, or of each of its channels.
        neurons: Number of excitatory neurons, and of inhibitory neurons.
        step: Step of integration. The authors' is a fifth of it. With the longer one a neuron's
            rivals have 0.75 instead of 0.55 ms to fire before they are inhibited, which makes some
            7 % more spikes, of the same neurons.
        presentation: Time for which an image is presented.
        excitation: Time constant of excitatory conductances.
        inhibition: Time constant of inhibitory conductances.
        longest_delay: Longest delay of the inputs' synapses; delays are uniform from 0 to this.
        threshold: Threshold of a neuron without adaptation.
        initial_adaptation: Adaptation of the thresholds before training.
        adaptation: Rise of a neuron's threshold for each of its spikes, in training.
        adaptation_decay: Time constant with which adaptation decays, in training.
        interval: Shortest time between two spikes of a neuron.
        inhibitory_threshold: Threshold of inhibitory neurons.
        to_inhibitory: Conductance that a spike brings its inhibitory neuron.
        from_inhibitory: Conductance that an inhibitory spike brings all other neurons.
        weight_sum: Sum to which a neuron's weights are scaled before each image of training.
        conductance: Conductance that a spike brings through a weight of 1.
        early_trace: Time constant of the traces of inputs and neurons.
        late_trace: Time constant of a neuron's slower trace.
        early_rate: By which a weight grows when its input's spike follows the neuron's.
        late_rate: By which a weight grows when the neuron's spike follows its input's.
    """

    inputs: int = 784
    neurons: int = 400
    step: float = 5e-4
    presentation: float = 0.35
    excitation: float = 1e-3
    inhibition: float = 5e-4
    longest_delay: float = 0.01
    threshold: float = -72.0
    initial_adaptation: float = 20.0
    adaptation: float = 0.05
    adaptation_decay: float = 1e4
    interval: float = 0.05
    inhibitory_threshold: float = -40.0
    to_inhibitory: float = 10.4
    from_inhibitory: float = 17.0
    weight_sum: float = 78.0
    conductance: float = 1.0
    early_trace: float = 0.02
    late_trace: float = 0.04
    early_rate: float = 1e-4
    late_rate: float = 1e-2

    @property
    def steps(self) -> int:
        """Number of steps of a presentation."""
        return round(self.presentation / self.step)

    @property
    def delays(self) -> int:
        """Number of different delays: the steps of the longest delay, plus one."""
        return round(self.longest_delay / self.step) + 1

    def initial_weights(self, rng: np.random.Generator) -> Array32:
        """Weights before training, (inputs, neurons)."""
        drawn: Array32 = rng.random((self.inputs, self.neurons), np.float32)
        return np.float32(0.3) * (drawn + np.float32(0.01))

    def scaled(self, weights: Array32) -> Array32:
        """Weights (inputs, neurons), scaled such that each neuron's sum to ``weight_sum``."""
        found: Array32 = weights * (np.float32(self.weight_sum) / weights.sum(axis=0))
        return found

    def input_delays(self, rng: np.random.Generator) -> Indices:
        """Delay of each input, in steps, (inputs,)."""
        return rng.integers(0, self.delays, self.inputs)


# The authors' network receives pixels. This one receives the retina's two channels, each of which
# is silent half of the time: a stronger synapse makes up for that.
PAPER = Expert()
RETINAL = Expert(inputs=2 * 784, conductance=4.0)


def neuron_delays(expert: Expert) -> Indices:
    """Delay of each neuron, in steps, ascending, (neurons,): each delay has as many neurons."""
    return np.arange(expert.neurons) * expert.delays // expert.neurons


def inhibition_delay(expert: Expert) -> float:
    """Time from a neuron's spike to that of its inhibitory neuron, s.

    Nothing else drives the inhibitory neuron, so that it is the same each time.

    Raises:
        ConfigurationError: The excitation is too weak to make it fire.
    """
    step = expert.step / 50
    state = ConductanceState.at_rest((1,), INHIBITORY)
    state = state._replace(excitation=np.array([expert.to_inhibitory]))
    threshold = np.array([expert.inhibitory_threshold])
    for n in range(1, round(0.05 / step)):
        state = conductance_lif(state, INHIBITORY, step, expert.excitation, expert.inhibition)
        if (state.voltage > threshold).any():
            return n * step
    raise ConfigurationError(
        f"a conductance of {expert.to_inhibitory} never fires an inhibitory neuron; "
        f"raise to_inhibitory"
    )
