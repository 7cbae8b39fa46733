# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Online statistics: how the neurons of a recogniser usually respond, from the past alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.places.control.types import MEMORY, Array32

# Number of images for which the reference's statistics count against the images since.
_PRIOR = 5.0
# The same for a start that is equal for all places.
_START = 10.0


class OnlineStatistics:
    """Mean and spread of the values so far, in each of n channels; old values fade.

    Args:
        mean: Means to start from, (n,).
        spread: Standard deviations to start from, (n,).
        weight: Number of samples for which the start counts.
    """

    def __init__(self, mean: Array32, spread: Array32, weight: float = _PRIOR) -> None:
        self.mean = mean.astype(np.float32)
        self._variance = np.square(spread, dtype=np.float32)
        self._count = weight

    @property
    def spread(self) -> Array32:
        """Standard deviations, (n,); 1 where nothing has varied."""
        found: Array32 = np.sqrt(np.where(self._variance > 0, self._variance, np.float32(1)))
        return found

    def add(self, values: Array32) -> None:
        """Take ``values`` (n,) into account."""
        self._count = min(self._count + 1, MEMORY)
        count = np.float32(self._count)
        before = values - self.mean
        self.mean += before / count
        self._variance += (before * (values - self.mean) - self._variance) / count

    def state(self) -> dict[str, NDArray[Any]]:
        """Mean, variance and number of samples, as arrays."""
        count = np.array([self._count], np.float32)
        return {"mean": self.mean.copy(), "variance": self._variance.copy(), "count": count}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what ``state`` gave."""
        self.mean = state["mean"].astype(np.float32)
        self._variance = state["variance"].astype(np.float32)
        self._count = float(state["count"][0])


def starting_statistics(reference: Array32, weight: float = _START) -> OnlineStatistics:
    """Statistics to start from, the same for all places.

    What places have for the reference's own images says little about images in another light: it is
    averaged over places.

    Args:
        reference: Responses to the reference's own images, (P, P); a place's response to its own
            image, on the diagonal, doesn't count.
        weight: Number of images for which the start counts.
    """
    count = len(reference)
    others = reference[~np.eye(count, dtype=bool)] if count > 1 else reference.ravel()
    spread = float(others.std()) if count > 1 else 0.0
    return OnlineStatistics(
        np.full(count, others.mean(), np.float32),
        np.full(count, spread if spread > 0 else 1.0, np.float32),
        weight,
    )
