# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Online statistics: how the neurons of a recogniser usually respond, from the past alone."""

from __future__ import annotations

import numpy as np

from neuro_control.places.control.types import MEMORY, Array32

# Number of images for which the reference's statistics count against the images since.
_PRIOR = 5.0


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
