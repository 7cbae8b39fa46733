# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sequence matching at any pace: a hidden Markov model of where the camera is and how fast it goes.

The hidden state is a place, in halves, and a pace, in half places an image. From one image to the
next the camera goes on by its pace, or, if images were lost between them, by a multiple of it; a
little more or less at times; and at times its pace changes to the next one. More often it keeps one
pace and nothing is lost: such steady journeys are few, and what fits one seldom does so by chance.
Scores of an image are evidence for places: its likelihood at a place is the exponential of how far
the place's score stands out. The forward algorithm sums the probability of all trajectories that
end at a place. Displacements that odometry measured take the pace's place.

An image whose scores resemble those of the image before shows that the camera stands: it replaces
that image, so that a sequence holds as many different views as it is long.

Sources: Rabiner, A tutorial on hidden Markov models (Proceedings of the IEEE, 1989), for the
forward algorithm; Hansen and Browning, Visual place recognition using HMM sequence matching (IROS
2014), for its use here.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numba
import numpy as np

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.types import Array, Array32, Similarity

DIRECTIONS = ("forward", "reverse", "both")

# Paces, half places an image: from half the reference's to twice.
_PACES = np.array([1, 2, 3, 4])
# Probability that an image was lost, each time, and how many in a row are allowed for.
_LOST, _MOST_LOST = 0.2, 3
# Probability that the camera has gone half a place more, and as probable less.
_JITTER = 0.05
# Probability that the pace changes to either of the next paces.
_CHANGE = 0.03
# Probability that the camera is anywhere, since it was carried there.
_ANYWHERE = 1e-4
# Probability that a journey is steady: one pace, no image lost, no place more or less.
_STEADY = 0.75
# Probability that a journey becomes steady, or stops being so, from one image to the next.
_SWITCH = 0.2
# Likelihoods grow by e for each 1 / _SHARPNESS of a standard deviation that a score stands out.
_SHARPNESS = 1.2
# Correlation of two images' scores from which on the camera counts as standing.
_STANDING = 0.95
# Standard deviation of a displacement that odometry measured, half places, and its growth.
_ODOMETRY = (0.5, 0.1)


class TrajectoryMatcher:
    """Causal sequence matching at any pace, one image at a time.

    Args:
        length: Number of different views that count, this one included.
        direction: Whether the camera passes the places in their order (forward), in the opposite
            order (reverse), or in either (both).

    Raises:
        ConfigurationError: ``length`` is below 1, or ``direction`` is another word.
    """

    def __init__(self, length: int, direction: str = "forward") -> None:
        if length < 1:
            raise ConfigurationError(f"a sequence has 1 query or more, not {length}")
        if direction not in DIRECTIONS:
            raise ConfigurationError(
                f"direction is one of {', '.join(DIRECTIONS)}, not '{direction}'"
            )
        self._direction = direction
        self._views: deque[tuple[Array32, Array]] = deque(maxlen=length)

    def step(self, scores: Similarity, travelled: float | None = None) -> Array:
        """Scores (places,) of this image, matched together with those of the images before.

        Args:
            scores: Scores of the image, (places,).
            travelled: Distance from the image before, in places, if it was measured.

        Returns:
            The mean by which scores stand out along the trajectories to each place, in standard
            deviations of a score and above the median of all places, (places,).

        Raises:
            ValueError: The places are not as many as before.
        """
        if self._views.maxlen == 1:
            return scores.astype(np.float64)
        outstanding = standing_out(scores)
        moves = displacements(travelled)
        if self._views:
            last, before = self._views[-1]
            if last.shape != outstanding.shape:
                raise ValueError(f"expected {last.shape} scores, got {outstanding.shape}")
            if _alike(last, outstanding):
                self._views.pop()
                moves = before
        self._views.append((outstanding, moves))
        evidence = np.stack([each for each, _ in self._views])
        all_moves = np.stack([each for _, each in self._views])
        return matched_along(evidence, all_moves, self._direction)


def _prior() -> Array:
    """Probability of each row of ``displacements``, (2 paces,)."""
    return np.repeat([1 - _STEADY, _STEADY], len(_PACES)) / len(_PACES)


def _alike(one: Array32, other: Array32) -> bool:
    """Whether two images' scores correlate as those of one view do."""
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) > _STANDING * lengths


def standing_out(scores: Similarity) -> Array32:
    """Scores (places,), less their mean, over the root mean square of those above it.

    For scores with a normal distribution that is the standard deviation. Where most scores are
    alike, since most neurons are silent, a standard deviation would be too small.
    """
    centred = scores.astype(np.float64) - scores.mean(dtype=np.float64)
    above = centred[centred > 0]
    spread = float(np.sqrt(np.square(above).mean())) if above.size else 1.0
    found: Array32 = (centred / spread).astype(np.float32)
    return found


def displacements(travelled: float | None = None) -> Array:
    """Probability of each displacement for each pace, (2 paces, displacements), in half places.

    The first half of the rows is for journeys that are not steady, the second for those that are.

    Args:
        travelled: Displacement that was measured, in places; its sign doesn't count.
    """
    most = int(_PACES.max()) * _MOST_LOST + 2
    found = np.zeros((2 * len(_PACES), most))
    if travelled is not None:
        expected = 2 * abs(travelled)
        deviation = _ODOMETRY[0] + _ODOMETRY[1] * expected
        at = np.arange(most) - min(expected, most - 1)
        found[:] = np.exp(-0.5 * np.square(at / deviation))
    else:
        found[len(_PACES) + np.arange(len(_PACES)), _PACES] = 1
        for row, pace in zip(found, _PACES, strict=False):
            for lost in range(_MOST_LOST):
                share = (1 - _LOST) * _LOST**lost
                row[(lost + 1) * pace] += (1 - 2 * _JITTER) * share
                row[(lost + 1) * pace - 1] += _JITTER * share
                row[(lost + 1) * pace + 1] += _JITTER * share
    found /= found.sum(axis=1, keepdims=True)
    return found


def matched_along(evidence: Array32, moves: Array, direction: str) -> Array:
    """Scores (places,) of the last of n images by all trajectories that end at each place.

    Args:
        evidence: How far scores stand out, (n, places).
        moves: Displacements before each image, as ``displacements`` gives them, (n, …).
        direction: As for ``TrajectoryMatcher``.
    """
    found, prior = [], _prior()
    if direction != "reverse":
        found.append(_forward(evidence, moves, prior))
    if direction != "forward":
        found.append(_forward(np.ascontiguousarray(evidence[:, ::-1]), moves, prior)[::-1])
    both: Array = np.logaddexp.reduce(found) / (_SHARPNESS * len(evidence))
    # What all places have in common says how well the images before fitted anywhere.
    return both - np.median(both)


class PlaceBelief:
    """Probability of each place, given all images so far: the same model without an end."""

    def __init__(self, direction: str = "forward") -> None:
        self._reverse = direction == "reverse"
        self.reset()

    def reset(self) -> None:
        """Forget the images so far."""
        self._belief: Array | None = None

    def step(self, scores: Similarity) -> Array:
        """Probability of each place, (places,), after an image with these scores (places,)."""
        outstanding = standing_out(scores)
        if self._reverse:
            outstanding = np.ascontiguousarray(outstanding[::-1])
        likelihood = _halves(outstanding)
        if self._belief is None:
            self._belief = np.outer(_prior(), np.ones(len(likelihood)))
        self._belief, _ = _advance(self._belief, displacements(), likelihood)
        found: Array = _places(self._belief.sum(axis=0), outstanding)
        return found[::-1] if self._reverse else found


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _halves(outstanding: Any) -> Any:
    """Likelihood of each half place, (2 places - 1,): between two places it is their mean."""
    found = np.empty(2 * len(outstanding) - 1)
    for place in range(len(outstanding)):
        found[2 * place] = np.exp(_SHARPNESS * outstanding[place])
    for half in range(1, len(found), 2):
        found[half] = (found[half - 1] + found[half + 1]) / 2
    return found


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _places(halves: Any, outstanding: Any) -> Any:
    """Share of each place, (places,): what lies between two goes to either by its likelihood."""
    found = halves[::2].copy()
    for place in range(len(found) - 1):
        first = 1 / (1 + np.exp(_SHARPNESS * (outstanding[place + 1] - outstanding[place])))
        found[place] += first * halves[2 * place + 1]
        found[place + 1] += (1 - first) * halves[2 * place + 1]
    return found


@numba.njit(cache=True, fastmath={"contract", "reassoc"})  # type: ignore[untyped-decorator]  # numba is untyped
def _advance(belief: Any, moves: Any, likelihood: Any) -> Any:
    """The belief (paces, halves) after a displacement and an image, and the image's likelihood."""
    paces, halves = belief.shape
    found = np.full((paces, halves), _ANYWHERE / belief.size) * belief.sum()
    moved = np.empty(halves)
    free = paces // 2
    for pace in range(paces):
        moved[:] = (1 - _SWITCH) * belief[pace]
        if pace < free:
            moved -= 2 * _CHANGE * belief[pace]
            moved += _CHANGE * belief[max(pace - 1, 0)]
            moved += _CHANGE * belief[min(pace + 1, free - 1)]
        moved += _SWITCH * belief[(pace + free) % paces]
        row = found[pace]
        for distance in range(min(moves.shape[1], halves)):
            share = moves[pace, distance]
            if share > 1e-4:
                reached = row[distance:]
                for half in range(halves - distance):
                    reached[half] += share * moved[half]
        row *= likelihood
    total = found.sum()
    return found / total, total / belief.sum()


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _forward(evidence: Any, moves: Any, prior: Any) -> Any:
    """Logarithm of the likelihood of n images, for each place at the end, (places,)."""
    images = len(evidence)
    likelihood = _halves(evidence[0])
    belief = np.empty((moves.shape[1], len(likelihood)))
    for pace in range(len(belief)):
        belief[pace] = likelihood * prior[pace]
    logarithm = 0.0
    for image in range(1, images):
        belief, likely = _advance(belief, moves[image], _halves(evidence[image]))
        logarithm += np.log(likely)
        if image == 1:
            # The first image's likelihoods were not normalised.
            logarithm += np.log(likelihood.sum())
    found = _places(belief.sum(axis=0), evidence[images - 1])
    return np.log(found + 1e-300) + logarithm
