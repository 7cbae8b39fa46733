# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A recogniser: a trained ensemble that recognises the place of one image after another.

Two modes give scores for the places. *spiking* presents an image to all experts, as the paper does.
*fast* leaves out time and chance: the neurons that vote for a place are, taken together, one
template, and its response is the drive that the image's levels bring to it.

Regularisation keeps neurons, or templates, that respond to everything from winning everywhere.
*silence* is the paper's: neurons that fire for too many of the reference's images have no vote.
*homeostasis* is graded and goes on after training: for each neuron, the mean and the spread of its
drive are estimated, first from the reference, then from all images so far, and its threshold
follows, such that only a drive that stands out makes it fire. In the fast mode a template's
response is measured against its mean and spread. Only past images count.

Source: Hussaini, Milford and Fischer (arXiv 2209.08723); the homeostasis is ours.
"""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.places.control import adaptation
from neuro_control.places.control.adaptation import State
from neuro_control.places.control.ensemble import Ensemble
from neuro_control.places.control.images import featureless, grey, shrink
from neuro_control.places.control.novelty import NoveltyThreshold, nearness, reference_threshold
from neuro_control.places.control.online_learning import OnlineLearning
from neuro_control.places.control.recogniser_settings import DEFAULT_MARGIN, RecogniserSettings
from neuro_control.places.control.sequences import DelayBank, SequenceMatcher, make_matcher
from neuro_control.places.control.spiking_scorer import SpikingScorer
from neuro_control.places.control.template_scorer import TemplateScorer
from neuro_control.places.control.trajectories import TrajectoryMatcher
from neuro_control.places.control.types import Array, Array32, PlaceEstimate, Similarity
from neuro_control.places.control.volley_scorer import VolleyScorer

_DEFAULT_SETTINGS = RecogniserSettings()


class Recogniser:
    """A trained ensemble that recognises places.

    Args:
        path: File that training wrote, or the ensemble itself.
        settings: How it works.

    Attributes:
        ensemble: The ensemble.
        settings: How it works.
        latest: Scores of all places for the last image, (P,); None before the first.

    Raises:
        ConfigurationError: The file can't be read, or there is no such device.
    """

    def __init__(
        self, path: Path | Ensemble, settings: RecogniserSettings = _DEFAULT_SETTINGS
    ) -> None:
        self.settings = s = settings
        self.ensemble = path if isinstance(path, Ensemble) else Ensemble.read(path)
        # A copy, since recognisers of one ensemble adapt to different images.
        self._preprocessing = copy.copy(self.ensemble.preprocessing)
        self._best = min(s.best, len(self.ensemble.names))
        self._learning = OnlineLearning(self.ensemble, s.alignment, s.suppression, s.direction)
        silencing = s.regularisation == "silence"
        silenced = self.ensemble.activity >= s.silence_from if silencing else None
        votes = self.ensemble.votes(s.assignment, silenced)
        homeostatic = s.regularisation == "homeostasis"
        one_shot = self.ensemble.settings.learning == "one-shot"
        margin = DEFAULT_MARGIN[self.ensemble.settings.learning] if s.margin is None else s.margin
        self._scorer: TemplateScorer | SpikingScorer | VolleyScorer
        if s.mode == "fast":
            self._scorer = TemplateScorer(self.ensemble, votes, homeostatic)
        elif one_shot:
            self._scorer = VolleyScorer(self.ensemble, votes, margin if homeostatic else None)
        else:
            self._scorer = SpikingScorer(
                self.ensemble,
                votes,
                weighted=s.assignment == "weighted",
                margin=margin if homeostatic else None,
                seed=s.seed,
                device=s.device,
            )
        # Computed when it is needed: an ensemble in training has nothing to compute it from.
        self.latest: Array | None = None
        self._first: tuple[float, Array] | None = None
        self._novelty: NoveltyThreshold | None = None
        self._restored: State | None = None
        self.reset()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the places."""
        return self.ensemble.names

    @property
    def poses(self) -> Array | None:
        """Poses of the places, [x y z qx qy qz qw], (P, 7), if known."""
        return self.ensemble.poses

    @property
    def frame(self) -> str:
        """Coordinate frame of the poses."""
        return self.ensemble.frame_id

    @property
    def threshold(self) -> float:
        """Score below which the place of the next image counts as never visited."""
        if self.settings.threshold is not None:
            return self.settings.threshold
        if self._novelty is None:
            self._novelty = self._at_first()
        return self._novelty.value

    def thresholds(self, scores: Similarity) -> Array:
        """Threshold (n,) for each of the last n images, from their matched scores (n, P)."""
        if self.settings.threshold is not None:
            return np.full(len(scores), self.settings.threshold)
        novelty = self._at_first()
        found = np.empty(len(scores))
        believed = self._learning.believed[-len(scores) :]
        if len(believed) < len(scores):  # scores of somebody else's
            believed = [-1] * len(scores)
        for index, (row, place) in enumerate(zip(scores, believed, strict=True)):
            found[index] = novelty.value
            novelty.add(row, place)
        return found

    @property
    def synaptic_operations(self) -> int:
        """Number of conductances that spikes have changed since the last reset."""
        return self._scorer.synaptic_operations

    @property
    def spikes(self) -> int:
        """Number of spikes of excitatory neurons since the last reset."""
        return self._scorer.spikes

    def reset(self) -> None:
        """Forget the images so far, up to the adaptation that was restored, if any."""
        self._preprocessing.reset()
        self._scorer.reset()
        self._learning.reset()
        if self._restored is not None:
            self._restore(self._restored)
        self._sequence = self._matcher()
        self._novelty = None

    @property
    def believed(self) -> list[int]:
        """Place of each image since the last reset, -1 where the images so far leave doubts."""
        return self._learning.believed

    def adaptation(self) -> State:
        """What the images so far have changed, as arrays; the order of images doesn't belong to it.

        These are the retina's expectation, homeostasis, alignment and suppression.
        """
        found = self._preprocessing.state() | self._learning.state()
        for index, statistics in enumerate(self._scorer.statistics):
            found |= {
                f"{self.settings.mode}_{name}_{index}": array
                for name, array in statistics.state().items()
            }
        return found

    def keep_adaptation(self, path: Path) -> None:
        """Write what the images so far have changed to a file, whole or not at all."""
        adaptation.write(path, self.ensemble, self.adaptation())

    def restore_adaptation(self, path: Path) -> None:
        """Start from what ``keep_adaptation`` wrote, now and after each reset.

        Raises:
            ConfigurationError: The file can't be read, or was written for another ensemble.
        """
        self._restored = adaptation.read(path, self.ensemble, self.adaptation())
        self.reset()

    def _restore(self, state: State) -> None:
        self._preprocessing.restore(state)
        self._learning.restore(state)
        for index, statistics in enumerate(self._scorer.statistics):
            names = ("mean", "variance", "count")
            statistics.restore(
                {name: state[f"{self.settings.mode}_{name}_{index}"] for name in names}
            )

    def _at_first(self) -> NoveltyThreshold:
        """The threshold before the first image."""
        if self._first is None:
            self._first = reference_threshold(
                *(self._scorer.probe, self._scorer.probed()),
                *(self.settings.sequence, self.settings.false_accepts),
                self.settings.matching,
            )
        s = self.settings
        return NoveltyThreshold(
            *self._first, s.false_accepts, nearness(s.sequence, s.matching), s.sequence
        )

    def scores(self, images: NDArray[np.uint8]) -> Array32:
        """Scores (n, P) of small images (n, side, side) in this order, before sequence matching."""
        found = []
        while len(images):
            aligned = self._learning.align(images[: self._learning.due])
            images = images[len(aligned) :]
            levels = self._preprocessing.levels(aligned)
            scores = self._scorer.scores(self._learning.filter(levels))
            self._learning.learn(aligned, levels, scores)
            found.append(scores)
        return np.concatenate(found) if found else np.zeros((0, len(self.names)), np.float32)

    def scores_of(self, levels: Array32) -> Array32:
        """Scores (n, P) of images whose preprocessed levels (n, inputs) are given."""
        return self._scorer.scores(levels)

    def _matcher(self) -> SequenceMatcher | TrajectoryMatcher | DelayBank:
        s = self.settings
        return make_matcher(s.matching, s.sequence, s.direction)

    def step(self, image: NDArray[np.uint8], travelled: float | None = None) -> PlaceEstimate:
        """Recognise the place of the next image, (H, W) or (H, W, 3).

        Args:
            image: The image.
            travelled: Distance from the image before, in places, if odometry has measured it.

        Raises:
            ConfigurationError: It is no image, or of one colour, so that it shows no place.
        """
        whole = grey(image)
        if featureless(whole):
            raise ConfigurationError("the image is of one colour and shows no place")
        side = self.ensemble.reference.shape[1]
        scores = self._sequence.step(self.scores(shrink(whole, side)[None])[0], travelled)
        self.latest = scores
        best = np.argsort(-scores, kind="stable")[: self._best]
        score = float(scores[best[0]])
        visited = score >= self.threshold
        if self._novelty is not None:
            self._novelty.add(scores, self._learning.believed[-1])
        return PlaceEstimate(int(best[0]), score, best, scores[best], visited)
