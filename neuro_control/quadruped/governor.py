"""What of a command can be walked: the nearest command that legs and balance allow.

Each number of a command may be within its range and the whole still be beyond a robot. What is
moved first is what matters least to who commands: how long feet stand and how the trunk leans,
then how far apart feet are, and the speed last.
"""

from __future__ import annotations

import dataclasses
import math
from functools import lru_cache

import numpy as np

from neuro_control.quadruped.command import RANGES, Command
from neuro_control.quadruped.robots import Robot
from neuro_control.quadruped.schedule import leads

# Heights of a hip above the ground at which its leg has room to step, m.
_LOWEST, _HIGHEST = 0.17, 0.39
# How far a foot may go under the trunk while it stands, m.
_STRIDE = 0.3
# How close to a hip a foot may be lifted, m; how high it may always be; and how fast, m/s.
_FOLDED, _LIFT_LEAST, _LIFT = 0.12, 0.03, 1.0
# A swing takes at least, s.
_SWING = 0.1
# How far apart feet beside each other are where they pass, m.
_BESIDE = 0.1
# How long a trunk may be borne by one foot alone, or by none, s.
_ALONE, _FLIGHT = 0.03, 0.26
# By how much, 1, durations are told apart when the shortest that will do is looked for.
_GRAIN = 0.01
# A remark is made on what is moved by more than this part of its range.
_NOTABLE = 0.01
_PHASES = np.arange(200) / 200


@lru_cache(maxsize=256)
def shortest(phase: float, offset: float, bound: float, frequency: float, least: float) -> float:
    """Part of a cycle, from ``least``, that feet have to stand for the trunk to be borne.

    In trot, pace, bound and pronk no foot ever stands alone; between them one may, for longer
    than the trunk takes to tip over it.

    Args:
        phase: As in ``Command``.
        offset: Likewise.
        bound: Likewise.
        frequency: Of cycles, Hz.
        least: From where on is looked.
    """
    ahead = leads(Command(phase=phase, offset=offset, bound=bound))
    cycle = (_PHASES[:, None] + ahead) % 1.0
    duration = least
    while duration < 1.0:
        stand = (cycle < duration).sum(axis=1)
        alone, flight = (stand == 1).mean(), (stand == 0).mean()
        if alone <= _ALONE * frequency and flight <= _FLIGHT * frequency:
            break
        duration += _GRAIN
    return min(duration, 1.0)


def walkable(command: Command, robot: Robot) -> tuple[Command, list[str]]:
    """The nearest command that can be walked, and a remark on each number that was moved.

    Args:
        command: Within its ranges.
        robot: Which legs.
    """
    found = {name: getattr(command, name) for name in RANGES}
    # A leaning trunk has corners that are lower and higher.
    height = robot.height + command.height
    along, across = robot.hip[0], robot.hip[1] + robot.side
    tips = along * math.sin(abs(command.pitch)) + across * math.sin(abs(command.roll))
    room = max(min(height - _LOWEST, _HIGHEST - height), 0.0)
    if tips > room:
        for name in ("pitch", "roll"):
            found[name] *= room / tips
        tips = room
    if command.duration < 1.0:
        _step(found, command, height - tips)
    remarks = [
        f"{name} {getattr(command, name):.3g} can't be walked with the rest: {found[name]:.3g}"
        for name, (low, high) in RANGES.items()
        if abs(found[name] - getattr(command, name)) > _NOTABLE * (high - low)
    ]
    return (Command(**found) if found != dataclasses.asdict(command) else command), remarks


def _step(found: dict[str, float], command: Command, hip: float) -> None:
    """Move numbers of steps under a hip that is so high, m."""
    frequency = command.frequency
    least = shortest(command.phase, command.offset, command.bound, frequency, command.duration)
    longest = max(least, min(command.duration, 1.0 - _SWING * frequency))
    # The feet's speed under the trunk, which the ground takes along.
    across = abs(command.left) + 0.5 * command.length * abs(command.yaw_rate)
    speed = math.hypot(abs(command.forward) + 0.5 * command.width * abs(command.yaw_rate), across)
    duration = min(max(_STRIDE * frequency / max(speed, 1e-6), least), longest)
    frequency = min(max(frequency, speed * duration / _STRIDE), RANGES["frequency"][1])
    slower = min(_STRIDE * frequency / max(speed * duration, 1e-6), 1.0)
    for name in ("forward", "left", "yaw_rate"):
        found[name] *= slower
    found["duration"], found["frequency"] = duration, frequency
    found["width"] = max(command.width, _BESIDE + slower * across * duration / frequency)
    swings = (1.0 - duration) / frequency
    found["swing"] = min(command.swing, max(hip - _FOLDED, _LIFT_LEAST), _LIFT * swings)
