# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The sensor monitor: which of the robot's readings can be relied on.

Short gaps are bridged, and lost sensors are named.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.settings import Settings, number
from neuro_control.quadruped.control.types import GRAVITY, JOINTS, LEGS, PERIOD, Observation

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

# Forces of a foot whose sensor is lost, N: it stands as planned, and never meets the ground early.
_FORCE_AS_PLANNED = 8.0
_AS_PLANNED = np.full(4, _FORCE_AS_PLANNED)

# Time for which one reading counts at most, s: one that follows a gap is still one reading.
_COUNTED = 0.005
# Sums of periods are not exact, s.
_SLACK = 0.25 * PERIOD

# What is wrong with a joint's sensor or the IMU, by number.
_FAULTS = ("", "is not finite", "jumps", "contradicts its own speed", "is stuck")
_NOT_FINITE, _JUMPS, _CONTRADICTS, _STUCK = 1, 2, 3, 4


@dataclass(frozen=True)
class MonitorSettings(Settings):
    """Thresholds from which readings are not relied on."""

    max_jump: float = number(0.15, "Way of a joint between two readings at most, rad", 0.01, 3.0)
    max_speed: float = number(60.0, "Speed of a joint at most, rad/s", 1.0, 200.0)
    max_drift: float = number(
        0.15, "Way by which an angle and its integrated speed may part, rad", 0.01, 3.0
    )
    drift_time: float = number(0.1, "Time in which that is forgotten, s", 0.01, 10.0)
    max_turn_acceleration: float = number(
        750.0,
        "Angular acceleration of the trunk at most; a push of 450 N exceeds it for 6 ms, rad/s²",
        10.0, 1e5,
    )  # fmt: skip
    bridged_time: float = number(
        0.01, "Time without a good reading that is bridged; after more the sensor is lost, s", 0, 2
    )
    stuck_time: float = number(
        0.05,
        "Time of equal readings, while the robot steps, of a sensor that is stuck, s",
        0.01,
        20,
    )
    good_time: float = number(
        1.0, "Time of good readings after which a lost sensor counts again, s", 0.01, 200
    )
    max_acceleration: float = number(
        1000.0, "Acceleration of a joint while readings are missing at most, rad/s²", 1.0, 1e4
    )
    silent_force: float = number(
        0.5, "Force up to which a foot's sensor says nothing, N", 0.0, 100.0
    )
    silent_time: float = number(
        0.06, "Time for which no foot says a thing of a robot on its feet without sensors, s",
        0.01, 10.0,
    )  # fmt: skip
    foot_sensors: bool = True


# What is kept of each joint from reading to reading: the last ones as they came (angles, speeds),
# those that were relied on, by how much angles and integrated speeds have parted, for how long
# readings were missing, the same or good, s, and what is wrong, by its place in ``_FAULTS``.
_KEPT = np.dtype(
    [
        ("last", np.float64, (2, 12)),
        ("angles", np.float64, (12,)),
        ("speeds", np.float64, (12,)),
        ("drift", np.float64, (12,)),
        ("missing", np.float64, (12,)),
        ("same", np.float64, (12,)),
        ("good", np.float64, (12,)),
        ("fault", np.int64, (12,)),
    ]
)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _check_joints(
    angles: Array, speeds: Array, stepping: bool, kept: Any, limits: Any, period: float
) -> None:
    """Replace what is missing in ``angles`` and ``speeds``, (12,), and write the faults.

    Args:
        angles: Readings, rad; out: what is relied on.
        speeds: Readings, rad/s; out: what is relied on.
        stepping: Whether legs move, so that no reading repeats itself.
        kept: ``_KEPT``, of one row.
        limits: ``MonitorSettings.record``.
        period: Time since the last readings, s.
    """
    k, most = kept[0], limits[0]
    # A reading counts for no longer than this: one that follows a gap is one reading.
    counted = min(period, _COUNTED)
    more = max(period - PERIOD, 0.0)
    max_jump = most.max_jump + most.max_speed * more
    # By how much the way of a joint may differ from that of its mean speed.
    unknown = 0.125 * most.max_acceleration * more * (period + PERIOD)
    forget = max(1.0 - period / most.drift_time, 0.0)
    for j in range(12):
        angle, speed = angles[j], speeds[j]
        repeats = angle == k.last[0, j] and speed == k.last[1, j]
        k.same[j] = k.same[j] + counted if repeats else 0.0
        k.last[0, j], k.last[1, j] = angle, speed
        fault = 0
        if not (math.isfinite(angle) and math.isfinite(speed)):
            fault = _NOT_FINITE
        elif abs(angle - k.angles[j]) > max_jump or abs(speed) > most.max_speed:
            fault = _JUMPS
        else:
            apart = angle - k.angles[j] - 0.5 * period * (speed + k.speeds[j])
            if unknown > 0.0:
                apart = math.copysign(max(abs(apart) - unknown, 0.0), apart)
            k.drift[j] = forget * k.drift[j] + apart
        if fault:
            k.missing[j] += counted
            k.good[j] = 0.0
            if k.missing[j] > most.bridged_time + _SLACK:
                k.fault[j] = k.fault[j] or fault
                # Where the joint is now is unknown: whatever comes next is believed again.
                if fault == _JUMPS:
                    k.angles[j], k.speeds[j], k.drift[j] = angle, 0.0, 0.0
            else:
                k.angles[j] += period * k.speeds[j]
            angles[j] = k.angles[j]
            speeds[j] = 0.0 if k.fault[j] else k.speeds[j]
            continue
        k.missing[j] = 0.0
        k.angles[j], k.speeds[j] = angle, speed
        if abs(k.drift[j]) > most.max_drift:
            k.fault[j], k.good[j] = k.fault[j] or _CONTRADICTS, 0.0
        elif k.same[j] >= most.stuck_time - _SLACK and (stepping or k.fault[j]):
            k.fault[j], k.good[j] = k.fault[j] or _STUCK, 0.0
        else:
            k.good[j] += counted
            # An angle that has jumped or drifted away stays wrong, however smooth it is now.
            mends = k.fault[j] == _NOT_FINITE or k.fault[j] == _STUCK
            if k.good[j] >= most.good_time - _SLACK and mends:
                k.fault[j] = 0
        if k.fault[j]:
            # No joint is braked by a speed that it does not have.
            speeds[j] = 0.0


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _finite(values: Array) -> bool:
    total = 0.0
    for value in values:
        # What is not finite stays so.
        total += 0.0 * value
    return total == 0.0


class SensorMonitor:
    """Readings of one robot, as far as they can be relied on.

    A joint's sensor is lost whose readings are not finite or impossible for more than 10 ms, whose
    angle and speed contradict each other by 0.15 rad, or whose readings are stuck while the robot
    steps. It counts again after a second of good readings; one whose angle has jumped or drifted
    does so only once ``forgive`` is called. Its speed is 0 until then. The IMU is lost likewise: by
    readings that are not finite, angular velocities that change faster than any trunk can turn, or
    that are stuck while the robot steps. A foot's sensor that is not finite, and all of a robot on
    its feet that say nothing, are taken as if feet stood as planned.

    Attributes:
        feet_silent: Whether the robot is on its feet and their sensors say nothing.

    Args:
        settings: Thresholds.
    """

    def __init__(self, settings: MonitorSettings | None = None) -> None:
        self._own = settings or MonitorSettings()
        self._limits = self._own.record()
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next observation is the first."""
        self._started = False
        self._kept = np.zeros(1, _KEPT)
        self._kept["last"] = np.nan
        self._faults = self._kept["fault"][0]
        self._feet = np.zeros(4, dtype=bool)
        self._rate, self._acceleration = np.zeros(3), np.array([0.0, 0.0, GRAVITY])
        # What is wrong with the IMU, by its place in ``_FAULTS``, its last angular velocities, and
        # for how long readings were missing, jumping, the same or good, s.
        self._imu_fault = 0
        self._last_rate: list[float] | None = None
        self._imu_missing = self._imu_jumps = self._imu_same = self._imu_good = 0.0
        self._silence = 0.0
        self.feet_silent = False

    @property
    def lost(self) -> NDArray[np.bool_]:
        """Which joints' sensors are lost, (12,)."""
        lost: NDArray[np.bool_] = self._faults > 0
        return lost

    @property
    def imu_lost(self) -> bool:
        """Whether the IMU is lost."""
        return self._imu_fault > 0

    @property
    def reliable(self) -> bool:
        """Whether no joint's sensor is lost, nor the IMU."""
        return not (self.imu_lost or self._faults.any())

    def forgive(self) -> None:
        """Count every sensor as good again, whatever it did; what it does next is judged anew."""
        fault, kept = self._faults, self._kept[0]
        fault[:] = 0
        for name in ("missing", "same", "drift"):
            kept[name][:] = 0.0
        self._imu_fault = 0
        self._imu_missing = self._imu_jumps = self._imu_same = 0.0

    @property
    def latched(self) -> bool:
        """Whether a sensor is lost that good readings don't bring back."""
        # Asked in each step: lists of twelve are searched faster than arrays.
        faults = [self._imu_fault, *self._faults.tolist()]
        return _JUMPS in faults or _CONTRADICTS in faults

    @property
    def remarks(self) -> list[str]:
        """A sentence on each sensor that is lost."""
        found = [f"the IMU {_FAULTS[self._imu_fault]}"] if self.imu_lost else []
        found += [
            f"the sensor of {name} {_FAULTS[fault]}"
            for name, fault in zip(JOINTS, self._faults.tolist(), strict=True)
            if fault
        ]
        if self.feet_silent:
            found.append("no foot sensor says a thing: feet are taken to stand as planned")
        return found + [
            f"the foot sensor of {leg} is not finite"
            for leg, lost in zip(LEGS, self._feet.tolist(), strict=True)
            if lost
        ]

    def check(
        self,
        observation: Observation,
        stepping: bool,
        period: float = PERIOD,
        on_feet: bool = False,
    ) -> Observation:
        """What can be relied on, finite throughout.

        Args:
            observation: As it came.
            stepping: Whether legs move.
            period: Time since the last observation, s.
            on_feet: Whether the robot is on its feet, so that some of them must bear.
        """
        rate, acceleration, angles, speeds, forces = observation
        angles, speeds = angles.copy(), speeds.copy()
        if not self._started:
            self._started = True
            self._kept["angles"] = np.nan_to_num(angles, nan=0.0, posinf=0.0, neginf=0.0)
        _check_joints(angles, speeds, stepping, self._kept, self._limits, period)
        counted = min(period, _COUNTED)
        if _finite(rate) and _finite(acceleration):
            self._imu_missing = 0.0
            self._judge_imu(self._rate_fault(rate.tolist(), stepping, period, counted), counted)
            self._rate, self._acceleration = rate, acceleration
        else:
            self._imu_missing += counted
            lost = self._imu_missing > self._own.bridged_time + _SLACK
            self._imu_good = 0.0
            self._judge_imu(_NOT_FINITE if lost else 0, 0.0)
        if not _finite(forces):
            self._feet = ~np.isfinite(forces)
            forces = np.where(self._feet, _FORCE_AS_PLANNED, forces)
        elif self._feet.any():
            self._feet = np.zeros(4, dtype=bool)
        if not self._own.foot_sensors:
            forces = _AS_PLANNED
        elif max(forces.tolist()) > self._own.silent_force:
            self._silence, self.feet_silent = 0.0, False
        else:
            forces = self._listen(forces, on_feet, counted)
        return Observation(self._rate, self._acceleration, angles, speeds, forces)

    def _judge_imu(self, fault: int, good: float) -> None:
        """Take note of what is wrong with the IMU now; ``good`` is the time that a reading counts.

        What has jumped stays wrong, however smooth it is now.
        """
        if fault:
            self._imu_fault, self._imu_good = self._imu_fault or fault, 0.0
            return
        self._imu_good += good
        if self._imu_fault != _JUMPS and self._imu_good >= self._own.good_time - _SLACK:
            self._imu_fault = 0

    def _rate_fault(self, rate: list[float], stepping: bool, period: float, counted: float) -> int:
        """What is wrong with angular velocities, rad/s, by its place in ``_FAULTS``.

        An impact makes single readings jump, noise most of them: those that don't are taken off.
        """
        own, last = self._own, self._last_rate
        self._last_rate = rate
        if last is None:
            return 0
        most = own.max_turn_acceleration * max(period, PERIOD)
        jumps = any(abs(a - b) > most for a, b in zip(rate, last, strict=True))
        self._imu_jumps = max(self._imu_jumps + (counted if jumps else -counted), 0.0)
        self._imu_same = self._imu_same + counted if rate == last else 0.0
        if self._imu_jumps > own.bridged_time + _SLACK:
            return _JUMPS
        stuck = self._imu_same >= own.stuck_time - _SLACK
        return _STUCK if stuck and (stepping or self._imu_fault) else 0

    def _listen(self, forces: Array, on_feet: bool, counted: float) -> Array:
        """Forces that are relied on where no foot says a thing, (4,), N.

        A robot on its feet that is not in free fall presses on the ground with one of them.
        """
        if on_feet and self._acceleration[2] > 0.5 * GRAVITY:
            self._silence += counted
            self.feet_silent |= self._silence > self._own.silent_time
        return _AS_PLANNED if self.feet_silent else forces
