# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Metrics of a trajectory along reference altitudes."""

from __future__ import annotations

import math

import numpy as np

from neuro_control.blimp.control.types import CONTROL_PERIOD
from neuro_control.blimp.evaluation.trajectory import Trajectory

# The end of each hold, over which the steady state is judged, s.
_STEADY = 10.0
# Distance from the set-point within which a step has settled, m.
_SETTLED = 0.1
_PROPELLER_DISC = math.pi * 0.032**2  # m²
_AIR = 1.204  # kg/m³


def metrics(trajectory: Trajectory) -> dict[str, float]:
    """Metrics of a trajectory along reference altitudes.

    The first altitude, during which the integral finds the trim, counts in ``rmse_m``,
    ``energy`` and spikes only.

    Returns:
        ``rmse_m`` of the whole flight; ``sse_m``, the mean over the steps of the size of the mean
        error in the last 10 s, and ``sse_worst_m``, the largest; ``oscillation_m``, the mean over
        the steps of the largest error in those 10 s; ``overshoot_up_m`` and ``overshoot_down_m``,
        the means over the steps that way; ``settling_s``, the mean time after which the error stays
        within 10 cm (the whole hold if it never does); ``energy``, the ideal induced power's, J;
        ``spikes_per_s`` and ``synops_per_s``. NaN where no step was flown.
    """
    error = trajectory.altitude - trajectory.set_point
    steady = round(_STEADY / CONTROL_PERIOD)
    starts = np.flatnonzero(np.diff(trajectory.set_point)) + 1
    steps: dict[str, list[float]] = {"sse": [], "oscillation": [], "settling": []}
    overshoots: dict[bool, list[float]] = {True: [], False: []}
    for start, end in zip(starts, [*starts, len(error)][1:], strict=True):
        upwards = bool(trajectory.set_point[start] > trajectory.set_point[start - 1])
        held = error[start:end]
        last = held[-steady:]
        overshoots[upwards].append(max(float((held if upwards else -held).max()), 0.0))
        steps["sse"].append(abs(float(last.mean())))
        steps["oscillation"].append(float(np.abs(last).max()))
        outside = np.flatnonzero(np.abs(held) > _SETTLED)
        settled = outside[-1] + 1 if len(outside) else 0
        steps["settling"].append(float(settled) * CONTROL_PERIOD)
    power = 2 * (np.abs(trajectory.thrust) / 2) ** 1.5 / math.sqrt(2 * _AIR * _PROPELLER_DISC)
    seconds = len(error) * CONTROL_PERIOD
    return {
        "rmse_m": float(np.sqrt(np.mean(error**2))),
        "sse_m": _mean(steps["sse"]),
        "sse_worst_m": max(steps["sse"], default=math.nan),
        "oscillation_m": _mean(steps["oscillation"]),
        "overshoot_up_m": _mean(overshoots[True]),
        "overshoot_down_m": _mean(overshoots[False]),
        "settling_s": _mean(steps["settling"]),
        "energy": float(power.sum() * CONTROL_PERIOD),
        "spikes_per_s": float(trajectory.spikes.sum() / seconds),
        "synops_per_s": trajectory.synaptic_operations / seconds,
    }


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else math.nan
