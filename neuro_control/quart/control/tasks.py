# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""QUARD's tasks: what stands before a robot, and what it is commanded to do about it.

Skills, sizes and distances are those of QUARD (Ding et al., arXiv 2312.14457) as the evaluation of
QUART-Online (yuan48/QUART-Online, ``gym_eval_scripts``) has them. ``judge`` says when a task is
done; ``instructions`` turns words into tasks and back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuro_control.errors import ConfigurationError

# As CSS names them.
COLOURS = {
    "blue": (0, 0, 255), "green": (0, 128, 0), "red": (255, 0, 0), "yellow": (255, 255, 0),
    "gold": (255, 215, 0), "orange": (255, 165, 0), "pink": (255, 192, 203),
    "purple": (128, 0, 128),
    "cyan": (0, 255, 255), "magenta": (255, 0, 255), "brown": (165, 42, 42),
    "white": (255, 255, 255), "black": (0, 0, 0), "grey": (128, 128, 128), "lime": (0, 255, 0),
    "navy": (0, 0, 128), "teal": (0, 128, 128), "olive": (128, 128, 0), "maroon": (128, 0, 0),
    "violet": (238, 130, 238), "turquoise": (64, 224, 208), "beige": (245, 245, 220),
    "coral": (255, 127, 80), "indigo": (75, 0, 130),
}  # fmt: skip
# Colours that QUARD's training shows, and those that it keeps for the test; it has no others.
SEEN, UNSEEN = tuple(COLOURS)[:4], tuple(COLOURS)[4:8]
# Letters of QUARD, and those that it never shows.
LETTERS, UNSEEN_LETTERS = tuple("abcde"), tuple("fghijklmnopqrstuvwxyz")
BARS = (0.2, 0.25, 0.3)  # undersides, m
MANNERS = ("slowly", "normally", "quickly")
PAIRS = ("easy", "hard")

# Kinds of targets by skill.
KINDS = {
    "go_to": ("cube", "ball"),
    "avoid": ("cube", "ball"),
    "tunnel": ("rectangle tunnel", "triangle tunnel"),
    "crawl": ("bar",),
    "distinguish": ("letter",),
    "unload": ("traybox",),
    "stop": ("rolling ball",),
}
SKILLS = tuple(KINDS)
# Kinds of the object beside a target in QUARD's own draws, where its shape often gives it away.
_BESIDE = {
    "cube": ("ball",),
    "ball": ("cube",),
    "rectangle tunnel": ("rectangle tunnel", "triangle tunnel"),
    "triangle tunnel": ("rectangle tunnel", "triangle tunnel"),
    "letter": ("letter",),
    "traybox": ("traybox",),
    "rolling ball": ("ball",),
}
_AHEAD, _BAR_AHEAD, _AHEAD_SPREAD = 3.0, 2.0, 0.3  # m
_BETWEEN, _ASIDE_SPREAD, _BAR_ASIDE_SPREAD = 1.5, 0.1, 0.8  # m
# So far aside stands a bar in a hard draw, m: who walks straight on meets a post or misses it.
_HARD_BAR_ASIDE = (0.8, 1.1)
OBSTACLE_BEFORE = 1.5  # m
_SECONDS, _SECONDS_OF_MANY_PARTS = 20.0, 15.0


@dataclass(frozen=True)
class CourseObject:
    """An object on the course.

    Attributes:
        kind: cube, ball, rolling ball, rectangle tunnel, triangle tunnel, bar, letter or traybox.
        colour: One of ``COLOURS``; which letter it is.
        position: Position of its middle on the ground, ahead and to the left of the robot's
            start, m.
    """

    kind: str
    colour: str
    position: tuple[float, float]


@dataclass(frozen=True)
class Task:
    """What a robot is commanded to do, and the objects on its course.

    Attributes:
        skill: One of ``SKILLS``.
        instruction: The instruction as it was given.
        objects: All objects; the first is the target, the second stands beside it, the third
            is the obstacle before them.
        seconds: Time in which it is to be done, s.
        bar: Underside of the bar above the ground, m; 0 without one.
        load: Colour of the ball on the robot's back; empty without one.
        manner: One of ``MANNERS``.
    """

    skill: str
    instruction: str
    objects: tuple[CourseObject, ...]
    seconds: float
    bar: float = 0.0
    load: str = ""
    manner: str = "normally"

    @property
    def target(self) -> CourseObject:
        """The object that the instruction names."""
        return self.objects[0]


def draw_task(
    skill: str,
    kind: str,
    colour: str,
    rng: np.random.Generator,
    *,
    instruction: str = "",
    manner: str = "normally",
    pair: str = "easy",
    others: Sequence[str] = SEEN,
    letters: Sequence[str] = LETTERS,
    bar: float | None = None,
) -> Task:
    """Task about a target, the objects placed at random.

    Args:
        skill: One of ``SKILLS``.
        kind: Kind of the target, one of ``KINDS[skill]``.
        colour: Its colour, or which letter it is; ignored for a bar.
        rng: Draws order, places, and what else is open.
        instruction: The words that command it.
        manner: How fast it is to be done, one of ``MANNERS``.
        pair: easy: the other object is of another kind where QUARD has it so; hard: it differs
            from the target by its colour alone (or by the letter on it), and a bar stands too far
            aside for whoever walks straight on.
        others: Colours of the bar, the ball to unload, and all objects but the target.
        letters: Letters of the other object.
        bar: Underside of the bar, one of ``BARS``, m; drawn by default.

    Raises:
        ConfigurationError: One of these is none of what it can be.
    """
    _check(skill, kind, colour, manner, pair, others, bar)
    palette = [c for c in (letters if kind == "letter" else others) if c != colour]
    if not palette:
        raise ConfigurationError(f"besides the target's {colour} there must be another colour")
    ahead = rng.uniform(-_AHEAD_SPREAD, _AHEAD_SPREAD)
    if skill == "crawl":
        left = rng.uniform(-_BAR_ASIDE_SPREAD, _BAR_ASIDE_SPREAD)
        if pair == "hard":
            left = rng.choice([-1.0, 1.0]).item() * rng.uniform(*_HARD_BAR_ASIDE)
        target = CourseObject(kind, rng.choice(palette).item(), (_BAR_AHEAD + ahead, left))
        height = rng.choice(BARS).item() if bar is None else bar
        return Task(skill, instruction, (target,), _SECONDS, bar=height, manner=manner)
    ahead += _AHEAD
    here, there = rng.permutation([-_BETWEEN / 2, _BETWEEN / 2]) + rng.uniform(
        -_ASIDE_SPREAD, _ASIDE_SPREAD, 2
    )
    beside = kind if pair == "hard" else rng.choice(_BESIDE[kind]).item()
    objects = [
        CourseObject(kind, colour, (ahead, float(here))),
        CourseObject(beside, rng.choice(palette).item(), (ahead, float(there))),
    ]
    if skill == "avoid":
        middle = rng.uniform(-_ASIDE_SPREAD, _ASIDE_SPREAD)
        obstacle = rng.choice(["cube", "ball"]).item()
        before = (ahead - OBSTACLE_BEFORE, middle)
        objects.append(CourseObject(obstacle, rng.choice(palette).item(), before))
    load = rng.choice(palette).item() if skill == "unload" else ""
    seconds = _SECONDS_OF_MANY_PARTS if skill in ("tunnel", "unload") else _SECONDS
    return Task(skill, instruction, tuple(objects), seconds, load=load, manner=manner)


def _check(
    skill: str,
    kind: str,
    colour: str,
    manner: str,
    pair: str,
    others: Sequence[str],
    bar: float | None,
) -> None:
    """Refuse what no task can be made of."""
    for what, value, choices in (
        ("skill", skill, SKILLS),
        ("kind", kind, KINDS.get(skill, ())),
        ("manner", manner, MANNERS),
        ("pair", pair, PAIRS),
    ):
        if value not in choices:
            raise ConfigurationError(f"no {what} '{value}': there are {', '.join(choices)}")
    if kind not in ("bar", "letter") and colour not in COLOURS:
        raise ConfigurationError(f"no colour {colour}: there are {', '.join(COLOURS)}")
    if bar is not None and bar not in BARS:
        raise ConfigurationError(
            f"a bar's underside is at {', '.join(map(str, BARS))} m, not {bar}"
        )
    if unknown := sorted(set(others) - set(COLOURS)):
        raise ConfigurationError(f"no colour {unknown[0]}: there are {', '.join(COLOURS)}")
