# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Preprocessing: from a small grey image to the levels of an expert's inputs, 0 to 255.

``PatchNormalisation`` is the paper's: of a pixel, it keeps by how much it differs from the patch
around it. ``Retina`` models the retina: each pixel is compared with its surround and scaled by the
contrast around it, which removes the light, and much of the season, at once; the mean of the images
so far is adapted to; and lateral inhibition between pixels makes what images have in common weigh
less than what tells them apart. Pixels brighter and darker than expected leave through separate
channels, ON and OFF, each of which is silent half of the time.

Sources: Hussaini, Milford and Fischer (arXiv 2209.08723), section III, and their code, for patch
normalisation; Heeger, Normalization of cell responses in cat striate cortex (Visual Neuroscience,
1992), for the division by contrast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Protocol

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.types import MAX_LEVEL, MEMORY, Array32, Grey

Images = NDArray[np.uint8]

# Side of a patch of the paper's preprocessing, pixels.
PATCH = 7


class Preprocessing(Protocol):
    """Preprocessing of an ensemble; an image is (side, side) of uint8."""

    def levels(self, images: Images) -> Array32:
        """Levels (n, inputs), 0 to 255, of images (n, side, side) that come in this order."""

    def traverse_levels(self, images: Images) -> Array32:
        """Levels (n, inputs) of the images (n, side, side) of a whole traverse of a reference."""

    def reset(self) -> None:
        """Forget the images so far."""

    def state(self) -> dict[str, NDArray[Any]]:
        """What was adapted to, as arrays."""

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what ``state`` gave."""


class PatchNormalisation:
    """The paper's preprocessing; it has no memory."""

    def levels(self, images: Images) -> Array32:
        """Levels (n, side²) of images (n, side, side)."""
        return np.stack([normalise_patches(image).ravel() for image in images])

    traverse_levels = levels

    def reset(self) -> None:
        """Do nothing: there is nothing to forget."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Nothing."""
        return {}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Do nothing: nothing was kept."""


def normalise_patches(image: Grey, patch: int = PATCH) -> Array32:
    """Each pixel as its distance from the mean of the patch around it, (H, W).

    The distance is in standard deviations of the patch, cut off at ±1. Of a patch that extends
    beyond the border only the pixels inside the image count.

    Args:
        image: (H, W).
        patch: Side of a patch, pixels, odd.

    Returns:
        From 0 (one deviation or more below the patch's mean) to 255 (above); 127.5 is the mean, and
        wherever a patch is of one colour.

    Raises:
        ConfigurationError: ``patch`` is below 1 or even.
    """
    if patch < 1 or patch % 2 == 0:
        raise ConfigurationError(f"a patch's side is odd, not {patch} pixels")
    found: Array32 = _normalise(image, patch // 2)
    return found


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _normalise(image: Grey, reach: int) -> Array32:
    height, width = image.shape
    found = np.empty((height, width), np.float32)
    for y in range(height):
        for x in range(width):
            count, total, squares = 0, np.int64(0), np.int64(0)
            for v in range(max(y - reach, 0), min(y + reach + 1, height)):
                for u in range(max(x - reach, 0), min(x + reach + 1, width)):
                    value = np.int64(image[v, u])
                    count += 1
                    total += value
                    squares += value * value
            # In whole numbers: a patch of one colour has a spread of exactly nothing.
            spread = count * squares - total * total
            score = 0.0
            if spread > 0:
                score = (count * np.int64(image[y, x]) - total) / np.sqrt(spread)
            found[y, x] = 127.5 * (1.0 + min(max(score, -1.0), 1.0))
    return found


class Retina:
    """Centre and surround, contrast gain control, adaptation, lateral inhibition, ON and OFF.

    Args:
        mean: Mean of the reference's images after contrast normalisation, (pixels,).
        inhibition: Weights of the lateral inhibition, (pixels, pixels).
        surround: Standard deviation of the surround in ``contrast``, pixels.
        saturation: Standard deviations of an image at which a channel reaches its highest level.
        adaptation: Number of images for which ``mean`` counts against the images since.

    Attributes:
        mean: As above.
        inhibition: As above.
        expected: What is adapted to: the mean of the images so far, (pixels,).
    """

    def __init__(
        self,
        mean: Array32,
        inhibition: Array32,
        surround: float,
        saturation: float,
        adaptation: float,
    ) -> None:
        self.mean = mean
        self.inhibition = inhibition
        self._surround = surround
        self._saturation = saturation
        self._adaptation = adaptation
        self.expected, self._seen = mean.copy(), adaptation

    @classmethod
    def learn(
        cls,
        traverses: Sequence[Images],
        surround: float,
        shrinkage: float,
        saturation: float,
        adaptation: float,
    ) -> Retina:
        """The retina for a route, learnt from its reference traverses.

        Lateral inhibition is the inverse square root of the covariance of the images, shrunk
        towards that of independent pixels, since little is known of directions in which the images
        hardly differ.

        Args:
            traverses: Traverses of the reference, (n, side, side) each, each in a light of its own.
            surround: As for the class.
            shrinkage: Weight of independent pixels, relative to the images'.
            saturation: As for the class.
            adaptation: As for the class.

        Raises:
            ConfigurationError: The images of each traverse are all the same.
        """
        if all((each == each[0]).all() for each in traverses):
            raise ConfigurationError(
                "a retina learns from images that differ: give a reference of two places or more, "
                "or choose the preprocessing 'patch'"
            )
        seen = [contrast(each, surround) for each in traverses]
        centred = [each - each.mean(axis=0) for each in seen]
        together = np.concatenate(centred).astype(np.float64)
        covariance = together.T @ together / len(together)
        size = len(covariance)
        covariance += shrinkage * np.trace(covariance) / size * np.eye(size)
        values, vectors = np.linalg.eigh(covariance)
        inhibition = (vectors / np.sqrt(values)) @ vectors.T
        mean = seen[0].mean(axis=0)
        # Rounded as in a file, so that an ensemble responds alike before it is written and after.
        rounded = inhibition.astype(np.float16).astype(np.float32)
        return cls(mean, rounded, surround, saturation, adaptation)

    def levels(self, images: Images) -> Array32:
        """Levels (n, 2 side²), ON before OFF, of images (n, side, side) in this order."""
        adapted = contrast(images, self._surround)
        for image in adapted:
            self._seen = min(self._seen + 1, max(MEMORY, self._adaptation))
            self.expected += (image - self.expected) / np.float32(self._seen)
            image -= self.expected
        return self._channels(adapted)

    def traverse_levels(self, images: Images) -> Array32:
        """As ``levels``, but adapted to the whole traverse from its start, for a reference."""
        found = contrast(images, self._surround)
        return self._channels(found - found.mean(axis=0))

    def reset(self) -> None:
        """Adapt to the reference again."""
        self.expected = self.mean.copy()
        self._seen = self._adaptation

    def state(self) -> dict[str, NDArray[Any]]:
        """What is expected, and for how many images it counts, as arrays."""
        return {"expected": self.expected.copy(), "seen": np.array([self._seen], np.float32)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what ``state`` gave."""
        self.expected = state["expected"].astype(np.float32)
        self._seen = float(state["seen"][0])

    def _channels(self, adapted: Array32) -> Array32:
        inhibited: Array32 = adapted @ self.inhibition
        spread = np.asarray(inhibited.std(axis=1, keepdims=True), np.float32)
        spread[spread == 0] = 1
        np.divide(inhibited, np.float32(self._saturation) * spread, out=inhibited)
        both: Array32 = np.concatenate([inhibited, -inhibited], axis=1)
        return both.clip(np.float32(0), np.float32(1)) * MAX_LEVEL


def contrast(images: Images, surround: float) -> Array32:
    """Local contrast of images (n, side, side): pixels against their surround, (n, side²).

    From each pixel the mean of its surround, a Gaussian, is subtracted. The difference is divided
    by the local contrast: the root of the mean square of such differences under a Gaussian of twice
    the width, plus that of the whole image, so that flat parts don't become noise. Last, each image
    is scaled to a mean of 0 and a standard deviation of 1.

    Args:
        images: (n, side, side).
        surround: Standard deviation of the Gaussian, pixels; 0 compares with the whole image.
    """
    seen = images.astype(np.float32)
    # The mean is subtracted first, so that an image of one colour becomes exactly zero.
    seen -= seen.mean(axis=(1, 2), keepdims=True)
    if surround > 0:
        around = _gaussian(seen.shape[1], surround)
        seen -= around @ seen @ around.T
        around = _gaussian(seen.shape[1], 2 * surround)
        local = around @ np.square(seen) @ around.T
        whole = local.mean(axis=(1, 2), keepdims=True)
        seen /= np.sqrt(np.where(whole > 0, local + whole, 1))
    flat = seen.reshape(len(images), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    spread = np.asarray(flat.std(axis=1, keepdims=True), np.float32)
    spread[spread == 0] = 1
    np.divide(flat, spread, out=flat)
    return flat


@cache
def _gaussian(side: int, deviation: float) -> Array32:
    """Blurs a row of pixels, (side, side): beyond the border there is nothing."""
    pixels = np.arange(side)
    weights = np.exp(-0.5 * np.square((pixels[:, None] - pixels) / deviation))
    found: Array32 = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return found
