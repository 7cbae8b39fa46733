# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How good networks are: their cost on flights, and the curve of a training."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.antisymmetric import AntisymmetricStructure, respond
from neuro_control.blimp.training.dataset import DataSet, correlation, cost, recordings
from neuro_control.blimp.training.settings import TrainingSettings

Array = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]

# Seed and number of the flights that are learned from, that the best network is chosen by, and that
# results are reported on.
TRAINING, VALIDATION, TEST = (0, 100), (1, 20), (2, 100)


def flights(training: TrainingSettings, which: tuple[int, int]) -> DataSet:
    """Flights that ``training`` learns from, or is judged by; simulated once a process."""
    return data_set(training.term, *which, training.derivative_time)


data_set = lru_cache(maxsize=8)(recordings)


def judge(
    structure: AntisymmetricStructure, vectors: Array, judged: DataSet
) -> tuple[Array, Array, Array]:
    """Mean cost, mean absolute error and mean ρ, each (P,), of networks (P, size) on flights."""
    found = np.zeros((3, len(vectors)))
    for errors, targets in zip(*judged, strict=True):
        outputs = respond(structure, vectors, errors)
        error = np.abs(outputs - targets).mean(axis=-1)
        found += cost(outputs, targets), error, correlation(outputs, targets)
    costs, error, rho = found / len(judged.errors)
    return costs, error, rho


def validated(
    training: TrainingSettings, step: int, candidates: Array, arrays: Mapping[str, NDArray[Any]]
) -> Arrays:
    """Curve and best network with a point for this step.

    Args:
        training: What is trained.
        step: Steps done.
        candidates: Networks to choose from, (P, size), the current one first.
        arrays: Arrays of the last checkpoint.
    """
    costs, error, rho = judge(training.design.structure, candidates, flights(training, VALIDATION))
    k = int(np.argmin(costs))
    curve = np.array([*arrays.get("curve", []), [step, costs[k], error[k], rho[k], costs[0]]])
    best = candidates[k]
    if arrays and arrays["curve"][:, 1].min() <= costs[k]:
        best = arrays["best"]
    return {"curve": curve, "best": best}
