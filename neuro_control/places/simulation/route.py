"""A route through a landscape that is made up from a seed, in summer, in winter and at dusk.

MuJoCo casts a ray for each pixel, on the processor: no GL, no data. From season to season change
leaves and snow, where the sun stands, haze and clouds, and how much light there is and how much
noise; from run to run clouds, noise, and by some centimetres and degrees the camera.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuro_control.errors import ConfigurationError
from neuro_control.files import writing

Array = NDArray[np.float64]

# Distance between two places, m; how much of the landscape lies before the last of them, m.
SPACING = 5.0
_AHEAD = 100.0
# Height of the camera above the ground, m, and its horizontal field of view, rad.
_EYE = 2.5
_FIELD_OF_VIEW = math.radians(80.0)
# Nothing grows this near to the track, m.
_CLEARANCE = 3.5
# Standard deviations of where the camera is, m, and looks, rad, around where it should.
_SWAY = 0.15
_TURN = 0.015
# Side of the periodic table of noise that ground and clouds are made of.
_TABLE = 64
_SNOW = 0.9
# Distance at which the train's light is half as strong, m.
_LAMP_REACH = 10.0
# How far the clouds drift while the train runs a metre.
_DRIFT = 0.002
# Of the broad-leaved trees.
_BARK = (0.28, 0.22, 0.16)
_WALLS = ((0.85, 0.82, 0.75), (0.62, 0.24, 0.18), (0.80, 0.66, 0.36), (0.45, 0.50, 0.55))

_PLANE = mujoco.mjtGeom.mjGEOM_PLANE
_BOX = mujoco.mjtGeom.mjGEOM_BOX
_CYLINDER = mujoco.mjtGeom.mjGEOM_CYLINDER
_CAPSULE = mujoco.mjtGeom.mjGEOM_CAPSULE
_ELLIPSOID = mujoco.mjtGeom.mjGEOM_ELLIPSOID


@dataclass(frozen=True)
class Season:
    """Light and weather of a traverse; colours are red, green, blue from 0 to 1.

    Attributes:
        azimuth: Direction of the sun, rad from x towards y.
        elevation: Of the sun above the horizon, rad.
        sun: Strength of its light on a surface that faces it.
        ambient: Strength of the light from everywhere.
        lamp: Strength of the train's own light, at its lamp.
        zenith: Colour of the sky overhead.
        horizon: Colour of the sky at the horizon, and of the haze.
        haze: Part of the light lost in a metre of air, 1/m.
        clouds: Amplitude of the clouds' brightness.
        leaves: Whether broad-leaved trees and bushes have any.
        snow: How much of what faces upwards is white.
        grass: Colour of the ground.
        foliage: Colour of the broad-leaved trees.
        noise: Standard deviation of the sensor's noise, of a range of 1.
    """

    azimuth: float
    elevation: float
    sun: float
    ambient: float
    lamp: float
    zenith: tuple[float, float, float]
    horizon: tuple[float, float, float]
    haze: float
    clouds: float
    leaves: bool
    snow: float
    grass: tuple[float, float, float]
    foliage: tuple[float, float, float]
    noise: float


SEASONS = {
    "summer": Season(
        azimuth=1.9,
        elevation=0.9,
        sun=0.65,
        ambient=0.45,
        lamp=0.0,
        zenith=(0.35, 0.55, 0.85),
        horizon=(0.75, 0.82, 0.88),
        haze=0.002,
        clouds=0.2,
        leaves=True,
        snow=0.0,
        grass=(0.36, 0.48, 0.18),
        foliage=(0.20, 0.38, 0.12),
        noise=0.01,
    ),
    "winter": Season(
        azimuth=-0.9,
        elevation=0.2,
        sun=0.5,
        ambient=0.5,
        lamp=0.0,
        zenith=(0.62, 0.68, 0.76),
        horizon=(0.84, 0.84, 0.84),
        haze=0.03,
        clouds=0.2,
        leaves=False,
        snow=0.95,
        grass=(0.42, 0.38, 0.26),
        foliage=(0.30, 0.25, 0.20),
        noise=0.02,
    ),
    "dusk": Season(
        azimuth=2.8,
        elevation=0.08,
        sun=0.15,
        ambient=0.12,
        lamp=0.8,
        zenith=(0.10, 0.12, 0.25),
        horizon=(0.55, 0.35, 0.28),
        haze=0.004,
        clouds=0.1,
        leaves=True,
        snow=0.0,
        grass=(0.34, 0.44, 0.18),
        foliage=(0.20, 0.36, 0.12),
        noise=0.04,
    ),
}


def find_season(name: str) -> Season:
    """Season by name.

    Raises:
        ConfigurationError: There is none; the message lists what there is.
    """
    if name not in SEASONS:
        raise ConfigurationError(f"no season '{name}': there are {', '.join(SEASONS)}")
    return SEASONS[name]


@dataclass(frozen=True)
class Track:
    """A line through the plane that never comes back upon itself.

    Attributes:
        points: Where it is every metre, (n, 2), m.
        headings: Its direction there, (n,), rad.
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


def _quaternion(yaw: float, pitch: float, roll: float) -> Array:
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
        table: Noise that ground and clouds are made of, (n, n), from -1 to 1.
    """

    def __init__(self, season: Season, seed: int, places: int) -> None:
        rng = np.random.default_rng(seed)
        self._season = season
        self._spec = mujoco.MjSpec()
        length = (places - 1) * SPACING + _AHEAD
        self.table = rng.uniform(-1.0, 1.0, (_TABLE, _TABLE))
        self.track = Track.random(length, rng)
        self._body = self._spec.worldbody
        self._add(_PLANE, (0.0, 0.0, 0.0), (0.0, 0.0, 1.0), season.grass, name="ground")
        begin = 0.0
        while begin < length:
            end = begin + rng.uniform(30.0, 80.0)
            # A body for each stretch: rays pass by what is not in their direction, all at once.
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
            quat=_quaternion(yaw, pitch, roll),
        )

    def _fill(self, begin: float, end: float, rng: np.random.Generator) -> None:
        """Put things along a stretch of the track (m) that is a wood, a village or open land."""
        for along in np.arange(begin, end, 4.0):
            self._add(
                _BOX,
                (*self.track.beside(along), 0.0),
                (2.1, 1.3, 0.06),
                (0.4, 0.37, 0.34),
                self.track.heading(along),
            )
        # What it is, how much room it needs (m), and how often it comes.
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
            # Of its own, so that what a season lacks moves nothing else.
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


def _noise(table: Array, points: Array) -> Array:
    """Smooth noise at ``points`` (n, 2), (n,): the table (m, m), interpolated, over and over."""
    low = np.floor(points)
    x, y = (points - low).T
    i, j = low.astype(np.int64).T % len(table)
    k, m = (i + 1) % len(table), (j + 1) % len(table)
    value: Array = (
        table[i, j] * (1 - x) * (1 - y)
        + table[k, j] * x * (1 - y)
        + table[i, m] * (1 - x) * y
        + table[k, m] * x * y
    )
    return value


class Camera:
    """Sees a landscape by casting rays.

    Args:
        landscape: What it sees.
        season: The light it sees it in.
        width: Of the images, pixels.
        height: Of the images, pixels.
    """

    def __init__(self, landscape: Landscape, season: Season, width: int, height: int) -> None:
        self._landscape = landscape
        self._season = season
        self._shape = (height, width, 3)
        pixel = 2.0 * math.tan(_FIELD_OF_VIEW / 2.0) / width
        rays = np.ones(self._shape)
        rays[..., 1] = pixel * ((width - 1) / 2.0 - np.arange(width))
        rays[..., 2] = pixel * ((height - 1) / 2.0 - np.arange(height)[:, None])
        self._rays = (rays / np.linalg.norm(rays, axis=-1, keepdims=True)).reshape(-1, 3)
        level = math.cos(season.elevation)
        self._sun = np.array(
            [
                level * math.cos(season.azimuth),
                level * math.sin(season.azimuth),
                math.sin(season.elevation),
            ]
        )

    def look(self, position: Array, quaternion: Array, drift: float) -> Array:
        """Light that reaches each pixel, (height, width, 3), 1 being white.

        Args:
            position: Of the camera, (3,), m.
            quaternion: Its attitude, w x y z (4,); it looks along x.
            drift: How far the clouds have drifted.
        """
        rotation = np.zeros(9)
        mujoco.mju_quat2Mat(rotation, quaternion)
        rays = self._rays @ rotation.reshape(3, 3).T
        geoms = np.zeros((len(rays), 1), dtype=np.int32)
        distances = np.zeros((len(rays), 1))
        normals = np.zeros((rays.size, 1))
        mujoco.mj_multiRay(
            self._landscape.model,
            self._landscape.data,
            pnt=position[:, None],
            vec=rays.reshape(-1, 1),
            geomgroup=None,
            flg_static=True,
            bodyexclude=-1,
            geomid=geoms,
            dist=distances,
            normal=normals,
            nray=len(rays),
            # What is centred beyond it is left out, and the ground is centred at the origin.
            cutoff=mujoco.mjMAXVAL,
        )
        return np.where(
            geoms >= 0,
            self._surface(position, rays, geoms[:, 0], distances[:, 0], normals.reshape(-1, 3)),
            self._sky(rays, drift),
        ).reshape(self._shape)

    def _sky(self, rays: Array, drift: float) -> Array:
        season = self._season
        height = np.clip(2.0 * rays[:, 2:], 0.0, 1.0)
        horizon, zenith = np.array(season.horizon), np.array(season.zenith)
        # Clouds lie in a plane overhead.
        spots = rays[:, :2] / np.maximum(rays[:, 2:], 0.05) + drift
        clouds = season.clouds * height * _noise(self._landscape.table, spots)[:, None]
        sky: Array = horizon + height * (zenith - horizon) + clouds
        return sky

    def _surface(
        self,
        position: Array,
        rays: Array,
        geoms: NDArray[np.int32],
        distances: Array,
        normals: Array,
    ) -> Array:
        season, table = self._season, self._landscape.table
        points = (position + distances[:, None] * rays)[:, :2]
        patches = _noise(table, points / 6.0) + 0.5 * _noise(table, points / 1.3)
        colour = self._landscape.model.geom_rgba[geoms, :3].astype(np.float64)
        colour *= 1.0 + 0.25 * np.where(geoms == self._landscape.ground, patches, 0.0)[:, None]
        # Snow lies on what faces upwards.
        snow = season.snow * np.clip((normals[:, 2] - 0.25) / 0.4, 0.0, 1.0)
        snow *= np.clip(1.0 + 0.2 * patches, 0.0, 1.0)
        colour += snow[:, None] * (_SNOW - colour)
        light = season.ambient + season.sun * np.maximum(normals @ self._sun, 0.0)
        facing = np.maximum(-np.sum(normals * rays, axis=1), 0.0)
        light += season.lamp * facing / (1.0 + (distances / _LAMP_REACH) ** 2)
        clear = np.exp(-season.haze * distances)[:, None]
        seen: Array = clear * colour * light[:, None] + (1.0 - clear) * np.array(season.horizon)
        return seen


def frames(
    season: str,
    seed: int = 0,
    places: int = 100,
    *,
    traverse: int = 0,
    width: int = 64,
    height: int = 32,
) -> Iterator[tuple[NDArray[np.uint8], Array]]:
    """Image and pose of one place after another, as ``render_route`` has them.

    Raises:
        ConfigurationError: As ``render_route``.
    """
    weather = find_season(season)
    if places < 1 or min(width, height) < 8:
        raise ConfigurationError(
            "a route has at least 1 place and images of at least 8x8 pixels, "
            f"not {places} and {width}x{height}"
        )
    landscape = Landscape(weather, seed, places)
    camera = Camera(landscape, weather, width, height)
    rng = np.random.default_rng((seed, traverse, list(SEASONS).index(season)))
    drift = rng.uniform(0.0, _TABLE)

    def at(along: float) -> tuple[NDArray[np.uint8], Array]:
        position = np.array([*landscape.track.beside(along), _EYE])
        position += _SWAY * rng.standard_normal(3)
        yaw, pitch, roll = _TURN * rng.standard_normal(3)
        quaternion = _quaternion(landscape.track.heading(along) + yaw, pitch, roll)
        light = camera.look(position, quaternion, drift + along * _DRIFT)
        light += weather.noise * rng.standard_normal(light.shape)
        image = np.round(255.0 * np.clip(light, 0.0, 1.0)).astype(np.uint8)
        w, x, y, z = quaternion
        return image, np.array([*position, x, y, z, w])

    return (at(SPACING * place) for place in range(places))


def names(places: int) -> list[str]:
    """Names of a route's places, those of the files that ``write_route`` writes."""
    digits = len(str(places - 1))
    return [f"{place:0{digits}d}.png" for place in range(places)]


def render_route(
    season: str,
    seed: int = 0,
    places: int = 100,
    *,
    traverse: int = 0,
    width: int = 64,
    height: int = 32,
) -> tuple[NDArray[np.uint8], Array]:
    """Images along a route, and where they were taken.

    Args:
        season: One of SEASONS.
        seed: Seed of the landscape: equal seeds and numbers of places are one route.
        places: Number of places, 5 m apart.
        traverse: Another number is another run along the same route in the same season: with
            other clouds, other noise, and the camera a little elsewhere.
        width: Of the images, pixels.
        height: Of the images, pixels.

    Returns:
        Images, (places, height, width, 3), and the camera's poses in ``map``, (places, 7):
        x y z (m) qx qy qz qw; it looks along x, y is left, z up.

    Raises:
        ConfigurationError: There is no such season, or the route would show nothing.
    """
    shown = frames(season, seed, places, traverse=traverse, width=width, height=height)
    images, poses = zip(*shown, strict=True)
    return np.stack(images), np.stack(poses)


def write_route(
    folder: Path,
    season: str,
    places: int = 100,
    seed: int = 0,
    *,
    traverse: int = 0,
    width: int = 64,
    height: int = 32,
) -> None:
    """Write a route as a folder of PNG files and their ``poses.csv``, whole or not at all.

    Args:
        folder: The folder, which must not hold anything yet.
        season: As the others, as ``render_route`` has it.
        places: Number of places.
        seed: Seed of the landscape.
        traverse: Which run.
        width: Of the images, pixels.
        height: Of the images, pixels.

    Raises:
        ConfigurationError: The folder holds something, or as ``render_route``.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigurationError(f"{folder} is taken: give a folder that is empty or not there yet")
    shown = frames(season, seed, places, traverse=traverse, width=width, height=height)
    with writing(folder) as part:
        part.mkdir()
        with (part / "poses.csv").open("w", newline="") as file:
            poses = csv.writer(file, lineterminator="\n")
            poses.writerow(("name", "x", "y", "z", "qx", "qy", "qz", "qw"))
            for name, (image, pose) in zip(names(places), shown, strict=True):
                Image.fromarray(image).save(part / name)
                poses.writerow((name, *(f"{number:.6f}" for number in pose)))
