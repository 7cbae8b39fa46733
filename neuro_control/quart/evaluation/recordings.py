# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Roll-outs of the expert in the real gait layer, recorded in QUARD's layout.

An episode's task, world and noise are drawn from the seed and its number, so that several
processes record a data set, one that was interrupted goes on, and two of the same settings are
alike. Tasks in which the expert failed are kept, as QUARD does: ``info.csv`` says so.
"""

from __future__ import annotations

import dataclasses
import math
import platform
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.files import writing
from neuro_control.learning import manifests
from neuro_control.quadruped.control.types import LEGS
from neuro_control.quadruped.simulation.body import Body
from neuro_control.quadruped.simulation.camera import Camera
from neuro_control.quart.control.actions import NUMBERS, TERMINATE
from neuro_control.quart.control.instructions import say
from neuro_control.quart.control.judge import Moment
from neuro_control.quart.control.tasks import Task, draw_task
from neuro_control.quart.evaluation.guides import Expert
from neuro_control.quart.evaluation.rollout import rollout
from neuro_control.quart.simulation.course import Course, load_of
from neuro_control.quart.simulation.scenery import Scenery, draw_scenery
from neuro_control.quart.training.data.formats.quard import RATE, EpisodeWriter, Frame, folder_of
from neuro_control.quart.training.data.moments import Draws, draw_meaning

Array = NDArray[np.float64]

_VERSION = 1
# Episodes that a process records before it gives its cameras back.
_AT_A_TIME = 14
# Rates at which the gait layer's steps can be recorded, Hz.
_RATES = (10, 50, 100)
_PRESSED = 5.0  # N: a foot that presses harder stands
_MAX_DEPTH = 65.535  # m: what 16 bits hold in mm


@dataclass(frozen=True)
class Recordings:
    """Settings of recorded roll-outs.

    Attributes:
        draws: What their tasks are drawn from; each skill comes as often.
        robot: go2 or go1.
        pair: easy or hard, as ``tasks.draw_task`` has it.
        wordings: As ``instructions.say`` has them.
        pixels: Height and width of pictures.
        rate: Frames in a second: 10, 50 or 100.
        depth: Whether there are depth pictures.
        seed: Seed of the data set.
    """

    draws: Draws = field(default_factory=Draws)
    robot: str = "go2"
    pair: str = "hard"
    wordings: str = "quard"
    pixels: int = 240
    rate: int = RATE
    depth: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.rate not in _RATES:
            raise ConfigurationError(
                f"the rate of recordings is {', '.join(map(str, _RATES))} Hz, not {self.rate}"
            )

    def manifest(self) -> dict[str, Any]:
        """Settings and versions of what they depend on, for JSON."""
        versions = {
            "python": platform.python_version(), "mujoco": mujoco.__version__,
            "numpy": np.__version__, "neuro_control": version("neuro_control"),
        }  # fmt: skip
        return {"version": _VERSION, **dataclasses.asdict(self), "versions": versions}


def generate(
    folder: Path,
    settings: Recordings,
    episodes: int,
    executor: Executor,
    show: Callable[[float], None] = lambda _: None,
) -> None:
    """Record the episodes of a data set that are missing.

    Args:
        folder: Its folder.
        settings: Settings; a folder that has others is refused.
        episodes: Number of episodes.
        executor: Where they are recorded.
        show: Called with the number of episodes that are there.

    Raises:
        ConfigurationError: The folder holds another data set, or MuJoCo can't render here.
    """
    manifests.claim(folder, settings.manifest())
    missing = [number for number in range(episodes) if not _place(folder, settings, number)]
    show(episodes - len(missing))
    batches = [missing[first : first + _AT_A_TIME] for first in range(0, len(missing), _AT_A_TIME)]
    futures = {executor.submit(record, folder, settings, batch): batch for batch in batches}
    done = episodes - len(missing)
    try:
        for future in as_completed(futures):
            future.result()
            done += len(futures[future])
            show(done)
    finally:
        for future in futures:
            future.cancel()


def _place(folder: Path, settings: Recordings, number: int) -> bool:
    """Whether an episode is there."""
    task, _ = draw(settings, number)
    return episode_folder(folder, task, number).is_dir()


def episode_folder(folder: Path, task: Task, number: int) -> Path:
    """Folder of an episode in its data set."""
    return folder / folder_of(task) / f"{number:06}"


def draw(settings: Recordings, number: int) -> tuple[Task, Scenery]:
    """Task and scenery of an episode."""
    rng = np.random.default_rng([settings.seed, number])
    draws = settings.draws
    skill = draws.skills[number % len(draws.skills)]
    meant = draw_meaning(dataclasses.replace(draws, skills=(skill,)), rng)
    task = draw_task(
        meant.skill, meant.kind, meant.colour, rng, instruction=say(meant, rng, settings.wordings),
        manner=meant.manner, pair=settings.pair, others=draws.colours, letters=draws.letters,
    )  # fmt: skip
    return task, draw_scenery(draws.scenery, rng)


def record(folder: Path, settings: Recordings, numbers: Sequence[int]) -> None:
    """Record episodes, one after another: a task for an executor."""
    courses: dict[str, tuple[Course, Camera]] = {}
    try:
        for number in numbers:
            task, scenery = draw(settings, number)
            load = load_of(task.skill)
            if load not in courses:
                course = Course(settings.robot, load)
                pixels = settings.pixels
                courses[load] = course, Camera(course.model, "head", pixels, pixels)
            with writing(episode_folder(folder, task, number)) as part:
                _record(part, settings, number, task, scenery, *courses[load])
    finally:
        for _, camera in courses.values():
            camera.close()


def _record(
    part: Path,
    settings: Recordings,
    number: int,
    task: Task,
    scenery: Scenery,
    course: Course,
    camera: Camera,
) -> None:
    """Record an episode into a folder."""
    writer = EpisodeWriter(part)
    recorder = Recorder(writer, camera, task, depth=settings.depth)
    outcome = rollout(
        course, task, Expert(), number, scenery,
        watch=recorder.watch, watch_period=1.0 / settings.rate,
    )  # fmt: skip
    writer.finish(task, settings.robot, success=outcome.strict, speed=outcome.speed)


class Recorder:
    """Writes what a robot sees, measures and is commanded, up to the action that ends a task.

    Args:
        writer: Where frames go.
        camera: The camera at the robot's head.
        task: The task.
        depth: Whether there are depth pictures.
    """

    def __init__(self, writer: EpisodeWriter, camera: Camera, task: Task, *, depth: bool) -> None:
        self._writer, self._camera, self._task, self._depth = writer, camera, task, depth
        self._ended = False

    def watch(self, body: Body, moment: Moment, action: Array) -> None:
        """Write a frame, as ``rollout`` calls it."""
        if self._ended:
            return
        self._ended = bool(action[TERMINATE] > 0.5)
        depth = None
        if self._depth:
            metres = np.minimum(self._camera.depth(body.data), _MAX_DEPTH)
            depth = np.rint(1000.0 * metres).astype(np.uint16)
        measured = measure(body, action, self._place(body, moment))
        self._writer.add(Frame(action, measured, self._camera.look(body.data), depth))

    def _place(self, body: Body, moment: Moment) -> Array:
        """Where the target is, ahead and to the left of the trunk, (2,), m."""
        target = np.array(self._task.target.position)
        if self._task.skill == "stop" and moment.ball is not None:
            target = moment.ball[:2]
        ahead, left = target - body.data.qpos[:2]
        yaw = math.atan2(body.rotation[1, 0], body.rotation[0, 0])
        c, s = math.cos(yaw), math.sin(yaw)
        return np.array([c * ahead + s * left, c * left - s * ahead])


def measure(body: Body, action: Array, place: Array) -> dict[str, Array]:
    """What QUARD records of a robot, by its names, and where the target is.

    Args:
        body: The robot.
        action: The action that it follows, (12,).
        place: Where the target is, ahead and to the left of the trunk, (2,), m.
    """
    seen, data = body.observation, body.data
    values = dict(zip(NUMBERS, action.tolist(), strict=True))
    return {
        "joint_pos": seen.angles,
        "joint_vel": seen.speeds,
        "body_linear_vel": body.rotation.T @ data.qvel[:3],
        "body_angular_vel": data.qvel[3:6],
        "body_linear_vel_cmd": np.array([values["forward"], values["left"]]),
        "body_angular_vel_cmd": np.array([values["yaw_rate"]]),
        "contact_states": (seen.forces > _PRESSED).astype(np.float64),
        "foot_positions": np.stack([data.geom(leg).xpos for leg in LEGS]),
        "body_pos": data.qpos[:3],
        "torques": data.actuator_force[:12],
        # MuJoCo's has w first, QUARD's last.
        "body_quat": np.roll(data.qpos[3:7], -1),
        "target_place": place,
    }
