# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reference altitudes one after another."""

from __future__ import annotations

from collections.abc import Sequence

from neuro_control.blimp.control.types import CONTROL_PERIOD
from neuro_control.errors import ConfigurationError


def check_course(course: Sequence[float]) -> None:
    """Check that a course is pairs of a time (s) and an altitude (m), in the order of the times.

    Raises:
        ConfigurationError: It isn't.
    """
    times = course[::2]
    if len(course) % 2 or list(times) != sorted(times):
        raise ConfigurationError(
            f"course is a list of pairs of time and altitude, its times rising, not {list(course)}"
        )


def set_point_at(course: Sequence[float], elapsed: float, otherwise: float) -> float:
    """Reference altitude of a course, m.

    Args:
        course: Time (s) from which an altitude (m) counts, that altitude, and so on.
        elapsed: Time since the flight began, s.
        otherwise: Reference altitude before the first time of the course, m.
    """
    # Half a period of slack: times in seconds are no whole numbers of periods.
    reached = [
        altitude
        for time, altitude in zip(course[::2], course[1::2], strict=True)
        if time <= elapsed + CONTROL_PERIOD / 2
    ]
    return reached[-1] if reached else otherwise
