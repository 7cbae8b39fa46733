"""What a flight leaves behind, and a picture of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.cli.plotting import figure

Array = NDArray[np.float64]


class Flight(NamedTuple):
    """A flight at the control rate, each (T,).

    Attributes:
        time: s.
        set_point: m.
        altitude: True altitude, m.
        distance: What the lidar told, m.
        command: In [-10, 10].
        thrust: Of both propellers, N; below 0 downwards.
        spikes: Of the controller's neurons, (T, n); n is 0 where it has none.
        synaptic_operations: Of the whole flight.
    """

    time: Array
    set_point: Array
    altitude: Array
    distance: Array
    command: Array
    thrust: Array
    spikes: Array
    synaptic_operations: int


def draw(flights: Mapping[str, Flight], path: Path) -> None:
    """Draw altitudes, thrusts and spikes of flights along the same course into a PNG file."""
    spiking = {name: flight for name, flight in flights.items() if flight.spikes.size}
    rows = 2 + len(spiking)
    ratios = [1.6, 1.0] + [1.3] * len(spiking)
    with figure(path, 11, 1 + 2.2 * rows) as drawn:
        axes = drawn.subplots(rows, 1, sharex=True, height_ratios=ratios)
        first = next(iter(flights.values()))
        axes[0].step(first.time, first.set_point, "k--", lw=1, where="pre", label="set-point")
        for name, flight in flights.items():
            label = Path(name).stem
            axes[0].plot(flight.time, flight.altitude, lw=1.2, label=label)
            axes[1].plot(flight.time, flight.thrust * 1e3, lw=0.7, label=label)
        axes[0].set(ylabel="altitude (m)")
        axes[0].legend(loc="upper left", ncols=len(flights) + 1)
        axes[1].set(ylabel="thrust (mN)")
        for panel, (name, flight) in zip(axes[2:], spiking.items(), strict=True):
            ticks, neurons = np.nonzero(flight.spikes)
            panel.scatter(flight.time[ticks], neurons, s=0.4, c="k", lw=0, rasterized=True)
            count = flight.spikes.shape[1]
            panel.axhline(count / 2 - 0.5, color="tab:red", lw=0.8)
            panel.set(ylim=(-1, count), yticks=[count / 4, 3 * count / 4])
            panel.set_yticklabels(["PD", "I"])
            panel.set(ylabel=f"spikes, {Path(name).stem}")
        for panel in axes:
            panel.spines[["top", "right"]].set_visible(False)
        for panel in axes[:2]:
            panel.grid(alpha=0.3)
        axes[-1].set(xlabel="time (s)", xlim=(0, float(first.time[-1])))


def picture_of(altitudes: Array, set_points: Array) -> Iterator[NDArray[np.uint8]]:
    """Frames of a flight from the side, drawn with matplotlib.

    Args:
        altitudes: In each frame, (T,), m.
        set_points: In each frame, (T,), m.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.patches import Ellipse, Rectangle

    drawing = plt.figure(figsize=(4.8, 2.7), dpi=100)
    axes = drawing.add_axes((0, 0, 1, 1), facecolor="#dfe8ec")
    axes.set(xlim=(-2.2, 2.2), ylim=(-0.1, 2.375), xticks=[], yticks=[])
    axes.axhspan(-0.1, 0.0, color="0.7")
    hull = Ellipse((0, 0), 0.84, 0.554, fc="0.95", ec="0.5")
    gondola = Rectangle((-0.07, 0), 0.14, 0.06, color="0.25")
    for patch in (hull, gondola):
        axes.add_patch(patch)
    (wanted,) = axes.plot([], [], "k--", lw=1)
    for altitude, set_point in zip(altitudes, set_points, strict=True):
        hull.set_center((0.0, altitude + 0.35))
        gondola.set_y(altitude)
        wanted.set_data([-2.2, 2.2], [set_point, set_point])
        drawing.canvas.draw()
        buffer: Any = drawing.canvas
        yield np.asarray(buffer.buffer_rgba())[..., :3].copy()
    plt.close(drawing)
