"""Evolution of the blimp's spiking networks, resumable to the same networks.

A run owns a folder: ``checkpoint.safetensors`` (all it takes to go on), ``curve.csv`` (costs on
held-out flights over generations) and ``network.safetensors`` (the best network so far on those
flights). Runs go in stretches from one point of the curve to the next; a stretch is a task that
takes arrays and gives arrays, so that it can be done anywhere, and files are written here.

Source: Burgers, Stroobants and de Croon (arXiv 2309.12937), section III.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import click
import numba
import numpy as np
from numpy.typing import NDArray
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from neuro_control import weights as files
from neuro_control.blimp.dataset import Recordings, correlation, cost, recordings
from neuro_control.blimp.network import (
    TERMS,
    Design,
    Genome,
    SpikingController,
    load_network,
    save_network,
)
from neuro_control.blimp.pairs import KINDS, Structure, respond
from neuro_control.blimp.pid import PID, Gains
from neuro_control.errors import ConfigurationError
from neuro_control.learning.evolution import CovarianceSearch
from neuro_control.learning.executors import workers
from neuro_control.output import json_option, remarks, write_json

Array = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]
Tell = Callable[[int], None]

_KIND = "an evolution of the blimp"

# Seeds of the flights that are learned from, that the best network is chosen by, and that results
# are told of.
TRAINING, VALIDATION, TEST = 0, 1, 2
_VALIDATION_COUNT = 20

# Part of each coordinate's range that the first generation's standard deviation is.
_SPREAD = 0.1

_COLUMNS = ("generation", "cost", "mae", "rho", "cost_of_mean", "spread")


@dataclass(frozen=True)
class Evolution:
    """What is evolved and how.

    Attributes:
        term: Of the PID, that the network stands for: one of ``network.TERMS``.
        kind: Of its hidden layer: one of ``pairs.KINDS``.
        seed: Seed of everything random but the flights, which are the same for all.
        generations: Generations to evolve for.
        population: Individuals of a generation.
        validate_every: Generations from one point of the curve, and checkpoint, to the next.
        derivative_time: Time constant of the low pass in the PD that is learned from, s. Without,
            as in the paper, a centimetre of noise changes its command by 1.4, which drowns what the
            blimp's motion does.

    Raises:
        ConfigurationError: It can't be.
    """

    term: str
    kind: str
    seed: int = 0
    generations: int = 50_000
    population: int = 50
    validate_every: int = 500
    derivative_time: float = 0.3

    def __post_init__(self) -> None:
        Design(self.term, self.kind)
        if min(self.generations, self.validate_every) < 1 or self.population < 4:
            raise ConfigurationError(
                "generations and validate_every are at least 1 and population at least 4, not "
                f"{self.generations}, {self.validate_every} and {self.population}"
            )
        PID(Gains(), derivative_time=self.derivative_time)

    @property
    def design(self) -> Design:
        """What each individual is."""
        return Design(self.term, self.kind)


def _flights(evolution: Evolution, seed: int, count: int) -> Recordings:
    return _flown(evolution.term, seed, count, evolution.derivative_time)


# Flown once a process.
_flown = lru_cache(maxsize=8)(recordings)


def judge(structure: Structure, vectors: Array, flights: Recordings) -> tuple[Array, Array, Array]:
    """Mean cost, mean absolute error and mean ρ, each (P,), of networks (P, size) on flights."""
    found = np.zeros((3, len(vectors)))
    for errors, targets in zip(*flights, strict=True):
        outputs = respond(structure, vectors, errors)
        error = np.abs(outputs - targets).mean(axis=-1)
        found += cost(outputs, targets), error, correlation(outputs, targets)
    costs, error, rho = found / len(flights.errors)
    return costs, error, rho


def _search(evolution: Evolution) -> CovarianceSearch:
    rng = np.random.default_rng([evolution.seed, 1])
    return CovarianceSearch(
        evolution.design.draw(rng, 1)[0],
        population=evolution.population,
        spread=_SPREAD,
        seed=evolution.seed,
        bounds=evolution.design.bounds,
        separable=True,
    )


def advance(
    evolution: Evolution, arrays: Mapping[str, NDArray[Any]], threads: int | None
) -> Arrays:
    """One stretch of a run, for an executor: to the next point of the curve, or to the end.

    Args:
        evolution: What is evolved and how.
        arrays: Of the last checkpoint; none of a run that is yet to begin.
        threads: Threads for the individuals; None takes as many as there are cores.

    Returns:
        Arrays of the next checkpoint.
    """
    if threads is not None:
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    structure = evolution.design.structure
    training = _flights(evolution, TRAINING, 100)
    search = _search(evolution)
    if arrays:
        search.restore(arrays)
    every = evolution.validate_every
    end = min((search.generation // every + 1) * every, evolution.generations)
    while search.generation < end:
        # Which flight follows from the generation alone: there is no state to keep.
        rng = np.random.default_rng([evolution.seed, search.generation, 2])
        flight = int(rng.integers(len(training.errors)))
        population = search.ask()
        outputs = respond(structure, population, training.errors[flight])
        search.tell(-cost(outputs, training.targets[flight]))
    return {**_validated(evolution, search, population, arrays), **search.state()}


def _validated(
    evolution: Evolution,
    search: CovarianceSearch,
    population: Array,
    arrays: Mapping[str, NDArray[Any]],
) -> Arrays:
    """Curve and best network with a point for the last generation and the mean it led to."""
    candidates = np.concatenate([search.mean[None], population])
    flights = _flights(evolution, VALIDATION, _VALIDATION_COUNT)
    costs, error, rho = judge(evolution.design.structure, candidates, flights)
    k = int(np.argmin(costs))
    point = [search.generation, costs[k], error[k], rho[k], costs[0], search.spread]
    curve = np.array([*arrays.get("curve", []), point])
    best = candidates[k]
    if arrays and arrays["curve"][:, 1].min() <= costs[k]:
        best = arrays["best"]
    return {"curve": curve, "best": best}


class Run:
    """One run in its folder.

    Args:
        folder: The run's own.
        evolution: What it is.

    Raises:
        ConfigurationError: The folder holds another run, or a damaged one.
    """

    def __init__(self, folder: Path, evolution: Evolution) -> None:
        self.folder, self.evolution = folder, evolution
        self.arrays: Arrays = {}
        self._file = folder / "checkpoint.safetensors"
        if not self._file.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            return
        self.arrays, facts = files.read(self._file, _KIND)
        ours = dataclasses.asdict(evolution)
        # A run may be made longer.
        other = sorted(k for k in ours if k != "generations" and facts.get(k) != ours[k])
        if other:
            raise ConfigurationError(
                f"{folder} holds another evolution ({', '.join(other)} differ): "
                "give another folder, or the same options to go on"
            )

    @property
    def done(self) -> int:
        """Generations up to the last checkpoint."""
        return int(self.arrays["curve"][-1, 0]) if self.arrays else 0

    @property
    def finished(self) -> bool:
        """Whether all generations are done."""
        return self.done >= self.evolution.generations

    def take(self, arrays: Arrays) -> None:
        """Write what a stretch came to; the checkpoint, from which all follows, first."""
        self.arrays = arrays
        files.write(self._file, _KIND, arrays, dataclasses.asdict(self.evolution))
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(_COLUMNS)
        for generation, *values in arrays["curve"]:
            writer.writerow([int(generation), *(f"{value:.6g}" for value in values)])
        part = self.folder / "curve.csv.part"
        part.write_text(text.getvalue())
        os.replace(part, self.folder / "curve.csv")
        self._write(self.facts())

    def facts(self) -> dict[str, Any]:
        """What is told of the best network so far."""
        curve = self.arrays["curve"]
        generation, costs, error, rho = curve[int(np.argmin(curve[:, 1])), :4].tolist()
        return {
            "evolution": dataclasses.asdict(self.evolution),
            "generation": int(generation),
            "validation": {"cost": costs, "mae": error, "rho": rho},
        }

    @property
    def genome(self) -> Genome:
        """The best network so far."""
        return Genome(self.evolution.design, self.arrays["best"])

    @property
    def network(self) -> Path:
        """File of the best network so far."""
        return self.folder / "network.safetensors"

    def _write(self, facts: dict[str, Any]) -> None:
        save_network(self.network, self.genome, facts)

    def conclude(self) -> dict[str, Any]:
        """Judge the best network on flights that nothing was chosen by, and write what came of it.

        Returns:
            Facts with cost, mean absolute error and ρ under "test".
        """
        flights = _flights(self.evolution, TEST, 100)
        structure = self.evolution.design.structure
        found = judge(structure, self.arrays["best"][None], flights)
        costs, error, rho = (float(each[0]) for each in found)
        facts = {**self.facts(), "test": {"cost": costs, "mae": error, "rho": rho}}
        self._write(facts)
        return facts


def evolve(
    runs: Sequence[Run], executor: Executor, tell: Tell = lambda _: None, threads: int | None = None
) -> list[dict[str, Any]]:
    """Evolve from the last checkpoints on, all runs side by side.

    Args:
        runs: Runs in folders of their own.
        executor: Does the stretches; ``learning.executors.workers`` makes one.
        tell: Is told the generations done by all runs together.
        threads: Threads of a stretch; as many as there are cores by default.

    Returns:
        Of each run, the facts of its best network.
    """
    pending: dict[Future[Arrays], Run] = {}

    def go_on(run: Run) -> None:
        if not run.finished:
            pending[executor.submit(advance, run.evolution, run.arrays, threads)] = run

    for run in runs:
        go_on(run)
    tell(sum(run.done for run in runs))
    while pending:
        done, _ = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            run = pending.pop(future)
            run.take(future.result())
            go_on(run)
        tell(sum(run.done for run in runs))
    return [run.conclude() for run in runs]


def best_of(results: Sequence[dict[str, Any]]) -> int:
    """Which result has the lowest cost on the flights that networks are chosen by."""
    return int(np.argmin([result["validation"]["cost"] for result in results]))


def join(ours: Path, partner: Path, target: Path) -> None:
    """Write the controller that two files of networks make, whichever way round they come.

    Raises:
        ConfigurationError: A file is not one of a network, or both are for the same term.
    """
    genomes, facts = {}, {}
    for path in (ours, partner):
        genome, told = load_network(path)
        genomes[genome.design.term], facts[genome.design.term] = genome, told
    if len(genomes) < len(TERMS):
        raise ConfigurationError(
            f"{ours} and {partner} are both for '{next(iter(genomes))}': give one for each of "
            f"{', '.join(TERMS)}"
        )
    SpikingController(genomes["pd"], genomes["i"]).save(target, facts)


@click.command("evolve")
@click.option(
    "--controller",
    type=click.Choice(list(TERMS)),
    required=True,
    help="Part of the PID that the network learns.",
)
@click.option(
    "--structure",
    type=click.Choice(list(KINDS)),
    default="iwta",
    show_default=True,
    help="Hidden layer.",
)
@click.option("--seed", type=click.IntRange(0, 999_999), default=0, show_default=True, help="Seed.")
@click.option(
    "--runs",
    "count",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Runs, with seeds from --seed on.",
)
@click.option(
    "--generations",
    type=click.IntRange(min=1),
    default=50_000,
    show_default=True,
    help="Generations of a run.",
)
@click.option(
    "--population",
    type=click.IntRange(min=4),
    default=50,
    show_default=True,
    help="Individuals of a generation.",
)
@click.option(
    "--validate-every",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    help="Generations between points of the curve, and checkpoints.",
)
@click.option(
    "--derivative-time",
    type=click.FloatRange(0, 10),
    default=0.3,
    show_default=True,
    help="Low pass of the PD that is learned from, s.",
)
@click.option(
    "--partner",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Network of the other part; both make OUT/controller.safetensors.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Processes that share the runs; with one, a run takes all cores.",
)
@click.option("--cluster", help="Address of a dask scheduler whose workers share them instead.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for a folder a run; runs that were interrupted go on.",
)
@json_option
def command(
    controller: str,
    structure: str,
    seed: int,
    count: int,
    generations: int,
    population: int,
    validate_every: int,
    derivative_time: float,
    partner: Path | None,
    jobs: int,
    cluster: str | None,
    out: Path,
    json: str | None,
) -> None:
    """Evolve a spiking network; the same command goes on where it was interrupted."""
    if partner is not None and load_network(partner)[0].design.term == controller:
        raise ConfigurationError(f"{partner} is for '{controller}' as well: give the other part")
    first = Evolution(
        controller, structure, seed, generations, population, validate_every, derivative_time
    )
    runs = [
        Run(out / f"seed_{number}", dataclasses.replace(first, seed=number))
        for number in range(seed, seed + count)
    ]
    alone = jobs == 1 and cluster is None
    with (
        workers(jobs, cluster) as executor,
        Progress(
            TextColumn(f"{controller} {structure}"),
            BarColumn(),
            TextColumn("{task.completed} of {task.total} generations"),
            TimeRemainingColumn(),
            console=remarks,
            transient=True,
            disable=not remarks.is_terminal,
        ) as bar,
    ):
        task = bar.add_task("", total=count * generations)
        results = evolve(
            runs,
            executor,
            lambda done: bar.update(task, completed=done),
            threads=None if alone else 1,
        )
    best = best_of(results)
    found: dict[str, Any] = {
        "network": str(runs[best].network),
        "parameters": runs[best].evolution.design.structure.size,
        "runs": results,
    }
    if partner is not None:
        join(runs[best].network, partner, out / "controller.safetensors")
        found["controller"] = str(out / "controller.safetensors")
    if json is not None:
        write_json(found, json)
    if json != "-":
        test = results[best]["test"]
        remarks.print(
            f"on flights it has never seen: mean absolute error {test['mae']:.3f}, correlation "
            f"{test['rho']:.3f}: {found.get('controller', found['network'])}"
        )
