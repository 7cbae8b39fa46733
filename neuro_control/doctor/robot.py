# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a robot's folder offers the doctor, and where it is found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from neuro_control.doctor.check import Check, Finding
from neuro_control.errors import ConfigurationError
from neuro_control.folders import folders

P = TypeVar("P")

# Asks whoever stands beside the robot a question; whether the answer was yes.
Ask = Callable[[str], bool]
# Parameters of the drivers by node, as the hardware file has them.
Parameters = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Doctor:
    """Checks of a real robot.

    Attributes:
        config: Its hardware file in ``config/``.
        nodes: Its drivers, which the file has parameters for.
        checks: Makes the checks that move nothing, given the drivers' parameters.
        before_start: Makes those before it first moves, which ask and move, given the same and
            whom to ask.
    """

    config: str
    nodes: tuple[str, ...]
    checks: Callable[[Parameters], list[tuple[str, Check]]]
    before_start: Callable[[Parameters, Ask], Iterable[Finding]]


@cache
def doctors() -> dict[str, str]:
    """``module:object`` of each robot's doctor, by name."""
    return {
        name: place
        for folder in folders()
        for name, place in getattr(folder, "DOCTORS", {}).items()
    }


def settings(kind: type[P], given: Mapping[str, Any]) -> P:
    """Parameters of a driver.

    Args:
        kind: Their dataclass.
        given: Those that the hardware file has.

    Raises:
        ConfigurationError: One is unknown, or they contradict one another.
    """
    known = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(given) - known)
    if unknown:
        raise ConfigurationError(f"no parameter {', '.join(unknown)}: there are {sorted(known)}")
    return kind(**given)
