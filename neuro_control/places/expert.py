"""An expert: a spiking network that learns, without labels, to tell a few places apart.

Inputs that fire at the rates of an image's pixels drive excitatory neurons through plastic
synapses; each excitatory neuron has an inhibitory one that answers it and holds all others back.
The equations are those of ``spiking.conductance``; here they run compiled and by events: a spike
of an input costs one row of weights, plasticity is worked out when a neuron fires, and an
inhibitory neuron, which nothing but its own excitatory neuron drives, is not simulated at all: it
fires once, a constant time after it (``inhibition_delay``).

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

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.spiking.conductance import ConductanceLIF, ConductanceState, conductance_lif

Float = NDArray[np.float32]
Count = NDArray[np.int32]

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


# Time constants after which nothing is left of inhibition that a number of 32 bits could tell.
_GONE = 20

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


class Constants(NamedTuple):
    """What the loop over a presentation needs, in steps."""

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


def _constants(expert: Expert) -> tuple[Constants, Float, Float]:
    """Constants and the decays of early and late traces by the steps that have gone by."""
    step = expert.step
    gone = np.arange(expert.steps + expert.delays + 1) * step
    # Conductances decay within a step: what acts during it is their mean.
    kept = [np.exp(-step / each) for each in (expert.excitation, expert.inhibition)]
    means = [
        each * (1 - left) / step
        for each, left in zip((expert.excitation, expert.inhibition), kept, strict=True)
    ]
    constants = Constants(
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
    )
    early = np.exp(-gone / expert.early_trace).astype(np.float32)
    late = np.exp(-gone / expert.late_trace).astype(np.float32)
    return constants, early, late


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
        self.constants, self._early, self._late = _constants(expert)
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
