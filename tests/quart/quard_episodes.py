# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Episodes in QUARD's layout with made-up frames, for several tests."""

import numpy as np

from neuro_control.quart.control.instructions import draw
from neuro_control.quart.training.data.formats.quard import EpisodeWriter, Frame, folder_of

FRAMES = 7


def frame(number):
    """The frame of that number; the last one ends the task."""
    rng = np.random.default_rng(number)
    return Frame(
        np.array([float(number == FRAMES - 1), 0.5, 0.01 * number, -0.2, 0.0, 3.0, 0.5, 0.0, 0.0,
                  0.08, 0.0, 0.28]),
        {
            "joint_pos": rng.normal(size=12), "joint_vel": rng.normal(size=12),
            "body_linear_vel": np.array([0.5, 0.1, 0.0]),
            "body_angular_vel": np.array([0.0, 0.0, -0.2]),
            "body_pos": np.array([0.1 * number, 0.0, 0.28]),
            # Turned by 0.4 rad to the left.
            "body_quat": np.array([0.0, 0.0, np.sin(0.2), np.cos(0.2)]),
            "foot_positions": rng.normal(size=(4, 3)),
        },
        rng.integers(0, 255, (8, 10, 3), dtype=np.uint8),
        rng.integers(0, 65535, (8, 10), dtype=np.uint16),
    )  # fmt: skip


def write_episode(
    root, instruction="go to the red cube slowly with a trotting gait", number=4, success=True
):
    """Write an episode and return its folder."""
    task = draw(instruction, seed=3)
    folder = root / folder_of(task) / f"{number:06}"
    writer = EpisodeWriter(folder)
    for index in range(FRAMES):
        writer.add(frame(index))
    writer.finish(task, "go2", success=success, speed=0.31)
    return folder
