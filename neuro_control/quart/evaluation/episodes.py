# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Seeded episodes: what each split draws, and what came of every one, as a row.

Whoever commands the robot, an episode of a seed has the same task, words, places and world. The
split says what of them training has not shown:

| split | colours and letters of targets | words | world |
| --- | --- | --- | --- |
| seen | seen | seen | seen |
| unseen_object | unseen | seen | seen |
| unseen_wording | seen | sentences that training does not show | seen |
| unseen_noun | seen | nouns that training does not show | seen |
| unseen_world | seen | seen | textures, furniture, light and camera that it does not show |
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from neuro_control.cli.experiments import Row
from neuro_control.quart.control.instructions import Understood, say
from neuro_control.quart.control.tasks import (
    KINDS,
    LETTERS,
    MANNERS,
    SEEN,
    SKILLS,
    UNSEEN,
    UNSEEN_LETTERS,
    Task,
    draw_task,
)
from neuro_control.quart.evaluation.guides import make_guide
from neuro_control.quart.evaluation.rollout import rollout
from neuro_control.quart.simulation.course import Course, load_of
from neuro_control.quart.simulation.scenery import Scenery, draw_scenery


@dataclass(frozen=True)
class Split:
    """What the episodes of a split are drawn from.

    Attributes:
        colours: Colours of targets; all else has seen ones.
        letters: Letters of targets; the other one may be any of these or of the seen ones.
        wordings: As ``instructions.say`` has them.
        scenery: As ``scenery.draw_scenery`` has it.
    """

    colours: Sequence[str] = SEEN
    letters: Sequence[str] = LETTERS
    wordings: str = "seen"
    scenery: str = "seen"


SPLITS = {
    "seen": Split(),
    "unseen_object": Split(colours=UNSEEN, letters=UNSEEN_LETTERS),
    "unseen_wording": Split(wordings="unseen"),
    "unseen_noun": Split(wordings="synonym"),
    "unseen_world": Split(scenery="unseen"),
}


@dataclass(frozen=True)
class Episodes:
    """Seeded episodes of one skill, and who commands the robot in them.

    Attributes:
        guide: Who commands, as ``guides.make_guide`` has it.
        skill: One of ``tasks.SKILLS``.
        seeds: Seed of each.
        split: One of ``SPLITS``.
        draw: easy or hard, as ``tasks.draw_task`` has it.
        robot: go2 or go1.
        manner: One of ``tasks.MANNERS``; drawn for each episode if it is empty.
        meant: The one target of all episodes; drawn for each if there is none.
        instruction: Words that are given in place of the split's.
        bar: Underside of the bar, m; drawn by default.
        follow: Number of actions of a chunk that a policy carries out before it looks again.
        weights: Checksum of the guide's weights: what was measured with others is not resumed.
    """

    guide: str
    skill: str
    seeds: tuple[int, ...]
    split: str = "seen"
    draw: str = "hard"
    robot: str = "go2"
    manner: str = ""
    meant: Understood | None = None
    instruction: str = ""
    bar: float | None = None
    follow: int = 1
    weights: int = 0


def draw_episode(episodes: Episodes, seed: int) -> tuple[Task, Scenery]:
    """Task and scenery of one of the episodes.

    Raises:
        ConfigurationError: What is meant does not belong to the skill.
    """
    split = SPLITS[episodes.split]
    # Each part has a generator of its own: an easy and a hard draw of a seed differ in the pair.
    meaning, words, places, world = (
        np.random.default_rng([seed, SKILLS.index(episodes.skill), part]) for part in range(4)
    )
    meant = episodes.meant or draw_meaning(episodes, split, meaning)
    instruction = episodes.instruction or say(meant, words, split.wordings)
    # The target of a crawl is a bar, and its colour is one of the others.
    others = split.colours if meant.skill == "crawl" else SEEN
    task = draw_task(
        meant.skill, meant.kind, meant.colour, places, instruction=instruction,
        manner=meant.manner, pair=episodes.draw, others=others,
        letters=tuple(dict.fromkeys((*LETTERS, *split.letters))), bar=episodes.bar,
    )  # fmt: skip
    return task, draw_scenery(split.scenery, world)


def draw_meaning(episodes: Episodes, split: Split, rng: np.random.Generator) -> Understood:
    """What an instruction is to say: target and manner."""
    kind = str(rng.choice(KINDS[episodes.skill]))
    colours = split.letters if episodes.skill == "distinguish" else split.colours
    colour, manner = str(rng.choice(colours)), str(rng.choice(MANNERS))
    return Understood(
        episodes.skill,
        kind,
        "" if episodes.skill == "crawl" else colour,
        episodes.manner or manner,
    )


def measure(episodes: Episodes) -> Row:
    """Do episodes: a task for an executor.

    Returns:
        Under ``episodes`` a row for each: ``seed``, ``instruction``, ``manner``, all of
        ``rollout.Outcome``, and ``step_ms``, the mean wall time of a decision.
    """
    course = Course(episodes.robot, load_of(episodes.skill))
    guide = make_guide(episodes.guide, course, episodes.follow)
    rows: list[Row] = []
    try:
        for seed in episodes.seeds:
            task, scenery = draw_episode(episodes, seed)
            outcome = rollout(course, task, guide, seed, scenery)
            rows.append(
                {
                    "seed": seed,
                    "instruction": task.instruction,
                    "manner": task.manner,
                    **asdict(outcome),
                    # The first one also makes ready what all others use.
                    "step_ms": 1e3 * statistics.fmean(guide.seconds[1:] or guide.seconds),
                }
            )
    finally:
        guide.close()
    return {"episodes": rows}
