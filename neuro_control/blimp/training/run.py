"""What a training of the blimp's spiking networks is, and what its folder holds.

A run owns a folder: ``checkpoint.safetensors`` (all it takes to go on), ``curve.csv`` (costs on
held-out flights over steps) and ``network.safetensors`` (the best network so far on those flights).
Runs go in stretches from one point of the curve to the next; a stretch is a task that takes arrays
and gives arrays, so that it can be done anywhere, and files are written here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import click
import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.antisymmetric import KINDS, AntisymmetricStructure, respond
from neuro_control.blimp.control.genome import (
    TERMS,
    Genome,
    NetworkDesign,
    load_network,
    save_network,
)
from neuro_control.blimp.control.pid import PIDSettings
from neuro_control.blimp.control.spiking_controller import SpikingController
from neuro_control.blimp.training.dataset import DataSet, correlation, cost, recordings
from neuro_control.cli.options import executor_options, json_option, out_option, seed_option
from neuro_control.cli.output import show_result
from neuro_control.cli.progress import progress
from neuro_control.errors import ConfigurationError
from neuro_control.files import write_csv
from neuro_control.learning.checkpoints import Checkpoint
from neuro_control.learning.executors import workers

Array = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]
Tell = Callable[[int], None]

_KIND = "a training of the blimp"

# Seeds of the flights that are learned from, that the best network is chosen by, and that results
# are told of; and how many there are.
TRAINING, VALIDATION, TEST = (0, 100), (1, 20), (2, 100)

_COLUMNS = ("step", "cost", "mae", "rho", "cost_of_current")


@dataclass(frozen=True)
class TrainingSettings:
    """What is trained and how.

    Attributes:
        term: Of the PID, that the network stands for: one of ``network.TERMS``.
        kind: Of its hidden layer: one of ``pairs.KINDS``.
        seed: Seed of everything random but the flights, which are the same for all.
        steps: Steps to train for.
        validate_every: Steps from one point of the curve, and checkpoint, to the next.
        derivative_time: Time constant of the low pass in the PD that is learned from, s. Without,
            as in the paper, a centimetre of noise changes its command by 1.4, which drowns what the
            blimp's motion does.

    Raises:
        ConfigurationError: It can't be.
    """

    term: str
    kind: str
    seed: int = 0
    steps: int = 1
    validate_every: int = 1
    derivative_time: float = 0.3

    def __post_init__(self) -> None:
        NetworkDesign(self.term, self.kind)
        PIDSettings(derivative_time=self.derivative_time)
        if min(self.steps, self.validate_every) < 1:
            raise ConfigurationError(
                "a training has at least one step, and at least one from a point of its curve to "
                f"the next, not {self.steps} and {self.validate_every}"
            )

    @property
    def design(self) -> NetworkDesign:
        """What each network is."""
        return NetworkDesign(self.term, self.kind)

    def end(self, done: int) -> int:
        """Steps at the next point of the curve, or at the end, from ``done`` on."""
        every = self.validate_every
        return min((done // every + 1) * every, self.steps)


Kind = TypeVar("Kind", bound=TrainingSettings)
# One stretch: arrays of the next checkpoint, from those of the last (none at the start).
Advance = Callable[[Kind, Mapping[str, NDArray[Any]]], Arrays]


def flights(training: TrainingSettings, which: tuple[int, int]) -> DataSet:
    """Flights that ``training`` learns from, or is judged by."""
    return _flown(training.term, *which, training.derivative_time)


# Flown once a process.
_flown = lru_cache(maxsize=8)(recordings)


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
        arrays: Of the last checkpoint.
    """
    costs, error, rho = judge(training.design.structure, candidates, flights(training, VALIDATION))
    k = int(np.argmin(costs))
    curve = np.array([*arrays.get("curve", []), [step, costs[k], error[k], rho[k], costs[0]]])
    best = candidates[k]
    if arrays and arrays["curve"][:, 1].min() <= costs[k]:
        best = arrays["best"]
    return {"curve": curve, "best": best}


class TrainingRun(Generic[Kind]):
    """One run in its folder.

    Args:
        folder: The run's own.
        training: What it is.

    Raises:
        ConfigurationError: The folder holds another run, or a damaged one.
    """

    def __init__(self, folder: Path, training: Kind) -> None:
        self.folder, self.training = folder, training
        # A run may be made longer: its steps are no part of what it is.
        self._checkpoint = Checkpoint(folder, _KIND, self._identity())
        self.arrays: Arrays = self._checkpoint.read()

    def _identity(self) -> dict[str, Any]:
        return {"method": type(self.training).__name__, **dataclasses.asdict(self.training)}

    @property
    def done(self) -> int:
        """Steps up to the last checkpoint."""
        return int(self.arrays["curve"][-1, 0]) if self.arrays else 0

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        return self.done >= self.training.steps

    @property
    def network(self) -> Path:
        """File of the best network so far."""
        return self.folder / "network.safetensors"

    def take(self, arrays: Arrays) -> None:
        """Write what a stretch came to; the checkpoint, from which all follows, first."""
        self.arrays = arrays
        self._checkpoint.write(arrays)
        rows = ([int(step), *(f"{v:.6g}" for v in values)] for step, *values in arrays["curve"])
        write_csv(self.folder / "curve.csv", _COLUMNS, rows)
        self._write(self.facts())

    def facts(self) -> dict[str, Any]:
        """What is told of the best network so far."""
        curve = self.arrays["curve"]
        step, costs, error, rho = curve[int(np.argmin(curve[:, 1])), :4].tolist()
        return {
            "training": self._identity(),
            "step": int(step),
            "validation": {"cost": costs, "mae": error, "rho": rho},
        }

    def conclude(self) -> dict[str, Any]:
        """Judge the best network on flights that nothing was chosen by, and write what came of it.

        Returns:
            Facts with cost, mean absolute error and ρ under "test".
        """
        structure = self.training.design.structure
        found = judge(structure, self.arrays["best"][None], flights(self.training, TEST))
        costs, error, rho = (float(each[0]) for each in found)
        facts = {**self.facts(), "test": {"cost": costs, "mae": error, "rho": rho}}
        self._write(facts)
        return facts

    def _write(self, facts: dict[str, Any]) -> None:
        save_network(self.network, Genome(self.training.design, self.arrays["best"]), facts)


def _stretch(advance: Advance[Kind], training: Kind, arrays: Arrays, threads: int | None) -> Arrays:
    """One stretch of a run, for an executor."""
    if threads is not None:
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    return advance(training, arrays)


def train(
    runs: Sequence[TrainingRun[Kind]],
    advance: Advance[Kind],
    executor: Executor,
    tell: Tell = lambda _: None,
    threads: int | None = None,
) -> list[dict[str, Any]]:
    """Train from the last checkpoints on, all runs side by side.

    Args:
        runs: Runs in folders of their own.
        advance: Does a stretch of one.
        executor: Where stretches are done; ``learning.executors.workers`` makes one.
        tell: Is told the steps done by all runs together.
        threads: Threads of a stretch; as many as there are cores by default.

    Returns:
        Of each run, the facts of its best network.
    """
    pending: dict[Future[Arrays], TrainingRun[Kind]] = {}

    def go_on(run: TrainingRun[Kind]) -> None:
        if not run.finished:
            task = executor.submit(_stretch, advance, run.training, run.arrays, threads)
            pending[task] = run

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


def options(function: Callable[..., None]) -> Callable[..., None]:
    """The options that all commands that train have in common."""
    for option in reversed(
        [
            click.option(
                "--controller",
                "term",
                type=click.Choice(list(TERMS)),
                required=True,
                help="Part of the PID that the network learns.",
            ),
            click.option(
                "--structure",
                "kind",
                type=click.Choice(list(KINDS)),
                default="iwta",
                show_default=True,
                help="Hidden layer.",
            ),
            seed_option,
            click.option(
                "--runs",
                "count",
                type=click.IntRange(1, 1000),
                default=1,
                show_default=True,
                help="Runs, with seeds from --seed on.",
            ),
            click.option(
                "--derivative-time",
                type=click.FloatRange(0, 10),
                default=0.3,
                show_default=True,
                help="Low pass of the PD that is learned from, s.",
            ),
            click.option(
                "--partner",
                type=click.Path(path_type=Path, dir_okay=False),
                help="Network of the other part; both make OUT/controller.safetensors.",
            ),
            executor_options,
            out_option("Folder for one folder per run; runs that were interrupted go on."),
            json_option,
        ]
    ):
        function = option(function)
    return function


def command_of(
    training: Kind,
    advance: Advance[Kind],
    unit: str,
    *,
    count: int,
    partner: Path | None,
    jobs: int,
    cluster: str | None,
    out: Path,
    json: str | None,
) -> None:
    """What all commands that train do, with the options they have in common.

    Args:
        training: Of the first run; those after it have the seeds after it.
        advance: Does a stretch of one.
        unit: What its steps are called.
        count: Runs.
        partner: File of the network of the other term.
        jobs: Processes.
        cluster: Address of a cluster in their place.
        out: Folder of the runs' folders.
        json: File for the result.
    """
    if partner is not None and load_network(partner)[0].design.term == training.term:
        raise ConfigurationError(f"{partner} is for '{training.term}' too: give the other part")
    runs = [
        TrainingRun(out / f"seed_{seed}", dataclasses.replace(training, seed=seed))
        for seed in range(training.seed, training.seed + count)
    ]
    with (
        workers(min(jobs, count), cluster) as executor,
        progress(f"{training.term} {training.kind}", count * training.steps, unit) as show,
    ):
        # A run that has this machine for itself takes all of its cores.
        alone = min(jobs, count) == 1 and cluster is None
        results = train(runs, advance, executor, show, threads=None if alone else 1)
    best = int(np.argmin([result["validation"]["cost"] for result in results]))
    found: dict[str, Any] = {
        "network": str(runs[best].network),
        "parameters": training.design.structure.size,
        "runs": results,
    }
    if partner is not None:
        join(runs[best].network, partner, out / "controller.safetensors")
        found["controller"] = str(out / "controller.safetensors")
    test = results[best]["test"]
    remark = (
        f"on flights it has never seen: mean absolute error {test['mae']:.3f}, correlation "
        f"{test['rho']:.3f}: {found.get('controller', found['network'])}"
    )
    show_result(found, json, remark)
