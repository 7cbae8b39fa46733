# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How well a controller holds altitudes: metrics over seeded flights, without ROS."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import click
import numpy as np

from neuro_control.blimp.control.altitude import AltitudeController
from neuro_control.blimp.control.laws import LAWS, is_pid, make_law, pid_settings
from neuro_control.blimp.control.pid import PIDSettings
from neuro_control.blimp.evaluation.metrics import metrics
from neuro_control.blimp.evaluation.rollout import rollout
from neuro_control.blimp.evaluation.trajectory import draw
from neuro_control.blimp.simulation.body import Body
from neuro_control.blimp.simulation.conditions import CASES, FlightConditions, conditions
from neuro_control.blimp.simulation.world import world
from neuro_control.cli.evaluation import evaluation_options, means, metrics_table, over_seeds
from neuro_control.cli.options import effect_option
from neuro_control.cli.output import show_result
from neuro_control.errors import ConfigurationError
from neuro_control.learning.executors import workers
from neuro_control.simulation.effects import Description, Effect

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


def _metrics_of(
    given: FlightConditions,
    effects: Description,
    controller: str,
    pid: PIDSettings | None,
    seeds: list[int],
) -> list[dict[str, float]]:
    """Metrics of rollouts of these seeds: a task for an executor."""
    body = Body(world(**dataclasses.asdict(given)).with_effects(effects))
    flown_by = AltitudeController(make_law(controller, pid))
    return [metrics(rollout(body, flown_by, seed)) for seed in seeds]


def score(
    controller: str,
    case: str,
    seeds: int,
    executor: Executor,
    seed: int = 0,
    tasks: int = 1,
    effects: Description = (),
    pid: Mapping[str, Any] | None = None,
    **changes: float,
) -> dict[str, Any]:
    """Metrics over seeded flights: means, and each flight's under ``flights``.

    ``settled`` is the part of the flights whose ``sse_worst_m`` is at most 5 cm.

    Args:
        controller: Name of the control law, as ``laws.make_law`` takes it.
        case: Case, as ``world.world`` takes it.
        seeds: Number of flights.
        executor: Where they are simulated.
        seed: Seed of the first.
        tasks: Number of tasks that they are divided into.
        effects: Effects on the flights, as ``effects.parse`` takes them.
        pid: Fields of ``PIDSettings`` that are otherwise, if the control law is a PID.
        changes: Fields of ``FlightConditions`` that are otherwise.

    Raises:
        ConfigurationError: There is no such controller or case, or a condition is out of range.
    """
    given = conditions(case, **changes)
    settings = pid_settings(controller, pid) if is_pid(controller) else None
    make_law(controller, settings)  # a mistake is reported here, not by a task
    flown = (given, effects, controller, settings)
    flights = over_seeds(executor, _metrics_of, *flown, seed=seed, seeds=seeds, tasks=tasks)
    return {
        "controller": controller,
        "case": case,
        "seeds": seeds,
        **means(flights),
        "settled": float(np.mean([each["sse_worst_m"] <= 0.05 for each in flights])),
        "flights": flights,
    }


@click.command()
@click.option(
    "--controller",
    "controllers",
    multiple=True,
    default=("pid", "snn"),
    show_default=True,
    help=f"{', '.join(LAWS)}, or a .safetensors or .yaml file; repeatable.",
)
@click.option(
    "--case",
    type=click.Choice(list(CASES)),
    default="heavy",
    show_default=True,
    help="Conditions of the flights.",
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="NAME=VALUE",
    help="Number of all PIDs (proportional, integral, derivative, derivative_time, anti_windup, "
    "tracking_time) or condition of the flights (heaviness, mass, thrust, drag, gust, draught, "
    "lost, noise, delay, sag, spread, start); repeatable.",
)
@click.option(
    "--figure",
    type=click.Path(path_type=Path, dir_okay=False),
    help="PNG file that shows the first flight of each controller.",
)
@effect_option
@evaluation_options
def evaluate(
    controllers: tuple[str, ...],
    case: str,
    changes: tuple[str, ...],
    figure: Path | None,
    effects: tuple[Effect, ...],
    seeds: int,
    seed: int,
    jobs: int,
    cluster: str | None,
    json: str | None,
) -> None:
    """Score altitude controllers over seeded flights of 490 s in steps of 0.5, 1 and 1.5 m."""
    pid, otherwise = _parse(changes)
    with workers(min(jobs, seeds), cluster) as executor:
        results = [
            score(each, case, seeds, executor, seed, jobs, effects, pid, **otherwise)
            for each in controllers
        ]
    if figure is not None:
        body = Body(world(case, **otherwise).with_effects(effects))
        flights = {}
        for each in controllers:
            settings = pid_settings(each, pid) if is_pid(each) else None
            flown_by = AltitudeController(make_law(each, settings))
            flights[each] = rollout(body, flown_by, seed)
        draw(flights, figure)
    # One controller, one object: what a script that names one expects.
    whole = results[0] if len(results) == 1 else {"controllers": results}
    columns = {Path(result["controller"]).stem: result for result in results}
    show_result(whole, json, metrics_table(f"{case}, {seeds} flights", _LABELS, columns))


def _parse(changes: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, float]]:
    """What ``--set`` says of PIDs and of flights.

    Raises:
        ConfigurationError: It names neither, or the value is not one of its kind.
    """
    known: tuple[dict[str, Any], dict[str, Any]] = (
        {field.name: field.type for field in dataclasses.fields(PIDSettings)},
        {field.name: field.type for field in dataclasses.fields(FlightConditions)},
    )
    found: tuple[dict[str, Any], dict[str, float]] = ({}, {})
    for change in changes:
        name, _, value = change.partition("=")
        for types, values in zip(known, found, strict=True):
            if name in types:
                try:
                    values[name] = value if types[name] == "str" else float(value)
                except ValueError:
                    raise ConfigurationError(f"{name} is a number, not '{value}'") from None
                break
        else:
            names = ", ".join(name for types in known for name in types)
            raise ConfigurationError(f"--set takes NAME=VALUE of {names}, not '{change}'")
    return found
