# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.spiking.neurons import (
    IWTAParameters,
    IWTAState,
    LIFParameters,
    LIFState,
    integrate,
    iwta,
    lif,
    paired,
    recurrent,
    through,
)


def numbers(*values):
    return np.array(values, dtype=float)


def test_a_lif_neuron_worked_by_hand():
    # i: 0.6, 0.9, 1.05, 1.125; v before the reset: 0.6, 1.38, …; θ = 1 is passed at the second.
    parameters = LIFParameters(numbers(0.5), numbers(0.8), numbers(1.0))
    state = LIFState.rest((1,))
    found = []
    for _ in range(4):
        spikes, state = lif(numbers(0.6), state, parameters)
        found.append((state.current[0], state.voltage[0], spikes[0]))
    np.testing.assert_allclose(
        found,
        [
            (0.6, 0.6, 0),
            (0.9, 0.8 * 0.6 + 0.9, 1),  # 1.38
            (1.05, 0.8 * 1.38 + 1.05 - 1, 1),  # 1.154
            (1.125, 0.8 * 1.154 + 1.125 - 1, 1),  # 1.0482
        ],
    )


def test_a_voltage_at_the_threshold_is_not_above_it():
    parameters = LIFParameters(numbers(0.0), numbers(0.0), numbers(1.0))
    assert lif(numbers(1.0), LIFState.rest((1,)), parameters)[0] == 0
    assert lif(numbers(np.nextafter(1.0, 2.0)), LIFState.rest((1,)), parameters)[0] == 1


def test_a_soft_reset_loses_nothing_of_a_constant_input():
    # Without a leak the rate is drive / threshold: 0.3 spikes a tick.
    parameters = LIFParameters(numbers(0.0), numbers(1.0), numbers(1.0))
    state = LIFState.rest((1,))
    total = 0.0
    for _ in range(1000):
        spikes, state = lif(numbers(0.3), state, parameters)
        total += spikes[0]
    assert total == pytest.approx(300, abs=1)


def test_lif_spikes_as_snntorchs_current_based_neuron():
    torch = pytest.importorskip("torch")
    snntorch = pytest.importorskip("snntorch", reason="a reference for the test alone")
    rng = np.random.default_rng(0)
    alpha, beta, threshold = 0.6, 0.85, 1.2
    reference = snntorch.Synaptic(
        alpha=alpha, beta=beta, threshold=threshold, reset_mechanism="subtract"
    )
    parameters = LIFParameters(numbers(alpha), numbers(beta), numbers(threshold))
    state = LIFState.rest((7,))
    current, voltage = reference.reset_mem()
    for _ in range(200):
        drive = rng.normal(0.2, 0.5, 7)
        expected, current, voltage = reference(torch.tensor(drive), current, voltage)
        spikes, state = lif(drive, state, parameters)
        np.testing.assert_allclose(state.voltage, voltage.detach().numpy(), atol=1e-5)
        np.testing.assert_array_equal(spikes, expected.detach().numpy())


def test_an_iwta_neuron_worked_by_hand():
    parameters = IWTAParameters(
        current_decay=numbers(0.0),
        voltage_decay=numbers(0.5),
        base=numbers(2.0),
        trace_decay=numbers(0.5, 0.0),
        adaptation=np.array([[-1.0], [0.5]]),
    )
    state = IWTAState.rest((1,), 2, numbers(2.0))
    # x = (1, 0): θ = 2 − 1 = 1; v = 1.2 passes it.
    spikes, state = iwta(numbers(1.2), numbers(1, 0), state, parameters)
    assert (state.threshold[0], state.voltage[0], spikes[0]) == (1.0, 1.2, 1.0)
    # Reset by the 1 that was passed: v = 0.6 + 1.2 − 1; x = (0.5, 1): θ = 2 − 0.5 + 0.5.
    spikes, state = iwta(numbers(1.2), numbers(0, 1), state, parameters)
    assert (state.threshold[0], spikes[0]) == (2.0, 0.0)
    assert state.voltage[0] == pytest.approx(0.8)
    np.testing.assert_allclose(state.trace, [0.5, 1.0])


@given(seed=st.integers(0, 1000))
def test_without_adaptation_iwta_is_lif(seed):
    rng = np.random.default_rng(seed)
    n, m = 5, 3
    decays = rng.random((2, n))
    base = rng.uniform(0, 2, n)
    plain = LIFParameters(decays[0], decays[1], base)
    adaptive = IWTAParameters(decays[0], decays[1], base, rng.random(m), np.zeros((m, n)))
    one, other = LIFState.rest((n,)), IWTAState.rest((n,), m, base)
    for _ in range(30):
        drive, inputs = rng.normal(0, 2, n), rng.integers(0, 2, m).astype(float)
        expected, one = lif(drive, one, plain)
        spikes, other = iwta(drive, inputs, other, adaptive)
        np.testing.assert_array_equal(spikes, expected)
        np.testing.assert_allclose(other.voltage, one.voltage)


@given(seed=st.integers(0, 1000))
def test_a_batch_of_individuals_is_each_of_them(seed):
    rng = np.random.default_rng(seed)
    count, n, m = 4, 6, 3
    parameters = IWTAParameters(
        rng.random((count, n)),
        rng.random((count, n)),
        rng.uniform(0, 2, (count, n)),
        rng.random((count, m)),
        rng.uniform(-1, 1, (count, m, n)),
    )
    weights, back = rng.normal(0, 1, (count, m, n)), rng.normal(0, 1, (count, n, n))
    together = IWTAState.rest((count, n), m, parameters.base)
    apart = [IWTAState.rest((n,), m, parameters.base[i]) for i in range(count)]
    for _ in range(20):
        inputs = rng.integers(0, 2, (count, m)).astype(float)
        drive = recurrent(through(inputs, weights), together.spikes, back)
        spikes, together = iwta(drive, inputs, together, parameters)
        for i in range(count):
            own = IWTAParameters(*(each[i] for each in parameters))
            drive_i = inputs[i] @ weights[i] + apart[i].spikes @ back[i]
            spikes_i, apart[i] = iwta(drive_i, inputs[i], apart[i], own)
            np.testing.assert_array_equal(spikes[i], spikes_i)
            np.testing.assert_allclose(together.voltage[i], apart[i].voltage, atol=1e-12)


def test_a_leaky_integrator_comes_to_its_input():
    value = numbers(0.0)
    value = integrate(numbers(2.0), value, numbers(0.3))
    assert value[0] == pytest.approx(1.4)
    for _ in range(50):
        value = integrate(numbers(2.0), value, numbers(0.3))
    assert value[0] == pytest.approx(2.0)


@given(st.floats(-10, 10), st.integers(1, 5), st.integers(0, 100))
def test_an_opposite_value_drives_the_opposite_neurons_alike(value, pairs, seed):
    rng = np.random.default_rng(seed)
    weights, biases = rng.uniform(-2, 2, pairs), rng.uniform(-1, 1, pairs)
    one = paired(np.array(value), weights, biases).reshape(pairs, 2)
    other = paired(np.array(-value), weights, biases).reshape(pairs, 2)
    np.testing.assert_array_equal(one, other[:, ::-1])
    np.testing.assert_allclose(one[:, 0], weights * value + biases)
    batch = paired(np.array([value, -value]), weights, biases)
    np.testing.assert_array_equal(batch, np.stack([one.ravel(), other.ravel()]))
