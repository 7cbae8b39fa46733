# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Images of places for experts to learn: smooth, random, and nothing alike."""

import numpy as np


def textures(count, seed=0, side=28, smooth=2):
    """Grey images, (count, side, side) of uint8, each over the whole range of greys."""
    drawn = np.random.default_rng(seed).normal(size=(count, side, side))
    distance = np.minimum(np.arange(side), side - np.arange(side))
    blur = np.exp(-0.5 * (distance / smooth) ** 2)
    spectrum = np.fft.fft2(drawn) * np.fft.fft2(np.outer(blur, blur))
    drawn = np.fft.ifft2(spectrum).real
    low, high = drawn.min(axis=(1, 2), keepdims=True), drawn.max(axis=(1, 2), keepdims=True)
    return np.rint(255 * (drawn - low) / (high - low)).astype(np.uint8)
