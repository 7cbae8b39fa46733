# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Options that the commands about QUARD's tasks share."""

from __future__ import annotations

import click

from neuro_control.quadruped.control.robots import ROBOTS
from neuro_control.quart.control.tasks import SKILLS
from neuro_control.quart.evaluation.guides import DEFAULT, NAMES

policy_option = click.option(
    "--policy",
    default=DEFAULT,
    show_default=True,
    metavar="NAME|FILE",
    help="Who commands the robot: a name in config/weights, a file of weights, "
    f"{', '.join(NAMES[:-1])} or {NAMES[-1]}; blind:FILE and deaf:FILE are of that policy.",
)
episodes_option = click.option(
    "--episodes",
    type=click.IntRange(1, 100_000),
    default=100,
    show_default=True,
    help="Number of episodes of each task, each with a seed of its own.",
)
robot_option = click.option(
    "--robot",
    type=click.Choice(list(ROBOTS)),
    default="go2",
    show_default=True,
    help="Robot that walks.",
)
tasks_option = click.option(
    "--tasks",
    default="",
    metavar="TASK,TASK,…",
    show_default="all",
    help=f"Tasks: {', '.join(SKILLS)}.",
)
