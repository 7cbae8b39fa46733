# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is said of a moment or a picture, in other words each time that it is learnt from.

A data set keeps what is meant, as a text in one form: QUARD's instruction for a moment, and
"COLOUR KIND" for a captioned picture. A training says it in another way each time, so that a
picture that took its time to draw is seen with all wordings.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.instructions import say, understand
from neuro_control.quart.control.wordings import SEEN_NOUNS
from neuro_control.quart.training.data.phrases import mistyped

LONGEST_TEXT = 96
"""Bytes that a data set keeps of a text."""

# Shares: of the normal manner that is not said, of typing errors, of upper case.
_UNSAID, _MISTYPED, _UPPER = 0.4, 0.08, 0.05
_FORMS = (
    "the {c} {k}", "a {c} {k}", "{c} {k}", "there is a {c} {k}", "this is the {c} {k}",
    "a picture of a {c} {k}", "the {k} that is {c}", "look, a {c} {k}",
)  # fmt: skip
_LETTER_FORMS = (
    "{k} {c}", "the {k} {c}", "a picture of {k} {c}", "there is {k} {c}", "this is {k} {c}",
)  # fmt: skip
_UNCOLOURED_FORMS = ("the {k}", "a {k}", "there is a {k}", "this is the {k}", "a picture of a {k}")


def packed(texts: list[str]) -> NDArray[np.uint8]:
    """Texts as bytes, (n, 96), filled up with zeros.

    Raises:
        ValueError: One is longer.
    """
    found = np.zeros((len(texts), LONGEST_TEXT), dtype=np.uint8)
    for row, text in zip(found, texts, strict=True):
        data = text.encode()
        if len(data) > LONGEST_TEXT:
            raise ValueError(f"a text of more than {LONGEST_TEXT} bytes: {text}")
        row[: len(data)] = np.frombuffer(data, dtype=np.uint8)
    return found


def unpacked(row: NDArray[np.uint8]) -> str:
    """A text of ``packed``."""
    return row.tobytes().rstrip(b"\0").decode()


_understood = cache(understand)


def said(instruction: str, rng: np.random.Generator) -> str:
    """An instruction of QUARD in words of training, at times with a typing error.

    One that is none of QUARD's forms, as recorded episodes may have it, is said as it is.
    """
    try:
        meant = _understood(instruction)
    except ConfigurationError:
        return _typed(instruction, rng)
    manner = meant.manner != "normally" or rng.random() >= _UNSAID
    return _typed(say(meant, rng, "seen", manner=manner), rng)


def captioned(named: str, rng: np.random.Generator) -> str:
    """A caption for "COLOUR KIND", "letter LETTER" or a piece of furniture."""
    kind, colour = named, ""
    forms: tuple[str, ...] = _UNCOLOURED_FORMS
    if named.startswith("letter "):
        (kind, colour), forms = named.split(" "), _LETTER_FORMS
    elif " " in named:
        (colour, kind), forms = named.split(" ", 1), _FORMS
    nouns = SEEN_NOUNS.get(kind, (kind,))
    noun = nouns[int(rng.integers(len(nouns)))]
    form = forms[int(rng.integers(len(forms)))]
    return _typed(form.format(c=colour, k=noun), rng)


def _typed(text: str, rng: np.random.Generator) -> str:
    if rng.random() < _MISTYPED:
        text = mistyped(text, rng)
    return text.upper() if rng.random() < _UPPER else text
