# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Numbers that a user may turn, in frozen dataclasses: default, description, range.

Each module of the controller has one such dataclass, and ``controller.ControllerSettings`` holds
one of each. ``with_numbers`` reads changes from a mapping, as a YAML file has it, and says what
would be right if one of them is wrong.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError

S = TypeVar("S", bound="Settings")


def number(default: float | tuple[float, ...], description: str, low: float, high: float) -> Any:
    """Field of a settings dataclass.

    Args:
        default: A number, or a tuple of a fixed count of them.
        description: What it does, with its unit.
        low: Smallest value allowed.
        high: Largest value allowed.
    """
    metadata = {"description": description, "range": (low, high)}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Settings:
    """Base of the settings dataclasses: checks each number's type and range.

    Raises:
        ConfigurationError: A value is no finite number, or out of its range.
    """

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            if "range" in each.metadata:
                value = _checked(each, getattr(self, each.name))
                object.__setattr__(self, each.name, value)

    def record(self) -> NDArray[Any]:
        """The numbers as a structured array of one row, which compiled functions take."""
        names = [each.name for each in dataclasses.fields(self) if "range" in each.metadata]
        shapes = [np.shape(getattr(self, name)) for name in names]
        kinds = [
            (name, np.float64, shape) if shape else (name, np.float64)
            for name, shape in zip(names, shapes, strict=True)
        ]
        row = np.zeros(1, kinds)
        for name in names:
            row[name] = getattr(self, name)
        return row


def _checked(field: dataclasses.Field[Any], value: Any) -> Any:
    low, high = field.metadata["range"]
    default = field.default
    several = isinstance(default, tuple)
    count = len(default) if isinstance(default, tuple) else 1
    values = list(value) if several and isinstance(value, list | tuple) else [value]
    right = f"{f'{count} numbers' if several else 'a number'} between {low:g} and {high:g}"
    if len(values) != count or not all(
        type(each) in (int, float) and math.isfinite(each) and low <= each <= high
        for each in values
    ):
        raise ConfigurationError(f"{field.name} is {right}, not {value!r}")
    return tuple(map(float, values)) if several else float(value)


def with_numbers(settings: S, numbers: Mapping[str, Any]) -> S:
    """Copy of ``settings`` in which these numbers, by name, are changed.

    Args:
        settings: A settings dataclass, or one that holds such dataclasses as sections.
        numbers: New values by name; of a section, a mapping in its turn.

    Raises:
        ConfigurationError: A name is unknown, or a value is not what its field takes.
    """
    fields = {
        each.name: getattr(settings, each.name)
        for each in dataclasses.fields(settings)
        if "range" in each.metadata or isinstance(getattr(settings, each.name), Settings)
    }
    changes = {}
    for name, value in numbers.items():
        if name not in fields:
            raise ConfigurationError(f"there is no {name}: there are {', '.join(fields)}")
        if not isinstance(fields[name], Settings):
            changes[name] = value
            continue
        if not isinstance(value, Mapping):
            raise ConfigurationError(f"{name} is a mapping of names to numbers, not {value!r}")
        try:
            changes[name] = with_numbers(fields[name], value)
        except ConfigurationError as error:
            raise ConfigurationError(f"{name}: {error}") from error
    return dataclasses.replace(settings, **changes)
