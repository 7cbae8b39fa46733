"""The NCAP paper's claims, each tried again by one command: CSV and figure come of it.

Trainings run side by side in folders of their own below ``runs`` and go on where they were
interrupted; everything else is measured anew in seconds to minutes.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from neuro_control.cli.output import print_table, remarks, write_rows
from neuro_control.errors import ConfigurationError
from neuro_control.learning.executors import workers
from neuro_control.swimmer.control.policy import CircuitDesign, MLPDesign, find_policy
from neuro_control.swimmer.evaluation import figures
from neuro_control.swimmer.evaluation.evaluate import interval, score
from neuro_control.swimmer.simulation.rollout import Conditions, individuals
from neuro_control.swimmer.training.run import Training, read_curve
from neuro_control.swimmer.training.train import RECIPES, train

Array = NDArray[np.float64]
Row = dict[str, Any]

# Episodes that a figure of merit rests on; draws of a random start, and episodes of each.
_EPISODES, _DRAWS, _EPISODES_OF_A_DRAW = 10, 30, 4
# Return that data efficiency is told by.
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
class Setting:
    """What an experiment runs with.

    Attributes:
        out: Folder of CSV files, figures and, below ``runs``, trainings.
        seeds: Trainings of each kind, seeded from 0 on.
        steps: Environment steps of every training in place of its own; None keeps them.
        executor: Where trainings run.
    """

    out: Path
    seeds: int
    steps: int | None
    executor: Executor


def _train(training: Training, folder: Path) -> None:
    """One training with one thread, for an executor."""
    with ThreadPoolExecutor(1) as here:
        train(training, folder, here, threads=1)


def _run(setting: Setting, kinds: Mapping[str, Training]) -> dict[tuple[str, int], Path]:
    """Folders, by name and seed, of trainings of each kind, when all are done."""
    folders, tasks = {}, {}
    for seed in range(setting.seeds):
        for name, kind in kinds.items():
            training = dataclasses.replace(kind, seed=seed, steps=setting.steps or kind.steps)
            folders[name, seed] = folder = setting.out / "runs" / f"{name}-{seed}"
            tasks[setting.executor.submit(_train, training, folder)] = folder.name
    with Progress(
        TextColumn("trainings"),
        BarColumn(),
        TextColumn("{task.completed} of {task.total}"),
        TimeElapsedColumn(),
        console=remarks,
    ) as bar:
        shown = bar.add_task("", total=len(tasks))
        for task in as_completed(tasks):
            try:
                task.result()
            except ConfigurationError:
                for other in tasks:
                    other.cancel()
                raise
            bar.advance(shown)
    return folders


def _kind(algorithm: str, policy: str, **changes: Any) -> Training:
    recipe = RECIPES[algorithm, policy.startswith("mlp")]
    return Training(algorithm, policy, **{**recipe, **changes})


def curves(setting: Setting) -> list[Row]:
    """Learning curves of circuits and MLPs under PPO, DDPG and random search."""
    kinds = {f"{a}-{p}": _kind(a, p, steps=steps) for (a, p), steps in _CURVES.items()}
    folders = _run(setting, kinds)
    points: list[Row] = []
    for (name, seed), folder in folders.items():
        algorithm, _, policy = name.partition("-")
        steps, returns = read_curve(folder)
        points += [
            {"algorithm": algorithm, "policy": policy, "seed": seed, "steps": s, "return": r}
            for s, r in zip(steps.tolist(), returns.tolist(), strict=True)
        ]
    write_rows(setting.out / "curves.csv", points)
    figures.curves(points, GOAL, setting.out / "curves.png")
    rows = []
    for name in kinds:
        algorithm, _, policy = name.partition("-")
        found = [read_curve(folders[name, seed]) for seed in range(setting.seeds)]
        last = np.array([returns[-max(1, len(returns) // 10) :].mean() for _, returns in found])
        to_goal = [
            float(steps[np.argmax(returns >= GOAL)]) if (returns >= GOAL).any() else np.inf
            for steps, returns in found
        ]
        low, high = interval(last, np.random.default_rng(0))
        rows.append(
            {
                "algorithm": algorithm,
                "policy": policy,
                "parameters": kinds[name].design().size,
                "seeds": setting.seeds,
                "steps": int(max(steps[-1] for steps, _ in found)),
                "initial": float(np.mean([returns[0] for _, returns in found])),
                "asymptote": float(last.mean()),
                "asymptote_low": low,
                "asymptote_high": high,
                "steps_to_850_median": float(np.median(to_goal)),
                "reached_850": int(np.isfinite(to_goal).sum()),
            }
        )
    write_rows(setting.out / "curves_summary.csv", rows)
    return rows


def initial(setting: Setting) -> list[Row]:
    """Performance before any training, by the start's weights."""
    designs: dict[str, CircuitDesign | MLPDesign] = {
        "unit, signed": CircuitDesign(5),
        "random, signed": CircuitDesign(5, random=True),
        "random per joint, signed": CircuitDesign(5, own=True, random=True),
        "unit, signs by coin": CircuitDesign(5, signed=False),
        "random, signs by coin": CircuitDesign(5, random=True, signed=False),
        "MLP 64 × 64": MLPDesign(5),
        "MLP 256 × 256": MLPDesign(5, (256, 256)),
    }
    rows: list[Row] = []
    seeds = list(range(_EPISODES_OF_A_DRAW))
    for name, design in designs.items():
        rng = np.random.default_rng(0)
        vectors = np.stack([design.initial(rng) for _ in range(_DRAWS)])
        returns = np.concatenate(
            [
                individuals(design, vectors[i : i + 6], seeds).returns.mean(axis=1)
                for i in range(0, _DRAWS, 6)
            ]
        )
        rows += [{"start": name, "draw": i, "return": r} for i, r in enumerate(returns.tolist())]
    for i, r in enumerate(score("random", 6, "swim", _DRAWS)["returns"]):
        rows.append({"start": "random torques", "draw": i, "return": r})
    write_rows(setting.out / "initial.csv", rows)
    figures.initial(rows, setting.out / "initial.png")
    return _means(rows, "start", "return")


def ablations(setting: Setting) -> list[Row]:
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
    folders = _run(setting, {f"ablation-{name}": kind for name, kind in kinds.items()})
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
    write_rows(setting.out / "ablations.csv", rows)
    figures.ablations(rows, setting.out / "ablations.png")
    for row in rows:
        row["kind"] = f"{row['algorithm']}, {row['variant']}"
    return _means(rows, "kind", "return")


# Policies that are compared on other bodies and under other conditions.
_TRAINED = ("ncap", "ncap-trained", "ncap-extended", "ncap-delay", "mlp")


def bodies(setting: Setting) -> list[Row]:
    """Circuits on other bodies without training anew, beside an MLP trained on each."""
    rows = []
    for links in BODIES:
        for policy in _TRAINED:
            found = score(policy, links, "swim", _EPISODES)
            low, high = found["return_ci95"]
            rows.append(
                {
                    "policy": policy,
                    "links": links,
                    "return": found["return_mean"],
                    "low": low,
                    "high": high,
                }
            )
    write_rows(setting.out / "bodies.csv", rows)
    figures.bodies(rows, setting.out / "bodies.png")
    # The mean over bodies is what the circuits are compared by.
    return _means(rows, "policy", "return")


def robustness(setting: Setting) -> list[Row]:
    """Late answers, noisy and lost sensors, thinner and thicker media."""
    conditions = {
        "delay": [Conditions(delay=steps) for steps in range(6)],
        "noise": [Conditions(noise=sigma) for sigma in (0.0, 0.05, 0.1, 0.2, 0.4)],
        "density": [Conditions(density=part) for part in (0.5, 0.75, 1.0, 1.5, 2.0)],
        "lost_joint": [Conditions(lost_joint=joint) for joint in range(6)],
    }
    rows = []
    for policy in _TRAINED:
        for name, each in conditions.items():
            for condition in each:
                found = score(policy, 6, "swim", _EPISODES, conditions=condition)
                low, high = found["return_ci95"]
                rows.append(
                    {
                        "policy": policy,
                        "condition": name,
                        "value": getattr(condition, name),
                        "return": found["return_mean"],
                        "low": low,
                        "high": high,
                    }
                )
    write_rows(setting.out / "robustness.csv", rows)
    figures.robustness(rows, setting.out / "robustness.png")
    return rows


def cost(setting: Setting) -> list[Row]:
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
    write_rows(setting.out / "cost.csv", rows)
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


EXPERIMENTS: dict[str, Callable[[Setting], list[Row]]] = {
    "initial": initial,
    "curves": curves,
    "ablations": ablations,
    "bodies": bodies,
    "robustness": robustness,
    "cost": cost,
}


@click.command()
@click.argument("name", type=click.Choice(list(EXPERIMENTS)))
@click.option(
    "--seeds",
    type=click.IntRange(1, 100),
    default=5,
    show_default=True,
    help="Trainings of each kind.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    help="Environment steps of every training, for a quick look; by default what each needs.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 1000),
    default=len(os.sched_getaffinity(0)),
    show_default="one a core",
    help="Trainings at the same time.",
)
@click.option("--cluster", help="Address of a dask scheduler whose workers train instead.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("out/experiments"),
    show_default=True,
    help="Folder of CSV files, figures and trainings.",
)
def experiment(
    name: str, seeds: int, steps: int | None, jobs: int, cluster: str | None, out: Path
) -> None:
    """Try one of the paper's claims again; what was interrupted goes on."""
    out.mkdir(parents=True, exist_ok=True)
    with workers(jobs, cluster) as executor:
        rows = EXPERIMENTS[name](Setting(out, seeds, steps, executor))
    table = Table(*rows[0], title=name)
    for row in rows:
        table.add_row(*(f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values()))
    print_table(table)
    remarks.print(f"written: {', '.join(sorted(str(p) for p in out.glob(f'{name}*')))}")
