# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command ``neuro-control urdf``: the description of a scenario's simulated robot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from neuro_control.cli.scenario import Scenario, find_scenario
from neuro_control.errors import ConfigurationError
from neuro_control.files import write_text

# Of the scenarios that simulate a robot, the first node.
_SIMULATION = "neuro_control.simulation.node:Simulation"


@click.command()
@click.argument("name", metavar="SCENARIO")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="NODE.PARAMETER=VALUE",
    help="Set a parameter, such as 'simulation.model_arguments={robot: go1}'; repeatable.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="File; by default it is printed."
)
def urdf(name: str, changes: tuple[str, ...], out: Path | None) -> None:
    """Write the URDF of a scenario's simulated robot, made of its MuJoCo model.

    Where the model has meshes, as 'simulation.model_arguments={robot: go2, meshes: true}' has,
    they are referred to by their files on this machine.
    """
    from neuro_control.ros import process

    process.discover_locally()
    from neuro_control.ros import run as runs

    scenario = find_scenario(name)
    parameters = runs.read_parameters(scenario.config_file(), list(scenario.nodes))
    runs.set_parameters(parameters, changes)
    text = description(scenario, parameters)
    if out is None:
        click.echo(text, nl=False)
    else:
        write_text(out, text)


def description(scenario: Scenario, parameters: dict[str, dict[str, Any]]) -> str:
    """URDF of the robot that a scenario simulates.

    Args:
        scenario: The scenario.
        parameters: Parameters of its nodes by name, as a parameter file has them.

    Raises:
        ConfigurationError: The model can't be loaded, or has no robot.
    """
    from neuro_control.simulation.description.urdf import urdf as describe
    from neuro_control.simulation.parameters import SimulationParameters
    from neuro_control.simulation.world import load

    name, made = next(iter(scenario.nodes.items()))
    if made != _SIMULATION:
        raise ConfigurationError(f"no robot is simulated where {scenario.summary}")
    given = parameters[name]
    names = ("model", "model_arguments")
    known = SimulationParameters(**{each: given[each] for each in names if each in given})
    return describe(load(known.model, known.arguments).model)
