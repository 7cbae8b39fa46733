# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.preprocessing import (
    PatchNormalisation,
    Retina,
    contrast,
    normalise_patches,
)
from tests.places.textures import textures


def retina(images=None, adaptation=30.0, saturation=3.0):
    images = textures(12, side=8) if images is None else images
    return Retina.learn([images], 2.0, 3.0, saturation, adaptation)


def identity(mean, saturation=1.0, adaptation=30.0):
    """A retina without surround and lateral inhibition."""
    return Retina(mean, np.eye(len(mean), dtype=np.float32), 0.0, saturation, adaptation)


def test_contrast_of_the_whole_image_worked_by_hand():
    # Mean 4, deviations −3 −1 1 3, of which the standard deviation is √5.
    found = contrast(np.array([[[1, 3], [5, 7]]], np.uint8), 0.0)
    np.testing.assert_allclose(found, np.array([[-3, -1, 1, 3]]) / np.sqrt(5), rtol=1e-6)


def test_contrast_against_the_surround_pixel_by_pixel():
    image = textures(1, seed=4, side=6)[0].astype(float)

    def blurred(of, deviation, y, x):
        v, u = np.mgrid[:6, :6]
        weights = np.exp(-((v - y) ** 2 + (u - x) ** 2) / (2 * deviation**2))
        return (weights * of).sum() / weights.sum()

    pixels = list(np.ndindex(6, 6))
    against = np.array([image[at] - blurred(image, 1.5, *at) for at in pixels])
    energy = np.array([blurred(against.reshape(6, 6) ** 2, 3.0, *at) for at in pixels])
    scaled = against / np.sqrt(energy + energy.mean())
    expected = (scaled - scaled.mean()) / scaled.std()
    found = contrast(image.astype(np.uint8)[None], 1.5)
    np.testing.assert_allclose(found[0], expected, atol=1e-4)


@pytest.mark.parametrize("surround", [0.0, 2.0])
def test_light_and_contrast_of_an_image_do_not_matter(surround):
    image = textures(1, side=8) // 4
    found = contrast(2 * image + 30, surround)
    np.testing.assert_allclose(contrast(image, surround), found, atol=1e-5)


def test_light_that_falls_off_across_an_image_hardly_matters_beside_a_surround():
    image = textures(1, side=28) // 2
    lit = image + np.linspace(0, 120, 28).astype(np.uint8)

    def alike(surround):
        return np.corrcoef(contrast(image, surround), contrast(lit, surround))[0, 1]

    assert alike(2.0) > 0.98 > alike(0.0)


def test_levels_do_not_depend_on_light_and_contrast():
    image = textures(1, side=8) // 4
    np.testing.assert_allclose(retina().levels(image), retina().levels(2 * image + 30), atol=1e-2)


def test_an_image_of_one_colour_has_no_contrast_and_no_level_that_is_no_number():
    dull = np.full((3, 8, 8), 77, np.uint8)
    assert not contrast(dull, 0.0).any()
    assert not contrast(dull, 2.0).any()
    for preprocessing in (retina(), PatchNormalisation()):
        for seen in (preprocessing.levels(dull), preprocessing.traverse_levels(dull)):
            assert np.isfinite(seen).all()
            assert seen.min() >= 0
            assert seen.max() <= 255


def test_lateral_inhibition_worked_by_hand():
    # Two pixels, (1, −1) and (−1, 1): covariance [[1, −1], [−1, 1]], its mean variance 1; with a
    # shrinkage of 2 its eigenvalues are 2 along (1, 1) and 4 along (1, −1).
    images = np.array([[[9, 5]], [[5, 9]]], np.uint8)
    found = Retina.learn([images], 0.0, 2.0, 3.0, 30.0)
    along, across = 1 / np.sqrt(2), 1 / np.sqrt(4)
    expected = [[along + across, along - across], [along - across, along + across]]
    np.testing.assert_allclose(found.inhibition, np.array(expected) / 2, rtol=1e-3)
    np.testing.assert_allclose(found.mean, [0, 0], atol=1e-6)


def test_lateral_inhibition_makes_pixels_independent_of_each_other():
    images = textures(40, side=5)
    shrunk = np.cov(contrast(images, 2.0).T, bias=True)
    shrunk += 0.5 * np.trace(shrunk) / 25 * np.eye(25)
    inhibition = Retina.learn([images], 2.0, 0.5, 3.0, 30.0).inhibition
    np.testing.assert_allclose(inhibition, inhibition.T, atol=1e-6)
    np.testing.assert_allclose(inhibition @ shrunk @ inhibition, np.eye(25), atol=5e-3)


def test_a_difference_between_traverses_is_not_taken_for_one_between_places():
    images = textures(12, side=8).astype(int)
    shade = np.linspace(0, 60, 8).astype(int)
    bright, dark = (np.uint8(images // 2 + each) for each in (shade, shade[::-1]))
    one = Retina.learn([bright], 0.0, 3.0, 3.0, 30.0)
    both = Retina.learn([bright, dark], 0.0, 3.0, 3.0, 30.0)
    np.testing.assert_array_equal(both.mean, one.mean)
    alone = Retina.learn([np.concatenate([bright, dark])], 0.0, 3.0, 3.0, 30.0)
    assert np.trace(alone.inhibition) < np.trace(both.inhibition)


def test_brighter_than_expected_goes_out_on_and_darker_goes_out_off():
    mean = np.array([0, 0, 0, 0], np.float32)
    # Contrast (1, 1, −1, −1) less what is expected by then, 1/31 of it: in standard deviations 1.
    levels = identity(mean, saturation=2.0).levels(np.array([[[200, 200], [0, 0]]], np.uint8))
    np.testing.assert_allclose(levels, [[127.5, 127.5, 0, 0, 0, 0, 127.5, 127.5]], rtol=1e-5)


def test_a_channel_is_at_its_top_from_its_saturation_on():
    image = np.array([[[255, 0, 0, 0]]], np.uint8)  # √3 and −1/√3 standard deviations
    levels = identity(np.zeros(4, np.float32), saturation=1.0).levels(image)
    off = 255 / np.sqrt(3)
    np.testing.assert_allclose(levels, [[255, 0, 0, 0, 0, off, off, off]], rtol=1e-5)


def test_adaptation_worked_by_hand():
    # Three images count before the first: the expectation moves by 1/4, then 1/5 of the rest.
    mean = np.array([0.5, -0.5, 0.5, -0.5], np.float32)
    images = np.array([[[9, 5], [5, 9]], [[5, 9], [9, 5]]], np.uint8)
    seen = contrast(images, 0.0)
    first = mean + (seen[0] - mean) / 4
    second = first + (seen[1] - first) / 5
    expected = np.stack([seen[0] - first, seen[1] - second])
    expected /= expected.std(axis=1, keepdims=True)
    levels = identity(mean, saturation=4.0, adaptation=3.0).levels(images)
    np.testing.assert_allclose(levels[:, :4], 255 * (expected / 4).clip(0, 1), rtol=1e-5)


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), now=st.integers(1, 5))
def test_an_image_to_come_changes_nothing_before_it(seed, now):
    images = textures(6, seed=seed, side=8)
    np.testing.assert_allclose(
        retina().levels(images)[:now], retina().levels(images[:now]), atol=1e-3
    )


def test_images_one_by_one_are_seen_as_all_at_once():
    images, preprocessing = textures(6, seed=3, side=8), retina()
    singly = np.concatenate([preprocessing.levels(image[None]) for image in images])
    np.testing.assert_allclose(singly, retina().levels(images), atol=1e-3)


def test_reset_forgets_what_was_seen():
    images, preprocessing = textures(6, seed=3, side=8), retina()
    first = preprocessing.levels(images)
    assert np.abs(preprocessing.levels(images) - first).max() > 1
    preprocessing.reset()
    np.testing.assert_array_equal(preprocessing.levels(images), first)


def test_what_is_always_there_fades():
    always, preprocessing = textures(1, seed=9, side=8), retina(adaptation=3.0)
    levels = preprocessing.levels(np.repeat(always, 60, axis=0))
    fresh = preprocessing.levels(textures(1, seed=10, side=8))
    # What is left of it points the same way; what is new stands out from it.
    assert np.abs(preprocessing.expected - contrast(always, 2.0)[0]).max() < 0.3
    assert np.corrcoef(levels[0], fresh[0])[0, 1] < 0.9


def test_a_traverse_of_a_reference_is_seen_as_adapted_to_all_of_it():
    images, preprocessing = textures(12, side=8), retina()
    forwards = preprocessing.traverse_levels(images)
    np.testing.assert_allclose(
        preprocessing.traverse_levels(images[::-1])[::-1], forwards, atol=1e-3
    )
    # And leaves what is expected as it was.
    np.testing.assert_array_equal(preprocessing.levels(images[:1]), retina().levels(images[:1]))


@settings(max_examples=25)
@given(seed=st.integers(0, 1000))
def test_levels_lie_between_0_and_255_and_one_of_both_channels_is_silent(seed):
    levels = retina().levels(np.random.default_rng(seed).integers(0, 256, (4, 8, 8), np.uint8))
    assert levels.shape == (4, 128)
    assert levels.dtype == np.float32
    assert levels.min() >= 0
    assert levels.max() <= 255
    assert not (levels[:, :64] * levels[:, 64:]).any()


def test_the_papers_eye_normalises_patches():
    images = textures(3)
    expected = [normalise_patches(image).ravel() for image in images]
    np.testing.assert_array_equal(PatchNormalisation().levels(images), expected)
    np.testing.assert_array_equal(PatchNormalisation().traverse_levels(images), expected)


def test_images_that_are_all_the_same_teach_a_retina_nothing():
    with pytest.raises(
        ConfigurationError, match="learns from images that differ: give a reference"
    ):
        retina(np.repeat(textures(1, side=8), 3, axis=0))
