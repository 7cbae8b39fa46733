# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What people say besides the wordings of a task: typing errors, and what is no task.

What is no task is of six kinds: talk, tasks that are not to be done ("do not go ..."), what a robot
dog can't do, tasks about what no course has, other languages, and letters at random. Each kind has
words for training and others for the test (``no_task``).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.instructions import Understood, say
from neuro_control.quart.control.tasks import COLOURS, KINDS, SEEN, SKILLS
from neuro_control.quart.training.data.foreign import (
    SEEN_LANGUAGES,
    UNSEEN_LANGUAGES,
    Language,
    foreign,
)

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
# What a letter is mistaken for: its neighbours on the keys.
_BESIDE = {
    key: row[max(place - 1, 0) : place] + row[place + 1 : place + 2]
    for row in _KEYS
    for place, key in enumerate(row)
}


class NoTasks(NamedTuple):
    """Words that what is no task is made of.

    Attributes:
        talk: Whole sentences.
        negations: What stands before a task that is not to be done.
        verbs: What can't be done; any thing may follow.
        things: What no course has.
        languages: Other languages.
    """

    talk: tuple[str, ...]
    negations: tuple[str, ...]
    verbs: tuple[str, ...]
    things: tuple[str, ...]
    languages: dict[str, Language]


_SEEN = NoTasks(
    (
        "hello", "what is the weather like", "sing a song", "how are you today", "are you hungry",
        "make me a coffee", "tell me a story", "where is the kitchen", "play some music", "dance",
        "who are you", "read the newspaper", "good morning", "thank you very much", "sit",
        "roll over",
        "what time is it", "call my mother", "count to ten", "take a picture", "fly to the moon",
        "buy some bread", "set an alarm for seven", "do you like cheese", "what is your name",
        "the quick brown fox jumps over the lazy dog", "red", "cube", "slowly", "the", "and then",
        "i like the red one", "my cube is red", "is the ball blue", "what colour is the cube",
        "there are two balls", "why is the bar so low", "the tunnel was closed yesterday",
        "nothing", "do not move", "stay where you are",
        "go", "go to", "go to the", "crawl", "stop", "find", "walk", "please", "left", "robot",
        "you are a good robot", "ignore the cube", "forget the ball", "what is a letter",
        "lorem ipsum dolor sit amet", "to be or not to be", "one two three four", "yes", "no", "ok",
        "how far is the green cube", "describe the picture", "i am going to the red cube",
        "translate this sentence", "write a poem about a tunnel", "what do you see", "can you swim",
    ),
    ("do not", "never", "please do not", "you must not", "robot do not"),
    (
        "paint", "eat", "jump over", "buy", "wash", "kick", "lift", "throw", "burn", "sell",
        "climb", "sit on", "cut", "draw", "fold", "open", "close", "break", "sing to", "photograph",
        "bake", "listen to", "switch off", "stand on", "fly over", "push over", "weigh",
    ),
    (
        "kitchen", "elephant", "dog", "door", "window", "car", "tree", "house", "moon", "river",
        "cat", "banana", "woman", "stairs", "bicycle", "garden", "phone", "bed", "horse", "street",
        "shop", "bridge", "airport", "flower", "bottle", "book", "lake", "guitar", "cake", "train",
        "doctor",
    ),
    SEEN_LANGUAGES,
)  # fmt: skip
_UNSEEN = NoTasks(
    (
        "hi there", "will it rain tomorrow", "tell me a joke", "how old are you", "give me a hug",
        "bring me a beer", "switch off the light", "what is two plus two", "good night", "bark",
        "play dead", "who won the match", "wake me at six", "is anybody at home", "laugh",
        "shake hands", "i lost my keys", "the cube is mine", "was the ball red",
        "how heavy is the bar", "blue", "keep still", "wait here", "walk to the", "ball", "quickly",
        "turn", "the weather is lovely today", "nobody knows", "a stitch in time saves nine",
        "explain the letter b", "five six seven", "maybe", "asdf", "what is behind the tunnel",
        "i went to the red cube", "spell the word tunnel",
    ),
    ("don't", "please don't ever", "do not ever", "you are not allowed to", "refuse to"),
    (
        "polish", "swallow", "hop over", "steal", "dry", "punch", "hide", "melt", "rent",
        "dance with", "lick", "hug", "glue", "unlock", "smash", "talk to", "turn off", "sleep on",
        "count",
    ),
    (
        "bathroom", "giraffe", "bus", "fence", "fridge", "beach", "sofa", "apple", "teacher", "cow",
        "office", "television", "mountain", "spoon", "hospital", "aeroplane", "rabbit", "piano",
    ),
    UNSEEN_LANGUAGES,
)  # fmt: skip
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
    splits = {"seen": _SEEN, "unseen": _UNSEEN}
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
    skill = str(rng.choice(SKILLS))
    kind = str(rng.choice(KINDS[skill]))
    return say(Understood(skill, kind, str(rng.choice(SEEN))), manner=False)


def _colour(rng: np.random.Generator) -> str:
    return f"{rng.choice(list(COLOURS))} " if rng.random() < 0.6 else ""


def _gibberish(rng: np.random.Generator) -> str:
    lengths = rng.integers(2, 9, int(rng.integers(1, 9)))
    return " ".join("".join(_LETTERS[k] for k in rng.integers(0, 26, length)) for length in lengths)
