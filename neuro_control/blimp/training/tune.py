# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tuning of a blimp's controller in closed loop: both networks together, or a PID.

They fly the blimp, over randomised mass, thrust, drag, trim, delay, motors, draughts, noise and
lost readings (``tuning_flights``), and their cost is that of the flights. Networks and PID get the
same flights, cost and budget. The paper has no such stage.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.laws import make_law, pid_settings
from neuro_control.blimp.control.spiking_controller import SpikingController
from neuro_control.blimp.simulation.heave import simulate
from neuro_control.blimp.training.tunable import Tunable, TunableCode, TunableNetworks, TunablePID
from neuro_control.blimp.training.tuning_flights import Flights, draw_flights, flight_cost
from neuro_control.cli.options import json_option, out_option, seed_option
from neuro_control.cli.output import show_result
from neuro_control.cli.progress import progress
from neuro_control.errors import ConfigurationError
from neuro_control.files import write_csv
from neuro_control.learning.checkpoints import Checkpoint
from neuro_control.learning.evolution import CovarianceSearch

Array = NDArray[np.float64]

_KIND = "a tuning of the blimp"

# Flights that the best controller is chosen by.
_VALIDATION, _VALIDATION_COUNT = 1, 60


@dataclass(frozen=True)
class TuningSettings:
    """How a controller is tuned in closed loop.

    Attributes:
        seed: Seed of everything random but the flights that the best controller is chosen by.
        generations: Number of generations.
        population: Number of individuals of a generation.
        flights: Number of flights of each individual in a generation, the same for all.
        validate_every: Generations between two points of the curve, and checkpoints.

    Raises:
        ConfigurationError: A number is too small.
    """

    seed: int = 0
    generations: int = 400
    population: int = 24
    flights: int = 16
    validate_every: int = 10

    def __post_init__(self) -> None:
        if min(self.generations, self.flights, self.validate_every) < 1 or self.population < 4:
            raise ConfigurationError(
                "generations, flights and validate_every are at least 1 and population at least 4"
            )


class TuningRun:
    """One tuning in its folder, resumable to the same controller.

    ``checkpoint.safetensors`` holds all it takes to resume, ``curve.csv`` the cost on flights that
    are never learned from, and ``start.file`` the best controller so far on those.

    Args:
        folder: Folder of this tuning alone.
        start: What is tuned, from where on.
        tuning: How it is tuned.

    Raises:
        ConfigurationError: The folder holds another tuning, or a damaged one.
    """

    def __init__(self, folder: Path, start: Tunable, tuning: TuningSettings) -> None:
        self.folder, self.start, self.tuning = folder, start, tuning
        mean = start.mean
        self._search = CovarianceSearch(
            mean,
            population=tuning.population,
            spread=start.spread,
            seed=tuning.seed,
            bounds=start.bounds,
            separable=start.separable,
        )
        self._held_out = draw_flights(np.random.default_rng([_VALIDATION]), _VALIDATION_COUNT)
        self.best, self.curve = mean, np.array([[0.0, self._cost(mean[None], self._held_out)[0]]])
        self._checkpoint = Checkpoint(
            folder, _KIND, dataclasses.asdict(tuning), "generations", {"start": mean}
        )
        arrays = self._checkpoint.read()
        if arrays:
            self.best, self.curve = arrays["best"], arrays["curve"]
            self._search.restore(arrays)

    @property
    def done(self) -> int:
        """Generations so far."""
        return self._search.generation

    def _cost(self, vectors: Array, flights: Flights) -> Array:
        altitudes = simulate(self.start.controllers(vectors), *flights)
        return flight_cost(altitudes, flights[0])

    def resume(self, show: Callable[[int], None] = lambda _: None) -> None:
        """Tune to the end, with a checkpoint at each point of the curve."""
        tuning = self.tuning
        while self.done < tuning.generations:
            # The flights follow from the generation alone: there is no state to keep.
            rng = np.random.default_rng([tuning.seed, self.done, 3])
            flights = draw_flights(rng, tuning.flights)
            self._search.tell(-self._cost(self._search.ask(), flights))
            if self.done % tuning.validate_every == 0 or self.done == tuning.generations:
                self._write()
            show(self.done)

    def _write(self) -> None:
        mean = self._search.mean.clip(*self.start.bounds)
        cost = float(self._cost(mean[None], self._held_out)[0])
        if cost < self.curve[:, 1].min():
            self.best = mean
        self.curve = np.vstack([self.curve, [self.done, cost]])
        self._checkpoint.write({"best": self.best, "curve": self.curve, **self._search.state()})
        rows = ((int(g), f"{value:.5f}") for g, value in self.curve)
        write_csv(self.folder / "curve.csv", ("generation", "cost_m"), rows)
        self.start.save(self.file, self.best, self.facts())

    @property
    def file(self) -> Path:
        """File of the best controller so far."""
        return self.folder / self.start.file

    def facts(self) -> dict[str, Any]:
        """How the best controller was made."""
        best = int(np.argmin(self.curve[:, 1]))
        return {
            **dataclasses.asdict(self.tuning),
            "generation": int(self.curve[best, 0]),
            "cost_m": float(self.curve[best, 1]),
            "cost_before_m": float(self.curve[0, 1]),
        }


@click.command("tune")
@click.option(
    "--controller",
    type=click.Choice(["snn", "pid"]),
    default="snn",
    show_default=True,
    help="What is tuned: networks, or a PID with the same cost, flights and budget.",
)
@click.option(
    "--start",
    help="Controller to start from: a .safetensors file of networks, in config/weights or a path, "
    "all numbers of which are tuned, or a PID by its name or .yaml file. By default a population "
    "code, which is tuned as a whole, or pid-filtered.",
)
@seed_option
@click.option(
    "--generations",
    type=click.IntRange(min=1),
    default=TuningSettings.generations,
    show_default=True,
    help="Number of generations.",
)
@click.option(
    "--population",
    type=click.IntRange(min=4),
    default=TuningSettings.population,
    show_default=True,
    help="Number of individuals of a generation.",
)
@click.option(
    "--flights",
    type=click.IntRange(1, 1000),
    default=TuningSettings.flights,
    show_default=True,
    help="Number of flights of each individual in a generation.",
)
@out_option("Folder of the tuning; one that was interrupted is resumed.")
@json_option
def command(
    controller: str,
    start: str | None,
    seed: int,
    generations: int,
    population: int,
    flights: int,
    out: Path,
    json: str | None,
) -> None:
    """Tune a blimp's networks, or its PID, in closed loop, over randomised flights."""
    tuning = TuningSettings(seed, generations, population, flights)
    tunable: Tunable
    if controller == "pid":
        tunable = TunablePID(pid_settings(start or "pid-filtered"))
    elif start is None:
        tunable = TunableCode()
    else:
        law = make_law(start)
        if not isinstance(law, SpikingController):
            raise ConfigurationError(f"networks are tuned from a .safetensors file, not {start}")
        tunable = TunableNetworks(law)
    run = TuningRun(out, tunable, tuning)
    with progress("tuning", generations, "generations") as show:
        run.resume(show)
    result = run.facts()
    show_result(
        result,
        json,
        f"cost {result['cost_before_m']:.3f} m before, {result['cost_m']:.3f} m at generation "
        f"{result['generation']}: {run.file}",
    )
