# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Fourth stage of a command: the reference follows it at bounded velocity, acceleration and jerk.

Velocities are bounded in acceleration and, where a jerk limit is set, in jerk; height and tilt of
the trunk are bounded in velocity. Nothing that is commanded is lost here, only delayed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from neuro_control.quadruped.control.command import Command
from neuro_control.quadruped.control.settings import Settings, number
from neuro_control.quadruped.control.types import PERIOD


@dataclass(frozen=True)
class SmootherSettings(Settings):
    """How fast the reference follows the command. A jerk limit of 0 sets none."""

    forward_acceleration: float = number(2.0, "Acceleration along x at most, m/s²", 0.01, 100.0)
    sideways_acceleration: float = number(1.5, "Acceleration along y at most, m/s²", 0.01, 100.0)
    yaw_acceleration: float = number(4.0, "Acceleration of turning at most, rad/s²", 0.01, 100.0)
    forward_jerk: float = number(0.0, "Jerk along x at most, m/s³; 0 sets no limit", 0.0, 1e4)
    sideways_jerk: float = number(0.0, "Jerk along y at most, m/s³; 0 sets no limit", 0.0, 1e4)
    yaw_jerk: float = number(0.0, "Jerk of turning at most, rad/s³; 0 sets no limit", 0.0, 1e4)
    height_rate: float = number(0.25, "Speed at which the trunk is raised at most, m/s", 0.01, 10.0)
    tilt_rate: float = number(0.8, "Speed of roll and pitch at most, rad/s", 0.01, 10.0)
    changing_forward: float = number(
        0.6, "Velocity along x at most while feet change their order, m/s", 0.0, 10.0
    )
    changing_sideways: float = number(
        0.3, "Velocity along y at most while feet change their order, m/s", 0.0, 10.0
    )
    changing_yaw_rate: float = number(
        0.6, "Yaw rate at most while feet change their order, rad/s", 0.0, 10.0
    )
    shifting_speed: float = number(
        0.05, "Velocity at which a standing trunk is shifted over its feet at most, m/s", 0.0, 1.0
    )


class CommandSmoother:
    """Reference of the gait controller.

    Attributes:
        settings: How fast it follows.
        velocity: Reference velocity forwards and to the left, m/s, and yaw rate, rad/s.
        height: Reference height of the trunk above the ground, m.
        tilt: Reference roll and pitch of the trunk, rad.
        remarks: Which velocities are limited for as long as feet change their order.

    Args:
        settings: As above.
        nominal_height: Height of the trunk for a commanded height of 0, m.
    """

    def __init__(self, settings: SmootherSettings, nominal_height: float) -> None:
        self.settings, self._nominal = settings, nominal_height
        own = settings
        self._accelerations = (
            own.forward_acceleration, own.sideways_acceleration, own.yaw_acceleration,
        )  # fmt: skip
        self._jerks = (own.forward_jerk, own.sideways_jerk, own.yaw_jerk)
        self._changing = {
            "forward": own.changing_forward,
            "left": own.changing_sideways,
            "yaw_rate": own.changing_yaw_rate,
        }
        self.reset(nominal_height)

    def reset(self, height: float) -> None:
        """Begin at rest and level, with the trunk at this height, m."""
        # Plain numbers: one at a time they are quicker than arrays.
        self.velocity, self.tilt, self.height = [0.0, 0.0, 0.0], [0.0, 0.0], height
        self.remarks: list[str] = []
        self._acceleration = [0.0, 0.0, 0.0]

    def step(
        self,
        command: Command,
        period: float = PERIOD,
        stops: bool = False,
        changes: bool = False,
        offset: tuple[float, float] | None = None,
    ) -> None:
        """Follow a command for one period.

        Args:
            command: What can be walked.
            period: Time since the last step, s.
            stops: Whether feet have to come to a stand, or have yet to begin to step.
            changes: Whether feet are on their way to another order.
            offset: Middle of the feet from the trunk's origin, forwards and to the left, m, while
                all feet stand; None while feet step.
        """
        goal: tuple[float, ...] = (command.forward, command.left, command.yaw_rate)
        self.remarks = []
        if stops:
            goal = (0.0, 0.0, 0.0)
        elif changes:
            goal = self._slowed(goal)
        if offset is not None:
            # In stance, shift the trunk over the feet.
            most = self.settings.shifting_speed
            goal = (_clip(offset[0], most), _clip(offset[1], most), 0.0)
        velocity = self.velocity
        for k in range(3):
            if self._jerks[k]:
                self._accelerate(k, goal[k], period)
            else:
                velocity[k] += _clip(goal[k] - velocity[k], self._accelerations[k] * period)
        rise, lean = self.settings.height_rate * period, self.settings.tilt_rate * period
        self.height += _clip(self._nominal + command.height - self.height, rise)
        tilt = self.tilt
        tilt[0] += _clip(command.roll - tilt[0], lean)
        tilt[1] += _clip(command.pitch - tilt[1], lean)

    def _slowed(self, goal: tuple[float, ...]) -> tuple[float, ...]:
        """Velocities that are kept while feet change their order."""
        slowed = []
        for value, (name, most) in zip(goal, self._changing.items(), strict=True):
            slowed.append(_clip(value, most))
            if slowed[-1] != value:
                self.remarks.append(
                    f"{name} {value:g} waits until feet have changed their order: {slowed[-1]:g}"
                )
        return tuple(slowed)

    def _accelerate(self, k: int, goal: float, period: float) -> None:
        """Change a velocity under its jerk limit, so that it arrives without overshoot.

        With ``d`` the velocity's way to go, ``j`` the jerk and ``T`` the period, an acceleration
        that is brought to zero in n steps goes d = j T² n (n + 1) / 2, so that the largest allowed
        now is j T n = sqrt((j T / 2)² + 2 j d) - j T / 2.
        """
        jerk = self._jerks[k]
        way = goal - self.velocity[k]
        half = 0.5 * jerk * period
        most = min(
            self._accelerations[k],
            math.sqrt(half * half + 2.0 * jerk * abs(way)) - half,
            abs(way) / period,
        )
        change = math.copysign(most, way) - self._acceleration[k]
        self._acceleration[k] += _clip(change, jerk * period)
        self.velocity[k] += self._acceleration[k] * period


def _clip(value: float, most: float) -> float:
    return min(max(value, -most), most)
