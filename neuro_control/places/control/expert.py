"""An expert: a spiking network that learns, without labels, to tell a few places apart.

Inputs that fire at the rates of an image's pixels drive excitatory neurons through plastic
synapses; each excitatory neuron has an inhibitory one that answers it and holds all others back.
The equations are those of ``spiking.conductance``; ``runner`` runs them, compiled.

Besides the longer step, three things differ from the authors' code, and none of them shows in the
counts of spikes (the tests hold them against Brian2's): an image is presented to a network at rest,
so that answers don't depend on the images before; the delay of a synapse is the sum of one of its
input and one of its neuron, modulo the longest, which is uniform and independent for each neuron's
inputs, as theirs are, but lets a spike's weights be added in their order in memory; and a spike
brings what its weights were when it left its input, less what they have grown by since the neuron
fired last.

Source: Hussaini, Milford and Fischer (arXiv 2209.08723), section III, and their code; Diehl and
Cook, Unsupervised learning of digit recognition using spike-timing-dependent plasticity (2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.spiking.conductance import ConductanceLIF, ConductanceState, conductance_lif

Float = NDArray[np.float32]

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
        inputs: Pixels of a prepared image.
        neurons: Excitatory neurons, and as many inhibitory ones.
        step: Of the integration. The authors' is a fifth of it, which leaves a neuron's rivals 0.55
            instead of 0.75 ms to fire before they are held back: some 7 % fewer spikes, of the same
            neurons.
        presentation: Time for which an image is shown.
        excitation: Time constant of excitatory conductances.
        inhibition: Time constant of inhibitory conductances.
        longest_delay: Of the input's synapses; delays are uniform between nothing and this.
        threshold: Of a neuron without adaptation.
        initial_adaptation: Of the thresholds, before training.
        adaptation: Rise of a neuron's threshold for each of its spikes, in training.
        adaptation_decay: Time constant with which it is forgotten, in training.
        interval: Shortest time between two spikes of a neuron.
        inhibitory_threshold: Of inhibitory neurons.
        to_inhibitory: Conductance that a spike brings its inhibitory neuron.
        from_inhibitory: Conductance that an inhibitory spike brings all other neurons.
        weight_sum: To which a neuron's weights are scaled before each image of training.
        conductance: That a spike brings through a weight of 1.
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
        """Steps of a presentation."""
        return round(self.presentation / self.step)

    @property
    def delays(self) -> int:
        """Steps of the longest delay, and one: so many delays there are."""
        return round(self.longest_delay / self.step) + 1

    def initial_weights(self, rng: np.random.Generator) -> Float:
        """Weights before training, (inputs, neurons)."""
        drawn: Float = rng.random((self.inputs, self.neurons), np.float32)
        return np.float32(0.3) * (drawn + np.float32(0.01))

    def scaled(self, weights: Float) -> Float:
        """Weights (inputs, neurons) with each neuron's scaled to their sum."""
        found: Float = weights * (np.float32(self.weight_sum) / weights.sum(axis=0))
        return found

    def input_delays(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Each input's part of the delays, steps, (inputs,)."""
        return rng.integers(0, self.delays, self.inputs)


# The authors' network hears pixels; this one hears the eye's two channels, which are silent for
# half of the time: a stronger synapse makes up for that.
PAPER = Expert()
RETINAL = Expert(inputs=2 * 784, conductance=4.0)


def neuron_delays(expert: Expert) -> NDArray[np.int64]:
    """Each neuron's part of the delays, steps, (neurons,): as many neurons of each, in order."""
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


class InputSpikes(NamedTuple):
    """Spikes of the inputs during a presentation, in two orders.

    Attributes:
        first: Where each step's begin in ``inputs``, (steps + 1,).
        inputs: Which inputs fire, step after step, (spikes,).
        input_first: Where each input's begin in ``steps``, (inputs + 1,).
        steps: When each input fires, input after input, each in order, (spikes,).
    """

    first: NDArray[np.int64]
    inputs: NDArray[np.int64]
    input_first: NDArray[np.int64]
    steps: NDArray[np.int64]

    @classmethod
    def of(
        cls, when: NDArray[np.int64], which: NDArray[np.int64], steps: int, inputs: int
    ) -> InputSpikes:
        """Spikes of inputs ``which`` at steps ``when``, both (spikes,), in any order."""
        _, order = _sorted(which, inputs)
        when, which = when[order], which[order]
        first, by_step = _sorted(when, steps)
        input_first, by_input = _sorted(which[by_step], inputs)
        return cls(first, which[by_step], input_first, when[by_step][by_input])


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _sorted(keys: Any, count: Any) -> Any:
    """Where each of ``count`` keys begins in the order of keys, (count + 1,), and that order.

    Equal keys stay in their order.
    """
    first = np.zeros(count + 1, np.int64)
    for key in keys:
        first[key + 1] += 1
    for key in range(count):
        first[key + 1] += first[key]
    free = first[:-1].copy()
    order = np.empty(len(keys), np.int64)
    for index, key in enumerate(keys):
        order[free[key]] = index
        free[key] += 1
    return first, order


def encode(rates: Float, expert: Expert, rng: np.random.Generator) -> InputSpikes:
    """Poisson spikes of inputs that fire at ``rates`` (inputs,), Hz, for a presentation."""
    steps = expert.steps
    counts = rng.poisson(rates * (steps * expert.step))
    which = np.repeat(np.arange(len(rates)), counts)
    return InputSpikes.of(rng.integers(0, steps, len(which)), which, steps, len(rates))
