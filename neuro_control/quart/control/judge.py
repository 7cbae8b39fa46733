# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""When a task of QUARD is done: the published test, and a strict one.

The published test asks where the robot (or a ball) is, at any moment. A robot without eyes that
walks straight on passes it in four skills of seven, since targets stand 0.75 m to the sides and
"there" is within 1 m. The strict test asks for the right object and nothing else:

| skill | published | strict |
| --- | --- | --- |
| go_to, avoid | within 1.0 m of the target | when it first is within 1.0 m of either object, that is the target and 0.2 m nearer than the other; nothing was touched |
| tunnel | within 1.0 m of the point 1.0 m behind it | it goes in and comes out through the right opening, without touching it, and through no other before |
| crawl | within 1.0 m of the point 1.5 m behind the bar | it passes under the bar between the posts, without touching |
| distinguish | 0.2 m abreast of the letter, or facing it within 5° | the first letter that it faces within 5° is the right one, and it stands still while it faces it |
| unload | the ball within 0.10 m of the tray's middle | the ball lies in the right tray, and still does 2 s later |
| stop | the ball within 1.0 m of the robot | the right ball, which rolled, lies still at the robot; nothing else was touched |

Strictly, a task is also to be ended: the robot says ``terminate`` in time, and stands from then on.
What is left to happen then (a ball still rolls, the robot still slows down) has ``WATCHED`` seconds.
"""  # noqa: E501  # the table's rows

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.quart.control.tasks import CourseObject, Task

Array = NDArray[np.float64]

_NEAR, _ABREAST, _BEARING, _UNLOADED = 1.0, 0.2, math.radians(5.0), 0.1  # m, m, rad, m
# A robot that has gone through or under is about this far behind, m.
_BEHIND_TUNNEL, _BEHIND_BAR = 1.0, 1.5
# Strict: how much nearer than the other object the target is, m; half the lengths of tunnels and
# bars along the way, and half the widths that they leave free at a trunk's height, m.
_NEARER = 0.2
_HALF_LENGTH = {"rectangle tunnel": 0.5, "triangle tunnel": 0.5, "bar": 0.1}
_HALF_WIDTH = {"rectangle tunnel": 0.35, "triangle tunnel": 0.29, "bar": 0.775}
_STILL, _STANDS = 0.1, 0.5  # speed of a robot that stands, m/s, and for how long it does, s
_IN_TRAY, _TRAY_RIM, _STAYS = 0.22, 0.15, 2.0  # m, m, s
_BALL_STILL, _AT_ROBOT = 0.02, 0.75  # m/s, m

WATCHED = 4.0
"""Time for which a robot that has ended is watched, s."""


class Moment(NamedTuple):
    """What a judge sees of a robot on its course.

    Attributes:
        time: Time since the instruction, s.
        position: Position of the trunk, x and y, (2,), m.
        yaw: Yaw of the trunk, rad.
        speed: Horizontal speed of the trunk, m/s.
        touched: Places in ``Task.objects`` of the objects that the robot has touched so far.
        ball: Position of the ball on the back or of the first ball that rolls, (3,), m; None
            without one.
        ball_speed: Its speed, m/s.
        terminated: Whether the robot has said that it has ended.
    """

    time: float
    position: Array
    yaw: float
    speed: float = 0.0
    touched: frozenset[int] = frozenset()
    ball: Array | None = None
    ball_speed: float = 0.0
    terminated: bool = False


def published(task: Task, moment: Moment) -> bool:
    """Whether the task is done at this moment by the test of QUARD's evaluation; once is enough.

    Raises:
        ValueError: The task is about a ball, and the moment has none.
    """
    target = np.array(task.target.position)
    if task.skill == "unload":
        return math.dist(_ball(moment)[:2], target) < _UNLOADED
    if task.skill == "stop":
        return math.dist(_ball(moment)[:2], moment.position) < _NEAR
    ahead, left = target - moment.position
    if task.skill == "distinguish":
        return bool(abs(left) < _ABREAST or abs(_bearing(task.target, moment)) < _BEARING)
    behind = {"tunnel": _BEHIND_TUNNEL, "crawl": _BEHIND_BAR}.get(task.skill, 0.0)
    return math.hypot(ahead + behind, left) < _NEAR


def _ball(moment: Moment) -> Array:
    if moment.ball is None:
        raise ValueError("whether this task is done depends on the ball, and there is none")
    return moment.ball


def _bearing(target: CourseObject, moment: Moment) -> float:
    """Angle from where the trunk looks to an object, to the left, rad."""
    ahead, left = np.array(target.position) - moment.position
    return math.remainder(math.atan2(left, ahead) - moment.yaw, 2.0 * math.pi)


class StrictJudge:
    """The strict test, moment by moment.

    Attributes:
        done: Whether the task is done so far: ended or not.
        failed: Why it can't be done any more; empty while it can.
        touched: Whether the robot has touched what the task does not allow.

    Args:
        task: The task.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.done = False
        self.failed = ""
        self.touched = False
        self._last: Moment | None = None
        self._entered = False
        self._since: float | None = None  # since when a condition that is to last has held, s
        self._faced: int | None = None
        self._look = {
            "go_to": self._approach,
            "avoid": self._approach,
            "tunnel": self._pass,
            "crawl": self._pass,
            "distinguish": self._face,
            "unload": self._unload,
            "stop": self._stop,
        }[task.skill]

    @property
    def success(self) -> bool:
        """Whether the task is done and was ended in time, by all that was seen."""
        return self.done and not self.failed and self._last is not None and self._last.terminated

    @property
    def reason(self) -> str:
        """Why it was no success; empty if it was one."""
        if self.success or self.failed:
            return self.failed
        return "it did not end" if self.done else "it ended before it was done"

    def see(self, moment: Moment) -> None:
        """Take in a moment; they come in the order of time."""
        if moment.time > self.task.seconds and not moment.terminated:
            self.failed = self.failed or "it took too long"
        if not self.failed:
            self._see(moment)
        self._last = moment

    def _see(self, moment: Moment) -> None:
        allowed = frozenset({0}) if self.task.skill in ("stop", "unload") else frozenset()
        if moment.touched - allowed:
            kinds = [self.task.objects[each].kind for each in sorted(moment.touched - allowed)]
            self.failed, self.touched = f"it touched the {kinds[0]}", True
            return
        if not self.done:
            self._look(moment)

    def _approach(self, moment: Moment) -> None:
        """The first object of the pair that it comes near is the target."""
        target, other = (math.dist(moment.position, o.position) for o in self.task.objects[:2])
        if min(target, other) >= _NEAR:
            return
        self.done = target < other - _NEARER
        if not self.done:
            self.failed = "it did not come near the target first"

    def _pass(self, moment: Moment) -> None:
        """It goes in and comes out through the right opening."""
        before = self._last
        if before is None:
            return
        for number, each in enumerate(self.task.objects[:2]):
            half, free = _HALF_LENGTH[each.kind], _HALF_WIDTH[each.kind]
            for plane in (-half, half):
                left = _crossing(before.position, moment.position, each.position[0] + plane)
                # Whoever passes beside it has not crossed its opening.
                if left is None or abs(left - each.position[1]) > free:
                    continue
                if number:
                    self.failed = "it took the wrong opening"
                elif plane < 0:
                    self._entered = True
                elif self._entered:
                    self.done = True
        if not self.done and not self.failed:
            self._passed_by(moment)

    def _passed_by(self, moment: Moment) -> None:
        """Behind the target without having gone in, it has gone by."""
        target = self.task.target
        if moment.position[0] > target.position[0] + _HALF_LENGTH[target.kind] + 0.5:
            self.failed = "it went by beside the opening"

    def _face(self, moment: Moment) -> None:
        """It stands still before the first letter that it faces, which is the right one."""
        if self._faced is None:
            facing = [
                number
                for number, each in enumerate(self.task.objects[:2])
                if abs(_bearing(each, moment)) < _BEARING
            ]
            if facing:
                self._faced = facing[0]
                if self._faced:
                    self.failed = "the first letter that it faced is the other one"
        if self._faced == 0:
            faces = abs(_bearing(self.task.target, moment)) < _BEARING
            self._hold(moment, faces and moment.speed < _STILL, _STANDS)

    def _unload(self, moment: Moment) -> None:
        """The ball lies in the right tray, and stays."""
        ball = _ball(moment)
        target = np.array(self.task.target.position)
        inside = bool((np.abs(ball[:2] - target) < _IN_TRAY).all()) and ball[2] < _TRAY_RIM
        self._hold(moment, inside, _STAYS)

    def _stop(self, moment: Moment) -> None:
        """The ball, which rolled, lies still at the robot."""
        near = math.dist(_ball(moment)[:2], moment.position) < _AT_ROBOT
        stopped = 0 in moment.touched and near and moment.ball_speed < _BALL_STILL
        self._hold(moment, stopped, _STANDS)

    def _hold(self, moment: Moment, holds: bool, seconds: float) -> None:
        """Done once something has held for so long."""
        if not holds:
            self._since = None
            return
        if self._since is None:
            self._since = moment.time
        self.done = moment.time - self._since >= seconds - 1e-9


def _crossing(before: Array, after: Array, ahead: float) -> float | None:
    """How far to the left a step crosses the plane at ``ahead`` forwards, m; None if it doesn't."""
    if not before[0] < ahead <= after[0]:
        return None
    part = (ahead - before[0]) / (after[0] - before[0])
    return float(before[1] + part * (after[1] - before[1]))
