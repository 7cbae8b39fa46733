# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A camera that sees a landscape by casting a ray for each pixel, on the processor."""

from __future__ import annotations

import math

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control.places.simulation.landscape import Landscape
from neuro_control.places.simulation.seasons import Season

Array = NDArray[np.float64]

# Horizontal field of view, rad.
_FIELD_OF_VIEW = math.radians(80.0)
# Brightness of snow.
_SNOW = 0.9
# Distance at which the train's light is half as strong, m.
_LAMP_REACH = 10.0


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


class RayCamera:
    """A camera that sees a landscape by casting rays.

    Args:
        landscape: The landscape that it sees.
        season: Light and weather.
        width: Width of the images, pixels.
        height: Height of the images, pixels.
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
            position: Position of the camera, (3,), m.
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
            # Geoms whose centre lies beyond it are left out, and the ground's is the origin.
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
