# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The report of a run in which a policy commands a quadruped: how near it came to its goal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.evaluation import report

Array = NDArray[np.float64]

# Nothing but a policy commands here, so that tracking of a velocity profile has no meaning.
_TRACKING = ("v_error_mps", "yaw_error_rps", "height_error_m")

pictures = report.pictures


def summary(recording: Mapping[str, Array], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics of a recorded run.

    Args:
        recording: As for the quadruped's summary.
        settings: Parameters of the simulation node, with the other nodes' by name under ``nodes``.

    Returns:
        Those of the quadruped but the errors of tracking; ``policy``; and ``goal_distance_m``, from
        the goal to the trunk at the end (NaN without a goal). ``odom`` begins at 0 where the trunk
        stands at the start; goals are given from there.
    """
    found = report.summary(recording, settings)
    parameters = settings["nodes"]["policy"]
    goal = parameters["goal"]
    way = recording["qpos"][-1, :2] - recording["qpos"][0, :2]
    distance = float(np.linalg.norm(way - goal[:2])) if len(goal) else np.nan
    facts = {name: value for name, value in found.items() if name not in _TRACKING}
    return {"policy": parameters["policy"], "goal_distance_m": distance, **facts}
