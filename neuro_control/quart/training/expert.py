# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The privileged expert: it knows where everything stands, and shows how a task is done.

It is a function of the present pose and of a short memory (``Progress``), so that it can label any
pose in which a robot may find itself, not only those on its own way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_control.quart.control.actions import NUMBERS
from neuro_control.quart.control.tasks import OBSTACLE_BEFORE, Task

Array = NDArray[np.float64]

# How fast each manner goes, m/s, and steps, Hz.
SPEEDS = {"slowly": 0.35, "normally": 0.6, "quickly": 0.9}
FREQUENCIES = {"slowly": 2.0, "normally": 3.0, "quickly": 4.0}
# Distance at which it ends in front of an object, m.
_GO_TO, _LETTER, _TRAY, _BALL, _WAIT = 0.85, 1.0, 0.68, 0.6, 0.55
_TURN, _MOST_TURN = 2.0, 1.0  # 1/s, rad/s
_SIDEWAYS, _MOST_SIDEWAYS = 1.2, 0.3  # 1/s, m/s
# Way ahead of a tunnel or bar at which it stands on its axis, and so far behind it ends, m.
_BEFORE = {"tunnel": 1.0, "crawl": 0.7}
_BEHIND = {"tunnel": 0.85, "crawl": 0.65}
# How far beside the axis it may walk in: a bar is wide.
_ALIGNED = {"tunnel": 0.12, "crawl": 0.3}  # m
_CLEAR = 0.95  # m: how far it keeps from an obstacle's middle
# Distance from which letters are told apart: farther away a robot walks between them, m.
_LOOK = 1.9
_FACING = 0.12  # rad: who faces its letter so nearly goes on
# As low as a bar at 0.20 m asks for: 9 mm below it. Slow steps would bob.
CROUCH, _CROUCHED_SWING = -0.195, 0.04  # m
_CROUCHED_FREQUENCY, _CROUCHED_SPEED = 3.0, 0.35  # Hz, m/s
_CROUCH_BEFORE, _CROUCH_BEHIND = 0.9, 0.55  # m
BOW = 0.4  # rad
_BOW_FACING = 0.08  # rad: within this the ball rolls into the tray
_BOWED = 2.5  # s


@dataclass
class Progress:
    """What the expert remembers.

    Attributes:
        bowed_at: When it began to bow, s; None before.
        ended: Whether it has ended.
    """

    bowed_at: float | None = None
    ended: bool = False


@dataclass(frozen=True)
class Pose:
    """Where the robot is.

    Attributes:
        position: Ahead and to the left of the start, (2,), m.
        yaw: Yaw, rad.
    """

    position: Array
    yaw: float

    def to(self, point: tuple[float, float]) -> tuple[float, float]:
        """Distance, m, and bearing, rad, of a point."""
        ahead, left = point[0] - self.position[0], point[1] - self.position[1]
        bearing = math.remainder(math.atan2(left, ahead) - self.yaw, 2.0 * math.pi)
        return math.hypot(ahead, left), bearing


def expert_action(
    task: Task, pose: Pose, progress: Progress, time: float = 0.0, ball: Array | None = None
) -> Array:
    """What to do now, (12,), as ``actions.NUMBERS`` has it.

    Args:
        task: The task.
        pose: Where the robot is.
        progress: Memory; it is brought up to date.
        time: Time since the instruction, s.
        ball: Position of the ball that rolls, (2,) or (3,), m.
    """
    if progress.ended:
        return _action(task, terminate=1.0)
    if task.skill in ("tunnel", "crawl"):
        action = _through(task, pose, progress)
    elif task.skill == "unload":
        action = _unload(task, pose, progress, time)
    elif task.skill == "stop":
        action = _stop(task, pose, progress, ball)
    else:
        action = _approach(task, pose, progress)
    return _action(task, terminate=1.0) if progress.ended else action


def _action(task: Task, **numbers: float) -> Array:
    values = {
        "phase": 0.5, "swing": 0.08, "width": 0.28, "frequency": FREQUENCIES[task.manner], **numbers
    }  # fmt: skip
    return np.array([values.get(name, 0.0) for name in NUMBERS])


def _steer(task: Task, bearing: float, speed: float) -> Array:
    """Walk towards a bearing: the less ahead, the slower."""
    forward = speed * max(math.cos(bearing), 0.0) ** 3
    return _action(task, forward=forward, yaw_rate=_turn(bearing))


def _turn(angle: float) -> float:
    return min(max(_TURN * angle, -_MOST_TURN), _MOST_TURN)


def _approach(task: Task, pose: Pose, progress: Progress) -> Array:
    """Go to the target, around the obstacle; a letter is faced, and then stood before."""
    distance, bearing = pose.to(task.target.position)
    near = _LETTER if task.skill == "distinguish" else _GO_TO
    if distance < near and abs(bearing) < 0.06:
        progress.ended = True
    if distance < near:
        return _action(task, yaw_rate=_turn(bearing))
    speed = min(SPEEDS[task.manner], 0.15 + 1.2 * (distance - near))
    if task.skill == "avoid":
        bearing = _around(task, pose, bearing)
    if task.skill == "distinguish" and abs(bearing) > _FACING:
        bearing = _between(task, pose, bearing)
    return _steer(task, bearing, speed)


def _between(task: Task, pose: Pose, bearing: float) -> float:
    """Bearing that leads between the letters, until they are near enough to be told apart."""
    ahead, left = np.mean([each.position for each in task.objects[:2]], axis=0)
    if ahead - pose.position[0] < _LOOK:
        return bearing
    return pose.to((float(ahead), float(left)))[1]


def _around(task: Task, pose: Pose, bearing: float) -> float:
    """Bearing that leads around the obstacle, on the target's side."""
    obstacle, target = np.array(task.objects[2].position), np.array(task.target.position)
    way = target - pose.position
    along = (obstacle - pose.position) @ way / max(float(way @ way), 1e-9)
    if not 0.0 < along < 1.0:
        return bearing
    aside = float(np.linalg.norm(pose.position + along * way - obstacle))
    if aside >= _CLEAR - 0.1:
        return bearing
    side = math.copysign(_CLEAR, task.target.position[1] - task.objects[1].position[1])
    beside = (float(obstacle[0]) + 0.1 * OBSTACLE_BEFORE, float(obstacle[1]) + side)
    return pose.to(beside)[1]


def _through(task: Task, pose: Pose, progress: Progress) -> Array:
    """Stand on the axis of the opening first, then walk along it, crouched under a bar."""
    ahead = task.target.position[0] - float(pose.position[0])
    left = task.target.position[1] - float(pose.position[1])
    if ahead < -_BEHIND[task.skill]:
        progress.ended = True
    speed, numbers, beside = SPEEDS[task.manner], {}, _ALIGNED[task.skill]
    if task.skill == "crawl" and -_CROUCH_BEHIND < ahead < _CROUCH_BEFORE:
        numbers = {"height": CROUCH, "swing": _CROUCHED_SWING, "frequency": _CROUCHED_FREQUENCY}
        speed = min(speed, _CROUCHED_SPEED)
    before = _BEFORE[task.skill]
    if ahead > before + 0.25 and abs(left) > beside:
        _, bearing = pose.to((task.target.position[0] - before, task.target.position[1]))
        return _steer(task, bearing, speed)
    across = left * math.cos(pose.yaw)  # to the left of the trunk, while it looks ahead
    aligned = abs(left) < beside and abs(pose.yaw) < 0.25
    if not aligned and ahead > 0.0:
        # Too near to turn towards it: sidewards, and back off where legs could touch.
        speed = -0.15 if ahead < before - 0.3 and abs(left) > 2 * beside else 0.0
    return _action(
        task,
        forward=speed,
        left=min(max(_SIDEWAYS * across, -_MOST_SIDEWAYS), _MOST_SIDEWAYS),
        yaw_rate=_turn(math.remainder(-pose.yaw, 2.0 * math.pi)),
        **numbers,
    )


def _unload(task: Task, pose: Pose, progress: Progress, time: float) -> Array:
    """Walk up to the tray slowly, stand, and bow until the ball has rolled into it."""
    if progress.bowed_at is not None:
        progress.ended = time - progress.bowed_at > _BOWED
        return _action(task, pitch=BOW)
    distance, bearing = pose.to(task.target.position)
    if distance < _TRAY and abs(bearing) < _BOW_FACING:
        progress.bowed_at = time
        return _action(task, pitch=BOW)
    if distance < _TRAY:
        return _action(task, yaw_rate=_turn(bearing))
    return _steer(task, bearing, min(SPEEDS[task.manner], 0.1 + 0.6 * (distance - _TRAY)))


def _stop(task: Task, pose: Pose, progress: Progress, ball: Array | None) -> Array:
    """Stand in the ball's way, facing it, until it lies still before the feet."""
    if ball is None:
        raise ValueError("to stop a ball the expert must be given its position")
    ahead, left = float(ball[0] - pose.position[0]), float(ball[1] - pose.position[1])
    if math.hypot(ahead, left) < _BALL and abs(left) < 0.2:
        progress.ended = True
    if ahead > _WAIT + 0.4:
        goal = (float(ball[0]) - _WAIT, float(ball[1]))
        return _steer(task, pose.to(goal)[1], min(SPEEDS[task.manner], 0.15 + ahead - _WAIT))
    across = left * math.cos(pose.yaw) if abs(left) > 0.04 else 0.0
    return _action(
        task,
        forward=0.2 if ahead > _WAIT else 0.0,
        left=min(max(_SIDEWAYS * across, -_MOST_SIDEWAYS), _MOST_SIDEWAYS),
        yaw_rate=_turn(math.remainder(-pose.yaw, 2.0 * math.pi)),
    )
