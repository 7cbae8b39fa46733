# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Metrics of place recognition, from a similarity matrix and the true places.

A similarity matrix is (queries, places), larger is more similar. The truth is a place for each
query, (queries,), or -1 if the reference has no such place. With a tolerance, as many places before
and after the true one are right, too.

A tie never favours the method: of equal scores, the wrong places are taken to come first. A matrix
of equal numbers has a recall of 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.novelty import check_scores
from neuro_control.places.control.types import Array, Indices, Similarity

# Place of each query, (queries,), or -1.
Truth = Indices

NS = (1, 5, 10, 15, 20, 25)


def _wrong_ahead(similarity: Similarity, truth: Truth, tolerance: int) -> Truth:
    """Number of wrong places whose score is at least that of the best right place, (queries,).

    It is the number of all places where none is right.
    """
    if similarity.ndim != 2 or similarity.size == 0 or truth.shape != similarity.shape[:1]:
        raise ConfigurationError(
            f"expected similarities (queries, places) and a true place for each query; "
            f"got {similarity.shape} and {truth.shape}"
        )
    queries, places = similarity.shape
    if truth.min() < -1 or truth.max() >= places:
        raise ConfigurationError(
            f"true places lie between 0 and {places - 1}, or are -1 for none; "
            f"got {truth.min()} to {truth.max()}"
        )
    if tolerance < 0:
        raise ConfigurationError(f"a tolerance is 0 places or more, not {tolerance}")
    if np.isnan(similarity).any():
        query = int(np.isnan(similarity).any(axis=1).argmax())
        raise ConfigurationError(f"the similarities of query {query} hold NaN: give numbers")
    ahead = np.full(queries, places, np.int64)
    for query, (row, place) in enumerate(zip(similarity, truth.tolist(), strict=True)):
        if place < 0:
            continue
        right = row[max(place - tolerance, 0) : place + tolerance + 1]
        best = right.max()
        ahead[query] = (row >= best).sum() - (right >= best).sum()
    return ahead


def recall_at(
    similarity: Similarity, truth: Truth, ns: Sequence[int] = NS, tolerance: int = 0
) -> dict[int, float]:
    """Recall at N, by N: share of queries for which a right place is among the N most similar.

    Only the queries that have a right place count.

    Raises:
        ConfigurationError: The shapes don't fit, a similarity is NaN, or no query has a right
            place.
    """
    ahead = _wrong_ahead(similarity, truth, tolerance)[truth >= 0]
    if ahead.size == 0:
        raise ConfigurationError("no query has a place in the reference: there is no recall")
    return {n: float((ahead < n).mean()) for n in ns}


def right_at_once(similarity: Similarity, truth: Truth, tolerance: int = 0) -> Array:
    """1 for each query whose most similar place is right, 0 for others, (queries with a place,).

    Raises:
        ConfigurationError: As for ``recall_at``.
    """
    ahead = _wrong_ahead(similarity, truth, tolerance)[truth >= 0]
    return np.where(ahead == 0, 1.0, 0.0)


class PrecisionRecall(NamedTuple):
    """Precision over recall as the threshold falls.

    Attributes:
        thresholds: Every score that a best match has, falling, (K,); a match is accepted if its
            score is as high or higher.
        precision: Share of the accepted matches that are right, (K,).
        recall: Share of the queries with a right place whose match is accepted and right, (K,).
    """

    thresholds: Array
    precision: Array
    recall: Array


def precision_recall(similarity: Similarity, truth: Truth, tolerance: int = 0) -> PrecisionRecall:
    """Precision and recall of each query's best match, over all thresholds of its score.

    Equal scores are accepted together. A query without a right place that is accepted is a wrong
    match.

    Raises:
        ConfigurationError: As for ``recall_at``.
    """
    right = _wrong_ahead(similarity, truth, tolerance) == 0
    with_place = np.count_nonzero(truth >= 0)
    if with_place == 0:
        raise ConfigurationError("no query has a place in the reference: there is no recall")
    thresholds, where = np.unique(similarity.max(axis=1).astype(np.float64), return_inverse=True)
    accepted = np.bincount(where)[::-1].cumsum()
    correct = np.bincount(where, weights=right)[::-1].cumsum()
    return PrecisionRecall(thresholds[::-1], correct / accepted, correct / with_place)


def recall_at_full_precision(curve: PrecisionRecall) -> float:
    """The highest recall without a wrong match; 0 if the match with the best score is wrong."""
    return float(curve.recall[curve.precision == 1.0].max(initial=0.0))


def area_under_curve(curve: PrecisionRecall) -> float:
    """Area under the curve of precision over recall, from 0 to 1.

    It is summed in steps, Σ (R_k - R_k-1) P_k, as average precision is defined: straight lines
    between the points would promise what no threshold gives. Recall that is never reached adds
    nothing.
    """
    return float((np.diff(curve.recall, prepend=0.0) * curve.precision).sum())


def accept_rates(
    scores: Array, visited: NDArray[np.bool_], threshold: float
) -> tuple[float, float]:
    """Shares of queries accepted: of places never visited (false accepts), and of visited ones.

    Args:
        scores: Score of each query's best match, (queries,).
        visited: Whether the reference has the query's place, (queries,).
        threshold: A score from which on a match is accepted.

    Returns:
        The two shares; NaN for a kind of which there are no queries.

    Raises:
        ConfigurationError: The shapes differ, or a score is NaN.
    """
    check_scores(scores, visited)
    accepted = scores >= threshold
    never, seen = (
        float(accepted[kind].mean()) if kind.any() else float("nan") for kind in (~visited, visited)
    )
    return never, seen
