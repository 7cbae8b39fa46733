# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A run as an animated picture: the robot from beside, its own view, words and attention.

The states are those of the recording and the words those of the run; what the robot sees is drawn
again from them. Attention (``replays.saliency``) is that of the same policy, asked again about each
picture with the true state in place of the estimated one.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, cast

import matplotlib
import mujoco
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from neuro_control.quadruped.simulation.body import Body
from neuro_control.quart.control.policy import Policy
from neuro_control.quart.control.state import RobotState
from neuro_control.quart.evaluation.rendering.replays import saliency
from neuro_control.resources import find_file
from neuro_control.simulation import world as worlds
from neuro_control.simulation.cameras import Cameras
from neuro_control.simulation.rendering import save_animation

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]

# Height of the pictures, width of that from beside, and height of the text below, pixels.
_HEIGHT, _WIDTH, _TEXT = 270, 480, 56
# Decisions from one frame to the next: 2.5 frames a second are enough to follow.
_SKIPPED = 4
_FRAME = 0.4  # s
# The robot's numbers that are written down.
_SHOWN = ("forward", "left", "yaw_rate", "height")


def film(
    path: Path,
    recording: Mapping[str, Array],
    activity: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> None:
    """Write a run as a GIF.

    Args:
        path: File to write.
        recording: Arrays of ``Recording``.
        activity: Of the topic ``quart_policy/activity``: at least one decision.
        settings: Parameters of the simulation, with the other nodes' under ``nodes``.

    Raises:
        ConfigurationError: Nothing can be rendered on this machine, or the policy can't be loaded.
    """
    save_animation(path, _frames(recording, activity, settings), _FRAME)


def _frames(
    recording: Mapping[str, Array], activity: Mapping[str, Any], settings: Mapping[str, Any]
) -> Iterator[Picture]:
    parameters = settings["nodes"]["quart_policy"]
    policy = Policy.load(find_file("config/weights", parameters["policy"]))
    policy.reset(parameters["instruction"])
    model, arguments = settings["model"], settings["model_arguments"]
    body = Body(worlds.load(model, arguments))
    height, width = settings["camera_height"], settings["camera_width"]
    with ExitStack() as stack:
        head, beside = (
            stack.enter_context(closing(cameras))
            for cameras in (
                Cameras(model, arguments, ["head"], height, width, visuals=False),
                Cameras(
                    model, {**arguments, "meshes": True}, ["beside"], _HEIGHT, _WIDTH, visuals=True
                ),
            )
        )
        for number, time in enumerate(activity["time"]):
            _place(body, recording, float(time))
            view = _look(head, body)
            state = true_state(body)
            # It is asked as it was before it decided, and without a trace in what it remembers.
            before, asked = copy.deepcopy(policy.memory), copy.copy(policy)
            asked.parts = list(policy.parts)
            policy.act(view, state)
            if number % _SKIPPED:
                continue
            heat = saliency(asked, before, view, state)
            values = dict(zip(activity["names"], activity["values"][number], strict=True))
            lines = _lines(parameters["instruction"], float(time), values)
            yield _compose(_look(beside, body), view, heat, lines)


def _place(body: Body, recording: Mapping[str, Array], time: float) -> None:
    """Put the robot where it was at a time, s."""
    row = min(int(np.searchsorted(recording["time"], time - 1e-6)), len(recording["time"]) - 1)
    body.data.qpos[:], body.data.qvel[:] = recording["qpos"][row], recording["qvel"][row]
    mujoco.mj_forward(body.model, body.data)


def _look(cameras: Cameras, body: Body) -> Picture:
    cameras.ask(0, body.model, body.data, 0, 0)
    return cast(Picture, cameras.fetch(wait=True))


def true_state(body: Body) -> RobotState:
    """State of a simulated robot as it truly is."""
    rotation, qpos = body.rotation, body.data.qpos
    return RobotState(
        velocity=(rotation.T @ body.data.qvel[:3])[:2],
        yaw_rate=float(body.data.qvel[5]),
        height=float(qpos[2]) - 0.3,
        pitch=-math.asin(min(max(float(rotation[2, 0]), -1.0), 1.0)),
        roll=math.atan2(rotation[2, 1], rotation[2, 2]),
        position=qpos[:2].copy(),
        yaw=math.atan2(rotation[1, 0], rotation[0, 0]),
    )


def _lines(instruction: str, time: float, values: Mapping[str, float]) -> tuple[str, str]:
    """What is written below: the words, and what the policy decided."""
    if values["understood"] < 0.5:
        said = "no instruction that it knows"
    elif values["terminate"] > 0.5:
        said = "terminate"
    else:
        said = ", ".join(f"{name.replace('_', ' ')} {values[name]:.2f}" for name in _SHOWN)
    return f"“{instruction}”", f"{time:5.1f} s   {said}   confidence {values['confidence']:.2f}"


def _compose(beside: Picture, view: Picture, heat: Array, lines: tuple[str, str]) -> Picture:
    """One frame, (height, width, 3)."""
    own = Image.fromarray(view).resize((_HEIGHT, _HEIGHT), Image.Resampling.NEAREST)
    shade = Image.fromarray((200 * heat).astype(np.uint8))
    shade = shade.resize((_HEIGHT, _HEIGHT), Image.Resampling.BILINEAR)
    own.paste(Image.new("RGB", own.size, (255, 0, 255)), mask=shade.point(lambda v: 0.6 * v))
    page = Image.new("RGB", (_WIDTH + _HEIGHT, _HEIGHT + _TEXT), "white")
    page.paste(Image.fromarray(beside), (0, 0))
    page.paste(own, (_WIDTH, 0))
    pen = ImageDraw.Draw(page)
    font = f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf"
    for row, (line, size) in enumerate(zip(lines, (17, 13), strict=True)):
        pen.text((8, _HEIGHT + 5 + 26 * row), line, "black", ImageFont.truetype(font, size))
    return np.asarray(page)
