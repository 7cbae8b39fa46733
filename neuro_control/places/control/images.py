# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reads images: whatever an image is stored as becomes grey, (H, W) of uint8, and small."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuro_control.errors import ConfigurationError
from neuro_control.files import read_bytes
from neuro_control.limits import MAX_IMAGE_BYTES, MAX_PIXELS
from neuro_control.places.control.types import SIDE, Grey

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow and OpenCV have it

# Formats of compressed messages, and of the files of ``frames.IMAGES``, as Pillow names them.
MESSAGE_FORMATS = ("PNG", "JPEG")
FILE_FORMATS = (*MESSAGE_FORMATS, "BMP", "TIFF", "WEBP", "PPM")
# Rows that are made grey at a time.
_ROWS = 256

# Depth and channels of the encodings of sensor_msgs/Image; red comes last in those of "bgr".
_ENCODINGS: dict[str, tuple[str, int]] = {
    "mono8": ("u1", 1), "8UC1": ("u1", 1), "mono16": ("u2", 1), "16UC1": ("u2", 1),
    "rgb8": ("u1", 3), "bgr8": ("u1", 3), "8UC3": ("u1", 3),
    "rgba8": ("u1", 4), "bgra8": ("u1", 4), "8UC4": ("u1", 4),
    "rgb16": ("u2", 3), "bgr16": ("u2", 3), "16UC3": ("u2", 3),
    "rgba16": ("u2", 4), "bgra16": ("u2", 4), "16UC4": ("u2", 4),
}  # fmt: skip


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
    """A compressed image as grey, (H, W).

    Transparency is dropped; 16-bit grey is scaled to 8 bits. The size that the image's header
    gives is checked before pixels are made: a few bytes can stand for gigabytes of them.

    Args:
        data: The file's, or the message's, content.
        source: What errors call the image.
        formats: The formats that are read, as Pillow names them; by default those of messages. Each
            format more is a decoder more that a peer can feed.

    Raises:
        ConfigurationError: It is empty, cut off, damaged, of another format, too large or no image.
    """
    if not data:
        raise ConfigurationError(f"{source} is empty: an image has pixels")
    try:
        with Image.open(io.BytesIO(data), formats=formats) as image:
            _check_size(*image.size[::-1])
            if image.mode.startswith("I"):  # 16 bits; Pillow's older versions hold them in 32
                pixels = np.asarray(image)
                if pixels.min() < 0 or pixels.max() > 65535:
                    raise ConfigurationError("its pixels have more than 16 bits")
                return grey(pixels.astype(np.uint16))
            if image.mode in ("L", "F"):
                return grey(np.asarray(image))
            if image.mode == "1":
                return grey(np.asarray(image.convert("L")))
            return grey(np.asarray(image.convert("RGBA")))
    except (
        *(OSError, SyntaxError, ValueError, EOFError, struct.error),
        *(Image.DecompressionBombError, Image.DecompressionBombWarning),
    ) as error:
        # Pillow's own message holds the address of a buffer.
        known = f"no image of a format that is read ({', '.join(formats)})"
        reason = known if "cannot identify" in str(error) else error
        raise ConfigurationError(f"can't read the image {source}: {reason}") from error


def read_image(path: Path) -> Grey:
    """The image in a file as grey, (H, W); see ``decode_image``.

    Raises:
        ConfigurationError: There is no such file, or it is empty, cut off, damaged or no image.
    """
    return decode_image(read_bytes(path, MAX_IMAGE_BYTES, "the image"), str(path), FILE_FORMATS)


def _check_size(height: int, width: int) -> None:
    """Raise a ConfigurationError if an image has more pixels than are decoded."""
    if height * width > MAX_PIXELS:
        raise ConfigurationError(
            f"it has {height} × {width} pixels, more than the {MAX_PIXELS} allowed: make it smaller"
        )


def raw_image(
    data: bytes | NDArray[np.uint8], size: tuple[int, int], encoding: str, step: int, big: bool
) -> Grey:
    """What a sensor_msgs/Image holds as grey, (H, W).

    Args:
        data: The message's bytes.
        size: Height and width, pixels.
        encoding: Name of the encoding in sensor_msgs/image_encodings; channels without names are
            blue, green and red, as in OpenCV.
        step: Length of a row, bytes.
        big: Whether numbers of 16 bits are big-endian.

    Raises:
        ConfigurationError: The encoding is not known, or the sizes don't fit each other.
    """
    if encoding not in _ENCODINGS:
        raise ConfigurationError(
            f"no encoding '{encoding}' is known: send one of {', '.join(_ENCODINGS)}"
        )
    kind, channels = _ENCODINGS[encoding]
    height, width = size
    dtype = np.dtype(kind).newbyteorder(">" if big else "<")
    used = width * channels * dtype.itemsize
    if step < used or len(data) < height * step or not used or not height:
        raise ConfigurationError(
            f"an image of {height} × {width} in {encoding} needs rows of {used} bytes or more; "
            f"this one has {len(data)} bytes in rows of {step}"
        )
    _check_size(height, width)
    rows = np.frombuffer(data, np.uint8, height * step).reshape(height, step)[:, :used]
    pixels = np.ascontiguousarray(rows).view(dtype).reshape(height, width, channels)
    if channels > 1 and not encoding.startswith("rgb"):
        pixels = pixels[..., 2::-1]
    return grey(pixels.astype(dtype.newbyteorder("="), copy=False))


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
