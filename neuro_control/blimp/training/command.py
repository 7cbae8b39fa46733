# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What all commands that train the blimp's networks share: options, runs, the controller."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from neuro_control.blimp.control.antisymmetric import KINDS
from neuro_control.blimp.control.genome import TERMS, load_network
from neuro_control.blimp.control.spiking_controller import SpikingController
from neuro_control.blimp.training.run import Advance, Kind, TrainingRun, train
from neuro_control.cli.options import executor_options, json_option, out_option, seed_option
from neuro_control.cli.output import show_result
from neuro_control.cli.progress import progress
from neuro_control.errors import ConfigurationError
from neuro_control.learning.executors import workers

_OPTIONS = [
    click.option(
        "--controller",
        "term",
        type=click.Choice(list(TERMS)),
        required=True,
        help="Part of the PID that the network learns.",
    ),
    click.option(
        "--structure",
        "kind",
        type=click.Choice(list(KINDS)),
        default="iwta",
        show_default=True,
        help="Kind of the hidden layer.",
    ),
    seed_option,
    click.option(
        "--runs",
        "count",
        type=click.IntRange(1, 1000),
        default=1,
        show_default=True,
        help="Number of runs, with seeds from --seed on. A single run uses all cores.",
    ),
    click.option(
        "--derivative-time",
        type=click.FloatRange(0, 10),
        default=0.3,
        show_default=True,
        help="Time constant of the low pass in the PD that is learned from, s.",
    ),
    click.option(
        "--partner",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Network of the other part; both make OUT/controller.safetensors.",
    ),
    executor_options,
    out_option("Folder that gets a folder for each run; a run that was interrupted is resumed."),
    json_option,
]


def options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that all commands that train have in common."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def run_command(
    training: Kind,
    advance: Advance[Kind],
    unit: str,
    *,
    count: int,
    partner: Path | None,
    jobs: int,
    cluster: str | None,
    out: Path,
    json: str | None,
) -> None:
    """Do what all commands that train do, with the options they have in common.

    Args:
        training: What the first run trains; those after it have the seeds after it.
        advance: Does a stretch of a run.
        unit: Name of its steps.
        count: Number of runs.
        partner: File of the network of the other term.
        jobs: Processes that share the runs.
        cluster: Address of a cluster in their place.
        out: Folder of the runs' folders.
        json: File for the result.

    Raises:
        ConfigurationError: The partner is for the same term, or a folder holds another run.
    """
    if partner is not None and load_network(partner)[0].design.term == training.term:
        raise ConfigurationError(f"{partner} is for '{training.term}' too: give the other part")
    runs = [
        TrainingRun(out / f"seed_{seed}", dataclasses.replace(training, seed=seed))
        for seed in range(training.seed, training.seed + count)
    ]
    jobs = min(jobs, count)
    threads = None if jobs == 1 and cluster is None else 1
    name = f"{training.term} {training.kind}"
    with (
        workers(jobs, cluster) as executor,
        progress(name, count * training.steps, unit) as show,
    ):
        results = train(runs, advance, executor, show, threads)
    best = int(np.argmin([result["validation"]["cost"] for result in results]))
    found: dict[str, Any] = {
        "network": str(runs[best].network),
        "parameters": training.design.structure.size,
        "runs": results,
    }
    if partner is not None:
        join(runs[best].network, partner, out / "controller.safetensors")
        found["controller"] = str(out / "controller.safetensors")
    test = results[best]["test"]
    show_result(
        found,
        json,
        f"on flights it has never seen: mean absolute error {test['mae']:.3f}, correlation "
        f"{test['rho']:.3f}: {found.get('controller', found['network'])}",
    )


def join(ours: Path, partner: Path, target: Path) -> None:
    """Write the controller that two files of networks make, whichever way round they come.

    Raises:
        ConfigurationError: A file is not one of a network, or both are for the same term.
    """
    genomes, facts = {}, {}
    for path in (ours, partner):
        genome, known = load_network(path)
        genomes[genome.design.term], facts[genome.design.term] = genome, known
    if len(genomes) < len(TERMS):
        raise ConfigurationError(
            f"{ours} and {partner} are both for '{next(iter(genomes))}': give one for each of "
            f"{', '.join(TERMS)}"
        )
    SpikingController(genomes["pd"], genomes["i"]).save(target, facts)
