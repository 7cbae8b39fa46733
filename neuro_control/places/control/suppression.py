# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Lateral inhibition that learns what changes at a place and takes it out of later images.

Between two visits, images of one place differ in much the same directions everywhere: snow on the
track bed, leaves along the line, a low sun. A few inhibitory neurons learn these directions from
the differences between recognised images and the reference's. They are driven along such a
direction and inhibit the inputs along it, the more, the larger the differences are that it has
had. What is left of an image tells places apart rather than visits. No label is needed but the
network's own answers.

Source: anti-Hebbian lateral connections that learn a principal subspace and project it out, as in
Xiao et al., Hebbian learning based orthogonal projection for continual learning of spiking neural
networks (arXiv 2402.11984). Directions are computed here from the last differences at once instead
of by small steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.places.control.types import Array, Array32

# Number of differences that are kept; older ones are forgotten.
_KEPT = 300
# Number of differences from which on directions are computed, and those for which the absence of
# any counts.
_FIRST, _PRIOR = 10, 30.0
# Directions are computed again once a share of the differences is new.
_RENEWED = 8
# A direction is suppressed by half if it has so many times the mean variance of all directions.
_HALF = 10.0


class ChangeSuppression:
    """Inhibits inputs along the directions in which images differ from those of the reference.

    Args:
        inputs: Number of inputs.
        neurons: Number of inhibitory neurons, each for one direction; 0 suppresses nothing.
        norm: Norm to which each image's levels are scaled: all images drive the experts alike.
        differences: Differences that are known from the start, (n, inputs), of unit images.
    """

    def __init__(
        self, inputs: int, neurons: int, norm: float, differences: NDArray[Any] | None = None
    ) -> None:
        self._neurons = neurons
        self._norm = np.float32(norm)
        first = np.zeros((0, inputs), np.float32) if differences is None else differences
        self._at_start = first[-_KEPT:].astype(np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget what was learnt since the start."""
        self._differences = self._at_start
        self._directions: Array32 = np.zeros((self._at_start.shape[1], 0), np.float32)
        self._gains: Array32 = np.zeros(0, np.float32)
        self._new = 0
        self._learn_directions()

    def filter(self, levels: Array32) -> Array32:
        """What is left of levels (n, inputs), none of them below 0 and all of the same norm."""
        left = levels
        if self._gains.size:
            driven = (levels @ self._directions) * self._gains
            left = np.maximum(levels - driven @ self._directions.T, 0)
        return unit(left) * self._norm

    def learn(self, levels: Array32, expected: Array32) -> None:
        """Learn from recognised images.

        Args:
            levels: Levels of the images, (n, inputs).
            expected: Levels of the reference's images of their places, (n, inputs).
        """
        if not self._neurons or not len(levels):
            return
        added = unit(levels) - unit(expected)
        self._differences = np.concatenate([self._differences, added])[-_KEPT:]
        self._new += len(added)
        if _RENEWED * self._new >= len(self._differences):
            self._learn_directions()

    def _learn_directions(self) -> None:
        kept = self._differences
        self._new = 0
        if len(kept) < _FIRST or not self._neurons:
            return
        # The Gram matrix has the same eigenvalues as the covariance, and is far smaller.
        values, vectors = np.linalg.eigh((kept @ kept.T / (len(kept) + _PRIOR)).astype(np.float64))
        chosen = [index for index in range(len(values))[::-1] if values[index] > 0]
        chosen = chosen[: self._neurons]
        along: Array32 = vectors[:, chosen].T.astype(np.float32) @ kept
        self._directions = np.ascontiguousarray(unit(along).T)
        variances = values[chosen]
        mean = float(np.square(kept).sum()) / kept.size
        gains: Array = variances / (variances + _HALF * mean)
        self._gains = gains.astype(np.float32)

    def state(self) -> dict[str, NDArray[Any]]:
        """What was learnt, as arrays."""
        return {"differences": self._differences.astype(np.float16)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what ``state`` gave."""
        self._differences = state["differences"].astype(np.float32)
        self._learn_directions()


def unit(rows: Array32) -> Array32:
    """Rows (n, inputs) scaled to a norm of 1; a row of zeros stays."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    found = rows / np.where(norms > 0, norms, 1)
    return found.astype(np.float32)
