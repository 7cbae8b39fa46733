# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How well a controller holds altitudes: metrics over seeded flights, without ROS."""

from __future__ import annotations

import dataclasses
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import click
import numpy as np

from neuro_control.blimp.control.altitude import AltitudeController
from neuro_control.blimp.control.laws import LAWS, make_law
from neuro_control.blimp.evaluation.metrics import metrics
from neuro_control.blimp.evaluation.rollout import rollout
from neuro_control.blimp.evaluation.trajectory import draw
from neuro_control.blimp.simulation.body import Body
from neuro_control.blimp.simulation.conditions import CASES, FlightConditions, conditions
from neuro_control.blimp.simulation.world import world
from neuro_control.cli.evaluation import evaluation_options, means, metrics_table, over_seeds
from neuro_control.cli.options import effect_option
from neuro_control.cli.output import show_result
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
    given: FlightConditions, effects: Description, controller: str, seeds: list[int]
) -> list[dict[str, float]]:
    """Metrics of rollouts of these seeds: a task for an executor."""
    body = Body(world(**dataclasses.asdict(given)).with_effects(effects))
    flown_by = AltitudeController(make_law(controller))
    return [metrics(rollout(body, flown_by, seed)) for seed in seeds]


def score(
    controller: str,
    case: str,
    seeds: int,
    executor: Executor,
    seed: int = 0,
    tasks: int = 1,
    effects: Description = (),
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
        changes: Fields of ``FlightConditions`` that are otherwise.

    Raises:
        ConfigurationError: There is no such controller or case, or a condition is out of range.
    """
    given = conditions(case, **changes)
    make_law(controller)  # a mistake is reported here, not by a task
    flights = over_seeds(
        executor, _metrics_of, given, effects, controller, seed=seed, seeds=seeds, tasks=tasks
    )
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
    help=f"{', '.join(LAWS)}, or a .safetensors file; repeatable.",
)
@click.option(
    "--case",
    type=click.Choice(list(CASES)),
    default="heavy",
    show_default=True,
    help="Conditions of the flights.",
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
    figure: Path | None,
    effects: tuple[Effect, ...],
    seeds: int,
    seed: int,
    jobs: int,
    cluster: str | None,
    json: str | None,
) -> None:
    """Score altitude controllers over seeded flights of 490 s in steps of 0.5, 1 and 1.5 m."""
    with workers(min(jobs, seeds), cluster) as executor:
        results = [score(each, case, seeds, executor, seed, jobs, effects) for each in controllers]
    if figure is not None:
        body = Body(world(case).with_effects(effects))
        flights = {
            each: rollout(body, AltitudeController(make_law(each)), seed) for each in controllers
        }
        draw(flights, figure)
    # One controller, one object: what a script that names one expects.
    whole = results[0] if len(results) == 1 else {"controllers": results}
    columns = {Path(result["controller"]).stem: result for result in results}
    show_result(whole, json, metrics_table(f"{case}, {seeds} flights", _LABELS, columns))
