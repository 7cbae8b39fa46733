# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reads the images of a ROS 2 bag (SQLite or MCAP), without ROS.

It needs the package rosbags: ``pip install neuro_control[bags]``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.images import decode_image, raw_image
from neuro_control.places.control.types import Array, Grey
from neuro_control.places.training.frames import ImageLabel, LabelledImage, pose_of

STORAGES = (".mcap", ".db3")
# Longest time between an image and its pose, s.
NEAREST_POSE = 0.5

_RAW = "sensor_msgs/msg/Image"
_COMPRESSED = "sensor_msgs/msg/CompressedImage"
_IMAGES = (_RAW, _COMPRESSED)
# How many `pose` fields deep the pose lies.
_POSES = {
    "nav_msgs/msg/Odometry": 2,
    "geometry_msgs/msg/PoseWithCovarianceStamped": 2,
    "geometry_msgs/msg/PoseStamped": 1,
}


class _PoseTrack(NamedTuple):
    """Poses over time: stamps in s, (n,), poses, (n, 7), and their coordinate frame."""

    stamps: Array
    poses: Array
    frame_id: str

    def at(self, stamp: float) -> tuple[Array, float]:
        """The pose nearest in time, and how far it is, s."""
        index = int(np.abs(self.stamps - stamp).argmin())
        return self.poses[index], abs(float(self.stamps[index]) - stamp)


def is_bag(path: Path) -> bool:
    """Whether a path is a ROS 2 bag: its folder, or the file of its storage."""
    return (path / "metadata.yaml").is_file() or path.suffix in STORAGES


def read(
    path: Path, topic: str | None = None, pose_topic: str | None = None
) -> Iterator[LabelledImage]:
    """The images of a bag in the order of recording, named by their stamps in ns.

    Args:
        path: Folder of the bag, or the file of its storage.
        topic: Topic of the images (sensor_msgs Image or CompressedImage); by default the only one.
        pose_topic: Topic of poses (nav_msgs Odometry, geometry_msgs PoseStamped or
            PoseWithCovarianceStamped). Each image gets the pose nearest in time; an image without
            one within half a second can't be loaded.

    Raises:
        ConfigurationError: rosbags isn't installed, the bag can't be read, or there is no such
            topic, or several.
    """
    try:
        from rosbags.highlevel import AnyReader
        from rosbags.typesys import Stores, get_typestore
    except ImportError as error:
        raise ConfigurationError(
            "bags are read through rosbags: pip install 'neuro_control[bags]'"
        ) from error
    # Bags written before ROS 2 Iron don't hold the definitions of their messages.
    definitions = get_typestore(Stores.ROS2_JAZZY)
    try:
        with AnyReader([path], default_typestore=definitions) as reader:
            yield from _labelled(reader, path, topic, pose_topic)
    except ConfigurationError:
        raise
    except Exception as error:  # a damaged bag makes rosbags stumble over almost anything
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ConfigurationError(f"can't read the bag {path}: {reason}") from error


def _labelled(
    reader: Any, path: Path, topic: str | None, pose_topic: str | None
) -> Iterator[LabelledImage]:
    images = _connections(reader, path, "image", topic, _IMAGES)
    track = None
    if pose_topic is not None:
        track = _pose_track(reader, _connections(reader, path, "pose", pose_topic, tuple(_POSES)))
    found = 0
    for connection, time, data in reader.messages(connections=images):
        found += 1
        message = reader.deserialize(data, connection.msgtype)
        stamp = _nanoseconds(message, time)
        name = str(stamp)
        load = partial(_load, message, connection.msgtype, f"{name} in {path}")
        label = ImageLabel(name, stamp=stamp / 1e9)
        if track is not None:
            pose, gap = track.at(stamp / 1e9)
            label = label._replace(pose=pose, frame_id=track.frame_id)
            if gap > NEAREST_POSE:
                load = partial(_refuse, f"{name} in {path} has no pose within {NEAREST_POSE:g} s")
        yield LabelledImage(label, load)
    # rosbags passes over what it can't find in a damaged file.
    expected = sum(each.msgcount for each in images)
    if found != expected:
        raise ConfigurationError(
            f"the bag {path} is damaged: {found} of its {expected} images can be read; recover it, "
            "as with `mcap recover`, and give the bag that comes of that"
        )


def _connections(
    reader: Any, path: Path, what: str, topic: str | None, types: Sequence[str]
) -> list[Any]:
    """The connections of a topic of these types; of the only such topic if ``topic`` is None."""
    fitting = [each for each in reader.connections if each.msgtype in types and each.msgcount]
    topics = sorted({each.topic for each in fitting})
    there = f"its {what} topics are {', '.join(topics)}" if topics else f"it has no {what} topic"
    if topic is None and len(topics) != 1:
        raise ConfigurationError(f"the bag {path} needs a choice of {what} topic: {there}")
    found = [each for each in fitting if each.topic == (topic or topics[0])]
    if not found:
        raise ConfigurationError(f"no {what} topic {topic} in the bag {path}: {there}")
    return found


def _nanoseconds(message: Any, otherwise: int) -> int:
    """Stamp of a message, or, if it is not set, the time at which it was recorded."""
    stamp = message.header.stamp
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec) or otherwise


def _pose_track(reader: Any, connections: Sequence[Any]) -> _PoseTrack:
    stamps, poses, frame_id = [], [], ""
    for connection, time, data in reader.messages(connections=connections):
        message = reader.deserialize(data, connection.msgtype)
        frame_id = message.header.frame_id
        stamps.append(_nanoseconds(message, time) / 1e9)
        pose = message
        for _ in range(_POSES[connection.msgtype]):
            pose = pose.pose
        point, turn = pose.position, pose.orientation
        numbers = [point.x, point.y, point.z, turn.x, turn.y, turn.z, turn.w]
        poses.append(pose_of(np.array(numbers)))
    return _PoseTrack(np.array(stamps), np.array(poses), frame_id or "map")


def _load(message: Any, kind: str, source: str) -> Grey:
    try:
        return _decoded(message, kind, source)
    except ConfigurationError:
        raise
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        # A bag brings the definitions of its messages, which may be others than ROS's.
        raise ConfigurationError(
            f"can't read the image {source}: its message is no {kind} ({error})"
        ) from error


def _decoded(message: Any, kind: str, source: str) -> Grey:
    if kind == _COMPRESSED:
        return decode_image(bytes(message.data), source)
    size = (message.height, message.width)
    try:
        return raw_image(
            message.data, size, message.encoding, message.step, bool(message.is_bigendian)
        )
    except ConfigurationError as error:
        raise ConfigurationError(f"can't read the image {source}: {error}") from error


def _refuse(reason: str) -> Grey:
    raise ConfigurationError(reason)
