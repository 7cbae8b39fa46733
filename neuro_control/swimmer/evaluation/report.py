# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A run of the swimmer: metrics, a plot, an animation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.cli.plotting import canvas, figure, frame_of
from neuro_control.cli.report import run_facts
from neuro_control.simulation import world as worlds
from neuro_control.simulation.rendering import animate
from neuro_control.swimmer.control.circuit import SIDES
from neuro_control.swimmer.control.types import CONTROL_PERIOD
from neuro_control.swimmer.simulation.model import LINK_LENGTH, recorded_speed
from neuro_control.swimmer.simulation.tasks import swim_reward

Array = NDArray[np.float64]

_SHOWN = 12.0  # seconds of the episode that the animation shows
_FRAME = 3  # control steps from one frame to the next
# Layers of the circuit, by what the names of their activity begin with, and the panels' titles.
_LAYERS = {"neuron": "B-neurons (dorsal, ventral)", "muscle": "Muscles (dorsal, ventral)"}


def summary(recording: Mapping[str, Array], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics of a recorded episode.

    Args:
        recording: Arrays of ``Recording``: time, qpos, qvel, ctrl, sensordata, latency, wall_time.
        settings: Parameters of the simulation node.

    Returns:
        ``return`` (sum of rewards), ``mean_speed_mps`` (of the head, forwards), ``distance_m``
        (from start to end), ``steps``, ``links`` and what ``cli.report.run_facts`` gives.
    """
    world = worlds.load(settings["model"], settings["model_arguments"])
    world = world.with_effects(settings.get("effects", ()))
    # The first row is the start, which no action led to. The readings may hold noise and faults.
    speed = recorded_speed(world.model, recording["qpos"][1:], recording["qvel"][1:])
    path = recording["qpos"][:, :2]
    steps = len(speed)
    return {
        "return": float(np.sum(swim_reward(speed))),
        "mean_speed_mps": float(np.mean(speed)) if steps else 0.0,
        "distance_m": float(np.linalg.norm(path[-1] - path[0])),
        "steps": steps,
        "links": world.model.nu + 1,
        **run_facts(recording, settings),
    }


def square_summary(recording: Mapping[str, Array], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics of a run along waypoints.

    Args:
        recording: As for ``summary``.
        settings: As for ``summary``, with the navigator's parameters under ``nodes``.

    Returns:
        Those of ``summary``, ``waypoints_reached`` and ``round_s``, when the last one was (null
        if it was not).
    """
    times = _arrivals(recording, settings)
    waypoints, _ = _course(settings)
    return {
        **summary(recording, settings),
        "waypoints_reached": len(times),
        "round_s": times[-1] if len(times) == len(waypoints) else None,
    }


def square_pictures(
    recording: Mapping[str, Array],
    activity: Mapping[str, Any] | None,
    settings: Mapping[str, Any],
    out: Path,
) -> list[str]:
    """As ``pictures``, with the waypoints on the path."""
    return pictures(recording, activity, settings, out, _course(settings))


def _course(settings: Mapping[str, Any]) -> tuple[Array, float]:
    """Waypoints (n, 2) and the distance from which one counts as reached, m."""
    navigator = settings["nodes"]["swimmer_navigator"]
    return np.reshape(navigator["waypoints"], (-1, 2)), float(navigator["reach"])


def _arrivals(recording: Mapping[str, Array], settings: Mapping[str, Any]) -> list[float]:
    """When base_link came within reach of each waypoint in turn, s."""
    waypoints, reach = _course(settings)
    # base_link is the middle of the head.
    path = _outline(recording["qpos"])[:, :2].mean(axis=1)
    times: list[float] = []
    for time, position in zip(recording["time"], path, strict=True):
        if len(times) < len(waypoints):
            distance = np.linalg.norm(position - waypoints[len(times)])
            if distance <= reach:
                times.append(float(time))
    return times


def pictures(
    recording: Mapping[str, Array],
    activity: Mapping[str, Any] | None,
    settings: Mapping[str, Any],
    out: Path,
    course: tuple[Array, float] | None = None,
) -> list[str]:
    """Draw ``swimmer.png`` and ``swimmer.gif`` into the folder ``out``.

    Args:
        recording: As for ``summary``.
        activity: ``time`` (s), ``names`` and ``values`` (times, names) of the neurons and muscles
            as published, if they were recorded.
        settings: Parameters of the simulation node.
        out: Folder that exists.
        course: Waypoints (n, 2) and the radius that counts as reached, m, to be drawn as well.

    Returns:
        Remarks for the user.
    """
    _plot(recording, activity, out / "swimmer.png", course)
    steps = round(_SHOWN / CONTROL_PERIOD)
    qpos = recording["qpos"][:steps:_FRAME]
    return animate(
        out / "swimmer.gif",
        settings["model"],
        settings["model_arguments"],
        qpos,
        _FRAME * CONTROL_PERIOD,
        "above",
        lambda: _drawn(qpos),
    )


def _outline(qpos: Array) -> Array:
    """Ends of the links in the plane, (..., links + 1, 2), m, from positions (..., nq)."""
    heading = np.cumsum(qpos[..., 2:], axis=-1)
    # The root turns about the nose end of the head; each link runs along its own +y axis.
    links = LINK_LENGTH * np.stack([-np.sin(heading), np.cos(heading)], axis=-1)
    nose = qpos[..., :2] + np.array([0.0, -LINK_LENGTH / 2])
    return np.concatenate(
        [nose[..., None, :], nose[..., None, :] + np.cumsum(links, axis=-2)], axis=-2
    )


def _plot(
    recording: Mapping[str, Array],
    activity: Mapping[str, Any] | None,
    path: Path,
    course: tuple[Array, float] | None,
) -> None:
    from matplotlib import colormaps
    from matplotlib.patches import Circle

    time, qpos = recording["time"], recording["qpos"]
    rows = 2 if activity is None else 4
    with figure(path, 11, 1.2 + 1.7 * rows) as drawn:
        grid = drawn.add_gridspec(rows, 2, width_ratios=[1, 1.5])

        where = drawn.add_subplot(grid[:, 0])
        outlines = _outline(qpos)
        nose = outlines[:, 0]
        where.plot(*nose.T, color="0.75", lw=1)
        if course is not None:
            waypoints, reach = course
            where.plot(*np.vstack([waypoints[-1:], waypoints]).T, ":", color="0.5", lw=1)
            for waypoint in waypoints:
                where.add_patch(Circle(waypoint, reach, color="tab:green", alpha=0.3, lw=0))
        shown = np.linspace(0, len(qpos) - 1, 9).astype(int)
        colours = colormaps["viridis"](np.linspace(0, 0.9, len(shown)))
        for index, colour in zip(shown, colours, strict=True):
            where.plot(*outlines[index].T, color=colour, lw=3, solid_capstyle="round")
            where.plot(*nose[index], "o", color=colour, ms=5)
            where.annotate(
                f"{time[index]:.0f} s", nose[index], (7, -3), textcoords="offset points", fontsize=8
            )
        where.set(xlabel="x (m)", ylabel="y (m)", title="Path, head marked")
        where.set_aspect("equal", adjustable="datalim")

        end = min(float(time[-1]), 8.0)
        panels = [drawn.add_subplot(grid[row, 1]) for row in range(rows)]
        joints = qpos.shape[1] - 3
        for joint in range(joints):
            colour = colormaps["plasma"](joint / joints)
            panels[0].plot(time, np.degrees(qpos[:, 3 + joint]), color=colour, lw=1)
            torque = recording["ctrl"][:, joint] * 1e3
            panels[1].step(time, torque, where="pre", color=colour, lw=1)
        panels[0].set(ylabel="angle (°)", title="Joints, from head (dark) to tail (bright)")
        panels[1].set(ylabel="torque (mN·m)", title="Commands")
        if activity is not None:
            for panel, (layer, title) in zip(panels[2:], _LAYERS.items(), strict=True):
                columns = [
                    column
                    for side in SIDES
                    for column, name in enumerate(activity["names"])
                    if name.startswith(f"{layer}_{side}_")
                ]
                values = np.asarray(activity["values"])[:, columns].T
                times = np.asarray(activity["time"])
                panel.imshow(
                    values,
                    aspect="auto",
                    interpolation="nearest",
                    cmap="magma",
                    vmin=0,
                    vmax=1,
                    extent=(times[0], times[-1], len(values), 0),
                )
                panel.axhline(len(values) / 2, color="w", lw=1)
                panel.set(title=title, yticks=[len(values) / 4, 3 * len(values) / 4])
                panel.set_yticklabels(SIDES)
        for panel in panels:
            panel.set_xlim(0, end)
        panels[-1].set_xlabel("time (s)")


def _drawn(qpos: Array) -> Iterator[NDArray[np.uint8]]:
    """Frames of the swimmer from above, drawn with matplotlib."""
    outlines = _outline(qpos)
    centre = outlines.mean(axis=1)
    # The floor's grid stays with the world and so shows how far the swimmer has come.
    ticks = np.arange(-50, 50) * 0.2
    reach = 0.06 * outlines.shape[1]
    with canvas() as axes:
        (body,) = axes.plot([], [], color="#e08c40", lw=9, solid_capstyle="round")
        (head,) = axes.plot([], [], "o", color="#b34d26", ms=11)
        axes.set_aspect("equal")
        axes.set(xticks=ticks, yticks=ticks)
        axes.grid(color="white")
        for outline, (x, y) in zip(outlines, centre, strict=True):
            body.set_data(*outline.T)
            head.set_data(*outline[:1].T)
            axes.set(xlim=(x - reach * 16 / 9, x + reach * 16 / 9), ylim=(y - reach, y + reach))
            yield frame_of(axes)
