# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""State of a random generator as an array, so that a checkpoint can hold it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_WORD = 2**64


def words_of(generator: np.random.Generator) -> NDArray[np.uint64]:
    """State of a generator of NumPy's default kind, PCG64, (6,).

    Its two numbers of 128 bits, and half a draw that may be left over.
    """
    state: Any = generator.bit_generator.state
    words = [w for name in ("state", "inc") for w in divmod(state["state"][name], _WORD)]
    return np.array([*words, state["has_uint32"], state["uinteger"]], dtype=np.uint64)


def generator_of(words: NDArray[np.uint64]) -> np.random.Generator:
    """The generator whose state ``words_of`` gave."""
    high, low, inc_high, inc_low, has_uint32, uinteger = (int(word) for word in words)
    generator = np.random.default_rng(0)
    generator.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": high * _WORD + low, "inc": inc_high * _WORD + inc_low},
        "has_uint32": has_uint32,
        "uinteger": uinteger,
    }
    return generator
