# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Writes a rendered route as a folder of images and their poses."""

from __future__ import annotations

import csv
from pathlib import Path

from PIL import Image

from neuro_control.errors import ConfigurationError
from neuro_control.files import writing
from neuro_control.places.simulation.route import frames, names


def write_route(
    folder: Path,
    season: str,
    places: int = 100,
    seed: int = 0,
    *,
    traverse: int = 0,
    width: int = 64,
    height: int = 32,
) -> None:
    """Write a route as a folder of PNG files and their ``poses.csv``, whole or not at all.

    Args:
        folder: The folder, which must not hold anything yet.
        season: One of the seasons, as for ``render_route``.
        places: Number of places.
        seed: Seed of the landscape.
        traverse: Which run along the route.
        width: Width of the images, pixels.
        height: Height of the images, pixels.

    Raises:
        ConfigurationError: The folder holds something, or as for ``render_route``.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigurationError(
            f"{folder} holds something: give a folder that is empty or doesn't exist yet"
        )
    shown = frames(season, seed, places, traverse=traverse, width=width, height=height)
    with writing(folder) as part:
        part.mkdir()
        with (part / "poses.csv").open("w", newline="") as file:
            poses = csv.writer(file, lineterminator="\n")
            poses.writerow(("name", "x", "y", "z", "qx", "qy", "qz", "qw"))
            for name, (image, pose) in zip(names(places), shown, strict=True):
                Image.fromarray(image).save(part / name)
                poses.writerow((name, *(f"{number:.6f}" for number in pose)))
