# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recorded episodes as a LeRobotDataset, written by the package ``lerobot`` where it is installed.

| Feature | Shape | What it is |
| --- | --- | --- |
| ``observation.images.head`` | (height, width, 3) | picture of the camera at the head |
| ``observation.state`` | (30,) | velocity ahead and to the left (m/s), yaw rate (rad/s), height beyond 0.3 m (m), pitch, roll (rad), and the angles (rad) and speeds (rad/s) of the joints |
| ``action`` | (12,) | as ``actions.NUMBERS`` has it |
| ``next.done`` | (1,) | whether the action ends the task |

The task of an episode is its instruction. Depth pictures have no place in this format.

Source: LeRobotDataset v3.0 (https://github.com/huggingface/lerobot, ``lerobot.datasets``).
"""  # noqa: E501  # the table's rows

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.files import writing
from neuro_control.quadruped.control.types import JOINTS
from neuro_control.quart.control.actions import NUMBERS, TERMINATE
from neuro_control.quart.training.data.formats.quard import RATE, Episode, episodes, robot_state

IMAGE = "observation.images.head"

_MOTION = ("velocity.forward", "velocity.left", "yaw_rate", "height", "pitch", "roll")
_STATE = (*_MOTION, *(f"{name}.pos" for name in JOINTS), *(f"{name}.vel" for name in JOINTS))


def write(
    source: Path,
    folder: Path,
    every: int = 5,
    rate: int = RATE,
    show: Callable[[float], None] = lambda _: None,
) -> None:
    """Write the episodes of a folder in which the task was done, whole or not at all.

    Args:
        source: Folder of episodes in QUARD's layout.
        folder: Folder of the new data set; there must be none yet.
        every: Each such frame is taken, counted from the last one.
        rate: Frames in a second of the episodes, Hz.
        show: Called with the number of episodes that are written.

    Raises:
        ConfigurationError: ``lerobot`` is not installed, the folder is there, the rate is no
            multiple of ``every``, there are no episodes, or one is damaged.
    """
    dataset_class = _lerobot()
    if folder.exists():
        raise ConfigurationError(f"{folder} is there already: give a new folder")
    if every < 1 or rate % every:
        raise ConfigurationError(f"of {rate} frames a second one in {every} can't be taken")
    done = [episode for episode in episodes(source) if episode.success]
    if not done:
        raise ConfigurationError(f"no task in {source} was done: there is nothing to learn")
    with writing(folder) as part:
        dataset = dataset_class.create(
            repo_id=folder.name,
            fps=rate // every,
            features=features(*done[0].image(0).shape[:2]),
            robot_type=done[0].info.get("urdf"),
            root=part,
            use_videos=False,
        )
        for number, episode in enumerate(done, start=1):
            for index in range((episode.length - 1) % every, episode.length, every):
                dataset.add_frame(frame_of(episode, index))
            dataset.save_episode()
            show(number)
        dataset.finalize()


def _lerobot() -> Any:
    try:
        from lerobot.datasets.lerobot_dataset import LeRobotDataset
    except ImportError as error:
        raise ConfigurationError(
            f"LeRobot's format needs its package ({error}): pip install lerobot"
        ) from error
    return LeRobotDataset


def features(height: int, width: int) -> dict[str, dict[str, Any]]:
    """Features of the data set, as LeRobotDataset declares them.

    Args:
        height: Height of the pictures, pixels.
        width: Width of the pictures, pixels.
    """
    return {
        IMAGE: {
            "dtype": "image", "shape": (height, width, 3), "names": ["height", "width", "channels"],
        },
        "observation.state": {
            "dtype": "float32", "shape": (len(_STATE),), "names": list(_STATE),
        },
        "action": {"dtype": "float32", "shape": (len(NUMBERS),), "names": list(NUMBERS)},
        "next.done": {"dtype": "bool", "shape": (1,), "names": None},
    }  # fmt: skip


def frame_of(episode: Episode, index: int) -> dict[str, Any]:
    """A frame, as LeRobotDataset adds it.

    Raises:
        ConfigurationError: The frame is damaged, or lacks the joints.
    """
    measured, action = episode.measured(index), episode.action(index)
    state: NDArray[np.float64] = np.concatenate(
        [robot_state(measured).motion(), *(_joints(episode, measured, n) for n in _KINDS)]
    )
    return {
        IMAGE: episode.image(index),
        "observation.state": state.astype(np.float32),
        "action": action.astype(np.float32),
        "next.done": np.array([action[TERMINATE] > 0.5]),
        "task": episode.instruction,
    }


_KINDS = ("joint_pos", "joint_vel")


def _joints(
    episode: Episode, measured: dict[str, NDArray[np.float64]], name: str
) -> NDArray[np.float64]:
    values = measured.get(name, np.zeros(0))
    if values.shape != (len(JOINTS),):
        raise ConfigurationError(f"{episode.folder}: a frame has no {name} of {len(JOINTS)} joints")
    return values
