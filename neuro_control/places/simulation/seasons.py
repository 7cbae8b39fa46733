# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Light and weather of the route's seasons; needs no MuJoCo."""

from __future__ import annotations

from dataclasses import dataclass

from neuro_control.errors import ConfigurationError


@dataclass(frozen=True)
class Season:
    """Light and weather of a traverse; colours are red, green, blue from 0 to 1.

    Attributes:
        azimuth: Direction of the sun, rad from x towards y.
        elevation: Elevation of the sun above the horizon, rad.
        sun: Strength of the sun's light on a surface that faces it.
        ambient: Strength of the light that comes from everywhere.
        lamp: Strength of the train's own light, at its lamp.
        zenith: Colour of the sky overhead.
        horizon: Colour of the sky at the horizon, and of the haze.
        haze: Share of the light that a metre of air absorbs, 1/m.
        clouds: Amplitude of the clouds' brightness.
        leaves: Whether broad-leaved trees and bushes have leaves.
        snow: Share of white in the colour of what faces upwards.
        grass: Colour of the ground.
        foliage: Colour of the broad-leaved trees.
        noise: Standard deviation of the sensor's noise, for colours from 0 to 1.
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
