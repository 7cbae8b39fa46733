# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Time from the press of an emergency stop to the safe command, under load, as an experiment."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import dropwhile
from pathlib import Path

import click
import numpy as np
from rclpy import logging
from std_srvs.srv import SetBool

from neuro_control.cli.experiments import Experiment, Row, Setting, conduct, table_of
from neuro_control.cli.options import executor_options, out_option, seed_option
from neuro_control.cli.output import print_table, remarks
from neuro_control.errors import ConfigurationError
from neuro_control.faults.harness import Harness, claim_domain
from neuro_control.faults.options import domain_option, known
from neuro_control.faults.subject import Received, Subject, find_subject, find_subjects
from neuro_control.learning.executors import workers
from neuro_control.ros.lifecycle.priority import MOST, prioritise
from neuro_control.ros.process import PARENT_VARIABLE, discover_locally

# What loads a node while its emergency stop is pressed.
LOADS = ("none", "flood", "parameters", "long steps")
# Time within which the safe command must come, and for which nothing else may follow it, s.
_LIMIT, _WATCHED = 10.0, 0.1
# Time within which the node moves again, s, and the longest random time till the press, s.
_MOVES, _PAUSE = 60.0, 0.3


@dataclass(frozen=True)
class Task:
    """A node under a load.

    Attributes:
        node: Name of the node.
        load: One of ``LOADS``.
        presses: How often the emergency stop is pressed.
        priority: Real-time priority of the node's threads; 0: none.
        seed: Seed of the instants.
        domain: First ROS domain that may be used.
    """

    node: str
    load: str
    presses: int
    priority: int
    seed: int
    domain: int = field(repr=False)


@dataclass(frozen=True)
class StopSetting(Setting):
    """How the time to safe is measured.

    Attributes:
        nodes: Names of the nodes.
        presses: Presses of each node under each load.
        priority: Real-time priority of the nodes' threads; 0: none.
        seed: Seed of the instants.
        domain: First ROS domain that may be used.
    """

    nodes: Sequence[str]
    presses: int
    priority: int
    seed: int
    domain: int


def stoppable() -> list[str]:
    """Nodes of the matrix that are controllers with topics alone, which any load can reach."""
    return [
        name
        for name, each in find_subjects().items()
        if "enable" in each.services and each.managed and each.node.count(".nodes.")
    ]


@contextmanager
def _loaded(task: Task, domain: int) -> Iterator[None]:
    """The load, while the block lasts."""
    if task.load not in ("flood", "parameters"):
        yield
        return
    command = [sys.executable, "-m", "neuro_control.faults.load", task.node, str(domain), task.load]
    process = subprocess.Popen(command, env={**os.environ, PARENT_VARIABLE: str(os.getpid())})
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def press_often(task: Task) -> Row:
    """Press a node's emergency stop at random instants: ``presses``."""
    discover_locally()
    logging.set_logger_level("", logging.LoggingSeverity.FATAL)
    subject: Subject = find_subject(task.node)
    parameters = {**subject.parameters, "thread_priority": task.priority}
    subject = dataclasses.replace(subject, parameters=parameters)
    if task.load == "long steps":
        kind = subject.node.partition(":")[2]
        subject = dataclasses.replace(subject, node=f"neuro_control.faults.slow:{kind}")
    rng = np.random.default_rng(task.seed)
    domain, claim = claim_domain(task.domain)
    with claim:
        harness = Harness(task.node, subject, domain, simulated=False)
        try:
            if task.priority:
                prioritise(task.priority)  # who presses late measures no late node
            with _loaded(task, domain):
                presses = [_press(harness, rng.uniform(0.0, _PAUSE)) for _ in range(task.presses)]
        finally:
            harness.close()
    return {"presses": presses}


def _press(harness: Harness, pause: float) -> tuple[float, float, int]:
    """Press the emergency stop once, ``pause`` (s) after the node moves.

    Returns:
        Time to safe, s; how long one of the node's threads was ready to run meanwhile and the
        machine ran others, s; and how many commands that were not safe passed after the first safe
        one.

    Raises:
        ConfigurationError: The node does not move, or does not stop.
    """
    # Enabled or not by now: the stop that was pressed last is released first.
    for service, data in (("emergency_stop", False), ("enable", True)):
        harness.call(SetBool, service, SetBool.Request(data=data), _MOVES)
    if not harness.wait_until_it_moves(_MOVES):
        raise ConfigurationError(f"{harness.key} does not move within {_MOVES:g} s")
    harness.run(pause)
    output = harness.subject.output
    client = harness.client(SetBool, "emergency_stop")
    harness.forget()
    before = harness.child.waited()
    pressed = time.time_ns()
    client.call_async(SetBool.Request(data=True))

    def since() -> list[Received]:
        """What came from the first safe command on."""
        later = (each for each in harness.received if each.time >= pressed)
        return list(dropwhile(lambda each: not output.safe(each), later))

    if not harness.run(_LIMIT, lambda: bool(since())):
        raise ConfigurationError(f"{harness.key} is not safe within {_LIMIT:g} s")
    after = harness.child.waited()
    waited = max(after[thread] - before.get(thread, 0.0) for thread in after)
    harness.run(_WATCHED)
    passed = sum(not output.safe(each) for each in since())
    return (since()[0].time - pressed) * 1e-9, waited, passed


def measure(setting: StopSetting) -> list[Row]:
    """Time from the press of the emergency stop to the safe command, at random instants."""
    presses, priority = setting.presses, setting.priority
    tasks = [
        (
            {"node": node, "load": load, "priority": priority},
            Task(node, load, presses, priority, setting.seed, setting.domain),
        )
        for node in setting.nodes
        for load in LOADS
    ]
    found = setting.run("emergency_stop", tasks, press_often)
    return [
        {
            "node": each["node"],
            "load": each["load"],
            "priority": each["priority"],
            "press": k,
            "to_safe_ms": 1e3 * seconds,
            "waited_ms": 1e3 * waited,
            "passed": passed,
        }
        for each in found
        for k, (seconds, waited, passed) in enumerate(each["presses"])
    ]


def summarise(rows: list[Row]) -> list[Row]:
    """A row for each node and load: median and largest time to safe, ms, and what passed."""
    cells: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        cells.setdefault((row["node"], row["load"]), []).append(row)
    return [
        {
            "node": node,
            "load": load,
            "presses": len(each),
            "to_safe_median_ms": float(np.median([row["to_safe_ms"] for row in each])),
            "to_safe_p90_ms": float(np.quantile([row["to_safe_ms"] for row in each], 0.9)),
            "to_safe_max_ms": max(row["to_safe_ms"] for row in each),
            "waited_max_ms": max(row["waited_ms"] for row in each),
            "passed_after": sum(row["passed"] for row in each),
        }
        for (node, load), each in cells.items()
    ]


EXPERIMENT = Experiment(measure, summarise=summarise)


@click.command("emergency-stop")
@click.option(
    "--node",
    "nodes",
    multiple=True,
    callback=known(stoppable, "node"),
    help="Node; all controllers by default.",
)
@click.option(
    "--presses",
    type=click.IntRange(1, 10_000),
    default=100,
    show_default=True,
    help="Presses of each node under each load, each at a random instant.",
)
@click.option(
    "--priority",
    type=click.IntRange(0, MOST),
    default=0,
    show_default=True,
    help="Real-time priority of the nodes' threads, as far as the user may give it; 0: none.",
)
@seed_option
@domain_option
@out_option("Folder of the CSV files and what is resumed.", Path("out/experiments/emergency_stop"))
@executor_options
def emergency_stop(
    nodes: tuple[str, ...], presses: int, priority: int, seed: int, domain: int, out: Path,
    jobs: int, cluster: str | None,
) -> None:  # fmt: skip
    """Press the emergency stop of each node under load, and measure the time to safe.

    The loads are none, a flood of 5,000 observations a second, requests of 10,000 parameters, and
    steps that compute for 0.3 s.
    """
    with workers(jobs, cluster) as executor:
        setting = StopSetting(out, executor, nodes, presses, priority, seed, domain)
        rows = conduct("emergency_stop", EXPERIMENT, setting)
    print_table(table_of(rows, "emergency stop"))
    remarks.print(f"written: {out}/emergency_stop.csv, emergency_stop_summary.csv", soft_wrap=True)
