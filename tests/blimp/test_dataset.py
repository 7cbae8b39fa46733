# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from neuro_control.blimp.training import dataset
from neuro_control.blimp.training.dataset import (
    correlation,
    cost,
    integral_recordings,
    measured,
    neutral_flight,
    pd_recordings,
    recordings,
)


def test_the_integral_converges_to_what_holds_the_load():
    found = integral_recordings(0, 12)
    assert found.errors.shape == found.targets.shape == (12, 2500)
    # Each set-point lasts 50 s; by its end the blimp stands still and u = I∫e = −b.
    ends = slice(499, None, 500)
    loads = -found.targets[:, ends]
    assert np.abs(found.errors[:, ends]).max() < 0.03
    assert np.abs(loads).max() < 4.2
    assert loads.std() == pytest.approx(8 / np.sqrt(12), rel=0.15)  # uniform over ±4
    # Where the PID isn't cut off, the target grows by I e dt = 0.75 · 0.1 e a tick.
    late = slice(250, 500)
    np.testing.assert_allclose(
        np.diff(found.targets[:, late]), 0.075 * found.errors[:, 251:500], atol=1e-12
    )


def test_a_point_mass_moves_as_galilei_has_it():
    found = integral_recordings(3, 1)
    rng = np.random.default_rng([3, 0])
    set_point, load = rng.uniform(0, 1.5), rng.uniform(-4, 4)
    # First tick: no slope yet, so u = (9 + 0.075) e, and x = ½ (u + b) t².
    u = min(9.075 * set_point, 10.0)
    assert found.errors[0, 0] == pytest.approx(set_point)
    assert found.errors[0, 1] == pytest.approx(set_point - 0.5 * (u + load) * 0.01)


def test_the_plants_period_is_its_equation_in_a_thousand_small_steps():
    matrix, drive = dataset.NEUTRAL_PLANT
    h, v, u = 1.2, -0.3, 4.0
    expected = matrix @ [h, v] + drive * u
    for _ in range(1000):
        h, v = h + 1e-4 * v, v + 1e-4 * (0.0444 * u - 0.29 * v - 0.0164 * h)
    np.testing.assert_allclose(expected, [h, v], atol=1e-5)


def test_pd_targets_are_the_terms_of_the_error_cut_off():
    log = [0.5, 0.51, 0.5, 1.5, 1.45]
    found = pd_recordings(0, 2, flight=lambda rng: np.array(log))
    # 9 e + 140 Δe: 4.5; 4.59 + 1.4; 4.5 − 1.4; cut off; 13.05 − 7.
    np.testing.assert_allclose(found.targets, [[4.5, 5.99, 3.1, 10.0, 6.05]] * 2)
    np.testing.assert_array_equal(found.errors, [log] * 2)
    slow = pd_recordings(0, 1, flight=lambda rng: np.array(log[:2]), derivative_time=0.1)
    np.testing.assert_allclose(slow.targets, [[4.5, 4.59 + 0.7]])


def test_a_neutral_flight_follows_its_set_points_and_is_measured_in_centimetres():
    errors = neutral_flight(np.random.default_rng(0))
    assert errors.shape == (1000,)
    changes = np.flatnonzero(np.abs(np.diff(errors)) > 0.1) + 1
    assert 2 <= len(changes) <= 4
    assert (np.diff([0, *changes]) >= 200).all()
    assert (np.diff([0, *changes]) <= 350).all()
    # Before each change it stands still, but for the noise and what a PD leaves of the plant's
    # spring: 0.0164 h / (0.0444 · 9 + 0.0164) < 0.04 · 1.8 m.
    for change in changes:
        still = errors[change - 20 : change]
        assert np.abs(still).mean() < 0.08
        assert 0.002 < still.std() < 0.012
        jumps = np.diff(still) * 100
        np.testing.assert_allclose(jumps, jumps.round(), atol=1e-9)


def test_a_measurement_has_the_noise_of_the_range_finder():
    rng = np.random.default_rng(0)
    found = np.array([measured(1.234, rng) for _ in range(4000)])
    np.testing.assert_allclose(found * 100, (found * 100).round(), atol=1e-9)
    # Noise of 0.5 cm and rounding by a centimetre: √(0.25 + 1/12) cm.
    assert found.std() == pytest.approx(0.00577, abs=3e-4)
    assert found.mean() == pytest.approx(1.234, abs=3e-4)


@pytest.mark.parametrize("term", ["pd", "i"])
def test_a_set_is_the_same_however_many_there_are_and_its_seed_decides(term):
    two, three = recordings(term, 5, 2, 0.3), recordings(term, 5, 3, 0.3)
    np.testing.assert_array_equal(two.errors, three.errors[:2])
    np.testing.assert_array_equal(two.targets, three.targets[:2])
    assert not np.array_equal(two.errors[0], two.errors[1])
    assert not np.array_equal(two.errors, recordings(term, 6, 2, 0.3).errors)
    assert np.abs(three.targets).max() <= 10


def test_a_cost_worked_by_hand():
    target = np.array([0.0, 1.0, 2.0, 3.0])
    # ρ of (0, 0, 1, 1): covariance 2, variances 5 and 1 (sums of squares): 2 / √5.
    output = np.array([0.0, 0.0, 1.0, 1.0])
    assert cost(output, target) == pytest.approx(1.0 + 1 - 2 / np.sqrt(5))
    assert cost(target, target) == pytest.approx(0.0)
    assert cost(-target, target) == pytest.approx(3.0 + 2.0)
    assert cost(np.full(4, 0.1), target) == pytest.approx(1.45 + 1.0)
    assert cost(target, np.full(4, 0.1)) == pytest.approx(1.45 + 1.0)


def test_the_correlation_is_numpys():
    rng = np.random.default_rng(0)
    outputs, targets = rng.normal(size=(2, 5, 100))
    expected = [np.corrcoef(o, t)[0, 1] for o, t in zip(outputs, targets, strict=True)]
    np.testing.assert_allclose(correlation(outputs, targets), expected)
    np.testing.assert_allclose(cost(outputs, targets[0])[0], cost(outputs[0], targets[0]))
