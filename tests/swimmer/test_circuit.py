# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neuro_control.errors import ConfigurationError
from neuro_control.swimmer.control.circuit import (
    SIGNS,
    Batch,
    Circuit,
    Weights,
    respond,
    stretch_limit,
)


def reference(angles, count, weights, speed, turn, period=60, turn_joints=1):
    """The circuit as the paper writes it: neuron by neuron, with plain numbers."""
    n = len(angles)

    def g(x):
        return min(max(x, 0.0), 1.0)

    def w(array, side, joint):
        return float(array) if array.ndim == 0 else float(array[side, joint])

    stretch = [min(max(a / (2 * np.pi / (n + 1)), -1.0), 1.0) for a in angles]
    neurons = np.zeros((2, n))
    for side, sign in ((0, 1), (1, -1)):
        for i in range(n):
            if i == 0:
                half = period // 2 if period == int(period) else period / 2
                on = (count % period < half) == (side == 0)
                oscillator = weights.oscillator
                w_osc = float(oscillator) if oscillator.ndim == 0 else float(oscillator[side])
                x = w_osc * on
            else:
                x = w(weights.proprioception, side, i - 1) * max(sign * stretch[i - 1], 0.0)
            x += w(weights.speed, side, i) * (1 - speed)
            if i < turn_joints:
                x += w(weights.turn, side, i) * max(sign * turn, 0.0)
            neurons[side, i] = g(x)
    muscles = np.zeros((2, n))
    for side in (0, 1):
        for i in range(n):
            muscles[side, i] = g(
                w(weights.ipsilateral, side, i) * neurons[side, i]
                + w(weights.contralateral, side, i) * neurons[1 - side, i]
            )
    return neurons, muscles, muscles[0] - muscles[1]


@given(
    data=st.data(),
    joints=st.integers(2, 14),
    own=st.booleans(),
    speed=st.floats(0, 1),
    turn=st.floats(-1, 1),
    seed=st.integers(0, 1000),
    count=st.integers(0, 200),
)
def test_circuit_computes_what_the_paper_writes(data, joints, own, speed, turn, seed, count):
    angles = data.draw(arrays(float, joints, elements=st.floats(-4, 4)))
    turn_joints = data.draw(st.integers(1, joints))
    period = data.draw(st.one_of(st.floats(2, 100), st.integers(2, 100)))
    rng = np.random.default_rng(seed)
    weights = Weights.random(rng, joints if own else None)
    if own:
        speeds, turns = -rng.random((2, joints)), rng.random((2, joints))
        weights = dataclasses.replace(weights, speed=speeds, turn=turns)
    circuit = Circuit(joints, weights, period, turn_joints)
    circuit.phase = count
    action = circuit.step(angles, speed, turn)
    neurons, muscles, expected = reference(
        angles, count, weights, speed, turn, period, turn_joints=turn_joints
    )
    np.testing.assert_allclose(circuit.activity.neurons, neurons, atol=1e-14)
    np.testing.assert_allclose(circuit.activity.muscles, muscles, atol=1e-14)
    np.testing.assert_allclose(action, expected, atol=1e-14)


@given(
    seed=st.integers(0, 1000),
    joints=st.integers(2, 14),
    batch=st.integers(1, 5),
    own=st.booleans(),
)
def test_a_batch_of_circuits_responds_as_each_of_them(seed, joints, batch, own):
    rng = np.random.default_rng(seed)
    weights = [Weights.random(rng, joints if own else None) for _ in range(batch)]
    angles = rng.uniform(-3, 3, (batch, joints))
    second_half = rng.random(batch) < 0.5
    constants = Batch.of(joints)
    actions = respond(
        constants,
        *(np.stack(each) for each in zip(*(w.synapses(joints) for w in weights), strict=True)),
        stretch=angles / stretch_limit(joints),
        square=np.where(second_half, -1.0, 1.0),
    )
    for i in range(batch):
        circuit = Circuit(joints, weights[i])
        circuit.phase = 30 * int(second_half[i])
        np.testing.assert_allclose(actions[i], circuit.step(angles[i]), atol=1e-14)


def test_a_lead_of_two_steps_feels_the_angle_two_steps_ahead():
    # 20 degrees, then 30: two more steps at 10 a step would lead to 50, of 60 that saturate.
    circuit = Circuit(5, lead=2.0)
    first = circuit.step(np.radians([20, 0, 0, 0, 0]))
    np.testing.assert_allclose(first[1], 20 / 60, atol=1e-12)
    np.testing.assert_allclose(circuit.step(np.radians([30, 0, 0, 0, 0]))[1], 50 / 60, atol=1e-12)
    circuit.reset()
    np.testing.assert_array_equal(circuit.step(np.radians([20, 0, 0, 0, 0])), first)


def test_a_straight_body_at_the_start_bends_only_the_head_to_the_dorsal_side():
    np.testing.assert_array_equal(Circuit(5).step(np.zeros(5)), [1, 0, 0, 0, 0])


def test_the_oscillator_changes_sides_every_thirty_steps():
    circuit = Circuit(5)
    head = [circuit.step(np.zeros(5))[0] for _ in range(120)]
    assert head == [1.0] * 30 + [-1.0] * 30 + [1.0] * 30 + [-1.0] * 30


def test_of_an_odd_period_the_ventral_side_has_one_step_more_as_with_the_authors():
    # neurobo/ncap/swimmer.py: `phase < self.oscillator_period // 2`.
    circuit = Circuit(5, oscillator_period=7)
    head = [circuit.step(np.zeros(5))[0] for _ in range(14)]
    assert head == ([1.0] * 3 + [-1.0] * 4) * 2


def test_each_b_neuron_may_have_weights_of_its_own_for_the_commands():
    weights = Weights.unit(5)
    speed, turn = weights.speed.copy(), weights.turn.copy()
    speed[0, 0], turn[1, 0] = 0.0, 0.25  # the dorsal head is not braked; left turns are weak
    circuit = Circuit(5, dataclasses.replace(weights, speed=speed, turn=turn))
    np.testing.assert_array_equal(circuit.step(np.zeros(5), speed=0.0), [1, 0, 0, 0, 0])
    np.testing.assert_array_equal(circuit.step(np.zeros(5), turn=-0.8), [0.8, 0, 0, 0, 0])


def test_a_joint_follows_the_joint_in_front_of_it():
    # Six links: receptors saturate at 60 degrees; half of that excites by a half.
    action = Circuit(5).step(np.radians([30, -30, 90, 0, 0]))
    np.testing.assert_allclose(action, [1, 0.5, -0.5, 1, 0], atol=1e-12)


def test_without_speed_nothing_moves_whatever_the_body_feels():
    action = Circuit(5).step(np.radians([60, -60, 60, -60, 60]), speed=0.0)
    np.testing.assert_array_equal(action, np.zeros(5))


def test_turning_excites_the_side_turned_to_at_the_first_joints_only():
    circuit = Circuit(5, turn_joints=2)
    circuit.phase = 30  # the oscillator excites the ventral side
    right = circuit.step(np.zeros(5), turn=0.4)
    np.testing.assert_allclose(right, [-0.6, 0.4, 0, 0, 0], atol=1e-12)
    circuit.phase = 0
    left = circuit.step(np.zeros(5), turn=-0.4)
    np.testing.assert_allclose(left, [0.6, -0.4, 0, 0, 0], atol=1e-12)


def test_left_and_right_mirror_one_another():
    rng = np.random.default_rng(3)
    angles = rng.uniform(-1, 1, 9)
    one, other = Circuit(9), Circuit(9)
    other.phase = 30
    np.testing.assert_array_equal(one.step(angles, 0.7, 0.3), -other.step(-angles, 0.7, -0.3))


def test_reset_starts_the_oscillator_anew():
    circuit = Circuit(5)
    first = [circuit.step(np.zeros(5)) for _ in range(40)]
    circuit.reset()
    assert np.array_equal(first, [circuit.step(np.zeros(5)) for _ in range(40)])


def test_trainable_weights_number_4_shared_and_30_for_five_joints():
    assert Weights.unit().trainable == 4
    assert Weights.unit(5).trainable == 30


@given(st.integers(0, 2**32 - 1), st.one_of(st.none(), st.integers(2, 20)))
def test_random_weights_keep_their_signs(seed, joints):
    weights = Weights.random(np.random.default_rng(seed), joints)
    for name, sign in SIGNS.items():
        assert (getattr(weights, name) * sign >= 0).all()


def test_a_weight_of_the_wrong_sign_is_clamped_to_zero():
    unit = Weights.unit()
    weights = Weights(-unit.oscillator, *[getattr(unit, n) for n in list(SIGNS)[1:]])
    assert weights.oscillator == 0


def test_per_joint_unit_weights_swim_as_shared_ones():
    shared, own = Circuit(5), Circuit(5, Weights.unit(5))
    angles = np.random.default_rng(0).uniform(-1, 1, (100, 5))
    for row in angles:
        np.testing.assert_array_equal(shared.step(row), own.step(row))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"joints": 1}, "at least 2 joints, not 1"),
        ({"joints": 5, "turn_joints": 6}, "between 1 and 5"),
        ({"joints": 5, "oscillator_period": 1.5}, "at least 2 control steps, not 1.5"),
        ({"joints": 5, "oscillator_period": np.nan}, "at least 2 control steps, not nan"),
        ({"joints": 5, "lead": np.inf}, "a finite number, not inf"),
        ({"joints": 5, "weights": Weights.unit(4)}, r"shape \(2, 4\)"),
    ],
)
def test_a_circuit_that_cannot_be_is_refused_with_what_would_be_right(arguments, says):
    with pytest.raises(ConfigurationError, match=says):
        Circuit(**arguments)


def test_weights_that_are_not_finite_are_refused():
    unit = Weights.unit()
    with pytest.raises(ConfigurationError, match="oscillator weight is not finite"):
        Weights(np.array(np.nan), *[getattr(unit, n) for n in list(SIGNS)[1:]])


@pytest.mark.parametrize("angles", [np.zeros(4), np.zeros((1, 5)), 0.0])
def test_angles_of_the_wrong_shape_are_refused(angles):
    with pytest.raises(ValueError, match="expected 5 joint angles"):
        Circuit(5).step(angles)
