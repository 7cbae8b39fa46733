# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""tf2_msgs/TFMessage for Cyclone DDS, where the ROS package tf2_msgs is not installed.

Names, fields and order are those of the .msg files of Jazzy (tf2_msgs, geometry_msgs, std_msgs,
builtin_interfaces), so that ROS nodes know the type by its name and read its bytes.
"""

from dataclasses import dataclass, field

from cyclonedds.idl import IdlStruct
from cyclonedds.idl.annotations import final
from cyclonedds.idl.types import float64, int32, sequence, uint32


@dataclass
@final
class Time(IdlStruct, typename="builtin_interfaces::msg::dds_::Time_"):
    """A time."""

    sec: int32 = 0
    nanosec: uint32 = 0


@dataclass
@final
class Header(IdlStruct, typename="std_msgs::msg::dds_::Header_"):
    """Time and frame."""

    stamp: Time = field(default_factory=Time)
    frame_id: str = ""


@dataclass
@final
class Vector3(IdlStruct, typename="geometry_msgs::msg::dds_::Vector3_"):
    """A vector, m."""

    x: float64 = 0.0
    y: float64 = 0.0
    z: float64 = 0.0


@dataclass
@final
class Quaternion(IdlStruct, typename="geometry_msgs::msg::dds_::Quaternion_"):
    """An attitude."""

    x: float64 = 0.0
    y: float64 = 0.0
    z: float64 = 0.0
    w: float64 = 1.0


@dataclass
@final
class Transform(IdlStruct, typename="geometry_msgs::msg::dds_::Transform_"):
    """Position and attitude."""

    translation: Vector3 = field(default_factory=Vector3)
    rotation: Quaternion = field(default_factory=Quaternion)


@dataclass
@final
class TransformStamped(IdlStruct, typename="geometry_msgs::msg::dds_::TransformStamped_"):
    """A frame within its parent's at a time."""

    header: Header = field(default_factory=Header)
    child_frame_id: str = ""
    transform: Transform = field(default_factory=Transform)


@dataclass
@final
class TFMessage(IdlStruct, typename="tf2_msgs::msg::dds_::TFMessage_"):
    """Frames on ``/tf`` and ``/tf_static``."""

    transforms: sequence[TransformStamped] = field(default_factory=list)
