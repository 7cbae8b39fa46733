# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which states of a Go2 can be relied on: range, speed and jump of its joints, its IMU, its heat.

A state that can't be true is no state. The last good one stands in for it for ``bridge_time``;
from then on motors brake until somebody unlocks them again. Times come in, as in ``low_level``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.types import JOINTS
from neuro_control.quadruped.go2.motors import HIGHEST, LOWEST, State
from neuro_control.quadruped.go2.parameters import UnitreeParameters
from neuro_control.ros.messages import Rejected

Array = NDArray[np.float64]

# By how much a joint that is well may seem to turn beyond its range, rad: calibration and play.
_MARGIN = 0.3
# Beyond what its IMU can measure: angular velocity, rad/s, and acceleration, m/s².
_RATE, _ACCELERATION = 40.0, 320.0
# How fast a joint's speed may change for long, rad/s²: half of what the largest torque does to a
# swinging leg.
_SPEED_CHANGE = 300.0
# Without any state for so long nobody knows where a joint is, s: the next angle is believed.
_FORGOTTEN = 0.05
# How long heat or an empty battery must be reported before it counts: one wrong byte is none, s.
_SUSTAINED = 0.5
# Temperatures that a motor may report, °C, and how far below its limit one is warned of, °C.
_COLDEST, _HOTTEST, _WARM = -40, 125, 15
# Charge from which an emptying battery is warned of, beyond the least to stand up with, %.
_LOW = 10


class StateMonitor:
    """Judges the states of one robot.

    Attributes:
        fault: What was wrong with all states for longer than ``bridge_time``; empty if nothing
            was, and once the first good state has come again.

    Args:
        limits: Parameters of the driver; may be replaced at any time.
    """

    def __init__(self, limits: UnitreeParameters) -> None:
        self.limits = limits
        self.fault = ""
        self._last: State | None = None
        # When the last good state was received, and when any.
        self._received = self._seen = -math.inf
        self._refused = math.inf  # since when states have been refused, without a good one
        self._hot = self._empty = math.inf  # since when

    def check(self, now: float, state: State) -> None:
        """Take in a state.

        Raises:
            Rejected: A joint is out of its range (``range``), turns too fast (``speed``) or has
                moved further than it can (``jump``), or the IMU tells what it can't measure
                (``imu``).
        """
        apart = state.angles - np.clip(state.angles, LOWEST, HIGHEST)
        _refuse("range", np.abs(apart) > _MARGIN, state.angles, "rad is out of its range")
        fast = np.abs(state.speeds) > self.limits.max_joint_speed
        _refuse("speed", fast, state.speeds, "rad/s is faster than it can turn")
        if np.abs(state.rate).max() > _RATE or np.abs(state.acceleration).max() > _ACCELERATION:
            raise Rejected("imu", "the IMU reports more than it can measure")
        if self._last is not None and now - self._seen <= _FORGOTTEN:
            self._check_jump(now, state, self._last)
        self._last, self._received, self._seen = state, now, now
        self._refused, self.fault = math.inf, ""
        self._hot = min(self._hot, now) if self._overheats(state) else math.inf
        self._empty = min(self._empty, now) if self._is_empty(state) else math.inf

    def _check_jump(self, now: float, state: State, last: State) -> None:
        # States that are received close together may lie further apart; ``tick`` tells.
        seconds = max(now - self._received, (state.tick - last.tick) / 1000)
        seconds = min(seconds, _FORGOTTEN)
        moved = state.angles - last.angles - seconds * last.speeds
        most = self.limits.max_jump + 0.5 * _SPEED_CHANGE * seconds**2
        _refuse("jump", np.abs(moved) > most, state.angles, "rad is further than it can have moved")

    def refuse(self, now: float, error: Exception) -> None:
        """Note that a state was refused, by ``check`` or before it."""
        self._seen, self._refused = now, min(self._refused, now)
        if now - self._refused > self.limits.bridge_time:
            self.fault = str(error)
            # Where the joints are by now is unknown: the next state that can be true counts.
            self._last = None

    def _overheats(self, state: State) -> bool:
        return self.limits.max_motor_temperature <= state.temperature <= _HOTTEST

    def _is_empty(self, state: State) -> bool:
        # A robot whose battery is at 0 sends nothing; Unitree's simulator reports 0.
        return 0 < state.charge < self.limits.min_charge

    def overheated(self, now: float) -> str:
        """Why motors must not be driven, empty if they aren't too hot."""
        if self._last is None or now - self._hot < _SUSTAINED:
            return ""
        return (
            f"a motor at {self._last.temperature} °C, the limit is "
            f"{self.limits.max_motor_temperature} °C: let it cool down"
        )

    def empty(self, now: float) -> str:
        """Why the robot must not stand up, empty if its battery is charged."""
        if self._last is None or now - self._empty < _SUSTAINED:
            return ""
        return f"battery at {self._last.charge} %: charge it"

    def remark(self, now: float) -> str:
        """What its user should know of heat and battery, empty if there is nothing."""
        state = self._last
        if state is None:
            return ""
        if self.overheated(now) or self.empty(now):
            return self.overheated(now) or self.empty(now)
        if not _COLDEST <= state.temperature <= _HOTTEST:
            return "a motor reports a temperature that can't be"
        if state.temperature >= self.limits.max_motor_temperature - _WARM:
            return f"a motor at {state.temperature} °C"
        low = 0 < state.charge < self.limits.min_charge + _LOW
        return f"battery at {state.charge} %" if low else ""


def _refuse(reason: str, wrong: NDArray[np.bool_], readings: Array, says: str) -> None:
    """Raise Rejected for the first joint that is ``wrong``, (12,)."""
    if wrong.any():
        joint = int(wrong.argmax())
        raise Rejected(reason, f"{JOINTS[joint]} at {readings[joint]:.3g} {says}")
