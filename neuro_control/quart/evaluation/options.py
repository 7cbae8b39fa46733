# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Options that the commands about QUARD's tasks share, and which tasks they mean.

A policy may be given any words. The judge must know what they mean: an instruction in one of
QUARD's forms says so itself, and for any other there are the task and its target.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.robots import ROBOTS
from neuro_control.quart.control.instructions import NOUNS, Understood, understand
from neuro_control.quart.control.tasks import (
    COLOURS,
    KINDS,
    LETTERS,
    MANNERS,
    SKILLS,
    UNSEEN_LETTERS,
)
from neuro_control.quart.evaluation.guides import DEFAULT, NAMES

policy_option = click.option(
    "--policy",
    default=DEFAULT,
    show_default=True,
    metavar="NAME|FILE",
    help="Who commands the robot: a name in config/weights, a file of weights, "
    f"{', '.join(NAMES[:-1])} or {NAMES[-1]}; blind:FILE and deaf:FILE are of that policy.",
)
episodes_option = click.option(
    "--episodes",
    type=click.IntRange(1, 100_000),
    default=100,
    show_default=True,
    help="Number of episodes of each task, each with a seed of its own.",
)
robot_option = click.option(
    "--robot",
    type=click.Choice(list(ROBOTS)),
    default="go2",
    show_default=True,
    help="Robot that walks.",
)
tasks_option = click.option(
    "--tasks",
    default="",
    metavar="TASK,TASK,…",
    show_default="all",
    help=f"Tasks: {', '.join(SKILLS)}.",
)

Meanings = dict[str, Understood | None]


def read_tasks(text: str) -> tuple[str, ...]:
    """Skills of a list such as ``go_to,avoid``; all of them if it is empty.

    Raises:
        ConfigurationError: One is no skill.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if unknown := [name for name in names if name not in SKILLS]:
        raise ConfigurationError(f"no task '{unknown[0]}': there are {', '.join(SKILLS)}")
    return names or SKILLS


def meanings(tasks: str, instruction: str = "", target: str = "") -> Meanings:
    """What is to be done, by skill; None where each episode draws its own target.

    Args:
        tasks: Value of ``--tasks``; empty if it was not given.
        instruction: Value of ``--instruction``, or empty.
        target: Value of ``--target``, or empty.

    Raises:
        ConfigurationError: They contradict one another, or leave open which task is judged.
    """
    skills = read_tasks(tasks)
    meant = _understood(instruction)
    if not target:
        if not instruction:
            return dict.fromkeys(skills)
        if meant is None:
            raise ConfigurationError(
                "the instruction is in none of QUARD's forms, so that --tasks and --target must "
                "say which task is judged: --tasks go_to --target 'red cube'"
            )
        if meant.skill not in skills:
            raise ConfigurationError(
                f"the instruction is about the task {meant.skill}, which --tasks leaves out"
            )
        return {meant.skill: meant}
    if meant is not None and not tasks:
        skills = (meant.skill,)
    found = _with_target(skills, target, _manner(instruction))
    if instruction and len(found) > 1:
        raise ConfigurationError(
            f"'{target}' may be the target of {', '.join(found)}: --tasks says which is judged"
        )
    return found


def _understood(instruction: str) -> Understood | None:
    try:
        return understand(instruction)
    except ConfigurationError:
        return None


def _manner(instruction: str) -> str:
    """The manner that is said in an instruction of any form; normally if none is."""
    said = [manner for manner in MANNERS if manner in instruction.lower().split()]
    return said[0] if said else "normally"


def _with_target(skills: Sequence[str], target: str, manner: str) -> Meanings:
    """The skills that the target belongs to, with it."""
    words = target.lower().split()
    found: Meanings = {}
    for skill in skills:
        colours = (*LETTERS, *UNSEEN_LETTERS) if skill == "distinguish" else tuple(COLOURS)
        for kind in KINDS[skill]:
            for noun in dict.fromkeys((kind, NOUNS.get(kind, kind))):
                named = [each for each in words if each in colours]
                rest = " ".join(each for each in words if each not in colours)
                if rest == noun and (len(named) == 1 or skill == "crawl"):
                    colour = "" if skill == "crawl" else named[0]
                    found[skill] = Understood(skill, kind, colour, manner)
    if not found:
        kinds = ", ".join(dict.fromkeys(kind for skill in skills for kind in KINDS[skill]))
        raise ConfigurationError(
            f"no target '{target}' of {', '.join(skills)}: it is a colour and a kind, such as "
            f"'red cube', or 'letter a'; kinds are {kinds}, colours {', '.join(COLOURS)}"
        )
    return found
