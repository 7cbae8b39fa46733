# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Faults of what a node receives: messages that are missing, wrong, late or too many."""

from __future__ import annotations

import array
import math
from typing import Any

from neuro_control.faults.fault import Fault, Tolerated
from neuro_control.faults.harness import Harness
from neuro_control.faults.numbers import changed_number, field_of, is_array, replaced, split
from neuro_control.faults.subject import Stream
from neuro_control.ros.messages import NANOSECONDS, restamped, to_nanoseconds

# What a stale stamp is older by than the stream's timeout, s: from just beyond it to an hour.
_OLDER = (0.05, 3600.0)
# Messages of a burst a second.
_BURST = 5000.0
# Values of an array, and characters of a text, that are far too many.
_MANY = 200_000


def _arrays(stream: Stream) -> list[str]:
    """Fields of the stream that hold several numbers."""
    message = stream.message()
    arrays = [split(path)[0] for path in stream.fields if is_array(field_of(message, path))]
    return list(dict.fromkeys(arrays))


def _decimals(stream: Stream) -> list[str]:
    """Fields of the stream that hold numbers which may have decimals."""
    message, found = stream.message(), []
    for path in stream.fields:
        value = field_of(message, path)
        if not is_array(value) or getattr(value, "typecode", "d") in "fd":
            found.append(path)
    return found


class Silence(Fault):
    """A stream falls silent."""

    @property
    def needs_reason(self) -> bool:
        """Whether the node must say that it misses the stream."""
        return super().needs_reason and not self.target.silence_is_normal

    def alter(self, stream: Stream, message: Any) -> list[Any]:
        """Nothing of the stream that is hit."""
        return [] if stream is self.target else [message]


class OneMessage(Fault):
    """Base of faults that replace each message of the stream that is hit by one other."""

    def alter(self, stream: Stream, message: Any) -> list[Any]:
        """The wrong message in the place of a good one."""
        return [self.wrong(message)] if stream is self.target else [message]

    def wrong(self, message: Any) -> Any:
        """Wrong copy of a good message."""
        raise NotImplementedError


class OneNumber(OneMessage):
    """Base of faults of one number of a message."""

    @classmethod
    def unfit(cls, stream: Stream) -> str:
        """Bytes are always whole numbers from 0 to 255."""
        return "" if _decimals(stream) else "its messages are bytes"

    def begin(self, harness: Harness) -> None:
        """Draw which field, and which number of an array: one sensor fails."""
        self._path = str(self.rng.choice(_decimals(self.target)))
        self._index = int(self.rng.integers(2**31))


class NotFinite(OneNumber):
    """A number that the node reads is NaN or infinite."""

    def begin(self, harness: Harness) -> None:
        """Draw which field, and what stands in it."""
        super().begin(harness)
        self._number = float(self.rng.choice(self.target.not_finite))

    def wrong(self, message: Any) -> Any:
        """One number is none."""
        return changed_number(message, self._path, self._index, lambda _: self._number)


class HugeNumbers(Tolerated, OneNumber):
    """A number that the node reads is finite and as large as its type can hold."""

    def wrong(self, message: Any) -> Any:
        """One number is huge: of 32 bits, if the field has no more."""
        sign = float(self.rng.choice([-1.0, 1.0]))
        try:
            return changed_number(message, self._path, self._index, lambda _: sign * 1e308)
        except (AssertionError, OverflowError):
            return changed_number(message, self._path, self._index, lambda _: sign * 3e38)


class Garbage(OneMessage):
    """Bytes are replaced by others, drawn at random; they may have a meaning, as noise has."""

    demands_reason = False

    @classmethod
    def unfit(cls, stream: Stream) -> str:
        """Only bytes can be replaced by any others."""
        return "its messages are numbers with names" if _decimals(stream) else ""

    def wrong(self, message: Any) -> Any:
        """As many bytes, without a meaning."""
        (path,) = self.target.fields
        size = len(field_of(message, path))
        return replaced(message, path, array.array("B", self.rng.bytes(size)))


class WrongSize(OneMessage):
    """An array has too many numbers, too few, or none."""

    @classmethod
    def unfit(cls, stream: Stream) -> str:
        """Messages of single numbers have no size."""
        return "" if _arrays(stream) else "its messages have a fixed size"

    def begin(self, harness: Harness) -> None:
        """Draw which array, and what becomes of it."""
        self._path = str(self.rng.choice(_arrays(self.target)))
        self._change = int(self.rng.integers(3))

    def wrong(self, message: Any) -> Any:
        """One array is longer, shorter or empty; a byte more may be padding, and does no harm."""
        value = list(field_of(message, self._path))
        longer = value + value[:1] if _decimals(self.target) else value[: len(value) // 2]
        return replaced(message, self._path, [longer, value[:-1], []][self._change])


class WrongNames(OneMessage):
    """Names are foreign, doubled, or missing."""

    @classmethod
    def unfit(cls, stream: Stream) -> str:
        """Only messages with names can have wrong ones."""
        named = hasattr(stream.message(), "name")
        return "" if named else "its messages have no names"

    def begin(self, harness: Harness) -> None:
        """Draw what becomes of the names."""
        self._change = int(self.rng.integers(3))

    def wrong(self, message: Any) -> Any:
        """The first is doubled, or all are foreign or empty."""
        names = list(message.name)
        doubled = [names[0], *names[:-1]] if len(names) > 1 else ["foreign"]
        foreign = [f"foreign_{name}" for name in names]
        return replaced(message, "name", [doubled, foreign, [""] * len(names)][self._change])


class _Stamped(OneMessage):
    """Base of faults of the stamp."""

    @classmethod
    def unfit(cls, stream: Stream) -> str:
        """Only messages with a header have a stamp."""
        return "" if hasattr(stream.message(), "header") else "its messages have no stamp"


class Stale(_Stamped):
    """Messages are stamped older than is accepted, by 50 ms to an hour."""

    sign = -1

    def begin(self, harness: Harness) -> None:
        """Draw by how much, evenly in its logarithm."""
        low, high = map(math.log, _OLDER)
        off = (self.target.timeout or 0.0) + math.exp(self.rng.uniform(low, high))
        self._off = self.sign * round(off * NANOSECONDS)

    def wrong(self, message: Any) -> Any:
        """The same under another stamp."""
        stamp = max(to_nanoseconds(message.header.stamp) + self._off, 0)
        return restamped(message, stamp)


class Ahead(Stale):
    """Messages are stamped ahead of the clock, by 50 ms to an hour more than is accepted."""

    sign = 1


class OutOfOrder(Tolerated):
    """Messages come in another order than that of their stamps."""

    @classmethod
    def unfit(cls, stream: Stream) -> str:
        """Only messages with a header have a stamp."""
        return _Stamped.unfit(stream)

    def begin(self, harness: Harness) -> None:
        """Begin without a message that waits."""
        self._waiting: list[Any] = []

    def alter(self, stream: Stream, message: Any) -> list[Any]:
        """Three messages at once, shuffled."""
        if stream is not self.target:
            return [message]
        self._waiting.append(message)
        if len(self._waiting) < 3:
            return []
        shuffled = [self._waiting[k] for k in self.rng.permutation(3)]
        self._waiting = []
        return shuffled


class DoubledPublisher(Tolerated):
    """Somebody else publishes on the same topic, with numbers of its own."""

    @classmethod
    def unfit(cls, stream: Stream) -> str:
        """Numbers must be such as can contradict others."""
        return OneNumber.unfit(stream)

    def alter(self, stream: Stream, message: Any) -> list[Any]:
        """The good message and one that contradicts it."""
        if stream is not self.target:
            return [message]
        path, index = str(self.rng.choice(_decimals(stream))), int(self.rng.integers(2**31))
        return [message, changed_number(message, path, index, lambda number: -number)]


class Burst(Tolerated):
    """The latest message comes 5,000 times a second."""

    counts_messages = False

    def begin(self, harness: Harness) -> None:
        """Begin without a message to repeat."""
        self._latest: Any = None
        self._sent = 0

    def alter(self, stream: Stream, message: Any) -> list[Any]:
        """Remember what is to be repeated."""
        if stream is self.target:
            self._latest = message
        return [message]

    def act(self, harness: Harness) -> None:
        """Send what is due."""
        if self._latest is None:
            return
        # A harness that was late sends no more at once than a socket's buffer holds.
        due = min(round(self.elapsed() * _BURST) - self._sent, 200)
        for _ in range(due):
            harness.streams.publish(self.target, self._latest)
        self._sent = round(self.elapsed() * _BURST)


class HugeMessage(Tolerated, OneMessage):
    """A message of a megabyte or more: names, arrays or frame."""

    @classmethod
    def unfit(cls, stream: Stream) -> str:
        """Something in it must be of any length."""
        message = stream.message()
        if hasattr(message, "header") or _arrays(stream):
            return ""
        return "its messages have a fixed size"

    def wrong(self, message: Any) -> Any:
        """Its arrays and names, or its frame, are far too long."""
        arrays = _arrays(self.target)
        if not arrays:
            return replaced(message, "header.frame_id", "x" * 5 * _MANY)
        made = message
        for path in arrays:
            value = field_of(message, path)
            times = _MANY // max(len(value), 1)
            filled = array.array(value.typecode, list(value) * times)
            made = replaced(made, path, filled)
        if hasattr(message, "name"):
            made = replaced(made, "name", list(message.name) * (_MANY // len(message.name)))
        return made


STREAM_FAULTS: dict[str, type[Fault]] = {
    "silence": Silence,
    "not_finite": NotFinite,
    "huge_numbers": HugeNumbers,
    "garbage": Garbage,
    "wrong_size": WrongSize,
    "wrong_names": WrongNames,
    "stale": Stale,
    "ahead": Ahead,
    "out_of_order": OutOfOrder,
    "doubled_publisher": DoubledPublisher,
    "burst": Burst,
    "huge_message": HugeMessage,
}
