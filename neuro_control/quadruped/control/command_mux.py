"""What a walker is told: how to walk, how fast, to stand or to lie; and what silence means."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

from neuro_control.quadruped.control.command import RANGES, Command

Velocity = tuple[float, float, float]

VELOCITIES = ("forward", "left", "yaw_rate")


def on_course(course: Sequence[float], time: float) -> Velocity:
    """Velocities of a course at a time: zero before its first.

    Args:
        course: Time (s) from which they count, forward and left (m/s) and yaw rate (rad/s), and so
            on; the times rise.
        time: Since the course began, s.
    """
    velocity = (0.0, 0.0, 0.0)
    for k in range(0, len(course), 4):
        if course[k] > time:
            break
        velocity = (course[k + 1], course[k + 2], course[k + 3])
    return velocity


class Pilot:
    """Makes one command of all that a walker is told.

    Velocities are those of ``cmd_vel`` while it is fresh, else of the gait command while that is,
    else zero; before anyone has sent either, those of the course. All else is the last gait
    command's, or the usual. Whoever hears nothing for longer stands.

    Attributes:
        usual: How to walk while nobody has sent a gait command.
        course: As ``on_course`` takes it.
        most: Lowest and highest of each velocity, by name.
        silence: Age from which a velocity counts no more, s.
        patience: Time from then on after which it stands, s.
        upright: Whether it is to stand and walk, or to lie.
        command: The last one that counted.
        remark: What is done otherwise than told, if anything.

    Args:
        usual: As above.
        course: As above.
        most: As above.
        silence: As above.
        patience: As above.
    """

    def __init__(
        self,
        usual: Command,
        course: Sequence[float] = (),
        most: Mapping[str, tuple[float, float]] = RANGES,
        silence: float = 0.5,
        patience: float = 1.0,
    ) -> None:
        self.usual, self.course, self.most = usual, course, most
        self.silence, self.patience = silence, patience
        self.upright = True
        self.reset()

    def reset(self) -> None:
        """Start the course anew."""
        self.remark: str | None = None
        self._began: float | None = None
        self._last: tuple[object, ...] = ()
        self.command = self.usual

    def wanted(
        self,
        time: float,
        numbers: tuple[float, ...] | None = None,
        numbers_age: float = math.inf,
        velocity: Velocity | None = None,
        velocity_age: float = math.inf,
    ) -> Command | None:
        """Command that counts now, within its ranges; None to lie down.

        As long as nothing changes it is the same object.

        Args:
            time: s.
            numbers: The 15 of the last gait command, finite; None if there was none.
            numbers_age: Its age, s.
            velocity: Forwards and to the left, m/s, and yaw rate, rad/s, of the last cmd_vel.
            velocity_age: Its age, s.
        """
        if self._began is None:
            self._began = time
        if not self.upright:
            self.remark = None
            self._last = ()
            return None
        told, silent, still = (0.0, 0.0, 0.0), False, False
        if velocity is not None and velocity_age <= self.silence:
            told = velocity
        elif numbers is not None and numbers_age <= self.silence:
            told = (numbers[0], numbers[1], numbers[2])
        elif velocity is None and numbers is None:
            told = on_course(self.course, time - self._began)
        else:
            silent = True
            still = min(velocity_age, numbers_age) > self.silence + self.patience
        now = (numbers, told, silent, still, self.usual, self.most)
        if now != self._last:
            self._last = now
            self._settle(numbers, told, silent, still)
        return self.command

    def _settle(
        self, numbers: tuple[float, ...] | None, told: Velocity, silent: bool, still: bool
    ) -> None:
        command = self.usual if numbers is None else Command.of(numbers)
        remarks = []
        limited = {}
        for name, value in zip(VELOCITIES, told, strict=True):
            low, high = self.most[name]
            limited[name] = min(max(value, low), high)
            if limited[name] != value:
                remarks.append(f"{name} {value:g} is beyond {low:g} to {high:g}")
        command, moved = dataclasses.replace(command, **limited).clamped()
        remarks = [f"{each}: clamped" for each in remarks + moved]
        if silent:
            what = "stands" if still else "stops"
            remarks.append(f"{what}: neither cmd_vel nor gait_command for {self.silence:g} s")
        if still:
            command = dataclasses.replace(command, duration=1.0)
        self.command = command
        self.remark = "; ".join(remarks) or None
