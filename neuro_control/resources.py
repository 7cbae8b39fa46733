# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Paths of launch files, configurations, models and weights, however the package was installed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from neuro_control.errors import ConfigurationError


def _prefixes() -> Iterator[Path]:
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        if prefix:
            yield Path(prefix)
    # Where pip puts data files: the environment, or the folder given with --target.
    yield Path(sys.prefix)
    for folder in sys.path:
        yield Path(folder)


@cache
def share() -> Path:
    """Folder that holds ``launch``, ``config`` and ``sim``.

    Raises:
        ConfigurationError: The installation lacks them.
    """
    # A source tree comes first, so that an edited file counts in an editable installation,
    # whose copies in the prefix date from the day it was made.
    folders = [Path(__file__).resolve().parents[1]]
    folders += [prefix / "share" / "neuro_control" for prefix in _prefixes()]
    for folder in folders:
        if (folder / "package.xml").is_file() and (folder / "sim").is_dir():
            return folder
    raise ConfigurationError(
        "the package's launch, config and sim folders are missing: install it with pip or colcon"
    )


def find_shared_file(package: str, name: str) -> Path:
    """File ``name`` in the share folder of another package.

    Raises:
        ConfigurationError: It is not there.
    """
    for prefix in _prefixes():
        path = prefix / "share" / package / name
        if path.is_file():
            return path
    raise ConfigurationError(f"package '{package}' has no file '{name}' in its share folder")


def find_file(kind: str, name: str) -> Path:
    """File ``name`` of the folder ``kind`` of the share, or the path ``name`` itself.

    Raises:
        ConfigurationError: There is no such file; the message lists what there is.
    """
    path = Path(name).expanduser()
    if path.is_absolute() or path.parent != Path():
        if path.is_file():
            return path
        raise ConfigurationError(f"no file {path}")
    path = share() / kind / name
    if path.is_file():
        return path
    there = ", ".join(sorted(p.name for p in (share() / kind).iterdir() if p.is_file()))
    raise ConfigurationError(f"no file '{name}' in {kind}: there are {there}")
