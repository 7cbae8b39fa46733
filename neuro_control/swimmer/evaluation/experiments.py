# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The NCAP paper's claims, each tested again by one command that leaves a CSV file and a figure.

Trainings run side by side in folders of their own below ``runs`` and are resumed where they were
interrupted.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from neuro_control.cli import experiments
from neuro_control.cli.evaluation import interval
from neuro_control.cli.experiments import Experiment, Row
from neuro_control.cli.options import seeds_option
from neuro_control.swimmer.control.policy import CircuitDesign, MLPDesign, find_policy
from neuro_control.swimmer.evaluation import figures
from neuro_control.swimmer.evaluation.evaluate import score
from neuro_control.swimmer.simulation.rollout import SwimConditions, swim_episodes
from neuro_control.swimmer.training.run import Training, read_curve
from neuro_control.swimmer.training.train import RECIPES, train

Array = NDArray[np.float64]

# Episodes that a metric rests on: a few starts are so bad that fewer would miss them. Draws of
# random weights, and episodes of each, which begin from other starts.
_EPISODES, _DRAWS, _EPISODES_OF_A_DRAW = 100, 30, 4
# Delays from observation to action under which policies are compared, control steps.
_DELAYS = (0, 5)
# Return by which data efficiency is measured.
GOAL = 850.0
# Environment steps of each training.
_CURVES = {
    ("ppo", "ncap"): 60_000,
    ("ppo", "mlp-64"): 1_000_000,
    ("ppo", "mlp-256"): 1_000_000,
    ("ddpg", "ncap"): 20_000,
    ("ddpg", "mlp-64"): 100_000,
    ("ddpg", "mlp-256"): 100_000,
    ("ars", "ncap"): 320_000,
    ("ars", "mlp-64"): 1_000_000,
    ("ars", "mlp-256"): 640_000,
    ("cmaes", "ncap-extended"): 960_000,
}
_ABLATED = {"ars": 160_000, "ppo": 60_000}
# Learning rate of the exponentiated gradient under PPO, found by trying.
_EXPONENTIATED_RATE = 3.0
BODIES = (3, 4, 5, 6, 8, 10, 12, 14, 15)


@dataclass(frozen=True)
class SwimmerSetting(experiments.Setting):
    """How the swimmer's experiments are done.

    Attributes:
        seeds: Trainings of each kind, seeded from 0 on.
        steps: Environment steps of every training in place of its own; None keeps them.
    """

    seeds: int = 5
    steps: int | None = None


def _train(task: tuple[Training, Path]) -> Row:
    """One training with one thread, for an executor; its results are in its folder."""
    training, folder = task
    with ThreadPoolExecutor(1) as here:
        train(training, folder, here, threads=1)
    return {}


def _run(
    name: str, setting: SwimmerSetting, kinds: Mapping[str, Training]
) -> dict[tuple[str, int], Path]:
    """Folders, by kind and seed, of trainings of each kind, when all are done."""
    folders: dict[tuple[str, int], Path] = {}
    tasks: list[tuple[Row, tuple[Training, Path]]] = []
    for seed in range(setting.seeds):
        for kind, training in kinds.items():
            steps = setting.steps or training.steps
            folders[kind, seed] = folder = setting.out / "runs" / f"{kind}-{seed}"
            task = (dataclasses.replace(training, seed=seed, steps=steps), folder)
            tasks.append(({"training": kind, "seed": seed}, task))
    setting.run(name, tasks, _train)
    return folders


def _kind(algorithm: str, policy: str, **changes: Any) -> Training:
    recipe = RECIPES[algorithm, policy.startswith("mlp")]
    return Training(algorithm, policy, **{**recipe, **changes})


def curves(setting: SwimmerSetting) -> list[Row]:
    """Learning curves of circuits and MLPs under PPO, DDPG and random search."""
    kinds = {f"{a}-{p}": _kind(a, p, steps=steps) for (a, p), steps in _CURVES.items()}
    points: list[Row] = []
    for (name, seed), folder in _run("curves", setting, kinds).items():
        algorithm, _, policy = name.partition("-")
        steps, returns = read_curve(folder)
        points += [
            {"algorithm": algorithm, "policy": policy, "seed": seed, "steps": s, "return": r}
            for s, r in zip(steps.tolist(), returns.tolist(), strict=True)
        ]
    return points


def _curves_summary(points: list[Row]) -> list[Row]:
    """Where each kind of training started, where it came to, and how soon it was good."""
    kinds = dict.fromkeys((point["algorithm"], point["policy"]) for point in points)
    rows = []
    for algorithm, policy in kinds:
        own = [p for p in points if (p["algorithm"], p["policy"]) == (algorithm, policy)]
        seeds = dict.fromkeys(point["seed"] for point in own)
        found = [np.array([p["return"] for p in own if p["seed"] == seed]) for seed in seeds]
        steps = [np.array([p["steps"] for p in own if p["seed"] == seed]) for seed in seeds]
        last = np.array([returns[-max(1, len(returns) // 10) :].mean() for returns in found])
        to_goal = [
            float(each[np.argmax(returns >= GOAL)]) if (returns >= GOAL).any() else np.inf
            for each, returns in zip(steps, found, strict=True)
        ]
        low, high = interval(last, np.random.default_rng(0))
        rows.append(
            {
                "algorithm": algorithm,
                "policy": policy,
                "parameters": _kind(algorithm, policy).design().size,
                "seeds": len(seeds),
                "steps": int(max(each[-1] for each in steps)),
                "initial": float(np.mean([returns[0] for returns in found])),
                "asymptote": float(last.mean()),
                "asymptote_low": low,
                "asymptote_high": high,
                "steps_to_850_median": float(np.median(to_goal)),
                "reached_850": int(np.isfinite(to_goal).sum()),
            }
        )
    return rows


# Policies before any training; None stands for random torques.
_STARTS: dict[str, CircuitDesign | MLPDesign | None] = {
    "unit, signed": CircuitDesign(5),
    "random, signed": CircuitDesign(5, random=True),
    "random per joint, signed": CircuitDesign(5, own=True, random=True),
    "unit, signs by coin": CircuitDesign(5, signed=False),
    "random, signs by coin": CircuitDesign(5, random=True, signed=False),
    "MLP 64 × 64": MLPDesign(5),
    "MLP 256 × 256": MLPDesign(5, (256, 256)),
    "random torques": None,
}


def _untrained(task: tuple[CircuitDesign | MLPDesign | None, int, int]) -> Row:
    """Mean return of each draw of a policy's first weights, over starts of its own: a task."""
    design, draws, episodes = task
    if design is None:
        found = np.array(score("random", 6, "swim", draws * episodes, threads=1)["returns"])
    else:
        rng = np.random.default_rng(0)
        act = design.act(np.stack([design.initial(rng) for _ in range(draws)]), episodes)
        seeds = list(range(draws * episodes))
        found = swim_episodes(act, design.joints + 1, seeds, threads=1).returns
    return {"returns": found.reshape(draws, episodes).mean(axis=1).tolist()}


def initial(setting: SwimmerSetting) -> list[Row]:
    """Performance before any training, by the start's weights."""
    tasks = [
        ({"start": name}, (design, _DRAWS, _EPISODES_OF_A_DRAW)) for name, design in _STARTS.items()
    ]
    return [
        {"start": row["start"], "draw": draw, "return": found}
        for row in setting.run("initial", tasks, _untrained)
        for draw, found in enumerate(row["returns"])
    ]


def ablations(setting: SwimmerSetting) -> list[Row]:
    """What signs, initialisation, receptors, oscillator and optimiser are worth in training."""
    variants: dict[str, dict[str, Any]] = {
        "full": {},
        "random start": {"random": True},
        "unsigned": {"signed": False},
        "unsigned, random start": {"signed": False, "random": True},
        "no proprioception": {"proprioception": False},
        "no oscillator": {"oscillator": False},
    }
    kinds = {
        f"{algorithm}-{name.replace(', ', '-').replace(' ', '-')}": _kind(
            algorithm, "ncap", steps=_ABLATED[algorithm], **changes
        )
        for algorithm in ("ars", "ppo")
        for name, changes in variants.items()
    }
    for name, changes in (("", {}), ("-random-start", {"random": True})):
        kinds[f"ppo-exponentiated{name}"] = _kind(
            "ppo",
            "ncap",
            steps=_ABLATED["ppo"],
            optimiser="exponentiated",
            **{**changes, "learning_rate": _EXPONENTIATED_RATE},
        )
    named = {f"ablation-{name}": kind for name, kind in kinds.items()}
    folders = _run("ablations", setting, named)
    rows: list[Row] = []
    for (name, seed), folder in folders.items():
        _, algorithm, variant = name.split("-", 2)
        _, returns = read_curve(folder)
        rows.append(
            {
                "algorithm": algorithm,
                "variant": variant.replace("-", " "),
                "seed": seed,
                "initial": float(returns[0]),
                "return": float(returns[-1]),
            }
        )
    return rows


def _ablations_summary(rows: list[Row]) -> list[Row]:
    kinds = [{**row, "kind": f"{row['algorithm']}, {row['variant']}"} for row in rows]
    return _means(kinds, "kind", "return")


# Policies that are compared on other bodies and under other conditions.
_TRAINED = ("ncap", "ncap-trained", "ncap-extended", "ncap-delay", "mlp")


def _score(task: tuple[str, int, SwimConditions]) -> Row:
    """Mean return of a policy on a body under conditions, its 95 % interval, the least return."""
    policy, links, conditions = task
    found = score(policy, links, "swim", _EPISODES, conditions=conditions, threads=1)
    low, high = found["return_ci95"]
    least = float(min(found["returns"]))
    return {"return": found["return_mean"], "low": low, "high": high, "least": least}


def policies(setting: SwimmerSetting) -> list[Row]:
    """The policies that the package ships, with and without a delay of five control steps."""
    tasks: list[tuple[Row, tuple[str, int, SwimConditions]]] = [
        (
            {
                "policy": policy, "parameters": find_policy(policy, 6)[0].size, "delay": delay,
                "episodes": _EPISODES,
            },
            (policy, 6, SwimConditions(delay=delay)),
        )
        for policy in _TRAINED
        for delay in _DELAYS
    ]  # fmt: skip
    return setting.run("policies", tasks, _score)


def bodies(setting: SwimmerSetting) -> list[Row]:
    """Circuits on other bodies without training anew, beside an MLP trained on each."""
    tasks: list[tuple[Row, tuple[str, int, SwimConditions]]] = [
        ({"policy": policy, "links": links}, (policy, links, SwimConditions()))
        for links in BODIES
        for policy in _TRAINED
    ]
    return setting.run("bodies", tasks, _score)


def robustness(setting: SwimmerSetting) -> list[Row]:
    """Late answers, noisy and lost sensors, thinner and thicker media."""
    conditions = {
        "delay": [SwimConditions(delay=steps) for steps in range(6)],
        "noise": [SwimConditions(noise=sigma) for sigma in (0.0, 0.05, 0.1, 0.2, 0.4)],
        "density": [SwimConditions(density=part) for part in (0.5, 0.75, 1.0, 1.5, 2.0)],
        "lost_joint": [SwimConditions(lost_joint=joint) for joint in range(6)],
    }
    tasks: list[tuple[Row, tuple[str, int, SwimConditions]]] = [
        (
            {"policy": policy, "condition": name, "value": getattr(condition, name)},
            (policy, 6, condition),
        )
        for policy in _TRAINED
        for name, each in conditions.items()
        for condition in each
    ]
    return setting.run("robustness", tasks, _score)


def cost(_setting: SwimmerSetting) -> list[Row]:
    """Parameters and time of one step of a policy, without the physics."""
    rows: list[Row] = []
    observations = np.random.default_rng(0).normal(size=(1, 23))
    for policy in _TRAINED:
        design, vector = find_policy(policy, 6)
        if isinstance(design, CircuitDesign):
            circuit = design.circuit(vector)
            microseconds = _microseconds(partial(circuit.step, observations[0, :5]))
        else:
            act = design.act(vector[None], 1)
            microseconds = _microseconds(partial(act, observations, 0))
        rows.append({"policy": policy, "parameters": design.size, "step_us": microseconds})
    large = MLPDesign(5, (256, 256))
    act = large.act(large.initial(np.random.default_rng(0))[None], 1)
    rows.append(
        {
            "policy": "MLP 256 × 256",
            "parameters": large.size,
            "step_us": _microseconds(partial(act, observations, 0)),
        }
    )
    return rows


def _microseconds(step: Callable[[], Any], count: int = 20_000) -> float:
    """Shortest of five means, µs."""
    found = []
    for _ in range(5):
        begin = time.perf_counter()
        for _ in range(count // 5):
            step()
        found.append((time.perf_counter() - begin) / (count // 5) * 1e6)
    return min(found)


def _means(rows: Iterable[Row], by: str, value: str) -> list[Row]:
    """Mean and 95 % interval of ``value`` for each ``by``, in the order they come."""
    groups: dict[str, list[float]] = {}
    for row in rows:
        groups.setdefault(row[by], []).append(row[value])
    found = []
    for name, values in groups.items():
        low, high = interval(np.array(values), np.random.default_rng(0))
        found.append(
            {by: name, "n": len(values), "mean": np.mean(values), "low": low, "high": high}
        )
    return found


_TRAINING_OPTIONS = (
    seeds_option,
    click.option(
        "--steps",
        type=click.IntRange(min=1),
        help="Environment steps of every training, for a quick look; by default what each needs.",
    ),
)

EXPERIMENTS: dict[str, Experiment[SwimmerSetting]] = {
    "initial": Experiment(initial, figures.initial, partial(_means, by="start", value="return")),
    "curves": Experiment(
        curves, partial(figures.curves, goal=GOAL), _curves_summary, _TRAINING_OPTIONS
    ),
    "ablations": Experiment(ablations, figures.ablations, _ablations_summary, _TRAINING_OPTIONS),
    "policies": Experiment(policies),
    # The mean over bodies is what the circuits are compared by.
    "bodies": Experiment(bodies, figures.bodies, partial(_means, by="policy", value="return")),
    "robustness": Experiment(robustness, figures.robustness),
    "cost": Experiment(cost),
}

experiment = experiments.group("swimmer", EXPERIMENTS, SwimmerSetting)
