"""Where was this image taken: a trained ensemble at work, one image after another.

Two modes give scores for the places. *spiking* shows an image to all experts as the paper does.
*fast* leaves out time and chance: the neurons that vote for a place are, taken together, one
template, and its response is the drive that the image's levels bring to it.

Regularisation is what keeps neurons, or templates, that respond to everything from winning
everywhere. *silence* is the paper's: neurons that fire for too many of the reference's images have
no vote. *homeostasis* is graded and goes on at work: each neuron knows the mean and the spread of
the drive it has met, first from the reference, then from all images so far, and its threshold
follows, such that only what stands out makes it fire; a template's response is measured against
them. Only the past counts.

Source: Hussaini, Milford and Fischer (arXiv 2209.08723); the homeostasis is ours.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.batch_simulator import CORES, shower
from neuro_control.places.control.ensemble import ASSIGNMENTS, Ensemble
from neuro_control.places.control.expert import EXCITATORY, encode
from neuro_control.places.control.images import HZ_PER_LEVEL, featureless, grey, shrink
from neuro_control.places.control.online_statistics import (
    RunningStatistics,
    RunningThreshold,
    never_visited,
)
from neuro_control.places.control.sequences import RunningSequence

Array = NDArray[np.float64]
Float = NDArray[np.float32]

MODES = ("fast", "spiking")
REGULARISATIONS = ("homeostasis", "silence", "none")

# Spreads above the mean for which the ensemble keeps what it made of the reference.
_MARGIN = 2.0
# Images of the reference that tell a neuron what drive to expect.
_SAMPLE = 256


class Answer(NamedTuple):
    """What one image says.

    Attributes:
        place: The best place.
        score: Of it; larger is surer.
        best: The best places, best first, (K,).
        scores: Their scores, (K,).
        visited: Whether the score is high enough for a place that was visited.
    """

    place: int
    score: float
    best: NDArray[np.int64]
    scores: Array
    visited: bool


class Recogniser:
    """A trained ensemble at work.

    Args:
        path: File that training wrote, or the ensemble itself.
        mode: fast or spiking.
        regularisation: homeostasis, silence or none.
        assignment: standard or weighted.
        sequence: Images in a row that are matched together.
        best: Places K of an answer.
        seed: Of the spikes of inputs, in the spiking mode.
        threshold: Score below which an answer is of a place never visited; by default it follows
            what comes (``RunningThreshold``), beginning with that which ``false_accepts`` of the
            reference's images reach on places that are not theirs.
        false_accepts: See ``threshold``.
        silence_from: Share of the reference's images for which a neuron fires that has no vote.
        margin: Spreads above its mean from which on a drive makes a neuron fire.
        device: Where the spiking mode runs: compiled on all cores, or as torch names its devices.

    Raises:
        ConfigurationError: The file can't be read, or an argument is none of those there are.
    """

    def __init__(
        self,
        path: Path | Ensemble,
        *,
        mode: str = "fast",
        regularisation: str = "homeostasis",
        assignment: str = "standard",
        sequence: int = 1,
        best: int = 5,
        seed: int = 0,
        threshold: float | None = None,
        false_accepts: float = 0.05,
        silence_from: float = 0.1,
        margin: float = _MARGIN,
        device: str = CORES,
    ) -> None:
        for name, word, words in (
            ("mode", mode, MODES),
            ("regularisation", regularisation, REGULARISATIONS),
            ("assignment", assignment, ASSIGNMENTS),
        ):
            if word not in words:
                raise ConfigurationError(f"{name} is one of {', '.join(words)}, not '{word}'")
        if best < 1:
            raise ConfigurationError(f"an answer has 1 place or more, not {best}")
        if not 0.0 <= false_accepts <= 1.0:
            raise ConfigurationError(f"false_accepts is a share, 0 to 1, not {false_accepts:g}")
        self.ensemble = path if isinstance(path, Ensemble) else Ensemble.read(path)
        # What it is adapted to is this recogniser's own affair.
        self._eye = copy.copy(self.ensemble.eye)
        self._best = min(best, len(self.ensemble.names))
        self._length = sequence
        self._sequence = RunningSequence(sequence)
        silenced = self.ensemble.activity >= silence_from if regularisation == "silence" else None
        votes = self.ensemble.votes(assignment, silenced)
        homeostatic = regularisation == "homeostasis"
        self._scorer: _Templates | _Spikes
        if mode == "fast":
            self._scorer = _Templates(self.ensemble, votes, homeostatic)
        else:
            weighted = assignment == "weighted"
            chosen = margin if homeostatic else None
            self._scorer = _Spikes(self.ensemble, votes, weighted, chosen, seed, device)
        self._threshold = threshold
        self._false_accepts = false_accepts
        # Told when it is asked for: an ensemble in training has nothing to tell it from.
        self._first: tuple[float, float] | None = None
        self._running: RunningThreshold | None = None
        self.reset()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the places."""
        return self.ensemble.names

    @property
    def poses(self) -> Array | None:
        """Of the places, [x y z qx qy qz qw], (P, 7), if known."""
        return self.ensemble.poses

    @property
    def frame(self) -> str:
        """What the poses are relative to."""
        return self.ensemble.frame_id

    @property
    def threshold(self) -> float:
        """Score below which the next answer is of a place never visited."""
        if self._threshold is not None:
            return self._threshold
        if self._running is None:
            self._running = self._at_first()
        return self._running.value

    def thresholds(self, scores: NDArray[np.floating[Any]]) -> Array:
        """What ``threshold`` would have been for each of so many scores, (n, P) to (n,)."""
        if self._threshold is not None:
            return np.full(len(scores), self._threshold)
        running = self._at_first()
        found = np.empty(len(scores))
        for index, row in enumerate(scores):
            found[index] = running.value
            running.add(row)
        return found

    @property
    def synaptic_operations(self) -> int:
        """Conductances that spikes have changed since the last reset."""
        return self._scorer.synaptic_operations

    @property
    def spikes(self) -> int:
        """Spikes of excitatory neurons since the last reset."""
        return self._scorer.spikes

    def reset(self) -> None:
        """Forget the images so far."""
        self._eye.reset()
        self._scorer.reset()
        self._sequence = RunningSequence(self._length)
        self._running = None

    def _at_first(self) -> RunningThreshold:
        """The threshold before the first image."""
        if self._first is None:
            self._first = never_visited(
                *(self._scorer.probe, self._scorer.probed()),
                *(self._length, self._false_accepts),
            )
        return RunningThreshold(*self._first, self._false_accepts)

    def scores(self, images: NDArray[np.uint8]) -> Float:
        """Scores (n, P) of small images (n, side, side) that come in this order, each by itself."""
        return self.scores_of(self._eye.see(images))

    def scores_of(self, levels: Float) -> Float:
        """As ``scores``, of what the eye made of them, (n, inputs)."""
        return self._scorer.scores(levels)

    def step(self, image: NDArray[np.uint8]) -> Answer:
        """What the next image, (H, W) or (H, W, 3), says.

        Raises:
            ConfigurationError: It is no image, or of one colour: no place can be told from it.
        """
        whole = grey(image)
        if featureless(whole):
            raise ConfigurationError("the image is of one colour and shows no place")
        side = self.ensemble.reference.shape[1]
        scores = self._sequence.step(self.scores(shrink(whole, side)[None])[0])
        best = np.argsort(-scores, kind="stable")[: self._best]
        score = float(scores[best[0]])
        visited = score >= self.threshold
        if self._running is not None:
            self._running.add(scores)
        return Answer(int(best[0]), score, best, scores[best], visited)


class _Templates:
    """The fast mode: a template a place and network."""

    synaptic_operations = 0
    spikes = 0

    def __init__(self, ensemble: Ensemble, votes: Float, homeostatic: bool) -> None:
        expert = ensemble.design.expert
        count, networks = len(ensemble.names), int(ensemble.networks.max()) + 1
        self._templates = np.zeros((networks, expert.inputs, count), np.float32)
        for network, places, weights, vote in zip(
            ensemble.networks, ensemble.places, ensemble.weights, votes, strict=True
        ):
            there = places >= 0
            made = weights.astype(np.float32) @ vote[there].T
            total = vote[there].sum(axis=1)
            self._templates[network][:, places[there]] = made / np.where(total > 0, total, 1)
        self._homeostatic = homeostatic
        self.probe = np.arange(count)
        levels = ensemble.eye.see_traverse(ensemble.reference)
        self._drive = np.stack([levels @ template for template in self._templates])
        # What a place's own image brings is no sample of what others bring.
        others = self._drive.copy()
        if count > 1:
            others[:, self.probe, self.probe] = np.nan
        self._mean = np.nanmean(others, axis=1)
        spread = np.nanstd(others, axis=1)
        self._spread = np.where(spread > 0, spread, np.float32(1))
        self.reset()

    def reset(self) -> None:
        self._statistics = [
            RunningStatistics(mean, spread)
            for mean, spread in zip(self._mean, self._spread, strict=True)
        ]

    def scores(self, levels: Float) -> Float:
        found = np.zeros((len(levels), self._templates.shape[2]), np.float32)
        for template, statistics in zip(self._templates, self._statistics, strict=True):
            drive = levels @ template
            for row, total in zip(drive, found, strict=True):
                if self._homeostatic:
                    total += (row - statistics.mean) / statistics.spread
                    statistics.add(row)
                else:
                    total += row
        return found / np.float32(len(self._templates))

    def probed(self) -> Float:
        if not self._homeostatic:
            found: Float = self._drive.mean(axis=0)
            return found
        standing = (self._drive - self._mean[:, None]) / self._spread[:, None]
        together: Float = standing.mean(axis=0)
        return together


class _Spikes:
    """The spiking mode."""

    def __init__(
        self,
        ensemble: Ensemble,
        votes: Float,
        weighted: bool,
        margin: float | None,
        seed: int,
        device: str,
    ) -> None:
        self._expert = ensemble.design.expert
        self._ensemble = ensemble
        self._weights = ensemble.weights.astype(np.float32)
        self._votes = votes
        self._margin = margin
        self._seed = seed
        self._show = shower(self._weights, self._expert, ensemble.design.seed, device)
        self.probe = ensemble.probe
        self._usual = margin == _MARGIN and not weighted
        # Of weighted assignment: a place whose neurons are silent scores less.
        self._trained = np.where(votes > 0, ensemble.responses, 0) if weighted else None
        if margin is not None:
            every = max(len(ensemble.reference) // _SAMPLE, 1)
            levels = ensemble.eye.see_traverse(ensemble.reference)[::every]
            rates = levels * np.float32(HZ_PER_LEVEL * self._expert.presentation)
            drive = np.stack([rates @ weights for weights in self._weights], axis=1)
            # What a neuron's own place brings is no sample of what others bring.
            best = ensemble.responses.argmax(axis=1)
            own = np.take_along_axis(ensemble.places, best, axis=1)
            if len(ensemble.names) > 1:
                drive[every * np.arange(len(drive))[:, None, None] == own] = np.nan
            self._mean, self._spread = np.nanmean(drive, axis=0), np.nanstd(drive, axis=0)
        self.reset()

    def reset(self) -> None:
        self._shown = 0
        self.synaptic_operations = 0
        self.spikes = 0
        if self._margin is not None:
            self._statistics = RunningStatistics(self._mean, self._spread)

    def scores(self, levels: Float) -> Float:
        return np.stack([self._score(row) for row in levels])

    def _score(self, levels: Float) -> Float:
        rng = np.random.default_rng([self._seed, self._shown])
        self._shown += 1
        spikes = encode(levels * np.float32(HZ_PER_LEVEL), self._expert, rng)
        counts, drive = self._show(spikes, self._thresholds())
        if self._margin is not None:
            self._statistics.add(drive)
        self.spikes += int(counts.sum())
        self.synaptic_operations += len(spikes.inputs) * counts.size
        self.synaptic_operations += int(counts.sum()) * (counts.shape[1] + 1)
        return self.voted(counts)

    def _thresholds(self) -> Float:
        if self._margin is None:
            return self._ensemble.thresholds
        # The voltage to which a drive of so many spreads above the mean would pull.
        wanted = self._statistics.mean + np.float32(self._margin) * self._statistics.spread
        per_second = self._expert.conductance / self._expert.presentation
        conductance = wanted * np.float32(per_second * self._expert.excitation)
        voltage = np.float32(EXCITATORY.rest) / (1 + conductance)
        return voltage - np.float32(self._expert.threshold)

    def voted(self, counts: NDArray[np.int32]) -> Float:
        """Scores of all places from the spikes (E, neurons)."""
        fired = counts.astype(np.float32)
        found = np.zeros(len(self._ensemble.names), np.float32)
        votes = np.matmul(self._votes, fired[:, :, None])[:, :, 0]
        if self._trained is not None:
            heard = np.matmul(self._trained, (fired > 0)[:, :, None].astype(np.float32))[:, :, 0]
            votes *= heard / np.maximum(self._trained.sum(axis=2), 1)
        there = self._ensemble.places >= 0
        np.add.at(found, self._ensemble.places[there], votes[there])
        return found / np.float32(self._ensemble.networks.max() + 1)

    def probed(self) -> Float:
        if self._usual:
            return self._ensemble.probed.astype(np.float32)
        levels = self._ensemble.eye.see_traverse(self._ensemble.reference)[self.probe]
        unused = copy.copy(self)
        unused.reset()
        return unused.scores(levels)
