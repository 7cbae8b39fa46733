# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures of quadrupeds in their worlds and on the course of QUART's tasks."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from neuro_control.cli.output import remarks
from neuro_control.errors import ConfigurationError
from neuro_control.files import writing
from neuro_control.quadruped.control.command import Command, gait
from neuro_control.quadruped.control.controller import QuadrupedController
from neuro_control.quadruped.control.robots import ROBOTS, find_robot
from neuro_control.quadruped.control.types import PERIOD
from neuro_control.quadruped.evaluation.rollout import rollout
from neuro_control.quadruped.simulation import body as bodies
from neuro_control.quadruped.simulation import course
from neuro_control.quadruped.simulation.body import Body
from neuro_control.quadruped.simulation.camera import Camera
from neuro_control.quadruped.simulation.model import TERRAINS
from neuro_control.simulation.world import World

# Tasks of the montage: seed, how the robot moves, and for how long, s.
_SHOWN = {
    "go to the blue ball and avoid the obstacle": (1, gait("trot", forward=0.2), 1.0),
    "distinguish letter a": (1, gait("trot", forward=0.4), 2.0),
    "go through the yellow triangle tunnel": (0, gait("trot", forward=0.4, left=-0.2), 1.5),
    "crawl under the bar": (11, gait("trot", forward=0.6, height=-0.14), 2.6),
    "unload the ball into the blue traybox": (1, gait("trot", forward=0.5), 3.0),
    "stop the red ball": (0, gait("trot", forward=0.4), 2.0),
}
# Sizes in the montage, pixels: a terrain's picture, a policy's, and a line of text; and the number
# of its colours.
_WIDTH, _HEIGHT, _SIDE, _LINE, _COLOURS = 272, 204, 224, 18, 256


def look(
    world: World, robot: str, command: Command, seconds: float, *views: tuple[str, int, int]
) -> list[NDArray[np.uint8]]:
    """Pictures after a walk, (height, width, 3) each.

    Args:
        world: World of the robot, from ``body.world`` or ``course.world``.
        robot: Name of the robot.
        command: Command by which it walks.
        seconds: Duration of the walk, s.
        views: Camera, height and width of each picture, pixels.

    Raises:
        ConfigurationError: There is no such camera, or MuJoCo can't render on this machine.
    """
    body = Body(world)
    rollout(body, QuadrupedController(find_robot(robot)), command, seconds, every=round(1 / PERIOD))
    pictures = []
    for view in views:
        camera = Camera(body.model, *view)
        pictures.append(camera.look(body.data))
        camera.close()
    return pictures


def montage() -> Image.Image:
    """Go2 on each terrain and at some tasks, seen from outside and by its own camera."""
    panels = []
    for terrain in TERRAINS:
        world = bodies.world(terrain=terrain, meshes=True)
        panels += look(world, "go2", gait("trot", forward=0.5), 4.0, ("beside", _HEIGHT, _WIDTH))
    for task, (seed, command, seconds) in _SHOWN.items():
        views = (("behind", _SIDE, 2 * _WIDTH - _SIDE), ("head", _SIDE, _SIDE))
        world = course.world(task, seed=seed, meshes=True)
        panels.append(np.hstack(look(world, "go2", command, seconds, *views)))
    # A row of terrains, and tasks in twos.
    rows = [_HEIGHT + _LINE + row * (_SIDE + _LINE) for row in range(len(_SHOWN) // 2 + 1)]
    places = [(column * _WIDTH, 0) for column in range(len(TERRAINS))]
    places += [(x, y) for y in rows[:-1] for x in (0, 2 * _WIDTH)]
    page = Image.new("RGB", (4 * _WIDTH, rows[-1]), "white")
    pen = ImageDraw.Draw(page)
    for (x, y), title, panel in zip(places, [*TERRAINS, *_SHOWN], panels, strict=True):
        page.paste(Image.fromarray(panel), (x, y + _LINE))
        pen.text((x + 4, y + _LINE / 2), title, "black", anchor="lm")
    return page.quantize(_COLOURS, kmeans=1)


@click.command()
@click.option("--robot", type=click.Choice(list(ROBOTS)), default="go2", show_default=True)
@click.option(
    "--terrain", default="flat", show_default=True,
    help="Terrain: flat, rough, slope or stairs.",
)  # fmt: skip
@click.option("--task", help="Instruction of QUARD; the robot then walks on its course.")
@click.option(
    "--seed", type=click.IntRange(0, 2**31), default=0, show_default=True,
    help="Seed of the rubble and of the places of objects.",
)  # fmt: skip
@click.option(
    "--seconds", type=click.FloatRange(0, 60), default=2.0, show_default=True,
    help="Time for which it trots at 0.5 m/s before the picture is taken.",
)  # fmt: skip
@click.option(
    "--camera", type=click.Choice(["beside", "behind", "head"]),
    show_default="behind with --task, which shows what is ahead; else beside",
    help="Camera; head is the one that a policy sees through.",
)  # fmt: skip
@click.option("--width", type=click.IntRange(16, 1280), default=480, show_default=True)
@click.option("--height", type=click.IntRange(16, 960), default=360, show_default=True)
@click.option(
    "--montage", "shown", is_flag=True, help="All terrains and some tasks on one page instead."
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True,
    help="PNG file to write.",
)  # fmt: skip
def render(
    robot: str,
    terrain: str,
    task: str | None,
    seed: int,
    seconds: float,
    camera: str | None,
    width: int,
    height: int,
    shown: bool,
    out: Path,
) -> None:
    """Render a quadruped that walks in a world, or on the course of a task."""
    if shown:
        picture = montage()
    else:
        # Objects of a course are ahead of the robot, out of the sight of a camera beside it.
        camera = camera or ("beside" if task is None else "behind")
        meshes = camera != "head"
        if task is None:
            world = bodies.world(robot, terrain, seed=seed, meshes=meshes)
        else:
            world = course.world(task, robot, seed, meshes=meshes)
        walk = gait("trot", forward=0.5)
        picture = Image.fromarray(look(world, robot, walk, seconds, (camera, height, width))[0])
    try:
        with writing(out) as part:
            picture.save(part, format="PNG", optimize=True)
    except OSError as error:
        raise ConfigurationError(f"can't write {out}: {error}") from error
    remarks.print(f"written: {out}", markup=False, soft_wrap=True)
