# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Training of the swimmer's policies: PPO, DDPG or random search, resumable to the same curve."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from neuro_control.cli.options import executor_options, json_option, out_option, seed_option
from neuro_control.cli.output import show_result
from neuro_control.cli.progress import progress
from neuro_control.learning.evolution import CovarianceSearch, RandomSearch, Search
from neuro_control.learning.executors import workers
from neuro_control.swimmer.control.policy import CircuitDesign, MLPDesign, Policy, save
from neuro_control.swimmer.simulation.rollout import SwimConditions, individuals
from neuro_control.swimmer.simulation.tasks import STEPS
from neuro_control.swimmer.training.run import (
    ALGORITHMS,
    NAMES,
    OPTIMISERS,
    Report,
    Training,
    TrainingRecord,
    facts_of,
)

Array = NDArray[np.float64]

# Individuals that swim side by side in one task: fixed, so that it doesn't matter who does them.
_TASK = 8

# Settings that suit algorithm and kind of policy (is it an MLP?), found by trials.
RECIPES: dict[tuple[str, bool], dict[str, Any]] = {
    ("ppo", False): {"learning_rate": 0.1, "evaluate_every": 4096},
    ("ppo", True): {"learning_rate": 3e-4, "evaluate_every": 32_768},
    ("ddpg", False): {"learning_rate": 1e-3, "evaluate_every": 1_000},
    ("ddpg", True): {"learning_rate": 1e-3, "evaluate_every": 10_000},
    ("ars", False): {"learning_rate": 0.1, "noise": 0.1, "evaluate_every": 16_000},
    ("ars", True): {
        "learning_rate": 0.02,
        "noise": 0.03,
        "population": 32,
        "evaluate_every": 64_000,
    },
    ("cmaes", False): {"noise": 0.3, "population": 24, "starts": 4, "evaluate_every": 96_000},
}


def train(
    training: Training,
    folder: Path,
    executor: Executor,
    report: Report = lambda _: None,
    threads: int | None = None,
) -> Policy:
    """Train in ``folder``, from its last checkpoint if it holds one.

    Args:
        training: Settings of the training.
        folder: Folder of this training alone.
        executor: Does the random search's episodes; ``learning.executors.workers`` makes one.
        report: Called with the environment steps done so far.
        threads: Threads of the physics in this process; as many as there are cores by default.

    Returns:
        The trained policy, also written to ``policy.safetensors`` in the folder.

    Raises:
        ConfigurationError: The folder holds another training, or what training needs is not
            installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = TrainingRecord(folder, training, report, threads)
    try:
        vector = _evolve(record, executor) if training.evolves else _learn(record)
    finally:
        record.close()
    facts = {"training": facts_of(training), "held_out_return": float(record.returns[-1].mean())}
    policy = Policy(record.design, vector, facts)
    save(folder / "policy.safetensors", policy)
    return policy


def _task(design: CircuitDesign | MLPDesign, vectors: Array, seeds: list[int], delay: int) -> Array:
    """Mean returns (P,) of individuals from the starts ``seeds``, for an executor."""
    scores = individuals(design, vectors, seeds, conditions=SwimConditions(delay=delay), threads=1)
    returns: Array = scores.returns.mean(axis=1)
    return returns


def _search(training: Training) -> Search:
    start = training.design().initial(np.random.default_rng(training.seed))
    if training.algorithm == "cmaes":
        return CovarianceSearch(
            start, population=training.population, spread=training.noise, seed=training.seed
        )
    directions = training.population // 2
    return RandomSearch(
        start,
        directions=directions,
        top=max(1, directions // 2),
        step_size=training.learning_rate,
        noise=training.noise,
        seed=training.seed,
    )


def _evolve(record: TrainingRecord, executor: Executor) -> Array:
    """Generation by generation; all individuals of one swim from the same starts."""
    training, design = record.training, record.design
    search = _search(training)
    if record.found:
        search.restore(record.found)
    steps = record.done
    if not record.steps:
        record.take(0, search.mean, search.state())
    while steps < training.steps:
        population = search.ask()
        starts = np.random.default_rng([training.seed, search.generation, 1])
        seeds = starts.integers(2**31, size=training.starts).tolist()
        tasks = [
            [
                executor.submit(_task, design, population[i : i + _TASK], seeds, delay)
                for i in range(0, len(population), _TASK)
            ]
            for delay in training.delays
        ]
        returns = [np.concatenate([task.result() for task in each]) for each in tasks]
        search.tell(np.mean(returns, axis=0))
        steps += len(population) * len(seeds) * len(training.delays) * STEPS
        record.report(steps)
        if record.due(steps) or steps >= training.steps:
            record.take(steps, search.mean, search.state())
    return search.mean


def _learn(record: TrainingRecord) -> Array:
    from neuro_control.swimmer.training import learners

    return learners.LEARNERS[record.training.algorithm](record).learn()


@click.command("train")
@click.option(
    "--algorithm",
    type=click.Choice(ALGORITHMS),
    default="cmaes",
    show_default=True,
    help="Algorithm that trains it.",
)
@click.option(
    "--policy",
    type=click.Choice(NAMES),
    default="ncap",
    show_default=True,
    help="Policy that learns.",
)
@click.option("--links", default=6, show_default=True, help="Links of the body, 3 to 100.")
@seed_option
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    default=1_000_000,
    show_default=True,
    help="Environment steps, 1000 an episode.",
)
@click.option(
    "--learning-rate",
    type=float,
    default=None,
    help="Learning rate of the actor; by default what suits algorithm and policy.",
)
@click.option(
    "--optimiser",
    type=click.Choice(OPTIMISERS),
    default="adam",
    show_default=True,
    help="Optimiser of the circuit's weights under ppo and ddpg.",
)
@click.option(
    "--delay",
    "delays",
    type=click.IntRange(0, 100),
    multiple=True,
    default=(0,),
    show_default=True,
    help="Delay of the loop to train for, control steps; repeatable (ars, cmaes).",
)
@click.option(
    "--random", is_flag=True, help="Start from random weights, rather than magnitudes of 1."
)
@click.option("--unsigned", is_flag=True, help="Let weights change sign.")
@click.option("--no-proprioception", is_flag=True, help="Train without the stretch receptors.")
@click.option("--no-oscillator", is_flag=True, help="Train without the head oscillator.")
@executor_options
@out_option("Folder of this training; one that was interrupted is resumed.")
@json_option
def command(
    algorithm: str,
    policy: str,
    links: int,
    seed: int,
    steps: int,
    learning_rate: float | None,
    optimiser: str,
    delays: tuple[int, ...],
    random: bool,
    unsigned: bool,
    no_proprioception: bool,
    no_oscillator: bool,
    jobs: int,
    cluster: str | None,
    out: Path,
    json: str | None,
) -> None:
    """Train a policy of the swimmer; the same command resumes one that was interrupted."""
    recipe = {
        **RECIPES.get((algorithm, policy.startswith("mlp")), {}),
        **({} if learning_rate is None else {"learning_rate": learning_rate}),
    }
    training = Training(
        algorithm,
        policy,
        links=links,
        seed=seed,
        steps=steps,
        optimiser=optimiser,
        delays=delays,
        random=random,
        signed=not unsigned,
        proprioception=not no_proprioception,
        oscillator=not no_oscillator,
        **recipe,
    )
    with (
        workers(jobs, cluster) as executor,
        progress(f"{algorithm} {policy}", steps, "steps") as show,
    ):
        trained = train(training, out, executor, show)
    result = {
        "policy": str(out / "policy.safetensors"),
        "parameters": trained.design.size,
        **trained.facts,
    }
    score = f"return on held-out starts {result['held_out_return']:.1f} of 1000"
    show_result(result, json, f"{score}: {result['policy']}")
