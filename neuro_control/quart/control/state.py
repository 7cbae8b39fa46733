# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a policy knows besides picture and words: its posture, its last bows, its target.

A single picture shows neither how long the robot has bowed nor the tunnel that it has just left.
Three short memories do, and all of them can be drawn for a pose at random, so that training needs
no recorded episodes: how far the last action bowed, a slow trace of the bows before it, and where
the target was when it was last in sight, carried along by the odometry.

A policy gets no more than it needs. One that is given its velocity, or all of its last action,
learns to go on as it does, since in its data who turns left has turned left before; and in its own
hands the first wrong step is then never corrected.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.quart.control.actions import NUMBERS, RANGES

Array = NDArray[np.float64]

TRACE_TIME = 1.0
"""Time constant of the trace of bows, s."""

# Typical sizes of height, pitch and roll, and of places, by which they are divided: m, rad; m.
_POSTURE = np.array([0.1, 0.4, 0.4])
_PLACE = 3.0
_PITCH = NUMBERS.index("pitch")
_MOST_BOW = RANGES[_PITCH, 1]
# A target in sight is believed by so much against where it was believed to be.
_BELIEF = 0.5
# A memory of something so far away, m, or older than this, s, is of no use.
_FARTHEST, _OLDEST = 8.0, 15.0

SIZE = 2 + len(_POSTURE) + 3
"""Number of numbers of a state vector."""

MIRRORED = (4, 7)
"""Those of them that change their sign in a mirror: roll, and the place to the left."""


class RobotState(NamedTuple):
    """What the gait layer estimates.

    Attributes:
        velocity: Velocity ahead and to the left, (2,), m/s.
        yaw_rate: Yaw rate, rad/s.
        height: Height of the trunk beyond 0.3 m, m.
        pitch: Pitch, nose down, rad.
        roll: Roll, right side down, rad.
        position: Odometry: position in a frame that stays, (2,), m.
        yaw: Odometry: yaw in that frame, rad.
    """

    velocity: Array
    yaw_rate: float
    height: float
    pitch: float
    roll: float
    position: Array
    yaw: float

    def motion(self) -> Array:
        """What goes into a state vector, (6,)."""
        return np.array([*self.velocity, self.yaw_rate, self.height, self.pitch, self.roll])


def state_vector(motion: Array, bows: Array, place: Array | None) -> Array:
    """State vector, (``SIZE``,), numbers of about ±1.

    Bow of the last action and trace of the bows, height, pitch and roll, whether the target's
    place is known, and where it is.

    Args:
        motion: Of ``RobotState.motion``, (6,).
        bows: Of ``Memory``, (2,), rad.
        place: Where the target is believed to be, ahead and to the left of the trunk, (2,), m;
            None if that is unknown.
    """
    known = np.zeros(3) if place is None else np.array([1.0, *(np.asarray(place) / _PLACE)])
    return np.concatenate([bows / _MOST_BOW, np.asarray(motion)[3:] / _POSTURE, known])


class Memory:
    """The three memories of one episode.

    Attributes:
        bows: Pitch of the last action, and its slow trace, (2,), rad.
    """

    def __init__(self) -> None:
        self.bows = np.zeros(2)
        self._target: Array | None = None  # in the frame of the odometry
        self._age = 0.0

    def place(self, state: RobotState) -> Array | None:
        """Where the target is believed to be, ahead and to the left of the trunk, (2,), m."""
        if self._target is None:
            return None
        return _turned(self._target - state.position, -state.yaw)

    def saw(self, state: RobotState, place: Array | None, seconds: float) -> None:
        """Take in where the target was seen.

        Args:
            state: Of the robot, when it was seen.
            place: Ahead and to the left of the trunk, (2,), m; None if it was out of sight.
            seconds: Time since this was last called, s.
        """
        if place is None:
            self._age += seconds
            far = self._target is not None and math.dist(self._target, state.position) > _FARTHEST
            if far or self._age > _OLDEST:
                self._target = None
            return
        seen = state.position + _turned(np.asarray(place, dtype=np.float64), state.yaw)
        known = self._target
        self._target = seen if known is None else known + _BELIEF * (seen - known)
        self._age = 0.0

    def did(self, action: Array, seconds: float) -> None:
        """Take in an action that held for so long (s)."""
        bow, trace = float(action[_PITCH]), float(self.bows[1])
        self.bows = np.array([bow, trace + (1.0 - math.exp(-seconds / TRACE_TIME)) * (bow - trace)])


def _turned(place: Array, angle: float) -> Array:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([c * place[0] - s * place[1], s * place[0] + c * place[1]])


# What a robot does before its first action: it stands.
_STANDING = {"frequency": 3.0, "phase": 0.5, "swing": 0.08, "width": 0.28}
IDLE = np.array([_STANDING.get(name, 0.0) for name in NUMBERS])
