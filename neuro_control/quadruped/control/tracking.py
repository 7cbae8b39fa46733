# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How the trunk differs from its reference, in the level frame that looks ahead with it.

Compiled functions share two structured arrays of one row: ``MOTION``, what the gait controller
keeps and works out in a step, and ``REFERENCE``, what it follows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.settings import Settings, number

Array = NDArray[np.float64]

# What the gait controller follows: velocity forwards and to the left, m/s, and yaw rate, rad/s;
# height of the trunk's origin above the ground, m; roll and pitch, rad; places of the feet under
# the trunk's origin in mid-stance, m; how high swinging feet are lifted, m; and phases, duration
# and frequency (Hz) of the contact schedule.
REFERENCE = np.dtype(
    [
        ("velocity", np.float64, (3,)),
        ("height", np.float64),
        ("tilt", np.float64, (2,)),
        ("places", np.float64, (4, 2)),
        ("lift", np.float64),
        ("phases", np.float64, (4,)),
        ("duration", np.float64),
        ("frequency", np.float64),
    ]
)

# What the gait controller keeps from step to step, and what it works out in a step.
MOTION = np.dtype(
    [
        # Kept: reference yaw, rad; how far the trunk lags behind, m; acceleration of unknown cause,
        # angular and linear; which feet met the ground early, which swung, where they left it, m.
        ("yaw", np.float64),
        ("lag", np.float64, (2,)),
        ("unknown", np.float64, (6,)),
        ("early", np.uint8, (4,)),
        ("swinging", np.uint8, (4,)),
        ("lift_off", np.float64, (4, 3)),
        # Contacts: which feet are in stance, how far each is in its stance or swing, 0 to 1, and
        # how far each is relied on to stand still, 0 to 1.
        ("stance", np.uint8, (4,)),
        ("progress", np.float64, (4,)),
        ("trust", np.float64, (4,)),
        # Centre of mass, trunk's frame, m; its velocity against the trunk, m/s; torques that hold
        # the legs' links, N m.
        ("com", np.float64, (3,)),
        ("com_velocity", np.float64, (3,)),
        ("holding", np.float64, (12,)),
        # Rotation from the level frame to the one that looks ahead, and from the trunk's to that.
        ("ahead", np.float64, (3, 3)),
        ("level", np.float64, (3, 3)),
        # There: velocity of the trunk's origin, m/s; slopes of the ground; tracking errors of roll,
        # pitch, yaw, x, y, z and of their speeds; levers from the centre of mass to the feet and
        # to their places in mid-stance, m; Jacobians of the points of contact.
        ("body", np.float64, (3,)),
        ("slope", np.float64, (2,)),
        ("error", np.float64, (12,)),
        ("levers", np.float64, (4, 3)),
        ("footholds", np.float64, (4, 3)),
        ("jacobians", np.float64, (4, 3, 3)),
        # Swinging feet, trunk's frame: where they should be, m, their speeds and accelerations.
        ("targets", np.float64, (4, 3)),
        ("speeds", np.float64, (4, 3)),
        ("accelerations", np.float64, (4, 3)),
    ]
)


@dataclass(frozen=True)
class TrackingSettings(Settings):
    """How errors of position and steady errors are answered."""

    max_lag: float = number(0.2, "Way by which the trunk may lag behind at most, m", 0.0, 2.0)
    max_yaw_lag: float = number(0.25, "The same of yaw, rad", 0.0, 2.0)
    integral_rate: tuple[float, ...] = number(
        (20.0, 20.0, 0.0, 0.0, 0.0, 30.0),
        "Integral action on roll, pitch, yaw, x, y and z, 1/s² of the error a second", 0.0, 1000.0,
    )  # fmt: skip
    max_integral: tuple[float, ...] = number(
        (6.0, 6.0, 0.0, 0.0, 0.0, 3.0),
        "Acceleration that it makes up for at most, rad/s² and m/s²", 0.0, 100.0,
    )  # fmt: skip


@dataclass(frozen=True)
class ContactSettings(Settings):
    """When a foot counts as being on the ground."""

    touchdown_force: float = number(
        12.0, "Force of a swinging foot that has met the ground, N", 0.1, 200.0
    )
    stance_force: float = number(4.0, "Force of a foot in stance that bears, N", 0.1, 200.0)
    earliest_touchdown: float = number(
        0.6, "Part of a swing before which what a foot meets is no ground", 0.0, 1.0
    )
    edge: float = number(
        0.15, "Part of a stance at either end in which a foot may still move", 0.001, 0.5
    )


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def judge_contacts(motion: Any, reference: Any, settings: Any, forces: Array) -> None:
    """Write ``stance``, ``progress`` and ``trust`` of the feet.

    Args:
        motion: ``MOTION``.
        reference: ``REFERENCE``.
        settings: ``ContactSettings.record``.
        forces: Forces with which the feet press, (4,), N.
    """
    m, r, own = motion[0], reference[0], settings[0]
    duration = r.duration
    for i in range(4):
        if r.phases[i] < duration:
            m.progress[i] = r.phases[i] / duration
            m.early[i] = False
            m.stance[i] = True
            edge = min(min(m.progress[i], 1.0 - m.progress[i]) / own.edge, 1.0)
            bears = forces[i] > own.stance_force
            m.trust[i] = max(edge if duration < 1.0 else 1.0, 0.05) if bears else 0.0
        else:
            m.progress[i] = (r.phases[i] - duration) / (1.0 - duration)
            # A foot that meets the ground before it should is in stance from then on.
            if forces[i] > own.touchdown_force and m.progress[i] > own.earliest_touchdown:
                m.early[i] = True
            m.stance[i] = m.early[i]
            m.trust[i] = 0.0


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def compare(motion: Any, reference: Any, estimate: Any, settings: Any, period: float) -> None:
    """Write the tracking errors, and what goes with them in the frame that looks ahead.

    Args:
        motion: ``MOTION``.
        reference: ``REFERENCE``.
        estimate: ``Estimator.state``.
        settings: ``TrackingSettings.record``.
        period: Time since the last step, s.
    """
    m, r, e, own = motion[0], reference[0], estimate[0], settings[0]
    rotation, rate, position, ground = e.rotation, e.rate, e.position, e.ground
    ahead, level, body, slope, error = m.ahead, m.level, m.body, m.slope, m.error
    com, lag, velocity, tilt = m.com, m.lag, r.velocity, r.tilt
    now = math.atan2(rotation[1, 0], rotation[0, 0])
    c, s = math.cos(now), math.sin(now)
    ahead[0, 0], ahead[0, 1], ahead[0, 2] = c, s, 0.0
    ahead[1, 0], ahead[1, 1], ahead[1, 2] = -s, c, 0.0
    ahead[2, 0], ahead[2, 1], ahead[2, 2] = 0.0, 0.0, 1.0
    level[:] = ahead @ rotation
    body[:] = ahead @ e.velocity
    slope[0] = c * ground[1] + s * ground[2]
    slope[1] = -s * ground[1] + c * ground[2]
    moving = m.com_velocity.copy()
    moving[0] += rate[1] * com[2] - rate[2] * com[1]
    moving[1] += rate[2] * com[0] - rate[0] * com[2]
    moving[2] += rate[0] * com[1] - rate[1] * com[0]
    moves = body + level @ moving
    turning = level @ rate
    centre = level @ com
    # Where the trunk should be runs ahead of where it is: the integral of the velocity's error.
    for k in range(2):
        lag[k] += period * (velocity[k] - body[k])
    size = math.hypot(lag[0], lag[1])
    if size > own.max_lag:
        lag *= own.max_lag / size
    turn = (now - m.yaw - velocity[2] * period + math.pi) % (2 * math.pi) - math.pi
    turn = min(max(turn, -own.max_yaw_lag), own.max_yaw_lag)
    m.yaw = now - turn
    error[0] = math.atan2(level[2, 1], level[2, 2]) - tilt[0] - math.atan(slope[1])
    error[1] = -math.asin(min(max(level[2, 0], -1.0), 1.0)) - tilt[1] + math.atan(slope[0])
    error[2] = turn
    error[3], error[4] = -lag[0], -lag[1]
    error[5] = position[2] - r.height
    error[6], error[7], error[8] = turning[0], turning[1], turning[2] - velocity[2]
    error[9], error[10] = moves[0] - velocity[0], moves[1] - velocity[1]
    error[11] = moves[2] - slope[0] * velocity[0] - slope[1] * velocity[1]
    # A steady error has an unknown cause, which is made up for.
    for k in range(6):
        most = own.max_integral[k]
        integral = m.unknown[k] + period * own.integral_rate[k] * error[k]
        m.unknown[k] = min(max(integral, -most), most)
    for i in range(4):
        m.levers[i] = level @ e.points[i] - centre
        m.jacobians[i] = level @ e.jacobians[i]
        m.footholds[i, 0] = r.places[i, 0] - centre[0]
        m.footholds[i, 1] = r.places[i, 1] - centre[1]
        m.footholds[i, 2] = -r.height - centre[2]
