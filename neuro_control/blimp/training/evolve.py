# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Evolution of the blimp's spiking networks, resumable to the same networks.

Source: Burgers, Stroobants and de Croon (arXiv 2309.12937), section III.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.antisymmetric import respond
from neuro_control.blimp.training.command import options, run_command
from neuro_control.blimp.training.dataset import cost
from neuro_control.blimp.training.judging import TRAINING, Arrays, flights, validated
from neuro_control.blimp.training.settings import TrainingSettings
from neuro_control.errors import ConfigurationError
from neuro_control.learning.evolution import CovarianceSearch

# Standard deviation of the first generation, as a part of each coordinate's range.
_SPREAD = 0.1


@dataclass(frozen=True)
class Evolution(TrainingSettings):
    """What is evolved and how; its steps are generations.

    Attributes:
        population: Number of individuals of a generation.

    Raises:
        ConfigurationError: A value is out of range.
    """

    steps: int = 50_000
    validate_every: int = 500
    population: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.population < 4:
            raise ConfigurationError(f"a population is at least 4, not {self.population}")


def search_of(evolution: Evolution) -> CovarianceSearch:
    """The search at its start: a mean that is uniform within the bounds, and a tenth about it."""
    rng = np.random.default_rng([evolution.seed, 1])
    return CovarianceSearch(
        evolution.design.draw(rng, 1)[0],
        population=evolution.population,
        spread=_SPREAD,
        seed=evolution.seed,
        bounds=evolution.design.bounds,
        separable=True,
    )


def advance(evolution: Evolution, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """One stretch of a run: to the next point of the curve, or to the end.

    Args:
        evolution: What is evolved and how.
        arrays: Arrays of the last checkpoint; none of a run that is yet to begin.

    Returns:
        Arrays of the next checkpoint.
    """
    structure = evolution.design.structure
    training = flights(evolution, TRAINING)
    search = search_of(evolution)
    if arrays:
        search.restore(arrays)
    end = evolution.end(search.generation)
    while search.generation < end:
        # Which flight follows from the generation alone: there is no state to keep.
        rng = np.random.default_rng([evolution.seed, search.generation, 2])
        flight = int(rng.integers(len(training.errors)))
        population = search.ask()
        outputs = respond(structure, population, training.errors[flight])
        search.tell(-cost(outputs, training.targets[flight]))
    candidates = np.concatenate([search.mean[None], population])
    return {**validated(evolution, end, candidates, arrays), **search.state()}


@click.command("evolve")
@click.option(
    "--generations",
    type=click.IntRange(min=1),
    default=50_000,
    show_default=True,
    help="Number of generations of a run.",
)
@click.option(
    "--population",
    type=click.IntRange(min=4),
    default=50,
    show_default=True,
    help="Number of individuals of a generation.",
)
@click.option(
    "--validate-every",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    help="Generations between points of the curve, and checkpoints.",
)
@options
def command(
    generations: int,
    population: int,
    validate_every: int,
    term: str,
    kind: str,
    seed: int,
    derivative_time: float,
    **common: Any,
) -> None:
    """Evolve a spiking network; the same command resumes it where it was interrupted."""
    evolution = Evolution(
        term, kind, seed, generations, validate_every, derivative_time, population
    )
    run_command(evolution, advance, "generations", **common)
