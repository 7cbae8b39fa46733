# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Compares what controllers answer with what they answered when it was recorded."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.ros.messages import NANOSECONDS, to_nanoseconds

Array = NDArray[np.float64]


def key_of(message: Any, count: int) -> int:
    """What tells a message of a topic from the others: its stamp, ns, or its place in the order."""
    header = getattr(message, "header", None)
    return count if header is None else to_nanoseconds(header.stamp)


def numbers_of(message: Any) -> Array:
    """All numbers of a message but its header, in the order of its fields."""
    found: list[Array] = []
    _collect(message, found)
    return np.concatenate(found) if found else np.empty(0)


def _collect(value: Any, found: list[Array]) -> None:
    if isinstance(value, bool | int | float):
        found.append(np.array([float(value)]))
    elif hasattr(value, "get_fields_and_field_types"):
        for name in value.get_fields_and_field_types():
            if name != "header":
                _collect(getattr(value, name), found)
    elif isinstance(value, str | bytes):
        return
    elif len(value) and not isinstance(value[0], int | float | np.number):
        for each in value:
            _collect(each, found)
    elif len(value):
        found.append(np.asarray(value, dtype=np.float64))


def texts_of(message: Any) -> str:
    """What a message says besides its numbers, such as names and the frame of its header."""
    if isinstance(message, str):
        return message
    if hasattr(message, "get_fields_and_field_types"):
        fields = (getattr(message, name) for name in message.get_fields_and_field_types())
        return "\n".join(texts_of(each) for each in fields)
    if isinstance(message, list | tuple):
        return "\n".join(texts_of(each) for each in message)
    return ""


@dataclass
class TopicComparison:
    """Messages of one topic, recorded and answered now.

    Attributes:
        recorded: The recorded messages, by ``key_of``.
        answered: Those that were answered now.
    """

    recorded: dict[int, Any] = field(default_factory=dict)
    answered: dict[int, Any] = field(default_factory=dict)

    def record(self, message: Any) -> int:
        """Take a recorded message; gives its key. One that was sent again changes nothing."""
        key = key_of(message, len(self.recorded))
        self.recorded.setdefault(key, message)
        return key

    def answer(self, message: Any) -> None:
        """Take a message that was answered now."""
        self.answered.setdefault(key_of(message, len(self.answered)), message)

    def result(self) -> dict[str, Any]:
        """Counts and differences.

        Returns:
            ``recorded``, ``answered`` and ``missing`` (recorded, and not answered now): numbers of
            messages; ``different``: how many differ at all, and ``texts`` how many in what is no
            number, or in how many numbers there are; ``max_difference`` and
            ``rms_difference`` of the numbers; and ``first_difference_s``, the time of the first
            message that differs, None without one.
        """
        squares, count, largest, texts = 0.0, 0, 0.0, 0
        different: list[int] = []
        for key in sorted(self.recorded.keys() & self.answered.keys()):
            was, now = self.recorded[key], self.answered[key]
            before, after = numbers_of(was), numbers_of(now)
            if before.shape != after.shape or texts_of(was) != texts_of(now):
                different.append(key)
                texts += 1
                continue
            gap = _gap(before, after)
            squares, count = squares + float(gap @ gap), count + gap.size
            largest = max(largest, float(gap.max(initial=0.0)))
            if gap.any():
                different.append(key)
        stamped = any(hasattr(each, "header") for each in self.recorded.values())
        first = different[0] / NANOSECONDS if different and stamped else None
        return {
            "recorded": len(self.recorded),
            "answered": len(self.answered),
            "missing": len(self.recorded.keys() - self.answered.keys()),
            "different": len(different),
            "texts": texts,
            "max_difference": largest,
            "rms_difference": math.sqrt(squares / count) if count else 0.0,
            "first_difference_s": first,
        }


def _gap(before: Array, after: Array) -> Array:
    """Absolute differences; two numbers that are both not finite, in the same way, don't differ."""
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    with np.errstate(invalid="ignore"):
        gap = np.where(same, 0.0, np.abs(before - after))
    return np.where(np.isnan(gap), np.inf, gap)
