# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Corrections: a policy walks the real gait layer, and the expert says what it should have done.

Data set aggregation (DAgger; Ross et al., arXiv 1011.0686): what a policy meets by its own mistakes
is in no data that the expert made. Here the policy walks, with the expert at the helm every now and
then, and each moment is labelled by what the expert would do there: pictures, estimates and
memories are those that the policy has when it is deployed.
"""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuro_control import weights
from neuro_control.quadruped.control.controller import QuadrupedController
from neuro_control.quadruped.control.robots import find_robot
from neuro_control.quadruped.simulation.body import Body
from neuro_control.quadruped.simulation.camera import Camera
from neuro_control.quart.control.actions import NUMBERS, POLICY_PERIOD, TERMINATE
from neuro_control.quart.control.instructions import say, understand
from neuro_control.quart.control.judge import Moment as Seen
from neuro_control.quart.control.policy import Policy
from neuro_control.quart.control.state import state_vector
from neuro_control.quart.control.tasks import Task
from neuro_control.quart.simulation.course import Course, Witness, load_of
from neuro_control.quart.simulation.gait_state import follow, robot_state
from neuro_control.quart.simulation.scenery import Scenery
from neuro_control.quart.training.chunks import expert_chunk
from neuro_control.quart.training.data.moments import Draws, draw_task_of, in_view, target_place
from neuro_control.quart.training.data.pictures import KIND, PART, part_file
from neuro_control.quart.training.data.texts import packed
from neuro_control.quart.training.expert import Pose, Progress

Array = NDArray[np.float64]

# Part of the time that the expert walks, and for how long at once, s.
_EXPERT, _TURN = 0.3, 1.0
# A moment is kept every so many: neighbours teach the same.
_KEPT = 2
_PITCH = NUMBERS.index("pitch")
_BOWS = 0.2  # rad


@dataclasses.dataclass(frozen=True)
class Corrections:
    """Settings of a data set of corrections.

    Attributes:
        policy: File of the weights of the policy that walks.
        draws: What its tasks are drawn from.
        seed: Its seed.
        robot: go2 or go1.
    """

    policy: Path
    draws: Draws = dataclasses.field(default_factory=Draws)
    seed: int = 0
    robot: str = "go2"

    def manifest(self) -> dict[str, Any]:
        """What tells one data set from another, for JSON; a policy by its checksum."""
        checksum = hashlib.sha256(self.policy.read_bytes()).hexdigest()
        return {"corrections": 1, **dataclasses.asdict(self), "policy": checksum}


def make_corrections(folder: Path, settings: Corrections, part: int) -> None:
    """Let the policy walk until there are corrections for a part, and write them."""
    torch.set_num_threads(1)  # parts are made beside one another
    rng = np.random.default_rng([settings.seed, part])
    corrector = Corrector(Policy.load(settings.policy), settings.robot)
    found: list[Correction] = []
    try:
        while len(found) < PART:
            found += corrector.episode(settings.draws, rng)
    finally:
        corrector.close()
    weights.write(part_file(folder, part), KIND, _arrays(found[:PART]), settings.manifest())


def _arrays(found: list[Correction]) -> dict[str, NDArray[Any]]:
    return {
        "texts": packed([each.text for each in found]),
        "states": np.stack([each.state for each in found]).astype(np.float32),
        "actions": np.stack([each.chunk[0] for each in found]).astype(np.float32),
        "chunks": np.stack([each.chunk for each in found]).astype(np.float16),
        "places": np.stack([each.place for each in found]).astype(np.float32),
        "visible": np.array([each.visible for each in found]),
        "acts": np.ones(len(found), dtype=bool),
        "letters": np.array([understand(each.text).skill == "distinguish" for each in found]),
        "images": np.stack([each.image for each in found]).transpose(0, 3, 1, 2),
    }


@dataclasses.dataclass(frozen=True)
class Correction:
    """A moment of a policy's own walk, and what the expert does there.

    Attributes:
        text: QUARD's instruction.
        image: What the policy saw, (pixels, pixels, 3).
        state: State vector that it had.
        chunk: What the expert does now and after, (``chunks.CHUNK``, 12).
        place: Where the target is, ahead and to the left of the trunk, (2,), m.
        visible: Whether it is in sight.
    """

    text: str
    image: NDArray[np.uint8]
    state: Array
    chunk: Array
    place: Array
    visible: bool


class Corrector:
    """Lets a policy walk, and takes down what the expert says about it.

    Args:
        policy: The policy.
        robot: go2 or go1.
    """

    def __init__(self, policy: Policy, robot: str = "go2") -> None:
        self.policy, self._robot = policy, robot
        self._courses: dict[str, tuple[Course, Camera]] = {}

    def _course(self, load: str) -> tuple[Course, Camera]:
        if load not in self._courses:
            pixels = self.policy.network.size.image
            course = Course(self._robot, load)
            self._courses[load] = course, Camera(course.model, "head", pixels, pixels)
        return self._courses[load]

    def episode(self, draws: Draws, rng: np.random.Generator) -> list[Correction]:
        """Corrections of one episode, drawn at random."""
        task, meant, scenery = draw_task_of(draws, rng)
        words = say(meant, rng, "seen")
        return self.walk(task, scenery, words, rng)

    def walk(
        self, task: Task, scenery: Scenery, words: str, rng: np.random.Generator
    ) -> list[Correction]:
        """Corrections of an episode.

        Args:
            task: The task, its instruction in QUARD's form.
            scenery: What surrounds it.
            words: The instruction as the policy reads it.
            rng: Draws the start, and when the expert is at the helm.
        """
        course, camera = self._course(load_of(task.skill))
        course.arrange(task, scenery)
        body = Body(course.world())
        body.reset(rng)
        controller = QuadrupedController(find_robot(self._robot))
        witness = Witness(course, body)
        self.policy.reset(words)
        found: list[Correction] = []
        helm, until, bowed_at = False, 0.0, None
        for step in range(round(task.seconds / POLICY_PERIOD)):
            now = step * POLICY_PERIOD
            seen = witness.moment(now)
            if now >= until:
                helm, until = bool(rng.random() < _EXPERT), now + _TURN
            picture = camera.look(body.data)
            correction = self._label(task, seen, bowed_at, controller, picture)
            if step % _KEPT == 0:
                found.append(correction)
            action = self._act(picture, controller, correction.chunk[0], helm)
            if action[_PITCH] > _BOWS:
                bowed_at = now if bowed_at is None else bowed_at
            if body.fallen or action[TERMINATE] > 0.5:
                break
            follow(body, controller, action, now)
        return found

    def _label(
        self,
        task: Task,
        seen: Seen,
        bowed_at: float | None,
        controller: QuadrupedController,
        picture: NDArray[np.uint8],
    ) -> Correction:
        """What the expert does now, whatever it would have done before."""
        pose = Pose(seen.position, seen.yaw)
        progress = Progress(bowed_at=None if bowed_at is None else bowed_at - seen.time)
        ball = seen.ball if task.skill == "stop" else None
        place = target_place(task, pose, ball)
        memory, state = self.policy.memory, robot_state(controller)
        vector = state_vector(state.motion(), memory.bows, memory.place(state))
        chunk = expert_chunk(task, pose, progress, ball)
        return Correction(task.instruction, picture, vector, chunk, place, in_view(place))

    def _act(
        self, picture: NDArray[np.uint8], controller: QuadrupedController, expert: Array, helm: bool
    ) -> Array:
        """Action that is done: the policy's, or the expert's, which alone may end the episode."""
        memory = self.policy.memory
        bows = memory.bows
        action = self.policy.act(picture, robot_state(controller)).action
        if not helm and (action[TERMINATE] > 0.5) == (expert[TERMINATE] > 0.5):
            return action
        memory.bows = bows
        memory.did(expert, POLICY_PERIOD)
        return expert

    def close(self) -> None:
        """Release the graphics."""
        for _, camera in self._courses.values():
            camera.close()
        self._courses.clear()
