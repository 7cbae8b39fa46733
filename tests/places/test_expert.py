# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.stdp.batch_simulator import BatchSimulator
from neuro_control.places.control.stdp.encoding import InputSpikes, encode
from neuro_control.places.control.stdp.expert import (
    EXCITATORY,
    PAPER,
    RETINAL,
    Expert,
    inhibition_delay,
    neuron_delays,
)
from neuro_control.places.control.stdp.presentation import ExpertState
from neuro_control.spiking.conductance import ConductanceState, conductance_lif
from tests.places import brian_counts
from tests.places.textures import textures

STEP = 5e-4

# So strong that whatever arrives lifts a neuron over its threshold in the step after.
SHOUT = Expert(inputs=1, neurons=1, conductance=200.0)


def at(steps, inputs, expert):
    """Spikes of ``inputs`` at ``steps``."""
    return InputSpikes.of(np.array(steps), np.array(inputs), expert.steps, expert.inputs)


def full(expert, weight=0.5):
    return np.full((expert.inputs, expert.neurons), weight, np.float32)


def thresholds(expert):
    return np.full(expert.neurons, expert.initial_adaptation, np.float32)


def no_delays(expert):
    return np.zeros(expert.inputs, int)


def raster(expert, spikes, weights=None, delays=None):
    weights = full(expert) if weights is None else weights
    delays = no_delays(expert) if delays is None else delays
    state = ExpertState(weights, thresholds(expert), delays)
    return BatchSimulator(expert).raster(state, spikes)


def learn(expert, weights, adaptation, spikes, delays=None):
    """Spikes of each neuron while an expert learns, in place."""
    delays = no_delays(expert) if delays is None else delays
    return BatchSimulator(expert).learn(ExpertState(weights, adaptation, delays), spikes)


def stepped(expert, weights, adaptation, spikes, delays, *, learn):
    """The equations in a plain loop, all of them in every step, in double precision.

    Gives spikes (step, neuron), weights, thresholds' adaptation and how near, mV, a voltage came
    to its threshold: where rounding could decide, nothing can be compared.
    """
    c, step = expert, expert.step
    w, theta = weights.astype(float), adaptation.astype(float)
    n, latest = c.neurons, c.steps + c.delays + 1
    delay = (delays[:, None] + neuron_delays(c)[None]) % c.delays
    underway = np.zeros((latest, n))
    arrivals = np.zeros((latest, c.inputs, n), int)
    rivals = np.zeros((latest, n))
    v, since, nearest = np.full(n, -65.0), np.full(n, c.interval / step), np.inf
    ge, gi = np.zeros(n), np.zeros(n)
    pre, post1, post2 = np.zeros_like(w), np.zeros(n), np.zeros(n)
    grown = np.zeros_like(w)  # by early plasticity since a neuron's last spike
    fired = []
    for t in range(c.steps):
        for source in spikes.inputs[spikes.first[t] : spikes.first[t + 1]]:
            when = t + delay[source]
            underway[when, np.arange(n)] += w[source]
            arrivals[when, source, np.arange(n)] += 1
        e = ge * c.excitation / step * (1 - np.exp(-step / c.excitation))
        i = gi * c.inhibition / step * (1 - np.exp(-step / c.inhibition))
        pulled = (v + step / 0.1 * (-65 - 100 * i)) / (1 + step / 0.1 * (1 + e + i))
        v = np.where(since >= 5e-3 / step, pulled, v)
        ge = ge * np.exp(-step / c.excitation) + c.conductance * underway[t]
        gi = gi * np.exp(-step / c.inhibition) + c.from_inhibitory * (rivals[t].sum() - rivals[t])
        since += 1
        pre, post1 = pre * np.exp(-step / c.early_trace), post1 * np.exp(-step / c.early_trace)
        post2 = post2 * np.exp(-step / c.late_trace)
        pre[arrivals[t] > 0] = 1.0
        grown += arrivals[t] * c.early_rate * post1
        free = since >= c.interval / step
        above = v - (c.threshold + theta)
        nearest = min(nearest, np.abs(above[free]).min(initial=np.inf))
        out = free & (above > 0)
        fired += [(t, j) for j in np.flatnonzero(out)]
        if learn:
            w[:, out] = np.minimum(w + grown, 1)[:, out]
            grown[:, out] = 0
            w[:, out] = np.minimum(w + c.late_rate * pre * post2, 1)[:, out]
            theta[out] += c.adaptation
        post1[out], post2[out], v[out], since[out] = 1, 1, -65, 0
        rivals[t + round(inhibition_delay(c) / step)] += out
    if learn:
        w = np.minimum(w + grown, 1)
    return np.array(fired), w, theta, nearest


@pytest.fixture(scope="module", params=[PAPER, RETINAL], ids=["paper", "retinal"])
def shown(request):
    """An expert, weights like an image's and others, thresholds, spikes and delays."""
    expert = dataclasses.replace(request.param, inputs=196, neurons=45, weight_sum=20.0)
    rng = np.random.default_rng(5)
    levels = textures(4, side=14).reshape(4, -1) / 255
    weights = levels[np.arange(45) % 4].T ** 2 * rng.random((196, 45)) + 0.02
    weights = expert.scaled(weights.astype(np.float32))
    drive = (weights * levels[np.arange(45) % 4].T).sum(axis=0).mean() * 63.75 * 1e-3
    reached = -65 / (1 + expert.conductance * drive) - expert.threshold
    theta = (reached - rng.uniform(4, 12, 45)).astype(np.float32)
    spikes = encode((63.75 * levels[0]).astype(np.float32), expert, rng)
    return expert, weights, theta, spikes, expert.input_delays(rng)


def test_a_compiled_expert_fires_as_the_equations_stepped_in_a_loop(shown):
    expert, weights, theta, spikes, delays = shown
    expected, _, _, nearest = stepped(expert, weights, theta, spikes, delays, learn=False)
    assert nearest > 2e-4
    assert len(expected) > 12
    assert len(set(expected[:, 1])) < 45
    found = BatchSimulator(expert).raster(ExpertState(weights, theta, delays), spikes)
    np.testing.assert_array_equal(found, expected)


def test_a_compiled_expert_learns_as_the_equations_stepped_in_a_loop(shown):
    expert, weights, theta, spikes, delays = shown
    fired, learnt, raised, nearest = stepped(expert, weights, theta, spikes, delays, learn=True)
    assert nearest > 2e-4
    changed, adapted = weights.copy(), theta.copy()
    counts = learn(expert, changed, adapted, spikes, delays)
    np.testing.assert_array_equal(counts, np.bincount(fired[:, 1], minlength=45))
    assert counts.max() > 3
    np.testing.assert_allclose(changed, learnt, rtol=1e-5, atol=1e-7)
    assert np.abs(learnt - weights).max() > 1e-3
    np.testing.assert_allclose(adapted, raised, rtol=1e-6)


def test_all_experts_respond_as_each_by_itself(shown):
    expert, weights, theta, spikes, delays = shown
    simulator = BatchSimulator(expert)
    order = np.random.default_rng(0).permutation(45)
    both = np.stack([weights, weights[:, order]])
    adaptation = np.stack([theta, theta + 3])
    counts, drive = simulator.respond(ExpertState(both, adaptation, delays), spikes)
    for each in range(2):
        alone = simulator.raster(ExpertState(both[each], adaptation[each], delays), spikes)
        np.testing.assert_array_equal(counts[each], np.bincount(alone[:, 1], minlength=45))
    # What is still underway at the end has not arrived.
    total = np.bincount(spikes.inputs, minlength=196) @ weights
    assert (drive[0] <= total * (1 + 1e-5)).all()
    assert (drive[0] > 0.95 * total).all()


def test_delays_are_uniform_for_each_inputs_neurons():
    parts = neuron_delays(dataclasses.replace(PAPER, neurons=42))
    np.testing.assert_array_equal(np.bincount(parts), np.full(21, 2))
    drawn = PAPER.input_delays(np.random.default_rng(0))
    assert drawn.shape == (784,)
    assert set(drawn) == set(range(21))
    for part in (0, 7, 20):
        np.testing.assert_array_equal(np.bincount((part + parts) % 21), np.full(21, 2))


@pytest.mark.parametrize("part", [0, 7, 20])
def test_a_spike_arrives_after_both_parts_of_its_delay_modulo_the_longest(part):
    expert = dataclasses.replace(SHOUT, neurons=42, from_inhibitory=0.0)
    found = raster(expert, at([30], [0], expert), delays=np.array([part]))
    first = {neuron: step for step, neuron in found[::-1]}
    delays = (part + np.arange(42) // 2) % 21
    # What arrives in a step moves the voltage in the next.
    assert first == dict(enumerate(30 + delays + 1))


def test_a_neuron_waits_fifty_milliseconds_between_spikes():
    found = raster(SHOUT, at(range(700), [0] * 700, SHOUT))
    np.testing.assert_array_equal(found[:, 0], 1 + 100 * np.arange(7))


def test_a_voltage_is_held_for_five_milliseconds_after_a_spike():
    expert = dataclasses.replace(SHOUT, interval=STEP)
    found = raster(expert, at(range(99), [0] * 99, expert))
    # Held in the ten steps after one, it moves in the eleventh.
    np.testing.assert_array_equal(np.diff(found[:6, 0]), [11] * 5)


def test_a_threshold_rises_with_each_spike_in_training_alone():
    spikes = at(range(700), [0] * 700, SHOUT)
    adaptation = thresholds(SHOUT)
    raster(SHOUT, spikes)
    assert adaptation == pytest.approx(20)
    counts = learn(SHOUT, full(SHOUT), adaptation, spikes)
    assert counts[0] == 7
    assert adaptation[0] == pytest.approx(20 + 7 * 0.05)


def test_a_higher_threshold_is_passed_later():
    expert = dataclasses.replace(SHOUT, conductance=3.0)
    spikes = at(range(700), [0] * 700, expert)
    state, passed = ConductanceState.at_rest((1,), EXCITATORY), {}
    for t in range(700):
        state = conductance_lif(state, EXCITATORY, STEP, 1e-3, 5e-4)
        state = state._replace(excitation=state.excitation + 3.0 * 0.5)
        for adaptation in (20.0, 30.0):
            if state.voltage[0] > -72 + adaptation:
                passed.setdefault(adaptation, t)
    for adaptation, step in passed.items():
        raised = np.full(1, adaptation, np.float32)
        state = ExpertState(full(expert), raised, no_delays(expert))
        found = BatchSimulator(expert).raster(state, spikes)
        assert found[0, 0] == step
    assert passed[20.0] < passed[30.0]


def test_an_inhibitory_neuron_answers_half_a_millisecond_later():
    # Five steps of 0.1 ms in Brian2, whose voltage takes Euler's explicit steps.
    assert inhibition_delay(PAPER) == pytest.approx(5e-4, abs=5e-5)


def test_inhibition_that_would_never_come_is_refused():
    with pytest.raises(ConfigurationError, match="never fires an inhibitory neuron; raise to_inh"):
        BatchSimulator(dataclasses.replace(PAPER, to_inhibitory=1.0))


def inhibited_from(first, brought):
    """Step in which a neuron driven as in the tests below fires, inhibited after ``first``."""
    state = ConductanceState.at_rest((1,), EXCITATORY)
    for t in range(700):
        state = conductance_lif(state, EXCITATORY, STEP, 1e-3, 5e-4)
        inhibition = brought if t == first + 1 else 0.0
        state = state._replace(
            excitation=state.excitation + 1.2, inhibition=state.inhibition + inhibition
        )
        if state.voltage[0] > -52:
            return t
    raise AssertionError("it never fires")


def test_a_spike_holds_back_all_others_half_a_millisecond_later():
    # Input 0 is heard by neuron 0 alone, at once; input 1 drives neurons 1 and 2.
    expert = dataclasses.replace(SHOUT, inputs=2, neurons=3, conductance=1e4, longest_delay=0.0)
    weights = np.array([[1.0, 0, 0], [0, 1.2e-4, 1.2e-4]], np.float32)
    spikes = at([3, *range(700)], [0, *[1] * 700], expert)
    found = raster(expert, spikes, weights)
    late = inhibited_from(4, 17.0)
    np.testing.assert_array_equal(found[:3], [[4, 0], [late, 1], [late, 2]])
    assert late > inhibited_from(4, 0.0)
    uninhibited = raster(dataclasses.replace(expert, from_inhibitory=0.0), spikes, weights)
    assert uninhibited[1, 0] == inhibited_from(4, 0.0)


def test_two_spikes_hold_back_twice_and_each_the_other():
    expert = dataclasses.replace(SHOUT, inputs=2, neurons=3, conductance=1e4, longest_delay=0.0)
    weights = np.array([[1.0, 1.0, 0], [0, 0, 1.2e-4]], np.float32)
    found = raster(expert, at([3, *range(700)], [0, *[1] * 700], expert), weights)
    np.testing.assert_array_equal(found[:2], [[4, 0], [4, 1]])
    last = found[found[:, 1] == 2]
    assert last[0, 0] == inhibited_from(4, 34.0)


def test_a_neuron_does_not_inhibit_itself():
    expert = dataclasses.replace(SHOUT, conductance=2.4, interval=STEP)
    free = dataclasses.replace(expert, from_inhibitory=0.0)
    spikes = at(range(700), [0] * 700, expert)
    found = raster(expert, spikes)
    assert len(found) > 10
    np.testing.assert_array_equal(found, raster(free, spikes))


def learnt(steps, expert=SHOUT, weight=0.5):
    """Weight of one synapse after it learnt from input spikes at ``steps``."""
    weights = full(expert, weight)
    learn(expert, weights, thresholds(expert), at(steps, [0] * len(steps), expert))
    return float(weights[0, 0])


def early(steps):
    return 1e-4 * np.exp(-steps * STEP / 0.02)


def late(before, since):
    return 1e-2 * np.exp(-before * STEP / 0.02) * np.exp(-since * STEP / 0.04)


def test_the_first_spike_of_a_neuron_changes_no_weight():
    # Input 0 makes it fire at 11; input 1 spikes before and with that. The neuron's slow trace is
    # still nothing.
    expert = dataclasses.replace(SHOUT, inputs=2)
    weights = np.array([[0.5], [1e-6]], np.float32)
    spikes = at([5, 10, 11], [1, 0, 1], expert)
    counts = learn(expert, weights, thresholds(expert), spikes)
    assert counts[0] == 1
    np.testing.assert_array_equal(weights, np.array([[0.5], [1e-6]], np.float32))


def test_a_weight_grows_when_its_inputs_spike_follows_the_neurons():
    # The neuron fires at 11; what arrives at 31 and 51 follows it, and can't make it fire before
    # 111, when the presentation is over.
    brief = dataclasses.replace(SHOUT, presentation=0.05)
    assert learnt([10, 31, 51], brief) == pytest.approx(0.5 + early(20) + early(40), abs=1e-7)


def test_a_weight_grows_when_the_neurons_spike_follows_its_inputs():
    # Spikes at 11 and 201, the second one step after what made it fire.
    expected = 0.5 + early(200 - 11) + late(1, 201 - 11)
    assert learnt([10, 200], SHOUT) == pytest.approx(expected, abs=1e-7)


def test_of_several_spikes_of_an_input_the_last_counts_for_the_neurons_spike():
    # 31 and 71 arrive between the spikes at 11 and 111.
    expected = 0.5 + early(20) + early(60) + late(40, 100)
    brief = dataclasses.replace(SHOUT, presentation=0.06)
    assert learnt([10, 31, 71], brief) == pytest.approx(expected, abs=1e-7)


def test_an_input_that_is_silent_keeps_its_weights():
    expert = dataclasses.replace(SHOUT, inputs=2)
    weights = full(expert)
    learn(expert, weights, thresholds(expert), at([10, 200], [0, 0], expert))
    assert weights[1, 0] == 0.5


def test_no_weight_grows_beyond_one():
    assert learnt([10, 200, 400], dataclasses.replace(SHOUT, late_rate=100.0)) == 1.0
    assert learnt([10, 20], dataclasses.replace(SHOUT, early_rate=100.0)) == 1.0
    assert learnt([10, 200, 201, 400], SHOUT, weight=0.9999) <= 1.0


def test_what_arrives_after_the_presentation_teaches_nothing():
    brief = dataclasses.replace(SHOUT, presentation=0.02)
    assert learnt([10, 38], brief) > 0.5
    delayed = full(brief)
    spikes = at([10, 38], [0, 0], brief)
    learn(brief, delayed, thresholds(brief), spikes, np.array([2]))
    assert delayed[0, 0] == 0.5


@given(seed=st.integers(0, 1000))
def test_scaled_weights_sum_to_seventy_eight_and_keep_their_proportions(seed):
    rng = np.random.default_rng(seed)
    expert = dataclasses.replace(PAPER, inputs=30, neurons=4)
    weights = rng.random((30, 4), np.float32) + np.float32(0.01)
    found = expert.scaled(weights)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=0), np.full(4, 78), rtol=1e-5)
    np.testing.assert_allclose(found / found[0], weights / weights[0], rtol=1e-5)


def test_initial_weights_are_those_of_the_paper():
    weights = PAPER.initial_weights(np.random.default_rng(0))
    assert weights.shape == (784, 400)
    assert weights.min() >= 0.003
    assert weights.max() <= 0.303
    assert weights.mean() == pytest.approx(0.153, abs=1e-3)


def test_inputs_fire_at_their_rates_at_any_time_of_a_presentation():
    rng = np.random.default_rng(0)
    rates = np.repeat([0.0, 10.0, 63.75], 400).astype(np.float32)
    spikes = encode(rates, dataclasses.replace(PAPER, inputs=1200), rng)
    counts = np.diff(spikes.input_first).reshape(3, 400)
    expected = np.array([0.0, 10.0, 63.75]) * 0.35
    # Four standard errors of a Poisson distribution's mean, and of its variance.
    np.testing.assert_allclose(counts.mean(axis=1), expected, atol=4 * np.sqrt(63.75 * 0.35 / 400))
    np.testing.assert_allclose(counts.var(axis=1), expected, rtol=4 * np.sqrt(2.1 / 400))
    assert (counts[0] == 0).all()
    halves = np.histogram(spikes.steps, 7, (0, 700))[0]
    mean = len(spikes.steps) / 7
    np.testing.assert_allclose(halves, np.full(7, mean), atol=4 * np.sqrt(mean))


def test_the_same_seed_gives_the_same_spikes_delays_and_weights():
    rates = np.linspace(0, 60, 784).astype(np.float32)

    def drawn(seed):
        rng = np.random.default_rng(seed)
        spikes = encode(rates, PAPER, rng)
        return [*spikes, PAPER.input_delays(rng), PAPER.initial_weights(rng)]

    for one, again in zip(drawn(1), drawn(1), strict=True):
        np.testing.assert_array_equal(one, again)
    for one, other in zip(drawn(1), drawn(2), strict=True):
        assert one.shape != other.shape or (one != other).any()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), max_size=40))
def test_spikes_in_both_orders_are_the_same(pairs):
    when, which = np.array(pairs, int).reshape(-1, 2).T
    spikes = InputSpikes.of(when, which, 10, 5)
    by_step = [
        (t, k) for t in range(10) for k in spikes.inputs[spikes.first[t] : spikes.first[t + 1]]
    ]
    by_input = [
        (t, k)
        for k in range(5)
        for t in spikes.steps[spikes.input_first[k] : spikes.input_first[k + 1]]
    ]
    assert by_step == sorted(pairs)
    assert sorted(by_input) == sorted(pairs)
    assert by_input == sorted(by_input, key=lambda pair: (pair[1], pair[0]))


def counted(step, repetitions):
    """Spikes as ``brian_counts.recorded`` has them, of compiled experts."""
    weights, theta = (each[None].astype(np.float32) for each in brian_counts.expert())
    expert = Expert(neurons=brian_counts.NEURONS, step=step)
    simulator, found = BatchSimulator(expert), []
    for repetition in range(repetitions):
        rng = np.random.default_rng([2, repetition])
        delays = expert.input_delays(rng)
        for rates in brian_counts.rates().astype(np.float32):
            state = ExpertState(weights, theta, delays)
            counts, _ = simulator.respond(state, encode(rates, expert, rng))
            found.append(counts[0])
    return np.reshape(found, (repetitions, brian_counts.IMAGES, brian_counts.NEURONS))


def winners(counts):
    """The place whose neurons fire most, by image."""
    places = brian_counts.PLACES
    return np.stack([counts[..., n::places].sum(axis=-1) for n in range(places)]).argmax(axis=0)


# Two halves of Brian2's twelve runs differ by 2 % at most, and correlate by .990.
@pytest.mark.parametrize(("step", "more"), [(1e-4, 0.0), (5e-4, 0.07)])
def test_neurons_fire_as_often_as_brians(step, more):
    expected, found = brian_counts.recorded(), counted(step, repetitions=24)
    assert found.sum(axis=2).mean() == pytest.approx(
        (1 + more) * expected.sum(axis=2).mean(), rel=0.04
    )
    assert (found == 0).mean() == pytest.approx((expected == 0).mean(), abs=0.025)
    means = [each.mean(axis=0).ravel() for each in (expected, found)]
    assert np.corrcoef(means)[0, 1] > 0.985
    shown = np.arange(brian_counts.IMAGES)
    for counts in (expected, found):
        assert (winners(counts) == shown).mean() > 0.95
