# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A training's folder, and trainings side by side.

A run owns a folder: ``checkpoint.safetensors`` (all it takes to resume), ``curve.csv`` (costs on
held-out flights over steps) and ``network.safetensors`` (the best network so far on those flights).
Runs go in stretches from one point of the curve to the next; a stretch is a task that takes arrays
and gives arrays, so that it can be done anywhere, and files are written here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from pathlib import Path
from typing import Any, Generic, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.genome import Genome, save_network
from neuro_control.blimp.training.judging import TEST, Arrays, flights, judge
from neuro_control.blimp.training.settings import TrainingSettings
from neuro_control.files import write_csv
from neuro_control.learning.checkpoints import Checkpoint

Show = Callable[[int], None]

_KIND = "a training of the blimp"
_COLUMNS = ("step", "cost", "mae", "rho", "cost_of_current")

Kind = TypeVar("Kind", bound=TrainingSettings)
# One stretch: arrays of the next checkpoint, from those of the last (none at the start).
Advance = Callable[[Kind, Mapping[str, NDArray[Any]]], Arrays]


class TrainingRun(Generic[Kind]):
    """One run in its folder.

    Args:
        folder: Folder of this run alone.
        training: What it is.

    Raises:
        ConfigurationError: The folder holds another run, or a damaged one.
    """

    def __init__(self, folder: Path, training: Kind) -> None:
        self.folder, self.training = folder, training
        self._checkpoint = Checkpoint(folder, _KIND, self._identity())
        self.arrays = self._checkpoint.read()

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
        """Write the result of a stretch; the checkpoint, from which all follows, first."""
        self.arrays = arrays
        self._checkpoint.write(arrays)
        rows = ([int(step), *(f"{v:.6g}" for v in values)] for step, *values in arrays["curve"])
        write_csv(self.folder / "curve.csv", _COLUMNS, rows)
        self._write(self.facts())

    def facts(self) -> dict[str, Any]:
        """What is known of the best network so far, as its file holds it."""
        curve = self.arrays["curve"]
        step, costs, error, rho = curve[int(np.argmin(curve[:, 1])), :4].tolist()
        return {
            "training": self._identity(),
            "step": int(step),
            "validation": {"cost": costs, "mae": error, "rho": rho},
        }

    def conclude(self) -> dict[str, Any]:
        """Judge the best network on flights that nothing was chosen by, and write the result.

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
    show: Show = lambda _: None,
    threads: int | None = None,
) -> list[dict[str, Any]]:
    """Train from the last checkpoints on, all runs side by side.

    Args:
        runs: Runs in folders of their own.
        advance: Does a stretch of a run.
        executor: Where stretches are done; ``learning.executors.workers`` makes one.
        show: Called with the steps done by all runs together.
        threads: Threads of a stretch; as many as there are cores by default.

    Returns:
        The facts of the best network of each run.
    """
    pending: dict[Future[Arrays], TrainingRun[Kind]] = {}

    def resume(run: TrainingRun[Kind]) -> None:
        if not run.finished:
            task = executor.submit(_stretch, advance, run.training, run.arrays, threads)
            pending[task] = run

    for run in runs:
        resume(run)
    show(sum(run.done for run in runs))
    while pending:
        done, _ = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            run = pending.pop(future)
            run.take(future.result())
            resume(run)
        show(sum(run.done for run in runs))
    return [run.conclude() for run in runs]
