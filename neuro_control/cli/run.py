# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command ``neuro-control run``: a scenario in simulation, through ROS 2."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from neuro_control.cli.options import json_option, out_option, seed_option
from neuro_control.cli.output import remarks, show_result, write_json
from neuro_control.cli.progress import progress
from neuro_control.cli.report import settings_of, summary_table
from neuro_control.cli.scenario import Scenario, find_scenario, resolve
from neuro_control.cli.urdf import description
from neuro_control.cli.watching.options import Watching, watching_options
from neuro_control.errors import ConfigurationError
from neuro_control.files import write_csv, write_text
from neuro_control.simulation.rendering import no_gl

if TYPE_CHECKING:
    from neuro_control.ros.run import Result, Watcher

_RECORDING, _PARAMETERS, _URDF = "recording.npz", "parameters.yaml", "robot.urdf"
_PUBLISHER = "robot_state_publisher"
_PUBLISHER_NODE = "neuro_control.ros.description.node:RobotStatePublisher"
# Wall time without a command after which a run in lockstep is given up, s.
_PATIENCE = 10.0


@click.command()
@click.argument("name", metavar="SCENARIO")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0),
    help="Simulated time, s; 0 runs until Ctrl-C. The default is the scenario's own.",
)
@seed_option
@click.option(
    "--lockstep",
    is_flag=True,
    help="The simulation waits for each command: the same run every time.",
)
@click.option(
    "--real-time-factor",
    type=click.FloatRange(0.01, 100),
    help="Run freely at this multiple of real time.",
)
@click.option("--instruction", help="What the robot is to do, in words; of scenarios that read.")
@click.option("--processes", is_flag=True, help="Each node in a process of its own.")
@click.option("--tf", is_flag=True, help="Publish robot_description and the frames of the links.")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="NODE.PARAMETER=VALUE",
    help="Set a parameter; repeatable.",
)
@click.option(
    "--config", type=click.Path(path_type=Path), help="Parameter file in place of the scenario's."
)
@watching_options
@out_option("Folder for plot, animation, recording and JSON.", required=False)
@json_option
def run(
    name: str,
    seconds: float | None,
    seed: int,
    lockstep: bool,
    real_time_factor: float | None,
    instruction: str | None,
    processes: bool,
    tf: bool,
    changes: tuple[str, ...],
    config: Path | None,
    record: Path | None,
    view: bool,
    view_in: str,
    foxglove_port: int | None,
    out: Path | None,
    json: str | None,
) -> None:
    """Run a scenario in simulation, through ROS 2, and report its metrics."""
    if lockstep and real_time_factor is not None:
        raise ConfigurationError("--lockstep and --real-time-factor exclude one another")
    scenario = find_scenario(name)
    watching = Watching(record, view, view_in, foxglove_port)
    watching.check(processes, out)
    overrides: dict[str, Any] = {"lockstep_limit": _PATIENCE}
    # A parameter file may say how long and with which seed: a recorded run's does.
    if config is None or seconds is not None:
        overrides["duration"] = scenario.seconds if seconds is None else seconds
    if config is None or _is_given("seed"):
        overrides["seed"] = seed
    if lockstep:
        overrides["lockstep"] = True
    if real_time_factor is not None:
        overrides.update(lockstep=False, real_time_factor=real_time_factor)
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"can't make the folder {out}: {error}") from error
    # Results of an earlier run stay in the folder until this one has ended.
    with tempfile.TemporaryDirectory(prefix=".run-", dir=out) as scratch:
        parameters = _parameters(scenario, config, overrides, instruction, changes, Path(scratch))
        if tf:
            scenario = _described(scenario, parameters, Path(scratch))
        watchers = watching.watchers(name, parameters, out) if watching else []
        _run(scenario, parameters, processes, Path(scratch), out, json, watchers)
    watching.stay()


def _described(
    scenario: Scenario, parameters: dict[str, dict[str, Any]], scratch: Path
) -> Scenario:
    """The scenario with a node that publishes what the robot looks like and where its links are."""
    urdf = (scratch / _URDF).resolve()
    write_text(urdf, description(scenario, parameters))
    odometry = {"odometry_topic": scenario.odometry, "use_sim_time": True}
    parameters[_PUBLISHER] = {"urdf": str(urdf), **odometry}
    return dataclasses.replace(scenario, nodes={**scenario.nodes, _PUBLISHER: _PUBLISHER_NODE})


def _is_given(option: str) -> bool:
    """Whether the user has given an option."""
    source = click.get_current_context().get_parameter_source(option)
    return source not in (None, ParameterSource.DEFAULT)


def _run(
    scenario: Scenario,
    parameters: dict[str, dict[str, Any]],
    processes: bool,
    scratch: Path,
    out: Path | None,
    json: str | None,
    watchers: Sequence[Watcher],
) -> None:
    activity = None if out is None else scenario.activity
    result = _simulate(scenario, parameters, processes, activity, scratch, watchers)
    settings = settings_of(result.parameters)
    summary = resolve(scenario.summarise)(result.recording, settings)
    summary["mode"] = "lockstep" if settings.get("lockstep", True) else "free-running"
    _show(summary, scenario, json)
    if out is not None:
        _write(result, summary, scratch)
        for remark in resolve(scenario.picture)(
            result.recording, result.activity, settings, scratch
        ):
            remarks.print(remark)
        written = sorted(path.name for path in scratch.iterdir())
        for name in written:
            (scratch / name).replace(out / name)
        listed = ", ".join(str(out / name) for name in written)
        remarks.print(f"written: {listed}", markup=False, soft_wrap=True)
    if result.interrupted is not None:
        remarks.print("stopped early: the result covers the run so far")
        raise click.exceptions.Exit(128 + result.interrupted)


def _parameters(
    scenario: Scenario,
    config: Path | None,
    overrides: dict[str, Any],
    instruction: str | None,
    changes: tuple[str, ...],
    scratch: Path,
) -> dict[str, dict[str, Any]]:
    """Parameters of each node, of which the recording goes to the folder ``scratch``."""
    # ROS reads its environment when it is first imported.
    from neuro_control.ros import process

    process.discover_locally()
    from neuro_control.ros import run as runs

    parameters = runs.read_parameters(config or scenario.config_file(), list(scenario.nodes))
    simulation, *others = scenario.nodes
    recording = str((scratch / _RECORDING).resolve())
    parameters[simulation].update(overrides, recording=recording)
    parameters[simulation].setdefault("duration", scenario.seconds)
    for name in others:
        parameters[name]["use_sim_time"] = True
    if instruction is not None:
        _instruct(scenario, parameters, instruction)
    runs.set_parameters(parameters, changes)
    runs.wait_alike(parameters)
    if parameters[simulation]["recording"] != recording:
        raise ConfigurationError("a run's recording goes to the folder that --out names")
    return parameters


def _instruct(scenario: Scenario, parameters: dict[str, dict[str, Any]], instruction: str) -> None:
    """Set the nodes to an instruction."""
    if scenario.instruct is None:
        raise ConfigurationError(
            f"--instruction is for scenarios that read; '{scenario.summary}' does not"
        )
    remark = resolve(scenario.instruct)(parameters, instruction)
    if remark:
        remarks.print(remark, markup=False, soft_wrap=True)


def _simulate(
    scenario: Scenario,
    parameters: dict[str, dict[str, Any]],
    processes: bool,
    activity: str | None,
    scratch: Path,
    watchers: Sequence[Watcher],
) -> Result:
    from neuro_control.ros import run as runs

    recording, parameter_file = (scratch / _RECORDING).resolve(), scratch / _PARAMETERS
    runs.write_parameters(parameters, parameter_file)
    duration = parameters[next(iter(scenario.nodes))]["duration"]
    # The simulation has yet to check it.
    total = duration if isinstance(duration, int | float) and duration else None
    with no_gl(), progress("simulating", total, "s") as show:
        if processes:
            return runs.run_apart(scenario.nodes, parameter_file, recording, activity, show)
        factories = {
            name: runs.namespaced(name, resolve(factory))
            for name, factory in scenario.nodes.items()
        }
        return runs.run_together(factories, parameter_file, recording, activity, show, watchers)


def _show(summary: dict[str, Any], scenario: Scenario, json: str | None) -> None:
    table, missing = summary_table(summary, scenario.needs)
    show_result(summary, json, table)
    if json != "-":
        for sentence in missing:
            remarks.print(sentence, markup=False, soft_wrap=True)


def _write(result: Result, summary: dict[str, Any], scratch: Path) -> None:
    """Write the result and the parameters that acted, which ``--config`` takes to run it again."""
    from neuro_control.ros import run as runs

    write_json(summary, str(scratch / "result.json"))
    acted = {name: values for name, values in result.parameters.items() if name != _PUBLISHER}
    runs.write_parameters(runs.replayable(acted), scratch / _PARAMETERS)
    if result.changes:
        write_csv(
            scratch / "parameter_changes.csv",
            ("time_s", "node", "parameter", "value"),
            [(each.time, each.node, each.name, each.value) for each in result.changes],
        )
