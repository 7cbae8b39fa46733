"""The command ``neuro-control``."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import yaml
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from neuro_control.cli.options import json_option
from neuro_control.cli.output import print_table, remarks, write_json
from neuro_control.cli.scenario import Scenario, discover, find, resolve
from neuro_control.errors import ConfigurationError
from neuro_control.simulation.rendering import no_gl


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="neuro_control")
def app() -> None:
    """Biologically inspired robot controllers: run, evaluate and measure them."""


# Wall time without a command after which a run in lockstep is given up, s.
_PATIENCE = 10.0

_VERBS = {
    "evaluate": "Score a policy or controller over seeded episodes.",
    "calibrate": "Measure what a controller's inputs do to the robot.",
    "benchmark": "Measure speed, beside the peers that are installed.",
    "train": "Train a policy or controller; interrupted, it goes on.",
    "evolve": "Evolve a controller; interrupted, it goes on.",
    "tune": "Evolve a controller on in closed loop; interrupted, it goes on.",
    "experiment": "Try a paper's claims again: CSV and figure.",
    "render": "Make images that need no camera.",
}


@app.command("list")
def list_scenarios() -> None:
    """List the scenarios and what can be done with each."""
    table = Table("scenario", "what it is", "commands")
    for name, scenario in discover().items():
        table.add_row(name, scenario.summary, ", ".join(["run", *scenario.commands]))
    print_table(table)


@app.command()
@click.argument("scenario")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0),
    help="Simulated seconds; 0 runs until Ctrl-C. The scenario says how long by default.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31),
    default=0,
    show_default=True,
    help="Seed of the episode's start.",
)
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
@click.option("--processes", is_flag=True, help="Each node in a process of its own.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NODE.PARAMETER=VALUE",
    help="Set a parameter; repeatable.",
)
@click.option(
    "--config", type=click.Path(path_type=Path), help="Parameter file in place of the scenario's."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for plot, animation, recording and JSON.",
)
@json_option
def run(
    scenario: str,
    seconds: float | None,
    seed: int,
    lockstep: bool,
    real_time_factor: float | None,
    processes: bool,
    settings: tuple[str, ...],
    config: Path | None,
    out: Path | None,
    json: str | None,
) -> None:
    """Run a scenario in simulation, through ROS 2, and say what came of it."""
    if lockstep and real_time_factor is not None:
        raise ConfigurationError("--lockstep and --real-time-factor exclude one another")
    found = find(scenario)
    duration = found.seconds if seconds is None else seconds
    overrides: dict[str, Any] = {"duration": duration, "seed": seed, "lockstep_limit": _PATIENCE}
    if lockstep:
        overrides["lockstep"] = True
    if real_time_factor is not None:
        overrides.update(lockstep=False, real_time_factor=real_time_factor)
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"can't make the folder {out}: {error}") from error
    # What an earlier run left in the folder stays until this one has come to its end.
    with tempfile.TemporaryDirectory(prefix=".run-", dir=out) as scratch:
        _run(found, config, overrides, settings, processes, Path(scratch), out, json)


def _run(
    scenario: Scenario,
    config: Path | None,
    overrides: dict[str, Any],
    settings: tuple[str, ...],
    processes: bool,
    scratch: Path,
    out: Path | None,
    json: str | None,
) -> None:
    # ROS reads its environment when it is first imported.
    from neuro_control.ros import process

    process.discover_locally()
    from neuro_control.ros import run as runs

    parameters = runs.read_parameters(config or scenario.config_file(), list(scenario.nodes))
    simulation = next(iter(scenario.nodes))
    recording = (scratch / "recording.npz").resolve()
    parameters[simulation].update(overrides, recording=str(recording))
    for name in list(scenario.nodes)[1:]:
        parameters[name]["use_sim_time"] = True
    runs.set_parameters(parameters, settings)
    if parameters[simulation]["recording"] != str(recording):
        raise ConfigurationError("a run's recording goes to the folder that --out names")
    parameter_file = scratch / "parameters.yaml"
    runs.write_parameters(parameters, parameter_file)
    activity = None if out is None else scenario.activity
    with no_gl(), _progress(parameters[simulation]["duration"]) as progress:
        if processes:
            result = runs.run_apart(scenario.nodes, parameter_file, recording, activity, progress)
        else:
            factories = {name: resolve(factory) for name, factory in scenario.nodes.items()}
            result = runs.run_together(factories, parameter_file, recording, activity, progress)
    settled = dict(parameters[simulation])
    settled["model_arguments"] = yaml.safe_load(settled.get("model_arguments", "{}")) or {}
    settled["nodes"] = {name: parameters[name] for name in list(scenario.nodes)[1:]}
    summary = resolve(scenario.summarise)(result.recording, settled)
    summary["mode"] = "lockstep" if settled.get("lockstep", True) else "free-running"
    _tell(summary, json)
    if out is not None:
        write_json(summary, str(scratch / "result.json"))
        drawn = resolve(scenario.picture)(result.recording, result.activity, settled, scratch)
        for remark in drawn:
            remarks.print(remark)
        written = sorted(path.name for path in scratch.iterdir())
        for name in written:
            (scratch / name).replace(out / name)
        remarks.print(f"written: {', '.join(str(out / name) for name in written)}")
    if result.interrupted is not None:
        remarks.print("stopped early: the result covers the run so far")
        raise click.exceptions.Exit(128 + result.interrupted)


@contextmanager
def _progress(duration: object) -> Iterator[Callable[[float], None]]:
    """A bar on the terminal; what it gives is told the simulated time."""
    with Progress(
        TextColumn("simulating"),
        BarColumn(),
        TextColumn("{task.completed:.1f} s of {task.fields[goal]}"),
        TimeElapsedColumn(),
        console=remarks,
        transient=True,
        disable=not remarks.is_terminal,
    ) as bar:
        # The simulation has yet to check it.
        total = duration if isinstance(duration, int | float) and duration else None
        task = bar.add_task("", total=total, goal=f"{total:g} s" if total else "∞")
        yield lambda now: bar.update(task, completed=now)


def _tell(summary: dict[str, Any], json: str | None) -> None:
    if json is not None:
        write_json(summary, json)
    if json == "-":
        return
    table = Table("figure")
    table.add_column("value", overflow="fold")
    for key, value in summary.items():
        for name, item in (
            ((f"{key} {part}", v) for part, v in value.items())
            if isinstance(value, dict)
            else ((key, value),)
        ):
            table.add_row(name, f"{item:.4g}" if isinstance(item, float) else str(item))
    print_table(table)


class _Verb(click.Group):
    """A verb whose commands, one of each scenario that offers it, are imported when they are used.

    What one of them needs, such as torch, must not slow down or break the others.
    """

    def __init__(self, verb: str, found: dict[str, Scenario]) -> None:
        super().__init__(verb, help=_VERBS.get(verb, f"{verb.capitalize()} a scenario."))
        self._found = {name: each for name, each in found.items() if verb in each.commands}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._found)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._found:
            return None
        with no_gl():
            command: click.Command = resolve(self._found[cmd_name].commands[str(self.name)])
        _mind_interrupts()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Scenarios"):
            formatter.write_dl([(name, each.summary) for name, each in self._found.items()])


def _mind_interrupts() -> None:
    """From here on Ctrl-C is an exception: imports, which may fail by it as they like, are done."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _add_verbs(found: dict[str, Scenario]) -> None:
    for verb in sorted({verb for scenario in found.values() for verb in scenario.commands}):
        app.add_command(_Verb(verb, found))


def main() -> None:
    """Entry point: a user's mistake is one line and exit code 2."""
    try:
        _add_verbs(discover())
        if len(sys.argv) > 1 and sys.argv[1] in ("run", "list"):
            _mind_interrupts()
        code = app.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        raise SystemExit(2) from None
    except click.ClickException as error:
        print(f"error: {_explained(error)}", file=sys.stderr)
        raise SystemExit(2) from None
    except ConfigurationError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            # The reader of our output has gone, as `| head` does.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from None
        print(f"error: {error.strerror or error}: {error.filename}", file=sys.stderr)
        raise SystemExit(2) from None
    except (KeyboardInterrupt, click.Abort):
        raise SystemExit(128 + signal.SIGINT) from None
    raise SystemExit(code if isinstance(code, int) else 0)


def _explained(error: click.ClickException) -> str:
    """Click's message in one line, with the commands there are if one was not found."""
    text = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    if isinstance(error, click.UsageError) and context is not None:
        command = context.command
        if isinstance(command, click.Group) and "No such command" in text:
            there = ", ".join(command.list_commands(context))
            return f"{text.rstrip('.')}: there are {there}"
    return text


if __name__ == "__main__":
    main()
