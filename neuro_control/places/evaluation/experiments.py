# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The commands that try the paper's claims about places, and ours: CSV and figure."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path

import click

from neuro_control.cli import experiments
from neuro_control.cli.experiments import Experiment
from neuro_control.errors import ConfigurationError
from neuro_control.places.control.images import shrink
from neuro_control.places.evaluation.deployment_experiments import (
    damage,
    growth,
    paces,
    seasons,
    start,
)
from neuro_control.places.evaluation.design_experiments import ablation, single, sizes
from neuro_control.places.evaluation.experiment_figures import draw_ablation, draw_sizes
from neuro_control.places.evaluation.route_experiment import RouteExperiment
from neuro_control.places.training.dataset import open_traverse, pair


def _setting(
    out: Path, executor: Executor, reference: Path, query: Path, first: int | None
) -> RouteExperiment:
    trained, queried = (open_traverse(path, keep=shrink) for path in (reference, query))
    pair(trained, queried)
    trained, queried = trained.beginning(first), queried.beginning(first)
    if trained.names != queried.names:
        raise ConfigurationError(
            f"{reference} and {query} show the same places in different orders, or one of them has "
            "images that can't be used: give two traverses of the same images"
        )
    return RouteExperiment(out, executor, trained, queried)


experiment = experiments.group(
    "places",
    {
        "sizes": Experiment(sizes, draw_sizes),
        "ablation": Experiment(ablation, draw_ablation),
        "single": Experiment(single),
        "seasons": Experiment(seasons),
        "growth": Experiment(growth),
        "start": Experiment(start),
        "paces": Experiment(paces),
        "damage": Experiment(damage),
    },
    _setting,
    [
        click.option(
            "--reference", type=click.Path(path_type=Path), required=True,
            help="Traverse on which ensembles are trained.",
        ),
        click.option(
            "--query", type=click.Path(path_type=Path), required=True,
            help="Traverse of the same places whose images are recognised.",
        ),
        click.option(
            "--first", type=click.IntRange(2), help="Use so many places from the beginning."
        ),
    ],
)  # fmt: skip
