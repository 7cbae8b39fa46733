"""Traverses of a route, and which image of one shows the place of which of another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.cli import output
from neuro_control.errors import ConfigurationError
from neuro_control.places.control.images import Grey, featureless
from neuro_control.places.training import bags
from neuro_control.places.training.frames import LISTS, POSES, Frame, Label, folder, listed

Array = NDArray[np.float64]

_REMARKS = 5


class Skipped(NamedTuple):
    """An image that was left out, and why."""

    name: str
    row: int | None
    reason: str


@dataclass(frozen=True)
class Traverse:
    """Images along a route, in its order.

    Attributes:
        source: Where they are from, for messages.
        names: Of the n images.
        images: Grey, (H, W) of uint8 each, or what ``keep`` of ``open_traverse`` made of them.
        rows: Numbers of the places, (n,), where a list gave them.
        stamps: When they were taken, s, (n,), if known.
        poses: Where, [x y z qx qy qz qw] in m, (n, 7), if known.
        frame_id: What the poses are relative to.
        skipped: Images that could not be read or show nothing.
    """

    source: str
    names: tuple[str, ...]
    images: tuple[NDArray[Any], ...]
    rows: tuple[int, ...] | None = None
    stamps: Array | None = None
    poses: Array | None = None
    frame_id: str = "map"
    skipped: tuple[Skipped, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.names)


def open_traverse(
    path: Path,
    *,
    images: Path | None = None,
    topic: str | None = None,
    pose_topic: str | None = None,
    stride: int = 1,
    period: float = 0.0,
    keep: Callable[[Grey], NDArray[Any]] | None = None,
) -> Traverse:
    """A traverse from whatever there is at ``path``; see ``frames`` and ``bags`` for what can be.

    Images that can't be read or are of one colour are left out, and remarked on.

    Args:
        path: A folder of images, a list of images, or a ROS 2 bag.
        images: Folder of the images, for a list that lies elsewhere.
        topic: Of the images in a bag; by default the only one.
        pose_topic: Of the poses in a bag.
        stride: Take the first of so many images.
        period: Take an image only when so many seconds have passed since the one before.
        keep: What to keep of an image, such as ``images.shrink``, where the whole would be much.

    Raises:
        ConfigurationError: There is nothing there that holds images, none of them can be read, or
            an option doesn't fit.
    """
    if stride < 1 or not period >= 0.0:
        raise ConfigurationError(
            f"the stride must be 1 image or more and the period 0 s or more, not {stride} and "
            f"{period:g}"
        )
    frames = _thinned(_frames(path, images, topic, pose_topic), path, stride, period)
    traverse = _gathered(path, frames, keep)
    for skipped in traverse.skipped[:_REMARKS]:
        output.remarks.print(f"left out: {skipped.reason}", markup=False, soft_wrap=True)
    if len(traverse.skipped) > _REMARKS:
        output.remarks.print(
            f"left out: {len(traverse.skipped) - _REMARKS} more", markup=False, soft_wrap=True
        )
    return traverse


def _frames(
    path: Path, images: Path | None, topic: str | None, pose_topic: str | None
) -> Iterator[Frame]:
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


def _thinned(frames: Iterable[Frame], path: Path, stride: int, period: float) -> Iterator[Frame]:
    earliest = -np.inf
    for index, (label, load) in enumerate(frames):
        if index % stride:
            continue
        if period:
            if label.stamp is None:
                raise ConfigurationError(
                    f"{path} doesn't say when its images were taken: give a stride, no period"
                )
            if label.stamp < earliest:
                continue
            earliest = label.stamp + period - 1e-6  # stamps of today are rounded to 0.2 µs
        yield label, load


def _gathered(
    path: Path, frames: Iterable[Frame], keep: Callable[[Grey], NDArray[Any]] | None
) -> Traverse:
    kept: list[Label] = []
    images: list[NDArray[Any]] = []
    skipped: list[Skipped] = []
    for label, load in frames:
        try:
            image = load()
            if featureless(image):
                raise ConfigurationError(
                    f"the image {label.name} of {path} is of one colour and shows no place"
                )
        except ConfigurationError as error:
            skipped.append(Skipped(label.name, label.row, str(error)))
            continue
        images.append(keep(image) if keep else image)
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
        # Of all images or of none: where one name is no time, the others make no series.
        rows=tuple(rows) if len(rows) == len(kept) else None,
        stamps=np.array(stamps) if len(stamps) == len(kept) else None,
        poses=np.array(poses) if len(poses) == len(kept) else None,
        frame_id=kept[0].frame_id,
        skipped=tuple(skipped),
    )


def pair(reference: Traverse, query: Traverse, unmatched: bool = False) -> NDArray[np.int64]:
    """The image of the reference that shows each query's place, (queries,).

    Equal names are equal places. Where two lists share no name, equal rows are. Places whose image
    was left out when the traverse was read stay part of the route: a query of such a place has none
    in the reference, -1.

    Args:
        reference: The places.
        query: What is to be recognised.
        unmatched: Queries may be of places that the reference lacks, and places may have no query;
            otherwise the two must be of the same places.

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
    """What tells the places of a traverse apart: of the images read, and of those left out."""
    if by_row and traverse.rows is not None:
        rows = (each.row for each in traverse.skipped)
        return [f"row {row}" for row in traverse.rows], [f"row {row}" for row in rows]
    return list(traverse.names), [each.name for each in traverse.skipped]


def pair_by_pose(reference: Traverse, query: Traverse, within: float) -> NDArray[np.int64]:
    """The image of the reference that was taken nearest to each query, (queries,).

    For traverses whose images have no names in common, as two bags'. -1 where none was taken within
    so many metres.

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
