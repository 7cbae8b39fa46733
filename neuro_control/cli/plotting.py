# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figures, drawn with matplotlib."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.files import writing


@contextmanager
def figure(path: Path, width: float, height: float, dpi: int = 110) -> Iterator[Any]:
    """A figure, written to the PNG file ``path`` when the block ends without error.

    Args:
        path: The file; its folder is made.
        width: Width in inches.
        height: Height in inches.
        dpi: Pixels per inch.
    """
    # The import takes a while, and most of what imports this module draws nothing.
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    drawn = plt.figure(figsize=(width, height), layout="constrained")
    try:
        yield drawn
        with writing(path) as part:
            drawn.savefig(part, format="png", dpi=dpi)
    finally:
        plt.close(drawn)


@contextmanager
def canvas() -> Iterator[Any]:
    """Axes that fill a picture of 480 × 270 pixels, for animations; ``frame_of`` takes a frame."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    drawn = plt.figure(figsize=(4.8, 2.7), dpi=100)
    try:
        yield drawn.add_axes((0, 0, 1, 1), facecolor="#dfe8ec")
    finally:
        plt.close(drawn)


def frame_of(axes: Any) -> NDArray[np.uint8]:
    """The picture (height, width, 3) of what the figure of ``axes`` shows now."""
    drawn = axes.figure.canvas
    drawn.draw()
    return np.asarray(drawn.buffer_rgba())[..., :3].copy()
