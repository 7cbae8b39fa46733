# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The report of a quadruped's run through ROS: metrics, a plot, an animation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control.cli.plotting import canvas, figure, frame_of
from neuro_control.cli.report import run_facts
from neuro_control.quadruped.control.command import Command, gait
from neuro_control.quadruped.control.command_mux import profile_velocity
from neuro_control.quadruped.control.robots import find_robot
from neuro_control.quadruped.control.types import GRAVITY, LEGS, PERIOD
from neuro_control.quadruped.evaluation.metrics import no_tracking, tracking
from neuro_control.quadruped.evaluation.rollout import SETTLING, Truth, motion
from neuro_control.quadruped.simulation.body import Body
from neuro_control.simulation import world as worlds
from neuro_control.simulation.rendering import animate

Array = NDArray[np.float64]

# Control steps from one frame of the animation to the next, and its duration, s.
_FRAME, _SHOWN = 40, 6.0
# Duration that the gait diagram shows, s.
_DIAGRAM = 2.0
# A foot that presses harder is in stance, N.
_STANDS = 4.0
# Arguments of the world that the report reads, and their defaults.
_ARGUMENTS = (("robot", "go2"), ("payload", 0.0))
# What the plot compares: its name among the columns of the activity, and its label.
_QUANTITIES = {
    "forward": "forward (m/s)", "left": "left (m/s)", "yaw_rate": "yaw rate (rad/s)",
    "height": "height (m)",
}  # fmt: skip


def summary(recording: Mapping[str, Array], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics of a recorded run.

    Args:
        recording: Arrays of ``Recording``: time, qpos, qvel, ctrl, sensordata, latency, wall_time.
        settings: Parameters of the simulation node, with the other nodes' by name under ``nodes``.

    Returns:
        ``robot`` and ``gait``; ``v_error_mps``, ``yaw_error_rps`` and ``height_error_m``, each the
        mean over the parts of the parameter ``velocity_profile`` that last long enough, as
        ``metrics.tracking`` has them; ``falls``; ``cost_of_transport`` and ``distance_m``, of the
        whole; ``steps``, ``real_time_factor``, ``latency_ms`` (p50 and p99 from observation to
        command), ``seed`` and ``state_sha256``, by which runs can be compared.
    """
    body = Body(worlds.load(settings["model"], settings["model_arguments"]))
    truth, fallen = _truth(body, recording)
    parameters = settings["nodes"]["gait_controller"]
    robot, payload = (settings["model_arguments"].get(*each) for each in _ARGUMENTS)
    numbers = find_robot(robot)
    mass = numbers.mass + payload
    parts = [
        no_tracking()
        if fallen[rows].any()
        else tracking(truth.part(rows), command, mass, numbers.height + command.height)
        for rows, command in _parts(parameters, len(fallen))
    ]
    distance = float(np.linalg.norm(np.diff(recording["qpos"][::25, :2], axis=0), axis=1).sum())
    work = float(truth.power.sum() * PERIOD)
    return {
        "robot": robot,
        "gait": parameters["gait"],
        **{
            name: _mean([part[name] for part in parts])
            for name in ("v_error_mps", "yaw_error_rps", "height_error_m")
        },
        "falls": int(np.count_nonzero(np.diff(fallen.astype(int)) > 0)),
        "cost_of_transport": work / (mass * GRAVITY * distance) if distance > 0.5 else np.nan,
        "distance_m": distance,
        "steps": len(fallen),
        **run_facts(recording, settings),
    }


def _mean(values: list[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else np.nan


def _truth(body: Body, recording: Mapping[str, Array]) -> tuple[Truth, NDArray[np.bool_]]:
    """True motion, T rows, and whether the trunk has fallen, (T,)."""
    rows, fallen = [], []
    data = body.data
    for qpos, qvel, ctrl in zip(
        recording["qpos"][1:], recording["qvel"][1:], recording["ctrl"][1:], strict=True
    ):
        data.qpos[:], data.qvel[:], data.actuator_force[:] = qpos, qvel, ctrl
        mujoco.mj_kinematics(body.model, data)
        rows.append(motion(body))
        fallen.append(body.fallen)
    return Truth.of(rows), np.array(fallen, dtype=bool)


def _parts(parameters: Mapping[str, Any], steps: int) -> Iterator[tuple[slice, Command]]:
    """Rows of each part of the velocity profile that outlasts settling, and its command."""
    profile = list(parameters["velocity_profile"] or [0.0] * 4)
    begins = [round(time / PERIOD) for time in profile[::4]]
    for begin, end in zip(begins, [*begins[1:], steps], strict=True):
        forward, left, yaw_rate = profile_velocity(profile, begin * PERIOD + 1e-9)
        numbers = {"forward": forward, "left": left, "yaw_rate": yaw_rate}
        command = gait(parameters["gait"], height=parameters["height"], **numbers)
        if min(end, steps) - begin > SETTLING / PERIOD:
            yield slice(begin, min(end, steps)), command.clamped()[0]


def pictures(
    recording: Mapping[str, Array],
    activity: Mapping[str, Any] | None,
    settings: Mapping[str, Any],
    out: Path,
) -> list[str]:
    """Draw ``quadruped.png`` and ``quadruped.gif`` into the folder ``out``.

    Args:
        recording: As for ``summary``.
        activity: ``time`` (s), ``names`` and ``values`` (times, names) of the topic
            ``gait_controller/activity``, if it was recorded.
        settings: As for ``summary``.
        out: Folder that exists.

    Returns:
        Remarks for the user.
    """
    body = Body(worlds.load(settings["model"], settings["model_arguments"]))
    truth, _ = _truth(body, recording)
    _draw(recording, truth, _forces(body, recording), activity, settings, out / "quadruped.png")
    shown = recording["qpos"][1 : round(_SHOWN / PERIOD) : _FRAME]
    remark = animate(
        out / "quadruped.gif",
        settings["model"],
        {**settings["model_arguments"], "meshes": True},
        shown,
        _FRAME * PERIOD,
        "beside",
        lambda: _sticks(body, shown),
    )
    return [f"quadruped.gif is {remark}"] if remark else []


def _forces(body: Body, recording: Mapping[str, Array]) -> Array:
    """Forces on the feet, (T, 4), N."""
    where = [int(body.model.sensor(f"{leg}_force").adr[0]) for leg in LEGS]
    forces: Array = recording["sensordata"][1:, where]
    return forces


def _draw(
    recording: Mapping[str, Array],
    truth: Truth,
    forces: Array,
    activity: Mapping[str, Any] | None,
    settings: Mapping[str, Any],
    path: Path,
) -> None:
    parameters = settings["nodes"]["gait_controller"]
    time = recording["time"][1:]
    frequency = parameters["frequency"] or gait(parameters["gait"]).frequency
    cycle = max(round(1.0 / frequency / PERIOD), 1)
    true = (*truth.velocity[:, :2].T, truth.yaw_rate, truth.height)
    commanded = _commanded(parameters, time)
    with figure(path, 12, 7.5) as drawn:
        halves: Any = drawn.subfigures(1, 2, width_ratios=[1.0, 1.15])
        left, right = halves
        path_panel, feet_panel = left.subplots(2, 1)
        _draw_path(path_panel, recording, time)
        _draw_feet(feet_panel, time, forces, activity)
        panels = right.subplots(len(_QUANTITIES), 1, sharex=True)
        for k, (panel, name) in enumerate(zip(panels, _QUANTITIES, strict=True)):
            if activity is not None:
                estimate = _smoothed(_column(activity, f"estimated_{name}"), cycle)
                panel.plot(activity["time"], estimate, "tab:orange", label="estimated")
            panel.plot(time, true[k], "tab:blue", lw=0.4, alpha=0.4)
            panel.plot(time, _smoothed(true[k], cycle), "tab:blue", lw=1.2, label="true")
            panel.step(time, commanded[:, k], "k--", lw=1, where="pre", label="commanded")
            panel.set(ylabel=_QUANTITIES[name])
            panel.grid(alpha=0.3)
            panel.spines[["top", "right"]].set_visible(False)
        panels[0].legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)
        panels[-1].set(xlabel="time (s); bold: mean over a cycle", xlim=(0, float(time[-1])))


def _commanded(parameters: Mapping[str, Any], time: Array) -> Array:
    """Commanded velocities and height at these times, (T, 4)."""
    profile = parameters["velocity_profile"]
    # A state follows from the command that answered the observation before it.
    velocities = [profile_velocity(profile, t) for t in (time - PERIOD).tolist()]
    heights = np.full(len(time), 0.3 + parameters["height"])
    return np.column_stack([velocities, heights])


def _column(activity: Mapping[str, Any], name: str) -> Array:
    """A column of the activity, (T,)."""
    column: Array = np.asarray(activity["values"])[:, list(activity["names"]).index(name)]
    return column


def _smoothed(values: Array, steps: int) -> Array:
    """Moving mean of ``steps`` values around each value."""
    steps = min(steps, len(values))
    around = np.pad(values, (steps // 2, steps - 1 - steps // 2), mode="edge")
    smoothed: Array = np.convolve(around, np.full(steps, 1.0 / steps), mode="valid")
    return smoothed


def _draw_path(panel: Any, recording: Mapping[str, Array], time: Array) -> None:
    qpos = recording["qpos"][1:]
    panel.plot(qpos[:, 0], qpos[:, 1], "tab:blue", lw=1.2)
    # Position and heading every other second.
    marks = np.searchsorted(time, np.arange(0.0, float(time[-1]), 2.0))
    w, z = qpos[marks, 3], qpos[marks, 6]
    yaw = 2 * np.arctan2(z, w)
    panel.quiver(
        qpos[marks, 0], qpos[marks, 1], np.cos(yaw), np.sin(yaw),
        color="tab:blue", scale=18, width=0.006,
    )  # fmt: skip
    panel.plot(*qpos[0, :2], "o", color="tab:blue", ms=5)
    panel.set(xlabel="x (m)", ylabel="y (m)")
    panel.set_aspect("equal", adjustable="datalim")
    panel.set_title("path, and heading every 2 s", fontsize=10)
    panel.grid(alpha=0.3)


def _draw_feet(panel: Any, time: Array, forces: Array, activity: Mapping[str, Any] | None) -> None:
    """Stances of the feet in the middle of the run."""
    middle = float(time[-1]) / 2
    begin, end = max(middle - _DIAGRAM / 2, 0.0), middle + _DIAGRAM / 2
    for k, leg in enumerate(LEGS):
        row = len(LEGS) - 1 - k
        panel.broken_barh(
            _bouts(time, forces[:, k] > _STANDS, begin, end), (row - 0.3, 0.6), color="0.25",
            label="in contact" if k == 0 else None,
        )  # fmt: skip
        if activity is not None:
            planned = _column(activity, f"stance_{leg}") > 0.5
            panel.broken_barh(
                _bouts(np.asarray(activity["time"]), planned, begin, end), (row - 0.45, 0.1),
                color="tab:orange", label="planned stance" if k == 0 else None,
            )  # fmt: skip
        panel.text(begin - 0.02 * (end - begin), row, leg, ha="right", va="center")
    panel.set(xlim=(begin, end), ylim=(-0.6, len(LEGS) - 0.4), yticks=[], xlabel="time (s)")
    panel.spines[["top", "right", "left"]].set_visible(False)
    panel.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)


def _bouts(
    time: Array, stands: NDArray[np.bool_], begin: float, end: float
) -> list[tuple[float, float]]:
    """Begin and length of each run of True within a window, s."""
    within = (time >= begin) & (time <= end)
    padded = np.concatenate([[False], stands & within, [False]])
    edges = np.flatnonzero(np.diff(padded.astype(int)))
    return [
        (float(time[a]), (b - a) * PERIOD) for a, b in zip(edges[::2], edges[1::2], strict=True)
    ]


def _sticks(body: Body, qpos: Array) -> Iterator[NDArray[np.uint8]]:
    """Frames of a robot from the side, drawn with matplotlib."""
    model, data = body.model, body.data
    chains = [[model.body(f"{leg}_{part}").id for part in ("hip", "thigh", "calf")] for leg in LEGS]
    feet = [model.site(f"{leg}_foot").id for leg in LEGS]
    with canvas() as axes:
        for row in qpos:
            data.qpos[:] = row
            mujoco.mj_kinematics(model, data)
            axes.clear()
            axes.axhspan(-0.2, 0.0, color="0.7")
            for chain, foot in zip(chains, feet, strict=True):
                joints = np.vstack([data.xpos[chain], data.site_xpos[foot]])
                axes.plot(joints[:, 0], joints[:, 2], "-o", color="0.3", lw=2.5, ms=3)
            hips = data.xpos[[chain[0] for chain in chains]]
            axes.plot(hips[[0, 1, 3, 2, 0], 0], hips[[0, 1, 3, 2, 0], 2], color="0.1", lw=7)
            axes.set(xlim=row[0] + np.array([-0.8, 0.8]), ylim=(-0.2, 0.7), xticks=[], yticks=[])
            yield frame_of(axes)
