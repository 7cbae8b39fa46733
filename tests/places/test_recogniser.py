# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.novelty import reference_threshold
from neuro_control.places.control.recogniser_settings import MODES, REGULARISATIONS
from neuro_control.places.control.sequences import match_sequence
from tests.places.ensembles import design, handmade, recogniser_of, small, trained, traverse
from tests.places.textures import textures


def noisy(images, seed=0):
    """The images, somewhat brighter and with noise."""
    noise = np.random.default_rng(seed).normal(15, 15, images.shape)
    return np.clip(images + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("preprocessing", ["retina", "patch"])
def test_places_that_were_learnt_are_recognised(mode, preprocessing):
    recogniser = recogniser_of(small(preprocessing=preprocessing), mode=mode)
    best = recogniser.scores(noisy(textures(10))).argmax(axis=1)
    assert (best == np.arange(10)).mean() >= (0.8 if preprocessing == "retina" else 0.6)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("regularisation", REGULARISATIONS)
def test_the_same_seed_gives_the_same_scores(mode, regularisation):
    images = noisy(textures(10))
    one, again, other = (
        recogniser_of(small(), mode=mode, regularisation=regularisation, seed=seed).scores(images)
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one, again)
    assert one.shape == (10, 10)
    if mode == "spiking" and regularisation != "silence":
        assert (one != other).any()


@pytest.mark.parametrize("mode", MODES)
def test_after_a_reset_the_same_images_have_the_same_scores(mode):
    images = noisy(textures(10))
    recogniser = recogniser_of(small(), mode=mode)
    first = recogniser.scores(images)
    assert (recogniser.scores(images) != first).any()
    recogniser.reset()
    np.testing.assert_array_equal(recogniser.scores(images), first)


@pytest.mark.parametrize("mode", MODES)
def test_an_image_to_come_changes_no_score_before_it(mode):
    images = noisy(textures(10))
    whole = recogniser_of(small(), mode=mode).scores(images)
    part = recogniser_of(small(), mode=mode).scores(images[:4])
    np.testing.assert_allclose(whole[:4], part, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_recognisers_of_one_ensemble_do_not_disturb_each_other(mode):
    images = noisy(textures(10))
    alone = recogniser_of(small(), mode=mode).scores(images)
    one, other = (recogniser_of(small(), mode=mode) for _ in range(2))
    other.scores(textures(5, seed=7))
    np.testing.assert_array_equal(one.scores(images), alone)


def test_without_adaptation_the_order_of_images_does_not_matter():
    images, order = noisy(textures(10)), np.random.default_rng(0).permutation(10)
    for regularisation, same in (("none", True), ("homeostasis", False)):
        scores, shuffled = (
            recogniser_of(small(preprocessing="patch"), regularisation=regularisation).scores(each)
            for each in (images, images[order])
        )
        assert np.allclose(scores[order], shuffled, rtol=1e-4) == same


def test_what_is_always_there_weighs_less():
    image = np.repeat(textures(10)[3:4], 60, axis=0)
    scores = recogniser_of(small(preprocessing="patch")).scores(image)[:, 3]
    assert scores[-1] < 0.7 * scores[0]
    plain = recogniser_of(small(preprocessing="patch"), regularisation="none").scores(image)[:, 3]
    np.testing.assert_allclose(plain, np.full(60, plain[0]), rtol=1e-5)


def test_the_larger_the_margin_the_less_neurons_answer():
    def spikes(margin):
        recogniser = recogniser_of(small(), mode="spiking", margin=margin)
        recogniser.scores(noisy(textures(10)))
        return recogniser.spikes

    counts = [spikes(margin) for margin in (0.0, 1.0, 2.0, 20.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 2 * counts[2]
    assert counts[3] == 0


@pytest.mark.parametrize("mode", MODES)
def test_neurons_that_answer_to_everything_are_silenced(mode):
    images = noisy(textures(10))
    activity = np.zeros_like(small().activity)
    # What is learnt under way depends on the answers, which silence changes.
    options = {"mode": mode, "silence_from": 0.5, "alignment": False, "suppression": 0}
    quiet = dataclasses.replace(small(), activity=activity)
    plain = recogniser_of(quiet, **{**options, "regularisation": "none"}).scores(images)
    unsilenced = recogniser_of(quiet, **options, regularisation="silence").scores(images)
    np.testing.assert_array_equal(unsilenced, plain)
    activity[0] = 0.5  # all of the expert for the first five places
    loud = dataclasses.replace(small(), activity=activity)
    silenced = recogniser_of(loud, **options, regularisation="silence").scores(images)
    assert not silenced[:, :5].any()
    np.testing.assert_array_equal(silenced[:, 5:], plain[:, 5:])


@pytest.mark.parametrize("mode", MODES)
def test_scores_of_several_networks_are_the_mean_of_each_ones(mode):
    both = trained([traverse(textures(5))], design(networks=2))
    images = noisy(textures(5))
    options = {"mode": mode, "regularisation": "none"}
    singly = []
    for each in range(2):
        kept = {
            name: getattr(both, name)[[each]]
            for name in ("places", "weights", "thresholds", "responses", "activity")
        }
        alone = dataclasses.replace(both, networks=np.zeros(1, int), **kept)
        singly.append(recogniser_of(alone, **options).scores(images))
    assert (singly[0] != singly[1]).any()
    found = recogniser_of(both, **options).scores(images)
    np.testing.assert_allclose(found, np.mean(singly, axis=0), rtol=1e-5)


def test_a_template_is_the_mean_of_the_neurons_that_vote_for_a_place():
    # Neurons 0 and 1 vote for place 0, neuron 2 for place 1.
    ensemble = handmade([[[5, 4, 1], [2, 3, 9]]], 2)
    rng = np.random.default_rng(0)
    ensemble = dataclasses.replace(ensemble, weights=rng.random((1, 784, 3)).astype(np.float16))
    weights = ensemble.weights[0].astype(float)
    levels = ensemble.preprocessing.levels(textures(3, seed=8))
    expected = levels @ np.stack([weights[:, :2].mean(axis=1), weights[:, 2]], axis=1)
    found = recogniser_of(ensemble, regularisation="none").scores_of(levels)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("length", [1, 4])
def test_a_step_at_a_time_is_all_scores_and_their_sequence(mode, length):
    images = noisy(textures(10))
    whole = match_sequence(recogniser_of(small(), mode=mode).scores(images), length, "trajectory")
    recogniser = recogniser_of(small(), mode=mode, sequence=length, best=3)
    for image, scores in zip(images, whole, strict=True):
        threshold = recogniser.threshold
        answer = recogniser.step(image)
        order = np.argsort(-scores, kind="stable")[:3]
        np.testing.assert_allclose(answer.scores, scores[order], rtol=1e-4, atol=1e-5)
        assert answer.score == answer.scores[0]
        assert answer.place == answer.best[0]
        assert answer.visited == (answer.score >= threshold)
        assert len(answer.best) == 3


def test_a_step_takes_cameras_images():
    image = np.repeat(np.repeat(textures(10)[4], 4, axis=0), 6, axis=1)
    colour = np.repeat(image[..., None], 3, axis=2)
    grey, coloured = (recogniser_of(small()).step(each) for each in (image, colour))
    assert grey.place == coloured.place == 4
    assert grey.score == coloured.score


def test_an_image_without_features_is_refused_and_the_next_one_is_taken():
    recogniser = recogniser_of(small())
    with pytest.raises(ConfigurationError, match="of one colour and shows no place"):
        recogniser.step(np.full((40, 60), 9, np.uint8))
    after, fresh = recogniser.step(textures(10)[2]), recogniser_of(small()).step(textures(10)[2])
    assert after.place == 2
    assert after.score == fresh.score


def test_a_threshold_of_ones_own_decides_what_was_visited():
    image = textures(10)[2]
    score = recogniser_of(small()).step(image).score
    assert recogniser_of(small(), threshold=score).step(image).visited
    assert not recogniser_of(small(), threshold=score + 0.01).step(image).visited


def test_the_thresholds_of_scores_are_those_that_steps_would_have_met():
    images = noisy(textures(10))
    recogniser = recogniser_of(small(), sequence=2)
    scores = match_sequence(recogniser.scores(images), 2, "trajectory")
    together = recogniser.thresholds(scores)
    recogniser.reset()
    for image, threshold in zip(images, together, strict=True):
        assert recogniser.threshold == pytest.approx(threshold, rel=1e-4)
        recogniser.step(image)


@pytest.mark.parametrize(
    "options",
    [{}, {"regularisation": "none"}, {"assignment": "weighted"}, {"margin": 1.0}],
    ids=str,
)
def test_a_threshold_is_told_from_scores_given_in_the_same_way(options):
    known = small(places=20, count=20)
    levels = known.preprocessing.traverse_levels(known.reference)
    recogniser, other = (
        recogniser_of(known, mode="spiking", false_accepts=0.1, **options) for _ in range(2)
    )
    before = recogniser.scores(textures(2))
    recogniser.reset()
    expected, _ = reference_threshold(np.arange(20), other.scores_of(levels), 1, 0.1)
    # Half precision is what the ensemble keeps. Asking changes nothing.
    assert recogniser.threshold == pytest.approx(expected, rel=1e-3)
    np.testing.assert_array_equal(recogniser.scores(textures(2)), before)


def test_few_images_of_places_never_visited_are_taken_for_known_ones():
    known = trained([traverse(textures(40))], design(places=10, neurons=60))
    for mode in MODES:
        recogniser = recogniser_of(known, mode=mode, false_accepts=0.1)
        foreign = recogniser.scores(textures(40, seed=99)).max(axis=1)
        assert (foreign >= recogniser.threshold).mean() < 0.4
        recogniser.reset()
        own = recogniser.scores(noisy(textures(40))).max(axis=1)
        assert (own >= recogniser.threshold).mean() > 0.6


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_places_are_enough(mode, count):
    tiny = trained([traverse(textures(count))], design(preprocessing="patch", neurons=10, epochs=2))
    recogniser = recogniser_of(tiny, mode=mode, best=5)
    answer = recogniser.step(textures(count)[0])
    assert len(answer.best) == count
    assert np.isfinite(answer.scores).all()
    assert answer.visited  # nothing to tell it from


def test_spikes_and_synaptic_operations_are_counted():
    recogniser = recogniser_of(small(), mode="spiking", regularisation="none")
    recogniser.scores(textures(3))
    assert recogniser.spikes > 0
    # At least what the inputs' spikes bring 80 neurons, and a spike its own 41 others and relay.
    rates = recogniser.ensemble.preprocessing.levels(textures(3)).sum() / 4
    inputs = (recogniser.synaptic_operations - 41 * recogniser.spikes) / 80
    assert inputs == int(inputs)
    assert inputs == pytest.approx(rates * 0.35, rel=0.05)
    recogniser.reset()
    assert recogniser.spikes == recogniser.synaptic_operations == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "slow"}, "mode is one of fast, spiking, not 'slow'"),
        ({"regularisation": "L2"}, "regularisation is one of homeostasis, silence, none, not 'L2'"),
        ({"assignment": "any"}, "assignment is one of standard, weighted, not 'any'"),
        ({"best": 0}, "an estimate has 1 place or more, not 0"),
        ({"sequence": 0}, "1 query or more, not 0"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        recogniser_of(small(), **options)


def test_a_file_is_as_good_as_the_ensemble_itself(tmp_path):
    small().write(tmp_path / "model")
    images = noisy(textures(10))
    read = recogniser_of(tmp_path / "model")
    np.testing.assert_array_equal(read.scores(images), recogniser_of(small()).scores(images))
    assert read.names == small().names
    assert read.poses is None
    assert read.frame == "map"
