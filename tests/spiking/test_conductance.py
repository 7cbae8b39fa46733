# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.spiking.conductance import ConductanceLIF, ConductanceState, conductance_lif

NEURON = ConductanceLIF(
    membrane=0.1, rest=-65.0, reset=-65.0, excitation=0.0, inhibition=-100.0, refractory=5e-3
)
FOREVER = 1e4  # a time constant, s, with which a conductance stays what it is


def numbers(*values):
    return np.array(values, dtype=float)


def test_a_step_worked_by_hand():
    # Halved in a step of 1 ms: τ = 1 ms / ln 2, and the mean over the step is 1 / (2 ln 2) of the
    # conductance before it. k = 0.01.
    tau = 1e-3 / np.log(2)
    state = ConductanceState(numbers(-70.0), numbers(4.0), numbers(2.0))
    after = conductance_lif(state, NEURON, 1e-3, tau, tau)
    e, i = 4 / (2 * np.log(2)), 2 / (2 * np.log(2))  # 2.8854, 1.4427
    expected = (-70 + 0.01 * (-65 + i * -100)) / (1 + 0.01 * (1 + e + i))  # -68.446
    assert after.voltage[0] == pytest.approx(expected)
    assert after.voltage[0] == pytest.approx(-68.446, abs=1e-3)
    assert after.excitation[0] == pytest.approx(2.0)
    assert after.inhibition[0] == pytest.approx(1.0)


def test_a_neuron_that_hears_nothing_stays_at_rest():
    state = ConductanceState.at_rest((2, 3), NEURON)
    for _ in range(10):
        state = conductance_lif(state, NEURON, 5e-4, 1e-3, 5e-4)
    np.testing.assert_allclose(state.voltage, np.full((2, 3), -65.0))
    assert not state.excitation.any()
    assert not state.inhibition.any()


@given(
    excitation=st.floats(0, 50),
    inhibition=st.floats(0, 50),
    start=st.floats(-120, 20),
    step=st.floats(1e-5, 1e-2),
)
def test_constant_conductances_draw_the_voltage_to_their_weighted_mean(
    excitation, inhibition, start, step
):
    state = ConductanceState(numbers(start), numbers(excitation), numbers(inhibition))
    fixed = (NEURON.rest + inhibition * NEURON.inhibition) / (1 + excitation + inhibition)
    rate = step / NEURON.membrane * (1 + excitation + inhibition)
    steps = 20
    for _ in range(steps):
        state = conductance_lif(state, NEURON, step, FOREVER, FOREVER)
    # A step of the implicit method takes 1 + k (1 + g) from the distance.
    left = (start - fixed) / (1 + rate) ** steps
    assert state.voltage[0] == pytest.approx(fixed + left, abs=1e-2)


@given(
    weight=st.floats(0.01, 100),
    decay=st.floats(1e-4, 1e-2),
    steps_of_decay=st.floats(0.2, 20),
)
def test_what_a_conductance_brings_in_all_does_not_depend_on_the_step(
    weight, decay, steps_of_decay
):
    # A membrane that is so slow that it only adds up: τ Δv = E ∫ g dt = E w τ_e.
    slow = NEURON._replace(membrane=1e6, rest=0.0, excitation=1.0)
    state = ConductanceState(numbers(0.0), numbers(weight), numbers(0.0))
    step = decay / steps_of_decay
    for _ in range(int(20 * steps_of_decay) + 2):
        state = conductance_lif(state, slow, step, decay, decay)
    assert state.voltage[0] * slow.membrane == pytest.approx(weight * decay, rel=1e-5)


@given(
    voltage=st.floats(-100, 0),
    excitation=st.floats(0, 1e6),
    inhibition=st.floats(0, 1e6),
    step=st.floats(1e-6, 1.0),
)
def test_no_conductance_takes_the_voltage_beyond_the_reversal_voltages(
    voltage, excitation, inhibition, step
):
    state = ConductanceState(numbers(voltage), numbers(excitation), numbers(inhibition))
    after = conductance_lif(state, NEURON, step, 1e-3, 5e-4)
    assert -100 - 1e-9 <= after.voltage[0] <= 1e-9


@pytest.mark.parametrize(("step", "close"), [(1e-4, 0.05), (5e-4, 0.25)])
def test_a_shower_of_spikes_moves_the_voltage_as_a_fine_integration_does(step, close):
    rng = np.random.default_rng(0)
    steps, fine = round(0.2 / step), round(step / 1e-6)
    excite = 0.6 * rng.poisson(800 * step, (steps, 5))
    inhibit = 3.0 * rng.poisson(40 * step, (steps, 5))
    state = ConductanceState.at_rest((5,), NEURON)
    v, e, i = np.full(5, -65.0), np.zeros(5), np.zeros(5)
    farthest = 0.0
    for n in range(steps):
        state = conductance_lif(state, NEURON, step, 1e-3, 5e-4)
        for _ in range(fine):  # forward Euler, 1 µs
            v = v + 1e-6 / 0.1 * ((-65 - v) - e * v + i * (-100 - v))
            e, i = e * (1 - 1e-6 / 1e-3), i * (1 - 1e-6 / 5e-4)
        state = state._replace(
            excitation=state.excitation + excite[n], inhibition=state.inhibition + inhibit[n]
        )
        e, i = e + excite[n], i + inhibit[n]
        farthest = max(farthest, np.abs(state.voltage - v).max())
    assert np.ptp(v) > 1.0
    assert farthest < close
