# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A route through a landscape that is made up from a seed, in summer, in winter and at dusk.

It is rendered by rays and needs neither GL nor data. From season to season leaves and snow change,
the position of the sun, haze and clouds, and how much light and how much noise there is; from run
to run clouds and noise change, and the camera by some centimetres and degrees.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.places.simulation.landscape import (
    NOISE_TABLE,
    SPACING,
    Landscape,
    quaternion_of,
)
from neuro_control.places.simulation.ray_camera import RayCamera
from neuro_control.places.simulation.seasons import SEASONS, find_season

Array = NDArray[np.float64]

# Height of the camera above the ground, m.
_CAMERA_HEIGHT = 2.5
# Standard deviations of the camera's position, m, and attitude, rad, from run to run.
_SWAY = 0.15
_TURN = 0.015
# How far the clouds drift while the train travels a metre.
_DRIFT = 0.002


def frames(
    season: str,
    seed: int = 0,
    places: int = 100,
    *,
    traverse: int = 0,
    width: int = 64,
    height: int = 32,
) -> Iterator[tuple[NDArray[np.uint8], Array]]:
    """Image and pose of one place after another, as ``render_route`` gives them together.

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
    camera = RayCamera(landscape, weather, width, height)
    rng = np.random.default_rng((seed, traverse, list(SEASONS).index(season)))
    drift = rng.uniform(0.0, NOISE_TABLE)

    def at(along: float) -> tuple[NDArray[np.uint8], Array]:
        position = np.array([*landscape.track.beside(along), _CAMERA_HEIGHT])
        position += _SWAY * rng.standard_normal(3)
        yaw, pitch, roll = _TURN * rng.standard_normal(3)
        quaternion = quaternion_of(landscape.track.heading(along) + yaw, pitch, roll)
        light = camera.look(position, quaternion, drift + along * _DRIFT)
        light += weather.noise * rng.standard_normal(light.shape)
        image = np.round(255.0 * np.clip(light, 0.0, 1.0)).astype(np.uint8)
        w, x, y, z = quaternion
        return image, np.array([*position, x, y, z, w])

    return (at(SPACING * place) for place in range(places))


def names(places: int) -> list[str]:
    """Names of a route's places, which are those of the files that ``write_route`` writes."""
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
        traverse: Which run along the route: another number is another run in the same season,
            with other clouds, other noise, and the camera a little elsewhere.
        width: Width of the images, pixels.
        height: Height of the images, pixels.

    Returns:
        Images, (places, height, width, 3), and the camera's poses in ``map``, (places, 7):
        x y z (m) qx qy qz qw; it looks along x, y is left, z up.

    Raises:
        ConfigurationError: There is no such season, or the route would show nothing.
    """
    shown = frames(season, seed, places, traverse=traverse, width=width, height=height)
    images, poses = zip(*shown, strict=True)
    return np.stack(images), np.stack(poses)
