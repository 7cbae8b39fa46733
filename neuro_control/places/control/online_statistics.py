"""What a recogniser learns at work: how its neurons and scores usually are.

Only the past counts.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.preprocessing import MEMORY
from neuro_control.places.control.sequences import sequence

Array = NDArray[np.float64]
Float = NDArray[np.float32]

# Images for which the reference's statistics count against those seen since.
_PRIOR = 5.0
# Places to either side of an image's own that are not taken for places never visited.
NEAR = 5
# Images for which the reference's own threshold counts.
_STARTS = 10


class RunningStatistics:
    """Mean and spread of what has come so far, one of each of n channels; what is old fades.

    Args:
        mean: To start from, (n,).
        spread: Standard deviations to start from, (n,).
        weight: Samples for which the start counts.
    """

    def __init__(self, mean: Float, spread: Float, weight: float = _PRIOR) -> None:
        self.mean = mean.astype(np.float32)
        self._variance = np.square(spread, dtype=np.float32)
        self._count = weight

    @property
    def spread(self) -> Float:
        """Standard deviations, (n,); 1 where nothing has varied."""
        found: Float = np.sqrt(np.where(self._variance > 0, self._variance, np.float32(1)))
        return found

    def add(self, values: Float) -> None:
        """Take values (n,) in."""
        self._count = min(self._count + 1, MEMORY)
        count = np.float32(self._count)
        before = values - self.mean
        self.mean += before / count
        self._variance += (before * (values - self.mean) - self._variance) / count


class RunningThreshold:
    """Score from which on a place counts as visited, told from the images so far.

    Away from the best place, the highest score is what an image would have scored if its place had
    never been visited: or, if it never was, the second of such scores. How high they are changes
    with season and light.

    Args:
        start: For the first image, told from the reference; it counts for ten images, less each
            that has come.
        lead: By how much the first of such scores usually exceeds the second.
        false_accepts: Share of images of places never visited that may reach the threshold.
    """

    def __init__(self, start: float, lead: float, false_accepts: float) -> None:
        self._start, self._lead = start, lead
        self._share = false_accepts
        self._foreign: deque[float] = deque(maxlen=int(MEMORY))

    @property
    def value(self) -> float:
        """The threshold for the next image."""
        lacking = max(_STARTS - len(self._foreign), 0)
        values = [*self._foreign, *[self._start] * lacking]
        return float(np.quantile(values, 1 - self._share, method="higher"))

    def add(self, scores: NDArray[np.floating[Any]]) -> None:
        """Take in the scores (P,) of an image."""
        second = elsewhere(scores[None], np.array([scores.argmax()]))[0]
        if np.isfinite(second):
            self._foreign.append(float(second) + self._lead)


def elsewhere(
    scores: NDArray[np.floating[Any]], places: NDArray[np.int64]
) -> NDArray[np.floating[Any]]:
    """Highest scores away from a place each, of scores (n, P), (n,); -inf where all are near."""
    near = np.abs(np.arange(scores.shape[1]) - places[:, None]) <= NEAR
    found: NDArray[np.floating[Any]] = np.where(near, -np.inf, scores).max(axis=1)
    return found


def never_visited(
    probe: NDArray[np.int64], probed: Float, length: int, false_accepts: float
) -> tuple[float, float]:
    """Score that so many images of places never visited reach, told from the reference.

    What the places far from an image's own score for it, they would score if it had never been
    visited.

    Returns:
        That score, and by how much the best of such scores exceeds the best elsewhere, on average.

    Args:
        probe: Places of the reference that were shown, in order, (n,).
        probed: Scores of all places for them, (n, P).
        length: Images of a sequence.
        false_accepts: Share of the images.
    """
    # Sequences don't go on from one stretch of the reference to the next.
    stretches = np.split(np.arange(len(probe)), np.flatnonzero(np.diff(probe) != 1) + 1)
    whole = [stretch[min(length, len(stretch)) - 1 :] for stretch in stretches]
    matched = np.concatenate(
        [
            sequence(probed[stretch], length)[-len(kept) :]
            for stretch, kept in zip(stretches, whole, strict=True)
        ]
    )
    shown = probe[np.concatenate(whole)]
    matched[np.abs(np.arange(probed.shape[1]) - shown[:, None]) <= NEAR] = -np.inf
    foreign = matched.max(axis=1)
    second = elsewhere(matched, matched.argmax(axis=1))
    both = np.isfinite(second)
    lead = float(np.mean(foreign[both] - second[both])) if both.any() else 0.0
    foreign = foreign[np.isfinite(foreign)]
    if not foreign.size:  # fewer places than lie near one another
        return float("-inf"), lead
    return visited_threshold(foreign, np.zeros(len(foreign), bool), false_accepts), lead


def visited_threshold(
    scores: Array, visited: NDArray[np.bool_], false_accepts: float = 0.05
) -> float:
    """The lowest score to accept at which few places never visited are taken for known ones.

    Args:
        scores: Of each calibration query's best match, (queries,).
        visited: Whether the reference has the query's place, (queries,).
        false_accepts: Largest share of the queries of places never visited that may be accepted, on
            these queries; what it is on others, ``accept_rates`` tells.

    Returns:
        One of the scores, or, if none is high enough, the next number above them all.

    Raises:
        ConfigurationError: The shapes differ, a score is NaN, no query is of a place never visited,
            or the share is none.
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
    """Refuse scores that are not one number for each query, with a ConfigurationError."""
    if scores.ndim != 1 or scores.shape != visited.shape:
        raise ConfigurationError(
            f"expected a score and whether it was visited for each query; "
            f"got {scores.shape} and {visited.shape}"
        )
    if np.isnan(scores).any():
        raise ConfigurationError("scores hold NaN: give numbers")
