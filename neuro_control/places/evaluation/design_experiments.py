# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Experiments about an ensemble's design: its size, its parts, and one network instead of many."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from neuro_control.cli.experiments import Row
from neuro_control.cli.output import remarks
from neuro_control.errors import ConfigurationError
from neuro_control.places.control.ensemble_settings import NEURONS, EnsembleSettings
from neuro_control.places.control.preprocessing import PATCH
from neuro_control.places.control.recogniser import Recogniser
from neuro_control.places.control.recogniser_settings import MODES, RecogniserSettings
from neuro_control.places.evaluation.baselines import baselines_of
from neuro_control.places.evaluation.route_experiment import (
    RouteExperiment,
    baseline,
    measured,
)
from neuro_control.places.evaluation.scoring import peak_memory
from neuro_control.places.evaluation.vprtempo import originals, vprtempo

# Numbers of places in the table of results; the whole route comes last.
_SIZES = (100, 500, 1000)


def sizes(route: RouteExperiment) -> list[Row]:
    """Measure recall, speed and memory for more and more places, also of SAD and VPRTempo."""
    rows: list[Row] = []
    total = len(route.reference)
    for count in (*(size for size in _SIZES if size < total), total):
        part = route.of(0, count)
        ensemble = part.ensemble(EnsembleSettings())
        reference = np.stack(part.reference.images)
        trained = {"train_s": ensemble.train_s, "train_wall_s": ensemble.train_wall_s}
        for mode in MODES:
            found, _ = measured(part, Recogniser(ensemble, RecogniserSettings(mode=mode)))
            own = {**found, **trained, "memory_mb": peak_memory()}
            rows.append({"places": count, "method": mode, **own})
        for name, similarity in baselines_of(ensemble, part.shown).items():
            found = baseline(part, similarity, float("nan"))
            untrained = {"train_s": 0.0, "train_wall_s": 0.0, "memory_mb": 0.0}
            rows.append({"places": count, "method": name, **found, **untrained})
        try:
            compared = vprtempo(
                [originals(part.reference)],
                originals(part.query),
                seed=0,
                size=reference.shape[1:],
                patch=PATCH,
            )
        except ConfigurationError as error:
            remarks.print(f"without VPRTempo: {error}", markup=False)
            continue
        found = baseline(part, compared.similarity, compared.forward_per_s)
        rows.append(
            {
                "places": count,
                "method": "VPRTempo",
                **found,
                "train_s": float("nan"),
                "train_wall_s": compared.train_s,
                "memory_mb": peak_memory(),
            }
        )
    return rows


def ablation(route: RouteExperiment) -> list[Row]:
    """Measure recall with each part of the method changed, such as preprocessing or assignment."""
    sight = EnsembleSettings()
    paper = dataclasses.replace(sight, learning="stdp", neurons=NEURONS["stdp"])
    designs = {
        "one sight": sight,
        "one sight, a neuron a place": dataclasses.replace(sight, neurons=sight.places),
        "one sight, three networks": dataclasses.replace(sight, networks=3),
        "one sight, patch normalisation": dataclasses.replace(sight, preprocessing="patch"),
        "one sight, contrast of the whole image": dataclasses.replace(sight, surround=0.0),
        "one sight, no lateral inhibition": dataclasses.replace(sight, shrinkage=1e6),
        "one sight, no adaptation": dataclasses.replace(sight, adaptation=1e9),
        "patch normalisation (the paper's)": dataclasses.replace(paper, preprocessing="patch"),
        "retina": paper,
    }
    variants: dict[str, list[dict[str, Any]]] = {
        "one sight": [
            {},
            {"alignment": False},
            {"suppression": 0},
            {"alignment": False, "suppression": 0},
            {"regularisation": "none"},
            {"regularisation": "none", "alignment": False, "suppression": 0},
        ],
        "patch normalisation (the paper's)": [
            {"regularisation": "none"},
            {"regularisation": "silence"},
            {"regularisation": "homeostasis"},
        ],
        "retina": [
            {"regularisation": "none"},
            {"regularisation": "silence"},
            {"regularisation": "homeostasis"},
            {"regularisation": "homeostasis", "assignment": "weighted"},
            {"alignment": False, "suppression": 0},
        ],
    }
    rows: list[Row] = []
    nothing = {"regularisation": "", "assignment": "", "alignment": "", "suppression": ""}
    for name, similarity in baselines_of(route.ensemble(EnsembleSettings()), route.shown).items():
        found = baseline(route, similarity, float("nan"))
        rows.append({"design": name, **nothing, "mode": "", **found})
    for name, design in designs.items():
        ensemble = route.ensemble(design)
        for variant in variants.get(name, [{}]):
            for mode in MODES:
                settings = RecogniserSettings(mode=mode, **variant)
                found, _ = measured(route, Recogniser(ensemble, settings))
                rows.append(
                    {
                        "design": name,
                        **{name: getattr(settings, name) for name in nothing},
                        "mode": mode,
                        **found,
                    }
                )
    return rows


def single(route: RouteExperiment) -> list[Row]:
    """Compare an ensemble with a single network, of an expert's size and of the ensemble's.

    It is done for 50 and 100 places: a single network's training grows with the square of the
    places.
    """
    rows: list[Row] = []
    for count in (50, 100):
        part = route.of(0, count)
        experts = -(-count // EnsembleSettings().places)
        paper = EnsembleSettings(learning="stdp", neurons=NEURONS["stdp"])
        designs = {
            f"ensemble of {experts} x 400": paper,
            "single, 400 neurons": dataclasses.replace(paper, places=count),
            f"single, {400 * experts} neurons": dataclasses.replace(
                paper, places=count, neurons=400 * experts
            ),
        }
        for name, design in designs.items():
            ensemble = part.ensemble(design)
            for regularisation in ("none", "silence", "homeostasis"):
                for mode in MODES:
                    settings = RecogniserSettings(mode=mode, regularisation=regularisation)
                    recogniser = Recogniser(ensemble, settings)
                    found, _ = measured(part, recogniser)
                    rows.append(
                        {
                            "places": count,
                            "network": name,
                            "regularisation": regularisation,
                            "mode": mode,
                            **found,
                            "train_s": ensemble.train_s,
                        }
                    )
    return rows
