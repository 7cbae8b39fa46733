# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from tests.places import brian_counts
from tests.places.brian_expert import simulate

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

COUNT, NEURONS, REST, SHOWN, UNTIL = 100, 8, 300, 2000, 4800


def step_by_step(weights, theta_mv, delays, spikes, *, learn, rescale_at):
    """The same equations in a plain loop: forward Euler, then spikes, synapses and resets."""
    w, theta = weights.copy(), theta_mv * 1e-3
    v_e, v_i = np.full(NEURONS, -0.105), np.full(NEURONS, -0.1)
    ge, gi, ge_i = np.zeros(NEURONS), np.zeros(NEURONS), np.zeros(NEURONS)
    timer = np.zeros(NEURONS)
    last_e, last_i = np.full(NEURONS, -(10**6)), np.full(NEURONS, -(10**6))
    pre, post1, post2 = np.zeros_like(w), np.zeros(NEURONS), np.zeros(NEURONS)
    arrivals = np.zeros((UNTIL + 101, COUNT, NEURONS), dtype=bool)
    step, pixel = np.nonzero(spikes)
    for neuron in range(NEURONS):
        arrivals[step + delays[pixel, neuron], pixel, neuron] = True
    fired, answered = [], []
    for n in range(UNTIL):
        if n in rescale_at:
            w *= 78 / w.sum(axis=0)
        free_e, free_i = n - last_e >= 50, n - last_i >= 20
        v_e = v_e + free_e * 1e-4 / 0.1 * ((-0.065 - v_e) - ge * v_e + gi * (-0.1 - v_e))
        v_i = v_i + free_i * 1e-4 / 0.01 * ((-0.06 - v_i) - ge_i * v_i)
        ge, gi, ge_i = 0.9 * ge, 0.8 * gi, 0.9 * ge_i
        timer = timer + 0.1 * 1e-4
        if learn:
            theta = theta - theta * 1e-4 / 1e4
            pre *= np.exp(-0.1 / 20)
            post1, post2 = post1 * np.exp(-0.1 / 20), post2 * np.exp(-0.1 / 40)
        out_e = (v_e > theta - 0.02 - 0.052) & (timer > 0.005) & free_e
        out_i = (v_i > -0.04) & free_i
        fired += [(n, neuron) for neuron in np.flatnonzero(out_e)]
        answered += [(n, neuron) for neuron in np.flatnonzero(out_i)]
        last_e[out_e], last_i[out_i] = n, n
        ge = ge + (w * arrivals[n]).sum(axis=0)
        ge_i = ge_i + 10.4 * out_e
        gi = gi + 17.0 * (out_i.sum() - out_i)
        if learn:
            pre[arrivals[n]] = 1.0
            w = np.where(arrivals[n], np.clip(w + 1e-4 * post1, 0, 1), w)
            w = np.where(out_e, np.clip(w + 0.01 * pre * post2, 0, 1), w)
            post1[out_e], post2[out_e] = 1.0, 1.0
            theta = theta + 5e-5 * out_e
        v_e, v_i = np.where(out_e, -0.065, v_e), np.where(out_i, -0.045, v_i)
        timer = np.where(out_e, 0.0, timer)
    return np.array(fired), np.array(answered), w, theta * 1e3


@pytest.fixture
def given():
    """Weights, thresholds, delays and the spikes of two images."""
    rng = np.random.default_rng(1)
    weights = 0.3 * (rng.random((COUNT, NEURONS)) + 0.01)
    weights *= 78 / weights.sum(axis=0)
    theta = rng.uniform(18.0, 30.0, NEURONS)
    rates = np.zeros((UNTIL, COUNT))
    for image in range(2):
        begin = REST + image * 2250
        rates[begin : begin + SHOWN] = 63.75 * rng.random(COUNT)
    return (
        weights,
        theta,
        rng.integers(0, 101, (COUNT, NEURONS)),
        rng.random(rates.shape) < (rates * 1e-4),
    )


@pytest.mark.parametrize("learn", [False, True])
def test_brians_expert_fires_as_the_equations_stepped_in_a_loop(given, learn):
    weights, theta, delays, spikes = given
    rescale_at = (REST, REST + 2250) if learn else ()
    brian = simulate(
        weights, theta, delays, *np.nonzero(spikes), until=UNTIL, learn=learn, rescale_at=rescale_at
    )
    fired, answered, final, thresholds = step_by_step(
        weights, theta, delays, spikes, learn=learn, rescale_at=rescale_at
    )
    assert len(fired) > 20
    np.testing.assert_array_equal(brian.spikes, fired)
    np.testing.assert_array_equal(brian.inhibitory_spikes, answered)
    np.testing.assert_allclose(brian.weights, final, rtol=1e-9)
    np.testing.assert_allclose(brian.theta_mv, thresholds, rtol=1e-9)


def test_the_inhibitory_layer_answers_every_spike_five_steps_later(given):
    weights, theta, delays, spikes = given
    outcome = simulate(weights, theta, delays, *np.nonzero(spikes), until=UNTIL)
    kept = outcome.spikes[outcome.spikes[:, 0] < UNTIL - 5]
    np.testing.assert_array_equal(outcome.inhibitory_spikes, kept + np.array([5, 0]))


def test_a_neuron_waits_fifty_milliseconds_and_a_step():
    # A timer at a tenth of the clock's pace: 500 additions of 10 µs fall short of 5 ms by rounding.
    strong, theta = np.full((COUNT, 1), 1.0), np.array([0.0])
    steps = np.repeat(np.arange(1600), COUNT)
    inputs = np.tile(np.arange(COUNT), 1600)
    outcome = simulate(strong, theta, np.zeros((COUNT, 1), int), steps, inputs, until=1600)
    np.testing.assert_array_equal(outcome.spikes[:, 0], [500, 1001, 1502])


def test_the_counts_that_are_kept_are_brians():
    np.testing.assert_array_equal(brian_counts.counted(3), brian_counts.recorded()[3])
