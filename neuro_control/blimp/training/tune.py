"""Second stage of the blimp's evolution: both networks together, in closed loop.

The first stage makes networks that answer as a PID does to what a PID brought about (``evolve``).
Here they fly themselves, over randomised mass, thrust, drag, weight, gusts and lost readings, and
what counts is the flight. The paper has no such stage.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.genome import Genome
from neuro_control.blimp.control.spiking_controller import SpikingController
from neuro_control.blimp.control.types import CONTROL_PERIOD
from neuro_control.blimp.simulation.heave import Disturbances, plant_of, simulate
from neuro_control.blimp.simulation.world import world
from neuro_control.cli.options import json_option, out_option, seed_option
from neuro_control.cli.output import show_result
from neuro_control.cli.progress import progress
from neuro_control.errors import ConfigurationError
from neuro_control.files import write_csv
from neuro_control.learning.checkpoints import Checkpoint
from neuro_control.learning.evolution import CovarianceSearch
from neuro_control.resources import find_file

Array = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]

_KIND = "a tuning of the blimp"

# Each flight: four altitudes of 40 s.
_HOLDS, _HOLD = 4, 400
_LOW, _HIGH = 0.4, 1.9  # m
_STEPS = (0.4, 1.5)  # m
_STEADY = 100  # ticks at the end of a hold
# What varies from flight to flight.
_SPREAD = 0.3  # of mass, thrust and drag
_HEAVIEST = 0.0045  # kg
_GUST, _GUST_TIME = 0.02, 5.0  # upward wind, standard deviation in m/s; s
_NOISE = 0.005  # of the lidar, m
_LOST = 0.2
# Flights that the best controller is chosen by.
_VALIDATION, _VALIDATION_COUNT = 1, 60
# Standard deviation of the first generation, as a part of each number's range.
_FIRST_SPREAD = 0.02


@dataclass(frozen=True)
class Tuning:
    """How a controller is tuned.

    Attributes:
        seed: Of everything random but the flights that the best controller is chosen by.
        generations: Generations to evolve for.
        population: Individuals of a generation.
        flights: Flights of each individual in a generation, the same for all.
        validate_every: Generations between two points of the curve, and checkpoints.

    Raises:
        ConfigurationError: It can't be.
    """

    seed: int = 0
    generations: int = 5000
    population: int = 50
    flights: int = 4
    validate_every: int = 50

    def __post_init__(self) -> None:
        if min(self.generations, self.flights, self.validate_every) < 1 or self.population < 4:
            raise ConfigurationError(
                "generations, flights and validate_every are at least 1 and population at least 4"
            )


def draw_flights(
    rng: np.random.Generator, count: int
) -> tuple[Array, NDArray[np.void], Disturbances]:
    """Flights to be flown by all individuals: set-points (F, T), plants (F,), disturbances."""
    body = world("neutral")
    body.reset(mujoco.MjData(body.model), rng)
    plants = np.repeat(plant_of(body), count)
    mass, thrust, drag = rng.uniform(1 - _SPREAD, 1 + _SPREAD, (3, count))
    for name, factor in (("mass", mass), ("drag", drag), ("damping", drag), ("thrust", thrust)):
        plants[name] *= factor
    plants["weight"] = 9.81 * rng.uniform(0.0, _HEAVIEST, count)
    altitudes = np.array([_draw_altitudes(rng) for _ in range(count)])
    shape = (count, _HOLDS * _HOLD)
    keep = math.exp(-CONTROL_PERIOD / _GUST_TIME)
    fresh = rng.normal(0.0, math.sqrt(1 - keep**2), shape)
    wind, state = np.empty(shape), rng.normal(size=count)
    for t in range(shape[1]):
        state = keep * state + fresh[:, t]
        wind[:, t] = state
    losing = _LOST * rng.integers(0, 2, (count, 1))
    disturbances = Disturbances(
        age=rng.uniform(size=shape),
        error=rng.normal(0.0, _NOISE, shape),
        lost=(rng.uniform(size=shape) < losing).astype(np.float64),
        wind=wind * _GUST * rng.uniform(0.0, 1.0, (count, 1)),
        start=altitudes[:, 0].copy(),
    )
    return np.repeat(altitudes, _HOLD, axis=1), plants, disturbances


def _draw_altitudes(rng: np.random.Generator) -> list[float]:
    """Altitudes a step of 0.4 to 1.5 m apart: large ones are where controllers differ."""
    altitudes = [float(rng.uniform(_LOW, _HIGH))]
    while len(altitudes) < _HOLDS:
        step = rng.uniform(*_STEPS) * rng.choice([-1.0, 1.0])
        if not _LOW <= altitudes[-1] + step <= _HIGH:
            step = -step
        altitudes.append(float(np.clip(altitudes[-1] + step, _LOW, _HIGH)))
    return altitudes


def flight_cost(altitudes: Array, set_points: Array) -> Array:
    """Cost of flights (..., F, T), m, to be made small, (...).

    Mean over flights and their steps of twice the RMSE, three times the steady-state error, half
    the largest error at the end of a step and three quarters of the overshoot. The first altitude,
    during which the integral finds the trim, counts in the RMSE only.
    """
    error = altitudes - set_points
    rmse = np.sqrt((error**2).mean(axis=-1))
    held = error.reshape(*error.shape[:-1], _HOLDS, _HOLD)[..., 1:, :]
    change = np.diff(set_points[..., ::_HOLD], axis=-1)
    over = np.maximum((held * np.sign(change)[..., None]).max(axis=-1), 0.0)
    ends = held[..., -_STEADY:]
    steady = np.abs(ends.mean(axis=-1))
    largest = np.abs(ends).max(axis=-1)
    steps = (3 * steady + 0.5 * largest + 0.75 * over).mean(axis=-1)
    found: Array = (2 * rmse + steps).mean(axis=-1)
    return found


class Tune:
    """One tuning in its folder, resumable to the same controller.

    ``checkpoint.safetensors`` holds all it takes to go on, ``curve.csv`` the cost on flights that
    are never learned from, ``controller.safetensors`` the best controller so far on those.

    Args:
        folder: The tuning's own.
        start: Controller to start from.
        tuning: How.

    Raises:
        ConfigurationError: The folder holds another tuning, or a damaged one.
    """

    def __init__(self, folder: Path, start: SpikingController, tuning: Tuning) -> None:
        self.folder, self.start, self.tuning = folder, start, tuning
        self._split = len(start.pd.vector)
        mean = np.concatenate([start.pd.vector, start.integral.vector])
        bounds = [
            np.concatenate(pair)
            for pair in zip(start.pd.design.bounds, start.integral.design.bounds, strict=True)
        ]
        self._search = CovarianceSearch(
            mean,
            population=tuning.population,
            spread=_FIRST_SPREAD,
            seed=tuning.seed,
            bounds=(bounds[0], bounds[1]),
            separable=True,
        )
        self._bounds = bounds
        self._held_out = draw_flights(np.random.default_rng([_VALIDATION]), _VALIDATION_COUNT)
        self.best, self.curve = mean, np.array([[0.0, self._cost(mean[None], self._held_out)[0]]])
        # A tuning may be made longer: its generations are no part of what it is.
        self._checkpoint = Checkpoint(
            folder, _KIND, dataclasses.asdict(tuning), "generations", {"start": mean}
        )
        found = self._checkpoint.read()
        if found:
            self.best, self.curve = found["best"], found["curve"]
            self._search.restore(found)

    @property
    def done(self) -> int:
        """Generations so far."""
        return self._search.generation

    def _cost(self, vectors: Array, flights: tuple[Array, NDArray[np.void], Disturbances]) -> Array:
        set_points, plants, disturbances = flights
        altitudes = simulate(
            (self.start.pd.design, vectors[:, : self._split]),
            (self.start.integral.design, vectors[:, self._split :]),
            set_points,
            plants,
            disturbances,
        )
        return flight_cost(altitudes, set_points)

    def go_on(self, tell: Callable[[int], None] = lambda _: None) -> None:
        """Tune to the end, with a checkpoint at each point of the curve."""
        tuning = self.tuning
        while self.done < tuning.generations:
            # Which flights follows from the generation alone: there is no state to keep.
            rng = np.random.default_rng([tuning.seed, self.done, 3])
            flights = draw_flights(rng, tuning.flights)
            self._search.tell(-self._cost(self._search.ask(), flights))
            if self.done % tuning.validate_every == 0 or self.done == tuning.generations:
                self._take()
            tell(self.done)

    def _take(self) -> None:
        mean = self._search.mean.clip(*self._bounds)
        cost = float(self._cost(mean[None], self._held_out)[0])
        if cost < self.curve[:, 1].min():
            self.best = mean
        self.curve = np.vstack([self.curve, [self.done, cost]])
        found = {"best": self.best, "curve": self.curve, **self._search.state()}
        self._checkpoint.write(found)
        rows = ((int(g), f"{value:.5f}") for g, value in self.curve)
        write_csv(self.folder / "curve.csv", ("generation", "cost_m"), rows)
        self.controller().save(self.file, self.facts())

    @property
    def file(self) -> Path:
        """File of the best controller so far."""
        return self.folder / "controller.safetensors"

    def facts(self) -> dict[str, Any]:
        """How the best controller came to be."""
        best = int(np.argmin(self.curve[:, 1]))
        return {
            **self.start.facts,
            "tuning": {
                **dataclasses.asdict(self.tuning),
                "generation": int(self.curve[best, 0]),
                "cost_m": float(self.curve[best, 1]),
                "cost_before_m": float(self.curve[0, 1]),
            },
        }

    def controller(self) -> SpikingController:
        """The best controller so far."""
        return SpikingController(
            Genome(self.start.pd.design, self.best[: self._split]),
            Genome(self.start.integral.design, self.best[self._split :]),
            self.start.limit,
        )


@click.command("tune")
@click.option(
    "--start",
    required=True,
    help="Controller to start from: a .safetensors file of `evolve`, in config/weights or a path.",
)
@seed_option
@click.option(
    "--generations",
    type=click.IntRange(min=1),
    default=5000,
    show_default=True,
    help="Generations to evolve for.",
)
@click.option(
    "--population",
    type=click.IntRange(min=4),
    default=50,
    show_default=True,
    help="Individuals of a generation.",
)
@click.option(
    "--flights",
    type=click.IntRange(1, 1000),
    default=4,
    show_default=True,
    help="Flights of each individual in a generation.",
)
@out_option("Folder of this tuning; one that was interrupted goes on.")
@json_option
def command(
    start: str,
    seed: int,
    generations: int,
    population: int,
    flights: int,
    out: Path,
    json: str | None,
) -> None:
    """Tune both networks of a blimp's controller in closed loop, over randomised flights."""
    tuning = Tuning(seed, generations, population, flights)
    run = Tune(out, SpikingController.load(find_file("config/weights", start)), tuning)
    with progress("tuning", generations, "generations") as show:
        run.go_on(show)
    result = run.facts()["tuning"]
    remark = (
        f"cost {result['cost_before_m']:.3f} m before, {result['cost_m']:.3f} m at generation "
        f"{result['generation']}: {run.file}"
    )
    show_result(result, json, remark)
