# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a view is laid out: the world on the left, cameras below it, curves on the right."""

from __future__ import annotations

from typing import Any

# Curves from the most to the least looked at: those of the nervous system first.
CURVES = {
    "spikes": "Spikes",
    "membranes": "Membrane potentials",
    "activity": "Activity",
    "set_points": "Commanded and measured",
    "latency": "Latency",
    "joints": "Joints",
    "sensors": "Sensors",
}
"""Paths of curves, and what their views are called."""


class Layout:
    """Which views there are; one appears when there is something to be seen in it.

    Attributes:
        changed: Whether there is something new since ``blueprint`` was last asked for.
    """

    def __init__(self) -> None:
        self.changed = False
        self._world = False
        self._eye: tuple[str, float] | None = None
        self._cameras: list[str] = []
        self._curves: set[tuple[str, str]] = set()
        self._scores = False
        self._log = False

    def show_world(self, base: str = "", distance: float = 2.0) -> None:
        """There is something in space.

        Args:
            base: Path of what the eye follows; where it is given, the eye starts near it.
            distance: How far from it, m.
        """
        self.changed |= not self._world or bool(base)
        self._world = True
        if base:
            self._eye = base, distance

    def show_camera(self, path: str) -> None:
        """There is a camera whose images are at a path."""
        if path not in self._cameras:
            self._cameras.append(path)
            self.changed = True

    def show_curves(self, kind: str, name: str) -> None:
        """There are curves at ``kind/name``; ``kind`` is one of ``CURVES``."""
        self.changed |= (kind, name) not in self._curves
        self._curves.add((kind, name))

    def show_scores(self) -> None:
        """There are scores of places."""
        self.changed |= not self._scores
        self._scores = True

    def show_log(self) -> None:
        """Somebody has said something."""
        self.changed |= not self._log
        self._log = True

    def blueprint(self) -> Any:
        """The layout as Rerun has it."""
        import rerun.blueprint as rrb

        self.changed = False
        pictures = [rrb.Spatial2DView(origin=path, name=path) for path in self._cameras]
        left: list[Any] = []
        if self._world:
            left.append(
                rrb.Spatial3DView(origin="world", name="World", eye_controls=self._controls(rrb))
            )
        if pictures:
            left.append(rrb.Horizontal(*pictures) if len(pictures) < 4 else rrb.Tabs(*pictures))
        right = self._right(rrb)
        parts = [rrb.Vertical(*left, row_shares=[2, 1][: len(left)])] if left else []
        if right:
            parts.append(rrb.Vertical(*right))
        return rrb.Blueprint(rrb.Horizontal(*parts), collapse_panels=True)

    def _controls(self, rrb: Any) -> Any:
        """The eye's place, or None for Rerun's own."""
        if self._eye is None:
            return None
        base, distance = self._eye
        return rrb.EyeControls3D(
            kind=rrb.Eye3DKind.Orbital,
            position=[-0.6 * distance, -0.8 * distance, 0.6 * distance],
            look_target=[0.0, 0.0, 0.0],
            tracking_entity=base,
        )

    def _right(self, rrb: Any) -> list[Any]:
        right = [rrb.BarChartView(origin="scores", name="Score of each place")] * self._scores
        tabs = []
        for kind, title in CURVES.items():
            names = sorted(name for known, name in self._curves if known == kind)
            views = [
                rrb.TimeSeriesView(
                    origin=f"{kind}/{name}",
                    name=f"{title}: {name}",
                    plot_legend=rrb.PlotLegend(visible=kind not in ("spikes", "membranes")),
                )
                for name in names
            ]
            if kind in ("latency", "joints", "sensors"):
                tabs += views
            elif len(views) > 2:
                right.append(rrb.Tabs(*views))
            else:
                right += views
        if self._log:
            tabs.append(rrb.TextLogView(origin="log", name="Log"))
        return [*right, rrb.Tabs(*tabs)] if tabs else right
