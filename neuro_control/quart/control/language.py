# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Words as numbers: each word is the set of its letter groups, so that a typing error changes few.

The vectors of letter groups are learnt with the policy (Bojanowski et al., "Enriching word vectors
with subword information", arXiv 1607.04606). Nothing of an instruction is looked up in a list of
words: an unknown word is a sum of letter groups, most of which others have, too.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError

Indices = NDArray[np.int64]

BUCKETS = 4096
"""Number of vectors that letter groups share."""

WORDS, GROUPS = 32, 12
"""Most words of an instruction, and most letter groups of a word, that are read."""

LONGEST = 400
"""Longest instruction, characters."""

_GROUP = 3


class Instruction(NamedTuple):
    """An instruction as a network reads it.

    Attributes:
        text: The words.
        groups: Their letter groups, (32, 12), of ``encode``.
        sentence: Vector of a sentence encoder, (384,), if the network reads one.
    """

    text: str
    groups: Indices
    sentence: NDArray[np.float32] | None = None


def words_of(instruction: str) -> list[str]:
    """Words of an instruction, in lower case and without punctuation.

    Raises:
        ConfigurationError: It is empty, too long, or holds control characters.
    """
    if len(instruction) > LONGEST:
        raise ConfigurationError(
            f"the instruction has {len(instruction)} characters, the limit is {LONGEST}"
        )
    if any(unicodedata.category(each) == "Cc" and not each.isspace() for each in instruction):
        raise ConfigurationError("the instruction holds control characters: give plain text")
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", instruction).lower())
    if not words:
        raise ConfigurationError("the instruction is empty: say what to do")
    return words


def encode(instruction: str) -> Indices:
    """Letter groups of an instruction's words, (32, 12); -1 where there is none.

    Raises:
        ConfigurationError: As ``words_of`` has it.
    """
    found = np.full((WORDS, GROUPS), -1, dtype=np.int64)
    for row, word in zip(found, words_of(instruction), strict=False):
        framed = f"<{word}>"
        groups = [framed, *(framed[i : i + _GROUP] for i in range(len(framed) - _GROUP + 1))]
        numbers = [zlib.crc32(each.encode()) % BUCKETS for each in groups[:GROUPS]]
        row[: len(numbers)] = numbers
    return found
