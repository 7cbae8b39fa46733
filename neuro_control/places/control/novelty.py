# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Novelty: whether the place of an image is one that the reference never visited.

The score of an image's best place is compared with a threshold, and the threshold follows the
scores that places elsewhere have: they are about what an image would have scored if its place had
never been visited.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.sequences import match_sequence
from neuro_control.places.control.types import MEMORY, Array, Array32, Indices, Similarity

# Places to either side of an image's own place that don't count as places elsewhere.
NEAR = 5
# Number of images for which the threshold of the reference counts.
_PRIOR = 10


class NoveltyThreshold:
    """Score from which on a place counts as visited, estimated from the images so far.

    Away from the best place, the highest score is what an image would have scored if its place had
    never been visited. If its place was indeed never visited, the second of such scores is used,
    plus the usual lead of the first. How high these scores are changes with season and light.

    Args:
        start: Threshold for the first image, estimated from the reference. It counts for ten
            images, less each image that has come.
        lead: By how much the first of such scores exceeds the second on average.
        false_accepts: Share of images of places never visited that may reach the threshold.
    """

    def __init__(self, start: float, lead: float, false_accepts: float) -> None:
        self._start, self._lead = start, lead
        self._share = false_accepts
        self._foreign: deque[float] = deque(maxlen=int(MEMORY))

    @property
    def value(self) -> float:
        """The threshold for the next image."""
        lacking = max(_PRIOR - len(self._foreign), 0)
        values = [*self._foreign, *[self._start] * lacking]
        return float(np.quantile(values, 1 - self._share, method="higher"))

    def add(self, scores: Similarity) -> None:
        """Take the scores (P,) of an image into account."""
        second = best_elsewhere(scores[None], np.array([scores.argmax()]))[0]
        if np.isfinite(second):
            self._foreign.append(float(second) + self._lead)


def best_elsewhere(scores: Similarity, places: Indices) -> Similarity:
    """Highest of the scores (n, P) of each image that are not near its place in ``places`` (n,).

    Returns:
        (n,); -inf where all places are near.
    """
    near = np.abs(np.arange(scores.shape[1]) - places[:, None]) <= NEAR
    found: Similarity = np.where(near, -np.inf, scores).max(axis=1)
    return found


def reference_threshold(
    probe: Indices, probed: Array32, length: int, false_accepts: float
) -> tuple[float, float]:
    """Threshold that images of places never visited seldom reach, estimated from the reference.

    What places far from an image's own place score for it, they would score if the image's place
    had never been visited.

    Args:
        probe: Places of the reference whose images were presented, in order, (n,).
        probed: Scores of all places for these images, (n, P).
        length: Number of images of a sequence.
        false_accepts: Share of the images that may reach the threshold.

    Returns:
        That threshold, and the average by which the best of such scores exceeds the best elsewhere.
    """
    # Sequences don't go on from one stretch of the reference to the next.
    stretches = np.split(np.arange(len(probe)), np.flatnonzero(np.diff(probe) != 1) + 1)
    whole = [stretch[min(length, len(stretch)) - 1 :] for stretch in stretches]
    matched = np.concatenate(
        [
            match_sequence(probed[stretch], length)[-len(kept) :]
            for stretch, kept in zip(stretches, whole, strict=True)
        ]
    )
    shown = probe[np.concatenate(whole)]
    matched[np.abs(np.arange(probed.shape[1]) - shown[:, None]) <= NEAR] = -np.inf
    foreign = matched.max(axis=1)
    second = best_elsewhere(matched, matched.argmax(axis=1))
    both = np.isfinite(second)
    lead = float(np.mean(foreign[both] - second[both])) if both.any() else 0.0
    foreign = foreign[np.isfinite(foreign)]
    if not foreign.size:  # fewer places than lie near one another
        return float("-inf"), lead
    return visited_threshold(foreign, np.zeros(len(foreign), bool), false_accepts), lead


def visited_threshold(
    scores: Array, visited: NDArray[np.bool_], false_accepts: float = 0.05
) -> float:
    """The lowest score to accept at which few places never visited are accepted.

    Args:
        scores: Score of each calibration query's best match, (queries,).
        visited: Whether the reference has the query's place, (queries,).
        false_accepts: Largest share of the queries of places never visited that may be accepted,
            among these queries; ``accept_rates`` computes it for others.

    Returns:
        One of the scores, or, if none is high enough, the next number above them all.

    Raises:
        ConfigurationError: The shapes differ, a score is NaN, no query is of a place never visited,
            or the share does not lie between 0 and 1.
    """
    check_scores(scores, visited)
    if not 0.0 <= false_accepts <= 1.0:
        raise ConfigurationError(f"a share lies between 0 and 1, not at {false_accepts}")
    never = np.sort(scores[~visited])[::-1]
    if never.size == 0:
        raise ConfigurationError("no query is of a place never visited: there is no threshold")
    allowed = int(false_accepts * never.size + 1e-9)  # 0.29 · 100 is 28.999…
    if allowed == never.size:
        return float(scores.min())
    above = scores[scores > never[allowed]]
    return float(above.min() if above.size else np.nextafter(scores.max(), np.inf))


def check_scores(scores: Array, visited: NDArray[np.bool_]) -> None:
    """Check that there is one score, a number, for each query.

    Raises:
        ConfigurationError: The shapes differ, or a score is NaN.
    """
    if scores.ndim != 1 or scores.shape != visited.shape:
        raise ConfigurationError(
            f"expected a score and whether it was visited for each query; "
            f"got {scores.shape} and {visited.shape}"
        )
    if np.isnan(scores).any():
        raise ConfigurationError("scores hold NaN: give numbers")
