# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command ``export blimp``: both networks as one file of NIR."""

from __future__ import annotations

from pathlib import Path

import click

from neuro_control import resources
from neuro_control.blimp.control.laws import NETWORKS
from neuro_control.blimp.control.spiking_controller import SpikingController


@click.command()
@click.option(
    "--weights",
    default=NETWORKS["snn"],
    show_default=True,
    help="File of the networks, in config/weights or by its path.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="File that is written; its name ends in .nir, or in .safetensors to come back.",
)
def command(weights: str, out: Path) -> None:
    """Export a controller's spiking networks to NIR, which other simulators and chips read.

    What evaluates and flies a controller takes the file as it takes weights: --controller FILE.nir.
    """
    controller = SpikingController.load(resources.find_file("config/weights", weights))
    controller.save(out, controller.facts)
    click.echo(f"{out}: {len(controller.neurons)} neurons, {out.stat().st_size / 1e3:.0f} kB")
