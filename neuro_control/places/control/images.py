# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reads images: whatever an image is stored as becomes grey, (H, W) of uint8, and small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuro_control.errors import ConfigurationError
from neuro_control.files import read_bytes
from neuro_control.images import MESSAGE_FORMATS, decode_pixels, raw_pixels
from neuro_control.limits import MAX_IMAGE_BYTES
from neuro_control.places.control.types import SIDE, Grey

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow and OpenCV have it

# Formats of files, as Pillow names them.
FILE_FORMATS = (*MESSAGE_FORMATS, "BMP", "TIFF", "WEBP", "PPM")
# Rows that are made grey at a time.
_ROWS = 256


def grey(array: NDArray[Any]) -> Grey:
    """An image as grey of 8 bits: luma of ITU-R BT.601, rounded.

    Args:
        array: (H, W), or (H, W, C) with C = 1 (grey), 3 (RGB) or 4 (RGB and alpha, which is
            dropped: a camera's image is opaque). uint8, uint16 or floating between 0 and 1.

    Returns:
        (H, W).

    Raises:
        ConfigurationError: Another shape, no pixels, another type, or a floating number outside.
    """
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise ConfigurationError(
            f"an image is (H, W), or (H, W, C) with 1, 3 or 4 channels; this is {array.shape}"
        )
    if array.size == 0:
        raise ConfigurationError(f"an image of {array.shape} has no pixels")
    if array.dtype == np.uint8:
        scale = 1.0
    elif array.dtype == np.uint16:
        scale = 255 / 65535
    elif np.issubdtype(array.dtype, np.floating):
        scale = 255.0
        if not (array.min() >= 0.0 and array.max() <= 1.0):
            raise ConfigurationError("floating pixels must lie between 0 and 1, all of them")
    else:
        raise ConfigurationError(f"pixels are uint8, uint16 or floating, not {array.dtype}")
    if array.dtype == np.uint8 and array.ndim == 2:
        return np.ascontiguousarray(array)
    made = np.empty(array.shape[:2], np.uint8)
    # Some rows at a time, since floating numbers take up eight times an image's memory and more.
    for first in range(0, len(array), _ROWS):
        rows = array[first : first + _ROWS]
        luma = rows if rows.ndim == 2 else rows[..., :3] @ _LUMA
        made[first : first + _ROWS] = np.rint(luma * np.float64(scale)).astype(np.uint8)
    return made


def decode_image(data: bytes, source: str, formats: tuple[str, ...] = MESSAGE_FORMATS) -> Grey:
    """A compressed image as grey, (H, W); arguments and errors are those of ``decode_pixels``.

    Transparency is dropped; 16-bit grey is scaled to 8 bits.
    """
    pixels = decode_pixels(data, source, formats)
    try:
        return grey(pixels)
    except ConfigurationError as error:
        raise ConfigurationError(f"can't read the image {source}: {error}") from error


def read_image(path: Path) -> Grey:
    """The image in a file as grey, (H, W); see ``decode_image``.

    Raises:
        ConfigurationError: There is no such file, or it is empty, cut off, damaged or no image.
    """
    return decode_image(read_bytes(path, MAX_IMAGE_BYTES, "the image"), str(path), FILE_FORMATS)


def raw_image(
    data: bytes | NDArray[np.uint8], size: tuple[int, int], encoding: str, step: int, big: bool
) -> Grey:
    """What a sensor_msgs/Image holds as grey, (H, W); arguments and errors of ``raw_pixels``."""
    return grey(raw_pixels(data, size, encoding, step, big))


def featureless(image: Grey) -> bool:
    """Whether an image (H, W) has only one colour, so that no place can be recognised in it."""
    return bool(image.min() == image.max())


def shrink(image: Grey, side: int = SIDE) -> Grey:
    """A grey image (H, W) as a square (side, side).

    Pillow's box filter makes each new pixel the mean of the old pixels whose centres it covers, so
    that nothing aliases.

    Raises:
        ConfigurationError: ``side`` is below 1.
    """
    if side < 1:
        raise ConfigurationError(f"an image's side is 1 pixel or more, not {side}")
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BOX))
