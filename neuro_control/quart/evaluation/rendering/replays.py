# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Episodes done again for people to look at: from behind, as the policy sees them, and why.

An episode is the same each time, so that its row is all that is kept of it.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control.cli.experiments import Row
from neuro_control.quadruped.simulation.body import Body
from neuro_control.quadruped.simulation.camera import Camera
from neuro_control.quart.control.actions import RANGES
from neuro_control.quart.control.judge import Moment
from neuro_control.quart.control.policy import Policy
from neuro_control.quart.control.state import Memory, RobotState
from neuro_control.quart.evaluation.episodes import Episodes, draw_episode
from neuro_control.quart.evaluation.guides import Guide, Seer, make_guide
from neuro_control.quart.evaluation.rollout import rollout
from neuro_control.quart.simulation.course import Course, load_of

Array = NDArray[np.float64]
Image = NDArray[np.uint8]
T = TypeVar("T")

# Size of the picture from behind, pixels.
_HEIGHT, _WIDTH = 180, 240
_EVERY = 0.5  # s between two frames
# Windows that are covered in turn: so many in a row and column, and so many of them wide.
_CELLS, _WIDE = 12, 2


@dataclass(frozen=True)
class Frame:
    """A moment of an episode.

    Attributes:
        time: Time since the instruction, s.
        behind: Picture from behind the robot, (180, 240, 3).
        seen: What the policy sees, (pixels, pixels, 3); None if it sees nothing.
        saliency: How much each part of that picture decides, (12, 12), at most 1; None without.
    """

    time: float
    behind: Image
    seen: Image | None = None
    saliency: Array | None = None


def replay(row: Row, *, frames: int = 5, look: bool = False) -> list[Frame]:
    """Frames of an episode, from its beginning to its end.

    Args:
        row: Row of an experiment: policy, task, split, draw, robot and seed of the episode.
        frames: Number of frames.
        look: Whether the saliency of each frame is found, too, which takes 144 decisions.

    Raises:
        ConfigurationError: The policy is not there any more, or MuJoCo can't render here.
    """
    seed = int(row["seed"])
    episodes = Episodes(
        row["policy"], row["task"], (seed,), row["split"], row["draw"], row["robot"]
    )
    task, scenery = draw_episode(episodes, seed)
    course = Course(episodes.robot, load_of(task.skill), meshes=True)
    guide, camera = (
        make_guide(episodes.guide, course),
        Camera(course.model, "behind", _HEIGHT, _WIDTH),
    )
    kept: list[_Kept] = []

    def watch(body: Body, moment: Moment, _action: Array) -> None:
        if moment.time < len(kept) * _EVERY:
            return
        saw = None
        if isinstance(guide, Seer):
            saw = (guide.image.copy(), copy.deepcopy(guide.policy.memory), guide.state)
        kept.append(_Kept(moment.time, body.data.qpos.copy(), saw))

    try:
        rollout(course, task, guide, seed, scenery, watch)
        return [
            _frame(each, course, camera, guide if look else None, task.instruction)
            for each in chosen(kept, frames)
        ]
    finally:
        guide.close()
        camera.close()


class _Kept(NamedTuple):
    """What is kept of a moment: drawing all of them would take longer than the episode."""

    time: float
    positions: Array
    saw: tuple[Image, Memory, RobotState] | None


def _frame(
    kept: _Kept, course: Course, camera: Camera, guide: Guide | None, instruction: str
) -> Frame:
    frame = Frame(kept.time, picture_of(course, kept.positions, camera))
    if kept.saw is None:
        return frame
    image, memory, state = kept.saw
    found = None
    if isinstance(guide, Seer):
        guide.policy.reset(instruction)
        found = saliency(guide.policy, memory, image, state)
    return replace(frame, seen=image, saliency=found)


def picture_of(course: Course, positions: Array, camera: Camera) -> Image:
    """Picture of the course, (height, width, 3).

    Args:
        course: The course, its task arranged.
        positions: ``qpos`` of all that moves.
        camera: The camera that looks.
    """
    model, data = course.model, mujoco.MjData(course.model)
    data.qpos[:] = positions
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)
    mujoco.mj_camlight(model, data)
    return camera.look(data)


def chosen(frames: Sequence[T], number: int) -> list[T]:
    """Some of the frames, at equal distances, the first and the last among them."""
    places = np.linspace(0, len(frames) - 1, min(number, len(frames))).round().astype(int)
    return [frames[place] for place in places]


def saliency(policy: Policy, memory: Memory, image: Image, state: RobotState) -> Array:
    """How much each part of a picture decides: the change of the action when that part is covered.

    Occlusion (Zeiler & Fergus, arXiv 1311.2901): it asks the policy itself, whatever its network
    is. A window in the picture's mean colour is moved over it.

    Args:
        policy: The policy, which has its instruction; its memory is lost.
        memory: What it remembers before it decides.
        image: The picture, (pixels, pixels, 3).
        state: What the gait layer estimates.

    Returns:
        Sum over the numbers of the action of the change as a part of their range, divided by the
        largest of all windows, (12, 12).
    """
    low, high = RANGES.T

    def decide(seen: Image) -> Array:
        policy.memory = copy.deepcopy(memory)
        part: Array = (policy.act(seen, state).action - low) / (high - low)
        return part

    as_it_is, found = decide(image), np.zeros((_CELLS, _CELLS))
    edges = np.linspace(0, len(image), _CELLS + 1).round().astype(int)
    colour = image.mean(axis=(0, 1)).astype(np.uint8)
    for row in range(_CELLS):
        for column in range(_CELLS):
            covered = image.copy()
            rows, columns = (
                slice(edges[max(each - _WIDE + 1, 0)], edges[min(each + _WIDE, _CELLS)])
                for each in (row, column)
            )
            covered[rows, columns] = colour
            found[row, column] = np.abs(decide(covered) - as_it_is).sum()
    scaled: Array = found / max(float(found.max()), 1e-9)
    return scaled
