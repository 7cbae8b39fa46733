"""How well a controller holds altitudes: figures of merit over seeded flights, without ROS."""

from __future__ import annotations

import dataclasses
import math
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from neuro_control.blimp.control.altitude import CONTROLLERS, Altimeter, Pilot, make_controller
from neuro_control.blimp.control.network import SpikingController
from neuro_control.blimp.evaluation.trajectory import Flight, draw
from neuro_control.blimp.simulation.env import CASES, CONTROL_PERIOD, Body, Conditions, world
from neuro_control.cli.options import json_option
from neuro_control.cli.output import print_table, write_json
from neuro_control.learning.executors import workers

Array = NDArray[np.float64]

# Altitudes one after another, each held for 70 s: up and down by 0.5, 1 and 1.5 m.
HOLD = 70.0  # s
COURSE = (0.4, 0.9, 0.4, 1.4, 0.4, 1.9, 0.4)
# The end of each hold, over which the steady state is judged, s.
_STEADY = 10.0
# Distance from the set-point within which a step has settled, m.
_SETTLED = 0.1
_PROPELLER_DISC = math.pi * 0.032**2  # m²
_AIR = 1.204  # kg/m³

_LABELS = {
    "rmse_m": ("RMSE (cm)", 100.0),
    "sse_m": ("steady-state error (cm)", 100.0),
    "sse_worst_m": ("of a flight's worst step (cm)", 100.0),
    "oscillation_m": ("largest error in the last 10 s (cm)", 100.0),
    "overshoot_up_m": ("overshoot upwards (cm)", 100.0),
    "overshoot_down_m": ("overshoot downwards (cm)", 100.0),
    "settling_s": ("settling within 10 cm (s)", 1.0),
    "energy": ("energy (J)", 1.0),
    "settled": ("flights settled within 5 cm (%)", 100.0),
    "spikes_per_s": ("spikes a second", 1.0),
    "synops_per_s": ("synaptic operations a second", 1.0),
}


def fly(
    body: Body,
    pilot: Pilot,
    seed: int,
    course: tuple[float, ...] = COURSE,
    hold: float = HOLD,
) -> Flight:
    """One flight along a course.

    Args:
        body: The blimp.
        pilot: Flies it.
        seed: Of the flight's start, noise and weather.
        course: Altitudes, m.
        hold: Time for which each is held, s.
    """
    network = pilot.controller if isinstance(pilot.controller, SpikingController) else None
    body.reset(np.random.default_rng(seed))
    pilot.reset()
    each = round(hold / CONTROL_PERIOD)
    rows, spikes = [], []
    for tick in range(each * len(course)):
        set_point, distance = course[tick // each], body.distance
        command = pilot.step(distance, set_point)
        body.step(command)
        time = (tick + 1) * CONTROL_PERIOD
        rows.append((time, set_point, body.altitude, distance, command, body.thrust))
        if network is not None:
            spikes.append(network.spikes)
    time, set_points, altitude, distances, commands, thrust = np.array(rows).T
    operations = 0 if network is None else network.synaptic_operations
    return Flight(
        time,
        set_points,
        altitude,
        distances,
        commands,
        thrust,
        np.array(spikes).reshape(len(rows), -1),
        operations,
    )


def merits(flight: Flight) -> dict[str, float]:
    """Figures of merit of a flight along a course of altitudes.

    The first altitude, during which the integral finds the trim, counts in ``rmse_m``,
    ``energy`` and spikes only.

    Returns:
        ``rmse_m`` of the whole flight; ``sse_m``, the mean over the steps of the size of the mean
        error in the last 10 s, and ``sse_worst_m``, the largest; ``oscillation_m``, the mean over
        the steps of the largest error in those 10 s; ``overshoot_up_m`` and ``overshoot_down_m``,
        the means over the steps that way; ``settling_s``, the mean time after which the error stays
        within 10 cm (the whole hold if it never does); ``energy``, the ideal induced power's, J;
        ``spikes_per_s`` and ``synops_per_s``. NaN where no step was flown.
    """
    error = flight.altitude - flight.set_point
    steady = round(_STEADY / CONTROL_PERIOD)
    starts = np.flatnonzero(np.diff(flight.set_point)) + 1
    steps: dict[str, list[float]] = {"sse": [], "oscillation": [], "settling": []}
    overshoots: dict[bool, list[float]] = {True: [], False: []}
    for start, end in zip(starts, [*starts, len(error)][1:], strict=True):
        upwards = bool(flight.set_point[start] > flight.set_point[start - 1])
        held = error[start:end]
        last = held[-steady:]
        overshoots[upwards].append(max(float((held if upwards else -held).max()), 0.0))
        steps["sse"].append(abs(float(last.mean())))
        steps["oscillation"].append(float(np.abs(last).max()))
        outside = np.flatnonzero(np.abs(held) > _SETTLED)
        settled = outside[-1] + 1 if len(outside) else 0
        steps["settling"].append(float(settled) * CONTROL_PERIOD)
    power = 2 * (np.abs(flight.thrust) / 2) ** 1.5 / math.sqrt(2 * _AIR * _PROPELLER_DISC)
    seconds = len(error) * CONTROL_PERIOD
    return {
        "rmse_m": float(np.sqrt(np.mean(error**2))),
        "sse_m": _mean(steps["sse"]),
        "sse_worst_m": max(steps["sse"], default=math.nan),
        "oscillation_m": _mean(steps["oscillation"]),
        "overshoot_up_m": _mean(overshoots[True]),
        "overshoot_down_m": _mean(overshoots[False]),
        "settling_s": _mean(steps["settling"]),
        "energy": float(power.sum() * CONTROL_PERIOD),
        "spikes_per_s": float(flight.spikes.sum() / seconds),
        "synops_per_s": flight.synaptic_operations / seconds,
    }


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _merits_of(given: Conditions, controller: str, seeds: list[int]) -> list[dict[str, float]]:
    """Figures of merit of flights of these seeds: a task for an executor."""
    body = Body(world(**dataclasses.asdict(given)))
    pilot = Pilot(make_controller(controller), Altimeter())
    return [merits(fly(body, pilot, seed)) for seed in seeds]


def score(
    controller: str,
    case: str,
    seeds: int,
    executor: Executor,
    seed: int = 0,
    tasks: int = 1,
    **changes: float,
) -> dict[str, Any]:
    """Figures of merit over seeded flights: means, and each flight's under ``flights``.

    ``settled`` is the part of the flights whose ``sse_worst_m`` is at most 5 cm.

    Args:
        controller: As for ``make_controller``.
        case: As for ``env.world``.
        seeds: Number of flights.
        executor: Where they are flown.
        seed: Of the first.
        tasks: Into how many tasks they are split.
        changes: Fields of ``Conditions`` that are otherwise.

    Raises:
        ConfigurationError: There is no such controller or case, or a condition is out of range.
    """
    given = dataclasses.replace(CASES[case], **changes)
    make_controller(controller)  # a mistake is told here, not by a task
    each = np.array_split(np.arange(seed, seed + seeds), min(tasks, seeds))
    futures = [executor.submit(_merits_of, given, controller, part.tolist()) for part in each]
    flights = [flight for future in futures for flight in future.result()]
    means = {name: float(np.nanmean([f[name] for f in flights])) for name in flights[0]}
    settled = float(np.mean([f["sse_worst_m"] <= 0.05 for f in flights]))
    return {
        "controller": controller,
        "case": case,
        "seeds": seeds,
        **means,
        "settled": settled,
        "flights": flights,
    }


@click.command()
@click.option(
    "--controller",
    "controllers",
    multiple=True,
    default=("pid", "snn"),
    show_default=True,
    help=f"{', '.join(CONTROLLERS)}, or a .safetensors file; repeatable.",
)
@click.option(
    "--case", type=click.Choice(list(CASES)), default="heavy", show_default=True,
    help="What the blimp has to cope with.",
)  # fmt: skip
@click.option(
    "--seeds", type=click.IntRange(1, 10_000), default=5, show_default=True,
    help="Number of flights.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the first."
)
@click.option(
    "--jobs", type=click.IntRange(1, 256), default=2, show_default=True, help="Processes."
)
@click.option(
    "--figure",
    type=click.Path(path_type=Path, dir_okay=False),
    help="PNG file that shows the first flight of each controller.",
)
@json_option
def evaluate(
    controllers: tuple[str, ...],
    case: str,
    seeds: int,
    seed: int,
    jobs: int,
    figure: Path | None,
    json: str | None,
) -> None:
    """Score controllers of altitude over seeded flights of 490 s in steps of 0.5, 1 and 1.5 m."""
    with workers(min(jobs, seeds)) as executor:
        results = [score(each, case, seeds, executor, seed, jobs) for each in controllers]
    if figure is not None:
        body = Body(world(case))
        flights = {
            each: fly(body, Pilot(make_controller(each), Altimeter()), seed) for each in controllers
        }
        draw(flights, figure)
    if json is not None:
        # One controller, one object: what a script that names one expects.
        write_json(results[0] if len(results) == 1 else {"controllers": results}, json)
    if json == "-":
        return
    table = Table(title=f"{case}, {seeds} flights")
    table.add_column("mean over the flights")
    for result in results:
        table.add_column(Path(result["controller"]).stem, justify="right")
    for name, (label, scale) in _LABELS.items():
        table.add_row(label, *(f"{scale * result[name]:.1f}" for result in results))
    print_table(table)
