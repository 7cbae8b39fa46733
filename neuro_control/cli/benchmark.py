# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What benchmarks share: contestants that take turns, runs through ROS, rows of the table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
from rich.table import Table

from neuro_control.cli.report import settings_of
from neuro_control.cli.scenario import find_scenario, resolve

turns_option = click.option(
    "--turns",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    help="Number of times that each contestant is measured.",
)


def in_turns(contestants: Mapping[str, Callable[[], None]], turns: int) -> dict[str, list[float]]:
    """Time that each contestant takes in each turn, s, by name, each a list of ``turns``.

    They take turns, so that a machine whose speed drifts slows all of them alike.
    """
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for run in contestants.values():
        run()  # what is compiled or loaded at first is not measured
    for _ in range(turns):
        for name, run in contestants.items():
            begin = time.perf_counter()
            run()
            found[name].append(time.perf_counter() - begin)
    return found


def speed_ratio(found: Mapping[str, Sequence[float]], name: str, other: str) -> float | None:
    """How many times as fast as ``other`` a contestant is, the median over turns.

    Args:
        found: Times of each contestant, as ``in_turns`` gives them.
        name: The one.
        other: The one that it is compared with; the ratio is None if either did not take part.
    """
    if name not in found or other not in found:
        return None
    pairs = zip(found[name], found[other], strict=True)
    return statistics.median(theirs / ours for ours, theirs in pairs)


def microseconds(step: Callable[..., Any], arguments: Sequence[Any]) -> float:
    """Mean time of a call of ``step`` with each of ``arguments`` in turn, µs."""
    for argument in arguments[:10]:
        step(argument)
    begin = time.perf_counter()
    for argument in arguments:
        step(argument)
    return (time.perf_counter() - begin) / len(arguments) * 1e6


def through_ros(
    name: str,
    seconds: float,
    real_time_factor: float | None = None,
    changes: Sequence[str] = (),
    listeners: Mapping[str, Callable[[], Any]] | None = None,
) -> dict[str, Any]:
    """Run a scenario in this process and give its summary.

    Args:
        name: The scenario.
        seconds: Simulated time, s.
        real_time_factor: None for lockstep.
        changes: Parameters to set, as ``run --set`` takes them.
        listeners: Makes nodes, by name, that listen from the beginning.
    """
    from neuro_control.ros import process

    # ROS reads its environment when it is first imported.
    process.discover_locally()
    from neuro_control.ros import run as runs

    scenario = find_scenario(name)
    simulation, *others = scenario.nodes
    parameters = runs.read_parameters(scenario.config_file(), list(scenario.nodes))
    runs.set_parameters(parameters, changes)
    factories = {simulation: resolve(scenario.nodes[simulation])}
    for listener, factory in (listeners or {}).items():
        factories[listener] = factory
        parameters[listener] = {}
    factories |= {node: resolve(scenario.nodes[node]) for node in others}
    result = runs.measure(factories, parameters, seconds, real_time_factor)
    settings = settings_of(result.parameters)
    summary: dict[str, Any] = resolve(scenario.summarise)(result.recording, settings)
    return summary


def both_modes(
    name: str, lockstep: float, free_running: float, changes: Sequence[str] = ()
) -> dict[str, Any]:
    """Real-time factor and latency of a scenario in lockstep, and at the pace of real time.

    Args:
        name: The scenario.
        lockstep: Simulated time in lockstep, s.
        free_running: Simulated time at the pace of real time, s.
        changes: Parameters to set, as ``run --set`` takes them.
    """
    found = {
        "lockstep": through_ros(name, lockstep, None, changes),
        "free_running": through_ros(name, free_running, 1.0, changes),
    }
    kept = ("real_time_factor", "latency_ms")
    return {mode: {key: summary[key] for key in kept} for mode, summary in found.items()}


def add_ros_rows(table: Table, result: Mapping[str, Any]) -> None:
    """Add the rows of what ``both_modes`` gave to the table of a benchmark."""
    for mode in ("lockstep", "free_running"):
        latency = result[mode]["latency_ms"]
        table.add_row(
            f"through ROS, {mode.replace('_', '-')}",
            f"{result[mode]['real_time_factor']:.2f} × real time, observation to command "
            f"p50 {latency['p50']:.2f} ms, p99 {latency['p99']:.2f} ms",
        )
