# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command ``neuro-control``: its groups of commands, and how errors are reported."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import click
from rich.table import Table

from neuro_control.cli.doctor import doctor
from neuro_control.cli.heartbeat import heartbeat
from neuro_control.cli.output import print_table
from neuro_control.cli.run import run
from neuro_control.cli.scenario import Scenario, discover, other_commands, resolve
from neuro_control.cli.soak import soak
from neuro_control.cli.urdf import urdf
from neuro_control.cli.watching.replay import replay
from neuro_control.errors import ConfigurationError
from neuro_control.simulation.rendering import no_gl


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="neuro_control")
def app() -> None:
    """Biologically inspired robot controllers: run, evaluate and measure them."""


_VERBS = {
    "evaluate": "Score a policy or controller over seeded episodes.",
    "calibrate": "Measure the motion that a controller's inputs cause.",
    "benchmark": "Measure speed, beside comparable programs where they are installed.",
    "generate": "Generate data to train on; resumes what was interrupted.",
    "train": "Train a policy or controller; resumes what was interrupted.",
    "evolve": "Evolve a controller; resumes what was interrupted.",
    "tune": "Evolve a trained controller in closed loop; resumes what was interrupted.",
    "experiment": "Test the claims of a paper again: CSV files and figures.",
    "export": "Export a policy to a file that runs without what trained it.",
    "render": "Render images in simulation.",
}


@app.command("list")
def list_scenarios() -> None:
    """List the scenarios and what can be done with each."""
    table = Table("scenario", "summary", "commands")
    for name, scenario in discover().items():
        table.add_row(name, scenario.summary, ", ".join(["run", *scenario.commands]))
    print_table(table)


app.add_command(run)
app.add_command(doctor)
app.add_command(replay)
app.add_command(heartbeat)
app.add_command(soak)
app.add_command(urdf)


class _Inject(click.Command):
    """``inject``, whose node is imported when it is used."""

    def invoke(self, ctx: click.Context) -> None:
        with no_gl():
            resolve("neuro_control.faults.injector:run_script")(ctx.params["script"])


app.add_command(
    _Inject(
        "inject",
        params=[click.Argument(["script"], type=click.Path(path_type=Path))],
        help="Pass messages of topics on with faults, by a seeded SCRIPT; Ctrl-C ends it.",
    )
)


# Commands of a verb that are about all scenarios, with what they do.
_OF_ALL = {
    "generate": {
        "episodes": (
            "neuro_control.cli.episodes:episodes",
            "Record episodes of an environment for Minari or LeRobot, or convert them.",
        ),
    },
    "experiment": {
        "faults": (
            "neuro_control.faults.experiment:faults",
            "Let every fault happen to every node, judged by oracles.",
        ),
        "claims": (
            "neuro_control.cli.claims:claims",
            "Print each paper's claims, what was measured here, and whether they hold.",
        ),
        "watching": (
            "neuro_control.cli.watching.cost:watching",
            "Measure what a view or a recording costs the control loop.",
        ),
        "emergency-stop": (
            "neuro_control.faults.emergency_stop:emergency_stop",
            "Measure the time from an emergency stop to the safe command, under load.",
        ),
    },
}


class _Verb(click.Group):
    """A verb whose commands, one of each scenario that offers it, are imported when they are used.

    What one of them needs, such as torch, must not slow down or break the others.
    """

    def __init__(self, verb: str, found: dict[str, Scenario]) -> None:
        super().__init__(verb, help=_VERBS.get(verb, f"{verb.capitalize()} a scenario."))
        scenarios = {name: each for name, each in found.items() if verb in each.commands}
        self._commands = {name: each.commands[verb] for name, each in scenarios.items()}
        self._summaries = {name: each.summary for name, each in scenarios.items()}
        others = {**other_commands().get(verb, {}), **_OF_ALL.get(verb, {})}
        for name, (command, summary) in others.items():
            self._commands[name], self._summaries[name] = command, summary

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._commands:
            return None
        with no_gl():
            command: click.Command = resolve(self._commands[cmd_name])
        _mind_interrupts()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Scenarios"):
            formatter.write_dl(list(self._summaries.items()))


# Commands that are no groups, and whose own imports are done before they run.
_DIRECT = ("run", "replay", "list", "heartbeat", "soak", "doctor", "urdf")


def _mind_interrupts() -> None:
    """From here on Ctrl-C is an exception: imports, which may fail by it as they like, are done."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _add_verbs(found: dict[str, Scenario]) -> None:
    verbs = {verb for scenario in found.values() for verb in scenario.commands}
    for verb in sorted(verbs | set(other_commands())):
        app.add_command(_Verb(verb, found))


def main() -> None:
    """Entry point: a user's mistake is one line and exit code 2."""
    try:
        _add_verbs(discover())
        if len(sys.argv) > 1 and sys.argv[1] in _DIRECT:
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
        where = "" if error.filename is None else f": {error.filename}"
        print(f"error: {error.strerror or error}{where}", file=sys.stderr)
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
