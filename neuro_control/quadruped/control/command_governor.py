# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Third stage of a command: the nearest command that legs and balance allow.

Each number of a command may be within its range and the whole still be beyond a robot. What is
moved first is what matters least to whoever commands: how long feet stay in stance and how the
trunk leans, then how far apart feet are, and the velocities last.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.command import RANGES, Command
from neuro_control.quadruped.control.gait import SteppingSettings
from neuro_control.quadruped.control.gait_scheduler import leads
from neuro_control.quadruped.control.robots import Robot
from neuro_control.quadruped.control.settings import Settings, number

Array = NDArray[np.float64]

# The shortest duration that balances is looked for in steps of this part of a cycle.
_RESOLUTION = 0.01
# A remark is made on each number that is moved by more than this part of its range.
_NOTABLE = 0.01
# Balance is checked at so many phases of a cycle.
_PHASES = 200


@dataclass(frozen=True)
class GovernorSettings(Settings):
    """What legs and balance allow."""

    min_hip_height: float = number(
        0.17, "Height of a hip above the ground at which its leg has room to step, m", 0.1, 0.3
    )
    leg_reach: float = number(0.385, "Way from a hip to where its foot stands at most, m", 0.3, 0.5)
    max_stride: float = number(0.3, "Way of a foot under the trunk in stance at most, m", 0.1, 0.5)
    max_foot_acceleration: float = number(
        130.0, "Acceleration of a swinging foot at most, m/s²: its reaction turns the trunk",
        10.0, 1000.0,
    )  # fmt: skip
    hip_clearance: float = number(0.12, "How close to its hip a foot may be lifted, m", 0.05, 0.2)
    min_swing_height: float = number(
        0.03, "Height to which a foot may always be lifted, m", 0.0, 0.1
    )
    preferred_duration: float = number(
        0.5, "Duration to which stances are shortened where legs are too fast", 0.35, 1.0
    )
    foot_spacing: float = number(
        0.1, "Way between feet beside each other where they pass, m", 0.0, 0.3
    )
    max_single_support: float = number(
        0.03, "Time that a trunk may be borne by one foot alone, s", 0.0, 0.5
    )
    max_flight: float = number(0.26, "Time without a foot on the ground at most, s", 0.0, 0.5)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def shortest_duration(
    ahead: Array, frequency: float, least: float, single_support: float, flight: float
) -> float:
    """Part of a cycle, from ``least``, that feet have to stand for the trunk to be borne.

    In trot, pace, bound and pronk no foot ever stands alone; between them one may, for longer
    than the trunk takes to tip over it.

    Args:
        ahead: Lead of each foot, (4,), cycles.
        frequency: Frequency of cycles, Hz.
        least: Duration from which the search begins.
        single_support: Time on one foot alone at most, s.
        flight: Time without a foot on the ground at most, s.
    """
    duration = least
    while duration < 1.0:
        alone = airborne = 0
        for k in range(_PHASES):
            stand = 0
            for foot in range(4):
                stand += (k / _PHASES + ahead[foot]) % 1.0 < duration
            alone += stand == 1
            airborne += stand == 0
        balanced = alone <= single_support * frequency * _PHASES
        if balanced and airborne <= flight * frequency * _PHASES:
            return duration
        duration += _RESOLUTION
    return 1.0


class CommandGovernor:
    """Turns a command into one that can be walked.

    Attributes:
        settings: What legs and balance allow.
        remarks: A sentence on each number of the last command that was moved.

    Args:
        robot: Its numbers.
        settings: As above.
        min_swing_time: Time that each foot takes to swing at least, s.
    """

    def __init__(
        self,
        robot: Robot,
        settings: GovernorSettings,
        min_swing_time: float = SteppingSettings.min_swing_time,
    ) -> None:
        self.settings = settings
        self.remarks: list[str] = []
        self._robot, self._swing_time = robot, min_swing_time
        # By the polynomials of a swing a foot is accelerated by 6 way / T² along the ground and
        # 24 height / T² upwards.
        self._along = settings.max_foot_acceleration / 6.0
        self._upwards = settings.max_foot_acceleration / 24.0
        self._last = self._governed = Command()

    def step(self, command: Command) -> Command:
        """The nearest command that can be walked; the same object while nothing changes.

        Args:
            command: Within its ranges.
        """
        if command is not self._last:
            if command != self._last:
                self._governed = self._govern(command)
            self._last = command
        return self._governed

    def _govern(self, command: Command) -> Command:
        own, robot = self.settings, self._robot
        found = {name: getattr(command, name) for name in RANGES}
        stride = self._stride(found, command) if command.duration < 1.0 else 0.0
        # A leaning trunk has corners that are lower and higher; legs that stride reach less high.
        height = robot.height + command.height
        along, across = robot.hip[0], robot.hip[1] + robot.side
        tips = along * math.sin(abs(command.pitch)) + across * math.sin(abs(command.roll))
        highest = math.sqrt(own.leg_reach**2 - (0.5 * stride) ** 2)
        room = max(min(height - own.min_hip_height, highest - height), 0.0)
        if tips > room:
            for name in ("pitch", "roll"):
                found[name] *= room / tips
            tips = room
        if command.duration < 1.0:
            swings = (1.0 - found["duration"]) / found["frequency"]
            clear = max(height - tips - own.hip_clearance, own.min_swing_height)
            fast = max(self._upwards * swings**2, own.min_swing_height)
            found["swing"] = min(command.swing, clear, fast)
        self.remarks = [
            f"{name} {getattr(command, name):.3g} can't be walked with the rest: {found[name]:.3g}"
            for name, (low, high) in RANGES.items()
            if abs(found[name] - getattr(command, name)) > _NOTABLE * (high - low)
        ]
        return Command(**found) if found != dataclasses.asdict(command) else command

    def _shortest(self, command: Command, least: float) -> float:
        own = self.settings
        found: float = shortest_duration(
            leads(command), command.frequency, least, own.max_single_support, own.max_flight
        )
        return found

    def _stride(self, found: dict[str, float], command: Command) -> float:
        """Move duration, frequency, velocities and width; return a foot's way in a stance, m."""
        own, frequency = self.settings, command.frequency
        # The feet's speed under the trunk, which the ground takes along.
        across = abs(command.left) + 0.5 * command.length * abs(command.yaw_rate)
        along = abs(command.forward) + 0.5 * command.width * abs(command.yaw_rate)
        speed = max(math.hypot(along, across), 1e-6)
        least = self._shortest(command, min(command.duration, own.preferred_duration))
        duration = min(
            command.duration,
            own.max_stride * frequency / speed,
            1.0 - math.sqrt(min(speed * frequency / self._along, 1.0)),
            1.0 - self._swing_time * frequency,
        )
        duration = self._shortest(command, max(duration, least))
        duration = min(duration, 1.0 - self._swing_time * frequency)
        # Longer strides than legs have become more; then either limit slows all down.
        fastest = self._along * (1.0 - duration) ** 2 / speed
        frequency = max(
            frequency,
            min(
                speed * duration / own.max_stride,
                fastest,
                (1.0 - duration) / self._swing_time,
                RANGES["frequency"][1],
            ),
        )
        slower = min(own.max_stride * frequency / (speed * duration), fastest / frequency, 1.0)
        for name in ("forward", "left", "yaw_rate"):
            found[name] *= slower
        found["duration"], found["frequency"] = duration, frequency
        spread = slower * across * duration / frequency
        found["width"] = max(command.width, own.foot_spacing + spread)
        return float(slower * speed * duration / frequency)
