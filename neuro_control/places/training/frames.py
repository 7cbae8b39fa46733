# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reads the images of a traverse from a folder, or by a list that selects and orders them.

Two kinds of lists are those of the authors' repositories:

- VPRSNN: a text file with a path to an image in each line (Nordland), or a CSV file with two names
  for each place, the repository's own and Oxford RobotCar's time stamp.
- VPRTempo: a CSV file with the columns ``Image name,index``.

The third kind is Oxford RobotCar's own ``*.timestamps``: a stamp in µs and a number in each line.
Equal rows of two traverses' lists are the same place, except for the third kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from neuro_control.errors import ConfigurationError
from neuro_control.files import read_csv, read_text
from neuro_control.places.control.images import read_image
from neuro_control.places.control.types import Array, Grey

IMAGES = (
    *(".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"),
    *(".pgm", ".ppm", ".pnm"),
)
LISTS = (".txt", ".csv", ".timestamps")
POSES = "poses.csv"

_QUATERNION = ("name", "x", "y", "z", "qx", "qy", "qz", "qw")
_PLANAR = ("name", "x", "y", "yaw")


class ImageLabel(NamedTuple):
    """What is known of an image before it is read.

    Attributes:
        name: Name of the image, and of the place as far as equal names are equal places.
        row: Number of the place, for lists whose names differ from traverse to traverse.
        stamp: Time at which it was taken, s, if known.
        pose: Pose of the camera, [x y z qx qy qz qw] in m, if known.
        frame_id: Coordinate frame of the pose.
    """

    name: str
    row: int | None = None
    stamp: float | None = None
    pose: Array | None = None
    frame_id: str = "map"


class LabelledImage(NamedTuple):
    """An image that has yet to be read.

    Attributes:
        label: What is known of it.
        load: Reads it; raises a ConfigurationError if it can't.
    """

    label: ImageLabel
    load: Callable[[], Grey]


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key by which image 9 comes before image 10."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)
    ]


def _stamp(path: Path) -> float | None:
    """Seconds of an image that is named by its time in µs, as Oxford RobotCar's are."""
    return int(path.stem) / 1e6 if re.fullmatch(r"\d{16}", path.stem) else None


def _labelled(
    named: Sequence[tuple[str, Path]], rows: Sequence[int] | None
) -> Iterator[LabelledImage]:
    """Images in files, labelled with the poses in their folders."""
    poses = {folder: _poses(folder / POSES) for folder in {path.parent for _, path in named}}
    for index, (name, path) in enumerate(named):
        known = poses[path.parent]
        if known and path.name not in known:
            raise ConfigurationError(
                f"{path.parent / POSES} has no pose of {path.name}: give each image one"
            )
        row = rows[index] if rows else None
        label = ImageLabel(name, row, _stamp(path), known.get(path.name))
        yield LabelledImage(label, partial(read_image, path))


def folder(path: Path) -> Iterator[LabelledImage]:
    """The images in a folder, in the natural order of their names.

    Poses are read from ``poses.csv`` in the folder, if there is one. It has the columns
    ``name,x,y,z,qx,qy,qz,qw`` or ``name,x,y,yaw`` (m and rad, in the frame ``map``) and a row for
    each image at least.

    Raises:
        ConfigurationError: The poses can't be read, or an image has none.
    """
    found = [
        each
        for each in path.iterdir()
        if each.suffix.lower() in IMAGES and not each.name.startswith(".")
    ]
    found.sort(key=lambda each: _natural(each.name))
    return _labelled([(each.name, each) for each in found], None)


def listed(path: Path, images: Path | None = None) -> Iterator[LabelledImage]:
    """The images that a list names, in its order.

    Args:
        path: The list: ``.txt`` or ``.csv`` as in VPRSNN and VPRTempo, or ``.timestamps``.
        images: Folder of the images. By default they are searched for beside the list, in a folder
            of the list's name, as in VPRTempo, and in its folder ``left``, as in RobotCar.

    Raises:
        ConfigurationError: The list can't be read or isn't one, none of its images exists, or the
            poses in the folder of the images are wrong.
    """
    entries = _entries(path)
    beside = path.with_suffix("")
    roots = [images] if images else [path.parent, beside, beside / "left"]
    found = [_find(names, roots) for names, _ in entries]
    there = next((image.parent for image in found if image), None)
    if there is None:
        raise ConfigurationError(
            f"no image of {path} is in {' or '.join(map(str, roots))}: give the folder of images"
        )
    # The place's own name is the first; the file may have the other one.
    named = [
        (Path(names[0]).name, image or there / Path(names[0]).name)
        for (names, _), image in zip(entries, found, strict=True)
    ]
    rows = None if path.suffix == ".timestamps" else [row for _, row in entries]
    return _labelled(named, rows)


def _find(names: Sequence[str], roots: Sequence[Path]) -> Path | None:
    """The file that has one of the names in one of the folders."""
    candidates = (
        root / each for root in roots for name in names for each in (name, Path(name).name)
    )
    return next((each for each in candidates if each.is_file()), None)


def _entries(path: Path) -> list[tuple[list[str], int]]:
    """The names of each image of a list, and the number of its place."""
    if path.suffix == ".timestamps":
        lines = read_text(path, what="the list").splitlines()
        rows = [[f"{line.split()[0]}.png"] for line in lines if line.strip()]
    else:
        rows = [[field.strip() for field in row] for row in read_csv(path, "the list")]
    if rows and Path(rows[0][0]).suffix.lower() not in IMAGES:
        rows = rows[1:]  # the names of the columns
    found = []
    for number, row in enumerate(rows):
        names = [field for field in row if Path(field).suffix.lower() in IMAGES]
        if not names or row[0] != names[0]:
            raise ConfigurationError(
                f"{path} has '{','.join(row)}' where the name of an image was expected"
            )
        index = row[1] if len(row) > 1 and row[1].isdecimal() else number
        found.append((names, int(index)))
    if not found:
        raise ConfigurationError(f"{path} names no image: give a list with a name in each line")
    return found


def _poses(path: Path) -> dict[str, Array]:
    """Poses of images by name; none if there is no such file."""
    if not path.is_file():
        return {}
    found = {}
    rows = read_csv(path, "the poses in")
    try:
        columns = tuple(field.strip() for field in rows[0]) if rows else ()
        if columns not in (_QUATERNION, _PLANAR):
            raise ConfigurationError(
                f"the columns are {','.join(columns)}, not {','.join(_QUATERNION)} or "
                f"{','.join(_PLANAR)}"
            )
        for row in rows[1:]:
            if len(row) != len(columns):
                raise ConfigurationError(f"'{','.join(row)}' has not {len(columns)} fields")
            found[row[0].strip()] = pose_of(np.array(row[1:], dtype=np.float64))
    except ValueError as error:
        raise ConfigurationError(f"can't read the poses in {path}: {error}") from error
    return found


def pose_of(numbers: Array) -> Array:
    """The pose [x y z qx qy qz qw] of seven numbers, or of [x y yaw], the quaternion of length 1.

    Raises:
        ConfigurationError: A number is not finite, or the quaternion is zero.
    """
    if not np.isfinite(numbers).all():
        raise ConfigurationError("a number of a pose is not finite")
    if len(numbers) == 3:
        x, y, yaw = numbers
        return np.array([x, y, 0.0, 0.0, 0.0, np.sin(yaw / 2), np.cos(yaw / 2)])
    length = np.linalg.norm(numbers[3:])
    if length < 1e-6:
        raise ConfigurationError("a quaternion of a pose is zero and means no direction")
    return np.concatenate([numbers[:3], numbers[3:] / length])
