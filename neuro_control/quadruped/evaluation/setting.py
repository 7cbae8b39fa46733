# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the quadruped's experiments share: their setting and the options that choose it."""

from __future__ import annotations

from dataclasses import dataclass

import click

from neuro_control.cli.experiments import Setting as SharedSetting
from neuro_control.cli.options import deprecated_option, seeds_option
from neuro_control.quadruped.control.robots import ROBOTS


@dataclass(frozen=True)
class Setting(SharedSetting):
    """How an experiment is done.

    Attributes:
        robots: Robots that walk.
        seeds: Repetitions of walks in which something is drawn at random.
        real: Whether disturbances are also those of real motors and grounds.
        seconds: Duration of a walk that compares contact schedules, s.
        pushes: Walks with a push at each speed at which contact schedules are pushed.
        force: Size of such a push of 0.2 s, N.
        ramp: Time in which the commanded speed goes up, and down again, s.
        speeds: Commanded speeds at which contact schedules are compared, m/s.
    """

    robots: tuple[str, ...]
    seeds: int
    real: bool = True
    seconds: float = 8.0
    pushes: int = 8
    force: float = 100.0
    ramp: float = 30.0
    speeds: tuple[float, ...] = (0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.1, 1.2)


OPTIONS = (
    click.option(
        "--robot", "robots", type=click.Choice(list(ROBOTS)), multiple=True, default=tuple(ROBOTS),
        show_default="all", help="Robot that walks; may be given more than once.",
    ),
    seeds_option,
    deprecated_option("--workers", "--jobs"),
)  # fmt: skip

# Option of the walks with all disturbances at once.
REAL_OPTIONS = (
    click.option(
        "--real/--ideal", default=True, show_default=True,
        help="Late and slow motors and soft ground as well, or as the model has them.",
    ),
)  # fmt: skip

# Options of the comparison of contact schedules.
CONTACT_SCHEDULE_OPTIONS = (
    click.option(
        "--seconds", type=click.FloatRange(4, 600), default=Setting.seconds, show_default=True,
        help="Duration of a walk.",
    ),
    click.option(
        "--pushes", type=click.IntRange(0, 1000), default=Setting.pushes, show_default=True,
        help="Walks with a push at each of three speeds and from a stand.",
    ),
    click.option(
        "--force", type=click.FloatRange(0, 1000), default=Setting.force, show_default=True,
        help="Size of a push of 0.2 s, N.",
    ),
    click.option(
        "--ramp", type=click.FloatRange(3, 600), default=Setting.ramp, show_default=True,
        help="Time in which the speed goes up, and down again, s.",
    ),
    click.option(
        "--speed", "speeds", type=click.FloatRange(0, 1.6), multiple=True, default=Setting.speeds,
        show_default=True, help="Commanded speed, m/s; may be given more than once.",
    ),
)  # fmt: skip
