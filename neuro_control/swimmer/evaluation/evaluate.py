# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Returns of a policy over seeded episodes, under chosen conditions, without ROS."""

from __future__ import annotations

import time
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from neuro_control.cli.evaluation import interval
from neuro_control.cli.options import effect_option, json_option, seed_option, seeds_option
from neuro_control.cli.output import show_result
from neuro_control.errors import ConfigurationError
from neuro_control.simulation.effects import Effect
from neuro_control.swimmer.control.policy import (
    POLICIES,
    Act,
    CircuitDesign,
    find_policy,
)
from neuro_control.swimmer.control.steering import seek
from neuro_control.swimmer.control.types import CONTROL_PERIOD
from neuro_control.swimmer.evaluation.calibrate import known_or_measured
from neuro_control.swimmer.simulation.rollout import SwimConditions, swim_episodes
from neuro_control.swimmer.simulation.tasks import TARGET_RADIUS, TIME_LIMIT

Array = NDArray[np.float64]

# How long an episode of a task lasts, s: the farthest target takes 35 s at full speed.
SECONDS = {"swim": TIME_LIMIT, "navigate": 60.0}
TASKS = tuple(SECONDS)
# Swimmers that swim at the same time: more gain nothing.
_BATCH = 64


def _act(policy: str, links: int, seeds: list[int], task: str) -> Act:
    """Actions of ``policy`` in episodes of these seeds."""
    joints = links - 1
    if policy == "rest":
        return lambda observations, _: np.zeros((len(observations), joints))
    if policy == "random":
        rng = np.random.default_rng(seeds)
        return lambda observations, _: rng.uniform(-1.0, 1.0, (len(observations), joints))
    if policy == "ncap-random":
        drawn = CircuitDesign(joints, random=True)
        vectors = np.stack([drawn.initial(np.random.default_rng(seed)) for seed in seeds])
        return drawn.act(vectors, 1)
    design, vector = find_policy(policy, links)
    if task == "swim":
        return design.act(vector[None], len(seeds))
    if not isinstance(design, CircuitDesign):
        raise ConfigurationError(f"{policy} has no input for a target: navigate takes a circuit")
    calibration = known_or_measured(policy, design, vector)
    circuits = [design.circuit(vector) for _ in seeds]
    return seek(circuits, calibration, TARGET_RADIUS, CONTROL_PERIOD)


def score(
    policy: str,
    links: int,
    task: str,
    seeds: int,
    seed: int = 0,
    conditions: SwimConditions | None = None,
    seconds: float | None = None,
    threads: int | None = None,
) -> dict[str, Any]:
    """Metrics of a policy over ``seeds`` episodes, seeded from ``seed`` on.

    Episodes last ``seconds``, or as long as ``SECONDS`` says. In the navigate task the circuits
    are steered to their targets (``steering.seek``). ``reached`` is then the part of the targets
    within whose radius of 0.1 m the nose came, and ``time_to_target_s`` is when that was first:
    the median, and the 95th percentile, of those that were reached. The physics runs on
    ``threads`` threads, as many as there are cores by default.

    Raises:
        ConfigurationError: There is no such policy or task, or they don't fit the body.
    """
    if task not in TASKS:
        raise ConfigurationError(f"no task '{task}': there are {', '.join(TASKS)}")
    conditions = conditions or SwimConditions()
    steps = round((seconds or SECONDS[task]) / CONTROL_PERIOD)
    begin = time.perf_counter()
    each = range(seed, seed + seeds)
    batches = [list(each[i : i + _BATCH]) for i in range(0, seeds, _BATCH)]
    found = [
        swim_episodes(
            *(_act(policy, links, batch, task), links, batch, conditions, task, steps), threads
        )
        for batch in batches
    ]
    elapsed = time.perf_counter() - begin
    returns = np.concatenate([scores.returns for scores in found])
    speeds = np.concatenate([scores.speeds for scores in found])
    low, high = interval(returns, np.random.default_rng(seed))
    arrival: dict[str, Any] = {}
    if task == "navigate":
        times = np.concatenate([scores.perfect for scores in found])
        there = np.isfinite(times)
        p50, p95 = np.percentile(times[there], [50, 95]) if there.any() else (np.nan, np.nan)
        arrival = {
            "reached": float(there.mean()),
            "time_to_target_s": {"p50": float(p50), "p95": float(p95)},
        }
    return {
        "policy": policy,
        "task": task,
        "links": links,
        "seeds": seeds,
        "steps": steps,
        **arrival,
        "return_mean": float(returns.mean()),
        "return_std": float(returns.std(ddof=1)) if seeds > 1 else 0.0,
        "return_ci95": [low, high],
        "returns": returns.tolist(),
        "speed_mps": float(speeds.mean()),
        "steps_per_s": seeds * steps / elapsed,
    }


@click.command()
@click.option(
    "--policy",
    default="ncap",
    show_default=True,
    help=f"{', '.join(POLICIES)}, or a .safetensors file of `train`.",
)
@click.option("--links", default=6, show_default=True, help="Links of the body, 3 to 100.")
@click.option("--task", default="swim", show_default=True, help="swim or navigate.")
@seeds_option
@seed_option
@click.option(
    "--seconds",
    type=click.FloatRange(CONTROL_PERIOD, 3600),
    help="Length of an episode; 30 to swim and 60 to navigate by default.",
)
@click.option(
    "--delay",
    type=click.IntRange(0, 100),
    default=0,
    show_default=True,
    help="Control steps (0.03 s) from observation to action.",
)
@click.option(
    "--noise",
    type=click.FloatRange(0, 10),
    default=0.0,
    show_default=True,
    help="Sensor noise: rad of an angle, 0.05 m/s and 2 rad/s of a link's velocities.",
)
@click.option(
    "--density",
    type=click.FloatRange(0, 100),
    default=1.0,
    show_default=True,
    help="Density of the medium, as a multiple of the default 3000 kg/m³.",
)
@click.option(
    "--lost-joint",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Joint, from the head, whose sensor reads zero; 0 for none.",
)
@effect_option
@json_option
def evaluate(
    policy: str,
    links: int,
    task: str,
    seeds: int,
    seed: int,
    seconds: float | None,
    delay: int,
    noise: float,
    density: float,
    lost_joint: int,
    effects: tuple[Effect, ...],
    json: str | None,
) -> None:
    """Score a swimmer's policy over seeded episodes."""
    conditions = SwimConditions(delay, noise, density, lost_joint, effects)
    result = score(policy, links, task, seeds, seed, conditions, seconds)
    show_result(result, json, _table(result))


def _table(result: dict[str, Any]) -> Table:
    low, high = result["return_ci95"]
    title = "{policy}, {task}, {links} links, {seeds} episodes".format(**result)
    table = Table(title=title)
    headings = [f"return (of {result['steps']})", "95 % interval", "speed (m/s)", "steps/s"]
    cells = [
        f"{result['return_mean']:.1f} ± {result['return_std']:.1f}",
        f"{low:.1f} … {high:.1f}",
        f"{result['speed_mps']:.4f}",
        f"{result['steps_per_s']:.0f}",
    ]
    if "reached" in result:
        headings += ["reached", "after (s)"]
        cells += [f"{result['reached']:.0%}", f"{result['time_to_target_s']['p50']:.1f}"]
    for heading in headings:
        table.add_column(heading, justify="right")
    table.add_row(*cells)
    return table
