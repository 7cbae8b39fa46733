# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sequence matching: a place is likely if the places before it matched the queries before.

``SequenceMatcher`` and the paper's way assume that queries and places follow each other at the same
pace, one place a query. ``DelayBank`` knows several constant paces, and ``trajectories`` any.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.trajectories import TrajectoryMatcher
from neuro_control.places.control.types import Array, Similarity

MATCHINGS = ("trajectory", "delays", "pace")

# Paces that a bank of delays knows, places a query.
_BANK = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5, 1.65, 1.8, 2.0)


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

    def step(self, scores: Similarity, travelled: float | None = None) -> Array:
        """Scores (places,) of this query, matched together with those of the queries before.

        What odometry measured, ``travelled``, doesn't count: the pace is the reference's.

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


class DelayBank:
    """Detectors of sequences with delays for several paces, one query at a time.

    For each pace v and each place p a detector sums the scores of place p - k v for the query k
    before this one: delays let the spikes of a sequence at that pace arrive together. The detector
    that responds most decides.

    Args:
        length: Number of queries that count, this one included.
        direction: As for ``TrajectoryMatcher``.

    Source: delays as detectors of temporal motifs, as in Grimaldi and Perrinet, Learning
        heterogeneous delays in a layer of spiking neurons (arXiv 2307.14077); paces as in SeqSLAM's
        search over velocities.
    """

    def __init__(self, length: int, direction: str = "forward") -> None:
        signs = {"forward": (1,), "reverse": (-1,), "both": (1, -1)}[direction]
        self._paces = [sign * pace for sign in signs for pace in _BANK]
        self._last: deque[Similarity] = deque(maxlen=length)

    def step(self, scores: Similarity, travelled: float | None = None) -> Array:
        """As ``SequenceMatcher.step``; what odometry measured doesn't count."""
        self._last.appendleft(scores.copy())
        found = np.full((len(self._paces), len(scores)), 0.0)
        for total, pace in zip(found, self._paces, strict=True):
            for back, earlier in enumerate(self._last):
                total += _delayed(earlier, round(back * pace))
        best: Array = found.max(axis=0) / len(self._last)
        return best


def _delayed(scores: Similarity, places: int) -> Array:
    """Scores (places,), moved on by ``places``, and their mean where there is nothing to move."""
    found = np.full(len(scores), scores.mean(dtype=np.float64))
    if abs(places) < len(scores):
        if places >= 0:
            found[places:] = scores[: len(scores) - places]
        else:
            found[:places] = scores[-places:]
    return found


def make_matcher(
    matching: str, length: int, direction: str = "forward"
) -> SequenceMatcher | TrajectoryMatcher | DelayBank:
    """The matcher for a sequence of ``length`` queries.

    Args:
        matching: trajectory, delays or pace.
        length: As for the matcher.
        direction: As for ``TrajectoryMatcher``.

    Raises:
        ConfigurationError: ``length`` is below 1, or places are matched at the reference's pace in
            another direction than forward.
    """
    if length < 1:
        raise ConfigurationError(f"a sequence has 1 query or more, not {length}")
    if matching == "trajectory":
        return TrajectoryMatcher(length, direction)
    if matching == "delays":
        return DelayBank(length, direction)
    if direction != "forward":
        raise ConfigurationError(
            f"matching at the reference's pace goes forward, not '{direction}': choose the "
            "matching 'trajectory' or 'delays'"
        )
    return SequenceMatcher(length)


def match_sequence(
    similarity: Similarity, length: int, matching: str = "pace", direction: str = "forward"
) -> Array:
    """A whole similarity matrix (queries, places), matched query by query.

    The arguments but the first are those of ``make_matcher``.

    Raises:
        ConfigurationError: As ``make_matcher``.
    """
    matcher = make_matcher(matching, length, direction)
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
