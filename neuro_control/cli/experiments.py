# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Experiments: claims that are tested by one command each, which leaves a CSV file and a figure.

A robot's experiments are a group of commands, one per experiment and ``all``. What is measured
task by task is kept in the output folder until the experiment is complete: one that was
interrupted is resumed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import click
from rich.table import Table

from neuro_control.cli.options import executor_options, out_option
from neuro_control.cli.output import print_table, remarks, write_rows
from neuro_control.cli.progress import progress
from neuro_control.learning.executors import workers

Row = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Setting:
    """How an experiment is done; robots add what else their experiments vary.

    Attributes:
        out: Folder of CSV files and figures.
        executor: Where tasks are done.
    """

    out: Path
    executor: Executor

    def run(
        self, name: str, tasks: Sequence[tuple[Row, T]], measure: Callable[[T], Row]
    ) -> list[Row]:
        """Rows of tasks: the label of each and what was measured.

        Results of tasks that are done are kept in ``NAME.progress`` beside the results until all
        are. A task counts as done only if neither its label nor the task itself has changed.

        Args:
            name: Name of the experiment.
            tasks: Label and task; the task's ``repr`` describes it completely, and it is pickled
                where the executor has processes.
            measure: Function of a module; what it returns is kept as JSON.
        """
        kept = self.out / f"{name}.progress"
        keys = [json.dumps([label, repr(task)]) for label, task in tasks]
        left = _read(kept)
        done = {key: left[key] for key in keys if key in left}
        with progress(name, len(tasks), "tasks") as show, kept.open("a") as file:
            show(len(done))
            futures = {
                self.executor.submit(measure, task): key
                for key, (_, task) in zip(keys, tasks, strict=True)
                if key not in done
            }
            try:
                for future in as_completed(futures):
                    key = futures[future]
                    done[key] = future.result()
                    file.write(json.dumps([key, done[key]]) + "\n")
                    file.flush()
                    show(len(done))
            finally:
                for future in futures:
                    future.cancel()
        rows = [{**label, **done[key]} for key, (label, _) in zip(keys, tasks, strict=True)]
        kept.unlink()
        return rows


def _read(kept: Path) -> dict[str, Row]:
    """Results that an interrupted experiment left, by task."""
    found: dict[str, Row] = {}
    if kept.exists():
        for line in kept.read_text().splitlines():
            try:
                key, row = json.loads(line)
            except ValueError:
                continue  # the interruption came in the midst of this line
            found[key] = row
    return found


S = TypeVar("S", bound=Setting)


@dataclass(frozen=True)
class Experiment(Generic[S]):
    """One experiment.

    Attributes:
        measure: Gives the rows of ``NAME.csv``; its docstring is the command's help text.
        draw: Draws the rows into ``NAME.png``.
        summarise: Turns the rows into those of the table that is printed, which are also written
            to ``NAME_summary.csv``; without it the table shows all rows.
        options: Decorators of click for options that only this experiment has.
    """

    measure: Callable[[S], list[Row]]
    draw: Callable[[list[Row], Path], None] | None = None
    summarise: Callable[[list[Row]], list[Row]] | None = None
    options: Sequence[Callable[[Any], Any]] = ()


def conduct(name: str, experiment: Experiment[S], setting: S) -> list[Row]:
    """Do an experiment and leave its CSV and figure in the output folder.

    Returns:
        Rows of the table that sums it up.
    """
    setting.out.mkdir(parents=True, exist_ok=True)
    rows = experiment.measure(setting)
    write_rows(setting.out / f"{name}.csv", rows)
    if experiment.draw is not None:
        experiment.draw(rows, setting.out / f"{name}.png")
    if experiment.summarise is None:
        return rows
    summary = experiment.summarise(rows)
    write_rows(setting.out / f"{name}_summary.csv", summary)
    return summary


def table_of(rows: Sequence[Mapping[str, Any]], title: str) -> Table:
    """Rows as a table to be printed."""
    table = Table(*rows[0], title=title)
    for row in rows:
        table.add_row(*(f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values()))
    return table


def group(
    robot: str,
    experiments: Mapping[str, Experiment[S]],
    setting: Callable[..., S],
    options: Sequence[Callable[[Any], Any]] = (),
) -> click.Group:
    """The command group of a robot's experiments: one command each, and ``all``.

    Args:
        robot: Name of the scenario; results go to ``out/experiments/ROBOT`` by default.
        experiments: By name.
        setting: Makes the setting of ``out``, ``executor`` and what the options add.
        options: Decorators of click for options that all of these experiments have.
    """

    def command(name: str, chosen: Mapping[str, Experiment[S]], help: str) -> click.Command:
        def run(out: Path, jobs: int, cluster: str | None, **others: Any) -> None:
            with workers(jobs, cluster) as executor:
                made = setting(out=out, executor=executor, **others)
                for each, experiment in chosen.items():
                    print_table(table_of(conduct(each, experiment, made), each))
                    written = ", ".join(sorted(str(path) for path in out.glob(f"{each}*.*")))
                    remarks.print(f"written: {written}", markup=False, soft_wrap=True)

        default = Path("out/experiments") / robot
        run = out_option("Folder of CSV files, figures and what is resumed.", default)(run)
        run = executor_options(run)
        own = [option for experiment in chosen.values() for option in experiment.options]
        # For `all`, an option that several experiments have is added once.
        for option in reversed(list(dict.fromkeys([*options, *own]))):
            run = option(run)
        return click.command(name, help=help)(run)

    made = click.Group("experiment", help="Test a claim again; resumes what was interrupted.")
    for name, experiment in experiments.items():
        made.add_command(command(name, {name: experiment}, experiment.measure.__doc__ or name))
    made.add_command(command("all", experiments, "All of them, one after another."))
    return made
