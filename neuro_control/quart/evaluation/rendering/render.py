# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures of the course of QUARD's tasks, on which the expert walks."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from neuro_control.cli.options import seed_option
from neuro_control.cli.output import remarks
from neuro_control.errors import ConfigurationError
from neuro_control.files import writing
from neuro_control.quadruped.simulation.body import Body
from neuro_control.quadruped.simulation.camera import Camera
from neuro_control.quart.control.instructions import draw
from neuro_control.quart.control.judge import Moment
from neuro_control.quart.control.tasks import PAIRS, Task
from neuro_control.quart.evaluation.guides import Expert
from neuro_control.quart.evaluation.options import robot_option
from neuro_control.quart.evaluation.rendering.replays import picture_of
from neuro_control.quart.evaluation.rollout import rollout
from neuro_control.quart.simulation.course import Course, load_of
from neuro_control.quart.simulation.scenery import SPLITS, Scenery, draw_scenery

Picture = NDArray[np.uint8]

# Tasks of the montage: seed, worlds, and how long the robot has walked, s.
_SHOWN = {
    "go to the red cube": (3, "plain", 2.0),
    "go to the blue ball and avoid the obstacle": (1, "seen", 2.0),
    "distinguish letter a": (1, "seen", 3.0),
    "go through the yellow triangle tunnel": (0, "unseen", 4.0),
    "crawl under the bar": (11, "seen", 4.0),
    "unload the ball into the blue traybox": (1, "seen", 7.0),
    "stop the red ball": (0, "unseen", 4.0),
    "go to the gold ball quickly with a trotting gait": (5, "unseen", 2.0),
}
# Sizes in the montage, pixels: a picture from behind, what the robot sees, and a line of text; and
# the number of its colours.
_WIDTH, _SIDE, _LINE, _COLOURS = 320, 224, 18, 256


def look(
    task: Task,
    scenery: Scenery,
    seconds: float,
    *views: tuple[str, int, int],
    robot: str = "go2",
    seed: int = 0,
) -> list[Picture]:
    """Pictures of a task that the expert has been doing for some time, (height, width, 3) each.

    Args:
        task: The task.
        scenery: What surrounds it.
        seconds: Time since the instruction, s.
        views: Camera, height and width of each picture, pixels.
        robot: go2 or go1.
        seed: Seed of the start.

    Raises:
        ConfigurationError: There is no such camera, or MuJoCo can't render on this machine.
    """
    course = Course(robot, load_of(task.skill), meshes=True)
    positions: list[NDArray[np.float64]] = []

    def watch(body: Body, moment: Moment, _action: NDArray[np.float64]) -> None:
        if not positions or moment.time <= seconds:
            positions.append(body.data.qpos.copy())

    # The rollout ends with the task's time, unless the robot has ended before.
    rollout(course, dataclasses.replace(task, seconds=seconds), Expert(), seed, scenery, watch)
    pictures = []
    for view in views:
        camera = Camera(course.model, *view)
        try:
            pictures.append(picture_of(course, positions[-1], camera))
        finally:
            camera.close()
    return pictures


def montage() -> Image.Image:
    """Some tasks in several worlds, seen from behind the robot and by its own camera."""
    rows = (len(_SHOWN) + 1) // 2
    page = Image.new("RGB", (2 * (_WIDTH + _SIDE), rows * (_SIDE + _LINE)), "white")
    pen = ImageDraw.Draw(page)
    for number, (words, (seed, worlds, seconds)) in enumerate(_SHOWN.items()):
        scenery = draw_scenery(worlds, np.random.default_rng(seed))
        views = (("behind", _SIDE, _WIDTH), ("head", _SIDE, _SIDE))
        pictures = look(draw(words, seed), scenery, seconds, *views, seed=seed)
        x, y = number % 2 * (_WIDTH + _SIDE), number // 2 * (_SIDE + _LINE)
        page.paste(Image.fromarray(np.hstack(pictures)), (x, y + _LINE))
        pen.text((x + 4, y + _LINE / 2), f"{words} ({worlds} world)", "black", anchor="lm")
    return page.quantize(_COLOURS, kmeans=1)


@click.command()
@click.option(
    "--task", default="go to the red cube", show_default=True, metavar="INSTRUCTION",
    help="Instruction in one of QUARD's forms.",
)  # fmt: skip
@click.option(
    "--draw", "pair", type=click.Choice(PAIRS), default="easy", show_default=True,
    help="hard: the other object differs by its colour alone.",
)  # fmt: skip
@click.option(
    "--worlds", type=click.Choice(SPLITS), default="plain", show_default=True,
    help="Worlds: plain, those of training, or those that are kept for the test.",
)  # fmt: skip
@click.option(
    "--seconds", type=click.FloatRange(0, 20), default=2.0, show_default=True,
    help="Time for which the expert does the task before the picture is taken.",
)  # fmt: skip
@click.option(
    "--camera", type=click.Choice(["behind", "beside", "head"]), default="behind",
    show_default=True, help="Camera; head is the one that a policy sees through.",
)  # fmt: skip
@click.option("--width", type=click.IntRange(16, 1280), default=480, show_default=True)
@click.option("--height", type=click.IntRange(16, 960), default=360, show_default=True)
@click.option("--montage", "shown", is_flag=True, help="Some tasks on one page instead.")
@robot_option
@seed_option
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True,
    help="PNG file to write.",
)  # fmt: skip
def render(
    task: str,
    pair: str,
    worlds: str,
    seconds: float,
    camera: str,
    width: int,
    height: int,
    shown: bool,
    robot: str,
    seed: int,
    out: Path,
) -> None:
    """Render a robot on the course of a task, as people or as its own camera sees it."""
    if shown:
        picture = montage()
    else:
        scenery = draw_scenery(worlds, np.random.default_rng([seed, 1]))
        view = (camera, height, width)
        drawn = draw(task, seed, pair=pair)
        picture = Image.fromarray(look(drawn, scenery, seconds, view, robot=robot, seed=seed)[0])
    try:
        with writing(out) as part:
            picture.save(part, format="PNG", optimize=True)
    except OSError as error:
        raise ConfigurationError(f"can't write {out}: {error}") from error
    remarks.print(f"written: {out}", markup=False, soft_wrap=True)
