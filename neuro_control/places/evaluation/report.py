# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Report of a run of the player and the recogniser: metrics and a plot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.cli.report import latency_ms, sha256
from neuro_control.places.evaluation.figures import journey


def summary(recording: Mapping[str, NDArray[Any]], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics of a recorded run.

    Args:
        recording: Arrays that the player recorded: time, name, sent, best, place, score, latency.
        settings: Parameters of the player, with the other nodes' by name under ``nodes``.

    Returns:
        ``model``, ``images`` played, ``answered``, ``r1`` (share of the answered images whose best
        place has the image's name), ``visited`` (share of the answered images whose score reaches
        the threshold), ``images_per_s``, ``latency_ms`` (p50 and p99 from image to answer),
        ``seed`` and ``answers_sha256``, by which runs can be compared.
    """
    latency = recording["latency"]
    answered = np.isfinite(latency)
    wall = float(np.ptp(recording["sent"])) if len(answered) else 0.0
    return {
        "model": settings["nodes"]["place_recognizer"]["model"],
        "images": len(answered),
        "answered": int(answered.sum()),
        "r1": _share((recording["best"] == recording["name"])[answered]),
        "visited": _share(recording["place"][answered] != ""),
        "images_per_s": (len(answered) - 1) / wall if wall > 0 else np.nan,
        "latency_ms": latency_ms(latency[answered]),
        "seed": int(settings["seed"]),
        "answers_sha256": sha256(recording, ("time", "name", "best", "place", "score")),
    }


def _share(chosen: NDArray[np.bool_]) -> float:
    return float(chosen.mean()) if len(chosen) else np.nan


def pictures(
    recording: Mapping[str, NDArray[Any]],
    _activity: Mapping[str, Any] | None,
    _settings: Mapping[str, Any],
    out: Path,
) -> list[str]:
    """Draw ``places.png`` into the folder ``out``.

    Args:
        recording: As for ``summary``.
        out: Folder that exists.

    Returns:
        No remarks for the user.
    """
    journey(recording["name"], recording["best"], recording["score"], out / "places.png")
    return []
