# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Types and constants that the parts of place recognition share."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]
Indices = NDArray[np.int64]
Counts = NDArray[np.int32]
Arrays = dict[str, NDArray[Any]]
# A grey image, (H, W).
Grey = NDArray[np.uint8]
# Similarities (queries, places), larger is more similar, in either precision.
Similarity = NDArray[np.floating[Any]]

# Side of the small square image that preprocessing takes, pixels.
SIDE = 28
# Highest level of an input; levels begin at 0.
MAX_LEVEL = np.float32(255.0)
# Firing rate of an input for each unit of its level, Hz.
HZ_PER_LEVEL = 0.25
# Number of images for which the past counts at most. Older images fade, so that a robot that is out
# for a day keeps up with the light.
MEMORY = 200.0


class PlaceEstimate(NamedTuple):
    """The place that was recognised in one image.

    Attributes:
        place: Index of the best place.
        score: Score of the best place; larger is surer.
        best: Indices of the K best places, the best first, (K,).
        scores: Scores of the K best places, (K,).
        visited: Whether the score is high enough for a place that was visited.
    """

    place: int
    score: float
    best: Indices
    scores: Array
    visited: bool
