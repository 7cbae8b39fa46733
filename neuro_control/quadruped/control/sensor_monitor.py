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
from neuro_control.quadruped.control.types import JOINTS, LEGS, PERIOD, Observation

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

# Forces of a foot whose sensor is lost, N: it stands as planned, and never meets the ground early.
_FORCE_AS_PLANNED = 8.0

# What is wrong with a joint's sensor, by number.
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
    bridged_readings: float = number(
        5, "Missing readings in a row that are bridged; after more the sensor is lost", 0, 1000
    )
    stuck_readings: float = number(
        25, "Equal readings in a row, while the robot steps, of a sensor that is stuck", 2, 10000
    )
    good_readings: float = number(
        500, "Good readings in a row after which a lost sensor counts again", 1, 100000
    )


# What is kept of each joint from reading to reading: the last ones as they came (angles, speeds),
# those that were relied on, by how much angles and integrated speeds have parted, how many readings
# in a row were missing, the same or good, and what is wrong, by its place in ``_FAULTS``.
_KEPT = np.dtype(
    [
        ("last", np.float64, (2, 12)),
        ("angles", np.float64, (12,)),
        ("speeds", np.float64, (12,)),
        ("drift", np.float64, (12,)),
        ("missing", np.int64, (12,)),
        ("same", np.int64, (12,)),
        ("good", np.int64, (12,)),
        ("fault", np.int64, (12,)),
    ]
)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _check_joints(angles: Array, speeds: Array, stepping: bool, kept: Any, limits: Any) -> None:
    """Replace what is missing in ``angles`` and ``speeds``, (12,), and write the faults.

    Args:
        angles: Readings, rad; out: what is relied on.
        speeds: Readings, rad/s; out: what is relied on.
        stepping: Whether legs move, so that no reading repeats itself.
        kept: ``_KEPT``, of one row.
        limits: ``MonitorSettings.record``.
    """
    k, most = kept[0], limits[0]
    for j in range(12):
        angle, speed = angles[j], speeds[j]
        repeats = angle == k.last[0, j] and speed == k.last[1, j]
        k.same[j] = k.same[j] + 1 if repeats else 0
        k.last[0, j], k.last[1, j] = angle, speed
        fault = 0
        if not (math.isfinite(angle) and math.isfinite(speed)):
            fault = _NOT_FINITE
        elif abs(angle - k.angles[j]) > most.max_jump or abs(speed) > most.max_speed:
            fault = _JUMPS
        else:
            apart = angle - k.angles[j] - 0.5 * PERIOD * (speed + k.speeds[j])
            k.drift[j] = (1.0 - PERIOD / most.drift_time) * k.drift[j] + apart
        if fault:
            k.missing[j] += 1
            k.good[j] = 0
            if k.missing[j] > most.bridged_readings:
                k.fault[j] = k.fault[j] or fault
                # Where the joint is now is unknown: whatever comes next is believed again.
                if fault == _JUMPS:
                    k.angles[j], k.speeds[j], k.drift[j] = angle, 0.0, 0.0
            else:
                k.angles[j] += PERIOD * k.speeds[j]
            angles[j] = k.angles[j]
            speeds[j] = 0.0 if k.fault[j] else k.speeds[j]
            continue
        k.missing[j] = 0
        k.angles[j], k.speeds[j] = angle, speed
        if abs(k.drift[j]) > most.max_drift:
            k.fault[j], k.good[j] = k.fault[j] or _CONTRADICTS, 0
        elif k.same[j] >= most.stuck_readings and (stepping or k.fault[j]):
            k.fault[j], k.good[j] = k.fault[j] or _STUCK, 0
        else:
            k.good[j] += 1
            # An angle that has jumped or drifted away stays wrong, however smooth it is now.
            mends = k.fault[j] == _NOT_FINITE or k.fault[j] == _STUCK
            if k.good[j] >= most.good_readings and mends:
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
    steps. It counts again after a second of good readings, unless its angle has jumped or drifted;
    its speed is 0 until then. A foot's sensor that is not finite is taken as if the foot stood as
    planned.

    Attributes:
        imu_lost: Whether the IMU is lost.

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
        self.imu_lost = False
        self._kept = np.zeros(1, _KEPT)
        self._kept["last"] = np.nan
        self._faults = self._kept["fault"][0]
        self._feet = np.zeros(4, dtype=bool)
        self._rate, self._acceleration = np.zeros(3), np.zeros(3)
        self._imu_missing = self._imu_good = 0

    @property
    def lost(self) -> NDArray[np.bool_]:
        """Which joints' sensors are lost, (12,)."""
        lost: NDArray[np.bool_] = self._faults > 0
        return lost

    @property
    def reliable(self) -> bool:
        """Whether no joint's sensor is lost, nor the IMU."""
        return not (self.imu_lost or self._faults.any())

    @property
    def remarks(self) -> list[str]:
        """A sentence on each sensor that is lost."""
        found = ["the IMU is not finite"] if self.imu_lost else []
        found += [
            f"the sensor of {name} {_FAULTS[fault]}"
            for name, fault in zip(JOINTS, self._faults, strict=True)
            if fault
        ]
        return found + [
            f"the foot sensor of {leg} is not finite"
            for leg, lost in zip(LEGS, self._feet, strict=True)
            if lost
        ]

    def check(self, observation: Observation, stepping: bool) -> Observation:
        """What can be relied on, finite throughout.

        Args:
            observation: As it came.
            stepping: Whether legs move.
        """
        rate, acceleration, angles, speeds, forces = observation
        angles, speeds = angles.copy(), speeds.copy()
        if not self._started:
            self._started = True
            self._kept["angles"] = np.nan_to_num(angles, nan=0.0, posinf=0.0, neginf=0.0)
        _check_joints(angles, speeds, stepping, self._kept, self._limits)
        if _finite(rate) and _finite(acceleration):
            self._imu_missing = 0
            self._imu_good += 1
            self.imu_lost &= self._imu_good < self._own.good_readings
            self._rate, self._acceleration = rate, acceleration
        else:
            self._imu_missing += 1
            self._imu_good = 0
            self.imu_lost |= self._imu_missing > self._own.bridged_readings
        if not _finite(forces):
            self._feet = ~np.isfinite(forces)
            forces = np.where(self._feet, _FORCE_AS_PLANNED, forces)
        elif self._feet.any():
            self._feet = np.zeros(4, dtype=bool)
        return Observation(self._rate, self._acceleration, angles, speeds, forces)
