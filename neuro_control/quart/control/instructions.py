# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Instructions: QUARD's own forms, other wordings for the same, and what a task is drawn from.

Other wordings are put together of what ``wordings`` has: what training shows, and what it keeps for
the test, be it sentences, nouns (block for cube), verbs or courtesies. A policy gets the text and
nothing else; this module's understanding of QUARD's forms serves to draw the task that belongs to a
text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control import wordings as words
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

WORDINGS = ("quard", "seen", "unseen", "synonym", "verb", "polite")
"""Ways of saying a task, of which training shows the first two; ``say`` tells what they are."""

# Shares of sentences of training: QUARD's own noun, and with courtesies.
_OWN_NOUN, _COURTEOUS = 0.5, 0.4
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

    | wordings | what they are |
    | --- | --- |
    | quard | QUARD's own form |
    | seen | sentences, verbs, nouns, manners and courtesies of training, put together at random |
    | unseen | whole sentences that training does not show |
    | synonym | QUARD's form with a noun that training does not show |
    | verb | QUARD's form with a verb, and at times a manner, that training does not show |
    | polite | QUARD's form among courtesies that training does not show |

    Args:
        meant: What the instruction is to say.
        rng: Chooses among several wordings; the first of them without one.
        wordings: One of ``WORDINGS``.
        manner: Whether to add the manner.

    Raises:
        ConfigurationError: There are no such wordings.
    """
    if wordings not in WORDINGS:
        raise ConfigurationError(f"no wordings '{wordings}': there are {', '.join(WORDINGS)}")
    if wordings == "seen":
        return _said(meant, rng, manner)
    form, noun = FORMS[meant.skill], NOUNS.get(meant.kind, meant.kind)
    before, behind = "", _MANNER.format(manner=meant.manner) if manner else ""
    if wordings == "unseen":
        form = _one(words.UNSEEN_SENTENCES[meant.skill], rng)
    elif wordings == "synonym":
        noun = _one(words.UNSEEN_NOUNS[meant.kind], rng)
    elif wordings == "verb":
        verb = _one(words.UNSEEN_VERBS[meant.skill], rng)
        form = words.FRAMES[meant.skill][0].replace("{v}", verb)
        if manner and rng is not None and rng.random() < 0.5:
            behind = f" {_one(words.UNSEEN_MANNERS[meant.manner], rng)}"
    elif wordings == "polite":
        before = _one(words.UNSEEN_BEFORE, rng) + " "
        behind += f", {_one(words.UNSEEN_BEHIND, rng)}"
    return before + form.format(c=meant.colour, k=noun) + behind


def _said(meant: Understood, rng: np.random.Generator | None, manner: bool) -> str:
    """A sentence of training."""
    skill = meant.skill
    form = _one((FORMS[skill], *words.FRAMES[skill], *words.SEEN_SENTENCES[skill]), rng)
    form = form.replace("{v}", _one(words.SEEN_VERBS[skill], rng))
    # QUARD's own noun is the one that is said most.
    nouns = words.SEEN_NOUNS[meant.kind]
    noun = nouns[0] if rng is None or rng.random() < _OWN_NOUN else _one(nouns, rng)
    text = form.format(c=meant.colour, k=noun)
    if manner:
        text += " " + _one(words.SEEN_MANNERS[meant.manner], rng)
    if rng is not None and rng.random() < _COURTEOUS:
        text = f"{_one(words.SEEN_BEFORE, rng)} {text} {_one(words.SEEN_BEHIND, rng)}".strip()
    return text


def _one(choices: Sequence[str], rng: np.random.Generator | None) -> str:
    return choices[0] if rng is None else choices[int(rng.integers(len(choices)))]


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
