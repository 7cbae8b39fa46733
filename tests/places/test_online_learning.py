# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a recogniser learns from the images that it recognises."""

import numpy as np
import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.alignment import GazeAlignment, moved
from neuro_control.places.control.preprocessing import contrast
from neuro_control.places.control.suppression import ChangeSuppression, unit
from tests.places.ensembles import design, recogniser_of, trained, traverse
from tests.places.textures import textures


def place_cells(images):
    return trained([traverse(images)], design(learning="one-shot", neurons=10, places=5))


def season(images, seed=0):
    """The images under snow: one pattern, more or less of it, lies over all of them."""
    rng = np.random.default_rng(seed)
    pattern = textures(1, seed=123)[0].astype(float) - 128
    amounts = rng.normal(0, 1.2, len(images))
    noise = rng.normal(0, 20, images.shape)
    changed = 128 + 0.5 * (images - 128.0) + amounts[:, None, None] * pattern + noise
    return np.clip(changed, 0, 255).astype(np.uint8)


def test_images_move_by_parts_of_pixels_and_back():
    image = np.arange(36, dtype=np.float32).reshape(1, 6, 6)
    down = moved(image, np.array([1.0, 0.0]))[0]
    np.testing.assert_array_equal(down[1:], image[0, :-1])
    half = moved(image, np.array([0.0, -0.5]))[0]
    np.testing.assert_allclose(half[:, :-1], image[0, :, :-1] + 0.5)
    np.testing.assert_array_equal(moved(image, np.zeros(2)), image)


@pytest.mark.parametrize("displacement", [(0.6, -0.3), (-0.4, 0.2), (0.0, 0.0)])
def test_an_alignment_finds_how_far_the_camera_looks_from_before(displacement):
    images = textures(40).astype(np.float32)
    seen = moved(images, np.array(displacement))
    expected = contrast(images, 2.0).reshape(images.shape)
    alignment = GazeAlignment()
    for first in range(0, 40, 8):
        part = slice(first, first + 8)
        aligned = alignment.align(seen[part])
        alignment.learn(contrast(aligned, 2.0).reshape(aligned.shape), expected[part])
    np.testing.assert_allclose(alignment.displacement, displacement, atol=0.12)


def test_suppression_takes_out_what_changes_and_keeps_what_does_not():
    rng = np.random.default_rng(0)
    places = np.abs(rng.normal(0, 1, (80, 50))).astype(np.float32)
    direction = np.abs(rng.normal(0, 1, 50)).astype(np.float32)
    changed = places + np.abs(rng.normal(0, 2, (80, 1))).astype(np.float32) * direction
    suppression = ChangeSuppression(50, 4, norm=1.0)
    before = np.square(suppression.filter(changed[40:]) - unit(places[40:])).sum()
    suppression.learn(changed[:40], places[:40])
    left = suppression.filter(changed[40:])
    assert (left >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(left, axis=1), 1, rtol=1e-5)
    similar = (unit(changed[40:]) @ direction).mean() / np.linalg.norm(direction)
    assert (left @ direction).mean() / np.linalg.norm(direction) < 0.9 * similar
    assert before > 0
    suppression.reset()
    np.testing.assert_allclose(suppression.filter(changed[40:]), unit(changed[40:]), rtol=1e-5)


def test_without_neurons_nothing_is_suppressed():
    suppression = ChangeSuppression(6, 0, norm=2.0)
    levels = np.eye(6, dtype=np.float32)
    suppression.learn(np.repeat(levels, 5, axis=0), np.zeros((30, 6), np.float32))
    np.testing.assert_array_equal(suppression.filter(levels), 2 * levels)


@pytest.mark.parametrize("mode", ["fast", "spiking"])
def test_what_is_learnt_online_makes_recognition_better(mode):
    images = textures(120)
    known, seen = place_cells(images), season(images)
    recall = {}
    for neurons in (0, 16):
        recogniser = recogniser_of(known, mode=mode, suppression=neurons, alignment=False)
        right = recogniser.scores(seen).argmax(axis=1) == np.arange(120)
        recall[neurons] = right[60:].mean()
    assert recall[16] > recall[0] + 0.03


def test_images_of_places_never_visited_teach_nothing():
    recogniser = recogniser_of(place_cells(textures(60)))
    recogniser.scores(season(textures(60, seed=50)))
    assert np.mean(np.array(recogniser.believed) >= 0) < 0.1
    state = recogniser.adaptation()
    assert len(state["differences"]) < 6


@pytest.mark.parametrize("mode", ["fast", "spiking"])
def test_images_one_by_one_teach_the_same_as_all_at_once(mode):
    images = textures(40)
    known, seen = place_cells(images), season(images)
    whole = recogniser_of(known, mode=mode).scores(seen)
    one = recogniser_of(known, mode=mode)
    singly = np.concatenate([one.scores(image[None]) for image in seen])
    np.testing.assert_allclose(singly, whole, rtol=1e-3, atol=2e-3)


def test_an_adaptation_that_is_kept_makes_the_first_image_what_it_was_before(tmp_path):
    images = textures(120)
    known, seen = place_cells(images), season(images)
    recogniser = recogniser_of(known)
    recogniser.scores(seen)
    recogniser.keep_adaptation(tmp_path / "kept.safetensors")
    next_scores = recogniser.scores(seen[:1])
    fresh = recogniser_of(known)
    fresh.restore_adaptation(tmp_path / "kept.safetensors")
    # Directions are computed anew, of differences in half precision.
    close = np.abs(fresh.scores(seen[:1]) - next_scores).max()
    started = recogniser_of(known).scores(seen[:1])
    assert np.abs(started - next_scores).max() > 4 * close
    # A reset goes back to what was kept.
    fresh.scores(textures(9, seed=77))
    fresh.reset()
    np.testing.assert_allclose(fresh.scores(seen[:1]), next_scores, atol=1.1 * close)


def test_an_adaptation_of_another_model_is_refused(tmp_path):
    path = tmp_path / "kept.safetensors"
    recogniser_of(place_cells(textures(10))).keep_adaptation(path)
    other = recogniser_of(place_cells(textures(10, seed=4)))
    with pytest.raises(ConfigurationError, match="the adaptation of another model"):
        other.restore_adaptation(path)


def test_an_adaptation_of_one_mode_serves_the_other(tmp_path):
    images = textures(60)
    known, seen = place_cells(images), season(images)
    fast = recogniser_of(known)
    fast.scores(seen)
    fast.keep_adaptation(tmp_path / "kept.safetensors")
    spiking = recogniser_of(known, mode="spiking")
    spiking.restore_adaptation(tmp_path / "kept.safetensors")
    kept, own = fast.adaptation(), spiking.adaptation()
    np.testing.assert_allclose(own["expected"], kept["expected"])
    assert len(own["differences"]) == len(kept["differences"])
