# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""WordPiece, the pieces of words that BERT reads: from the vocabulary's file, without a library.

Source: Devlin et al., "BERT" (arXiv 1810.04805), and its reference code
(google-research/bert, ``tokenization.py``): text is cleaned, set in lower case without accents,
split at spaces and punctuation, and each word into the longest pieces that the vocabulary has.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path

from neuro_control.errors import ConfigurationError

UNKNOWN, FIRST, LAST = "[UNK]", "[CLS]", "[SEP]"
# A word of more characters is unknown as a whole.
_LONGEST_WORD = 100
# Blocks of Chinese, Japanese and Korean characters, each of which is a word of its own.
_IDEOGRAPHS = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


class WordPieces:
    """Numbers of the pieces of a text.

    Args:
        vocabulary: File with a piece in each line; its number is the line's, from 0.

    Raises:
        ConfigurationError: The file is missing, or has not the pieces that each text needs.
    """

    def __init__(self, vocabulary: Path) -> None:
        try:
            lines = vocabulary.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"no vocabulary can be read from {vocabulary}") from error
        self._numbers = {line.rstrip("\r"): number for number, line in enumerate(lines) if line}
        missing = [each for each in (UNKNOWN, FIRST, LAST) if each not in self._numbers]
        if missing:
            raise ConfigurationError(
                f"{vocabulary} is no vocabulary of BERT: it lacks {missing[0]}"
            )

    def __len__(self) -> int:
        return len(self._numbers)

    def encode(self, text: str, longest: int) -> list[int]:
        """Numbers of a text's pieces, at most ``longest`` with those of its beginning and end."""
        pieces = [piece for word in _words(text) for piece in self._pieces(word)]
        return [self._numbers[each] for each in (FIRST, *pieces[: longest - 2], LAST)]

    def _pieces(self, word: str) -> list[str]:
        """The longest pieces of a word, from its beginning; those within it begin with ##."""
        if len(word) > _LONGEST_WORD:
            return [UNKNOWN]
        pieces, start = [], 0
        while start < len(word):
            mark = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((e for e in ends if mark + word[start:e] in self._numbers), None)
            if end is None:
                return [UNKNOWN]
            pieces.append(mark + word[start:end])
            start = end
        return pieces


def _words(text: str) -> list[str]:
    """Words and marks of punctuation, in lower case and without accents."""
    # Composed first, as the reference has it; what an accent is shows when it is taken apart.
    lowered = unicodedata.normalize("NFD", _cleaned(text).lower())
    plain = "".join(each for each in lowered if unicodedata.category(each) != "Mn")
    spaced = "".join(f" {each} " if _is_word(each) else each for each in plain)
    return spaced.split()


def _cleaned(text: str) -> str:
    """Text without control characters, each kind of space a space."""
    kept = []
    for each in text:
        category = unicodedata.category(each)
        if each in "\t\n\r" or category == "Zs":
            kept.append(" ")
        # A character that this version of Unicode does not know may be any.
        elif category == "Cn" or (category[0] != "C" and each != "\ufffd"):
            kept.append(each)
    return "".join(kept)


def _is_word(character: str) -> bool:
    """Whether a character is a word of its own: punctuation or an ideograph."""
    code = ord(character)
    # BERT takes all signs of ASCII for punctuation, also those that Unicode calls symbols.
    if 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126:
        return True
    if unicodedata.category(character).startswith("P"):
        return True
    return any(low <= code <= high for low, high in _IDEOGRAPHS)
