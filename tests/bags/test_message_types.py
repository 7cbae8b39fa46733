# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Definitions and lengths of messages are those that rosbags, another implementation, has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState

from neuro_control.bags.cdr import trimmed
from neuro_control.bags.message_types import definition, find_type, type_name
from neuro_control.errors import ConfigurationError

pytest.importorskip("rosbags")

from rosbags.typesys import Stores, get_types_from_msg, get_typestore

STORE = get_typestore(Stores.ROS2_JAZZY)
KINDS = [
    "diagnostic_msgs/msg/DiagnosticArray",
    "geometry_msgs/msg/PoseWithCovarianceStamped",
    "nav_msgs/msg/Odometry",
    "rcl_interfaces/msg/ParameterEvent",
    "rosgraph_msgs/msg/Clock",
    "sensor_msgs/msg/CameraInfo",
    "sensor_msgs/msg/Image",
    "sensor_msgs/msg/Imu",
    "sensor_msgs/msg/JointState",
    "sensor_msgs/msg/PointCloud2",
    "std_msgs/msg/Empty",
    "std_msgs/msg/Float64MultiArray",
    "std_msgs/msg/String",
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_definition_is_that_of_the_message_s_own_file_but_for_constants(kind):
    ours = get_types_from_msg(definition(kind), kind)
    assert kind in ours
    for name, (_, fields) in ours.items():
        theirs = STORE.fielddefs[name][1]
        # An empty message has a byte for C's sake, which rosbags' definitions name as well.
        assert [each for each in fields if each[0] != "structure_needs_at_least_one_member"] == [
            each for each in theirs if each[0] != "structure_needs_at_least_one_member"
        ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_without_content_has_the_length_that_rosbags_gives_it(kind):
    message = find_type(kind)()
    data = trimmed(kind, serialize_message(message))
    assert len(STORE.serialize_cdr(STORE.deserialize_cdr(data, kind), kind)) == len(data)


@given(
    st.lists(st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=5)),
    *[st.lists(st.floats(allow_nan=False), max_size=4)] * 3,
    st.text("abc", max_size=4),
)
def test_a_message_is_cut_where_it_ends_whatever_it_holds(names, position, velocity, effort, frame):
    message = JointState(name=names, position=position, velocity=velocity, effort=effort)
    message.header.frame_id = frame
    data = trimmed("sensor_msgs/msg/JointState", serialize_message(message))
    read = STORE.deserialize_cdr(data, "sensor_msgs/msg/JointState")
    assert read.name == names
    assert read.effort.tolist() == effort
    assert len(STORE.serialize_cdr(read, "sensor_msgs/msg/JointState")) == len(data)


def test_what_is_no_message_is_left_as_it_is():
    assert trimmed("sensor_msgs/msg/JointState", b"") == b""
    assert trimmed("sensor_msgs/msg/JointState", b"\0\1\0\0\xff\xff") == b"\0\1\0\0\xff\xff"


def test_types_have_one_name_and_only_packages_of_messages_are_imported():
    assert type_name(find_type("sensor_msgs/Imu")) == "sensor_msgs/msg/Imu"
    for name in ("os/msg/System", "sensor_msgs/msg/Nothing", "imu", "sensor_msgs.msg/Imu"):
        with pytest.raises(ConfigurationError):
            find_type(name)
