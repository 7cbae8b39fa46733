# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command ``neuro-control replay``: a recording to controllers, into ROS, or into a view."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from neuro_control.cli.options import json_option, out_option
from neuro_control.cli.output import remarks, show_result
from neuro_control.cli.progress import progress
from neuro_control.cli.scenario import Scenario, find_scenario, resolve
from neuro_control.cli.watching.options import SPACING, VIEW_FILE, body_of, view_in_option
from neuro_control.errors import ConfigurationError
from neuro_control.simulation.rendering import no_gl

if TYPE_CHECKING:
    from neuro_control.bags.reader import Bag
    from neuro_control.ros.run import Parameters


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "target",
    type=click.Choice(["controller", "ros", "view"]),
    default="controller",
    show_default=True,
    help="controller: compare what it commands now with what it commanded; ros: publish; "
    "view: show in Rerun.",
)
@click.option("--scenario", "name", help="Whose controllers; by default the recorded scenario's.")
@click.option("--node", "only", multiple=True, help="Only this node of them; repeatable.")
@click.option(
    "--config", type=click.Path(path_type=Path), help="Parameter file in place of the recorded one."
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="NODE.PARAMETER=VALUE",
    help="Set a parameter; repeatable.",
)
@click.option(
    "--remap",
    "remaps",
    multiple=True,
    metavar="OLD:=NEW",
    help="Name of a recorded topic, and the one that it takes; repeatable.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0.0),
    default=0.0,
    show_default=True,
    help="Largest difference of a number that counts as none.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0.01, 100.0),
    default=1.0,
    show_default=True,
    help="Speed of publishing and showing, as a multiple of the recorded.",
)
@view_in_option
@out_option(f"Folder for {VIEW_FILE}, with --to view.", required=False)
@json_option
def replay(
    file: Path,
    target: str,
    name: str | None,
    only: tuple[str, ...],
    config: Path | None,
    changes: tuple[str, ...],
    remaps: tuple[str, ...],
    tolerance: float,
    rate: float,
    view_in: str,
    out: Path | None,
    json: str | None,
) -> None:
    """Replay a recording, of this package or of any other: an MCAP file or a bag of ROS 2.

    With --to controller, the exit code is 1 if a command differs or is missing.
    """
    # ROS reads its environment when it is first imported.
    from neuro_control.ros import process

    process.discover_locally()
    from neuro_control.bags.reader import Bag

    bag = Bag(file, _renamed(remaps))
    if target == "ros":
        _publish(bag, rate)
        return
    if target == "view":
        _show(bag, rate, view_in, out)
        return
    scenario_name, scenario = _scenario(bag, name)
    nodes = _chosen(scenario, only)
    parameters = _parameters(bag, scenario, list(nodes), config, changes)
    result = _compare(bag, nodes, parameters)
    same = all(
        each["missing"] == 0 and each["max_difference"] <= tolerance and not each["texts"]
        for each in result.values()
    )
    summary = {"scenario": scenario_name, "same": same, "topics": result}
    show_result(summary, json, _table(result))
    if json != "-":
        remarks.print(_verdict(same, tolerance), markup=False)
    if not same:
        raise click.exceptions.Exit(1)


def _renamed(remaps: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in remaps:
        old, sign, new = each.partition(":=")
        if not (sign and old and new):
            raise ConfigurationError(f"a remap is OLD:=NEW, not '{each}'")
        found[_absolute(old)] = _absolute(new)
    return found


def _absolute(topic: str) -> str:
    return topic if topic.startswith("/") else f"/{topic}"


def _scenario(bag: Bag, name: str | None) -> tuple[str, Scenario]:
    name = name or bag.run().get("scenario")
    if not isinstance(name, str):
        raise ConfigurationError(
            "the recording does not say what ran: name its scenario, as --scenario quadruped"
        )
    return name, find_scenario(name)


def _chosen(scenario: Scenario, only: tuple[str, ...]) -> dict[str, str]:
    """Nodes that answer: all but the simulation, or those that are named."""
    _simulation, *others = scenario.nodes
    for each in only:
        if each not in others:
            raise ConfigurationError(f"no node '{each}': there are {', '.join(others)}")
    return {each: scenario.nodes[each] for each in others if not only or each in only}


def _parameters(
    bag: Bag,
    scenario: Scenario,
    nodes: list[str],
    config: Path | None,
    changes: tuple[str, ...],
) -> Parameters:
    """Parameters of the nodes: of a file, the recorded ones, or the scenario's own."""
    from neuro_control.ros import run as runs

    recorded = bag.run().get("parameters")
    if config is None and isinstance(recorded, dict):
        found = {name: dict(recorded.get(name) or {}) for name in scenario.nodes}
    else:
        found = runs.read_parameters(config or scenario.config_file(), list(scenario.nodes))
    runs.set_parameters(found, changes)
    for name in nodes:
        found[name]["use_sim_time"] = True  # the recording is the clock
    return {name: found[name] for name in nodes}


def _compare(bag: Bag, nodes: Mapping[str, str], parameters: Parameters) -> dict[str, Any]:
    from neuro_control.bags.regression import compare
    from neuro_control.ros import run as runs

    with tempfile.TemporaryDirectory() as folder, no_gl():
        file = Path(folder) / "parameters.yaml"
        runs.write_parameters(parameters, file)
        factories = {name: resolve(factory) for name, factory in nodes.items()}
        with progress("replaying", 1.0) as show:
            return compare(bag, factories, file, show)


def _table(result: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table("topic", "recorded", "answered", "missing", "different", "largest", "first at")
    for topic, each in result.items():
        first = each["first_difference_s"]
        table.add_row(
            topic,
            str(each["recorded"]),
            str(each["answered"]),
            str(each["missing"]),
            str(each["different"]),
            f"{each['max_difference']:.3g}",
            "" if first is None else f"{first:.3f} s",
        )
    return table


def _verdict(same: bool, tolerance: float) -> str:
    within = f" within {tolerance:g}" if tolerance else ", to the bit"
    return f"the same commands{within}" if same else "the commands differ"


def _show(bag: Bag, rate: float, view_in: str, out: Path | None) -> None:
    """Show a recording: at its pace, or into a file as fast as it goes."""
    from neuro_control.bags.pacing import paced
    from neuro_control.bags.sinks import Topic
    from neuro_control.bags.thinning import Thinned
    from neuro_control.viewing import rerun_view

    rerun_view.check(view_in, out)
    run = bag.run()
    parameters = run.get("parameters")
    body = body_of(parameters) if isinstance(parameters, dict) else {}
    file = None if out is None else str((out / VIEW_FILE).resolve())
    title = str(run.get("scenario") or "recording")
    view = rerun_view.RerunView(**body, file=file, shown_in=view_in, title=title)
    sink = Thinned(view, SPACING)
    topics = bag.readable()
    for name in topics:
        sink.open_topic(Topic(name, bag.kinds[name], ""))
    messages = bag.messages(topics)
    with progress("showing", sum(bag.counts[name] for name in topics), "messages") as show:
        try:
            for done, each in enumerate(messages if view_in == "file" else paced(messages, rate)):
                sink.write(each.topic, each.nanoseconds, each.data)
                show(done + 1)
            if rerun_view.place_of(view_in) == "browser":
                remarks.print("Ctrl-C ends the view")
                threading.Event().wait()
        finally:
            sink.close()


def _publish(bag: Bag, rate: float) -> None:
    from neuro_control.bags.player import publish

    total = max(1, sum(bag.counts.values()))
    with progress("publishing", total, "messages") as show:
        signal = publish(bag, rate, show)
    if signal is not None:
        raise click.exceptions.Exit(128 + signal)
