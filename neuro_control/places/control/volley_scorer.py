# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The spiking mode of place cells: one volley of spikes for an image, and one spike for a place.

Levels of inputs become times: the higher the level, the earlier the input's only spike. A neuron is
a leaky integrator, τ dV/dt = −V + I. The current that a spike at time t brings it, its weight w,
lasts until the end of the volley, T, and has then left w (1 − e^{−(T − t) / τ}). An input of level
a fires T − t = −τ ln(1 − a (1 − e^{−T / τ})) before the end, so that this is in proportion to its
level. Thresholds are out of reach during the volley: the potentials at its end can be computed by
events, spike by spike.

Then a ramp common to all neurons lowers the thresholds, from above down to a margin over what
homeostasis holds to be usual for each neuron. Who stands out most fires first; the time of a
neuron's only spike says how far it stands out. Neurons that never reach the threshold stay silent.
Times are whole steps.

Sources: Thorpe, Delorme and Van Rullen, Spike-based strategies for rapid processing (Neural
Networks, 2001), for one spike per neuron and its time as code.
"""

from __future__ import annotations

import copy
from typing import Any

import numba
import numpy as np

from neuro_control.places.control.ensemble import Ensemble
from neuro_control.places.control.online_statistics import OnlineStatistics
from neuro_control.places.control.types import MAX_LEVEL, Array32, Indices

# Duration of the volley and of the ramp, the membrane's time constant and the step, s.
_VOLLEY, _RAMP, _MEMBRANE, _STEP = 0.1, 0.1, 0.1, 5e-4
# Spreads above a neuron's mean from which the ramp comes down.
_TOP = 10.0
# Number of images for which the start of homeostasis counts.
_PRIOR = 10.0


class VolleyScorer:
    """Scores places by when the neurons that have learnt them fire.

    Args:
        ensemble: The trained ensemble.
        votes: Votes of its neurons, (E, most, neurons), as ``Ensemble.votes`` gives them.
        margin: For homeostasis, number of spreads above its mean down to which the ramp goes;
            without homeostasis None: thresholds then are alike for all neurons and don't change.

    Attributes:
        probe: Places of the reference for whose images ``probed`` gives scores, (P,).
        synaptic_operations: Number of synapses that spikes have passed since the last reset.
        spikes: Number of spikes of the experts' neurons since the last reset.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        votes: Array32,
        margin: float | None,
    ) -> None:
        count = len(ensemble.names)
        expert, neuron = np.nonzero(votes.max(axis=1) > 0)
        chosen = votes[expert, :, neuron].argmax(axis=1)
        self._place = ensemble.places[expert, chosen]
        self._weights = np.ascontiguousarray(
            ensemble.weights[expert, :, neuron].T.astype(np.float32)
        )
        self._synapses = (self._weights > 0).sum(axis=1)
        self._neurons = np.maximum(np.bincount(self._place, minlength=count), 1)
        self._margin, self._homeostatic = margin, margin is not None
        self.probe = np.arange(count)
        self._reference = ensemble.preprocessing.traverse_levels(ensemble.reference)
        potentials = self._reference @ self._weights / MAX_LEVEL
        potentials[self._place[None, :] == self.probe[:, None]] = np.nan
        self._mean = np.full(len(expert), np.nanmean(potentials), np.float32)
        spread = np.nanstd(potentials) if count > 1 else 0.0
        self._spread = np.full(len(expert), spread if spread > 0 else 1.0, np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget the images so far."""
        self.synaptic_operations = 0
        self.spikes = 0
        self._statistics = OnlineStatistics(self._mean, self._spread, _PRIOR)

    @property
    def statistics(self) -> list[OnlineStatistics]:
        """What homeostasis has estimated, of all neurons."""
        return [self._statistics]

    def scores(self, levels: Array32) -> Array32:
        """Scores of all places (n, P) for the levels (n, inputs) of images in this order."""
        return np.stack([self._score(row) for row in levels])

    def _score(self, levels: Array32) -> Array32:
        fired, left = volley(levels / MAX_LEVEL)
        potentials = np.empty(len(self._place), np.float32)
        _integrate(self._weights, fired, left, potentials)
        self.synaptic_operations += int(self._synapses[fired].sum())
        statistics = self._statistics
        outstanding = (potentials - statistics.mean) / statistics.spread
        if self._homeostatic:
            statistics.add(potentials)
        low = np.float32(-_TOP if self._margin is None else self._margin)
        spiked = outstanding > low
        self.spikes += int(spiked.sum())
        seen = np.where(spiked, _ramped(outstanding, low), 0)
        return (np.bincount(self._place, seen, len(self._neurons)) / self._neurons).astype(
            np.float32
        )

    def probed(self) -> Array32:
        """Scores of all places for the reference's own images, (P, P)."""
        unused = copy.copy(self)
        unused.reset()
        return unused.scores(self._reference)


def volley(levels: Array32) -> tuple[Indices, Array32]:
    """The inputs that fire in a volley, and what a spike of each leaves by a weight of 1.

    Args:
        levels: Levels of the inputs, (inputs,), 0 to 1.

    Returns:
        Inputs that fire, (spikes,), and what is left at the end, (spikes,), about their levels.
    """
    whole = 1 - np.exp(-_VOLLEY / _MEMBRANE)
    before_end = -_MEMBRANE * np.log1p(-np.minimum(levels, 1) * whole)
    steps = np.rint(before_end / _STEP)
    fired = np.flatnonzero(steps > 0)
    left = (1 - np.exp(-steps[fired] * (_STEP / _MEMBRANE))) / whole
    return fired, left.astype(np.float32)


def _ramped(outstanding: Array32, low: np.float32) -> Array32:
    """How far neurons stand out above ``low``, by the step of the ramp in which they fire."""
    steps = round(_RAMP / _STEP)
    height = np.float32(_TOP) - low
    when = np.floor((np.float32(_TOP) - outstanding) / height * steps).clip(0, steps)
    found: Array32 = (steps - when) / steps * height
    return found


@numba.njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})  # type: ignore[untyped-decorator]  # numba is untyped
def _integrate(weights: Any, fired: Any, left: Any, potentials: Any) -> None:
    """Potentials (neurons,) at the end of a volley, spike by spike."""
    potentials[:] = 0
    # Four spikes at a time, so that potentials are read and written a quarter as often.
    last = len(fired) // 4 * 4
    for spike in range(0, last, 4):
        first, second = weights[fired[spike]], weights[fired[spike + 1]]
        third, fourth = weights[fired[spike + 2]], weights[fired[spike + 3]]
        a, b, c, d = left[spike], left[spike + 1], left[spike + 2], left[spike + 3]
        for j in range(len(potentials)):
            potentials[j] += a * first[j] + b * second[j] + c * third[j] + d * fourth[j]
    for spike in range(last, len(fired)):
        row, amount = weights[fired[spike]], left[spike]
        for j in range(len(potentials)):
            potentials[j] += amount * row[j]
