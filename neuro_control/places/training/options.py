# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Options of the commands that read traverses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

_images_option = click.option(
    "--images", type=click.Path(path_type=Path), help="Folder of the images that a list names."
)
_topic_option = click.option(
    "--topic", help="Topic of the images in a bag; by default the only one."
)
_pose_topic_option = click.option("--pose-topic", help="Topic of the poses in a bag.")


def traverse_options(command: Command) -> Command:
    """Add ``--images``, ``--topic`` and ``--pose-topic``, arguments of ``open_traverse``."""
    return _images_option(_topic_option(_pose_topic_option(command)))
