# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Numbers of messages of any type, by paths such as ``position[2]`` or ``angular_velocity.x``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.bags.message_types import find_type
from neuro_control.errors import ConfigurationError

Array = NDArray[np.float64]
Alter = Callable[[Array], Array]

_NUMBERS: dict[str, type[np.generic]] = {
    "double": np.float64, "float": np.float32, "int8": np.int8, "uint8": np.uint8,
    "int16": np.int16, "uint16": np.uint16, "int32": np.int32, "uint32": np.uint32,
    "int64": np.int64, "uint64": np.uint64,
}  # fmt: skip
_STEP = re.compile(r"(\w+)(?:\[(-?\w+)\])?")
_LIST = re.compile(r"sequence<([\w/]+)(?:, \d+)?>|([\w/]+)\[(?:<=)?\d+\]")


class Field:
    """Numbers of messages of one type.

    Args:
        owner: Class of the messages.
        path: Way to the numbers.

    Raises:
        ConfigurationError: The type has no such field, or it holds no numbers.
    """

    def __init__(self, owner: Any, path: str) -> None:
        self._steps: list[tuple[str, str | None]] = []
        kind, message = "", owner.__name__
        for part in path.split("."):
            match = _STEP.fullmatch(part)
            fields = owner.get_fields_and_field_types() if owner is not None else {}
            if match is None or match[1] not in fields:
                there = ", ".join(fields) or "none"
                raise ConfigurationError(f"no field '{path}' of {message}: there are {there}")
            kind, listed = _element(fields[match[1]])
            if match[2] is not None and not listed:
                raise ConfigurationError(f"the field '{path}': {match[1]} is no list")
            self._steps.append((match[1], match[2]))
            owner = find_type(kind) if "/" in kind else None
        if kind not in _NUMBERS:
            raise ConfigurationError(f"the field '{path}' holds no numbers but {kind}")
        self._number = _NUMBERS[kind]

    def change(self, message: Any, alter: Alter) -> None:
        """Change the numbers in place; where a message's list has no such item, nothing changes.

        Args:
            message: The message.
            alter: Makes new numbers (n,) of those that there are (n,).
        """
        owners = [message]
        for name, index in self._steps[:-1]:
            owners = [inner for owner in owners for inner in _inner(owner, name, index)]
        name, index = self._steps[-1]
        for owner in owners:
            value = getattr(owner, name)
            if isinstance(value, int | float):
                found = self._cast(alter(np.array([value], dtype=np.float64)))[0]
                setattr(owner, name, found.item())
            else:
                where = _where(owner, index)
                numbers = np.frombuffer(value, dtype=self._number) if len(value) else np.empty(0)
                if where is not None and (isinstance(where, slice) or _within(where, len(numbers))):
                    old = np.atleast_1d(numbers[where]).astype(np.float64)
                    numbers[where] = self._cast(alter(old)).reshape(np.shape(numbers[where]))

    def _cast(self, numbers: Array) -> NDArray[Any]:
        """Numbers as the field can hold them: whole ones are finite, all within their range."""
        if issubclass(self._number, np.integer):
            limits = np.iinfo(self._number)
            # The largest 64-bit whole numbers are no floating-point ones.
            high = np.nextafter(float(limits.max), 0) if limits.bits == 64 else limits.max
            whole = np.rint(np.nan_to_num(numbers, nan=0.0, posinf=high, neginf=limits.min))
            return np.clip(whole, limits.min, high).astype(self._number)
        # Messages refuse the largest floating-point numbers of 32 bits.
        most = 3.4e38 if self._number is np.float32 else math.inf
        finite = np.isfinite(numbers)
        return np.where(finite, np.clip(numbers, -most, most), numbers).astype(self._number)


def _element(declared: str) -> tuple[str, bool]:
    """Type of a field's items, and whether it is a list of them."""
    match = _LIST.fullmatch(declared)
    return (match[1] or match[2], True) if match else (declared, False)


def _where(owner: Any, index: str | None) -> int | slice | None:
    """Which items of a list: all, one by its number, or one by the owner's field ``name``."""
    if index is None:
        return slice(None)
    if index.removeprefix("-").isdigit():
        return int(index)
    names = getattr(owner, "name", ())
    return list(names).index(index) if index in names else None


def _within(index: int, count: int) -> bool:
    return -count <= index < count


def _inner(owner: Any, name: str, index: str | None) -> Iterator[Any]:
    value = getattr(owner, name)
    if not isinstance(value, list):
        yield value
        return
    where = _where(owner, index)
    if isinstance(where, slice):
        yield from value
    elif where is not None and _within(where, len(value)):
        yield value[where]
