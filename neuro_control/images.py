# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pixels of what an image comes as: a compressed file, or the bytes of a message.

Whatever a camera or a peer sends is checked here before memory is taken for it: sizes against the
data, and the size that a header gives against the most that is decoded.
"""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuro_control.errors import ConfigurationError
from neuro_control.limits import MAX_PIXELS

# Formats of compressed messages, as Pillow names them.
MESSAGE_FORMATS = ("PNG", "JPEG")

# Depth and channels of the encodings of sensor_msgs/Image; red comes last in those of "bgr".
_ENCODINGS: dict[str, tuple[str, int]] = {
    "mono8": ("u1", 1), "8UC1": ("u1", 1), "mono16": ("u2", 1), "16UC1": ("u2", 1),
    "rgb8": ("u1", 3), "bgr8": ("u1", 3), "8UC3": ("u1", 3),
    "rgba8": ("u1", 4), "bgra8": ("u1", 4), "8UC4": ("u1", 4),
    "rgb16": ("u2", 3), "bgr16": ("u2", 3), "16UC3": ("u2", 3),
    "rgba16": ("u2", 4), "bgra16": ("u2", 4), "16UC4": ("u2", 4),
}  # fmt: skip


def decode_pixels(
    data: bytes, source: str, formats: tuple[str, ...] = MESSAGE_FORMATS
) -> NDArray[Any]:
    """Pixels of a compressed image.

    Transparency is dropped; grey of 16 bits stays so. The size that the image's header gives is
    checked before pixels are made: a few bytes can stand for gigabytes of them.

    Args:
        data: The file's, or the message's, content.
        source: What errors call the image.
        formats: The formats that are read, as Pillow names them; by default those of messages. Each
            format more is a decoder more that a peer can feed.

    Returns:
        (H, W) of uint8, uint16 or floating, or (H, W, 4) of uint8: red, green, blue and alpha.

    Raises:
        ConfigurationError: It is empty, cut off, damaged, of another format, too large or no image.
    """
    if not data:
        raise ConfigurationError(f"{source} is empty: an image has pixels")
    try:
        with Image.open(io.BytesIO(data), formats=formats) as image:
            check_size(*image.size[::-1])
            if image.mode.startswith("I"):  # 16 bits; Pillow's older versions hold them in 32
                pixels = np.asarray(image)
                if pixels.min() < 0 or pixels.max() > 65535:
                    raise ConfigurationError("its pixels have more than 16 bits")
                return pixels.astype(np.uint16)
            if image.mode in ("L", "F"):
                return np.asarray(image)
            if image.mode == "1":
                return np.asarray(image.convert("L"))
            return np.asarray(image.convert("RGBA"))
    except (
        *(OSError, SyntaxError, ValueError, EOFError, struct.error),
        *(Image.DecompressionBombError, Image.DecompressionBombWarning),
    ) as error:
        # Pillow's own message holds the address of a buffer.
        known = f"no image of a format that is read ({', '.join(formats)})"
        reason = known if "cannot identify" in str(error) else error
        raise ConfigurationError(f"can't read the image {source}: {reason}") from error


def raw_pixels(
    data: bytes | NDArray[np.uint8], size: tuple[int, int], encoding: str, step: int, big: bool
) -> NDArray[Any]:
    """Pixels of a sensor_msgs/Image.

    Args:
        data: The message's bytes.
        size: Height and width, pixels.
        encoding: Name of the encoding in sensor_msgs/image_encodings; channels without names are
            blue, green and red, as in OpenCV.
        step: Length of a row, bytes.
        big: Whether numbers of 16 bits are big-endian.

    Returns:
        (H, W, C) of uint8 or uint16, C = 1 (grey) or 3 (red, green and blue).

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
    check_size(height, width)
    rows = np.frombuffer(data, np.uint8, height * step).reshape(height, step)[:, :used]
    pixels = np.ascontiguousarray(rows).view(dtype).reshape(height, width, channels)
    if channels > 1:
        pixels = pixels[..., :3] if encoding.startswith("rgb") else pixels[..., 2::-1]
    return pixels.astype(dtype.newbyteorder("="), copy=False)


def check_size(height: int, width: int) -> None:
    """Refuse an image by its size.

    Raises:
        ConfigurationError: It has more pixels than are decoded.
    """
    if height * width > MAX_PIXELS:
        raise ConfigurationError(
            f"it has {height} × {width} pixels, more than the {MAX_PIXELS} allowed: make it smaller"
        )
