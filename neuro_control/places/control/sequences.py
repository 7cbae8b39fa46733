# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sequence matching: a place is likely if the places before it matched the queries before.

Both ways to match assume that queries and places follow each other at the same pace, one place a
query.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.types import Array, Similarity


class SequenceMatcher:
    """Causal sequence matching, one query at a time.

    Query q and place p score the mean of the similarities of query q - k and place p - k, for k
    from 0 to L - 1, or as far back as there are queries. Before the first place, where there is
    nothing to compare, the mean of that query's similarities is used: a mean over fewer queries
    would vary more, and the first places would win whenever nothing matches.

    Args:
        length: Number L of queries that count, this one included.

    Raises:
        ConfigurationError: ``length`` is below 1.
    """

    def __init__(self, length: int) -> None:
        if length < 1:
            raise ConfigurationError(f"a sequence has 1 query or more, not {length}")
        self._last: deque[Similarity] = deque(maxlen=length)

    def step(self, scores: Similarity) -> Array:
        """Scores (places,) of this query, matched together with those of the queries before.

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


def match_sequence(similarity: Similarity, length: int) -> Array:
    """A whole similarity matrix (queries, places), matched query by query by ``SequenceMatcher``.

    Raises:
        ConfigurationError: ``length`` is below 1.
    """
    matcher = SequenceMatcher(length)
    return np.array([matcher.step(scores) for scores in similarity])


def match_sequence_ahead(similarity: Similarity, length: int) -> Array:
    """The paper's sequence matching, in which the queries that follow count, in whole sequences.

    It is a convolution with an identity matrix of L × L: query q and place p score the sum of the
    similarities of query q + k and place p + k, for k from 0 to L - 1. The last L - 1 queries and
    places begin no whole sequence and drop out. It needs the queries to come, which no robot knows.

    Args:
        similarity: (queries, places).
        length: Number L of queries of a sequence.

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
