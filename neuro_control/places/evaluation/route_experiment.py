# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the experiments about places share: traverses, trained ensembles, rows of results."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil

import numpy as np
from numpy.typing import NDArray

from neuro_control.cli.evaluation import interval
from neuro_control.cli.experiments import Row, Setting
from neuro_control.cli.progress import progress
from neuro_control.places.control.ensemble import Ensemble
from neuro_control.places.control.ensemble_settings import EnsembleSettings
from neuro_control.places.control.recogniser import Recogniser
from neuro_control.places.control.sequences import match_sequence
from neuro_control.places.control.types import Similarity
from neuro_control.places.evaluation.metrics import Truth, right_at_once
from neuro_control.places.evaluation.scoring import measure, metrics_of
from neuro_control.places.training.dataset import Traverse
from neuro_control.places.training.train import train

# Number of images in a row that are matched together.
SEQUENCE = 10


@dataclasses.dataclass(frozen=True)
class RouteExperiment(Setting):
    """Traverses of a route, and what is trained on them; models are kept in the output folder.

    Attributes:
        reference: Traverse on which ensembles are trained, of small images.
        query: Traverse that is recognised, of the same places in the same order.
    """

    reference: Traverse
    query: Traverse

    def of(self, first: int, count: int) -> RouteExperiment:
        """The same for ``count`` places of the route from ``first`` on."""
        reference, query = (
            each.part(first, first + count) for each in (self.reference, self.query)
        )
        return dataclasses.replace(self, reference=reference, query=query)

    @property
    def shown(self) -> NDArray[np.uint8]:
        """Images of the query traverse, (n, side, side)."""
        return np.stack(self.query.images)

    @property
    def truth(self) -> Truth:
        """Place of each query."""
        return np.arange(len(self.query))

    def ensemble(self, settings: EnsembleSettings) -> Ensemble:
        """An ensemble trained on the reference; one that was trained before is read."""
        images = np.stack(self.reference.images)
        text = json.dumps(dataclasses.asdict(settings)).encode() + images.tobytes()
        path = self.out / "models" / f"{hashlib.sha256(text).hexdigest()[:16]}.safetensors"
        if path.exists():
            return Ensemble.read(path)
        done_experts = path.with_suffix(".progress")
        with progress(f"training {len(self.reference)} places", unit="experts") as show:
            found = train([self.reference], settings, self.executor, done_experts, None, show)
        found.write(path)
        shutil.rmtree(done_experts)
        return found


def measured(route: RouteExperiment, recogniser: Recogniser) -> tuple[Row, Similarity]:
    """Metrics and cost of a recogniser on the query traverse, and its similarities."""
    similarity, found = measure(recogniser, route.shown, route.truth)
    in_sequence = metrics_of(match_sequence(similarity, SEQUENCE, "trajectory"), route.truth)
    kept = {name: found[name] for name in ("r1", "r5", "r25", "auc", "recall_at_full_precision")}
    return {
        "r1": kept.pop("r1"),
        **r1_interval(similarity, route.truth),
        **kept,
        "r1_sequence": in_sequence.recall[1],
        "queries_per_s": found["queries_per_s"],
        "spikes_per_query": found["spikes_per_query"],
        "synops_per_query": found["synops_per_query"],
    }, similarity


def baseline(route: RouteExperiment, similarity: Similarity, rate: float) -> Row:
    """Metrics of a baseline's similarities; it recognises ``rate`` queries a second."""
    found = metrics_of(similarity, route.truth)
    in_sequence = metrics_of(match_sequence(similarity, SEQUENCE, "trajectory"), route.truth)
    return {
        "r1": found.recall[1],
        **r1_interval(similarity, route.truth),
        "r5": found.recall[5],
        "r25": found.recall[25],
        "auc": found.auc,
        "recall_at_full_precision": found.full_precision,
        "r1_sequence": in_sequence.recall[1],
        "queries_per_s": rate,
        "spikes_per_query": 0.0,
        "synops_per_query": 0.0,
    }


def r1_interval(similarity: Similarity, truth: Truth) -> Row:
    """The 95 % bootstrap interval of R@1 over queries."""
    low, high = interval(right_at_once(similarity, truth), np.random.default_rng(0))
    return {"r1_low": low, "r1_high": high}
