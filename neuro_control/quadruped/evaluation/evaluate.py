# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How well a quadruped obeys a command: metrics over seeded walks, without ROS."""

from __future__ import annotations

import dataclasses
import math
from concurrent.futures import Executor
from typing import Any

import click

from neuro_control.cli.evaluation import evaluation_options, means, metrics_table, over_seeds
from neuro_control.cli.options import deprecated_option, effect_option
from neuro_control.cli.output import remarks, show_result
from neuro_control.errors import ConfigurationError
from neuro_control.learning.executors import workers
from neuro_control.quadruped.control.command import GAITS, Command, gait
from neuro_control.quadruped.control.contact_schedule import CONTACT_SCHEDULES
from neuro_control.quadruped.control.robots import ROBOTS
from neuro_control.quadruped.evaluation import metrics
from neuro_control.quadruped.evaluation.rollout import (
    SPARSE,
    RolloutSettings,
    random_push,
    rollout,
)
from neuro_control.quadruped.simulation.model import TERRAINS
from neuro_control.simulation.effects import Effect

_LABELS = {
    "v_error_mps": ("error of the velocity (m/s)", 1.0),
    "yaw_error_rps": ("error of the yaw rate (rad/s)", 1.0),
    "v_stride_rms_mps": ("of single strides, root mean square (m/s)", 1.0),
    "yaw_stride_rms_rps": ("of single strides, root mean square (rad/s)", 1.0),
    "v_rms_mps": ("at each moment, root mean square (m/s)", 1.0),
    "yaw_rms_rps": ("at each moment, root mean square (rad/s)", 1.0),
    "height_error_m": ("error of the height (cm)", 100.0),
    "roll_rad": ("largest roll (°)", math.degrees(1.0)),
    "falls": ("falls", 1.0),
    "cost_of_transport": ("cost of transport", 1.0),
    "step_ms_p50": ("control step, median (ms)", 1.0),
    "step_ms_p99": ("control step, 99th percentile (ms)", 1.0),
    "real_time_factor": ("times real time", 1.0),
}
_TRACKING = ("v_error_mps", "yaw_error_rps", "height_error_m", "roll_rad", "cost_of_transport")


def walks(settings: RolloutSettings, push: float, seeds: list[int]) -> list[dict[str, float]]:
    """Metrics of walks under the settings' command: a task for an executor.

    Args:
        settings: What all walks share.
        push: Size of a push of 0.2 s at a random time, N.
        seeds: Seeds of the walks.
    """
    body, controller, command = settings.body(), settings.controller(), settings.commands[0]
    # Everything is compiled before it is timed.
    rollout(body, controller, command, 0.1)
    found = []
    for seed in seeds:
        pushes = (random_push(push, settings.seconds, seed),) if push else ()
        record = rollout(body, controller, command, settings.seconds, seed, pushes, every=SPARSE)
        tracking = metrics.obeyed(record, command)
        found.append(
            {
                **{name: tracking[name] for name in _TRACKING},
                **metrics.stride_errors(record, command),
                "falls": float(record.fell is not None),
                **metrics.timing(record),
            }
        )
    return found


def score(
    settings: RolloutSettings,
    seeds: int,
    executor: Executor,
    *,
    push: float = 0.0,
    tasks: int = 1,
) -> dict[str, Any]:
    """Metrics over seeded walks.

    Errors are means over the walks without a fall; each walk's own are under ``walks``; ``falls``
    counts, and ``step_ms`` holds p50 and p99.

    Args:
        settings: How to walk; the first command is clamped to its ranges.
        seeds: Number of walks; the settings hold the first seed.
        executor: Where they are simulated.
        push: Size of a push of 0.2 s from a random side at a random time, N.
        tasks: Number of tasks that they are divided into.

    Raises:
        ConfigurationError: The command holds a number that is not finite, or there is no such
            robot or world.
    """
    command, _ = settings.commands[0].clamped()
    settings = dataclasses.replace(settings, commands=(command,))
    settings.body()  # a mistake in the settings shows here, not in a task
    found = over_seeds(
        executor, walks, settings, push, seed=settings.seed, seeds=seeds, tasks=tasks
    )
    mean = means(found)
    step_ms = {"p50": mean.pop("step_ms_p50"), "p99": mean.pop("step_ms_p99")}
    return {
        "robot": settings.robot,
        "seeds": seeds,
        **mean,
        "falls": int(sum(walk["falls"] for walk in found)),
        "step_ms": step_ms,
        "walks": found,
    }


def parse(text: str, name: str = "trot") -> Command:
    """Command of a text such as ``forward=0.5,yaw_rate=0.3`` on top of a gait.

    Raises:
        ConfigurationError: The text is not of that form, or names a number that a command lacks.
    """
    numbers = {}
    for part in text.replace(",", " ").split():
        key, _, value = part.partition("=")
        try:
            numbers[key] = float(value)
        except ValueError as error:
            raise ConfigurationError(
                f"a command is like forward=0.5,yaw_rate=0.3; {part!r} is not"
            ) from error
    return gait(name, **numbers)


@click.command()
@click.option(
    "--robot", type=click.Choice(list(ROBOTS)), default="go2", show_default=True,
    help="Robot that walks.",
)  # fmt: skip
@click.option(
    "--gait", "name", type=click.Choice(list(GAITS)), default="trot", show_default=True,
    help="Gait.",
)  # fmt: skip
@click.option(
    "--command", "text", default="forward=0.5", show_default=True,
    help="Numbers of the gait command that differ from the gait's: forward=0.5,yaw_rate=0.3.",
)  # fmt: skip
@click.option(
    "--terrain", type=click.Choice(TERRAINS), default="flat", show_default=True,
    help="Terrain that it walks on.",
)  # fmt: skip
@click.option(
    "--friction", type=float, default=0.8, show_default=True, help="Friction of the ground."
)
@click.option(
    "--payload", type=float, default=0.0, show_default=True, help="Mass on the trunk, kg."
)
@click.option(
    "--push", type=click.FloatRange(0, 1000), default=0.0, show_default=True,
    help="Force for 0.2 s from a random side at a random time, N.",
)  # fmt: skip
@click.option(
    "--seconds", type=click.FloatRange(5, 600), default=20.0, show_default=True,
    help="Duration of a walk.",
)  # fmt: skip
@click.option(
    "--contact-schedule", type=click.Choice(list(CONTACT_SCHEDULES)), default="schedule",
    show_default=True,
    help="What decides which foot stands when; oscillators choose gait and frequency themselves.",
)  # fmt: skip
@deprecated_option("--rhythm", "--contact-schedule")
@effect_option
@evaluation_options
def evaluate(
    robot: str,
    name: str,
    text: str,
    terrain: str,
    friction: float,
    payload: float,
    push: float,
    seconds: float,
    contact_schedule: str,
    effects: tuple[Effect, ...],
    seeds: int,
    seed: int,
    jobs: int,
    cluster: str | None,
    json: str | None,
) -> None:
    """Measure how well a quadruped obeys a command, over seeded walks."""
    command, moved = parse(text, name).clamped()
    for remark in moved:
        remarks.print(f"clamped: {remark}")
    ground = {"terrain": terrain, "friction": friction, "payload": payload}
    settings = RolloutSettings(
        robot, (command,), seconds=seconds, seed=seed, effects=effects,
        contact_schedule=contact_schedule, world=ground,
    )  # fmt: skip
    with workers(min(jobs, seeds), cluster) as executor:
        result = score(settings, seeds, executor, push=push, tasks=jobs)
    shown = {**result, **{f"step_ms_{name}": ms for name, ms in result["step_ms"].items()}}
    title = f"{robot}, {name}, {text}: {seeds} walks of {seconds:g} s"
    show_result(result, json, metrics_table(title, _LABELS, {"": shown}, ".3g"))
