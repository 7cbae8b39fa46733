# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What people say besides the wordings of a task: typing errors, and what is no task.

What is no task is of six kinds: talk, tasks that are not to be done ("do not go ..."), what a robot
dog can't do, tasks about what no course has, other languages, and letters at random. Each kind has
words for training and others for the test (``no_task``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.tasks import COLOURS, KINDS, LETTERS, SKILLS
from neuro_control.quart.control.tasks import SEEN as SEEN_COLOURS
from neuro_control.quart.control.wordings import FRAMES, SEEN_NOUNS, SEEN_VERBS
from neuro_control.quart.training.data.foreign import foreign
from neuro_control.quart.training.data.no_tasks import SEEN, UNSEEN

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
# What a letter is mistaken for: its neighbours on the keys.
_BESIDE = {
    key: row[max(place - 1, 0) : place] + row[place + 1 : place + 2]
    for row in _KEYS
    for place, key in enumerate(row)
}


NO_TASKS = ("talk", "negated", "impossible", "elsewhere", "foreign", "letters")
"""Kinds of what is no task."""

_NOUNS = ("cube", "ball", "tunnel", "bar", "letter", "traybox")
_WAYS = (
    "go to the", "walk to the", "crawl under the", "go through the", "find the", "head for the",
    "go around the", "please go to the", "stop the", "pass under the", "approach the",
)  # fmt: skip


def mistyped(text: str, rng: np.random.Generator) -> str:
    """``text`` with one typing error.

    A letter is left out, doubled, swapped with the next, or that of a neighbouring key; or the
    space between two words is missing.
    """
    places = [i for i, each in enumerate(text) if each.isalpha()]
    if not places:
        return text
    i = places[int(rng.integers(len(places)))]
    kind = int(rng.integers(5))
    if kind == 0:
        return text[:i] + text[i + 1 :]
    if kind == 1:
        return text[:i] + text[i] + text[i:]
    if kind == 2:
        return text[:i] + text[i + 1 : i + 2] + text[i] + text[i + 2 :]
    spaces = [i for i, each in enumerate(text) if each == " "]
    if kind == 3 and spaces:
        i = spaces[int(rng.integers(len(spaces)))]
        return text[:i] + text[i + 1 :]
    near = _BESIDE.get(text[i].lower(), _LETTERS)
    return text[:i] + near[int(rng.integers(len(near)))] + text[i + 1 :]


def no_task(rng: np.random.Generator, split: str = "seen", kind: str = "") -> str:
    """Words that command nothing that a policy could do.

    Args:
        rng: Draws them.
        split: seen, those of training, or unseen, those of the test.
        kind: One of ``NO_TASKS``; drawn by default.

    Raises:
        ConfigurationError: There is no such split or kind.
    """
    splits = {"seen": SEEN, "unseen": UNSEEN}
    if split not in splits:
        raise ConfigurationError(f"no split '{split}': there are {', '.join(splits)}")
    kind = kind or NO_TASKS[int(rng.integers(len(NO_TASKS)))]
    words = splits[split]
    if kind == "talk":
        return str(rng.choice(words.talk))
    if kind == "negated":
        return f"{rng.choice(words.negations)} {_task(rng)}"
    if kind == "impossible":
        return f"{rng.choice(words.verbs)} the {_colour(rng)}{rng.choice(_NOUNS)}"
    if kind == "elsewhere":
        return f"{rng.choice(_WAYS)} {_colour(rng)}{rng.choice(words.things)}"
    if kind == "foreign":
        return foreign(words.languages, rng)
    if kind == "letters":
        return _gibberish(rng)
    raise ConfigurationError(
        f"no kind '{kind}' of what is no task: there are {', '.join(NO_TASKS)}"
    )


def _task(rng: np.random.Generator) -> str:
    """A task in words of training, without courtesies."""
    skill = _one(SKILLS, rng)
    noun = _one(SEEN_NOUNS[_one(KINDS[skill], rng)], rng)
    colour = _one(LETTERS if skill == "distinguish" else SEEN_COLOURS, rng)
    frame = _one(FRAMES[skill], rng).replace("{v}", _one(SEEN_VERBS[skill], rng))
    return frame.format(c=colour, k=noun)


def _one(choices: Sequence[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]


def _colour(rng: np.random.Generator) -> str:
    return f"{rng.choice(list(COLOURS))} " if rng.random() < 0.6 else ""


def _gibberish(rng: np.random.Generator) -> str:
    lengths = rng.integers(2, 9, int(rng.integers(1, 9)))
    return " ".join("".join(_LETTERS[k] for k in rng.integers(0, 26, length)) for length in lengths)
