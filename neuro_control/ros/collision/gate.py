# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How fast a robot may go towards what its range sensors see: so that it can stop before it.

With the clearance c beyond the distance to keep, the deceleration a and the reaction time t, the
speed v is at most that with which e t v + v² / 2a = c. A robot that brakes at once would only drive
t v before it does; but ours follows a speed that was allowed t ago, and near the obstacle that is
c'(s) = -c(s - t) / T, which passes 0 unless T is e t or more.

Obstacles are points in base_link; those count that lie in the strip that the robot sweeps on its
straight way. A turn on the spot is not limited.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class GateSettings:
    """Numbers of the gate.

    Attributes:
        half_length: From the middle of the robot to its front and its back, m.
        half_width: From the middle of the robot to either side, and the play beside it, m.
        stop_distance: Distance to keep from an obstacle, m.
        deceleration: With which the robot stops, m/s².
        reaction_time: Until it begins to, s.
        blind_speed: Speed towards where no sensor looks, m/s.
    """

    half_length: float = 0.4
    half_width: float = 0.25
    stop_distance: float = 0.2
    deceleration: float = 1.0
    reaction_time: float = 0.2
    blind_speed: float = 0.2


@dataclass(frozen=True)
class View:
    """What one sensor sees.

    Attributes:
        direction: In which it looks, rad, to the left of ahead.
        half_angle: How far to either side of that it sees, rad.
        points: Obstacles in base_link, (n, 2), m; None if the sensor is silent.
    """

    direction: float
    half_angle: float
    points: Array | None

    def covers(self, direction: float) -> bool:
        """Whether it looks in a direction, rad."""
        apart = math.remainder(direction - self.direction, 2 * math.pi)
        return abs(apart) <= self.half_angle


def gate(
    velocity: tuple[float, float, float], views: Sequence[View], settings: GateSettings
) -> tuple[tuple[float, float, float], str]:
    """A velocity that lets the robot stop in time.

    Args:
        velocity: Forwards and to the left, m/s, and yaw rate, rad/s, as commanded.
        views: What the sensors see.
        settings: Numbers of the gate.

    Returns:
        The velocity in the same direction, as fast as may be, and why it is slower; the yaw rate
        stays.
    """
    forward, left, yaw_rate = velocity
    speed = math.hypot(forward, left)
    if speed == 0.0:
        return velocity, ""
    highest, why = _highest((forward / speed, left / speed), views, settings)
    if speed <= highest:
        return velocity, ""
    part = highest / speed
    return (part * forward, part * left, yaw_rate), f"{why}: {highest:.2f} m/s of {speed:.2f}"


def _highest(
    way: tuple[float, float], views: Sequence[View], settings: GateSettings
) -> tuple[float, str]:
    """Highest speed along a way (of length 1), m/s, and what bounds it."""
    direction = math.atan2(way[1], way[0])
    looking = [view for view in views if view.covers(direction)]
    if any(view.points is None for view in looking):
        return 0.0, "the sensor that looks there is silent"
    clearance = _clearance(way, views, settings)
    highest = allowed_speed(clearance, settings)
    why = f"an obstacle {clearance:.2f} m ahead"
    if not looking and settings.blind_speed < highest:
        return settings.blind_speed, "no sensor looks there"
    return highest, why


def allowed_speed(clearance: float, settings: GateSettings) -> float:
    """Highest speed, m/s, towards an obstacle at a distance from the robot's edge, m."""
    room = clearance - settings.stop_distance
    if room <= 0.0:
        return 0.0
    a, t = settings.deceleration, math.e * settings.reaction_time
    return a * (math.sqrt(t * t + 2.0 * room / a) - t)


def _clearance(way: tuple[float, float], views: Sequence[View], settings: GateSettings) -> float:
    """Distance from the robot's edge to the nearest obstacle on its way, m; inf without any."""
    x, y = way
    # Of a rectangle that moves along, the half width that it sweeps, and its extent ahead.
    swept = abs(x) * settings.half_width + abs(y) * settings.half_length
    extent = min(settings.half_length / max(abs(x), 1e-9), settings.half_width / max(abs(y), 1e-9))
    nearest = math.inf
    for view in views:
        if view.points is None or not len(view.points):
            continue
        along = view.points @ (x, y)
        across = view.points @ (-y, x)
        ahead = along[(np.abs(across) <= swept) & (along > 0.0)]
        if len(ahead):
            nearest = min(nearest, float(ahead.min()) - extent)
    return nearest
