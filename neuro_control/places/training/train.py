# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Training of ensembles, expert by expert; it can be resumed, to the same ensemble.

Source: Hussaini, Milford and Fischer (arXiv 2209.08723), section III.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control import weights as weight_files
from neuro_control.errors import ConfigurationError
from neuro_control.places.control.ensemble import Ensemble
from neuro_control.places.control.ensemble_settings import EnsembleSettings
from neuro_control.places.control.place_cells import learn_at_one_sight
from neuro_control.places.control.preprocessing import Preprocessing
from neuro_control.places.control.recogniser import Recogniser
from neuro_control.places.control.recogniser_settings import RecogniserSettings
from neuro_control.places.control.spiking_scorer import DEFAULT_MARGIN
from neuro_control.places.control.stdp.batch_simulator import make_present
from neuro_control.places.control.stdp.encoding import encode
from neuro_control.places.control.suppression import unit
from neuro_control.places.control.types import HZ_PER_LEVEL, Array32, Arrays, Indices
from neuro_control.places.training.dataset import Traverse, pair
from neuro_control.places.training.resume import EXPERT, expert_file, fingerprint, resumed
from neuro_control.places.training.train_expert import train_expert

# Number of the reference's images that are presented to the trained ensemble, and of images in each
# stretch of the route.
_PROBES = 200
_STRETCH = 20
# Number of differences between traverses that are kept, about.
_COMPARED = 300


def train(
    traverses: Sequence[Traverse],
    settings: EnsembleSettings,
    executor: Executor,
    progress: Path | None = None,
    known: Ensemble | None = None,
    advance: Callable[[int, int], None] = lambda _done, _experts: None,
) -> Ensemble:
    """Train an ensemble for the places of a reference.

    Args:
        traverses: Traverses of the reference, of small images (side, side); the first one names the
            places.
        settings: Settings of the ensemble.
        executor: Executor that trains the experts.
        progress: Folder for experts that are done: a training that was interrupted is resumed from
            it.
        known: Ensemble to which the places are added; its experts stay as they are.
        advance: Called with the number of experts that are done and the number of all experts.

    Raises:
        ConfigurationError: The traverses are not of the same places, or places are known already.
    """
    began = time.perf_counter()
    names, images = _aligned(traverses)
    first = 0
    if known is None:
        preprocessing = settings.preprocessing_for(images)
    else:
        preprocessing, first = known.preprocessing, len(known.names)
        _check_added(names, traverses[0], known)
    levels = np.stack([preprocessing.traverse_levels(each) for each in images])
    divided = settings.divided(first, len(names))
    done = resumed(progress, fingerprint(levels, settings, first), len(divided))
    advance(len(done), len(divided))
    futures = {
        executor.submit(
            _learn,
            *(settings, levels[:, places - first]),
            [settings.seed, network, int(places.min()), first],
        ): index
        for index, (network, places) in enumerate(divided)
        if index not in done
    }
    try:
        for future in as_completed(futures):
            index = futures[future]
            done[index] = future.result()
            if progress is not None:
                weight_files.write(expert_file(progress, index), EXPERT, done[index], {})
            advance(len(done), len(divided))
    except BaseException:
        for future in futures:
            future.cancel()
        raise
    ensemble = _gathered(
        settings,
        names,
        traverses[0],
        images[0],
        preprocessing,
        divided,
        [done[i] for i in range(len(divided))],
    )
    ensemble = _probed(ensemble if known is None else _joined(known, ensemble))
    wall = time.perf_counter() - began
    if known is None:
        differences = _differences(levels)
    else:
        wall += known.train_wall_s
        differences = known.differences
    return dataclasses.replace(ensemble, train_wall_s=wall, differences=differences)


def _learn(settings: EnsembleSettings, levels: Array32, seed: Sequence[int]) -> Arrays:
    """An expert for places whose levels (traverses, places, inputs) are given."""
    if settings.learning == "one-shot":
        return learn_at_one_sight(levels, settings.neurons, seed)
    return train_expert(levels, settings.expert, settings.epochs, seed)


def _differences(levels: Array32) -> NDArray[np.float16] | None:
    """Differences between traverses at some places, (n, inputs); None for one traverse.

    Args:
        levels: (traverses, places, inputs).
    """
    if len(levels) == 1:
        return None
    every = max(levels.shape[1] * (len(levels) - 1) // _COMPARED, 1)
    found = [(unit(other) - unit(levels[0]))[::every] for other in levels[1:]]
    return np.concatenate(found).astype(np.float16)


def _aligned(traverses: Sequence[Traverse]) -> tuple[tuple[str, ...], list[NDArray[np.uint8]]]:
    """Names of the places, and each traverse's images of them, in the order of the first."""
    reference = traverses[0]
    found = [np.stack(reference.images)]
    for other in traverses[1:]:
        order = pair(other, reference)
        if (order < 0).any():
            lacking = reference.names[int((order < 0).argmax())]
            raise ConfigurationError(f"{other.source} has no usable image of {lacking}")
        found.append(np.stack(other.images)[order])
    return reference.names, found


def _check_added(names: Sequence[str], added: Traverse, known: Ensemble) -> None:
    twice = sorted(set(names) & set(known.names))
    if twice:
        raise ConfigurationError(
            f"the ensemble knows {twice[0]} already, as {len(twice)} of the {len(names)} places of "
            f"{added.source}: give new places only"
        )
    if (added.poses is None) != (known.poses is None):
        raise ConfigurationError(
            f"{added.source} and the ensemble must both have poses, or neither"
        )
    if added.poses is not None and added.frame_id != known.frame_id:
        raise ConfigurationError(
            f"poses of {added.source} are in '{added.frame_id}', the ensemble's in "
            f"'{known.frame_id}': bring both into one frame"
        )


def _gathered(
    settings: EnsembleSettings,
    names: tuple[str, ...],
    reference: Traverse,
    images: NDArray[np.uint8],
    preprocessing: Preprocessing,
    divided: Sequence[tuple[int, Indices]],
    trained: Sequence[Arrays],
) -> Ensemble:
    most = max(len(places) for _, places in divided)
    places = np.full((len(divided), most), -1, np.int64)
    responses = np.zeros((len(divided), most, settings.neurons), np.uint16)
    for index, (_, own) in enumerate(divided):
        places[index, : len(own)] = own
        responses[index, : len(own)] = trained[index]["responses"]
    return Ensemble(
        settings=settings,
        names=names,
        reference=images,
        poses=reference.poses,
        frame_id=reference.frame_id,
        preprocessing=preprocessing,
        networks=np.array([network for network, _ in divided]),
        places=places,
        weights=np.stack([each["weights"] for each in trained]),
        thresholds=np.stack([each["thresholds"] for each in trained]),
        responses=responses,
        probe=np.zeros(0, np.int64),
        probed=np.zeros((0, len(names)), np.float16),
        activity=np.zeros((len(divided), settings.neurons), np.float32),
        train_s=float(sum(each["seconds"][0] for each in trained)),
    )


def _joined(known: Ensemble, added: Ensemble) -> Ensemble:
    """An ensemble of all experts; the added places are numbered after the known ones."""
    most = max(known.places.shape[1], added.places.shape[1])

    def widened(array: NDArray[Any], fill: int) -> NDArray[Any]:
        lacking = [(0, 0)] * array.ndim
        lacking[1] = (0, most - array.shape[1])
        return np.pad(array, lacking, constant_values=fill)

    both = (known, added)
    return dataclasses.replace(
        known,
        names=known.names + added.names,
        reference=np.concatenate([each.reference for each in both]),
        poses=None if known.poses is None else np.concatenate([each.poses for each in both]),
        networks=np.concatenate([each.networks for each in both]),
        places=np.concatenate([widened(each.places, -1) for each in both]),
        weights=np.concatenate([each.weights for each in both]),
        thresholds=np.concatenate([each.thresholds for each in both]),
        responses=np.concatenate([widened(each.responses, 0) for each in both]),
        activity=np.concatenate([each.activity for each in both]),
        probe=np.zeros(0, np.int64),
        probed=np.zeros((0, len(known.names) + len(added.names)), np.float16),
        train_s=known.train_s + added.train_s,
    )


def _probed(ensemble: Ensemble) -> Ensemble:
    """The ensemble, with its responses to images of the reference itself."""
    if ensemble.settings.learning == "one-shot":
        return _active(ensemble)
    count = len(ensemble.names)
    stretches = max(min(_PROBES, count) // _STRETCH, 1)
    starts = np.linspace(0, max(count - _STRETCH, 0), stretches).astype(int)
    probe = np.unique((starts[:, None] + np.arange(min(_STRETCH, count))).ravel())
    expert = ensemble.settings.expert
    weights = ensemble.weights.astype(np.float32)
    present = make_present(weights, expert, ensemble.settings.seed)
    levels = ensemble.preprocessing.traverse_levels(ensemble.reference)[probe]
    fired = np.zeros_like(ensemble.activity)
    for index, row in enumerate(levels):
        rng = np.random.default_rng([ensemble.settings.seed, index])
        counts, _ = present(
            encode(row * np.float32(HZ_PER_LEVEL), expert, rng), ensemble.thresholds
        )
        fired += counts > 0
    recogniser = Recogniser(ensemble, RecogniserSettings(mode="spiking"))
    return dataclasses.replace(
        ensemble,
        probe=probe,
        probed=recogniser.scores_of(levels).astype(np.float16),
        activity=fired / np.float32(len(probe)),
    )


def _active(ensemble: Ensemble) -> Ensemble:
    """An ensemble of place cells, with the share of the reference for which each would fire."""
    levels = unit(ensemble.preprocessing.traverse_levels(ensemble.reference))
    drive = np.stack([levels @ weights.astype(np.float32) for weights in ensemble.weights], axis=1)
    fired = drive > drive.mean() + np.float32(DEFAULT_MARGIN) * drive.std()
    count = len(ensemble.names)
    return dataclasses.replace(
        ensemble,
        # Scores of the reference follow from the weights: none are kept.
        probe=np.zeros(1, np.int64),
        probed=np.zeros((1, count), np.float16),
        activity=fired.mean(axis=0, dtype=np.float32),
    )
