# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The trajectory of a flight, and pictures of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.cli.plotting import canvas, figure, frame_of

Array = NDArray[np.float64]

# Labels of the networks, by the first part of their neurons' names.
_NETWORKS = {"pd": "PD", "integral": "I"}


class Trajectory(NamedTuple):
    """A flight at the control rate, each (T,).

    Attributes:
        time: Time, s.
        set_point: Reference altitude, m.
        altitude: True altitude, m.
        thrust: Thrust of both propellers, N; below 0 downwards.
        spikes: Spikes of the controller's neurons, (T, n), 0 or 1; n is 0 where it has none.
        neurons: Names of these neurons, (n,).
        synaptic_operations: Synaptic operations of the whole flight.
        reading: Reading of the lidar that each command answered, m; empty where none was kept.
    """

    time: Array
    set_point: Array
    altitude: Array
    thrust: Array
    spikes: Array
    neurons: tuple[str, ...]
    synaptic_operations: int
    reading: Array = np.zeros(0)


def draw(trajectories: Mapping[str, Trajectory], path: Path) -> None:
    """Draw altitudes, thrusts and spikes along the same set-points into a PNG file."""
    spiking = {name: each for name, each in trajectories.items() if each.spikes.size}
    rows = 2 + len(spiking)
    ratios = [1.6, 1.0] + [1.3] * len(spiking)
    with figure(path, 11, 1 + 2.2 * rows) as drawn:
        axes = drawn.subplots(rows, 1, sharex=True, height_ratios=ratios)
        first = next(iter(trajectories.values()))
        axes[0].step(first.time, first.set_point, "k--", lw=1, where="pre", label="set-point")
        for name, each in trajectories.items():
            label = Path(name).stem
            axes[0].plot(each.time, each.altitude, lw=1.2, label=label)
            axes[1].plot(each.time, each.thrust * 1e3, lw=0.7, label=label)
        axes[0].set(ylabel="altitude (m)")
        axes[0].legend(loc="upper left", ncols=len(trajectories) + 1)
        axes[1].set(ylabel="thrust (mN)")
        for panel, (name, each) in zip(axes[2:], spiking.items(), strict=True):
            _draw_spikes(panel, each)
            panel.set(ylabel=f"spikes, {Path(name).stem}")
        for panel in axes:
            panel.spines[["top", "right"]].set_visible(False)
        for panel in axes[:2]:
            panel.grid(alpha=0.3)
        axes[-1].set(xlabel="time (s)", xlim=(0, float(first.time[-1])))


def _draw_spikes(panel: Any, trajectory: Trajectory) -> None:
    """Draw a raster of spikes, the networks apart by the names of their neurons."""
    ticks, neurons = np.nonzero(trajectory.spikes)
    panel.scatter(trajectory.time[ticks], neurons, s=0.4, c="k", lw=0, rasterized=True)
    networks = [name.partition("_")[0] for name in trajectory.neurons]
    starts = [k for k in range(len(networks)) if k == 0 or networks[k] != networks[k - 1]]
    for start in starts[1:]:
        panel.axhline(start - 0.5, color="tab:red", lw=0.8)
    ends = [*starts[1:], len(networks)]
    middles = [(start + end) / 2 for start, end in zip(starts, ends, strict=True)]
    panel.set(ylim=(-1, len(networks)), yticks=middles)
    panel.set_yticklabels([_NETWORKS.get(networks[start], networks[start]) for start in starts])


def picture_of(altitudes: Array, set_points: Array) -> Iterator[NDArray[np.uint8]]:
    """Frames of a flight, seen from the side and drawn with matplotlib.

    Args:
        altitudes: Altitude in each frame, (T,), m.
        set_points: Reference altitude in each frame, (T,), m.
    """
    from matplotlib.patches import Ellipse, Rectangle

    with canvas() as axes:
        axes.set(xlim=(-2.2, 2.2), ylim=(-0.1, 2.375), xticks=[], yticks=[])
        axes.axhspan(-0.1, 0.0, color="0.7")
        hull = Ellipse((0, 0), 0.84, 0.554, fc="0.95", ec="0.5")
        gondola = Rectangle((-0.07, 0), 0.14, 0.06, color="0.25")
        for patch in (hull, gondola):
            axes.add_patch(patch)
        (reference,) = axes.plot([], [], "k--", lw=1)
        for altitude, set_point in zip(altitudes, set_points, strict=True):
            hull.set_center((0.0, altitude + 0.35))
            gondola.set_y(altitude)
            reference.set_data([-2.2, 2.2], [set_point, set_point])
            yield frame_of(axes)
