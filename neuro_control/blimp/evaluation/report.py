# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Result of a run of the blimp: metrics, a plot, an animation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.set_points import set_point_at
from neuro_control.blimp.control.types import CONTROL_PERIOD, PROPELLERS, SERVO
from neuro_control.blimp.evaluation.metrics import metrics
from neuro_control.blimp.evaluation.trajectory import Trajectory, draw, picture_of
from neuro_control.cli.report import run_facts
from neuro_control.simulation import world as worlds
from neuro_control.simulation.rendering import animate

Array = NDArray[np.float64]

_FRAME = 5  # control steps from one frame to the next
_SPED_UP = 10  # how much faster than life the animation runs


def summary(recording: Mapping[str, Array], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics of a recorded flight.

    Args:
        recording: Arrays of ``Recording``: time, qpos, qvel, ctrl, sensordata, latency, wall_time.
        settings: Parameters of the simulation node, with the other nodes' by name under ``nodes``.

    Returns:
        ``controller``, ``metrics.metrics`` without those of spikes (its steps are those of the
        parameter ``course``), ``steps`` and what ``cli.report.run_facts`` gives.
    """
    found = metrics(_trajectory(recording, settings, None))
    return {
        "controller": settings["nodes"]["blimp_altitude"]["controller"],
        **{name: value for name, value in found.items() if not name.endswith("_per_s")},
        "steps": len(recording["time"]) - 1,
        **run_facts(recording, settings),
    }


def _trajectory(
    recording: Mapping[str, Array],
    settings: Mapping[str, Any],
    activity: Mapping[str, Any] | None,
) -> Trajectory:
    model = worlds.load(settings["model"], settings["model_arguments"]).model
    time = recording["time"][1:]
    height = int(model.joint("z").qposadr[0])
    ctrl = recording["ctrl"][1:]
    pull = ctrl[:, [model.actuator(name).id for name in PROPELLERS]].sum(axis=1)
    thrust = pull * np.cos(ctrl[:, model.actuator(SERVO).id])
    spikes, neurons = np.zeros((len(time), 0)), ()
    if activity is not None and len(activity["time"]):
        # An observation's answer is stamped with its time, a period before what it leads to.
        rows = np.round(np.asarray(activity["time"]) / CONTROL_PERIOD).astype(int)
        within = rows < len(time)
        neurons = tuple(activity["names"])
        spikes = np.zeros((len(time), len(neurons)))
        spikes[rows[within]] = np.asarray(activity["values"])[within]
    return Trajectory(
        time,
        _set_points(time - CONTROL_PERIOD, settings["nodes"]["blimp_altitude"]),
        recording["qpos"][1:, height],
        thrust,
        spikes,
        neurons,
        0,
    )


def _set_points(times: Array, parameters: Mapping[str, Any]) -> Array:
    """Set-points at the times of observations, as the node takes them from its parameters."""
    course, otherwise = parameters["course"], float(parameters["set_point"])
    return np.array([set_point_at(course, time, otherwise) for time in times.tolist()])


def pictures(
    recording: Mapping[str, Array],
    activity: Mapping[str, Any] | None,
    settings: Mapping[str, Any],
    out: Path,
) -> list[str]:
    """Draw ``blimp.png`` and ``blimp.gif`` into the folder ``out``.

    Args:
        recording: Arrays as ``summary`` takes them.
        activity: ``time`` (s), ``names`` and ``values`` (times, names) of the spikes as published,
            if there were any.
        settings: Parameters as ``summary`` takes them.
        out: Folder that exists.

    Returns:
        Remarks for the user.
    """
    trajectory = _trajectory(recording, settings, activity)
    name = str(settings["nodes"]["blimp_altitude"]["controller"])
    draw({name: trajectory}, out / "blimp.png")
    return animate(
        out / "blimp.gif",
        settings["model"],
        settings["model_arguments"],
        recording["qpos"][1::_FRAME],
        _FRAME * CONTROL_PERIOD / _SPED_UP,
        "side",
        lambda: picture_of(trajectory.altitude[::_FRAME], trajectory.set_point[::_FRAME]),
    )
