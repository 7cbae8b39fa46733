# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Textures of floors, walls and objects, drawn here: grey patterns that a colour then tints.

Each texture has a name; some are shown in training, others are kept for the test of unseen worlds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float64]

_PIXELS = 128


def _noise(rng: np.random.Generator, cells: int) -> Grey:
    """Smooth noise of mean 0 and deviation 1, which repeats at the edges, (128, 128)."""
    waves = np.fft.fftfreq(_PIXELS, 1.0 / _PIXELS)
    reach = np.hypot(waves[:, None], waves[None, :])
    spectrum = np.fft.fft2(rng.standard_normal((_PIXELS, _PIXELS))) * np.exp(
        -((reach / cells) ** 2)
    )
    noise = np.fft.ifft2(spectrum).real
    return np.asarray((noise - noise.mean()) / noise.std())


def _grid() -> tuple[Grey, Grey]:
    """Row and column of each pixel, 0 to 1."""
    rows, columns = np.mgrid[0:_PIXELS, 0:_PIXELS] / _PIXELS
    return rows, columns


def _plain(_: np.random.Generator) -> Grey:
    return np.ones((_PIXELS, _PIXELS))


def _checker(_: np.random.Generator) -> Grey:
    rows, columns = _grid()
    return np.where(((rows * 2).astype(int) + (columns * 2).astype(int)) % 2, 1.0, 0.88)


def _planks(rng: np.random.Generator) -> Grey:
    rows, _ = _grid()
    plank = (rows * 8).astype(int)
    shade = 0.9 + 0.1 * rng.uniform(-1.0, 1.0, 8)[plank]
    grain = 0.05 * _noise(rng, 3)[:, :1].T * np.ones((_PIXELS, 1))
    seams = np.where((rows * 8) % 1.0 < 0.06, 0.6, 1.0)
    return np.asarray((shade + grain) * seams)


def _tiles(rng: np.random.Generator) -> Grey:
    rows, columns = _grid()
    tile = rng.uniform(0.85, 1.0, (4, 4))[(rows * 4).astype(int), (columns * 4).astype(int)]
    joints = ((rows * 4) % 1.0 < 0.05) | ((columns * 4) % 1.0 < 0.05)
    return np.asarray(np.where(joints, 0.6, tile))


def _gravel(rng: np.random.Generator) -> Grey:
    return 0.85 + 0.1 * _noise(rng, 24)


def _stripes(_: np.random.Generator) -> Grey:
    columns = _grid()[1]
    return 0.85 + 0.15 * np.sign(np.sin(2 * np.pi * 4 * columns))


def _marble(rng: np.random.Generator) -> Grey:
    rows, columns = _grid()
    return 0.85 + 0.15 * np.sin(2 * np.pi * 3 * (rows + columns) + 1.5 * _noise(rng, 4))


def _bricks(_: np.random.Generator) -> Grey:
    rows, columns = _grid()
    shifted = (columns * 4 + 0.5 * ((rows * 8).astype(int) % 2)) % 1.0
    return np.where(((rows * 8) % 1.0 < 0.12) | (shifted < 0.06), 0.6, 0.95)


def _spots(rng: np.random.Generator) -> Grey:
    return np.where(_noise(rng, 8) > 0.8, 0.6, 1.0)


_DRAWN: dict[str, Callable[[np.random.Generator], Grey]] = {
    "plain": _plain, "checker": _checker, "planks": _planks, "tiles": _tiles, "gravel": _gravel,
    "stripes": _stripes, "marble": _marble, "bricks": _bricks, "spots": _spots,
}  # fmt: skip
TEXTURES = tuple(_DRAWN)
SEEN_TEXTURES, UNSEEN_TEXTURES = TEXTURES[:6], TEXTURES[6:]


def texture(name: str) -> NDArray[np.uint8]:
    """Picture of a texture, (128, 128, 3), grey; the same each time.

    Args:
        name: One of ``TEXTURES``.
    """
    rng = np.random.default_rng(TEXTURES.index(name))
    grey = np.clip(255 * _DRAWN[name](rng), 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)
