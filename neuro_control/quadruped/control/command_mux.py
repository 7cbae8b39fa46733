# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""First stage of a command: which source commands, and what a time-out means."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from neuro_control.quadruped.control.command import Command, gait
from neuro_control.quadruped.control.settings import Settings, number

Velocity = tuple[float, float, float]


class CommandSources(NamedTuple):
    """The last command of each source, and its age.

    Attributes:
        gait_command: The 15 numbers of the last gait command, finite; None if there was none.
        gait_command_age: Its age, s.
        velocity: Forwards and to the left, m/s, and yaw rate, rad/s, of the last ``cmd_vel``; None
            if there was none.
        velocity_age: Its age, s.
    """

    gait_command: tuple[float, ...] | None = None
    gait_command_age: float = math.inf
    velocity: Velocity | None = None
    velocity_age: float = math.inf

    @classmethod
    def constant(cls, command: Command) -> CommandSources:
        """Sources in which this gait command is always fresh."""
        return cls(tuple(command.array().tolist()), 0.0)


@dataclass(frozen=True)
class MuxSettings(Settings):
    """What decides which source commands.

    Attributes:
        default_command: How to walk while nobody has sent a gait command.
        velocity_profile: Velocities while nobody has sent a command, as ``profile_velocity`` takes
            them.
        command_timeout: Age from which a velocity counts no more, s.
        stand_delay: Time from then on after which all feet stay on the ground, s.
    """

    default_command: Command = field(default_factory=lambda: gait("trot"))
    velocity_profile: tuple[float, ...] = ()
    command_timeout: float = number(0.5, "Age from which a velocity counts no more, s", 0.0, 60.0)
    stand_delay: float = number(
        1.0, "Time from then on after which all feet stay on the ground, s", 0.0, 3600.0
    )


def profile_velocity(profile: Sequence[float], time: float) -> Velocity:
    """Velocities of a velocity profile at a time, which are zero before its first.

    Args:
        profile: Time (s) from which they count, forward and left (m/s) and yaw rate (rad/s), and so
            on; the times rise.
        time: Time since the profile began, s.
    """
    velocity = (0.0, 0.0, 0.0)
    for k in range(0, len(profile), 4):
        if profile[k] > time:
            break
        velocity = (profile[k + 1], profile[k + 2], profile[k + 3])
    return velocity


class CommandMux:
    """Makes one command of all that is commanded.

    Velocities are those of ``cmd_vel`` while it is fresh, else of the gait command while that is
    fresh, else zero; before anyone has sent either, those of the velocity profile. All other
    numbers are the last gait command's, or the default's. When both sources have been out of date
    for the stand delay, the robot stands.

    Attributes:
        settings: What decides; a change takes effect in the next step.
        standing: Whether the robot is to stand and walk, or to lie.
        remarks: That the command has timed out, if so.

    Args:
        settings: As above.
    """

    def __init__(self, settings: MuxSettings) -> None:
        self.settings = settings
        self.standing = True
        self.reset()

    def reset(self) -> None:
        """Start the velocity profile anew."""
        self.remarks: list[str] = []
        self._began: float | None = None
        self._last: tuple[object, ...] = ()
        self._command = self.settings.default_command

    def step(self, time: float, sources: CommandSources) -> Command | None:
        """Command of the source that counts now; None to lie down.

        As long as nothing changes it is the same object.

        Args:
            time: Time of the observation, s.
            sources: What is commanded.
        """
        if self._began is None:
            self._began = time
        if not self.standing:
            self.remarks = []
            self._last = ()
            return None
        settings = self.settings
        timeout = settings.command_timeout
        numbers, numbers_age, velocity, velocity_age = sources
        commanded, timed_out, stands = (0.0, 0.0, 0.0), False, False
        if velocity is not None and velocity_age <= timeout:
            commanded = velocity
        elif numbers is not None and numbers_age <= timeout:
            commanded = (numbers[0], numbers[1], numbers[2])
        elif velocity is None and numbers is None:
            commanded = profile_velocity(settings.velocity_profile, time - self._began)
        else:
            timed_out = True
            stands = min(velocity_age, numbers_age) > timeout + settings.stand_delay
        now = (numbers, commanded, timed_out, stands, settings)
        if now != self._last:
            self._last = now
            self._choose(numbers, commanded, timed_out, stands)
        return self._command

    def _choose(
        self, numbers: tuple[float, ...] | None, velocity: Velocity, timed_out: bool, stands: bool
    ) -> None:
        command = self.settings.default_command if numbers is None else Command.of(numbers)
        forward, left, yaw_rate = velocity
        command = dataclasses.replace(command, forward=forward, left=left, yaw_rate=yaw_rate)
        self.remarks = []
        if timed_out:
            what = "stands" if stands else "stops"
            timeout = self.settings.command_timeout
            self.remarks.append(f"{what}: neither cmd_vel nor gait_command for {timeout:g} s")
        self._command = dataclasses.replace(command, duration=1.0) if stands else command
