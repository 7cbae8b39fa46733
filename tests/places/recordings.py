# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""ROS 2 bags of small random images, written as a robot would."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="bags need the extra 'bags'")

from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

_STORE = get_typestore(Stores.ROS2_JAZZY)
_TYPES = _STORE.types


def header(seconds, frame="camera"):
    nanoseconds = round(seconds * 1e9)
    time = _TYPES["builtin_interfaces/msg/Time"](
        sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9
    )
    return _TYPES["std_msgs/msg/Header"](stamp=time, frame_id=frame)


def raw(image, seconds, encoding="mono8"):
    """A sensor_msgs/Image."""
    return _TYPES["sensor_msgs/msg/Image"](
        header=header(seconds),
        height=image.shape[0],
        width=image.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=image[0].nbytes,
        data=np.frombuffer(image.tobytes(), np.uint8),
    )


def compressed(data, seconds):
    """A sensor_msgs/CompressedImage."""
    return _TYPES["sensor_msgs/msg/CompressedImage"](
        header=header(seconds), format="png", data=np.frombuffer(data, np.uint8)
    )


def pose(x, seconds, kind="geometry_msgs/msg/PoseStamped", w=2.0):
    """A pose at (x, 0, 0) in the frame ``odom``, its quaternion too long."""
    point = _TYPES["geometry_msgs/msg/Point"](x=x, y=0.0, z=0.0)
    turn = _TYPES["geometry_msgs/msg/Quaternion"](x=0.0, y=0.0, z=0.0, w=w)
    plain = _TYPES["geometry_msgs/msg/Pose"](position=point, orientation=turn)
    if kind.endswith("PoseStamped"):
        return _TYPES[kind](header=header(seconds, "odom"), pose=plain)
    spread = np.zeros(36)
    uncertain = _TYPES["geometry_msgs/msg/PoseWithCovariance"](pose=plain, covariance=spread)
    if kind.endswith("Stamped"):
        return _TYPES[kind](header=header(seconds, "odom"), pose=uncertain)
    none = _TYPES["geometry_msgs/msg/Vector3"](x=0.0, y=0.0, z=0.0)
    still = _TYPES["geometry_msgs/msg/TwistWithCovariance"](
        twist=_TYPES["geometry_msgs/msg/Twist"](linear=none, angular=none), covariance=spread
    )
    return _TYPES[kind](
        header=header(seconds, "odom"), child_frame_id="base_link", pose=uncertain, twist=still
    )


def bag(path, messages, storage="mcap"):
    """A bag of (topic, seconds of recording, message); gives the file of its storage."""
    with Writer(path, version=9, storage_plugin=StoragePlugin[storage.upper()]) as writer:
        connections = {}
        for topic, seconds, message in messages:
            kind = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=_STORE)
            data = _STORE.serialize_cdr(message, kind)
            writer.write(connections[topic], round(seconds * 1e9), data)
    return next(each for each in Path(path).iterdir() if each.name != "metadata.yaml")
