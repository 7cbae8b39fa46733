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
_PRIOR = 20
# Number and length of the stretches of a reference from which it is estimated for sequences.
_STRETCHES, _STRETCH = 5, 60
# Number of images whose scores are remembered.
_REMEMBERED = 500
# By how much of an error the share that is aimed at is corrected after each image.
_CORRECTION = 0.02


class NoveltyThreshold:
    """Score from which on a place counts as visited, estimated from the images so far.

    Away from an image's place, the highest score is what the image would have scored if its place
    had never been visited. Where images so far leave no doubt about the place, that is known.
    Otherwise the image may be of a place never visited: then the best place is no place of its own,
    and the highest score away from it is the second best of its kind; by how much such a best leads
    such a second, other images tell. Of sequences more is known: where as many images as they have
    leave doubts, the places were never visited, and the best score itself is what it is; after
    fewer, nothing is known. How high these scores are changes with season and light.

    The share that is aimed at is corrected by the shares that were found, so that it is kept over
    many images, even if scores drift or those of neighbouring images resemble each other.

    Args:
        start: Threshold for the first image, estimated from the reference. It counts for twenty
            images, less each image that has come.
        leads: By how much the first of such scores exceeded the second for the reference, (n,).
        false_accepts: Share of images of places never visited that may reach the threshold.
        near: Places to either side of an image's own that don't count as places elsewhere.
        length: Number of images of a sequence.

    Source: Gibbs and Candès, Adaptive conformal inference under distribution shift (NeurIPS 2021).
    """

    def __init__(
        self,
        start: float,
        leads: Array,
        false_accepts: float,
        near: int = NEAR,
        length: int = 1,
    ) -> None:
        self._start, self._near, self._length = start, near, length
        self._doubts = 0  # images in a row that left doubts
        self._share = self._aim = false_accepts
        self._foreign: deque[float] = deque(maxlen=_REMEMBERED)
        self._leads: deque[float] = deque(leads.tolist() or [0.0], maxlen=int(MEMORY))

    @property
    def value(self) -> float:
        """The threshold for the next image."""
        lacking = max(_PRIOR - len(self._foreign), 0)
        values = np.sort([*self._foreign, *[self._start] * lacking])[::-1]
        return _reached_by(values, self._aim)

    def add(self, scores: Similarity, place: int = -1) -> None:
        """Take the scores (P,) of an image into account.

        Args:
            scores: Scores of all places.
            place: The image's place, -1 if it is in doubt.
        """
        self._doubts = 0 if place >= 0 else self._doubts + 1
        if place < 0 and self._length > 1:
            if self._doubts >= self._length:
                self._count(float(scores.max()))
            return
        others = _elsewhere(scores, int(scores.argmax()) if place < 0 else place, self._near)
        foreign = float(others.max())
        if not np.isfinite(foreign):
            return
        if place >= 0:
            second = float(_elsewhere(others, int(others.argmax()), self._near).max())
            if np.isfinite(second):
                self._leads.append(foreign - second)
        else:
            # Leads take turns: independent of the scores, and without chance.
            foreign += self._leads[0]
            self._leads.rotate(-1)
        self._count(foreign)

    def _count(self, foreign: float) -> None:
        """Count a score as one that a place never visited had."""
        if self._foreign:
            missed = float(foreign >= self.value) - self._share
            self._aim = min(max(self._aim - _CORRECTION * missed, 0.0), 1.0)
        self._foreign.append(foreign)


def nearness(length: int, matching: str) -> int:
    """Places to either side of an image's own that don't count as places elsewhere.

    A trajectory can follow the images' own places and leave them with the last image: where it may
    have ended by then is not elsewhere.
    """
    return NEAR + 2 * length if matching == "trajectory" and length > 1 else NEAR


def _elsewhere(scores: Similarity, place: int, near: int) -> Similarity:
    """Scores (P,), -inf for places near ``place``."""
    found: Similarity = np.where(np.abs(np.arange(len(scores)) - place) <= near, -np.inf, scores)
    return found


def _reached_by(values: Array, share: float) -> float:
    """A threshold that about a share of further values reach.

    Args:
        values: Values so far, falling.
        share: Share of values that reach it, 0 to 1. Equal values reach it together or not at all,
            whichever is closer.
    """
    count = len(values)
    wanted = share * (count + 1)
    rank = min(round(wanted), count)
    if rank == 0:
        return float(np.nextafter(values[0], np.inf))
    value = values[rank - 1]
    with_equals = int(np.count_nonzero(values >= value))
    without = int(np.count_nonzero(values > value))
    if wanted - without < with_equals - wanted:
        return float(np.nextafter(value, np.inf))
    return float(value)


def best_elsewhere(scores: Similarity, places: Indices, near: int = NEAR) -> Similarity:
    """Highest of the scores (n, P) of each image that are not near its place in ``places`` (n,).

    Returns:
        (n,); -inf where all places are near.
    """
    own = np.abs(np.arange(scores.shape[1]) - places[:, None]) <= near
    found: Similarity = np.where(own, -np.inf, scores).max(axis=1)
    return found


def reference_threshold(
    probe: Indices,
    probed: Array32,
    length: int,
    false_accepts: float,
    matching: str = "pace",
) -> tuple[float, Array]:
    """Threshold that images of places never visited seldom reach, estimated from the reference.

    What places far from an image's own place score for it, they would score if the image's place
    had never been visited.

    Args:
        probe: Places of the reference whose images were presented, in order, (n,).
        probed: Scores of all places for these images, (n, P).
        length: Number of images of a sequence.
        false_accepts: Share of the images that may reach the threshold.
        matching: How images of a sequence are matched, as for ``make_matcher``.

    Returns:
        That threshold, and by how much the best of such scores exceeds the best elsewhere, (n,).
    """
    if length > 1:
        chosen = _stretches(len(probe))
        probe, probed = probe[chosen], probed[chosen]
    # Sequences don't go on from one stretch of the reference to the next.
    stretches = np.split(np.arange(len(probe)), np.flatnonzero(np.diff(probe) != 1) + 1)
    whole = [stretch[min(length, len(stretch)) - 1 :] for stretch in stretches]
    foreign_only = probed
    if length > 1:
        # In a sequence, too, an image's own places must not have been there.
        far = np.abs(np.arange(probed.shape[1]) - probe[:, None]) > NEAR
        means = (probed * far).sum(axis=1, keepdims=True) / np.maximum(far.sum(axis=1), 1)[:, None]
        foreign_only = np.where(far, probed, means)
    matched = np.concatenate(
        [
            match_sequence(foreign_only[stretch], length, matching)[-len(kept) :]
            for stretch, kept in zip(stretches, whole, strict=True)
        ]
    )
    shown = probe[np.concatenate(whole)]
    near = nearness(length, matching)
    matched[np.abs(np.arange(probed.shape[1]) - shown[:, None]) <= near] = -np.inf
    foreign = matched.max(axis=1)
    second = best_elsewhere(matched, matched.argmax(axis=1), near)
    both = np.isfinite(second)
    leads = (foreign[both] - second[both]).astype(np.float64)
    foreign = foreign[np.isfinite(foreign)]
    if not foreign.size:  # fewer places than lie near one another
        return float("-inf"), leads
    return visited_threshold(foreign, np.zeros(len(foreign), bool), false_accepts), leads


def _stretches(count: int) -> Indices:
    """Indices of up to 300 of ``count`` images, in stretches from all over the route."""
    if count <= _STRETCHES * _STRETCH:
        return np.arange(count)
    starts = np.linspace(0, count - _STRETCH, _STRETCHES).astype(int)
    return np.unique(starts[:, None] + np.arange(_STRETCH))


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
