# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Alignment: learns how far the camera looks from where the reference's did, and corrects it.

A camera that was taken off and put on again looks a little higher, lower or to a side. Like the
eyes' reflexes, which are calibrated all life long by the slip of the image that is left, the
alignment moves images by what recognised images have been displaced against those of the reference.

Source: Lucas and Kanade, An iterative image registration technique (IJCAI 1981), with one
displacement for the whole of an image and all recognised images together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.places.control.types import Array, Array32

# What is left of an image's weight after each further image.
_KEPT = 0.98
# Weight of no displacement: that of so many images whose slopes have a mean square of 1.
_PRIOR = 0.4
# Pixels at the border that are left out: what is displaced there comes from beyond.
_BORDER = 2
# Largest displacement that is corrected, pixels; slopes tell nothing about larger ones.
_FARTHEST = 2.0


class GazeAlignment:
    """Displacement of images against the reference, learnt from recognised images.

    Attributes:
        displacement: By how many pixels images are displaced, downwards and to the right, (2,).
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the images so far."""
        self._slopes, self._slip = _PRIOR * np.eye(2), np.zeros(2)
        self.displacement: Array = np.zeros(2)

    def align(self, images: NDArray[Any]) -> Array32:
        """Images (n, side, side), moved back by the displacement."""
        return moved(images.astype(np.float32), -self.displacement)

    def learn(self, aligned: Array32, expected: Array32) -> None:
        """Learn from recognised images, which were aligned by the present displacement.

        Args:
            aligned: Local contrast of the images, (n, side, side).
            expected: Local contrast of the reference's images of their places, (n, side, side).
        """
        inner = (slice(_BORDER, -_BORDER),) * 2
        for image, reference in zip(aligned, expected, strict=True):
            slopes = np.stack([each[inner].ravel() for each in np.gradient(reference)])
            count = slopes.shape[1]
            products = slopes @ slopes.T / count
            # What a displacement d changes is -d · slope, to first order.
            left = -slopes @ (image - reference)[inner].ravel() / count
            rest = _PRIOR * np.eye(2)
            self._slopes = rest + _KEPT * (self._slopes - rest) + products
            self._slip = _KEPT * self._slip + left + products @ self.displacement
        found = np.linalg.solve(self._slopes, self._slip)
        self.displacement = found.clip(-_FARTHEST, _FARTHEST)

    def state(self) -> dict[str, NDArray[Any]]:
        """What was learnt, as arrays."""
        return {"slopes": self._slopes, "slip": self._slip, "displacement": self.displacement}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what ``state`` gave."""
        self._slopes, self._slip = state["slopes"], state["slip"]
        self.displacement = state["displacement"]


def moved(images: Array32, displacement: Array) -> Array32:
    """Images (n, H, W), moved downwards and to the right by fractions of pixels, (2,).

    Between pixels values are interpolated; what comes from beyond the border repeats it.
    """
    found = images
    for axis, distance in enumerate(displacement, start=1):
        if distance == 0:
            continue
        size = images.shape[axis]
        at = np.clip(np.arange(size) - distance, 0, size - 1)
        low = np.minimum(at.astype(np.int64), size - 2)
        share = (at - low).astype(np.float32).reshape((-1,) + (1,) * (2 - axis))
        found = found.take(low, axis) * (1 - share) + found.take(low + 1, axis) * share
    return found
