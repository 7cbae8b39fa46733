"""Which of the robot's readings can be relied on: short gaps are bridged, lost sensors are told."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.types import JOINTS, LEGS, PERIOD, Observation

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

# No joint turns so far between two readings, rad; none so fast, rad/s.
_JUMP, _FASTEST = 0.15, 60.0
# How far an angle and its speed, integrated, may part, rad, and how soon that is forgotten, s.
_APART, _FORGOTTEN = 0.15, 0.1
# Readings that are missing in a row: more than so many, and the sensor is lost.
_BRIDGED = 5
# Readings that are the same to the bit while the robot steps: so many, and the sensor has frozen.
_FROZEN = 25
# Good readings in a row after which a lost sensor counts again.
_BACK = 500
# Of a foot whose sensor is lost, N: it stands as planned, and never meets the ground early.
_AS_PLANNED = 8.0

# What a joint's sensor does wrong.
_SAYS = ("", "tells no number", "jumps", "doesn't turn as fast as it says", "has frozen")


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _judge(
    angles: Array, speeds: Array, before: Array, stepping: bool,
    good_angles: Array, good_speeds: Array, drift: Array,
    missing: Counts, same: Counts, fine: Counts, wrong: Counts,
) -> None:  # fmt: skip
    """Replace what is missing in ``angles`` and ``speeds``, (12,), and write what is ``wrong``.

    Args:
        angles: Readings; out: what is relied on.
        speeds: Likewise.
        before: Kept, (2, 12): last readings as they came.
        stepping: Whether legs move, so that no reading repeats itself.
        good_angles: Kept, (12,): what was relied on.
        good_speeds: Likewise.
        drift: Kept, (12,): by how much angles and speeds part.
        missing: Kept, (12,): readings that were missing in a row.
        same: Kept, (12,): readings that repeated themselves in a row.
        fine: Kept, (12,): readings that were fine in a row.
        wrong: Kept, (12,): 0, or what is wrong, by its place in ``_SAYS``.
    """
    for j in range(12):
        angle, speed = angles[j], speeds[j]
        repeats = angle == before[0, j] and speed == before[1, j]
        same[j] = same[j] + 1 if repeats else 0
        before[0, j], before[1, j] = angle, speed
        fault = 0
        if not (math.isfinite(angle) and math.isfinite(speed)):
            fault = 1
        elif abs(angle - good_angles[j]) > _JUMP or abs(speed) > _FASTEST:
            fault = 2
        else:
            apart = angle - good_angles[j] - 0.5 * PERIOD * (speed + good_speeds[j])
            drift[j] = (1.0 - PERIOD / _FORGOTTEN) * drift[j] + apart
        if fault:
            missing[j] += 1
            fine[j] = 0
            if missing[j] > _BRIDGED:
                wrong[j] = wrong[j] or fault
                # Where it is now is unknown: whatever comes next is believed again.
                if fault == 2:
                    good_angles[j], good_speeds[j], drift[j] = angle, 0.0, 0.0
            elif missing[j] <= _BRIDGED:
                good_angles[j] += PERIOD * good_speeds[j]
            angles[j] = good_angles[j]
            speeds[j] = 0.0 if wrong[j] else good_speeds[j]
            continue
        missing[j] = 0
        good_angles[j], good_speeds[j] = angle, speed
        if abs(drift[j]) > _APART:
            wrong[j], fine[j] = wrong[j] or 3, 0
        elif same[j] >= _FROZEN and (stepping or wrong[j]):
            wrong[j], fine[j] = wrong[j] or 4, 0
        else:
            fine[j] += 1
            # An angle that has jumped or drifted away stays wrong, however smooth it is now.
            if fine[j] >= _BACK and wrong[j] in (1, 4):
                wrong[j] = 0
        if wrong[j]:
            # Nobody brakes a joint by a speed that it does not have.
            speeds[j] = 0.0


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _finite(values: Array) -> bool:
    total = 0.0
    for value in values:
        # What is not finite stays so.
        total += 0.0 * value
    return total == 0.0


class Senses:
    """Readings of one robot, as far as they can be relied on.

    A joint's sensor is lost that tells no number or an impossible one for more than 10 ms, whose
    angle and speed part by 0.15 rad, or whose readings freeze while the robot steps. It counts
    again after a second of good readings, unless its angle has gone astray; its speed is 0 until
    then. A foot's sensor that tells no number is taken as if the foot stood as planned.

    Attributes:
        lost: Which joints' sensors are lost, (12,).
        blind: Whether the IMU is lost.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next observation is the first."""
        self._started = False
        self.blind = False
        self._wrong = np.zeros(12, dtype=np.int64)
        self._feet = np.zeros(4, dtype=bool)
        self._missing, self._same = np.zeros((2, 12), dtype=np.int64)
        self._fine = np.zeros(12, dtype=np.int64)
        self._before, self._drift = np.full((2, 12), np.nan), np.zeros(12)
        self._angles, self._speeds = np.zeros(12), np.zeros(12)
        self._rate, self._acceleration = np.zeros(3), np.zeros(3)
        self._imu_missing = self._imu_fine = 0

    @property
    def lost(self) -> NDArray[np.bool_]:
        """Which joints' sensors are lost, (12,)."""
        return self._wrong > 0

    @property
    def sound(self) -> bool:
        """Whether no joint's sensor is lost, nor the IMU."""
        return not (self.blind or self._wrong.any())

    @property
    def remarks(self) -> list[str]:
        """What is wrong, a sentence on each sensor."""
        told = ["the IMU tells no number"] if self.blind else []
        told += [
            f"the sensor of {name} {_SAYS[wrong]}"
            for name, wrong in zip(JOINTS, self._wrong, strict=True)
            if wrong
        ]
        return told + [
            f"the foot sensor of {leg} tells no number"
            for leg, silent in zip(LEGS, self._feet, strict=True)
            if silent
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
            self._angles = np.nan_to_num(angles, nan=0.0, posinf=0.0, neginf=0.0)
        _judge(
            angles, speeds, self._before, stepping, self._angles, self._speeds, self._drift,
            self._missing, self._same, self._fine, self._wrong,
        )  # fmt: skip
        if _finite(rate) and _finite(acceleration):
            self._imu_missing = 0
            self._imu_fine += 1
            self.blind &= self._imu_fine < _BACK
            self._rate, self._acceleration = rate, acceleration
        else:
            self._imu_missing += 1
            self._imu_fine = 0
            self.blind |= self._imu_missing > _BRIDGED
        if not _finite(forces):
            self._feet = ~np.isfinite(forces)
            forces = np.where(self._feet, _AS_PLANNED, forces)
        elif self._feet.any():
            self._feet = np.zeros(4, dtype=bool)
        return Observation(self._rate, self._acceleration, angles, speeds, forces)
