# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Takes the pictures of moments: a robot is put where it should be, and its camera looks."""

from __future__ import annotations

import math

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.simulation.camera import Camera
from neuro_control.quart.simulation.course import Course, load_of
from neuro_control.quart.training.data.moments import Moment

Array = NDArray[np.float64]

_ON_BACK = 1.0  # m: so far behind the camera is a ball that is not to be seen


class Studio:
    """A course for each load, and the camera at the robot's head.

    Args:
        pixels: Height and width of a picture.
        robot: go2 or go1.

    Raises:
        ConfigurationError: MuJoCo can't render on this machine.
    """

    def __init__(self, pixels: int, robot: str = "go2") -> None:
        self._pixels, self._robot = pixels, robot
        self._courses: dict[str, tuple[Course, mujoco.MjData, Camera]] = {}

    def _course(self, load: str) -> tuple[Course, mujoco.MjData, Camera]:
        if load not in self._courses:
            course = Course(self._robot, load)
            camera = Camera(course.model, "head", self._pixels, self._pixels)
            data = mujoco.MjData(course.model)
            self._courses[load] = course, data, camera
        return self._courses[load]

    def take(self, moment: Moment) -> NDArray[np.uint8]:
        """Picture of a moment, (pixels, pixels, 3)."""
        load = load_of(moment.task.skill)
        course, data, camera = self._course(load)
        course.arrange(moment.task, moment.scenery)
        course.start(course.model, data, np.random.default_rng(0))
        data.qpos[:3] = moment.position
        yaw, pitch, roll = moment.angles
        mujoco.mju_euler2Quat(data.qpos[3:7], np.array([yaw, pitch, roll]), "zyx")
        if load != "nothing":
            self._place_balls(course, data, moment)
        mujoco.mj_kinematics(course.model, data)
        mujoco.mj_comPos(course.model, data)
        mujoco.mj_camlight(course.model, data)
        return camera.look(data)

    @staticmethod
    def _place_balls(course: Course, data: mujoco.MjData, moment: Moment) -> None:
        model = course.model
        if course.load == "chute":
            first = model.joint("load/load").qposadr[0]
            behind = moment.position - _ON_BACK * np.array(
                [math.cos(moment.angles[0]), math.sin(moment.angles[0]), 0.0]
            )
            data.qpos[first : first + 3] = behind if moment.ball is None else moment.ball
            return
        ball = moment.ball
        rolled = 0.0 if ball is None else moment.task.target.position[0] - ball[0]
        for name, each in zip(course.bodies, moment.task.objects, strict=True):
            if each.kind == "rolling ball":
                first = model.joint(name).qposadr[0]
                data.qpos[first] = each.position[0] - rolled

    def close(self) -> None:
        """Release the graphics."""
        for _, _, camera in self._courses.values():
            camera.close()
        self._courses.clear()
