# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What varies around a task from world to world: light, floor, textures, furniture, camera.

Policies are trained in worlds of the split "seen" and tested in those of "unseen" too: other
textures, other furniture, and light and camera beyond the ranges of training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.quart.simulation.textures import SEEN_TEXTURES, UNSEEN_TEXTURES

SPLITS = ("plain", "seen", "unseen")
SEEN_FURNITURE, UNSEEN_FURNITURE = (
    ("chair", "table", "shelf", "wall"),
    ("sofa", "plant", "lamp", "wall"),
)
FURNITURE = tuple(dict.fromkeys((*SEEN_FURNITURE, *UNSEEN_FURNITURE)))
# Where furniture stands: beside the way, to either side, or behind the objects, m.
_BESIDE_AHEAD, _BESIDE_ASIDE = (0.5, 5.0), (2.2, 3.5)
_BEHIND_AHEAD, _BEHIND_ASIDE = (5.2, 7.5), (-3.0, 3.0)
_WALL_AHEAD = (6.5, 9.0)


@dataclass(frozen=True)
class Placed:
    """A piece of furniture.

    Attributes:
        kind: One of ``FURNITURE``.
        position: Ahead and to the left of the robot's start, m.
        yaw: How it is turned, rad.
        colour: Red, green and blue, 0 to 1.
        texture: One of ``textures.TEXTURES``.
    """

    kind: str
    position: tuple[float, float]
    yaw: float
    colour: tuple[float, float, float]
    texture: str


@dataclass(frozen=True)
class Scenery:
    """All that surrounds a task. The default is the plain course.

    Attributes:
        floor: Texture of the floor, one of ``textures.TEXTURES``.
        floor_colour: Its red, green and blue, 0 to 1.
        object_texture: Texture of the task's objects, but for letters.
        ambient: Brightness of the light without direction, 0 to 1.
        sun: Brightness of the sun, 0 to 1.
        sun_direction: Where the sun shines, (3,).
        furniture: What stands around.
        camera_offset: By which the head's camera is displaced, ahead, left and up, m.
        camera_turn: By which it is turned about its axes to the left, down and along the view, rad.
        field_of_view: Its vertical angle of view, degrees.
        friction: Coefficient between feet and floor.
    """

    floor: str = "checker"
    floor_colour: tuple[float, float, float] = (0.78, 0.76, 0.72)
    object_texture: str = "plain"
    ambient: float = 0.45
    sun: float = 0.5
    sun_direction: tuple[float, float, float] = (0.3, 0.2, -1.0)
    furniture: tuple[Placed, ...] = ()
    camera_offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    camera_turn: tuple[float, float, float] = (0.0, 0.0, 0.0)
    field_of_view: float = 75.0
    friction: float = 0.8


PLAIN = Scenery()


def draw_scenery(split: str, rng: np.random.Generator) -> Scenery:
    """Scenery of a split of the worlds.

    Args:
        split: plain (always the same), seen, or unseen: what training does not show.
        rng: Draws it.

    Raises:
        ConfigurationError: There is no such split.
    """
    if split not in SPLITS:
        raise ConfigurationError(f"no worlds '{split}': there are {', '.join(SPLITS)}")
    if split == "plain":
        return PLAIN
    unseen = split == "unseen"
    textures = UNSEEN_TEXTURES if unseen else SEEN_TEXTURES
    azimuth = rng.uniform(-math.pi, math.pi)
    slant = rng.uniform(0.5, 0.8) if unseen else rng.uniform(0.0, 0.5)
    grey = rng.uniform(0.35, 0.95)
    return Scenery(
        floor=_one(textures, rng),
        floor_colour=_three(grey * (1.0 + rng.uniform(-0.12, 0.12, 3))),
        object_texture=_one(("plain", *textures), rng),
        ambient=float(_outside(rng, 0.3, 0.6, 0.2, 0.7) if unseen else rng.uniform(0.3, 0.6)),
        sun=float(rng.uniform(0.2, 0.6)),
        sun_direction=_three([slant * math.cos(azimuth), slant * math.sin(azimuth), -1.0]),
        furniture=_furnish(UNSEEN_FURNITURE if unseen else SEEN_FURNITURE, textures, rng),
        camera_offset=_three(_spread(rng, 0.02, unseen)),
        camera_turn=_three(_spread(rng, math.radians(2.0), unseen)),
        field_of_view=75.0 + float(_spread(rng, 2.0, unseen)[0]),
        friction=float(_outside(rng, 0.6, 1.0, 0.5, 1.2) if unseen else rng.uniform(0.6, 1.0)),
    )


def _furnish(
    kinds: tuple[str, ...], textures: tuple[str, ...], rng: np.random.Generator
) -> tuple[Placed, ...]:
    """Each kind once or not at all."""
    found = []
    for kind in kinds:
        if rng.random() < 0.4:
            continue
        if kind == "wall":
            position = (rng.uniform(*_WALL_AHEAD), 0.0)
            yaw = rng.uniform(-0.3, 0.3)
        elif rng.random() < 0.5:
            side = rng.choice([-1.0, 1.0])
            position = (rng.uniform(*_BESIDE_AHEAD), side * rng.uniform(*_BESIDE_ASIDE))
            yaw = rng.uniform(-math.pi, math.pi)
        else:
            position = (rng.uniform(*_BEHIND_AHEAD), rng.uniform(*_BEHIND_ASIDE))
            yaw = rng.uniform(-math.pi, math.pi)
        # Of wood, cloth or plaster: no piece is as colourful as a target.
        grey = rng.uniform(0.25, 0.9)
        colour = _three(grey * np.array([1.0, rng.uniform(0.75, 1.0), rng.uniform(0.55, 1.0)]))
        ahead, aside = (float(number) for number in position)
        found.append(Placed(kind, (ahead, aside), float(yaw), colour, _one(textures, rng)))
    return tuple(found)


def _spread(rng: np.random.Generator, most: float, beyond: bool) -> NDArray[np.float64]:
    """Three numbers within ±most, or beyond that and within twice as much."""
    numbers = rng.uniform(-most, most, 3)
    return numbers + most * np.sign(numbers) if beyond else numbers


def _outside(
    rng: np.random.Generator, low: float, high: float, lowest: float, highest: float
) -> float:
    """A number between lowest and highest that is not between low and high."""
    if rng.random() < (low - lowest) / (low - lowest + highest - high):
        return float(rng.uniform(lowest, low))
    return float(rng.uniform(high, highest))


def _one(names: tuple[str, ...], rng: np.random.Generator) -> str:
    return names[int(rng.integers(len(names)))]


def _three(numbers: Any) -> tuple[float, float, float]:
    first, second, third = (float(number) for number in numbers)
    return first, second, third
