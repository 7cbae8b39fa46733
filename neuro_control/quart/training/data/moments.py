# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Moments at random: a task, a pose in which a robot may find itself, and the expert's action.

Recorded episodes of the expert show its target straight ahead after a second, and a policy that
clones them learns to walk straight on. Poses at random show every bearing as often.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neuro_control.quart.control.actions import NUMBERS
from neuro_control.quart.control.instructions import Understood, say
from neuro_control.quart.control.state import TRACE_TIME, state_vector
from neuro_control.quart.control.tasks import (
    KINDS,
    LETTERS,
    MANNERS,
    SEEN,
    SKILLS,
    Task,
    draw_task,
)
from neuro_control.quart.simulation.scenery import Scenery, draw_scenery
from neuro_control.quart.training.chunks import ROLLING, expert_chunk
from neuro_control.quart.training.expert import BOW, CROUCH, Pose, Progress

Array = NDArray[np.float64]

# Skills that take the most learning are drawn more often.
_SHARES = {"crawl": 3.0, "unload": 3.0, "distinguish": 2.0, "avoid": 2.0}
# Shares of what is drawn: hard pairs, and worlds that vary.
_HARD, _VARIED = 0.75, 0.75
# Poses: near the end of the task, and looking about where the target is; these to within so much,
# rad, half of them each, since whoever is to end has to face it; and on the way between a pair,
# where it is decided which one to turn to, as spread as this, m and rad.
_NEAR_END, _TOWARDS, _BETWEEN = 0.35, 0.7, 0.25
_ON_THE_WAY, _AHEAD = 0.25, 0.25
_FACING, _ABOUT = 0.06, 0.25
# How wide a robot keeps clear of an object's middle, and of a tunnel's or bar's, m.
_KEEP_CLEAR, _INSIDE, _OUTSIDE = 0.55, {"bar": 0.6}, {"bar": 1.3}
_BOWED = 0.45  # part of the poses before a tray
_REMEMBERS = 0.7
_HALF_VIEW = math.radians(36.0)
_NEAREST_SEEN = 0.4  # m ahead of the trunk
# Part of the moments of "crawl" in which the trunk is as high as it is to be.
_POSED = 0.5
_BOWING = 0.3  # s: time constant with which a trunk follows a bow
_HEIGHT = NUMBERS.index("height")


@dataclass(frozen=True)
class Moment:
    """A moment for a policy to learn from.

    Attributes:
        task: The task.
        scenery: What surrounds it.
        text: What is meant: QUARD's instruction, or what a caption names.
        position: Of the trunk, (3,), m.
        angles: Yaw, pitch and roll of the trunk, (3,), rad.
        ball: Where the ball is that rolls or lies in the tray, (3,), m; None if out of sight.
        state: State vector.
        chunk: What the expert does now and each 0.1 s after, (``chunks.CHUNK``, 12).
        place: Where the target is, ahead and to the left of the trunk, (2,), m.
        visible: Whether it is in sight.
        acts: Whether there is an action to learn; a captioned picture has none.
    """

    task: Task
    scenery: Scenery
    text: str
    position: Array
    angles: Array
    ball: Array | None
    state: Array
    chunk: Array
    place: Array
    visible: bool
    acts: bool = True


@dataclass(frozen=True)
class Draws:
    """What moments are drawn from.

    Attributes:
        skills: Skills.
        colours: Colours of targets and of all else.
        letters: Letters.
        scenery: Split of the worlds.
        weights: How often a skill is drawn, as a multiple of the others; 1 if it is not named.
    """

    skills: Sequence[str] = SKILLS
    colours: Sequence[str] = SEEN
    letters: Sequence[str] = LETTERS
    scenery: str = "seen"
    weights: dict[str, float] = field(default_factory=lambda: dict(_SHARES))


def draw_meaning(draws: Draws, rng: np.random.Generator) -> Understood:
    """What an instruction is to say."""
    weights = np.array([draws.weights.get(skill, 1.0) for skill in draws.skills])
    skill = str(rng.choice(draws.skills, p=weights / weights.sum()))
    kind = str(rng.choice(KINDS[skill]))
    colours = draws.letters if skill == "distinguish" else draws.colours
    colour = "" if skill == "crawl" else str(rng.choice(colours))
    return Understood(skill, kind, colour, str(rng.choice(MANNERS)))


def draw_task_of(draws: Draws, rng: np.random.Generator) -> tuple[Task, Understood, Scenery]:
    """A task at random, what its instruction says, and what surrounds it."""
    meant = draw_meaning(draws, rng)
    pair = "hard" if rng.random() < _HARD else "easy"
    task = draw_task(
        meant.skill, meant.kind, meant.colour, rng, instruction=say(meant), manner=meant.manner,
        pair=pair, others=draws.colours, letters=draws.letters,
    )  # fmt: skip
    scenery = draw_scenery(draws.scenery if rng.random() < _VARIED else "plain", rng)
    return task, meant, scenery


def draw_moment(draws: Draws, rng: np.random.Generator) -> Moment:
    """A moment at random."""
    task, _, scenery = draw_task_of(draws, rng)
    return moment_of(task, scenery, rng)


def moment_of(task: Task, scenery: Scenery, rng: np.random.Generator) -> Moment:
    """A moment of a task: a pose at random, and what the expert does."""
    ball = _rolled(task, rng)
    pose = draw_pose(task, rng, ball)
    progress, bowed = Progress(), None
    if task.skill == "unload":
        distance, bearing = pose.to(task.target.position)
        if distance < 0.8 and abs(bearing) < 0.12 and rng.random() < _BOWED:
            bowed = rng.uniform(0.0, 3.5)
            progress.bowed_at = -bowed
            ball = _unloaded(task, bowed, rng)
    chunk = expert_chunk(task, pose, progress, ball)
    bows, pitch = _bow(bowed)
    # Of velocities a policy is told nothing.
    motion = np.array([0.0, 0.0, 0.0, _height(task, chunk[0], rng), pitch, 0.0])
    motion[3:] += rng.normal(0.0, [0.005, 0.02, 0.02])
    place = target_place(task, pose, ball)
    believed = place + rng.normal(0.0, 0.05 + 0.05 * np.linalg.norm(place), 2)
    return Moment(
        task, scenery, task.instruction,
        position=np.array([*pose.position, 0.3 + motion[3]]),
        angles=np.array([pose.yaw, motion[4], motion[5]]),
        ball=ball,
        state=state_vector(motion, bows, believed if rng.random() < _REMEMBERS else None),
        chunk=chunk,
        place=place,
        visible=in_view(place),
    )  # fmt: skip


def _height(task: Task, action: Array, rng: np.random.Generator) -> float:
    """Height of the trunk: who is to crouch may still stand, and the other way round."""
    height = float(action[_HEIGHT])
    if task.skill != "crawl" or rng.random() < _POSED:
        return height
    return float(np.clip(rng.uniform(2.0 * CROUCH, -CROUCH), CROUCH, 0.0))


def _bow(seconds: float | None) -> tuple[Array, float]:
    """The last bow and the trace of the bows, (2,), rad, and the pitch of the trunk, rad."""
    if seconds is None:
        return np.zeros(2), 0.0
    trace, pitch = (BOW * (1.0 - math.exp(-seconds / time)) for time in (TRACE_TIME, _BOWING))
    return np.array([BOW, trace]), pitch


def draw_pose(task: Task, rng: np.random.Generator, ball: Array | None = None) -> Pose:
    """A pose that touches nothing, often near the end of the task and looking at the target."""
    target = np.array(task.target.position if ball is None else ball[:2])
    passes = task.skill in ("tunnel", "crawl")
    between = not passes and rng.random() < _BETWEEN
    while True:
        if between:
            ahead, left = np.mean([each.position for each in task.objects[:2]], axis=0)
            position = np.array([rng.uniform(-0.3, ahead - 1.2), rng.normal(left, _ON_THE_WAY)])
        elif rng.random() < _NEAR_END and not passes:
            distance, angle = rng.uniform(0.45, 1.4), rng.normal(0.0, 0.35)
            position = target - distance * np.array([math.cos(angle), math.sin(angle)])
        else:
            behind = 1.1 if passes else -0.4
            position = np.array([rng.uniform(-0.6, target[0] + behind), rng.uniform(-1.3, 1.3)])
            if passes and rng.random() < 0.5:
                position[1] = target[1] + rng.normal(0.0, 0.15)
        if _free(task, position):
            break
    if between:
        return Pose(position, rng.normal(0.0, _AHEAD))
    ahead, left = target - position
    spread = _FACING if rng.random() < 0.5 else _ABOUT
    yaw = rng.normal(0.0, 0.3) if passes else math.atan2(left, ahead) + rng.normal(0.0, spread)
    if rng.random() > _TOWARDS:
        yaw = rng.uniform(-1.0, 1.0)
    return Pose(position, float(math.remainder(yaw, 2.0 * math.pi)))


def _free(task: Task, position: Array) -> bool:
    for each in task.objects:
        ahead, left = np.abs(np.array(each.position) - position)
        if each.kind.endswith("tunnel") or each.kind == "bar":
            long = 0.4 if each.kind == "bar" else 0.85
            inside, outside = _INSIDE.get(each.kind, 0.2), _OUTSIDE.get(each.kind, 0.9)
            if ahead < long and inside < left < outside:
                return False
        elif math.hypot(ahead, left) < (0.42 if each is task.target else _KEEP_CLEAR):
            return False
    return True


def _rolled(task: Task, rng: np.random.Generator) -> Array | None:
    """Where the target ball of a task has rolled to."""
    if task.skill != "stop":
        return None
    ahead, left = task.target.position
    return np.array([ahead - ROLLING * rng.uniform(0.0, 18.0), left, 0.2])


def _unloaded(task: Task, bowed: float, rng: np.random.Generator) -> Array | None:
    """The ball lies in the tray some time after the robot has begun to bow."""
    if bowed < rng.uniform(0.8, 1.4):
        return None
    return np.array([*(np.array(task.target.position) + rng.uniform(-0.15, 0.15, 2)), 0.05])


def target_place(task: Task, pose: Pose, ball: Array | None) -> Array:
    """Where the target is, or the ball that rolls, ahead and to the left of a robot, (2,), m."""
    point = task.target.position if task.skill != "stop" or ball is None else ball[:2]
    distance, bearing = pose.to((float(point[0]), float(point[1])))
    return np.array([distance * math.cos(bearing), distance * math.sin(bearing)])


def in_view(place: Array) -> bool:
    """Whether the camera sees a place ahead and to the left of the trunk, (2,), m."""
    ahead = place[0] - 0.3
    return bool(place[0] > _NEAREST_SEEN) and abs(math.atan2(place[1], ahead)) < _HALF_VIEW
