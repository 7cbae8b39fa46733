# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The fast mode: an ensemble's expected response to an image, without time and spikes."""

from __future__ import annotations

import numpy as np

from neuro_control.places.control.ensemble import Ensemble
from neuro_control.places.control.online_statistics import OnlineStatistics, starting_statistics
from neuro_control.places.control.types import Array32


class TemplateScorer:
    """Scores places by templates: the mean weights of the neurons that vote for a place.

    There is one template for each place and network. Its response is the drive Σ w that an image's
    levels bring to it. Homeostasis begins with the same mean and spread for all places: those that
    places have for the reference's own images say little about images in another light.

    Args:
        ensemble: The trained ensemble.
        votes: Votes of its neurons, (E, most, neurons), as ``Ensemble.votes`` gives them.
        homeostatic: Whether a response is measured against the mean and spread of the responses to
            the images so far.

    Attributes:
        probe: Places of the reference for whose images ``probed`` gives scores, (P,).
        synaptic_operations: Always 0: this mode has no spikes.
        spikes: Always 0.
    """

    synaptic_operations = 0
    spikes = 0

    def __init__(self, ensemble: Ensemble, votes: Array32, homeostatic: bool) -> None:
        expert = ensemble.settings.expert
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
        levels = ensemble.preprocessing.traverse_levels(ensemble.reference)
        self._drive = np.stack([levels @ template for template in self._templates])
        # The drive that a place's own image brings is no sample of what other images bring.
        others = self._drive.copy()
        if count > 1:
            others[:, self.probe, self.probe] = np.nan
        self._mean = np.nanmean(others, axis=1)
        spread = np.nanstd(others, axis=1)
        self._spread = np.where(spread > 0, spread, np.float32(1))
        self.reset()

    def reset(self) -> None:
        """Forget the images so far."""
        self._statistics = [starting_statistics(each) for each in self._drive]

    @property
    def statistics(self) -> list[OnlineStatistics]:
        """What homeostasis has estimated, for each network."""
        return self._statistics

    def scores(self, levels: Array32) -> Array32:
        """Scores of all places (n, P) for the levels (n, inputs) of images in this order."""
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

    def probed(self) -> Array32:
        """Scores of all places for the reference's own images, (P, P)."""
        if not self._homeostatic:
            found: Array32 = self._drive.mean(axis=0)
            return found
        standing = (self._drive - self._mean[:, None]) / self._spread[:, None]
        together: Array32 = standing.mean(axis=0)
        return together
