"""How well a policy swims: returns over seeds, without ROS."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from neuro_control.errors import ConfigurationError
from neuro_control.output import remarks, write_json
from neuro_control.swimmer.circuit import Circuit, Weights
from neuro_control.swimmer.env import STEPS, Swimmer, SwimmerNavigate, SwimmerSwim, forward_speed

Array = NDArray[np.float64]
Policy = Callable[[Array], Array]

TASKS: dict[str, type[Swimmer]] = {"swim": SwimmerSwim, "navigate": SwimmerNavigate}
# Number of draws that the bootstrap interval rests on.
_DRAWS = 10_000


def episode(environment: Swimmer, policy: Policy, seed: int) -> tuple[float, float]:
    """Return and mean forward speed (m/s) of one episode."""
    observation, _ = environment.reset(seed=seed)
    model, data = environment.body.model, environment.body.data
    total, way = 0.0, 0.0
    for _ in range(STEPS):
        observation, reward, *_ = environment.step(policy(observation))
        total += reward
        way += float(forward_speed(model, data.sensordata))
    return total, way / STEPS


def interval(values: Array, rng: np.random.Generator) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of ``values`` (n,)."""
    means = rng.choice(values, size=(_DRAWS, len(values))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def _policies(joints: int, seed: int) -> dict[str, Policy]:
    """A fresh policy of each kind for a body of ``joints`` joints."""
    rng = np.random.default_rng(seed)
    unit = Circuit(joints)
    drawn = Circuit(joints, Weights.random(rng))
    return {
        "ncap": lambda observation: unit.step(observation[:joints]),
        "ncap-random": lambda observation: drawn.step(observation[:joints]),
        "random": lambda _: rng.uniform(-1.0, 1.0, joints),
        "rest": lambda _: np.zeros(joints),
    }


def score(policy: str, links: int, task: str, seeds: int, seed: int = 0) -> dict[str, Any]:
    """Figures of merit of a policy over ``seeds`` episodes, seeded from ``seed`` on.

    Raises:
        ConfigurationError: There is no such policy or task, or the body is too short.
    """
    if task not in TASKS:
        raise ConfigurationError(f"no task '{task}': there are {', '.join(TASKS)}")
    environment = TASKS[task](links=links)
    kinds = _policies(links - 1, seed)
    if policy not in kinds:
        raise ConfigurationError(f"no policy '{policy}': there are {', '.join(kinds)}")
    begin = time.perf_counter()
    scores = np.array(
        [
            episode(environment, _policies(links - 1, each)[policy], each)
            for each in range(seed, seed + seeds)
        ]
    )
    elapsed = time.perf_counter() - begin
    returns, speeds = scores.T
    low, high = interval(returns, np.random.default_rng(seed))
    return {
        "policy": policy,
        "task": task,
        "links": links,
        "seeds": seeds,
        "return_mean": float(returns.mean()),
        "return_std": float(returns.std(ddof=1)) if seeds > 1 else 0.0,
        "return_ci95": [low, high],
        "returns": returns.tolist(),
        "speed_mps": float(speeds.mean()),
        "steps_per_s": seeds * STEPS / elapsed,
    }


@click.command()
@click.option(
    "--policy", default="ncap", show_default=True, help="ncap, ncap-random, random or rest."
)
@click.option("--links", default=6, show_default=True, help="Links of the body, 3 to 100.")
@click.option("--task", default="swim", show_default=True, help="swim or navigate.")
@click.option(
    "--seeds",
    type=click.IntRange(1, 10_000),
    default=10,
    show_default=True,
    help="Number of episodes.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the first."
)
@click.option("--json", help="File for the result; - prints it.")
def evaluate(policy: str, links: int, task: str, seeds: int, seed: int, json: str | None) -> None:
    """Score a swimmer's policy over seeded episodes of 30 s."""
    result = score(policy, links, task, seeds, seed)
    if json is not None:
        write_json(result, json)
    if json != "-":
        low, high = result["return_ci95"]
        table = Table(title=f"{policy}, {task}, {links} links, {seeds} episodes")
        for heading in ("return (of 1000)", "95 % interval", "speed (m/s)", "steps/s"):
            table.add_column(heading, justify="right")
        table.add_row(
            f"{result['return_mean']:.1f} ± {result['return_std']:.1f}",
            f"{low:.1f} … {high:.1f}",
            f"{result['speed_mps']:.4f}",
            f"{result['steps_per_s']:.0f}",
        )
        remarks.print(table)
