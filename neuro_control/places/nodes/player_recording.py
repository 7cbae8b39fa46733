# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the player records of a run: the images that it played, and the answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neuro_control.files import writing
from neuro_control.ros.messages import NANOSECONDS


@dataclass
class PlayedImage:
    """An image that was published, and its answer.

    Attributes:
        stamp: Stamp of the image, ns.
        name: Name of the image.
        sent: Wall time at which it was published, s.
        best: Name of the best place, empty without an answer.
        place: Name of the place, empty if it was never visited, or without an answer.
        score: Score of the best place; NaN without an answer.
        latency: Wall time from the image to the answer, s; NaN without an answer.
    """

    stamp: int
    name: str
    sent: float
    best: str = ""
    place: str = ""
    score: float = math.nan
    latency: float = math.nan


def save_recording(path: Path, played: Sequence[PlayedImage]) -> None:
    """Write a .npz with one array for each attribute of ``PlayedImage``, whole or not at all.

    The array ``time`` holds the stamps in s.
    """
    arrays: dict[str, Any] = {
        name: np.array([getattr(each, name) for each in played])
        for name in ("name", "sent", "best", "place", "score", "latency")
    }
    arrays["time"] = np.array([each.stamp / NANOSECONDS for each in played])
    with writing(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)
