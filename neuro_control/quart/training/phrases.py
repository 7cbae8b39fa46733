# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What people say besides the wordings of a task: typing errors, and what is no task."""

from __future__ import annotations

import numpy as np

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
# Sentences that are no task, and the same tasks in languages that training shows. Others are kept
# for the test (``evaluation`` names them).
_NO_TASKS = (
    "hello", "what is the weather like", "sing a song", "how are you today", "make me a coffee",
    "open the door", "tell me a story", "where is the kitchen", "switch off the light",
    "play some music", "who are you", "dance", "jump over the fence", "bring me a beer",
    "read the newspaper", "good morning", "thank you very much", "what time is it",
    "call my mother", "paint the wall", "count to ten", "wash the dishes", "take a picture",
    "fly to the moon", "buy some bread", "set an alarm for seven", "do you like cheese",
    "the quick brown fox jumps over the lazy dog", "red", "cube", "slowly", "the", "and then",
    "geh zum roten würfel", "gehe durch den grünen tunnel", "krieche unter der stange hindurch",
    "finde den buchstaben c", "halte den blauen ball auf", "lade den ball in die gelbe kiste ab",
    "va vers le cube rouge", "passe par le tunnel vert", "rampe sous la barre",
    "trouve la lettre b", "arrête la balle bleue", "ve hacia el cubo rojo",
    "pasa por el túnel verde", "gatea bajo la barra", "busca la letra d", "detén la pelota azul",
)  # fmt: skip


def mistyped(text: str, rng: np.random.Generator) -> str:
    """``text`` with one typing error: a letter is left out, doubled, wrong, or swapped."""
    places = [i for i, each in enumerate(text) if each.isalpha()]
    i = places[int(rng.integers(len(places)))]
    kind = int(rng.integers(4))
    if kind == 0:
        return text[:i] + text[i + 1 :]
    if kind == 1:
        return text[:i] + text[i] + text[i:]
    if kind == 2:
        return text[:i] + _LETTERS[int(rng.integers(26))] + text[i + 1 :]
    return text[:i] + text[i + 1 : i + 2] + text[i] + text[i + 2 :]


def no_task(rng: np.random.Generator) -> str:
    """Words that command nothing: a sentence of another kind, or letters at random."""
    if rng.random() < 0.6:
        return _NO_TASKS[int(rng.integers(len(_NO_TASKS)))]
    lengths = rng.integers(2, 9, int(rng.integers(1, 9)))
    return " ".join("".join(_LETTERS[k] for k in rng.integers(0, 26, length)) for length in lengths)
