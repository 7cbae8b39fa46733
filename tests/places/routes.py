# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Routes to write down and read again: folders of small random images."""

import numpy as np
from PIL import Image


def picture(seed):
    """A grey image, (8, 12)."""
    return np.random.default_rng(seed).integers(0, 256, (8, 12), np.uint8)


def folder(path, names):
    """A folder of images, number i being ``picture(i)``."""
    path.mkdir(parents=True)
    for seed, name in enumerate(names):
        Image.fromarray(picture(seed)).save(path / name)
    return path
