# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Online learning: what a recogniser learns from the images that it has recognised, and no others.

Its own answers teach it. Which place an image shows is believed once images so far, together, leave
hardly another: then the image and the reference's are of one place, and by what they differ is the
work of season, light and camera. Alignment and suppression learn from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.places.control.alignment import GazeAlignment
from neuro_control.places.control.ensemble import Ensemble
from neuro_control.places.control.preprocessing import contrast
from neuro_control.places.control.suppression import ChangeSuppression
from neuro_control.places.control.trajectories import PlaceBelief
from neuro_control.places.control.types import Array32, Similarity

# Probability from which on the place of an image is believed.
_BELIEVED = 0.9
# Learning takes effect after so many images each time, counted from the start.
_TOGETHER = 8
# Number of images of which the believed places are listed.
_LISTED = 100_000


class OnlineLearning:
    """Learns from recognised images and prepares the next ones.

    Args:
        ensemble: The trained ensemble.
        alignment: Whether displacements of the camera are learnt and corrected.
        suppression: Number of inhibitory neurons, each of which suppresses a direction in which
            images change; 0 for none.
        direction: In which order the camera passes the places, as for ``TrajectoryMatcher``.

    Attributes:
        believed: Place of each image since the last reset, -1 where it is in doubt; of the last
            100,000 at least.
    """

    def __init__(
        self, ensemble: Ensemble, alignment: bool, suppression: int, direction: str
    ) -> None:
        self._surround = ensemble.settings.surround
        self._expected = ensemble.preprocessing.traverse_levels(ensemble.reference)
        self._side = ensemble.reference.shape[1]
        self._contrast = self._contrasts(ensemble.reference)
        norm = float(np.linalg.norm(self._expected, axis=1).mean())
        self._suppression = ChangeSuppression(
            self._expected.shape[1], suppression, norm, ensemble.differences
        )
        self._alignment = GazeAlignment() if alignment else None
        self._belief = PlaceBelief(direction)
        self.reset()

    def reset(self) -> None:
        """Forget the images so far."""
        self._suppression.reset()
        if self._alignment is not None:
            self._alignment.reset()
        self._belief.reset()
        self._waiting: list[tuple[int, NDArray[np.uint8], Array32]] = []
        self._seen = 0
        self.believed: list[int] = []

    @property
    def due(self) -> int:
        """Number of images after which learning takes effect next, 1 or more."""
        return _TOGETHER - self._seen % _TOGETHER

    def align(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Images (n, side, side) as they would be without the displacement of the camera."""
        if self._alignment is None or not self._alignment.displacement.any():
            return images
        return np.rint(self._alignment.align(images)).astype(np.uint8)

    def filter(self, levels: Array32) -> Array32:
        """What is left of levels (n, inputs) for the experts."""
        return self._suppression.filter(levels)

    def learn(self, images: NDArray[np.uint8], levels: Array32, scores: Similarity) -> None:
        """Learn from images, ``due`` of them at most.

        Args:
            images: Aligned images, (n, side, side).
            levels: Their levels before suppression, (n, inputs).
            scores: Their scores, (n, places).
        """
        for image, row, found in zip(images, levels, scores, strict=True):
            belief = self._belief.step(found)
            place = int(belief.argmax())
            doubtful = belief[place] < _BELIEVED
            self.believed.append(-1 if doubtful else place)
            if len(self.believed) > 2 * _LISTED:  # a robot may be out for days
                del self.believed[:-_LISTED]
            if not doubtful:
                self._waiting.append((place, image, row))
        self._seen += len(images)
        if self._seen % _TOGETHER == 0 and self._waiting:
            places = np.array([place for place, _, _ in self._waiting])
            seen = np.stack([image for _, image, _ in self._waiting])
            self._suppression.learn(
                np.stack([row for _, _, row in self._waiting]), self._expected[places]
            )
            if self._alignment is not None:
                self._alignment.learn(self._contrasts(seen), self._contrast[places])
            self._waiting = []

    def _contrasts(self, images: NDArray[np.uint8]) -> Array32:
        return contrast(images, self._surround).reshape(-1, self._side, self._side)

    def state(self) -> dict[str, NDArray[Any]]:
        """What was learnt, as arrays."""
        found = self._suppression.state()
        return found | (self._alignment.state() if self._alignment is not None else {})

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what ``state`` gave."""
        self._suppression.restore(state)
        if self._alignment is not None and "displacement" in state:
            self._alignment.restore(state)
