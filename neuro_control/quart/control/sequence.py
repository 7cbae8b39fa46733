# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Instructions of several parts: "go to the red cube, then crawl under the bar".

A policy has learnt single tasks. An instruction of several is split where one ends and the next
begins, and its parts are given to the policy one after another (``policy.Policy``). It is split

- at words that say an order: then, after that, afterwards, next, finally; ";" and ".",
- at "and" and "," where both sides name an object of their own, as in "go to the red cube and crawl
  under the bar"; but not in "go to the red cube and avoid the obstacle".

What a part leaves out it has from the part before: "go to the red cube, then to the blue ball" and
"go to the red cube, then the blue ball" are both "go to the blue ball" in their second part.
"""

from __future__ import annotations

import re

from neuro_control.errors import ConfigurationError

MOST_PARTS = 8
"""Most parts of an instruction."""

# Words that say that another part begins, with what may stand around them.
_ORDER = re.compile(
    r"\s*[;.][\s,;.]*|[\s,;.]*(?:\b(?:and\s+)?(?:then|after\s+(?:that|this)|afterwards|finally|lastly|"
    r"(?:once|when)\s+(?:that\s+is|you\s+are)\s+(?:done|there))|(?:\band|,)\s+next)\b[\s,;.]*",
    re.IGNORECASE,
)
_FIRST = re.compile(
    r"^\s*(?:first(?:ly)?(?:\s+of\s+all)?|to\s+begin\s+with)\b[\s,]*", re.IGNORECASE
)
_AND = re.compile(r"\s*(?:,\s*and\b|,|\band\b)\s*", re.IGNORECASE)
# Something that a task may be about; an obstacle belongs to the task of another object.
_OBJECT = re.compile(
    r"\bthe\s+(?!obstacle|way|other\s+side|usual|ordinary|right|left)\w+|\b(?:letter|symbol|character)\s+\w\b",
    re.IGNORECASE,
)
_VERBLESS = re.compile(
    r"^(?:(?:to|at|through|under|below|beneath|into|in)\s+)?(?:the|letter|symbol|character)\b",
    re.IGNORECASE,
)
_PREPOSITION = re.compile(
    r"^(?P<verb>.*?)\s*\b(?P<preposition>to|at|through|under|below|beneath|into|in|for)$",
    re.IGNORECASE,
)


def parts_of(instruction: str) -> list[str]:
    """Parts of an instruction in their order; itself if it has one.

    Raises:
        ConfigurationError: It has more than ``MOST_PARTS``.
    """
    said = _FIRST.sub("", instruction)
    pieces = [each for each in _ORDER.split(said) if each.strip(" ,;.!?")]
    parts = [part for piece in pieces for part in _apart(piece.strip(" ,;."))]
    if len(parts) < 2:
        return [instruction]
    if len(parts) > MOST_PARTS:
        raise ConfigurationError(
            f"the instruction has {len(parts)} parts, the limit is {MOST_PARTS}: give some later"
        )
    found = parts[:1]
    for part in parts[1:]:
        found.append(_completed(part, found[-1]))
    return found


def _apart(piece: str) -> list[str]:
    """A piece between words of order, split where two objects are named."""
    found, start = [], 0
    for match in _AND.finditer(piece):
        left, right = piece[start : match.start()], piece[match.end() :]
        named = _OBJECT.search(_to_next(right))
        # One that is named twice is still one.
        if named and _OBJECT.search(left) and _named(named) not in left.lower():
            found.append(left)
            start = match.end()
    return [*found, piece[start:]]


def _named(found: re.Match[str]) -> str:
    """An object by three words: "the red cube"."""
    return " ".join(found.string[found.start() :].lower().split()[:3])


def _to_next(text: str) -> str:
    """Text up to the next place where it may be split."""
    match = _AND.search(text)
    return text if match is None else text[: match.start()]


def _completed(part: str, before: str) -> str:
    """A part with the verb of the one before, if it has none."""
    named = list(_OBJECT.finditer(before))
    if not _VERBLESS.match(part) or not named:
        return part
    verb = before[: named[-1].start()].strip()
    split = _PREPOSITION.match(verb)
    if split and not re.match(r"(?:the|letter|symbol|character)\b", part, re.IGNORECASE):
        verb = split["verb"]
    return f"{verb} {part}".strip()
