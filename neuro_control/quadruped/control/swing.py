# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Feet in swing: where they should be, and how they should move.

They go to where the trunk will need them (Raibert, "Legged Robots That Balance", 1986, with the
capture point's share of the velocity's error).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.settings import Settings, number
from neuro_control.quadruped.control.types import GRAVITY

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SwingSettings(Settings):
    """Where and how feet swing."""

    capture_share: float = number(
        0.35, "Share of the capture point's offset by which a velocity error is answered", 0.0, 2.0
    )
    short_swing: float = number(0.1, "Time below which a swing is lower, s", 0.01, 1.0)
    press: float = number(0.005, "Depth below the ground that feet aim at, m", 0.0, 0.05)
    hip_clearance: float = number(
        0.1, "How far below its hip a foot stays however the trunk leans, m", 0.05, 0.2
    )
    foot_spacing: float = number(
        0.1, "Way across to the foot beside, closer than which none comes down, m", 0.0, 0.3
    )


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _smooth(s: float) -> tuple[float, float, float]:
    """From 0 to 1 with no speed at both ends, its slope and its curvature."""
    return s * s * (3 - 2 * s), 6 * s * (1 - s), 6 - 12 * s


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def swing(
    motion: Any, reference: Any, estimate: Any, settings: Any, radius: float, period: float
) -> None:
    """Write ``targets``, ``speeds`` and ``accelerations`` of the middles of swinging feet.

    Args:
        motion: ``tracking.MOTION``.
        reference: ``tracking.REFERENCE``.
        estimate: ``Estimator.state``.
        settings: ``SwingSettings.record``.
        radius: Radius of a foot, m.
        period: Time since the last step, s.
    """
    m, r, e, own = motion[0], reference[0], estimate[0], settings[0]
    velocity, places, slope, feet = r.velocity, r.places, m.slope, e.feet
    ahead, level, body = m.ahead, m.level, m.body
    height = e.position[2]
    swings = (1.0 - r.duration) / r.frequency
    stands = r.duration / r.frequency
    turning = level @ e.rate
    # In a fall the height may be estimated below 0.
    capture = own.capture_share * math.sqrt(max(height, 0.0) / GRAVITY)
    # Feet that hardly swing, on the way from or to a stand, needn't be lifted either.
    lift = r.lift * min(1.0, (swings / own.short_swing) ** 2)
    end, speed, acceleration = np.empty(3), np.empty(3), np.empty(3)
    for i in range(4):
        if m.stance[i]:
            m.swinging[i] = False
            continue
        if not m.swinging[i]:
            m.swinging[i] = True
            m.lift_off[i] = feet[i]
            m.lift_off[i, 2] += radius
        m.lift_off[i] -= e.velocity * period
        start = ahead @ m.lift_off[i]
        s = m.progress[i]
        rest = (1.0 - s) * swings
        turn = velocity[2] * (rest + 0.5 * stands)
        c, sn = math.cos(turn), math.sin(turn)
        x, y = places[i, 0], places[i, 1]
        for k in range(2):
            miss = body[k] - velocity[k]
            end[k] = body[k] * rest + 0.5 * stands * velocity[k] + capture * miss
        end[0] += c * x - sn * y
        end[1] += sn * x + c * y
        # Legs that cross would trip over each other.
        beside = i ^ 1
        other = c * places[beside, 1] + sn * places[beside, 0]
        if m.stance[beside]:
            other = ahead[1] @ feet[beside] - body[1] * rest
        if i % 2 == 0:
            end[1] = max(end[1], other + own.foot_spacing)
        else:
            end[1] = min(end[1], other - own.foot_spacing)
        end[2] = -height + slope[0] * end[0] + slope[1] * end[1] + radius - own.press
        way, dway, ddway = _smooth(s)
        for k in range(2):
            end[k] -= start[k]
            speed[k] = dway / swings * end[k]
            acceleration[k] = ddway / swings**2 * end[k]
            start[k] += way * end[k]
        top = max(start[2], end[2]) + lift
        if s < 0.5:
            way, dway, ddway = _smooth(2 * s)
            low, up = start[2], top
        else:
            way, dway, ddway = _smooth(2 * s - 1)
            low, up = top, end[2]
        start[2] = low + way * (up - low)
        # Seen from the trunk, which moves and turns.
        speed[2] = 2 * dway / swings * (up - low)
        speed -= body
        speed[0] -= turning[1] * start[2] - turning[2] * start[1]
        speed[1] -= turning[2] * start[0] - turning[0] * start[2]
        speed[2] -= turning[0] * start[1] - turning[1] * start[0]
        acceleration[2] = 4 * ddway / swings**2 * (up - low)
        m.targets[i] = start @ level
        # However the trunk leans, a leg that folds further would only turn it over.
        m.targets[i, 2] = min(m.targets[i, 2], -own.hip_clearance)
        m.speeds[i] = speed @ level
        m.accelerations[i] = acceleration @ level
