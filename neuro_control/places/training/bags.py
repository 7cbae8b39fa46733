"""The images of a ROS 2 bag (SQLite or MCAP), read without ROS.

Needs the package rosbags: ``pip install neuro_control[bags]``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.images import Grey, decode_image, raw_image
from neuro_control.places.training.frames import Frame, Label, pose_of

Array = NDArray[np.float64]

STORAGES = (".mcap", ".db3")
NEAREST_POSE = 0.5  # s between an image and its pose, at most

_RAW = "sensor_msgs/msg/Image"
_COMPRESSED = "sensor_msgs/msg/CompressedImage"
_IMAGES = (_RAW, _COMPRESSED)
# How many `pose` fields deep the pose lies.
_POSES = {
    "nav_msgs/msg/Odometry": 2,
    "geometry_msgs/msg/PoseWithCovarianceStamped": 2,
    "geometry_msgs/msg/PoseStamped": 1,
}


class _Track(NamedTuple):
    """Poses over time: stamps in s, (n,); poses, (n, 7); what they are relative to."""

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


def read(path: Path, topic: str | None = None, pose_topic: str | None = None) -> Iterator[Frame]:
    """The images of a bag in the order of recording, named by their stamps in ns.

    Args:
        path: Folder of the bag, or the file of its storage.
        topic: Of the images (sensor_msgs Image or CompressedImage); by default the only one.
        pose_topic: Of poses (nav_msgs Odometry, geometry_msgs PoseStamped or
            PoseWithCovarianceStamped). Each image gets the one nearest in time; one that has none
            within half a second can't be loaded.

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
    # Bags of before Iron don't hold the definitions of their messages.
    definitions = get_typestore(Stores.ROS2_JAZZY)
    try:
        with AnyReader([path], default_typestore=definitions) as reader:
            yield from _frames(reader, path, topic, pose_topic)
    except ConfigurationError:
        raise
    except Exception as error:  # a damaged bag makes rosbags stumble over almost anything
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ConfigurationError(f"can't read the bag {path}: {reason}") from error


def _frames(reader: Any, path: Path, topic: str | None, pose_topic: str | None) -> Iterator[Frame]:
    images = _connections(reader, path, "image", topic, _IMAGES)
    track = None
    if pose_topic is not None:
        track = _track(reader, _connections(reader, path, "pose", pose_topic, tuple(_POSES)))
    for connection, time, data in reader.messages(connections=images):
        message = reader.deserialize(data, connection.msgtype)
        stamp = _nanoseconds(message, time)
        name = str(stamp)
        load = partial(_load, message, connection.msgtype, f"{name} in {path}")
        label = Label(name, stamp=stamp / 1e9)
        if track is not None:
            pose, gap = track.at(stamp / 1e9)
            label = label._replace(pose=pose, frame_id=track.frame_id)
            if gap > NEAREST_POSE:
                load = partial(_refuse, f"{name} in {path} has no pose within {NEAREST_POSE:g} s")
        yield label, load


def _connections(
    reader: Any, path: Path, what: str, topic: str | None, types: Sequence[str]
) -> list[Any]:
    """The connections of one topic of the types; of the only one if none is asked for."""
    fitting = [each for each in reader.connections if each.msgtype in types and each.msgcount]
    topics = sorted({each.topic for each in fitting})
    there = f"its {what} topics are {', '.join(topics)}" if topics else f"it has no {what} topic"
    if topic is None and len(topics) != 1:
        raise ConfigurationError(f"which images of the bag {path} to take is open: {there}")
    found = [each for each in fitting if each.topic == (topic or topics[0])]
    if not found:
        raise ConfigurationError(f"no {what} topic {topic} in the bag {path}: {there}")
    return found


def _nanoseconds(message: Any, otherwise: int) -> int:
    """A message's stamp, or, where nobody set it, the time at which it was recorded."""
    stamp = message.header.stamp
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec) or otherwise


def _track(reader: Any, connections: Sequence[Any]) -> _Track:
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
    return _Track(np.array(stamps), np.array(poses), frame_id or "map")


def _load(message: Any, kind: str, source: str) -> Grey:
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
