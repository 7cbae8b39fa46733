# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Length of a serialised message: what rclpy serialises can end in bytes that are no part of it.

Fast DDS reserves room for alignments that do not come to be, and rclpy gives the whole room. Strict
readers, as rosbags, refuse such a message, so that a file gets it without them. The layout is
XCDR version 1 (OMG DDS-XTypes 1.3, 7.4.1): numbers are aligned to their size, counted from the end
of the four bytes of the header.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from functools import cache

from neuro_control.bags.message_types import find_type
from neuro_control.errors import ConfigurationError

_HEADER = 4
_SIZES = {
    "boolean": 1, "octet": 1, "char": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2,
    "int32": 4, "uint32": 4, "int64": 8, "uint64": 8, "float": 4, "double": 8,
}  # fmt: skip

Skip = Callable[[bytes, int, str], int]
"""Offset behind a value: of the bytes after the header, the value's offset, and the byte order."""


def trimmed(kind: str, data: bytes) -> bytes:
    """``data``, a serialised message of the type of a name, without what follows it.

    A message of another layout (with a wstring, or damaged) is left as it is.
    """
    order = "<" if data[1:2] == b"\x01" else ">"
    try:
        end = _HEADER + _message(kind)(data[_HEADER:], 0, order)
    except (ConfigurationError, struct.error):
        return data
    return data[:end]


@cache
def _message(kind: str) -> Skip:
    kinds = find_type(kind).get_fields_and_field_types().values()
    fields = tuple(_field(each) for each in kinds)

    def skip(data: bytes, at: int, order: str) -> int:
        for each in fields:
            at = each(data, at, order)
        return at

    # A message without fields has one byte, since C knows no empty structure.
    return skip if fields else _number(1)


@cache
def _field(kind: str) -> Skip:
    sequence = re.fullmatch(r"sequence<(.+?)(?:, \d+)?>", kind)
    if sequence is not None:
        return _sequence(sequence[1])
    fixed = re.fullmatch(r"(.+)\[(\d+)\]", kind)
    if fixed is not None:
        return _repeated(fixed[1], int(fixed[2]))
    if kind.startswith("string"):
        return _text
    if kind in _SIZES:
        return _number(_SIZES[kind])
    return _message(kind)


def _aligned(at: int, size: int) -> int:
    return -(-at // size) * size


@cache
def _number(size: int) -> Skip:
    return lambda _data, at, _order: _aligned(at, size) + size


def _count(data: bytes, at: int, order: str) -> tuple[int, int]:
    """A number of elements, and the offset behind it."""
    at = _aligned(at, 4)
    return struct.unpack_from(f"{order}I", data, at)[0], at + 4


def _text(data: bytes, at: int, order: str) -> int:
    size, at = _count(data, at, order)
    return at + size


def _repeated(kind: str, count: int) -> Skip:
    return lambda data, at, order: _skip_all(kind, count, data, at, order)


def _sequence(kind: str) -> Skip:
    def skip(data: bytes, at: int, order: str) -> int:
        count, at = _count(data, at, order)
        return _skip_all(kind, count, data, at, order)

    return skip


def _skip_all(kind: str, count: int, data: bytes, at: int, order: str) -> int:
    if not count:
        return at
    if kind in _SIZES:
        return _aligned(at, _SIZES[kind]) + count * _SIZES[kind]
    each = _field(kind)
    for _ in range(count):
        at = each(data, at, order)
    return at
