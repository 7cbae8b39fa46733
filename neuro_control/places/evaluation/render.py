# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command that renders the route, as a folder that training and evaluation read."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from neuro_control.cli.output import remarks
from neuro_control.places.evaluation.figures import montage
from neuro_control.places.simulation.route import render_route
from neuro_control.places.simulation.route_files import write_route
from neuro_control.places.simulation.seasons import SEASONS

# Number of places that the montage shows.
_SHOWN = 8


@click.command()
@click.option(
    "--season", type=click.Choice(list(SEASONS)), default="summer", show_default=True,
    help="Season of the route.",
)  # fmt: skip
@click.option(
    "--places", type=click.IntRange(1, 100_000), default=100, show_default=True,
    help="Number of images along the route, 5 m apart.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(0, 2**31), default=0, show_default=True,
    help="Seed of the landscape: another seed is another route.",
)  # fmt: skip
@click.option(
    "--traverse", type=click.IntRange(0, 2**31), default=0, show_default=True,
    help="Which run along the route: it decides on clouds, noise and the camera's small motions.",
)  # fmt: skip
@click.option(
    "--width", type=click.IntRange(8, 4096), default=64, show_default=True,
    help="Width of the images, pixels.",
)  # fmt: skip
@click.option(
    "--height", type=click.IntRange(8, 4096), default=32, show_default=True,
    help="Height of the images, pixels.",
)  # fmt: skip
@click.option(
    "--montage", "shown", type=click.Path(path_type=Path, dir_okay=False),
    help="PNG file that shows some of the places in all seasons.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True,
    help="Folder for the images and their poses.csv; it must be empty or missing.",
)  # fmt: skip
def render(
    season: str,
    places: int,
    seed: int,
    traverse: int,
    width: int,
    height: int,
    shown: Path | None,
    out: Path,
) -> None:
    """Render a route through a landscape: no data, no camera and no GL are needed."""
    write_route(out, season, places, seed, traverse=traverse, width=width, height=height)
    if shown is not None:
        chosen = np.linspace(0, places - 1, min(places, _SHOWN)).round().astype(int)
        rows = {
            each: render_route(each, seed, places, traverse=traverse, width=width, height=height)[0]
            for each in SEASONS
        }
        montage({each: images[chosen] for each, images in rows.items()}, shown)
    remarks.print(f"written: {places} images in {out}", markup=False, soft_wrap=True)
