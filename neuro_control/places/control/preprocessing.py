"""Eyes: from a small grey image to the levels of an expert's inputs.

``PatchEye`` is the paper's: it normalises patches. ``Retina`` does what retinas do: each pixel is
compared with its surround and scaled by the contrast around it, so that light, and much of a
season, is out of the image at once; what is always there (the mean of the images so far) is adapted
to; and neighbours are inhibited laterally such that what images have in common weighs less than
what tells them apart. What is brighter and what is darker than expected goes out through separate
channels, ON and OFF, each silent half of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.images import normalise_patches

Float = NDArray[np.float32]

TOP = np.float32(255.0)

# Images for which the past counts at most: older ones fade, so that a robot that is out for a day
# keeps up with the light.
MEMORY = 200.0


class Eye(Protocol):
    """What an ensemble sees with; an image is (side, side) of uint8."""

    def see(self, images: NDArray[np.uint8]) -> Float:
        """Levels (n, inputs), 0 to 255, of images (n, side, side) that come in this order."""

    def see_traverse(self, images: NDArray[np.uint8]) -> Float:
        """Levels (n, inputs) of the images (n, side, side) of a whole traverse of a reference."""

    def reset(self) -> None:
        """Forget what was seen."""


class PatchEye:
    """The paper's: pixels with normalised patches; knows no before and after."""

    def see(self, images: NDArray[np.uint8]) -> Float:
        """Levels (n, side²) of images (n, side, side)."""
        return np.stack([normalise_patches(image).ravel() for image in images])

    see_traverse = see

    def reset(self) -> None:
        """Nothing to forget."""


class Retina:
    """Centre and surround, contrast gain control, adaptation, lateral inhibition, ON and OFF.

    Args:
        mean: Of the reference's images, their contrast normalised, (pixels,).
        inhibition: Lateral weights, (pixels, pixels).
        surround: Standard deviation of the surround that ``contrast`` takes, pixels.
        saturation: Standard deviations of an image at which a channel is at its top.
        adaptation: Images for which ``mean`` counts against those seen since.
    """

    def __init__(
        self,
        mean: Float,
        inhibition: Float,
        surround: float,
        saturation: float,
        adaptation: float,
    ) -> None:
        self.mean = mean
        self.inhibition = inhibition
        self._surround = surround
        self._saturation = saturation
        self._adaptation = adaptation
        self._expected, self._seen = mean.copy(), adaptation

    @classmethod
    def learn(
        cls,
        traverses: Sequence[NDArray[np.uint8]],
        surround: float,
        shrinkage: float,
        saturation: float,
        adaptation: float,
    ) -> Retina:
        """The retina for a route.

        Lateral inhibition is the inverse square root of the covariance of the images, shrunk
        towards that of independent pixels: little is known of directions in which they hardly
        differ.

        Args:
            traverses: Of the reference, (n, side, side) each; each has a light of its own.
            surround: As above.
            shrinkage: Weight of independent pixels, over the images'.
            saturation: As above.
            adaptation: As above.

        Raises:
            ConfigurationError: The images of each traverse are all the same.
        """
        if all((each == each[0]).all() for each in traverses):
            raise ConfigurationError(
                "a retina learns from images that differ: give a reference of two places or more, "
                "or take the eye 'patch'"
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
        # Rounded as a file keeps it, so that an ensemble answers alike before and after.
        rounded = inhibition.astype(np.float16).astype(np.float32)
        return cls(mean, rounded, surround, saturation, adaptation)

    def see(self, images: NDArray[np.uint8]) -> Float:
        """Levels (n, 2 side²), ON before OFF, of images (n, side, side) in this order."""
        adapted = contrast(images, self._surround)
        for image in adapted:
            self._seen = min(self._seen + 1, max(MEMORY, self._adaptation))
            self._expected += (image - self._expected) / np.float32(self._seen)
            image -= self._expected
        return self._channels(adapted)

    def see_traverse(self, images: NDArray[np.uint8]) -> Float:
        """As ``see``, but adapted to all of a traverse from its start: for a reference."""
        found = contrast(images, self._surround)
        return self._channels(found - found.mean(axis=0))

    def reset(self) -> None:
        """Expect what the reference looked like."""
        self._expected = self.mean.copy()
        self._seen = self._adaptation

    def _channels(self, adapted: Float) -> Float:
        inhibited: Float = adapted @ self.inhibition
        spread = np.asarray(inhibited.std(axis=1, keepdims=True), np.float32)
        spread[spread == 0] = 1
        np.divide(inhibited, np.float32(self._saturation) * spread, out=inhibited)
        both: Float = np.concatenate([inhibited, -inhibited], axis=1)
        return both.clip(np.float32(0), np.float32(1)) * TOP


def contrast(images: NDArray[np.uint8], surround: float) -> Float:
    """Local contrast of images (n, side, side): pixels against their surround, (n, side²).

    Each pixel less the mean of its surround, a Gaussian, is divided by how much such differences
    amount to around it: the root of the mean square under a Gaussian of twice the width and that of
    the whole image, added, so that flat parts don't become noise. Then the image has a mean of 0
    and a standard deviation of 1.

    Args:
        images: (n, side, side).
        surround: Standard deviation of the Gaussian, pixels; 0 compares with the whole image.

    Source: Heeger, Normalization of cell responses in cat striate cortex (Visual Neuroscience,
        1992), for the division.
    """
    seen = images.astype(np.float32)
    # First, so that of an image of one colour nothing is left, exactly.
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
def _gaussian(side: int, deviation: float) -> Float:
    """Blurs a row of pixels, (side, side): beyond the border there is nothing."""
    pixels = np.arange(side)
    weights = np.exp(-0.5 * np.square((pixels[:, None] - pixels) / deviation))
    found: Float = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return found
