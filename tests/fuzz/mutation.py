# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages with anything in their fields that the middleware could deliver."""

from __future__ import annotations

import array
from functools import cache
from typing import Any

import numpy as np

_NUMBERS = (
    *(float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1e308, -1e308, 5e-324, 1e-30),
    *(1.0, -1.0, 1e3, -1e3, 1e18, 3.4e38, -3.4e38),
)
_TEXTS = ("", "odom", "map", "a" * 5000, "\x00", "Ω\U0001f916", "../../etc", "%s{}", "FL_hip_joint")
_RANGES = {
    "int8": (-(2**7), 2**7 - 1), "uint8": (0, 2**8 - 1), "octet": (0, 2**8 - 1),
    "int16": (-(2**15), 2**15 - 1), "uint16": (0, 2**16 - 1), "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1), "int64": (-(2**63), 2**63 - 1), "uint64": (0, 2**64 - 1),
}  # fmt: skip
# Lengths that a sequence is given, beside those near its own.
_LENGTHS = (0, 1, 11, 13, 200)
_FLOATS = ("double", "float")


@cache
def _fields(kind: type[Any]) -> tuple[tuple[str, str], ...]:
    return tuple(kind.get_fields_and_field_types().items())


def mutate(message: Any, rng: np.random.Generator) -> None:
    """Change one to three fields of ``message``, at any depth, in place."""
    for _ in range(int(rng.integers(1, 4))):
        _change_one(message, rng)


def _change_one(message: Any, rng: np.random.Generator) -> None:
    fields = _fields(type(message))
    if not fields:
        return
    name, kind = fields[rng.integers(len(fields))]
    value = getattr(message, name)
    if hasattr(value, "get_fields_and_field_types"):
        _change_one(value, rng)
    elif kind.startswith("sequence"):
        setattr(message, name, _sequence(kind[9:].split(",")[0].rstrip(">"), value, rng))
    elif kind.endswith("]"):
        _change_array(message, name, kind.partition("[")[0], rng)
    else:
        setattr(message, name, _scalar(kind, value, rng))


def _scalar(kind: str, value: Any, rng: np.random.Generator) -> Any:
    if kind in _FLOATS:
        number = _NUMBERS[rng.integers(len(_NUMBERS))]
        if rng.integers(3) == 0:
            number = value * (1.0 + float(rng.normal())) + float(rng.normal())
        return _fitting(kind, number)
    if kind == "boolean":
        return bool(rng.integers(2))
    if kind in _RANGES:
        low, high = _RANGES[kind]
        near = min(max(int(value) + int(rng.integers(-2, 3)), low), high)
        return (low, high, max(low, 0), near)[rng.integers(4)]
    return _TEXTS[rng.integers(len(_TEXTS))]


def _fitting(kind: str, number: float) -> float:
    if kind == "float" and np.isfinite(number):
        return float(np.float32(np.clip(number, -3.4e38, 3.4e38)))
    return float(number)


def _sequence(kind: str, value: Any, rng: np.random.Generator) -> Any:
    """A sequence of another length, or with another item, of scalars or texts; others stay."""
    items = list(value)
    if kind not in (*_FLOATS, *_RANGES, "string", "boolean"):
        return items[: rng.integers(len(items) + 1)]
    if items and rng.integers(2):
        items[rng.integers(len(items))] = _scalar(kind, items[0], rng)
    else:
        near = max(0, len(items) + int(rng.integers(-1, 2)))
        length = (near, *_LENGTHS)[rng.integers(1 + len(_LENGTHS))]
        filler = items[-1] if items else ("" if kind == "string" else 0)
        items = (items + length * [filler])[:length]
    if kind in _FLOATS:
        return array.array("d" if kind == "double" else "f", map(float, items))
    return items


def _change_array(message: Any, name: str, kind: str, rng: np.random.Generator) -> None:
    values = getattr(message, name)
    if kind in _FLOATS or kind in _RANGES:
        values[rng.integers(len(values))] = _scalar(kind, values[0], rng)
