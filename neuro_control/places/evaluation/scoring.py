# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Scores a recogniser on the images of a query traverse: metrics, acceptance and cost."""

from __future__ import annotations

import resource
import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.places.control.novelty import NEAR, nearness
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


class Sequences(NamedTuple):
    """How queries in a row are matched together.

    Attributes:
        length: Number of queries of a sequence.
        matching: As for ``make_matcher``.
        direction: As for ``make_matcher``.
        ahead: Whether the queries to come make the sequence, at the reference's pace, as in the
            paper.
    """

    length: int = 1
    matching: str = "pace"
    direction: str = "forward"
    ahead: bool = False

    def match(self, similarity: Similarity) -> Similarity:
        """Similarities (queries, places) after matching."""
        if self.ahead:
            return match_sequence_ahead(similarity, self.length) / self.length
        return match_sequence(similarity, self.length, self.matching, self.direction)

    def truth(self, truth: Truth, places: int) -> Truth:
        """The truth for ``match``: the paper's sequences begin at fewer queries and places."""
        if not self.ahead:
            return truth
        left = truth[: len(truth) - self.length + 1]
        return np.where(left <= places - self.length, left, -1)


def drawn(queries: int, pace: float) -> Truth:
    """Which of the queries come, and in which order, if the camera goes ``pace`` times as fast.

    It passes as many places from one image to the next; at half the pace each query comes twice. A
    negative pace is the way back.
    """
    order = np.arange(0, queries, abs(pace)).astype(np.int64)
    return order if pace > 0 else queries - 1 - order


_SINGLE = Sequences()


def measure(
    recogniser: Recogniser,
    query: NDArray[np.uint8],
    truth: Truth,
    sequences: Sequences = _SINGLE,
    tolerance: int = 0,
) -> tuple[Similarity, dict[str, Any]]:
    """An ensemble's similarities for queries, their metrics and their cost.

    Args:
        recogniser: The recogniser, which is reset.
        query: Small images, (queries, side, side).
        truth: Place of each query, -1 for none.
        sequences: How queries in a row are matched; the recogniser's thresholds are for the same.
        tolerance: Number of places to either side that are right, too.
    """
    recogniser.reset()
    began = time.perf_counter()
    similarity = sequences.match(recogniser.scores(query))
    seconds = time.perf_counter() - began
    ensemble = recogniser.ensemble
    truth = sequences.truth(truth, len(ensemble.names))
    found = metrics_of(similarity, truth, tolerance)
    thresholds = recogniser.thresholds(similarity)
    never, visited = acceptance(
        similarity, truth, thresholds, nearness(sequences.length, sequences.matching)
    )
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
        "train_wall_s": ensemble.train_wall_s,
        "neurons": ensemble.thresholds.size,
        "memory_mb": peak_memory(),
    }
