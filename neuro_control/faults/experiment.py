# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The fault matrix: each node × each fault × seeds, judged by oracles, as an experiment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click
import numpy as np
from rclpy import logging

from neuro_control.cli.experiments import Experiment, Row, Setting, conduct, table_of
from neuro_control.cli.options import executor_options, out_option, seed_option
from neuro_control.cli.output import print_table, remarks
from neuro_control.errors import ConfigurationError
from neuro_control.faults.figure import draw_matrix
from neuro_control.faults.harness import Harness, claim_domain
from neuro_control.faults.options import domain_option, known
from neuro_control.faults.subject import Subject, find_subject, find_subjects
from neuro_control.faults.trial import FAULTS, draw, perform
from neuro_control.learning.executors import workers
from neuro_control.ros.process import discover_locally

# How often a trial in which nothing but its time was wrong is done again: a machine that does
# something else for a while is no fault of a node.
_AGAIN = 2
# Trials of a cell that are done one after another.
_BLOCK = 5


@dataclass(frozen=True)
class Task:
    """A part of a cell of the matrix.

    Attributes:
        node: Name of the node.
        fault: Name of the fault.
        seeds: Trials.
        domain: First ROS domain that may be used.
    """

    node: str
    fault: str
    seeds: range
    domain: int = field(repr=False)  # what was measured on another is no other measurement


@dataclass(frozen=True)
class MatrixSetting(Setting):
    """How the matrix is measured.

    Attributes:
        nodes: Names of the nodes.
        faults: Names of the faults.
        seeds: Seeds of the trials of each cell.
        domain: First ROS domain that may be used.
    """

    nodes: Sequence[str]
    faults: Sequence[str]
    seeds: range
    domain: int


def why_not(subject: Subject, fault: str) -> str:
    """Why a fault can't happen to a node; empty if it can."""
    return subject.exempt.get(fault, "") or FAULTS[fault].unfit_for(subject)


def run_cell(task: Task) -> Row:
    """Trials of a cell, one after another in one process of the node: ``trials``."""
    discover_locally()
    logging.set_logger_level("", logging.LoggingSeverity.FATAL)
    subject, kind = find_subject(task.node), FAULTS[task.fault]
    domain, claim = claim_domain(task.domain)
    with claim:
        harness = Harness(task.node, subject, domain, kind.simulated)
        try:
            trials = [repeated(harness, task.fault, seed) for seed in task.seeds]
        finally:
            harness.close()
    return {"trials": trials}


def repeated(harness: Harness, name: str, seed: int) -> Row:
    """One trial, repeated where nothing but its time was wrong."""
    for _ in range(_AGAIN + 1):
        fault, pause = draw(harness.subject, FAULTS[name], seed)
        outcome = perform(harness, fault, pause)
        if not outcome.recovered:
            harness.restart()
        if outcome.failed != ["safe_in_time"]:
            break
    held = not outcome.failed
    return {"seed": seed, "stream": fault.target.topic, "held": held, **asdict(outcome)}


def matrix(setting: MatrixSetting) -> list[Row]:
    """Every node × every fault: alive, finite, within limits and rates, safe in time, recovered."""
    subjects = find_subjects()
    # First some trials of every cell, so that a matrix that was interrupted is one all the same.
    tasks = [
        ({"node": node, "fault": fault}, Task(node, fault, some, setting.domain))
        for some in _blocks(setting.seeds)
        for node in setting.nodes
        for fault in setting.faults
        if not why_not(subjects[node], fault)
    ]
    if not tasks:
        raise ConfigurationError("none of these faults can happen to one of these nodes")
    found = [
        {"node": part["node"], "fault": part["fault"], **trial}
        for part in setting.run("faults", tasks, run_cell)
        for trial in part["trials"]
    ]
    order = {(row["node"], row["fault"]): k for k, row in reversed(list(enumerate(found)))}
    return sorted(found, key=lambda row: (order[row["node"], row["fault"]], row["seed"]))


def _blocks(seeds: range) -> list[range]:
    """The seeds in parts, each of which is done by one process of the node."""
    return [seeds[k : k + _BLOCK] for k in range(0, len(seeds), _BLOCK)]


def summarise(rows: list[Row]) -> list[Row]:
    """A row for each cell: how many trials held, times to safe, who recovers the node."""
    cells: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        cells.setdefault((row["node"], row["fault"]), []).append(row)
    return [
        {"node": node, "fault": fault, **_summary(trials)}
        for (node, fault), trials in cells.items()
    ]


def _summary(trials: list[Row]) -> Row:
    def quantile(name: str, q: float) -> float | None:
        values = [trial[name] for trial in trials if trial[name] is not None]
        return float(np.quantile(values, q)) if values else None

    recovered = Counter(trial["recovered_by"] for trial in trials)
    return {
        "trials": len(trials),
        "held": sum(trial["held"] for trial in trials),
        "to_safe_median_ms": quantile("time_to_safe_ms", 0.5),
        "to_safe_max_ms": quantile("time_to_safe_ms", 1.0),
        "to_recover_median_ms": quantile("time_to_recover_ms", 0.5),
        "to_recover_max_ms": quantile("time_to_recover_ms", 1.0),
        "recovered_by": ", ".join(
            name if count == len(trials) else f"{name} ({count})"
            for name, count in recovered.most_common()
        ),
        "trouble": next((trial["detail"] for trial in trials if not trial["held"]), ""),
    }


EXPERIMENT = Experiment(matrix, draw_matrix, summarise)


@click.command("faults")
@click.option(
    "--node",
    "nodes",
    multiple=True,
    callback=known(lambda: list(find_subjects()), "node"),
    help="Node that faults happen to; may be given more than once; all by default.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    callback=known(lambda: list(FAULTS), "fault"),
    help="Fault that happens; may be given more than once; all by default.",
)
@click.option(
    "--seeds",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    help="Trials of each fault with each node, each at a random instant.",
)
@seed_option
@domain_option
@out_option("Folder of CSV files, figure and what is resumed.", Path("out/experiments/faults"))
@executor_options
def faults(
    nodes: tuple[str, ...], faults: tuple[str, ...], seeds: int, seed: int, domain: int,
    out: Path, jobs: int, cluster: str | None,
) -> None:  # fmt: skip
    """Let every fault happen to every node, and judge by oracles; resumes what was interrupted.

    Exit code 1 says that an oracle did not hold somewhere.
    """
    with workers(jobs, cluster) as executor:
        setting = MatrixSetting(out, executor, nodes, faults, range(seed, seed + seeds), domain)
        rows = conduct("faults", EXPERIMENT, setting)
    print_table(table_of(rows, "faults"))
    unsafe = [f"{row['node']} × {row['fault']}" for row in rows if row["held"] < row["trials"]]
    remarks.print(f"written: {out}/faults.csv, faults_summary.csv, faults.png", soft_wrap=True)
    if unsafe:
        remarks.print(f"cells in which an oracle did not hold: {', '.join(unsafe)}", soft_wrap=True)
        raise SystemExit(1)
