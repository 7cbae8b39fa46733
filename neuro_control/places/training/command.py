# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command that trains an ensemble."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import click
from click.core import ParameterSource

from neuro_control.cli.options import deprecated_option, executor_options, seed_option
from neuro_control.cli.output import remarks
from neuro_control.cli.progress import progress
from neuro_control.errors import ConfigurationError
from neuro_control.learning.executors import workers
from neuro_control.places.control.ensemble import Ensemble
from neuro_control.places.control.ensemble_settings import (
    LEARNINGS,
    NEURONS,
    PREPROCESSINGS,
    REGIONS,
    EnsembleSettings,
)
from neuro_control.places.control.images import shrink
from neuro_control.places.training.dataset import open_traverse
from neuro_control.places.training.options import traverse_options
from neuro_control.places.training.train import train

_DEFAULT = EnsembleSettings()
_GIVEN = (ParameterSource.COMMANDLINE, ParameterSource.DEFAULT_MAP)


@click.command("train")
@click.option(
    "--reference",
    "references",
    type=click.Path(path_type=Path),
    multiple=True,
    required=True,
    help="Folder, list or bag of images along the route; repeat it for more traverses of it.",
)
@traverse_options
@click.option(
    "--stride", type=click.IntRange(1), default=1, help="Use the first of so many images."
)
@click.option(
    "--period", type=click.FloatRange(0), default=0.0, help="Use an image every so many seconds."
)
@click.option("--first", type=click.IntRange(1), help="Use so many places from the beginning.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Model file."
)
@click.option(
    "--extend",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Model whose places are kept; the reference's are added to them.",
)
@click.option(
    "--preprocessing",
    type=click.Choice(PREPROCESSINGS),
    default=_DEFAULT.preprocessing,
    show_default=True,
    help="Preprocessing of the images: a model of the retina, or the paper's patch normalisation.",
)
@deprecated_option("--eye", "--preprocessing")
@click.option(
    "--regions",
    type=click.Choice(REGIONS),
    default=_DEFAULT.regions,
    show_default=True,
    help="Whether the places of an expert lie together or are drawn at random.",
)
@click.option(
    "--places",
    type=click.IntRange(1),
    default=_DEFAULT.places,
    show_default=True,
    help="Largest number of places of an expert.",
)
@click.option(
    "--networks",
    type=click.IntRange(1),
    default=_DEFAULT.networks,
    show_default=True,
    help="Number of experts for each place, of different seeds.",
)
@click.option(
    "--neurons",
    type=click.IntRange(1),
    help="Number of excitatory neurons of an expert; by default "
    f"{NEURONS['one-shot']}, and {NEURONS['stdp']} with --learning stdp.",
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    default=_DEFAULT.epochs,
    show_default=True,
    help="Number of times that an expert is trained on each image by STDP.",
)
@click.option(
    "--learning",
    type=click.Choice(LEARNINGS),
    default=_DEFAULT.learning,
    show_default=True,
    help="How experts learn: each place at one sight, or by STDP as in the paper.",
)
@seed_option
@executor_options
def train_command(
    references: tuple[Path, ...],
    images: Path | None,
    topic: str | None,
    pose_topic: str | None,
    stride: int,
    period: float,
    first: int | None,
    out: Path,
    extend: Path | None,
    preprocessing: str,
    regions: str,
    places: int,
    networks: int,
    neurons: int | None,
    epochs: int,
    learning: str,
    seed: int,
    jobs: int,
    cluster: str | None,
) -> None:
    """Train an ensemble of spiking experts on the images of a route.

    Several traverses of a route tell what changes between visits, which is suppressed from then on.

    Until the model is whole, the experts that are done are kept beside it: after an interruption
    the same command resumes the training.
    """
    known = None if extend is None else Ensemble.read(extend)
    if known is not None:
        _refuse_settings()
    settings = (
        EnsembleSettings(
            *(preprocessing, regions, places, networks, neurons or NEURONS[learning], epochs, seed),
            learning=learning,
        )
        if known is None
        else dataclasses.replace(known.settings, epochs=epochs)
    )
    traverses = [
        open_traverse(
            reference,
            images=images,
            topic=topic,
            pose_topic=pose_topic,
            stride=stride,
            period=period,
            keep=shrink,
        ).beginning(first)
        for reference in references
    ]
    done_experts = out.with_name(out.name + ".progress")
    with progress("training", unit="experts") as show, workers(jobs, cluster) as executor:
        ensemble = train(traverses, settings, executor, done_experts, known, show)
    ensemble.write(out)
    shutil.rmtree(done_experts)
    remarks.print(
        f"written: {out}: {len(ensemble.names)} places, {len(ensemble.places)} experts",
        markup=False,
        soft_wrap=True,
    )


def _refuse_settings() -> None:
    """Refuse settings for an ensemble that is extended: it keeps all but the epochs."""
    context = click.get_current_context()
    fixed = ("preprocessing", "regions", "places", "networks", "neurons", "learning", "seed")
    for name in fixed:
        # A deprecated option gives the default map's value.
        if context.get_parameter_source(name) in _GIVEN:
            raise ConfigurationError(
                f"--{name} is that of the model that --extend names: leave it out"
            )
