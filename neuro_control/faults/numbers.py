# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Numbers of messages by dotted names: read, and replaced in a copy.

``effort`` names all numbers of an array, ``effort[1]`` its second one.
"""

from __future__ import annotations

import array
import copy
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np


def split(path: str) -> tuple[str, int | None]:
    """Name of a field, and which of its numbers is meant; None for all of them."""
    name, _, index = path.removesuffix("]").partition("[")
    return name, int(index) if index else None


def field_of(message: Any, path: str) -> Any:
    """Field ``path``, such as ``pose.pose.position.x``, of a message; an index is left aside."""
    for name in split(path)[0].split("."):
        message = getattr(message, name)
    return message


def is_array(value: Any) -> bool:
    """Whether a field holds several values."""
    return isinstance(value, (list, tuple, array.array, np.ndarray))


def replaced(message: Any, path: str, value: Any) -> Any:
    """Copy of ``message`` with another value of the field ``path``."""
    made = copy.deepcopy(message)
    *parents, name = path.split(".")
    setattr(field_of(made, ".".join(parents)) if parents else made, name, value)
    return made


def changed_number(message: Any, path: str, index: int, change: Callable[[float], float]) -> Any:
    """Copy of ``message`` in which one number of ``path`` differs.

    Args:
        message: A message.
        path: Dotted name of a number, or of an array of numbers.
        index: Which number of an array, if the path does not say; counted on from the first again
            beyond the last.
        change: Gives the number in the place of one.
    """
    path, own = split(path)
    value = field_of(message, path)
    if not is_array(value):
        return replaced(message, path, change(float(value)))
    values = array.array(getattr(value, "typecode", "d"), value)
    k = (index if own is None else own) % len(values)
    values[k] = change(float(values[k]))
    return replaced(message, path, values)


def not_finite(message: Any, paths: Iterable[str]) -> str:
    """Name of the first field that holds a number that is not finite; empty if none does."""
    for path in paths:
        value: Any = field_of(message, path)
        if not all(map(math.isfinite, value if is_array(value) else [value])):
            return path
    return ""
