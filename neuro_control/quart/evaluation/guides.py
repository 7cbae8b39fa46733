# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who may command a robot on its course: the policy, the expert, and those who can't see or read.

A task that a robot without eyes does by walking a way of its own says nothing about policies. So
each table has rows for whoever lacks something: scripts that only know the skill, the policy on
black pictures ("blind") and without the words for its target ("deaf"), and actions at random.
"""

from __future__ import annotations

import math
import re
import time
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from neuro_control import resources
from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.controller import QuadrupedController
from neuro_control.quadruped.simulation.body import Body
from neuro_control.quadruped.simulation.camera import Camera
from neuro_control.quart.control import follower
from neuro_control.quart.control.actions import POLICY_PERIOD, RANGES, TERMINATE
from neuro_control.quart.control.instructions import Understood, say
from neuro_control.quart.control.judge import Moment
from neuro_control.quart.control.policy import Policy
from neuro_control.quart.control.state import IDLE
from neuro_control.quart.control.tasks import Task
from neuro_control.quart.simulation.course import Course
from neuro_control.quart.simulation.gait_state import robot_state
from neuro_control.quart.training.expert import SPEEDS, Pose, Progress, expert_action

Array = NDArray[np.float64]


class Guide(ABC):
    """Who commands a robot, and how long each decision takes.

    Attributes:
        seconds: Wall time of each decision since the task began, s; a picture is not part of it.
    """

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def reset(self, task: Task) -> None:
        """A new task begins."""
        self.seconds = []

    def act(self, body: Body, moment: Moment, controller: QuadrupedController) -> Array:
        """Action of a moment, (12,)."""
        begin = time.perf_counter()
        action = self._decide(body, moment, controller)
        self.seconds.append(time.perf_counter() - begin)
        return action

    @abstractmethod
    def _decide(self, body: Body, moment: Moment, controller: QuadrupedController) -> Array:
        """Action of a moment, (12,)."""

    def close(self) -> None:  # noqa: B027  # most have nothing to release
        """Release the graphics."""


class Expert(Guide):
    """The privileged expert: it knows where everything stands."""

    def reset(self, task: Task) -> None:
        """A new task begins."""
        super().reset(task)
        self._task, self._progress = task, Progress()

    def _decide(self, body: Body, moment: Moment, controller: QuadrupedController) -> Array:
        pose = Pose(moment.position, moment.yaw)
        return expert_action(self._task, pose, self._progress, moment.time, moment.ball)


class Seer(Guide):
    """A policy that sees through the camera at the robot's head, as far as it may.

    Attributes:
        policy: The policy.
        image: The picture that it saw last, (pixels, pixels, 3).
        state: What the gait layer estimated then.
        decision: What it decided; the action is what the node would make of it.

    Args:
        policy: The policy.
        course: The course, whose camera it looks through.
        blind: Whether its pictures are black but for a spot, so that it sees nothing.
        deaf: Whether its instruction names the skill and no more: which object is left out.
    """

    def __init__(
        self, policy: Policy, course: Course, *, blind: bool = False, deaf: bool = False
    ) -> None:
        super().__init__()
        self.policy, self._blind, self._deaf = policy, blind, deaf
        self._follower = follower.InstructionFollower()
        pixels = policy.network.size.image
        self._camera = Camera(course.model, "head", pixels, pixels)
        self.image = np.zeros((pixels, pixels, 3), np.uint8)

    def reset(self, task: Task) -> None:
        """A new task begins."""
        super().reset(task)
        words = without_target(task) if self._deaf else task.instruction
        self.policy.reset(words)
        self._follower.accept(words)

    def act(self, body: Body, moment: Moment, controller: QuadrupedController) -> Array:
        """Action of a moment, (12,)."""
        self.image = self._camera.look(body.data)
        if self._blind:
            self.image = np.zeros_like(self.image)
            # A picture of one colour is refused: black that is not quite black is not.
            self.image[: len(self.image) // 8] = 20
        return super().act(body, moment, controller)

    def _decide(self, body: Body, moment: Moment, controller: QuadrupedController) -> Array:
        self.state = robot_state(controller)
        self.decision = self.policy.act(self.image, self.state, POLICY_PERIOD)
        # As the node does: slower where the policy is unsure, and at rest once it has ended.
        self._follower.take(self.decision, moment.time)
        action = self._follower.action(moment.time)
        action[TERMINATE] = float(self._follower.progress is follower.Progress.DONE)
        return action

    def close(self) -> None:
        """Release the graphics."""
        self._camera.close()


def without_target(task: Task) -> str:
    """The instruction without the colour or letter that names the target.

    An instruction that says the colour in a word of its own becomes QUARD's form without it.
    """
    words = task.instruction
    if task.skill == "crawl":
        return words  # there is one bar, and no colour is said
    named, count = re.subn(rf"\s*\b{task.target.colour}\b", "", words)
    meant = Understood(task.skill, task.target.kind, "", task.manner)
    return named if count else " ".join(say(meant).split())


def _generator(seed: int, task: Task) -> np.random.Generator:
    """The same for the same task, whatever came before it."""
    return np.random.default_rng([seed, zlib.crc32(repr(task).encode())])


class Script(Guide):
    """A robot without eyes that knows the skill: it walks a way of its own, and ends.

    Args:
        seed: Seed of the side that it takes where it has to choose one.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self._seed = seed

    def reset(self, task: Task) -> None:
        """A new task begins."""
        super().reset(task)
        self._rng = _generator(self._seed, task)
        self._task, self._side = task, self._rng.choice([-1.0, 1.0])

    def _decide(self, body: Body, moment: Moment, controller: QuadrupedController) -> Array:
        task, action = self._task, IDLE.copy()
        skill, speed = task.skill, SPEEDS[task.manner]
        way = speed * moment.time
        far = {"tunnel": 4.4, "crawl": 3.2, "unload": 2.3, "stop": 2.3}.get(skill, 2.3)
        action[1] = speed
        # To the middle of one of the two objects: 0.75 m aside on a way of 3 m.
        wanted = 0.0 if skill == "crawl" else self._side * math.atan2(0.75, 3.0)
        if skill == "tunnel":
            wanted = self._side * math.atan2(0.75, 2.0) if way < 2.1 else 0.0
        if skill == "avoid":
            wanted = self._side * (0.45 if way < 1.8 else 0.0)
        action[3] = float(np.clip(2.0 * (wanted - moment.yaw), -1.0, 1.0))
        if skill == "crawl":
            action[4], action[9] = -0.195, 0.04
        if way > far:
            action[1:4] = 0.0
            if skill == "unload" and way < far + 3.0 * speed:
                action[10] = 0.4
            elif skill != "stop" or way > far + 8.0 * speed:
                action[TERMINATE] = 1.0
        return action


class Random(Guide):
    """Actions at random, each for half a second.

    Args:
        seed: Their seed.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self._seed = seed

    def reset(self, task: Task) -> None:
        """A new task begins."""
        super().reset(task)
        self._rng = _generator(self._seed, task)
        self._until, self._action = 0.0, IDLE.copy()

    def _decide(self, body: Body, moment: Moment, controller: QuadrupedController) -> Array:
        if moment.time >= self._until:
            self._until = moment.time + 0.5
            self._action = IDLE.copy()
            self._action[1:4] = self._rng.uniform(*RANGES[1:4].T)
            self._action[TERMINATE] = float(self._rng.random() < 0.02)
        return self._action


DEFAULT = "quart"
"""Name of the policy that is taken where none is given."""

# Those that need no weights.
_WITHOUT: dict[str, Callable[[], Guide]] = {
    "expert": Expert,
    "script": Script,
    "random": Random,
}
_LACKS = ("blind", "deaf")
NAMES = (*_LACKS, *_WITHOUT)


def weights_of(guide: str) -> Path | None:
    """File of a guide's weights; None if it has none.

    Args:
        guide: expert, script, random, blind, deaf, blind:POLICY, deaf:POLICY, or POLICY, which is
            a file, or a name in ``config/weights`` with or without ``quart_`` before it.

    Raises:
        ConfigurationError: There is no such file; the message says what there is.
    """
    if guide in _WITHOUT:
        return None
    lacks, _, policy = guide.rpartition(":")
    if guide in _LACKS or (lacks in _LACKS and not policy):
        policy = DEFAULT
    elif lacks and lacks not in _LACKS:
        policy = guide
    if Path(policy).suffix or Path(policy).parent != Path():
        return resources.find_file("config/weights", policy)
    folder = resources.share() / "config" / "weights"
    for name in (policy, f"quart_{policy}"):
        if (file := folder / f"{name}.safetensors").is_file():
            return file
    there = [each.stem for each in sorted(folder.glob("quart*.safetensors"))]
    raise ConfigurationError(
        f"no policy '{policy}': there are {', '.join([*there, *NAMES])}, and files that "
        "`neuro-control train quart` wrote"
    )


def make_guide(name: str, course: Course, follow: int = 1) -> Guide:
    """Guide by name, on a course.

    A policy computes in one thread, as it does on a robot beside the gait controller.

    Args:
        name: As ``weights_of`` has it.
        course: The course, through whose camera it looks.
        follow: Number of actions of a chunk that a policy carries out before it looks again.

    Raises:
        ConfigurationError: There is no such guide, its chunks are shorter, its weights are damaged
            or of another version, or MuJoCo can't render on this machine.
    """
    file = weights_of(name)
    if file is None:
        return _WITHOUT[name]()
    torch.set_num_threads(1)
    lacks = name.partition(":")[0]
    return Seer(Policy.load(file, follow), course, blind=lacks == "blind", deaf=lacks == "deaf")
