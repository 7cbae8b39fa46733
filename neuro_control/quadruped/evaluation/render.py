# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures of quadrupeds in their worlds."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from neuro_control.cli.output import remarks
from neuro_control.cli.scenario import find_command
from neuro_control.errors import ConfigurationError
from neuro_control.files import writing
from neuro_control.quadruped.control.command import Command, gait
from neuro_control.quadruped.control.controller import QuadrupedController
from neuro_control.quadruped.control.robots import ROBOTS, find_robot
from neuro_control.quadruped.control.types import PERIOD
from neuro_control.quadruped.evaluation.rollout import rollout
from neuro_control.quadruped.simulation import body as bodies
from neuro_control.quadruped.simulation.body import Body
from neuro_control.quadruped.simulation.camera import Camera
from neuro_control.quadruped.simulation.model import TERRAINS
from neuro_control.simulation.world import World

# Sizes in the montage, pixels: a picture and a line of text; and the number of its colours.
_WIDTH, _HEIGHT, _LINE, _COLOURS = 272, 204, 18, 256


def look(
    world: World, robot: str, command: Command, seconds: float, *views: tuple[str, int, int]
) -> list[NDArray[np.uint8]]:
    """Pictures after a walk, (height, width, 3) each.

    Args:
        world: World of the robot, from ``body.world``.
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
    """Go2 on each terrain."""
    page = Image.new("RGB", (len(TERRAINS) * _WIDTH, _HEIGHT + _LINE), "white")
    pen = ImageDraw.Draw(page)
    for number, terrain in enumerate(TERRAINS):
        world = bodies.world(terrain=terrain, meshes=True)
        view = ("beside", _HEIGHT, _WIDTH)
        (panel,) = look(world, "go2", gait("trot", forward=0.5), 4.0, view)
        page.paste(Image.fromarray(panel), (number * _WIDTH, _LINE))
        pen.text((number * _WIDTH + 4, _LINE / 2), terrain, "black", anchor="lm")
    return page.quantize(_COLOURS, kmeans=1)


def _of_the_course(
    task: str, sizes: list[str], robot: str, seed: int, camera: str | None, out: Path
) -> None:
    """The picture of a task, which is now another command's."""
    remarks.print(
        "warning: render quadruped --task is now render quart --task, where an expert walks; "
        "--task goes with the next release"
    )
    arguments = ["--task", task, "--robot", robot, "--seed", str(seed), "--out", str(out), *sizes]
    arguments += [] if camera is None else ["--camera", camera]
    find_command("render", "quart").main(arguments, standalone_mode=False)


@click.command()
@click.option("--robot", type=click.Choice(list(ROBOTS)), default="go2", show_default=True)
@click.option(
    "--terrain", default="flat", show_default=True,
    help="Terrain: flat, rough, slope or stairs.",
)  # fmt: skip
@click.option("--task", hidden=True)
@click.option(
    "--seed", type=click.IntRange(0, 2**31), default=0, show_default=True,
    help="Seed of the rubble.",
)  # fmt: skip
@click.option(
    "--seconds", type=click.FloatRange(0, 60), default=2.0, show_default=True,
    help="Time for which it trots at 0.5 m/s before the picture is taken.",
)  # fmt: skip
@click.option(
    "--camera", type=click.Choice(["beside", "behind", "head"]),
    show_default="beside", help="Camera; head is the one that a policy sees through.",
)  # fmt: skip
@click.option("--width", type=click.IntRange(16, 1280), default=480, show_default=True)
@click.option("--height", type=click.IntRange(16, 960), default=360, show_default=True)
@click.option("--montage", "shown", is_flag=True, help="All terrains on one page instead.")
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
    """Render a quadruped that walks in a world."""
    if task is not None:
        sizes = ["--seconds", str(min(seconds, 20.0)), "--width", str(width)]
        _of_the_course(task, [*sizes, "--height", str(height)], robot, seed, camera, out)
        return
    if shown:
        picture = montage()
    else:
        camera = camera or "beside"
        world = bodies.world(robot, terrain, seed=seed, meshes=camera != "head")
        walk = gait("trot", forward=0.5)
        picture = Image.fromarray(look(world, robot, walk, seconds, (camera, height, width))[0])
    try:
        with writing(out) as part:
            picture.save(part, format="PNG", optimize=True)
    except OSError as error:
        raise ConfigurationError(f"can't write {out}: {error}") from error
    remarks.print(f"written: {out}", markup=False, soft_wrap=True)
