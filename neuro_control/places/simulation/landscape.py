# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A landscape along a railway track that is made up from a seed: geoms of MuJoCo."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control.places.simulation.seasons import Season

Array = NDArray[np.float64]

# Distance between two places, m; how much of the landscape lies before the last of them, m.
SPACING = 5.0
_AHEAD = 100.0
# Nothing grows this near to the track, m.
_CLEARANCE = 3.5
# Side of the periodic table of noise that ground and clouds are made of.
NOISE_TABLE = 64
# Colours of bark and of walls.
_BARK = (0.28, 0.22, 0.16)
_WALLS = ((0.85, 0.82, 0.75), (0.62, 0.24, 0.18), (0.80, 0.66, 0.36), (0.45, 0.50, 0.55))

_PLANE = mujoco.mjtGeom.mjGEOM_PLANE
_BOX = mujoco.mjtGeom.mjGEOM_BOX
_CYLINDER = mujoco.mjtGeom.mjGEOM_CYLINDER
_CAPSULE = mujoco.mjtGeom.mjGEOM_CAPSULE
_ELLIPSOID = mujoco.mjtGeom.mjGEOM_ELLIPSOID


@dataclass(frozen=True)
class Track:
    """A line through the plane that never crosses itself.

    Attributes:
        points: Its points, one for each metre, (n, 2), m.
        headings: Its direction at these points, (n,), rad.
    """

    points: Array
    headings: Array

    @classmethod
    def random(cls, length: float, rng: np.random.Generator) -> Track:
        """A track of ``length`` metres that winds by up to 70 degrees."""
        along = np.arange(math.ceil(length) + 1.0)
        headings = np.zeros(along.size)
        for wavelength, amplitude in ((700.0, 0.6), (230.0, 0.4), (130.0, 0.2)):
            phase = rng.uniform(0.0, 2 * math.pi)
            headings += amplitude * np.sin(2 * math.pi * along / wavelength + phase)
        steps = np.stack([np.cos(headings), np.sin(headings)], axis=1)
        return cls(np.cumsum(steps, axis=0) - steps[0], headings)

    def heading(self, along: float) -> float:
        """Its direction at ``along`` metres, rad."""
        return float(self.headings[min(int(along), len(self.headings) - 1)])

    def beside(self, along: float, left: float = 0.0) -> tuple[float, float]:
        """Point at ``along`` metres of the track and ``left`` metres to its left."""
        x, y = self.points[min(int(along), len(self.points) - 1)]
        heading = self.heading(along)
        return float(x) - left * math.sin(heading), float(y) + left * math.cos(heading)

    def distance(self, x: float, y: float) -> float:
        """Distance of a point from the track, m."""
        return float(np.min(np.hypot(self.points[:, 0] - x, self.points[:, 1] - y)))


def quaternion_of(yaw: float, pitch: float, roll: float) -> Array:
    """Attitude w x y z of a body turned by yaw, then pitch, then roll, rad."""
    quaternion = np.zeros(4)
    mujoco.mju_euler2Quat(quaternion, [yaw, pitch, roll], "zyx")
    return quaternion


class Landscape:
    """A landscape along a track, in one season.

    Whatever the season, everything stands where the seed put it.

    Args:
        season: Its season.
        seed: Seed of track and landscape.
        places: Number of places along the track.

    Attributes:
        track: The track.
        model: Everything, as geoms of a static body for each stretch of the track.
        data: Its state.
        ground: The ground's geom.
        table: Noise of which ground and clouds are made, (n, n), from -1 to 1.
    """

    def __init__(self, season: Season, seed: int, places: int) -> None:
        rng = np.random.default_rng(seed)
        self._season = season
        self._spec = mujoco.MjSpec()
        length = (places - 1) * SPACING + _AHEAD
        self.table = rng.uniform(-1.0, 1.0, (NOISE_TABLE, NOISE_TABLE))
        self.track = Track.random(length, rng)
        self._body = self._spec.worldbody
        self._add(_PLANE, (0.0, 0.0, 0.0), (0.0, 0.0, 1.0), season.grass, name="ground")
        begin = 0.0
        while begin < length:
            end = begin + rng.uniform(30.0, 80.0)
            # A body for each stretch: a ray skips all geoms of a body that is not in its way.
            self._body = self._spec.worldbody.add_body()
            self._fill(begin, end, rng)
            begin = end
        self.model = self._spec.compile()
        self.data = mujoco.MjData(self.model)
        mujoco.mj_kinematics(self.model, self.data)
        self.ground = self.model.geom("ground").id

    def _add(
        self,
        kind: mujoco.mjtGeom,
        position: Sequence[float],
        size: Sequence[float] | Array,
        colour: Sequence[float] | Array,
        yaw: float = 0.0,
        pitch: float = 0.0,
        roll: float = 0.0,
        name: str = "",
    ) -> None:
        self._body.add_geom(
            name=name,
            type=kind,
            pos=position,
            size=size,
            rgba=[*colour, 1.0],
            quat=quaternion_of(yaw, pitch, roll),
        )

    def _fill(self, begin: float, end: float, rng: np.random.Generator) -> None:
        """Fill a stretch of the track (m) that is a wood, a village or open land."""
        for along in np.arange(begin, end, 4.0):
            self._add(
                _BOX,
                (*self.track.beside(along), 0.0),
                (2.1, 1.3, 0.06),
                (0.4, 0.37, 0.34),
                self.track.heading(along),
            )
        # What to add, how much room it needs (m), and how often it is added.
        kinds = (
            (self._conifer, 1.8, 0.6),
            (self._tree, 2.8, 0.8),
            (self._bush, 1.3, 0.5),
            (self._house, 6.0, 0.4),
            (self._pole, 0.2, 0.3),
            (self._rock, 2.5, 0.3),
            (self._hill, 30.0, 0.2),
        )
        character = rng.dirichlet([often for _, _, often in kinds])
        for _ in range(int(rng.uniform(0.4, 1.6) * (end - begin))):
            add, radius, _ = kinds[rng.choice(len(kinds), p=character)]
            along = rng.uniform(begin, end)
            left = (_CLEARANCE + radius + 30.0 * rng.random() ** 2) * rng.choice([-1.0, 1.0])
            # A generator of its own, so that what a season lacks moves nothing else.
            shape = np.random.default_rng(rng.integers(2**63))
            x, y = self.track.beside(along, left)
            if self.track.distance(x, y) > _CLEARANCE + radius - 1.0:
                add(x, y, self.track.heading(along), shape)
        if rng.random() < 0.12:
            self._tunnel(rng.uniform(begin, end), rng.uniform(4.0, 8.0))

    def _conifer(self, x: float, y: float, _: float, rng: np.random.Generator) -> None:
        height, radius = rng.uniform(4.0, 12.0), rng.uniform(0.9, 1.8)
        needles = rng.uniform(0.8, 1.2) * np.array([0.10, 0.24, 0.13])
        self._add(_ELLIPSOID, (x, y, 0.6 * height), (radius, radius, 0.5 * height), needles)

    def _tree(self, x: float, y: float, _: float, rng: np.random.Generator) -> None:
        height, radius = rng.uniform(4.0, 9.0), rng.uniform(1.2, 2.8)
        trunk, reach = 0.5 * height, 0.25 * height
        self._add(_CYLINDER, (x, y, trunk / 2), (0.18, trunk / 2, 0.0), _BARK)
        if self._season.leaves:
            leaves = rng.uniform(0.7, 1.4) * np.array(self._season.foliage)
            self._add(_ELLIPSOID, (x, y, 0.7 * height), (radius, radius, 0.35 * height), leaves)
            return
        for pitch, roll in rng.uniform(-1.0, 1.0, (5, 2)):
            middle = (x + reach * math.sin(pitch), y - reach * math.sin(roll), trunk + reach)
            self._add(_CAPSULE, middle, (0.08, reach, 0.0), _BARK, pitch=pitch, roll=roll)

    def _bush(self, x: float, y: float, _: float, rng: np.random.Generator) -> None:
        size = rng.uniform(0.5, 1.3, 3) * (1.0 if self._season.leaves else 0.6)
        self._add(
            _ELLIPSOID, (x, y, 0.4), size, rng.uniform(0.7, 1.5) * np.array(self._season.foliage)
        )

    def _house(self, x: float, y: float, heading: float, rng: np.random.Generator) -> None:
        length, depth, height = rng.uniform((3.0, 2.0, 1.5), (6.0, 3.5, 3.5))
        yaw = heading + rng.uniform(-0.4, 0.4)
        wall = _WALLS[rng.integers(len(_WALLS))]
        self._add(_BOX, (x, y, height), (length, depth, height), wall, yaw)
        # A box on its edge is a gable roof.
        side = depth / math.sqrt(2.0)
        self._add(
            _BOX,
            (x, y, 2.0 * height),
            (length + 0.3, side, side),
            (0.36, 0.20, 0.16),
            yaw,
            roll=math.pi / 4,
        )

    def _pole(self, x: float, y: float, _: float, rng: np.random.Generator) -> None:
        half = rng.uniform(3.0, 5.0)
        self._add(_CYLINDER, (x, y, half), (0.14, half, 0.0), (0.5, 0.5, 0.5))

    def _rock(self, x: float, y: float, heading: float, rng: np.random.Generator) -> None:
        self._add(
            _ELLIPSOID, (x, y, 0.0), rng.uniform(0.8, 2.5, 3), [rng.uniform(0.35, 0.6)] * 3, heading
        )

    def _hill(self, x: float, y: float, _: float, rng: np.random.Generator) -> None:
        radius, height = rng.uniform(10.0, 30.0), rng.uniform(3.0, 12.0)
        grass = rng.uniform(0.6, 1.0) * np.array(self._season.grass)
        self._add(_ELLIPSOID, (x, y, 0.0), (radius, radius, height), grass)

    def _tunnel(self, along: float, half: float) -> None:
        heading = self.track.heading(along)
        for left, up, size in (
            (3.5, 2.5, (half, 0.8, 2.5)),
            (-3.5, 2.5, (half, 0.8, 2.5)),
            (0.0, 6.0, (half, 4.3, 1.2)),
        ):
            x, y = self.track.beside(along, left)
            self._add(_BOX, (x, y, up), size, (0.16, 0.15, 0.14), heading)
