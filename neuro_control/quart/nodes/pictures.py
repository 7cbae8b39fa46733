# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages of images to the square pictures, red, green and blue, that a policy takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from sensor_msgs.msg import CompressedImage, Image

from neuro_control.errors import ConfigurationError
from neuro_control.images import decode_pixels, raw_pixels
from neuro_control.ros.messages import Rejected, to_stamp

Picture = NDArray[np.uint8]

# Side beyond which a picture is made smaller by whole factors before the policy sees it, pixels:
# above what any policy here takes, and little beside what cameras send.
_LARGEST = 480
# Correlation of neighbouring pixels below which an image is noise. What cameras see has more than
# 0.9; bytes that were garbled, and a sensor without light, have about 0.
_NOISE = 0.3


def read_picture(message: Image | CompressedImage) -> Picture:
    """The middle square of a message's image, (side, side, 3).

    Raises:
        Rejected: The encoding or format is not known, the sizes don't fit the data, it has too
            many pixels, or it is noise.
    """
    try:
        if isinstance(message, CompressedImage):
            pixels = decode_pixels(bytes(message.data), f"of the format '{message.format}'")
        else:
            size = message.height, message.width
            big = bool(message.is_bigendian)
            pixels = raw_pixels(message.data, size, message.encoding, message.step, big)
        picture = _colours(_square(pixels))
    except ConfigurationError as error:
        raise Rejected("image", str(error)) from error
    if _is_noise(picture):
        raise Rejected("noise", "it is noise: its neighbouring pixels have nothing in common")
    return picture


def _is_noise(picture: Picture) -> bool:
    """Whether neighbouring pixels have next to nothing in common; one colour is no noise."""
    grey = picture.mean(axis=2, dtype=np.float32)
    here, beside = grey[:, :-1].ravel(), grey[:, 1:].ravel()
    spread = float(here.std()) * float(beside.std())
    covariance = float(((here - here.mean()) * (beside - beside.mean())).mean())
    return covariance < _NOISE * spread


def _square(pixels: NDArray[Any]) -> NDArray[Any]:
    """The middle of an image (height, width, ...), as wide as high."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[top : top + side, left : left + side]


def _colours(pixels: NDArray[Any]) -> Picture:
    """Pixels (side, side[, C]) as red, green and blue of 8 bits, (side, side, 3)."""
    if np.issubdtype(pixels.dtype, np.floating):
        raise ConfigurationError("pixels are integers of 8 or 16 bits, not floating numbers")
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels[..., :3]
    factor = len(pixels) // _LARGEST
    if factor > 1:
        image = Pillow.fromarray(np.ascontiguousarray(pixels.squeeze())).reduce(factor)
        pixels = np.asarray(image).reshape(*image.size[::-1], -1)
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def attention_image(stamp: int, weights: NDArray[np.float64]) -> Image:
    """Image in ``mono8`` of where a policy looked: its largest weight is white.

    Args:
        stamp: Time of the picture, ns.
        weights: Weights of parts of the picture, (height, width).
    """
    height, width = weights.shape
    grey = np.round(255.0 * weights / weights.max()).astype(np.uint8)
    message = Image(height=height, width=width, encoding="mono8", step=width)
    message.header.stamp = to_stamp(stamp)
    message.data = grey.tobytes()
    return message
