# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Instructions: QUARD's own forms, other wordings for the same, and what a task is drawn from.

The wordings are in three parts: those that training shows (``SEEN_WORDINGS``), whole sentences
that it keeps for the test (``UNSEEN_WORDINGS``), and words that it keeps (``SYNONYMS``: block for
cube, gate for tunnel). A policy gets the text and nothing else; this module's understanding of
QUARD's forms serves to draw the task that belongs to a text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.tasks import (
    COLOURS,
    KINDS,
    LETTERS,
    MANNERS,
    SEEN,
    Task,
    draw_task,
)

# QUARD's forms; {c} is a colour or letter, {k} a kind as ``NOUNS`` has it.
FORMS = {
    "go_to": "go to the {c} {k}",
    "avoid": "go to the {c} {k} and avoid the obstacle",
    "tunnel": "go through the {c} {k}",
    "crawl": "crawl under the {k}",
    "distinguish": "distinguish {k} {c}",
    "unload": "unload the ball into the {c} {k}",
    "stop": "stop the {c} {k}",
}
NOUNS = {"rolling ball": "ball"}

SEEN_WORDINGS: Mapping[str, Sequence[str]] = {
    "go_to": (
        "walk to the {c} {k}", "move to the {c} {k}", "head for the {c} {k}",
        "approach the {c} {k}", "please go to the {c} {k}", "get close to the {c} {k}",
        "the {c} {k} is your target, go there", "find the {c} {k} and go to it",
    ),
    "avoid": (
        "walk to the {c} {k} and avoid the obstacle", "go around the obstacle to the {c} {k}",
        "avoid the obstacle and go to the {c} {k}",
        "reach the {c} {k} without hitting the obstacle",
        "please go to the {c} {k} but mind the obstacle",
        "head for the {c} {k} and keep clear of the obstacle",
    ),
    "tunnel": (
        "walk through the {c} {k}", "pass through the {c} {k}", "move through the {c} {k}",
        "please go through the {c} {k}", "enter the {c} {k} and come out behind it",
        "take the way through the {c} {k}",
    ),
    "crawl": (
        "crouch and go under the {k}", "crawl below the {k}", "pass under the {k}",
        "please crawl under the {k}", "duck under the {k}", "get under the {k} and out behind it",
    ),
    "distinguish": (
        "find {k} {c}", "look for {k} {c}", "identify {k} {c}", "turn to {k} {c}",
        "please distinguish {k} {c}", "show me {k} {c}",
    ),
    "unload": (
        "drop the ball into the {c} {k}", "put the ball in the {c} {k}",
        "let the ball roll into the {c} {k}", "please unload the ball into the {c} {k}",
        "bring the ball to the {c} {k} and unload it", "deliver the ball into the {c} {k}",
    ),
    "stop": (
        "intercept the {c} {k}", "catch the {c} {k}", "hold up the {c} {k}",
        "please stop the {c} {k}", "make the {c} {k} stop", "keep the {c} {k} from rolling on",
    ),
}  # fmt: skip
UNSEEN_WORDINGS: Mapping[str, Sequence[str]] = {
    "go_to": (
        "could you walk over to the {c} {k}", "your goal is the {c} {k}", "the {c} {k}, go to it",
        "make your way to the {c} {k}",
    ),
    "avoid": (
        "make your way to the {c} {k} and avoid what stands before it",
        "could you go to the {c} {k} and walk around the obstacle",
        "mind the obstacle on your way to the {c} {k}",
    ),
    "tunnel": (
        "could you walk through the {c} {k}", "make your way through the {c} {k}",
        "the {c} {k}, go through it",
    ),
    "crawl": (
        "could you crawl under the {k}", "make your way under the {k}", "the {k}, crawl under it",
    ),
    "distinguish": (
        "could you find {k} {c}", "which one is {k} {c}", "{k} {c}, look at it",
    ),
    "unload": (
        "could you drop the ball into the {c} {k}", "the ball belongs in the {c} {k}",
        "make the ball roll into the {c} {k}",
    ),
    "stop": (
        "could you stop the {c} {k}", "do not let the {c} {k} roll past you",
        "the {c} {k} must not roll on",
    ),
}  # fmt: skip
SYNONYMS: Mapping[str, Sequence[str]] = {
    "cube": ("block", "box"),
    "ball": ("sphere", "globe"),
    "rolling ball": ("sphere", "globe"),
    "rectangle tunnel": ("square gate", "rectangular gate", "rectangular passage"),
    "triangle tunnel": ("triangular gate", "triangular passage"),
    "bar": ("beam", "pole"),
    "letter": ("character",),
    "traybox": ("tray", "bin"),
}
WORDINGS = ("quard", "seen", "unseen", "synonym")
_MANNER = " {manner} with a trotting gait"


@dataclass(frozen=True)
class Understood:
    """What an instruction in one of QUARD's forms says.

    Attributes:
        skill: One of ``tasks.SKILLS``.
        kind: Kind of the target.
        colour: Its colour or letter; empty for a bar.
        manner: One of ``tasks.MANNERS``.
    """

    skill: str
    kind: str
    colour: str
    manner: str = "normally"


def say(
    meant: Understood,
    rng: np.random.Generator | None = None,
    wordings: str = "quard",
    *,
    manner: bool = True,
) -> str:
    """Words for what is meant.

    Args:
        meant: What the instruction is to say.
        rng: Chooses among several wordings; the first of them without one.
        wordings: quard (its own form), seen (its own and those of training), unseen (sentences
            that training does not show), or synonym (its form with a noun that it does not show).
        manner: Whether to add the manner, as QUARD does.

    Raises:
        ConfigurationError: There are no such wordings.
    """
    if wordings not in WORDINGS:
        raise ConfigurationError(f"no wordings '{wordings}': there are {', '.join(WORDINGS)}")
    nouns: Sequence[str] = (NOUNS.get(meant.kind, meant.kind),)
    forms: Sequence[str] = (FORMS[meant.skill],)
    if wordings == "seen":
        forms = (*forms, *SEEN_WORDINGS[meant.skill])
    elif wordings == "unseen":
        forms = UNSEEN_WORDINGS[meant.skill]
    elif wordings == "synonym":
        nouns = SYNONYMS[meant.kind]
    form, noun = (
        each[0] if rng is None else each[int(rng.integers(len(each)))] for each in (forms, nouns)
    )
    text = form.format(c=meant.colour, k=noun)
    return text + _MANNER.format(manner=meant.manner) if manner else text


def understand(instruction: str) -> Understood:
    """What an instruction in one of QUARD's forms says.

    Raises:
        ConfigurationError: It has none of these forms; the message lists them.
    """
    letters = "|".join((*LETTERS, *"fghijklmnopqrstuvwxyz"))
    end = f"(?: (?P<manner>{'|'.join(MANNERS)}) with a trotting gait)?"
    for skill, form in FORMS.items():
        nouns = {NOUNS.get(kind, kind): kind for kind in KINDS[skill]}
        colours = letters if skill == "distinguish" else "|".join(COLOURS)
        pattern = form.format(c=f"(?P<colour>{colours})", k=f"(?P<noun>{'|'.join(nouns)})")
        if match := re.fullmatch(pattern + end, instruction):
            found = match.groupdict()
            return Understood(
                skill,
                nouns[found["noun"]],
                found.get("colour") or "",
                found["manner"] or "normally",
            )
    forms = "; ".join(
        form.format(
            c="LETTER" if skill == "distinguish" else "COLOUR",
            k="|".join(NOUNS.get(kind, kind) for kind in KINDS[skill]),
        )
        for skill, form in FORMS.items()
    )
    raise ConfigurationError(
        f"no task '{instruction[:80]}': there are {forms}, where COLOUR is {'|'.join(COLOURS)} and "
        "LETTER a to z; behind each there may stand slowly|normally|quickly with a trotting gait"
    )


def draw(
    instruction: str,
    seed: int = 0,
    bar: float | None = None,
    others: Sequence[str] = SEEN,
    pair: str = "easy",
) -> Task:
    """Task of an instruction in one of QUARD's forms, its objects placed at random.

    Args:
        instruction: One of ``FORMS``, and behind it the manner if it is to be said.
        seed: Seed of the objects' order and places, and of what the instruction leaves open.
        bar: Underside of the bar, one of ``tasks.BARS``, m; drawn by default.
        others: Colours that are drawn from for the bar, the ball to unload, and all objects but
            the target.
        pair: easy or hard, as ``tasks.draw_task`` has it.

    Raises:
        ConfigurationError: The instruction, bar, pair or colours are none of these.
    """
    meant = understand(instruction)
    return draw_task(
        meant.skill, meant.kind, meant.colour, np.random.default_rng(seed),
        instruction=instruction, manner=meant.manner, pair=pair, others=others, bar=bar,
    )  # fmt: skip
