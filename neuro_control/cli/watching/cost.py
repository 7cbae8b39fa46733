# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What it costs the control loop to be watched: latencies pairwise with and without."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from rich.table import Table

from neuro_control.cli.options import json_option, out_option, seed_option
from neuro_control.cli.output import show_result
from neuro_control.cli.progress import progress
from neuro_control.cli.scenario import Scenario, find_scenario, resolve
from neuro_control.cli.watching.options import Watching
from neuro_control.files import write_csv
from neuro_control.simulation.rendering import no_gl

if TYPE_CHECKING:
    from neuro_control.ros.run import Parameters

WATCHED = ("nobody", "view", "recording")
_PERCENTILES = (50, 99)
# Simulated time at the start that is left out, s: everything is compiled and loaded by then.
_START = 1.0
_RESAMPLES = 10_000


@click.command()
@click.option("--scenario", "name", default="quadruped", show_default=True, help="What runs.")
@click.option(
    "--pairs",
    type=click.IntRange(2, 1000),
    default=10,
    show_default=True,
    help="Runs of each kind.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(2.0, 600.0),
    default=8.0,
    show_default=True,
    help="Time of each run, s.",
)
@seed_option
@out_option("Folder for watching.csv.", required=False)
@json_option
def watching(
    name: str, pairs: int, seconds: float, seed: int, out: Path | None, json: str | None
) -> None:
    """Measure what a view or a recording costs the control loop.

    Runs without, with a view and with a recording follow one another in real time; the order is
    drawn anew for each round, and each is compared with the one without of its round.
    """
    # ROS reads its environment when it is first imported.
    from neuro_control.ros import process

    process.discover_locally()
    scenario = find_scenario(name)
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    with progress("measuring", pairs * len(WATCHED), "runs") as show, no_gl():
        for done, (pair, kind) in enumerate(
            itertools.chain.from_iterable(
                ((pair, WATCHED[i]) for i in rng.permutation(len(WATCHED))) for pair in range(pairs)
            )
        ):
            show(done)
            rows.append({"round": pair, "watched_by": kind, **_run(name, scenario, kind, seconds)})
    costs = costs_of(rows, rng)
    result = {"scenario": name, "pairs": pairs, "seconds": seconds, "costs": costs}
    if out is not None:
        write_csv(out / "watching.csv", list(rows[0]), [list(row.values()) for row in rows])
    show_result(result, json, _table(costs))


def _run(name: str, scenario: Scenario, kind: str, seconds: float) -> dict[str, float]:
    """Percentiles of the time from an observation to its command, ms, in a run of its own."""
    from neuro_control.ros import run as runs

    parameters: Parameters = runs.read_parameters(scenario.config_file(), list(scenario.nodes))
    parameters[next(iter(parameters))]["lockstep"] = False
    factories = {node: resolve(factory) for node, factory in scenario.nodes.items()}
    with tempfile.TemporaryDirectory() as folder:
        watched = Watching(
            record=Path(folder) / "run.mcap" if kind == "recording" else None,
            view=kind == "view",
            view_in="file",
        )
        watchers = watched.watchers(name, parameters, Path(folder)) if watched else []
        result = runs.measure(factories, parameters, seconds, 1.0, watchers)
    latency = 1e3 * np.asarray(result.recording["latency"])
    late = latency[round(len(latency) * _START / seconds) :]
    found = np.percentile(late, _PERCENTILES)
    return {f"p{p}_ms": float(each) for p, each in zip(_PERCENTILES, found, strict=True)}


def costs_of(rows: Sequence[dict[str, Any]], rng: np.random.Generator) -> list[dict[str, Any]]:
    """Median difference to the run without of the same round, and its 95 % interval."""
    costs = []
    for kind in WATCHED[1:]:
        for p in _PERCENTILES:
            key = f"p{p}_ms"
            by_round = {(row["round"], row["watched_by"]): row[key] for row in rows}
            rounds = sorted({row["round"] for row in rows})
            without = np.array([by_round[each, WATCHED[0]] for each in rounds])
            gap = np.array([by_round[each, kind] for each in rounds]) - without
            drawn = np.median(rng.choice(gap, (_RESAMPLES, len(gap))), axis=1)
            low, high = np.percentile(drawn, [2.5, 97.5])
            costs.append(
                {
                    "watched_by": kind,
                    "percentile": p,
                    "without_ms": float(np.median(without)),
                    "difference_ms": float(np.median(gap)),
                    "low_ms": float(low),
                    "high_ms": float(high),
                }
            )
    return costs


def _table(costs: Sequence[dict[str, Any]]) -> Table:
    table = Table(
        "watched by", "percentile", "without (ms)", "difference (ms)", "95 % interval (ms)"
    )
    for each in costs:
        table.add_row(
            each["watched_by"],
            str(each["percentile"]),
            f"{each['without_ms']:.3f}",
            f"{each['difference_ms']:+.3f}",
            f"{each['low_ms']:+.3f} … {each['high_ms']:+.3f}",
        )
    return table
