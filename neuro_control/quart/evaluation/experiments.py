# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Claims about the policies of QUARD's tasks, each tried by one command: CSV files and figures."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import click

from neuro_control import resources
from neuro_control.cli.evaluation import wilson
from neuro_control.cli.experiments import Experiment, Row, group
from neuro_control.cli.experiments import Setting as SharedSetting
from neuro_control.cli.options import seed_option
from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.robots import ROBOTS
from neuro_control.quart.control.policy import Policy
from neuro_control.quart.control.tasks import BARS, MANNERS, PAIRS
from neuro_control.quart.evaluation import refusals
from neuro_control.quart.evaluation.episodes import SPLITS, Episodes
from neuro_control.quart.evaluation.evaluate import checksum, run_episodes
from neuro_control.quart.evaluation.guides import DEFAULT, weights_of
from neuro_control.quart.evaluation.options import (
    episodes_option,
    read_tasks,
    robot_option,
    tasks_option,
)
from neuro_control.quart.evaluation.rendering import figures

Labelled = list[tuple[Row, Episodes]]


@dataclass(frozen=True)
class Setting(SharedSetting):
    """How an experiment is done.

    Attributes:
        policies: Policies that are measured, as ``guides.weights_of`` has them.
        tasks: Their tasks, separated by commas; all if it is empty.
        splits: Splits.
        draws: easy, hard or both.
        robot: go2 or go1.
        episodes: Episodes of each cell of a table.
        seed: Seed of the first one.
    """

    policies: tuple[str, ...]
    tasks: str
    splits: tuple[str, ...]
    draws: tuple[str, ...]
    robot: str
    episodes: int
    seed: int

    @property
    def skills(self) -> tuple[str, ...]:
        """Names of the tasks."""
        return read_tasks(self.tasks)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the episodes."""
        return tuple(range(self.seed, self.seed + self.episodes))

    def cell(self, policy: str, task: str, **others: Any) -> tuple[Row, Episodes]:
        """Label and episodes of a cell.

        Args:
            policy: Who commands.
            task: The skill.
            others: What else differs: fields of ``Episodes``, which the label shows, too.
        """
        named = {"robot": self.robot, **others}
        episodes = Episodes(policy, task, self.seeds, weights=checksum(policy), **named)
        label = {name: "" if value is None else value for name, value in named.items()}
        return {"policy": policy, "task": task, **label}, episodes

    def measured(self, name: str, labelled: Labelled) -> list[Row]:
        """Rows of all episodes of the cells."""
        return run_episodes(self, name, labelled)


OPTIONS: Sequence[Callable[[Any], Any]] = (
    click.option(
        "--policy", "policies", multiple=True, default=(DEFAULT,), show_default=True,
        metavar="NAME|FILE", help="Policy that is measured; may be given more than once.",
    ),
    tasks_option,
    click.option(
        "--split", "splits", type=click.Choice(list(SPLITS)), multiple=True, default=("seen",),
        show_default=True, help="Split; may be given more than once. `splits` takes all of them.",
    ),
    click.option(
        "--draw", "draws", type=click.Choice(PAIRS), multiple=True, default=("hard",),
        show_default=True,
        help="Draw of the other object; may be given more than once. `tasks` takes both.",
    ),
    robot_option,
    episodes_option,
    seed_option,
)  # fmt: skip


def tasks(setting: Setting) -> list[Row]:
    """Each task by the policies, and by those that lack eyes, words or both."""
    guides = [*setting.policies]
    guides += [f"{lack}:{policy}" for policy in setting.policies for lack in ("blind", "deaf")]
    cells = [
        setting.cell(guide, task, split=split, draw=draw)
        for guide in (*guides, "script", "random", "expert")
        for split in setting.splits
        for draw in PAIRS
        for task in setting.skills
    ]
    return setting.measured("tasks", cells)


def splits(setting: Setting) -> list[Row]:
    """Each split by the policies: what training has not shown."""
    cells = [
        setting.cell(policy, task, split=split, draw=draw)
        for policy in setting.policies
        for split in SPLITS
        for draw in setting.draws
        for task in setting.skills
    ]
    return setting.measured("splits", cells)


def manners(setting: Setting) -> list[Row]:
    """How fast the policies walk slowly, normally and quickly, beside the expert."""
    cells = [
        setting.cell(guide, task, manner=manner, draw=setting.draws[0])
        for guide in (*setting.policies, "expert")
        for task in setting.skills
        for manner in MANNERS
    ]
    return setting.measured("manners", cells)


def ablations(setting: Setting) -> list[Row]:
    """Policies of several trainings beside one another: those given, or all of config/weights."""
    policies: Sequence[str] = setting.policies
    if policies == (DEFAULT,):
        folder = resources.share() / "config" / "weights"
        policies = [file.stem for file in sorted(folder.glob("quart*.safetensors"))]
    if len(policies) < 2:
        raise ConfigurationError(
            "there is one policy and nothing to compare it with: give several, each with --policy"
        )
    return setting.measured("ablations", _cells(setting, policies))


def chunks(setting: Setting) -> list[Row]:
    """Policies that say several actions at once, by how many they do before they look again."""
    cells = []
    for policy in setting.policies:
        file = weights_of(policy)
        longest = 1 if file is None else Policy.load(file).chunk
        cells += [
            setting.cell(policy, task, split=split, draw=draw, follow=follow)
            for follow in (1, 2, 5, 10)
            if follow <= longest
            for split in setting.splits
            for draw in setting.draws
            for task in setting.skills
        ]
    return setting.measured("chunks", cells)


def expert(setting: Setting) -> list[Row]:
    """The expert's success by task, on both robots and under each bar."""
    cells = [
        setting.cell("expert", task, robot=robot, draw=draw, bar=bar)
        for robot in ROBOTS
        for draw in setting.draws
        for task in setting.skills
        for bar in (BARS if task == "crawl" else (None,))
    ]
    return setting.measured("expert", cells)


def failures(setting: Setting) -> list[Row]:
    """Episodes of the policies, and pictures of those in which they failed."""
    return setting.measured("failures", _cells(setting, setting.policies))


def saliency(setting: Setting) -> list[Row]:
    """Which part of the picture decided, in episodes that succeeded and in others."""
    return setting.measured("saliency", _cells(setting, setting.policies))


def refused(setting: Setting) -> list[Row]:
    """Which words the policies act on: all wordings of instructions, and what is none."""
    return refusals.measure(setting.policies, setting.episodes, setting.seed)


def _cells(setting: Setting, policies: Sequence[str]) -> Labelled:
    """The policies in all splits and draws that are chosen."""
    return [
        setting.cell(policy, task, split=split, draw=draw)
        for policy in policies
        for split in setting.splits
        for draw in setting.draws
        for task in setting.skills
    ]


def summarise(by: tuple[str, ...], rows: Sequence[Row], *, speed: bool = False) -> list[Row]:
    """Rates of the episodes that have the same values in the columns ``by``.

    Args:
        by: Columns.
        rows: Rows of episodes.
        speed: Whether the speeds count, rather than what came of the episodes.

    Returns:
        ``strict`` with its 95 % interval (Wilson), and ``published``, ``touched`` and ``ended`` as
        rates, with ``step_ms``, the mean time of a decision; or ``strict``, and mean and standard
        deviation of the speed.
    """
    cells: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        cells.setdefault(tuple(row[key] for key in by), []).append(row)
    measure = _speeds if speed else _rates
    return [{**dict(zip(by, cell, strict=True)), **measure(own)} for cell, own in cells.items()]


def _rates(rows: Sequence[Row]) -> Row:
    number, strict = len(rows), sum(row["strict"] for row in rows)
    low, high = wilson(strict, number)
    return {
        "n": number, "strict": strict / number, "low": low, "high": high,
        **{
            name: sum(row[column] for row in rows) / number
            for name, column in (
                ("published", "published"), ("touched", "touched"), ("ended", "terminated"),
            )
        },
        "step_ms": statistics.fmean(row["step_ms"] for row in rows),
    }  # fmt: skip


def _speeds(rows: Sequence[Row]) -> Row:
    speeds = [row["speed"] for row in rows]
    return {
        "n": len(rows),
        "strict": sum(row["strict"] for row in rows) / len(rows),
        "speed_mps": statistics.fmean(speeds),
        "speed_sd_mps": statistics.pstdev(speeds),
    }


def with_average(by: tuple[str, ...], rows: Sequence[Row]) -> list[Row]:
    """As ``summarise``, with the average over tasks as one more task."""
    return summarise(by, [*rows, *({**row, "task": "average"} for row in rows)])


_CELLS = ("policy", "split", "draw", "task")

EXPERIMENTS: dict[str, Experiment[Setting]] = {
    "tasks": Experiment(tasks, figures.success, partial(with_average, _CELLS)),
    "splits": Experiment(
        splits, partial(figures.success, colour="split"), partial(with_average, _CELLS)
    ),
    "manners": Experiment(
        manners, figures.speeds, partial(summarise, ("policy", "task", "manner"), speed=True)
    ),
    "ablations": Experiment(ablations, figures.success, partial(with_average, _CELLS)),
    "chunks": Experiment(
        chunks,
        partial(figures.success, colour="follow"),
        partial(with_average, (*_CELLS, "follow")),
    ),
    "expert": Experiment(
        expert,
        partial(figures.success, colour="robot"),
        partial(summarise, ("robot", "draw", "task", "bar")),
    ),
    "refusals": Experiment(refused, refusals.draw, refusals.summarise),
    "failures": Experiment(failures, figures.failures, partial(summarise, _CELLS)),
    "saliency": Experiment(saliency, figures.saliency, partial(summarise, _CELLS)),
}

experiment = group("quart", EXPERIMENTS, Setting, OPTIONS)
