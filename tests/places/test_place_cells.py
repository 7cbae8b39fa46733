# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Experts that learn places at one sight, and the volleys of spikes by which they answer."""

import dataclasses

import numpy as np
import pytest

from neuro_control.places.control.place_cells import learn_at_one_sight
from neuro_control.places.control.suppression import unit
from neuro_control.places.control.volley_scorer import volley
from tests.places.ensembles import design, recogniser_of, trained, traverse
from tests.places.textures import textures


def known(count=40, traverses=1, **changed):
    images = [traverse(textures(count)) for _ in range(traverses)]
    return trained(images, design(**{"learning": "one-shot", "neurons": 10, **changed}))


def test_a_pair_of_neurons_holds_the_image_and_each_a_half_of_it():
    levels = np.random.default_rng(0).random((1, 3, 200)).astype(np.float32)
    expert = learn_at_one_sight(levels, 6, [0])
    for place in range(3):
        pair = expert["weights"][:, 2 * place : 2 * place + 2].astype(float)
        np.testing.assert_allclose(pair.sum(axis=1), unit(levels[0])[place], atol=1e-3)
        assert not (pair[:, 0] * pair[:, 1]).any()
        assert 0.3 < (pair[:, 0] > 0).mean() < 0.7
        np.testing.assert_array_equal(
            expert["responses"][place].nonzero()[0], [2 * place, 2 * place + 1]
        )


@pytest.mark.parametrize("neurons", [3, 5, 9])
def test_a_neuron_without_a_partner_has_all_inputs(neurons):
    levels = np.random.default_rng(0).random((1, 3, 50)).astype(np.float32) + 0.1
    expert = learn_at_one_sight(levels, neurons, [0])
    assert expert["weights"].shape == (50, neurons)
    each = neurons // 3
    if each % 2:
        assert (expert["weights"][:, each - 1] > 0).all()
    assert not expert["weights"][:, 3 * each :].any()


def test_several_traverses_add_up_and_tell_what_changes():
    one, two = known(), known(traverses=2)
    assert one.differences is None
    assert two.differences.shape == (40, 1568)
    assert not two.differences.any()  # both traverses are the same


@pytest.mark.parametrize("mode", ["fast", "spiking"])
def test_places_are_recognised_after_one_sight(mode):
    noise = np.random.default_rng(0).normal(10, 20, (40, 28, 28))
    images = np.clip(textures(40) + noise, 0, 255).astype(np.uint8)
    found = recogniser_of(known(), mode=mode).scores(images).argmax(axis=1)
    assert (found == np.arange(40)).mean() > 0.9


def test_both_modes_agree():
    images = textures(40, seed=0)
    noisy = np.clip(images + np.random.default_rng(1).normal(0, 50, images.shape), 0, 255)
    fast, spiking = (
        recogniser_of(known(), mode=mode).scores(noisy.astype(np.uint8))
        for mode in ("fast", "spiking")
    )
    assert (fast.argmax(axis=1) == spiking.argmax(axis=1)).mean() > 0.9


def test_what_a_spike_leaves_is_in_proportion_to_the_level_and_dark_inputs_are_silent():
    levels = np.array([0.0, 0.001, 0.25, 0.5, 1.0], np.float32)
    fired, left = volley(levels)
    np.testing.assert_array_equal(fired, [2, 3, 4])
    np.testing.assert_allclose(left, levels[2:], atol=0.01)


def test_each_input_passes_its_synapses_once_and_few_neurons_fire():
    ensemble = known()
    recogniser = recogniser_of(ensemble, mode="spiking", suppression=0, alignment=False)
    recogniser.scores(textures(40)[:1])
    synapses = np.count_nonzero(ensemble.weights)
    assert 0 < recogniser.synaptic_operations < synapses
    assert 0 < recogniser.spikes < 0.4 * ensemble.thresholds.size


def test_a_place_is_recognised_with_half_of_its_neurons():
    ensemble = known()
    responses = ensemble.responses.copy()
    responses[:, :, ::2] = 0
    left = dataclasses.replace(ensemble, responses=responses)
    for mode in ("fast", "spiking"):
        found = recogniser_of(left, mode=mode).scores(textures(40)).argmax(axis=1)
        assert (found == np.arange(40)).mean() > 0.9, mode


def test_fewer_neurons_than_places_make_smaller_experts():
    ensemble = known(count=12, neurons=4, places=6)
    assert (ensemble.places >= 0).sum(axis=1).max() == 4
    assert (recogniser_of(ensemble).scores(textures(12)).argmax(axis=1) == np.arange(12)).all()
