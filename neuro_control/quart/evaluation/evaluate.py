# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How often a policy does QUARD's tasks: success with its interval over seeded episodes."""

from __future__ import annotations

import statistics
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from neuro_control.cli.evaluation import wilson
from neuro_control.cli.experiments import Row, Setting
from neuro_control.cli.options import executor_options, json_option, out_option, seed_option
from neuro_control.cli.output import show_result
from neuro_control.learning.executors import workers
from neuro_control.quart.control.tasks import PAIRS
from neuro_control.quart.evaluation.episodes import SPLITS, Episodes, draw_episode, measure
from neuro_control.quart.evaluation.guides import weights_of
from neuro_control.quart.evaluation.options import (
    episodes_option,
    meanings,
    policy_option,
    robot_option,
    tasks_option,
)

TESTS = ("strict", "published")
# Episodes in one task for an executor, which makes course, camera and policy once.
_TOGETHER = 5


def checksum(guide: str) -> int:
    """Checksum of a guide's weights; 0 if it has none.

    Raises:
        ConfigurationError: There is no such guide.
    """
    file = weights_of(guide)
    return 0 if file is None else zlib.crc32(file.read_bytes())


def run_episodes(
    setting: Setting, name: str, labelled: Sequence[tuple[Row, Episodes]]
) -> list[Row]:
    """Rows of all episodes, each with its label, in the order of labels and seeds.

    Args:
        setting: Where they are done, and the folder from which they are resumed.
        name: Name of what is resumed.
        labelled: Label and episodes.

    Raises:
        ConfigurationError: An episode can't be drawn or done.
    """
    for _, episodes in labelled:
        draw_episode(episodes, episodes.seeds[0])  # a mistake shows here, not in a task
    tasks = [
        (label, replace(episodes, seeds=episodes.seeds[first : first + _TOGETHER]))
        for label, episodes in labelled
        for first in range(0, len(episodes.seeds), _TOGETHER)
    ]
    rows = setting.run(name, tasks, measure)
    return [
        {**{key: value for key, value in row.items() if key != "episodes"}, **episode}
        for row in rows
        for episode in row["episodes"]
    ]


@click.command()
@policy_option
@tasks_option
@click.option(
    "--split", type=click.Choice(list(SPLITS)), default="seen", show_default=True,
    help="What training has not shown: colours and letters, wordings, nouns, or worlds.",
)  # fmt: skip
@click.option(
    "--draw", type=click.Choice(PAIRS), default="hard", show_default=True,
    help="hard: the other object differs by its colour alone; easy: by its shape too, as QUARD "
    "has it.",
)  # fmt: skip
@click.option(
    "--test", type=click.Choice(TESTS), default="strict", show_default=True,
    help="Test of success; the table shows both.",
)  # fmt: skip
@click.option(
    "--instruction", default="", metavar="TEXT",
    help="Words that the policy gets in all episodes; any, if --tasks and --target say what they "
    "mean.",
)  # fmt: skip
@click.option(
    "--target", default="", metavar="'COLOUR KIND'",
    help="Target of all episodes, such as 'red cube' or 'letter a'.",
)  # fmt: skip
@click.option(
    "--follow", type=click.IntRange(1, 100), default=1, show_default=True,
    help="Number of actions of a chunk that are carried out before the policy looks again.",
)  # fmt: skip
@robot_option
@episodes_option
@seed_option
@executor_options
@out_option("Folder from which an interrupted evaluation is resumed.", Path("out/evaluate/quart"))
@json_option
def evaluate(
    policy: str,
    tasks: str,
    split: str,
    draw: str,
    test: str,
    instruction: str,
    target: str,
    follow: int,
    robot: str,
    episodes: int,
    seed: int,
    jobs: int,
    cluster: str | None,
    out: Path,
    json: str | None,
) -> None:
    """Measure how often a policy does QUARD's tasks, over seeded episodes on their course."""
    meant = meanings(tasks, instruction, target)
    weights, seeds = checksum(policy), tuple(range(seed, seed + episodes))
    labelled: list[tuple[Row, Episodes]] = [
        (
            {"task": skill},
            Episodes(
                policy, skill, seeds, split, draw, robot,
                meant=each, instruction=instruction, follow=follow, weights=weights,
            ),
        )
        for skill, each in meant.items()
    ]  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    # Other settings have another name: what an interrupted evaluation left stays there for it.
    name = f"evaluation_{zlib.crc32(repr(labelled).encode()):08x}"
    with workers(jobs, cluster) as executor:
        rows = run_episodes(Setting(out, executor), name, labelled)
    result = {
        "policy": policy, "split": split, "draw": draw, "test": test, "robot": robot,
        "seed": seed, **score(rows, test),
    }  # fmt: skip
    show_result(result, json, _table(result))


def score(rows: Sequence[Row], test: str) -> dict[str, Any]:
    """Metrics by task, and over all episodes.

    Args:
        rows: Of ``run_episodes``, each with its ``task``.
        test: strict or published.

    Returns:
        Under ``tasks``, by name, what ``summary`` gives, and the episodes themselves
        under ``runs``; and under ``all`` the same of all episodes.
    """
    found: dict[str, Any] = {}
    for task in dict.fromkeys(row["task"] for row in rows):
        own = [row for row in rows if row["task"] == task]
        runs = [{key: value for key, value in row.items() if key != "task"} for row in own]
        found[task] = {**summary(own, test), "runs": runs}
    return {"tasks": found, "all": summary(rows, test)}


def summary(episodes: Sequence[Row], test: str = "strict") -> Row:
    """What episodes amount to.

    Args:
        episodes: Rows of ``episodes.measure``, at least one.
        test: Test that ``success`` and ``ci95`` are of, strict or published.

    Returns:
        ``success`` (a rate) and ``ci95`` (Wilson); ``hz``, decisions a second that one core could
        make; ``touched``, ``strict``, ``published``, ``done`` (strict but for the end), ``ended``
        and ``fell`` (rates); ``seconds`` and ``speed_mps`` (means); ``failures``, how often the
        strict test gave which reason.
    """
    number = len(episodes)
    passed = sum(bool(each[test]) for each in episodes)
    rates = {
        name: sum(bool(each[column]) for each in episodes) / number
        for name, column in (
            ("touched", "touched"), ("strict", "strict"), ("published", "published"),
            ("done", "done"), ("ended", "terminated"), ("fell", "fell"),
        )
    }  # fmt: skip
    failures = Counter(each["failed"] for each in episodes if not each["strict"])
    return {
        "success": passed / number,
        "ci95": list(wilson(passed, number)),
        "hz": 1e3 / statistics.fmean(each["step_ms"] for each in episodes),
        "episodes": number,
        **rates,
        "seconds": statistics.fmean(each["seconds"] for each in episodes),
        "speed_mps": statistics.fmean(each["speed"] for each in episodes),
        "failures": dict(failures.most_common()),
    }


def _table(result: dict[str, Any]) -> Table:
    table = Table(
        title=f"{result['policy']}, {result['split']}, {result['draw']}, {result['robot']}: "
        f"success by the {result['test']} test"
    )
    table.add_column("task")
    for name in ("success", "95 %", "strict", "published", "touched", "ended", "Hz"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, each in {**result["tasks"], "all": result["all"]}.items():
        low, high = each["ci95"]
        rates = [each[column] for column in ("strict", "published", "touched", "ended")]
        table.add_row(
            name, f"{each['success']:.2f}", f"{low:.2f}–{high:.2f}",
            *(f"{rate:.2f}" for rate in rates), f"{each['hz']:.0f}",
        )  # fmt: skip
    return table
