# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Scores a recogniser on the images of a query traverse: metrics, acceptance and cost."""

from __future__ import annotations

import resource
import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.places.control.novelty import NEAR
from neuro_control.places.control.recogniser import Recogniser
from neuro_control.places.control.sequences import match_sequence, match_sequence_ahead
from neuro_control.places.control.types import Similarity
from neuro_control.places.evaluation.metrics import (
    Truth,
    accept_rates,
    area_under_curve,
    precision_recall,
    recall_at,
    recall_at_full_precision,
)


class Metrics(NamedTuple):
    """How well a method recognised places, as shares.

    Attributes:
        recall: Recall at N by N.
        auc: Area under the curve of precision over recall.
        full_precision: Recall at 100 % precision.
    """

    recall: dict[int, float]
    auc: float
    full_precision: float


def metrics_of(similarity: Similarity, truth: Truth, tolerance: int = 0) -> Metrics:
    """Metrics of a similarity matrix (queries, places).

    Raises:
        ConfigurationError: As for ``metrics.recall_at``.
    """
    curve = precision_recall(similarity, truth, tolerance)
    return Metrics(
        recall_at(similarity, truth, tolerance=tolerance),
        area_under_curve(curve),
        recall_at_full_precision(curve),
    )


def acceptance(
    similarity: Similarity, truth: Truth, thresholds: NDArray[np.float64], near: int = NEAR
) -> tuple[float, float]:
    """Shares of queries accepted: if their place had never been visited, and as it is.

    For the first share, each query's own place and those near it are left out of the reference; a
    query without a place in the reference counts as it is. The second share is NaN if no query has
    a place.

    Args:
        similarity: Similarities, (queries, places).
        truth: Place of each query, -1 for none.
        thresholds: Score from which on each query is accepted, (queries,).
        near: Places to either side of a query's own that are left out with it.
    """
    places = np.arange(similarity.shape[1])
    own_places = np.abs(places[None, :] - truth[:, None]) <= near
    known = truth >= 0
    foreign = np.where(own_places & known[:, None], -np.inf, similarity).max(axis=1) >= thresholds
    own = (similarity.max(axis=1) >= thresholds)[known]
    accepted = np.concatenate([foreign, own]).astype(np.float64)
    return accept_rates(accepted, np.arange(len(accepted)) >= len(foreign), 1.0)


def peak_memory() -> float:
    """Largest memory that this process has held, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def match(similarity: Similarity, length: int, ahead: bool) -> Similarity:
    """Similarities after sequence matching: causal, or the paper's with the queries to come."""
    if ahead:
        return match_sequence_ahead(similarity, length) / length
    return match_sequence(similarity, length)


def matched_truth(truth: Truth, places: int, length: int, ahead: bool) -> Truth:
    """The truth for ``match``: the paper's sequences begin at fewer queries and places."""
    if not ahead:
        return truth
    left = truth[: len(truth) - length + 1]
    return np.where(left <= places - length, left, -1)


def measure(
    recogniser: Recogniser,
    query: NDArray[np.uint8],
    truth: Truth,
    length: int = 1,
    tolerance: int = 0,
    ahead: bool = False,
) -> tuple[Similarity, dict[str, Any]]:
    """An ensemble's similarities for queries, their metrics and their cost.

    Args:
        recogniser: The recogniser, which is reset.
        query: Small images, (queries, side, side).
        truth: Place of each query, -1 for none.
        length: Number of queries of a sequence.
        tolerance: Number of places to either side that are right, too.
        ahead: Whether the queries to come make the sequence, as in the paper.
    """
    recogniser.reset()
    began = time.perf_counter()
    similarity = match(recogniser.scores(query), length, ahead)
    seconds = time.perf_counter() - began
    ensemble = recogniser.ensemble
    truth = matched_truth(truth, len(ensemble.names), length, ahead)
    found = metrics_of(similarity, truth, tolerance)
    thresholds = recogniser.thresholds(similarity)
    never, visited = acceptance(similarity, truth, thresholds)
    return similarity, {
        "n": len(query),
        "places": len(ensemble.names),
        **{f"r{n}": value for n, value in found.recall.items()},
        "auc": found.auc,
        "recall_at_full_precision": found.full_precision,
        "false_accepts": never,
        "true_accepts": visited,
        "queries_per_s": len(query) / seconds,
        "spikes_per_query": recogniser.spikes / len(query),
        "synops_per_query": recogniser.synaptic_operations / len(query),
        "train_s": ensemble.train_s,
        "neurons": ensemble.thresholds.size,
        "memory_mb": peak_memory(),
    }
