# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the place recogniser's node."""

from __future__ import annotations

from dataclasses import dataclass

from neuro_control.places.control.recogniser_settings import (
    MODES,
    MOST_SUPPRESSED,
    REGULARISATIONS,
    RecogniserSettings,
)
from neuro_control.places.control.sequences import MATCHINGS
from neuro_control.places.control.trajectories import DIRECTIONS
from neuro_control.places.nodes.image_messages import TRANSPORTS
from neuro_control.ros.lifecycle.managed_node import LifecycleParameters
from neuro_control.ros.parameters import parameter

_DEFAULT = RecogniserSettings()


@dataclass(frozen=True)
class PlaceParameters(LifecycleParameters):
    """Parameters of the place recogniser."""

    model: str = parameter(
        "", "File that training wrote, in config/weights or by its path; applied by ~/load_model"
    )
    mode: str = parameter(
        _DEFAULT.mode,
        "fast (expected responses) or spiking; applied by ~/load_model",
        choices=MODES,
    )
    sequence: int = parameter(
        _DEFAULT.sequence,
        "Number of different images in a row that are matched together; applied by ~/load_model",
        low=1,
        high=1000,
    )
    matching: str = parameter(
        _DEFAULT.matching,
        "How images in a row are matched: along trajectories of any pace (trajectory), by delays "
        "for several constant paces (delays), or at the reference's own pace (pace); applied by "
        "~/load_model",
        choices=MATCHINGS,
    )
    direction: str = parameter(
        _DEFAULT.direction,
        "Order in which the camera passes the places: forward, reverse or both; applied by "
        "~/load_model",
        choices=DIRECTIONS,
    )
    odometry: bool = parameter(
        False,
        "Whether distances between images are measured by odom, for the matching trajectory; the "
        "reference needs poses",
        fixed=True,
    )
    alignment: bool = parameter(
        _DEFAULT.alignment,
        "Whether displacements of the camera are learnt from recognised images and corrected; "
        "applied by ~/load_model",
    )
    suppression: int = parameter(
        _DEFAULT.suppression,
        "Number of neurons that learn from recognised images what changes, and suppress it; "
        "applied by ~/load_model",
        low=0,
        high=MOST_SUPPRESSED,
    )
    adaptation: str = parameter(
        "",
        "File of what was adapted to: read with the model, if it is there, and written when the "
        "node is deactivated; empty keeps nothing; applied by ~/load_model",
    )
    best: int = parameter(
        _DEFAULT.best,
        "Number of places in an answer, the best first; applied by ~/load_model",
        low=1,
        high=1000,
    )
    regularisation: str = parameter(
        _DEFAULT.regularisation,
        "What keeps neurons that respond to everything from winning: homeostasis, silence (the "
        "paper's) or none; applied by ~/load_model",
        choices=REGULARISATIONS,
    )
    false_accepts: float = parameter(
        _DEFAULT.false_accepts,
        "Share of images of places never visited that may be accepted, estimated from the "
        "reference; applied by ~/load_model",
        low=0.0,
        high=1.0,
    )
    threshold: float = parameter(
        0.0,
        "Score below which a place counts as never visited; with 0 it follows from "
        "false_accepts; applied by ~/load_model",
        low=-1e9,
        high=1e9,
    )
    seed: int = parameter(
        _DEFAULT.seed, "Seed of the spiking mode; applied by ~/load_model", low=0, high=2**31
    )
    device: str = parameter(
        _DEFAULT.device,
        "Where the spiking mode runs: cores, or a device of torch such as cuda; applied by "
        "~/load_model",
    )
    transport: str = parameter(
        "raw",
        "raw receives image, compressed receives image/compressed",
        choices=TRANSPORTS,
        fixed=True,
    )
    reliable: bool = parameter(
        False,
        "Receive reliably, for large raw images; the camera must publish reliably",
        fixed=True,
    )
    max_age: float = parameter(0.2, "Age from which on an image is dropped, s", low=1e-3, high=60.0)
    position_deviation: float = parameter(
        1.0, "Standard deviation of a camera's position from its place, m", low=0.0, high=1000.0
    )
    angle_deviation: float = parameter(
        0.2, "Standard deviation of a camera's attitude from its place's, rad", low=0.0, high=3.2
    )
