# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures as a network reads them: checked, square, and of its size."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError

Image = NDArray[np.uint8]
Array32 = NDArray[np.float32]

# A picture whose grey values deviate less than this shows nothing.
_ONE_COLOUR = 1.0


def network_image(image: Image, pixels: int) -> Image:
    """A picture as a network reads it, (3, pixels, pixels).

    Args:
        image: Picture, (height, width, 3).
        pixels: Height and width that the network reads.

    Raises:
        ConfigurationError: It is no picture, or shows one colour.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ConfigurationError(
            f"a picture is (height, width, 3) of uint8, not {image.shape} of {image.dtype}"
        )
    if float(image.std()) < _ONE_COLOUR:
        raise ConfigurationError("the picture shows one colour: is the camera covered?")
    if image.shape[:2] != (pixels, pixels):
        image = _resized(image, pixels)
    return np.ascontiguousarray(image.transpose(2, 0, 1))


def _resized(image: Image, pixels: int) -> Image:
    """A picture of another size: each pixel is a weighed mean of those that it covers."""
    height, width, channels = image.shape
    rows = _weights(height, pixels) @ image.reshape(height, -1).astype(np.float32)
    across = rows.reshape(pixels, width, channels).transpose(1, 0, 2).reshape(width, -1)
    found = (_weights(width, pixels) @ across).reshape(pixels, pixels, channels)
    resized: Image = found.transpose(1, 0, 2).round().clip(0.0, 255.0).astype(np.uint8)
    return resized


@lru_cache(maxsize=8)
def _weights(old: int, new: int) -> Array32:
    """Weights of a triangle as wide as two of the larger pixels, (new, old), as Pillow has it."""
    scale = max(old / new, 1.0)
    centres = (np.arange(new) + 0.5) * (old / new)
    away = np.abs(np.arange(old) + 0.5 - centres[:, None]) / scale
    weights = np.clip(1.0 - away, 0.0, None)
    found: Array32 = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return found
