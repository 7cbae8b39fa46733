# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command ``export places``: one expert of an ensemble as a file of NIR."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from neuro_control import resources
from neuro_control.errors import ConfigurationError
from neuro_control.places.control import nir_file
from neuro_control.places.control.ensemble import Ensemble
from neuro_control.places.control.stdp.presentation import ExpertState


@click.command()
@click.option(
    "--model",
    default="places_route.safetensors",
    show_default=True,
    help="File of the ensemble, in config/weights or by its path.",
)
@click.option(
    "--expert",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Number of the expert in the ensemble.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="File that is written; its name ends in .nir.",
)
def command(model: str, expert: int, out: Path) -> None:
    """Export an expert's spiking network to NIR, which other simulators and chips read."""
    ensemble = Ensemble.read(resources.find_file("config/weights", model))
    if ensemble.settings.learning != "stdp":
        raise ConfigurationError(
            f"{model} holds experts that learnt at one sight, whose volleys have no form in NIR: "
            "train it with --learning stdp"
        )
    count = len(ensemble.weights)
    if expert >= count:
        raise ConfigurationError(
            f"the ensemble has the experts 0 to {count - 1}, and none of number {expert}"
        )
    nir_file.write(out, ensemble.settings.expert, expert_state(ensemble, expert))
    click.echo(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


def expert_state(ensemble: Ensemble, index: int) -> ExpertState:
    """Weights, thresholds and delays of an expert, as the spiking mode presents images to it."""
    constants = ensemble.settings.expert
    rng = np.random.default_rng([ensemble.settings.seed, constants.inputs])
    weights = ensemble.weights[index].astype(np.float32)
    return ExpertState(weights, ensemble.thresholds[index], constants.input_delays(rng))
