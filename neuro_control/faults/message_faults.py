# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Faults that happen to messages on their way: lost, late, repeated, out of order, wrong.

Each fault turns one message into those that come of it, with the time at which each is due.
Everything random is drawn from one generator for each topic: the same seed does the same to the
same messages.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.faults.message_fields import Field
from neuro_control.ros.messages import NANOSECONDS, to_nanoseconds, to_stamp

Array = NDArray[np.float64]
# A message and when it is due, s since the start.
Due = tuple[float, Any]


@dataclass
class MessageFault(ABC):
    """One fault.

    Attributes:
        begins: When it begins, s since the start.
        lasts: For how long it acts, s.
    """

    kind: ClassVar[str] = ""
    begins: float = 0.0
    lasts: float = math.inf

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(field.default, float):
                if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
                    raise ConfigurationError(f"{self.kind}: {field.name} is a number, not {value}")
                setattr(self, field.name, float(value))
        probability = getattr(self, "probability", 0.5)
        if not 0.0 <= probability <= 1.0:
            raise ConfigurationError(
                f"{self.kind}: probability lies between 0 and 1, {probability:g} does not"
            )

    def acts(self, time: float) -> bool:
        """Whether it acts at a time, s."""
        return self.begins <= time < self.begins + self.lasts

    @abstractmethod
    def act(self, due: Due, rng: np.random.Generator) -> list[Due]:
        """What comes of a message while the fault acts."""

    def check(self, message: Any) -> None:  # noqa: B027  # most happen to messages of all types
        """Refuse a fault that can't happen to messages of a type.

        Args:
            message: An empty message of that type.

        Raises:
            ConfigurationError: It can't.
        """

    def release(self, due: float) -> list[Due]:
        """Messages that it has held back and that go on now that it acts no more."""
        return []


@dataclass
class Drop(MessageFault):
    """Loses messages."""

    kind = "drop"
    probability: float = 1.0
    burst: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.burst <= 1e6:
            raise ConfigurationError(f"drop: burst lies between 1 and 1e6, not {self.burst:g}")
        self._left = 0  # of the burst

    def act(self, due: Due, rng: np.random.Generator) -> list[Due]:
        """Nothing, or the message."""
        if not self._left and rng.random() < self.probability:
            self._left = round(self.burst)
        lost = self._left > 0
        self._left -= lost
        return [] if lost else [due]


@dataclass
class Delay(MessageFault):
    """Lets messages come later, in their order."""

    kind = "delay"
    seconds: float = 0.0
    spread: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (0.0 <= self.seconds < math.inf and 0.0 <= self.spread < math.inf):
            raise ConfigurationError("delay: seconds and spread are 0 s or more, and finite")
        self._last = -math.inf

    def act(self, due: Due, rng: np.random.Generator) -> list[Due]:
        """The message, later."""
        self._last = max(self._last, due[0] + self.seconds + self.spread * rng.random())
        return [(self._last, due[1])]


@dataclass
class Repeat(MessageFault):
    """Sends messages again."""

    kind = "repeat"
    probability: float = 1.0
    times: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.times <= 1000:
            raise ConfigurationError(f"repeat: times lies between 1 and 1000, not {self.times:g}")

    def act(self, due: Due, rng: np.random.Generator) -> list[Due]:
        """The message, once or more often."""
        again = round(self.times) if rng.random() < self.probability else 0
        return [due, *((due[0], copy.deepcopy(due[1])) for _ in range(again))]


@dataclass
class Reorder(MessageFault):
    """Lets messages come after the next one."""

    kind = "reorder"
    probability: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        self._held: list[Any] = []

    def act(self, due: Due, rng: np.random.Generator) -> list[Due]:
        """Nothing, or the message and the one that was held back."""
        if not self._held and rng.random() < self.probability:
            self._held.append(due[1])
            return []
        return [due, *self.release(due[0])]

    def release(self, due: float) -> list[Due]:
        """The message that was held back."""
        held, self._held = self._held, []
        return [(due, each) for each in held]


@dataclass
class Stamp(MessageFault):
    """Moves the stamps of messages."""

    kind = "stamp"
    seconds: float = 0.0

    def act(self, due: Due, rng: np.random.Generator) -> list[Due]:
        """The message with another stamp, at the earliest 0."""
        stamp = to_nanoseconds(due[1].header.stamp) + round(self.seconds * NANOSECONDS)
        due[1].header.stamp = to_stamp(min(max(stamp, 0), (2**31 - 1) * NANOSECONDS))
        return [due]

    def check(self, message: Any) -> None:
        """Refuse types without a header."""
        if not math.isfinite(self.seconds):
            raise ConfigurationError("stamp: seconds is a finite number")
        if not hasattr(message, "header"):
            raise ConfigurationError(f"stamp: {type(message).__name__} has no header")


@dataclass
class FieldFault(MessageFault):
    """A fault of one field.

    Attributes:
        field: Its name; parts of parts are separated by dots. An item of a list is told by its
            number or, where the message has names, its name: ``position[FL_calf_joint]``.
        index: Which number of an array; all by default.
    """

    field: str = ""
    index: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.field, str) or not self.field:
            raise ConfigurationError(f"{self.kind}: field is the name of a field")
        if self.index is not None and type(self.index) is not int:
            raise ConfigurationError(f"{self.kind}: index is a whole number, not {self.index}")
        self._numbers: Field | None = None

    def check(self, message: Any) -> None:
        """Refuse a field that a type lacks, or that holds no numbers."""
        self._numbers = self._field_of(message)

    def _field_of(self, message: Any) -> Field:
        index = "" if self.index is None else f"[{self.index}]"
        try:
            return Field(type(message), self.field + index)
        except ConfigurationError as error:
            raise ConfigurationError(f"{self.kind}: {error}") from error

    def _change(self, message: Any, rng: np.random.Generator) -> None:
        if self._numbers is None:
            self._numbers = self._field_of(message)
        self._numbers.change(message, lambda numbers: self.changed(numbers, rng))

    @abstractmethod
    def changed(self, numbers: Array, rng: np.random.Generator) -> Array:
        """What numbers of the field, (n,), become."""


@dataclass
class Bias(FieldFault):
    """Adds a number to a field."""

    kind = "bias"
    offset: float = 0.0

    def act(self, due: Due, rng: np.random.Generator) -> list[Due]:
        """The message, one field of it moved."""
        self._change(due[1], rng)
        return [due]

    def changed(self, numbers: Array, rng: np.random.Generator) -> Array:
        """The numbers and the offset."""
        return numbers + self.offset


@dataclass
class Corrupt(FieldFault):
    """Overwrites a field."""

    kind = "corrupt"
    value: Any = "nan"
    probability: float = 1.0

    def act(self, due: Due, rng: np.random.Generator) -> list[Due]:
        """The message, one field of it wrong."""
        if rng.random() < self.probability:
            self._change(due[1], rng)
        return [due]

    def check(self, message: Any) -> None:
        """Refuse a value that is none."""
        super().check(message)
        number = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        if self.value not in ("nan", "inf", "random") and not number:
            raise ConfigurationError(
                f"corrupt: value is nan, inf, random or a number, not {self.value}"
            )

    def changed(self, numbers: Array, rng: np.random.Generator) -> Array:
        """Something else."""
        if self.value == "random":
            return 1e3 * rng.standard_normal(len(numbers))
        return np.full(len(numbers), float(self.value))


FAULTS: dict[str, type[MessageFault]] = {
    each.kind: each for each in (Drop, Delay, Repeat, Reorder, Bias, Corrupt, Stamp)
}


def make_fault(description: Any) -> MessageFault:
    """Fault of a mapping from its kind to its numbers.

    Raises:
        ConfigurationError: There is no such fault, or a number is unknown or wrong.
    """
    if not isinstance(description, Mapping) or len(description) != 1:
        raise ConfigurationError(
            f"a fault is like 'drop: {{probability: 0.1}}', not {str(description)[:80]}"
        )
    ((kind, numbers),) = description.items()
    if kind not in FAULTS:
        raise ConfigurationError(f"no fault '{kind}': there are {', '.join(FAULTS)}")
    known = [field.name for field in dataclasses.fields(FAULTS[kind])]
    numbers = {} if numbers is None else numbers
    unknown = ["numbers"] if not isinstance(numbers, Mapping) else sorted(set(numbers) - set(known))
    if unknown:
        raise ConfigurationError(f"{kind}: no '{unknown[0]}': there are {', '.join(known)}")
    return FAULTS[kind](**numbers)


class FaultyTopic:
    """All faults of one topic.

    Args:
        faults: In the order in which they act.
        rng: Draws what is random.
    """

    def __init__(self, faults: Sequence[MessageFault], rng: np.random.Generator) -> None:
        self._faults, self._rng = list(faults), rng

    def take(self, time: float, message: Any) -> list[Due]:
        """Messages that come of one, each with the time at which it is due.

        Args:
            time: Time since the start, s.
            message: The message, which is not changed.
        """
        found: list[Due] = [(time, copy.deepcopy(message))]
        for fault in self._faults:
            if fault.acts(time):
                found = [out for due in found for out in fault.act(due, self._rng)]
            else:
                found = [*found, *fault.release(time)] if found else fault.release(time)
        return found
