"""What of a command can be walked: the nearest command that legs and balance allow.

Each number of a command may be within its range and the whole still be beyond a robot. What is
moved first is what matters least to who commands: how long feet stand and how the trunk leans,
then how far apart feet are, and the speed last.
"""

from __future__ import annotations

import dataclasses
import math

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.command import RANGES, Command
from neuro_control.quadruped.control.gait_scheduler import leads
from neuro_control.quadruped.control.robots import Robot

Array = NDArray[np.float64]

# Height of a hip above the ground at which its leg has room to step, m, and its leg's reach, m.
_LOWEST, _REACH = 0.17, 0.385
# How far a foot may go under the trunk while it stands, m.
_STRIDE = 0.3
# How fast a swinging foot is accelerated at most, m/s²: its leg's reaction turns the trunk. By the
# polynomials of a swing that is 6 way / T² along the ground and 24 height / T² upwards.
_HASTE, _LIFT = 130.0 / 6.0, 130.0 / 24.0
# How close to a hip a foot may be lifted, m, and how high it may always be, m.
_FOLDED, _LIFT_LEAST = 0.12, 0.03
# A duration that feet are brought to, if they can be, where legs haste, 1.
_SHORTEST = 0.5
# How long each foot takes to swing at least, s.
SWINGS = 0.1
# How far apart feet beside each other are where they pass, m.
_BESIDE = 0.1
# How long a trunk may be borne by one foot alone, or by none, s.
_ALONE, _FLIGHT = 0.03, 0.26
# By how much, 1, durations are told apart when the shortest that will do is looked for.
_GRAIN = 0.01
# A remark is made on what is moved by more than this part of its range.
_NOTABLE = 0.01
# At so many phases of a cycle is looked.
_PHASES = 200


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def shortest(ahead: Array, frequency: float, least: float) -> float:
    """Part of a cycle, from ``least``, that feet have to stand for the trunk to be borne.

    In trot, pace, bound and pronk no foot ever stands alone; between them one may, for longer
    than the trunk takes to tip over it.

    Args:
        ahead: By how much each foot leads, (4,), cycles.
        frequency: Of cycles, Hz.
        least: From where on is looked.
    """
    duration = least
    while duration < 1.0:
        alone = flight = 0
        for k in range(_PHASES):
            stand = 0
            for foot in range(4):
                stand += (k / _PHASES + ahead[foot]) % 1.0 < duration
            alone += stand == 1
            flight += stand == 0
        if alone <= _ALONE * frequency * _PHASES and flight <= _FLIGHT * frequency * _PHASES:
            return duration
        duration += _GRAIN
    return 1.0


def walkable(command: Command, robot: Robot) -> tuple[Command, list[str]]:
    """The nearest command that can be walked, and a remark on each number that was moved.

    Args:
        command: Within its ranges.
        robot: Which legs.
    """
    found = {name: getattr(command, name) for name in RANGES}
    stride = _stride(found, command) if command.duration < 1.0 else 0.0
    # A leaning trunk has corners that are lower and higher; legs that stride reach less high.
    height = robot.height + command.height
    along, across = robot.hip[0], robot.hip[1] + robot.side
    tips = along * math.sin(abs(command.pitch)) + across * math.sin(abs(command.roll))
    highest = math.sqrt(_REACH**2 - (0.5 * stride) ** 2)
    room = max(min(height - _LOWEST, highest - height), 0.0)
    if tips > room:
        for name in ("pitch", "roll"):
            found[name] *= room / tips
        tips = room
    if command.duration < 1.0:
        swings = (1.0 - found["duration"]) / found["frequency"]
        clear = max(height - tips - _FOLDED, _LIFT_LEAST)
        found["swing"] = min(command.swing, clear, max(_LIFT * swings**2, _LIFT_LEAST))
    remarks = [
        f"{name} {getattr(command, name):.3g} can't be walked with the rest: {found[name]:.3g}"
        for name, (low, high) in RANGES.items()
        if abs(found[name] - getattr(command, name)) > _NOTABLE * (high - low)
    ]
    return (Command(**found) if found != dataclasses.asdict(command) else command), remarks


def _stride(found: dict[str, float], command: Command) -> float:
    """Move duration, frequency, velocities and width; return how far a foot goes back, m."""
    ahead, frequency = leads(command), command.frequency
    # The feet's speed under the trunk, which the ground takes along.
    across = abs(command.left) + 0.5 * command.length * abs(command.yaw_rate)
    speed = math.hypot(abs(command.forward) + 0.5 * command.width * abs(command.yaw_rate), across)
    speed = max(speed, 1e-6)
    least = shortest(ahead, frequency, min(command.duration, _SHORTEST))
    duration = min(
        command.duration,
        _STRIDE * frequency / speed,
        1.0 - math.sqrt(min(speed * frequency / _HASTE, 1.0)),
        1.0 - SWINGS * frequency,
    )
    duration = shortest(ahead, frequency, max(duration, least))
    duration = min(duration, 1.0 - SWINGS * frequency)
    # Longer strides than legs have become more; then either limit slows all down.
    hasty = _HASTE * (1.0 - duration) ** 2 / speed
    frequency = max(
        frequency,
        min(speed * duration / _STRIDE, hasty, (1.0 - duration) / SWINGS, RANGES["frequency"][1]),
    )
    slower = min(_STRIDE * frequency / (speed * duration), hasty / frequency, 1.0)
    for name in ("forward", "left", "yaw_rate"):
        found[name] *= slower
    found["duration"], found["frequency"] = duration, frequency
    found["width"] = max(command.width, _BESIDE + slower * across * duration / frequency)
    return float(slower * speed * duration / frequency)
