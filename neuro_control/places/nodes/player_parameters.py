# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the player, and the images that they choose."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.places.nodes.image_messages import TRANSPORTS
from neuro_control.places.simulation.seasons import SEASONS
from neuro_control.places.training.dataset import open_traverse
from neuro_control.ros.parameters import parameter

# Names and images.
Frames = Iterator[tuple[str, NDArray[np.uint8]]]

# The module that renders the route. It needs MuJoCo, which a node that plays files does not.
_ROUTE = "neuro_control.places.simulation.route"


@dataclass(frozen=True)
class PlayerParameters:
    """Parameters of the player."""

    source: str = parameter(
        "", "Folder, list or bag of images; empty renders the route", fixed=True
    )
    topic: str = parameter("", "Topic of the images in a bag; empty uses the only one", fixed=True)
    season: str = parameter("winter", "Season of the route", choices=tuple(SEASONS), fixed=True)
    places: int = parameter(100, "Number of places of the route", low=1, high=100000, fixed=True)
    landscape: int = parameter(0, "Seed of the route's landscape", low=0, high=2**31, fixed=True)
    seed: int = parameter(
        0,
        "Which run along the route: it decides on clouds, noise and the camera's small motions",
        low=0,
        high=2**31,
        fixed=True,
    )
    width: int = parameter(64, "Width of the route's images", low=8, high=4096, fixed=True)
    height: int = parameter(32, "Height of the route's images", low=8, high=4096, fixed=True)
    effects: str = parameter(
        "[]",
        "Noise, loss, delay and the like on the images, as a YAML list: [{loss: {probability: "
        "0.1}}]; docs/effects.md names them all",
        fixed=True,
    )
    rate: float = parameter(10.0, "Images per second", low=0.01, high=1000.0, fixed=True)
    loop: bool = parameter(False, "Start again after the last image", fixed=True)
    transport: str = parameter(
        "raw", "raw publishes image, compressed publishes image/compressed",
        choices=TRANSPORTS, fixed=True,
    )  # fmt: skip
    format: str = parameter(
        "png", "Format of compressed images", choices=("png", "jpeg"), fixed=True
    )
    frame_id: str = parameter("camera_optical_frame", "Frame of the images, z along the view")
    clock: bool = parameter(
        True,
        "Publish /clock and stamp images by it; otherwise stamp images by the node's clock",
        fixed=True,
    )
    lockstep: bool = parameter(False, "Wait for the answer to each image", fixed=True)
    lockstep_limit: float = parameter(
        0.0, "Wall time without an answer that ends the run, s; 0 waits on", low=0.0, high=1e6
    )
    real_time_factor: float = parameter(
        1.0, "Simulated time per wall time when not in lockstep", low=0.01, high=100.0, fixed=True
    )
    duration: float = parameter(
        0.0, "Time after which the run ends, s; 0 plays all images", low=0.0, high=1e6
    )
    recording: str = parameter(
        "",
        "File (.npz) for names of images and answers, written at the end; empty records nothing",
        fixed=True,
    )

    def __post_init__(self) -> None:
        if not self.clock and self.real_time_factor != 1.0:
            raise ConfigurationError(
                "real_time_factor is 1 unless the player publishes the clock: set clock to true"
            )


def frames(parameters: PlayerParameters) -> Frames:
    """Names and images of the source that the parameters choose.

    Raises:
        ConfigurationError: There are none.
    """
    p = parameters
    if p.source:
        traverse = open_traverse(Path(p.source).expanduser(), topic=p.topic or None)
        return zip(traverse.names, traverse.images, strict=True)
    route = importlib.import_module(_ROUTE)
    shown = route.frames(
        p.season, p.landscape, p.places, traverse=p.seed, width=p.width, height=p.height
    )
    images = (image for image, _ in shown)
    return zip(route.names(p.places), images, strict=True)
