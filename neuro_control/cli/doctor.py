# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command ``neuro-control doctor``: is this machine well, and the robot that it reaches?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from neuro_control import resources
from neuro_control.cli.options import json_option
from neuro_control.cli.output import write_json
from neuro_control.cli.scenario import resolve
from neuro_control.errors import ConfigurationError

_SIGNS = {"pass": ("pass", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}


@click.command()
@click.argument("name", metavar="[ROBOT]", required=False)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Parameter file of the robot's drivers, as launch's hardware_file.",
)
@click.option(
    "--before-start",
    is_flag=True,
    help="Also move the robot and ask: sensors, actuators, emergency stop, battery.",
)
@json_option
def doctor(name: str | None, config: Path | None, before_start: bool, json: str | None) -> None:
    """Check this machine, and a real ROBOT (go2 or blimp) that it reaches, line by line.

    Each line passes, warns or fails with its remedy. The exit code is 1 if one failed. Nothing
    moves without --before-start, which asks before every motion.
    """
    # Not discover_locally: a robot is beyond this machine.
    from neuro_control.doctor import machine, network, running
    from neuro_control.doctor.check import findings
    from neuro_control.doctor.robot import Doctor, doctors

    if name is not None and name not in doctors():
        raise ConfigurationError(f"no robot '{name}': there are {', '.join(doctors())}")
    if name is None and (config is not None or before_start):
        raise ConfigurationError("--config and --before-start are for a robot: name one")
    told: list[dict[str, Any]] = []
    general = [
        *machine.checks(),
        ("multicast", lambda: network.multicast("")),
        ("firewall", network.firewall),
        ("running nodes", running.running_nodes),
    ]
    _tell(findings(general), told, json)
    if name is not None:
        robot: Doctor = resolve(doctors()[name])
        parameters = _parameters(robot, config)
        _tell(findings(robot.checks(parameters)), told, json)
        if before_start and all(each["outcome"] != "fail" for each in told):
            _tell(robot.before_start(parameters, _ask), told, json)
        elif before_start:
            click.echo("nothing is moved before all of this is mended", err=True)
    if json is not None:
        write_json({"checks": told}, json)
    if any(each["outcome"] == "fail" for each in told):
        raise click.exceptions.Exit(1)


def _parameters(robot: Any, config: Path | None) -> dict[str, dict[str, Any]]:
    from neuro_control.ros.run import read_parameters

    return read_parameters(config or resources.find_file("config", robot.config), robot.nodes)


def _ask(question: str) -> bool:
    return click.confirm(question, default=False, err=True)


def _tell(found: Iterable[Any], told: list[dict[str, Any]], json: str | None) -> None:
    """Print findings as they come, and keep them; on standard output unless JSON goes there."""
    for each in found:
        outcome = each.outcome.value
        told.append({**asdict(each), "outcome": outcome})
        sign, colour = _SIGNS[outcome]
        click.echo(f"{click.style(sign, fg=colour)}  {each.name}: {each.detail}", err=json == "-")
        if each.remedy:
            click.echo(f"      {each.remedy}", err=json == "-")
