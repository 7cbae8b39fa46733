# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command ``neuro-control soak``: a scenario runs for hours, and its processes are watched."""

from __future__ import annotations

from pathlib import Path

import click

from neuro_control.cli.options import out_option, seed_option
from neuro_control.cli.scenario import resolve


@click.command()
@click.argument("name", metavar="SCENARIO")
@click.option(
    "--mode",
    type=click.Choice(["lockstep", "free-running"]),
    default="lockstep",
    show_default=True,
    help="Whether the simulation waits for each command, or keeps real time.",
)
@click.option(
    "--hours",
    type=click.FloatRange(min=0, min_open=True),
    default=8.0,
    show_default=True,
    help="Simulated time.",
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="NODE.PARAMETER=VALUE",
    help="Set a parameter; repeatable.",
)
@seed_option
@out_option("Folder of CSV file, figure and what is resumed.", Path("out/soak"))
def soak(
    name: str, mode: str, hours: float, changes: tuple[str, ...], seed: int, out: Path
) -> None:  # fmt: skip
    """Run a scenario for hours, each node in a process of its own, and watch the processes.

    Slope of memory with its 95 % interval, handles, threads, observations without an answer,
    latencies from an observation to its command. Ctrl-C ends it; called again it goes on.
    """
    # By its name: what it stands on knows the command line.
    resolve("neuro_control.faults.soak:soak")(name, mode, hours, changes, seed, out)
