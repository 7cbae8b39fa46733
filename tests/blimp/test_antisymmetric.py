# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from neuro_control.blimp.control.antisymmetric import (
    KINDS,
    PAIRS,
    AntisymmetricStructure,
    respond,
    tick,
)
from neuro_control.blimp.control.genome import NetworkDesign
from neuro_control.errors import ConfigurationError
from neuro_control.spiking import compiled_network as dense


def population(kind, count, seed=0):
    """Networks as evolution starts from, but with thresholds low enough for many spikes."""
    structure = AntisymmetricStructure(kind)
    vectors = NetworkDesign("pd", kind).draw(np.random.default_rng(seed), count)
    parts = structure.parts(vectors)
    for name in ("encoder_threshold", "threshold"):
        parts[name][:] /= 5.0
    return structure, vectors


def errors(shape, seed=1):
    return np.random.default_rng(seed).normal(0, 1.5, shape)


def single(kind, **numbers):
    """Vector of a network of which only the first pair does anything."""
    structure = AntisymmetricStructure(kind)
    parts = {name: np.zeros(shape) for name, shape in structure.shapes.items()}
    for name in ("encoder_threshold", "threshold"):
        parts[name][:] = 10.0
    for name, value in numbers.items():
        parts[name].flat[0] = value
    return structure, structure.vector(parts)


@pytest.mark.parametrize("kind", KINDS)
def test_in_pairs_a_network_answers_as_the_same_network_written_out(kind):
    structure, vectors = population(kind, 6)
    values = errors((6, 400))
    found = respond(structure, vectors, values)
    written_out = dense.pack(structure.expanded, structure.expand(vectors))
    expected = dense.respond(structure.expanded, written_out, values)
    assert (found.std(axis=1) > 0.05).all()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    same = respond(structure, vectors, values[0])
    np.testing.assert_allclose(
        same, dense.respond(structure.expanded, written_out, values[0]), rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_opposite_error_is_answered_by_the_opposite_to_the_bit(kind):
    structure, vectors = population(kind, 10)
    values = errors(500)
    np.testing.assert_array_equal(
        respond(structure, vectors, -values), -respond(structure, vectors, values)
    )


def test_a_lif_pair_worked_by_hand():
    structure, vector = single(
        "lif",
        encoder_weight=2.0,
        encoder_bias=0.5,
        encoder_decay=0.5,
        encoder_threshold=1.0,
        weight_same=0.6,
        weight_cross=-0.2,
        current_decay=0.5,
        voltage_decay=0.5,
        threshold=0.7,
        readout=0.8,
        readout_decay=0.25,
    )
    # Error 0.5: the + encoder receives 1.5, the − encoder −0.5 (never spikes). v+: 1.5 → spike;
    # 0.75 + 1.5 − 1 = 1.25 → spike; 0.625 + 1.5 − 1 = 1.125 → spike.
    # Hidden +: i = 0.6, 0.9, 1.05; v = 0.6; 0.3 + 0.9 = 1.2 → spike; 0.6 + 1.05 − 0.7 = 0.95 →
    # spike. Hidden −: i < 0. Output: 0; 0.75 · 0.8 = 0.6; 0.25 · 0.6 + 0.6 = 0.75.
    np.testing.assert_allclose(respond(structure, vector[None], [0.5] * 3), [[0.0, 0.6, 0.75]])
    np.testing.assert_allclose(respond(structure, vector[None], [-0.5] * 3), [[0.0, -0.6, -0.75]])


def test_an_adaptive_pair_worked_by_hand():
    structure, vector = single(
        "iwta",
        encoder_weight=1.0,
        encoder_threshold=0.5,
        weight_same=1.0,
        weight_cross=1.0,
        threshold=1.6,
        trace_decay=1.0,
        adaptation=0.4,
        readout=1.0,
    )
    # The + encoder spikes whenever the error is 0.6, and both hidden neurons receive 1. The
    # trace of +, 1, 2, … lowers the threshold of + to 1.2, 0.8, and raises that of − to 2.0, 2.4.
    # Then the − encoder alone: traces 2 and 1, difference 1, thresholds 1.2 and 2.0; v+ = 1 − 0.8
    # reset. Then − twice more: difference 0 and −1, the − threshold is down at 1.2 and then 0.8.
    state = structure.rest(vector)
    found, thresholds = [], []
    for error in (0.6, 0.6, -0.6, -0.6, -0.6, -0.6):
        found.append(tick(error, vector, state, True, False))
        thresholds.append((state[10 * PAIRS], state[11 * PAIRS]))
        # No voltage lasts: encoders start each tick anew but for the reset.
        state[: 2 * PAIRS] = 0.0
        state[2 * PAIRS : 4 * PAIRS] = 0.0
    np.testing.assert_allclose(
        thresholds, [(1.2, 2.0), (0.8, 2.4), (1.2, 2.0), (1.6, 1.6), (2.0, 1.2), (2.4, 0.8)]
    )
    # Once − has spiked (tick 6), output −1.
    np.testing.assert_allclose(found, [0, 1, 0, 0, 0, -1])


def test_a_recurrent_pair_worked_by_hand():
    structure, vector = single(
        "lif-recurrent",
        encoder_weight=1.0,
        encoder_threshold=0.9,
        weight_same=1.0,
        threshold=0.5,
        recurrent_same=-0.6,
        recurrent_cross=0.7,
        readout=1.0,
    )
    # One spike of the + encoder (1 > 0.9), then errors of 0. Hidden +: v = 1 → spike. Next tick:
    # + receives −0.6 and loses 0.5; − receives 0.7 → spike. Next: − loses 0.5 and receives −0.6;
    # + receives 0.7 → spike, and so on: a pair that has been kicked swings for itself.
    np.testing.assert_allclose(
        respond(structure, vector[None], [1.0, 0, 0, 0, 0]), [[1, -1, 1, -1, 1]]
    )


def test_a_vector_is_its_parts_and_what_does_not_fit_is_refused():
    structure, vectors = population("iwta-recurrent", 3)
    assert structure.size == vectors.shape[1] == 14 * PAIRS + 1
    np.testing.assert_array_equal(structure.vector(structure.parts(vectors)), vectors)
    assert AntisymmetricStructure("lif").size == 201
    assert [AntisymmetricStructure(kind).fan_out for kind in KINDS] == [
        (2, 1),
        (2, 3),
        (4, 1),
        (4, 3),
    ]
    parts = structure.parts(vectors)
    with pytest.raises(ValueError, match=r"threshold has the shape \(3, 2\), not \(3, 20\)"):
        structure.vector({**parts, "threshold": np.zeros((3, 2))})
    with pytest.raises(ValueError, match="expected encoder_weight"):
        structure.vector({"threshold": np.zeros(20)})
    with pytest.raises(ValueError, match=r"expected networks \(P, 281\), got \(3, 280\)"):
        respond(structure, vectors[:, :-1], np.zeros(3))
    with pytest.raises(ValueError, match="expected 1 or 3 inputs, got 2"):
        respond(structure, vectors, np.zeros((2, 4)))
    with pytest.raises(ConfigurationError, match="no structure 'x': there are lif"):
        AntisymmetricStructure("x")
