# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Traverses of a route, and which of their images show the same places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.cli import output
from neuro_control.errors import ConfigurationError
from neuro_control.places.control.images import featureless
from neuro_control.places.control.types import Array, Grey, Indices
from neuro_control.places.training import bags
from neuro_control.places.training.frames import (
    LISTS,
    POSES,
    ImageLabel,
    LabelledImage,
    folder,
    listed,
)
from neuro_control.simulation.signals import ImageEffects

_REMARKS = 5
# Time between two images, the player's default, s.
_PERIOD = 0.1


class SkippedImage(NamedTuple):
    """An image that was left out, and why."""

    name: str
    row: int | None
    reason: str


@dataclass(frozen=True)
class Traverse:
    """Images along a route, in its order.

    Attributes:
        source: Where the images were read from, for messages.
        names: Names of the n images.
        images: Grey images, (H, W) of uint8 each, or what ``keep`` of ``open_traverse`` made of
            them.
        rows: Numbers of the places, (n,), if a list gave them.
        stamps: Times at which the images were taken, s, (n,), if known.
        poses: Poses of the camera, [x y z qx qy qz qw] in m, (n, 7), if known.
        frame_id: Coordinate frame of the poses.
        skipped: Images that could not be read or show nothing.
    """

    source: str
    names: tuple[str, ...]
    images: tuple[NDArray[Any], ...]
    rows: tuple[int, ...] | None = None
    stamps: Array | None = None
    poses: Array | None = None
    frame_id: str = "map"
    skipped: tuple[SkippedImage, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.names)

    def beginning(self, count: int | None) -> Traverse:
        """The first ``count`` images; all of them with None."""
        return self if count is None else self.part(0, count)

    def part(self, first: int, end: int) -> Traverse:
        """The images from ``first`` up to, but not including, ``end``."""

        def cut(values: Any) -> Any:
            return None if values is None else values[first:end]

        return replace(
            self,
            names=cut(self.names),
            images=cut(self.images),
            rows=cut(self.rows),
            stamps=cut(self.stamps),
            poses=cut(self.poses),
        )


def open_traverse(
    path: Path,
    *,
    images: Path | None = None,
    topic: str | None = None,
    pose_topic: str | None = None,
    stride: int = 1,
    period: float = 0.0,
    keep: Callable[[Grey], NDArray[Any]] | None = None,
    effects: ImageEffects | None = None,
) -> Traverse:
    """Read a traverse from a folder, a list or a bag; see ``frames`` and ``bags``.

    Images that can't be read or are of one colour are left out, with a remark.

    Args:
        path: A folder of images, a list of images, or a ROS 2 bag.
        images: Folder of the images, for a list that lies elsewhere.
        topic: Topic of the images in a bag; by default the only one.
        pose_topic: Topic of the poses in a bag.
        stride: Use the first of so many images.
        period: Use an image only if so many seconds have passed since the one before.
        keep: What to keep of an image, such as ``images.shrink``, where the whole would be much.
        effects: Effects on the whole images, which come ten times a second; a lost one is left out.

    Raises:
        ConfigurationError: ``path`` holds no images, none of them can be read, or an option doesn't
            fit.
    """
    if stride < 1 or not period >= 0.0:
        raise ConfigurationError(
            f"the stride must be 1 image or more and the period 0 s or more, not {stride} and "
            f"{period:g}"
        )
    frames = _thinned(_labelled(path, images, topic, pose_topic), path, stride, period)
    traverse = _gathered(path, frames, keep, effects or ImageEffects((), seed=0))
    for skipped in traverse.skipped[:_REMARKS]:
        output.remarks.print(f"left out: {skipped.reason}", markup=False, soft_wrap=True)
    if len(traverse.skipped) > _REMARKS:
        output.remarks.print(
            f"left out: {len(traverse.skipped) - _REMARKS} more", markup=False, soft_wrap=True
        )
    return traverse


def _labelled(
    path: Path, images: Path | None, topic: str | None, pose_topic: str | None
) -> Iterator[LabelledImage]:
    if not path.exists():
        raise ConfigurationError(f"no folder, list or bag {path}")
    if bags.is_bag(path):
        return bags.read(path, topic, pose_topic)
    if topic or pose_topic:
        raise ConfigurationError(f"topics are for bags, and {path} is none")
    if path.is_dir():
        return folder(path)
    if path.suffix in LISTS:
        return listed(path, images)
    raise ConfigurationError(
        f"{path} is no folder of images, no bag, and no list ({', '.join(LISTS)})"
    )


def _thinned(
    images: Iterable[LabelledImage], path: Path, stride: int, period: float
) -> Iterator[LabelledImage]:
    earliest = -np.inf
    for index, (label, load) in enumerate(images):
        if index % stride:
            continue
        if period:
            if label.stamp is None:
                raise ConfigurationError(
                    f"{path} doesn't say when its images were taken: give a stride, no period"
                )
            if label.stamp < earliest:
                continue
            earliest = label.stamp + period - 1e-6  # today's stamps, in s, are rounded to 0.2 µs
        yield LabelledImage(label, load)


def _gathered(
    path: Path,
    labelled: Iterable[LabelledImage],
    keep: Callable[[Grey], NDArray[Any]] | None,
    effects: ImageEffects,
) -> Traverse:
    kept: list[ImageLabel] = []
    images: list[NDArray[Any]] = []
    skipped: list[SkippedImage] = []
    for index, (label, load) in enumerate(labelled):
        try:
            image = load()
            if featureless(image):
                raise ConfigurationError(
                    f"the image {label.name} of {path} is of one colour and shows no place"
                )
            affected = effects.apply(index * _PERIOD, image)
            if affected is None:
                raise ConfigurationError(f"the image {label.name} of {path} is lost by an effect")
        except ConfigurationError as error:
            skipped.append(SkippedImage(label.name, label.row, str(error)))
            continue
        images.append(keep(affected) if keep else affected)
        kept.append(label)
    if not kept:
        reason = f": {skipped[0].reason}" if skipped else ""
        raise ConfigurationError(f"{path} holds no image that can be used{reason}")
    rows = [label.row for label in kept if label.row is not None]
    stamps = [label.stamp for label in kept if label.stamp is not None]
    poses = [label.pose for label in kept if label.pose is not None]
    return Traverse(
        source=str(path),
        names=tuple(label.name for label in kept),
        images=tuple(images),
        # Known of all images or of none: a series with gaps would be of no use.
        rows=tuple(rows) if len(rows) == len(kept) else None,
        stamps=np.array(stamps) if len(stamps) == len(kept) else None,
        poses=np.array(poses) if len(poses) == len(kept) else None,
        frame_id=kept[0].frame_id,
        skipped=tuple(skipped),
    )


def pair(reference: Traverse, query: Traverse, unmatched: bool = False) -> Indices:
    """Index of the reference's image that shows each query's place, (queries,).

    Equal names are equal places. If two lists share no name, equal rows are equal places. Places
    whose image was left out when the traverse was read stay part of the route: a query of such a
    place has no image in the reference, -1.

    Args:
        reference: Traverse of the places.
        query: Traverse to be recognised.
        unmatched: Whether queries may be of places that the reference lacks, and places may have no
            query; otherwise the two must be of the same places.

    Raises:
        ConfigurationError: The places differ, nothing is the same at all, or a place comes twice in
            the reference.
    """
    shared = {*reference.names, *(each.name for each in reference.skipped)}
    by_row = shared.isdisjoint((*query.names, *(each.name for each in query.skipped)))
    places, places_skipped = _keys(reference, by_row)
    queries, queries_skipped = _keys(query, by_row)
    twice = next((key for key, count in Counter(places).items() if count > 1), None)
    if twice is not None:
        raise ConfigurationError(f"{reference.source} has {twice} twice: name each place once")
    common = {*places, *places_skipped} & {*queries, *queries_skipped}
    missing = [f"{key} is only in {reference.source}" for key in places if key not in common]
    missing += [f"{key} is only in {query.source}" for key in queries if key not in common]
    if not common or (missing and not unmatched):
        raise ConfigurationError(
            f"{reference.source} has {len(places)} images, {query.source} {len(queries)}, and "
            f"{len(common)} places are the same ({missing[0]}): give two traverses of the same "
            "places, with the same names"
        )
    index = {key: place for place, key in enumerate(places)}
    return np.array([index.get(key, -1) for key in queries], dtype=np.int64)


def _keys(traverse: Traverse, by_row: bool) -> tuple[list[str], list[str]]:
    """Keys of the places of a traverse: of the images read, and of those left out."""
    if by_row and traverse.rows is not None:
        rows = (each.row for each in traverse.skipped)
        return [f"row {row}" for row in traverse.rows], [f"row {row}" for row in rows]
    return list(traverse.names), [each.name for each in traverse.skipped]


def pair_by_pose(reference: Traverse, query: Traverse, within: float) -> Indices:
    """Index of the reference's image that was taken nearest to each query, (queries,).

    It is for traverses whose images have no names in common, such as two bags. The index is -1
    where no image was taken within so many metres.

    Raises:
        ConfigurationError: A traverse has no poses, they are relative to different frames, or no
            query was taken near the reference.
    """
    if reference.poses is None or query.poses is None:
        lacking = reference if reference.poses is None else query
        raise ConfigurationError(
            f"{lacking.source} has no poses: give a topic of poses, or a {POSES}"
        )
    if reference.frame_id != query.frame_id:
        raise ConfigurationError(
            f"poses of {reference.source} are in '{reference.frame_id}', those of {query.source} "
            f"in '{query.frame_id}': bring both into one frame"
        )
    found = np.full(len(query), -1, dtype=np.int64)
    for index, position in enumerate(query.poses[:, :3]):
        distances = np.linalg.norm(reference.poses[:, :3] - position, axis=1)
        if distances.min() <= within:
            found[index] = distances.argmin()
    if (found < 0).all():
        raise ConfigurationError(
            f"no image of {query.source} was taken within {within:g} m of one of "
            f"{reference.source}: give traverses of the same route"
        )
    return found
