# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Experiments about deployment: other seasons, the first images, places that are added later."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from neuro_control.cli.experiments import Row
from neuro_control.places.control.ensemble_settings import EnsembleSettings
from neuro_control.places.control.novelty import nearness
from neuro_control.places.control.recogniser import Recogniser
from neuro_control.places.control.recogniser_settings import MODES, RecogniserSettings
from neuro_control.places.control.sequences import MATCHINGS, match_sequence
from neuro_control.places.control.types import Similarity
from neuro_control.places.evaluation.baselines import baselines_of, sad_of_patches
from neuro_control.places.evaluation.metrics import Truth
from neuro_control.places.evaluation.route_experiment import (
    SEQUENCE,
    RouteExperiment,
    measured,
)
from neuro_control.places.evaluation.scoring import acceptance, drawn, metrics_of
from neuro_control.places.training.train import train

# Number of images after each start, and of places from one start to the next.
_STARTED, _APART = 10, 4
# Shares of neurons that never fire, and draws of them.
_DEAD, _DAMAGES = (0.0, 0.1, 0.2, 0.5), 3


def seasons(route: RouteExperiment) -> list[Row]:
    """Train in one season, recognise in the same and in the other, both ways; compare the modes."""
    swapped = dataclasses.replace(route, reference=route.query, query=route.reference)
    rows: list[Row] = []
    for trained in (route, swapped):
        ensemble = trained.ensemble(EnsembleSettings())
        for queried in (trained, dataclasses.replace(trained, query=trained.reference)):
            reference = np.stack(queried.reference.images)
            template = baselines_of(ensemble, queried.shown)["template, adapted"]
            matrices = {"SAD": sad_of_patches(reference, queried.shown), "template": template}
            for mode in MODES:
                _, matrices[mode] = measured(
                    queried, Recogniser(ensemble, RecogniserSettings(mode=mode))
                )
            best = {name: each.argmax(axis=1) for name, each in matrices.items()}
            rows.append(
                {
                    "reference": Path(queried.reference.source).name,
                    "query": Path(queried.query.source).name,
                    **{
                        f"{name}_r1": metrics_of(each, queried.truth).recall[1]
                        for name, each in matrices.items()
                    },
                    "modes_agree": float((best["fast"] == best["spiking"]).mean()),
                }
            )
    return rows


def start(route: RouteExperiment) -> list[Row]:
    """Measure recall of the first images after a start, before adaptation to the season."""
    ensemble = route.ensemble(EnsembleSettings())
    given = np.stack(route.reference.images)
    baseline: Similarity = sad_of_patches(given, route.shown)
    recognisers = {mode: Recogniser(ensemble, RecogniserSettings(mode=mode)) for mode in MODES}
    starts = range(0, len(baseline) - _STARTED + 1, _APART)
    rows: list[Row] = []
    for method in (*MODES, "SAD"):
        right = np.zeros((2, _STARTED))
        for first in starts:
            there = slice(first, first + _STARTED)
            scores: Similarity
            if method == "SAD":
                scores = baseline[there]
            else:
                recognisers[method].reset()
                scores = recognisers[method].scores(route.shown[there])
            truth = np.arange(first, first + _STARTED)
            for row, found in zip(
                right, (scores, match_sequence(scores, SEQUENCE, "trajectory")), strict=True
            ):
                row += found.argmax(axis=1) == truth
        for image, (alone, matched) in enumerate(right.T / len(starts), start=1):
            rows.append({"method": method, "image": image, "r1": alone, "r1_sequence": matched})
    return rows


def paces(route: RouteExperiment) -> list[Row]:
    """Measure recall of sequences at other paces than the reference's, by each way to match.

    Stops, lost images and a pace that changes are drawn by a seed; queries are those of the route.
    """
    ensemble = route.ensemble(EnsembleSettings())
    rows: list[Row] = []
    for mode in MODES:
        for name, order in _journeys(len(route.query)).items():
            reverse = name.startswith("reverse")
            way = "reverse" if reverse else "forward"
            settings = RecogniserSettings(mode=mode, direction=way)
            scores = Recogniser(ensemble, settings).scores(route.shown[order])
            found: Row = {"mode": mode, "journey": name, "images": len(order)}
            found["r1"] = metrics_of(scores, order).recall[1]
            for matching in MATCHINGS:
                if matching == "pace" and reverse:
                    matched = match_sequence(scores, SEQUENCE)
                else:
                    matched = match_sequence(scores, SEQUENCE, matching, way)
                found[f"r1_{matching}"] = metrics_of(matched, order).recall[1]
            rows.append(found)
    return rows


def damage(route: RouteExperiment) -> list[Row]:
    """Measure recall with neurons that never fire, and what a place costs; beside it a template."""
    ensemble = route.ensemble(EnsembleSettings())
    template = baselines_of(ensemble, route.shown)["template, adapted"]
    count = len(ensemble.names)
    rows: list[Row] = []
    for share in _DEAD:
        for seed in range(_DAMAGES if share else 1):
            alive = np.random.default_rng(seed).random(ensemble.thresholds.shape) >= share
            responses = np.where(alive[:, None], ensemble.responses, 0).astype(np.uint16)
            left = dataclasses.replace(ensemble, responses=responses)
            for mode in MODES:
                found, _ = measured(route, Recogniser(left, RecogniserSettings(mode=mode)))
                synapses = np.count_nonzero(ensemble.weights) / count
                rows.append(
                    {
                        "dead": share,
                        "seed": seed,
                        "mode": mode,
                        "r1": found["r1"],
                        "template_adapted_r1": metrics_of(template, route.truth).recall[1],
                        "synops_per_query": found["synops_per_query"],
                        "spikes_per_query": found["spikes_per_query"],
                        "multiplications_of_template": ensemble.weights.shape[1] * count,
                        "bytes_per_place": ensemble.weights.itemsize * synapses,
                    }
                )
    return rows


def _journeys(count: int) -> dict[str, Truth]:
    """Places in the order in which they are passed, by the name of the journey."""
    rng = np.random.default_rng(0)
    pace = np.clip(1 + np.cumsum(rng.normal(0, 0.15, 2 * count)), 0.5, 2.0)
    changing = np.cumsum(pace).astype(np.int64)
    stops = np.where(rng.random(count) < 0.1, rng.integers(3, 15, count), 1)
    return {
        **{f"{each:g} times as fast": drawn(count, each) for each in (1.0, 0.5, 0.75, 1.5, 2.0)},
        "changing, 0.5 to 2": changing[changing < count],
        "stops": np.repeat(np.arange(count), stops),
        "30 % of the images lost": np.flatnonzero(rng.random(count) < 0.7),
        "reverse": drawn(count, -1.0),
        "reverse, twice as fast": drawn(count, -2.0),
    }


def growth(route: RouteExperiment) -> list[Row]:
    """Train on half of the route, then add the other half; measure how novelty is recognised.

    Before the second half is added, its queries are of places never visited. The share of them that
    is accepted should be the one for which the threshold was estimated.
    """
    half = len(route.reference) // 2
    parts = [route.of(0, half), route.of(half, half)]
    first = parts[0].ensemble(EnsembleSettings())
    grown = train([parts[1].reference], EnsembleSettings(), route.executor, None, first)
    rows: list[Row] = []
    for name, ensemble in (("first half learnt", first), ("second half added", grown)):
        for mode in MODES:
            for length in (1, SEQUENCE):
                settings = RecogniserSettings(mode=mode, sequence=length)
                recogniser = Recogniser(ensemble, settings)
                found: Row = {"state": name, "mode": mode, "sequence": length}
                for which, part in zip(("first", "second"), parts, strict=True):
                    recogniser.reset()
                    similarity = match_sequence(recogniser.scores(part.shown), length, "trajectory")
                    truth = part.truth + (0 if which == "first" else half)
                    if which == "second" and ensemble is first:
                        truth = np.full(len(truth), -1)
                    thresholds = recogniser.thresholds(similarity)
                    near = nearness(length, "trajectory")
                    never, visited = acceptance(similarity, truth, thresholds, near)
                    known = (truth >= 0).any()
                    found |= {
                        f"{which}_r1": metrics_of(similarity, truth).recall[1] if known else np.nan,
                        f"{which}_accepted": visited if known else never,
                    }
                rows.append(found)
    return rows
