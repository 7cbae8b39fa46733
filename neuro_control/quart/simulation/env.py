# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""QUARD's tasks as a Gymnasium environment: see, read, and command a quadruped how to walk."""

from __future__ import annotations

import string
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.controller import QuadrupedController
from neuro_control.quadruped.control.robots import find_robot
from neuro_control.quadruped.simulation.body import Body
from neuro_control.quadruped.simulation.camera import Camera
from neuro_control.quart.control.actions import POLICY_PERIOD, RANGES, TERMINATE
from neuro_control.quart.control.instructions import Understood, draw, say
from neuro_control.quart.control.judge import WATCHED, Moment, StrictJudge, published
from neuro_control.quart.control.state import RobotState
from neuro_control.quart.control.tasks import KINDS, LETTERS, MANNERS, SEEN, SKILLS, Task
from neuro_control.quart.simulation.course import Course, Witness, load_of
from neuro_control.quart.simulation.gait_state import follow, robot_state
from neuro_control.quart.simulation.scenery import draw_scenery
from neuro_control.simulation.viewing import RENDER_MODES, View

Array = NDArray[np.float64]
Observation = dict[str, Any]

_TEXT = string.ascii_letters + string.digits + " ,.'-"
_LONGEST = 200


class Quard(gymnasium.Env[Observation, Array]):
    """QUARD's tasks, ``neuro_control/Quard-v0``: one step is 0.1 s of the gait layer at 500 Hz.

    ## Action space

    ``Box(low, high, (12,), float64)``: QUART's action. A larger action is cut off at the bounds.

    | Num | Action | Min | Max | Unit |
    | --- | --- | --- | --- | --- |
    | 0 | terminate: above 0.5 the task is ended | 0 | 1 | - |
    | 1 | velocity ahead | -0.3 | 1.2 | m/s |
    | 2 | velocity to the left | -0.5 | 0.5 | m/s |
    | 3 | yaw rate | -1.2 | 1.2 | rad/s |
    | 4 | height of the trunk beyond 0.3 m | -0.2 | 0.05 | m |
    | 5 | frequency of steps | 2 | 4 | Hz |
    | 6-8 | gait phases of walk-these-ways | 0 | 1 | cycles |
    | 9 | height to which feet are lifted | 0.03 | 0.2 | m |
    | 10 | pitch, nose down | -0.4 | 0.4 | rad |
    | 11 | way between left and right feet | 0.1 | 0.45 | m |

    ## Observation space

    A dictionary:

    | Key | Observation | Space |
    | --- | --- | --- |
    | ``image`` | picture of the camera at the head | ``Box(0, 255, (pixels, pixels, 3), uint8)`` |
    | ``instruction`` | what to do | ``Text(200)`` |
    | ``proprioception`` | velocity ahead and to the left (m/s), yaw rate (rad/s), height beyond 0.3 m (m), pitch, roll (rad), odometry: x, y (m), yaw (rad), all as the gait layer estimates them | ``Box(-inf, inf, (9,), float64)`` |

    ## Rewards

    1 in the step in which the task is done by the strict test and ended, else 0. ``info`` holds
    ``success`` (strict), ``published``, ``done`` (strict but for the end), ``touched`` and
    ``failed``, in words.

    ## Starting state

    The robot stands at the origin; a task is drawn: skill, target, the other objects and their
    places, and the wording, unless an instruction is given. ``reset(options={"task": task})`` sets
    one.

    ## Episode end

    It terminates 4 s after the action said terminate (a ball may still roll), at once with the
    task done, or when the robot falls. It is truncated when the time of the task is over.

    Args:
        robot: go2 or go1.
        instruction: An instruction in one of QUARD's forms, for all episodes.
        skills: Skills to draw from otherwise.
        pair: easy or hard, as ``tasks.draw_task`` has it.
        scenery: plain, seen or unseen.
        wordings: quard, seen, unseen or synonym, as ``instructions.say`` has them.
        pixels: Height and width of the image.
        render_mode: None, "human" (MuJoCo's viewer) or "rgb_array" (the image).

    Raises:
        ConfigurationError: An argument is out of range, or MuJoCo can't render on this machine.
    """  # noqa: E501  # the tables' rows

    metadata = {  # noqa: RUF012  # as Gymnasium declares it
        "render_modes": list(RENDER_MODES),
        "render_fps": round(1 / POLICY_PERIOD),
    }

    def __init__(
        self,
        robot: str = "go2",
        instruction: str | None = None,
        skills: tuple[str, ...] = SKILLS,
        pair: str = "hard",
        scenery: str = "seen",
        wordings: str = "seen",
        pixels: int = 96,
        render_mode: str | None = None,
    ) -> None:
        unknown = ", ".join(sorted(set(skills) - set(SKILLS)))
        if unknown or not skills:
            raise ConfigurationError(f"skills are {', '.join(SKILLS)}, not {unknown or 'none'}")
        self._robot, self._skills, self._instruction = robot, tuple(skills), instruction
        self._pair, self._scenery, self._wordings = pair, scenery, wordings
        self._pixels, self.render_mode = pixels, render_mode
        self._courses: dict[str, tuple[Course, Camera]] = {}
        self._view: View | None = None
        self.observation_space = spaces.Dict(
            {
                "image": spaces.Box(0, 255, (pixels, pixels, 3), np.uint8),
                "instruction": spaces.Text(_LONGEST, charset=_TEXT),
                "proprioception": spaces.Box(-np.inf, np.inf, (9,), np.float64),
            }
        )
        self.action_space = spaces.Box(*RANGES.T, dtype=np.float64)
        self.controller = QuadrupedController(find_robot(robot))

    def _course(self, load: str) -> tuple[Course, Camera]:
        if load not in self._courses:
            course = Course(self._robot, load)
            self._courses[load] = course, Camera(course.model, "head", self._pixels, self._pixels)
        return self._courses[load]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode; the same seed starts the same one."""
        super().reset(seed=seed)
        self.task: Task = (options or {}).get("task") or self._draw()
        self._loaded, self._camera = self._course(load_of(self.task.skill))
        self._loaded.arrange(self.task, draw_scenery(self._scenery, self.np_random))
        self.body = Body(self._loaded.world())
        self.body.reset(self.np_random)
        self.controller.reset()
        self._witness = Witness(self._loaded, self.body)
        self._judge, self._published = StrictJudge(self.task), False
        self._time = 0.0
        self._ended: float | None = None
        self._look()
        if self.render_mode == "human":
            self._view = View("human", self.body.model, self.body.data, lambda: self._camera)
            self._view.show()
        return self._observation(), self._info()

    def _draw(self) -> Task:
        seed = int(self.np_random.integers(2**31))
        if self._instruction is not None:
            return draw(self._instruction, seed, pair=self._pair)
        skill = self._skills[int(self.np_random.integers(len(self._skills)))]
        kind = str(self.np_random.choice(KINDS[skill]))
        colour = str(self.np_random.choice(LETTERS if skill == "distinguish" else SEEN))
        manner = str(self.np_random.choice(MANNERS))
        meant = Understood(skill, kind, "" if skill == "crawl" else colour, manner)
        task = draw(say(meant), seed, pair=self._pair)
        words = say(meant, self.np_random, self._wordings)
        return Task(task.skill, words, task.objects, task.seconds, task.bar, task.load, task.manner)

    def step(self, action: Array) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Walk for 0.1 s as the action says.

        Raises:
            ValueError: The action has not the shape (12,) or is not finite.
        """
        action = np.asarray(action, dtype=np.float64)
        if action.shape != (len(RANGES),) or not np.isfinite(action).all():
            raise ValueError(f"expected an array of 12 finite numbers, got {action}")
        action = np.clip(action, *RANGES.T)
        if self._ended is None and action[TERMINATE] > 0.5:
            self._ended = self._time
        if self._ended is not None:
            action[TERMINATE] = 1.0
        follow(self.body, self.controller, action, self._time, self._witness.look)
        self._time += POLICY_PERIOD
        before = self._judge.success
        self._look()
        if self._view is not None:
            self._view.show()
        info, late = self._info(), self._ended is None and self._time > self.task.seconds
        watched = self._ended is not None and self._time > self._ended + WATCHED
        terminated = info["success"] or watched or self.body.fallen
        return self._observation(), float(info["success"] and not before), terminated, late, info

    def _look(self) -> None:
        moment: Moment = self._witness.moment(self._time, self._ended is not None)
        self._judge.see(moment)
        self._published |= self._time <= self.task.seconds and published(self.task, moment)

    def _info(self) -> dict[str, Any]:
        judge = self._judge
        touched = judge.touched
        return {
            "success": judge.success and not self.body.fallen,
            "published": self._published,
            "done": judge.done and not judge.failed,
            "touched": touched,
            "failed": "it fell" if self.body.fallen else judge.failed,
        }

    def _observation(self) -> Observation:
        state: RobotState = robot_state(self.controller)
        return {
            "image": self._camera.look(self.body.data),
            "instruction": self.task.instruction,
            "proprioception": np.array([*state.motion(), *state.position, state.yaw]),
        }

    def render(self) -> Any:
        """Picture of the head's camera, (pixels, pixels, 3) uint8, in the mode "rgb_array"."""
        if self.render_mode != "rgb_array":
            return None
        return self._camera.look(self.body.data)

    def close(self) -> None:
        """Release cameras and window."""
        if self._view is not None:
            self._view.close()
        for _, camera in self._courses.values():
            camera.close()
        self._courses.clear()
