# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Populations by hand and beside a Runge-Kutta solution."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.spiking.population import (
    HALF_CENTRE,
    INHIBITION,
    INTERNEURON,
    SODIUM,
    activity,
    gates,
    population,
)


def test_activity_is_worked_by_hand():
    assert [activity(v) for v in (-60.0, -50.0, -25.0, 0.0, 10.0)] == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_gates_are_half_open_at_their_half_way_potentials():
    assert gates(-40.0)[0] == pytest.approx(0.5)
    assert gates(-34.0)[0] == pytest.approx(1 / (1 + math.exp(-1)))
    assert gates(-45.0)[1] == pytest.approx(0.5)
    assert gates(-41.0)[1] == pytest.approx(1 / (1 + math.e))
    assert gates(-35.0)[2] == pytest.approx(160.0)
    assert gates(-20.0)[2] == pytest.approx(80 + 80 / math.cosh(1))


def test_an_interneuron_goes_exponentially_to_where_its_synapses_draw_it():
    # 2.8 nS to -60 mV, 1.2 nS to -10 mV, 10 pF: -45 mV with 2.5 ms.
    found, _ = population(-60.0, 0.0, INTERNEURON, 1.2, 0.0, 2.5)
    assert found == pytest.approx(-45 - 15 / math.e)


def rates(state, excitation, inhibition):
    """The half-centre's equations once more, with the paper's numbers."""
    v, h = state
    m = 1 / (1 + np.exp((v + 40) / -6))
    current = 4.5 * m * h * (v - 50) + 4.5 * (v + 62.5)
    current += excitation * (v + 10) + inhibition * (v + 75)
    tau = 80 + (160 - 80) / np.cosh((v + 35) / 15)
    return np.array([-current / 10, (1 / (1 + np.exp((v + 45) / 4)) - h) / tau])


def test_a_half_centre_bursts_as_a_finer_solution_does():
    dt, found, truth = 0.1, np.array([-60.0, 0.6]), np.array([-60.0, 0.6])
    bursting = []
    for k in range(6000):
        inhibition = 0.4 * (k < 500)
        found = np.array(population(*found, HALF_CENTRE, 0.1, inhibition, dt))
        a = rates(truth, 0.1, inhibition)
        b = rates(truth + dt / 2 * a, 0.1, inhibition)
        c = rates(truth + dt / 2 * b, 0.1, inhibition)
        d = rates(truth + dt * c, 0.1, inhibition)
        truth = truth + dt / 6 * (a + 2 * b + 2 * c + d)
        bursting.append((found[0] > -45, truth[0] > -45))
    ours, theirs = np.array(bursting).T
    assert theirs.any()
    assert not theirs.all()
    assert ours.sum() == pytest.approx(theirs.sum(), rel=0.02)
    assert found == pytest.approx(truth, abs=0.5)


@given(
    st.floats(-90, 50), st.floats(0, 1), st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0.01, 10)
)
def test_no_synapse_makes_a_half_centre_overshoot(v, h, excitation, inhibition, step):
    voltage, inactivation = population(v, h, HALF_CENTRE, excitation, inhibition, step)
    assert min(v, INHIBITION) - 1e-9 <= voltage <= max(v, SODIUM) + 1e-9
    assert 0 <= inactivation <= 1
