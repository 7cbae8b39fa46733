"""How well a quadruped obeys: figures of merit over seeded walks, without ROS."""

from __future__ import annotations

import math
import time
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from neuro_control.cli.options import json_option
from neuro_control.cli.output import print_table, remarks, write_json
from neuro_control.errors import ConfigurationError
from neuro_control.learning.executors import workers
from neuro_control.quadruped.control.command import GAITS, Command, gait
from neuro_control.quadruped.control.contact_schedule import CONTACT_SCHEDULES
from neuro_control.quadruped.control.gait import Gait
from neuro_control.quadruped.control.robots import ROBOTS, find
from neuro_control.quadruped.control.types import PERIOD
from neuro_control.quadruped.simulation.body import Body, world
from neuro_control.quadruped.simulation.model import TERRAINS

Array = NDArray[np.float64]

# What comes before is the way from standing to walking, which takes as long as it may, s.
SETTLING = 3.0
_GRAVITY = 9.81

_LABELS = {
    "v_error_mps": ("error of the velocity (m/s)", 1.0),
    "yaw_error_rps": ("error of the yaw rate (rad/s)", 1.0),
    "height_error_m": ("error of the height (cm)", 100.0),
    "roll_rad": ("largest roll (°)", math.degrees(1.0)),
    "falls": ("falls", 1.0),
    "cost_of_transport": ("cost of transport", 1.0),
    "real_time_factor": ("times real time", 1.0),
}


@dataclass(frozen=True)
class Trial:
    """What a walk has to cope with.

    Attributes:
        robot: go2 or go1.
        seconds: How long it lasts.
        push: Force on the trunk, N, for 0.2 s, from a direction and at a time that are drawn.
        world: What else ``env.world`` takes.
        rhythm: What tells which foot stands when: one of ``CONTACT_SCHEDULES``.
    """

    robot: str = "go2"
    seconds: float = 20.0
    push: float = 0.0
    world: dict[str, Any] = field(default_factory=dict)
    rhythm: str = "schedule"


@dataclass(frozen=True)
class Walk:
    """What came of one walk.

    Attributes:
        truth: Velocity forwards and to the left, yaw rate, height above the ground, roll and the
            joints' power at each step, (T, 6).
        estimate: Velocity forwards and to the left, yaw rate and height as the estimator has
            them, (T, 4).
        fallen: Whether it ended with a fall.
        step_ms: What each control step took of the processor, (T,), ms.
        wall: What the whole took, s.
    """

    truth: Array
    estimate: Array
    fallen: bool
    step_ms: Array
    wall: float


def walk(body: Body, gait: Gait, command: Command, seed: int, trial: Trial) -> Walk:
    """One walk under one command.

    Args:
        body: The robot.
        gait: Its controller.
        command: Within its ranges.
        seed: Of the start, the sensors' noise and the push.
        trial: How long, and what happens.
    """
    rng = np.random.default_rng(seed)
    body.reset(rng)
    gait.reset()
    direction, chance = rng.uniform(0, 2 * math.pi), rng.uniform()
    begins = SETTLING + chance * max(trial.seconds - SETTLING - 2.0, 0.0)
    force = trial.push * np.array([math.cos(direction), math.sin(direction), 0.0])
    truth, estimate, took = [], [], []
    start = time.perf_counter()
    for k in range(round(trial.seconds / PERIOD)):
        if trial.push:
            body.push(force * (begins <= k * PERIOD < begins + 0.2))
        before = time.thread_time()
        answer = gait.step(body.observation, command)
        took.append(time.thread_time() - before)
        body.step(answer.efforts)
        velocity = body.velocity
        truth.append((*velocity[:2], body.yaw_rate, body.height, body.roll, body.power))
        estimate.append(gait.estimate)
        if body.fallen:
            break
    wall = time.perf_counter() - start
    return Walk(np.array(truth), np.array(estimate), body.fallen, 1e3 * np.array(took), wall)


def merits(walk: Walk, command: Command, mass: float, height: float) -> dict[str, float]:
    """Figures of merit of a walk: of means, since every gait sways within a cycle.

    Args:
        walk: What came of it.
        command: What was commanded.
        mass: Of the robot, kg.
        height: Of the trunk that was commanded, m.

    Returns:
        ``v_error_mps``, ``yaw_error_rps`` and ``height_error_m``: sizes of the means' errors after
        the first 3 s; ``roll_rad``, the largest; ``falls``, 0 or 1; ``cost_of_transport``, energy
        by weight and way (NaN at rest); ``step_ms`` p50 and p99; ``real_time_factor``. After a fall
        the errors are NaN.
    """
    settled = walk.truth[round(SETTLING / PERIOD) :]
    steps = walk.step_ms[50:] if len(walk.step_ms) > 50 else walk.step_ms
    told = {
        "falls": float(walk.fallen),
        "step_ms_p50": float(np.percentile(steps, 50)),
        "step_ms_p99": float(np.percentile(steps, 99)),
        "real_time_factor": len(walk.truth) * PERIOD / walk.wall,
    }
    names = ("v_error_mps", "yaw_error_rps", "height_error_m", "roll_rad", "cost_of_transport")
    if walk.fallen or not len(settled):
        return {**dict.fromkeys(names, math.nan), **told}
    mean = settled.mean(axis=0)
    speed = math.hypot(mean[0], mean[1])
    return {
        "v_error_mps": math.hypot(mean[0] - command.forward, mean[1] - command.left),
        "yaw_error_rps": abs(mean[2] - command.yaw_rate),
        "height_error_m": abs(mean[3] - height),
        "roll_rad": float(np.abs(settled[:, 4]).max()),
        "cost_of_transport": mean[5] / (mass * _GRAVITY * speed) if speed > 0.05 else math.nan,
        **told,
    }


def _merits_of(trial: Trial, command: Command, seeds: list[int]) -> list[dict[str, float]]:
    """Figures of merit of walks of these seeds: a task for an executor."""
    robot = find(trial.robot)
    body = Body(world(trial.robot, **trial.world))
    controller = Gait(robot, trial.rhythm)
    # Compiled before it is timed.
    walk(body, controller, command, 0, Trial(trial.robot, 0.1))
    mass, height = float(body.model.body_mass.sum()), robot.height + command.height
    return [
        merits(walk(body, controller, command, seed, trial), command, mass, height)
        for seed in seeds
    ]


def score(
    command: Command,
    seeds: int,
    executor: Executor,
    trial: Trial | None = None,
    seed: int = 0,
    tasks: int = 1,
) -> dict[str, Any]:
    """Figures of merit over seeded walks.

    Errors are means over the walks that did not fall; each walk's own stand under ``walks``;
    ``falls`` counts, and ``step_ms`` holds p50 and p99.

    Args:
        command: Is clamped first.
        seeds: Number of walks.
        executor: Where they are walked.
        trial: What they have to cope with.
        seed: Of the first.
        tasks: Into how many tasks they are split.

    Raises:
        ConfigurationError: The command holds a number that is not finite, or there is no such
            robot or world.
    """
    trial = trial or Trial()
    command, _ = command.clamped()
    world(trial.robot, **trial.world)  # a mistake is told here, not by a task
    each = np.array_split(np.arange(seed, seed + seeds), min(tasks, seeds))
    futures = [executor.submit(_merits_of, trial, command, part.tolist()) for part in each]
    walks = [found for future in futures for found in future.result()]
    means = {}
    for name in walks[0]:
        known = [found[name] for found in walks if not math.isnan(found[name])]
        means[name] = float(np.mean(known)) if known else math.nan
    step_ms = {"p50": means.pop("step_ms_p50"), "p99": means.pop("step_ms_p99")}
    return {
        "robot": trial.robot,
        "seeds": seeds,
        **means,
        "falls": int(sum(found["falls"] for found in walks)),
        "step_ms": step_ms,
        "walks": walks,
    }


def parse(text: str, name: str = "trot") -> Command:
    """Command of a text such as ``forward=0.5,yaw_rate=0.3`` on top of a gait.

    Raises:
        ConfigurationError: It is not of that form, or names what a command lacks.
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
    "--robot", type=click.Choice(list(ROBOTS)), default="go2", show_default=True, help="Which."
)
@click.option(
    "--gait", "name", type=click.Choice(list(GAITS)), default="trot", show_default=True,
    help="Rhythm of the feet.",
)  # fmt: skip
@click.option(
    "--command", "text", default="forward=0.5", show_default=True,
    help="Numbers of the gait command that differ from the gait's: forward=0.5,yaw_rate=0.3.",
)  # fmt: skip
@click.option(
    "--terrain", type=click.Choice(TERRAINS), default="flat", show_default=True,
    help="What it walks on.",
)  # fmt: skip
@click.option("--friction", type=float, default=0.8, show_default=True, help="Of the ground.")
@click.option("--payload", type=float, default=0.0, show_default=True, help="On the trunk, kg.")
@click.option(
    "--push", type=click.FloatRange(0, 1000), default=0.0, show_default=True,
    help="Force for 0.2 s from any side at any time, N.",
)  # fmt: skip
@click.option(
    "--seconds", type=click.FloatRange(5, 600), default=20.0, show_default=True,
    help="Length of a walk.",
)  # fmt: skip
@click.option(
    "--seeds", type=click.IntRange(1, 10_000), default=3, show_default=True,
    help="Number of walks.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the first."
)
@click.option(
    "--rhythm", type=click.Choice(list(CONTACT_SCHEDULES)), default="schedule", show_default=True,
    help="What tells which foot stands when; oscillators choose gait and frequency themselves.",
)  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes."
)
@json_option
def evaluate(
    robot: str,
    name: str,
    text: str,
    terrain: str,
    friction: float,
    payload: float,
    push: float,
    seconds: float,
    seeds: int,
    seed: int,
    rhythm: str,
    jobs: int,
    json: str | None,
) -> None:
    """Score how a quadruped obeys a command, over seeded walks."""
    command, moved = parse(text, name).clamped()
    for remark in moved:
        remarks.print(f"clamped: {remark}")
    ground = {"terrain": terrain, "friction": friction, "payload": payload}
    with workers(min(jobs, seeds)) as executor:
        result = score(
            command, seeds, executor, Trial(robot, seconds, push, ground, rhythm), seed, tasks=jobs
        )
    if json is not None:
        write_json(result, json)
    if json == "-":
        return
    table = Table(title=f"{robot}, {name}, {text}: {seeds} walks of {seconds:g} s")
    table.add_column("mean over the walks")
    table.add_column("", justify="right")
    for key, (label, scale) in _LABELS.items():
        table.add_row(label, f"{scale * result[key]:.3g}")
    table.add_row(
        "control step, p50 and p99 (ms)",
        f"{result['step_ms']['p50']:.3f}, {result['step_ms']['p99']:.3f}",
    )
    print_table(table)
