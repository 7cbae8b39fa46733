"""Sequence matching: a place is right when the ones before it matched the queries before.

Both take queries and places to follow each other at the same pace, one place a query.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError

Array = NDArray[np.float64]


class RunningSequence:
    """Causal sequence matching, one query at a time.

    Query q and place p score the mean of the similarities of query q - k and place p - k, for k
    from 0 to L - 1, or as far back as there are queries. Before the first place, where there is
    nothing to compare, stands the mean of that query's similarities: a mean over fewer would swing
    more, and the first places would win whenever nothing matches.

    Args:
        length: Queries L that count, this one included.

    Raises:
        ConfigurationError: ``length`` is below 1.
    """

    def __init__(self, length: int) -> None:
        if length < 1:
            raise ConfigurationError(f"a sequence has 1 query or more, not {length}")
        self._last: deque[NDArray[np.floating[Any]]] = deque(maxlen=length)

    def step(self, scores: NDArray[np.floating[Any]]) -> Array:
        """Scores (places,) of this query, with those of the queries before.

        Raises:
            ValueError: The places are not as many as before.
        """
        if self._last and scores.shape != self._last[0].shape:
            raise ValueError(f"expected {self._last[0].shape} scores, got {scores.shape}")
        self._last.appendleft(scores.copy())
        total = np.zeros(len(scores))
        for back, earlier in enumerate(self._last):
            total[back:] += earlier[: max(len(scores) - back, 0)]
            total[:back] += earlier.mean()
        return total / len(self._last)


def sequence(similarity: NDArray[np.floating[Any]], length: int) -> Array:
    """A whole similarity matrix (queries, places) as ``RunningSequence`` gives it query by query.

    Raises:
        ConfigurationError: ``length`` is below 1.
    """
    running = RunningSequence(length)
    return np.array([running.step(scores) for scores in similarity])


def sequence_ahead(similarity: NDArray[np.floating[Any]], length: int) -> Array:
    """The paper's sequence matching: the queries that follow count, and only whole sequences do.

    Convolution with an identity of L × L: query q and place p score the sum of the similarities of
    query q + k and place p + k, for k from 0 to L - 1. The last L - 1 queries and places begin no
    whole sequence and drop out. It knows the queries to come; no robot does.

    Args:
        similarity: (queries, places).
        length: Queries L of a sequence.

    Returns:
        (queries - L + 1, places - L + 1).

    Raises:
        ConfigurationError: ``length`` is below 1, or above the number of queries or places.

    Source: Hussaini, Milford and Fischer (arXiv 2311.13186), and their code
    (``compute_dist_matrix_seqslam``).
    """
    queries, places = similarity.shape
    if not 1 <= length <= min(queries, places):
        raise ConfigurationError(
            f"a sequence has 1 to {min(queries, places)} queries here, not {length}"
        )
    rows, columns = queries - length + 1, places - length + 1
    total = np.zeros((rows, columns))
    for k in range(length):
        total += similarity[k : k + rows, k : k + columns]
    return total
