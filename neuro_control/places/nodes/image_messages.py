# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages of images to grey images, and images to messages."""

from __future__ import annotations

import array
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from sensor_msgs.msg import CompressedImage, Image

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.images import decode_image, raw_image
from neuro_control.places.control.types import Grey
from neuro_control.ros.messages import Rejected

# Values of the parameter by which a node sends or receives images.
TRANSPORTS = ("raw", "compressed")


def read_raw(message: Image) -> Grey:
    """Grey image (H, W) of a raw message.

    Raises:
        Rejected: The encoding is not known, or the sizes don't fit the data.
    """
    size = (message.height, message.width)
    try:
        return raw_image(
            message.data, size, message.encoding, message.step, bool(message.is_bigendian)
        )
    except ConfigurationError as error:
        raise Rejected("image", str(error)) from error


def read_compressed(message: CompressedImage) -> Grey:
    """Grey image (H, W) of a compressed message.

    Raises:
        Rejected: It holds no whole image of a known format.
    """
    try:
        return decode_image(bytes(message.data), f"of the format '{message.format}'")
    except ConfigurationError as error:
        raise Rejected("image", str(error)) from error


def raw_message(image: NDArray[np.uint8]) -> Image:
    """Message of an image, (H, W) grey or (H, W, 3) red, green, blue."""
    height, width = image.shape[:2]
    return Image(
        height=height,
        width=width,
        encoding="mono8" if image.ndim == 2 else "rgb8",
        step=image.nbytes // height,
        data=array.array("B", image.tobytes()),
    )


def compressed_message(image: NDArray[np.uint8], kind: str) -> CompressedImage:
    """Message of an image, (H, W) or (H, W, 3), as ``png`` or ``jpeg``."""
    file = io.BytesIO()
    Pillow.fromarray(image).save(file, kind)
    return CompressedImage(format=kind, data=array.array("B", file.getvalue()))
