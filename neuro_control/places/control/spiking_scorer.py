# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The spiking mode: an ensemble's spikes during the presentation of an image."""

from __future__ import annotations

import copy

import numpy as np

from neuro_control.places.control.ensemble import Ensemble
from neuro_control.places.control.online_statistics import OnlineStatistics
from neuro_control.places.control.stdp.batch_simulator import make_present
from neuro_control.places.control.stdp.encoding import encode
from neuro_control.places.control.stdp.expert import EXCITATORY
from neuro_control.places.control.types import HZ_PER_LEVEL, Array32, Counts

# Margin with which an ensemble's scores of its own reference are computed in training.
DEFAULT_MARGIN = 2.0
# Number of the reference's images from which a neuron's usual drive is estimated.
_SAMPLE = 256


class SpikingScorer:
    """Scores places by the spikes of the neurons that vote for them.

    Args:
        ensemble: The trained ensemble.
        votes: Votes of its neurons, (E, most, neurons), as ``Ensemble.votes`` gives them.
        weighted: Whether the votes are those of weighted assignment.
        margin: For homeostasis, number of spreads above its mean from which on a drive makes a
            neuron fire; without homeostasis None.
        seed: Seed of the inputs' spikes.
        device: Where presentations are simulated, as for ``make_present``.

    Attributes:
        probe: Places of the reference for whose images ``probed`` gives scores, (probes,).
        synaptic_operations: Number of conductances that spikes have changed since the last reset.
        spikes: Number of spikes of excitatory neurons since the last reset.

    Raises:
        ConfigurationError: As ``make_present``.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        votes: Array32,
        *,
        weighted: bool,
        margin: float | None,
        seed: int,
        device: str,
    ) -> None:
        self._expert = ensemble.settings.expert
        self._ensemble = ensemble
        self._weights = ensemble.weights.astype(np.float32)
        self._votes = votes
        self._margin = margin
        self._seed = seed
        self._present = make_present(self._weights, self._expert, ensemble.settings.seed, device)
        self.probe = ensemble.probe
        self._as_trained = margin == DEFAULT_MARGIN and not weighted
        # With weighted assignment, a place whose neurons are silent scores less.
        self._trained = np.where(votes > 0, ensemble.responses, 0) if weighted else None
        if margin is not None:
            self._mean, self._spread = self._reference_drive()
        self.reset()

    def _reference_drive(self) -> tuple[Array32, Array32]:
        """Mean and spread of the drive of each neuron for the reference, (E, neurons)."""
        ensemble = self._ensemble
        every = max(len(ensemble.reference) // _SAMPLE, 1)
        levels = ensemble.preprocessing.traverse_levels(ensemble.reference)[::every]
        rates = levels * np.float32(HZ_PER_LEVEL * self._expert.presentation)
        drive = np.stack([rates @ weights for weights in self._weights], axis=1)
        # The drive of a neuron's own place is no sample of what other places bring.
        best = ensemble.responses.argmax(axis=1)
        own = np.take_along_axis(ensemble.places, best, axis=1)
        if len(ensemble.names) > 1:
            drive[every * np.arange(len(drive))[:, None, None] == own] = np.nan
        return np.nanmean(drive, axis=0), np.nanstd(drive, axis=0)

    def reset(self) -> None:
        """Forget the images so far."""
        self._presented = 0
        self.synaptic_operations = 0
        self.spikes = 0
        if self._margin is not None:
            self._statistics = OnlineStatistics(self._mean, self._spread)

    @property
    def statistics(self) -> list[OnlineStatistics]:
        """What homeostasis has estimated, of all neurons; nothing without it."""
        return [] if self._margin is None else [self._statistics]

    def scores(self, levels: Array32) -> Array32:
        """Scores of all places (n, P) for the levels (n, inputs) of images in this order."""
        return np.stack([self._score(row) for row in levels])

    def _score(self, levels: Array32) -> Array32:
        rng = np.random.default_rng([self._seed, self._presented])
        self._presented += 1
        spikes = encode(levels * np.float32(HZ_PER_LEVEL), self._expert, rng)
        counts, drive = self._present(spikes, self._thresholds())
        if self._margin is not None:
            self._statistics.add(drive)
        self.spikes += int(counts.sum())
        self.synaptic_operations += len(spikes.inputs) * counts.size
        self.synaptic_operations += int(counts.sum()) * (counts.shape[1] + 1)
        return self._voted(counts)

    def _thresholds(self) -> Array32:
        if self._margin is None:
            return self._ensemble.thresholds
        # The voltage towards which a drive of so many spreads above the mean would pull.
        wanted = self._statistics.mean + np.float32(self._margin) * self._statistics.spread
        per_second = self._expert.conductance / self._expert.presentation
        conductance = wanted * np.float32(per_second * self._expert.excitation)
        voltage = np.float32(EXCITATORY.rest) / (1 + conductance)
        return voltage - np.float32(self._expert.threshold)

    def _voted(self, counts: Counts) -> Array32:
        """Scores of all places, (P,), from the spikes (E, neurons)."""
        fired = counts.astype(np.float32)
        found = np.zeros(len(self._ensemble.names), np.float32)
        votes = np.matmul(self._votes, fired[:, :, None])[:, :, 0]
        if self._trained is not None:
            active = np.matmul(self._trained, (fired > 0)[:, :, None].astype(np.float32))[:, :, 0]
            votes *= active / np.maximum(self._trained.sum(axis=2), 1)
        there = self._ensemble.places >= 0
        np.add.at(found, self._ensemble.places[there], votes[there])
        return found / np.float32(self._ensemble.networks.max() + 1)

    def probed(self) -> Array32:
        """Scores of all places for the images of ``probe``, (probes, P)."""
        if self._as_trained:
            return self._ensemble.probed.astype(np.float32)
        preprocessing = self._ensemble.preprocessing
        levels = preprocessing.traverse_levels(self._ensemble.reference)[self.probe]
        unused = copy.copy(self)
        unused.reset()
        return unused.scores(levels)
