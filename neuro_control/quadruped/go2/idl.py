# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Unitree's messages for Cyclone DDS, where the ROS packages unitree_go and unitree_api are not.

Names, fields and order are those of Unitree's own C++ headers (unitree_sdk2, include/unitree/idl),
so that the types have the same identifiers: the robot knows them as its own. They differ from the
.msg files (unitree_ros2) in ``path_point`` and in that bytes have no sign, both of no matter to who
reads. Bytes are octets, not uint8: Cyclone DDS 0.10, which comes with Unitree's SDK, doesn't know
uint8 as a type and breaks down when it hears of one. As in ROS messages every field has a default.
"""

from dataclasses import dataclass, field
from typing import Any

from cyclonedds.idl import IdlStruct
from cyclonedds.idl.annotations import autoid, final
from cyclonedds.idl.types import array, byte, float32, int16, int32, int64, sequence, uint16, uint32

MOTORS = 20  # places in a message; a Go2 has motors in the first twelve


def _zeros(count: int, zero: Any = 0) -> Any:
    return field(default_factory=lambda: [zero] * count)


def _each(kind: type, count: int) -> Any:
    return field(default_factory=lambda: [kind() for _ in range(count)])


@dataclass
@final
@autoid("sequential")
class TimeSpec(IdlStruct, typename="unitree_go::msg::dds_::TimeSpec_"):
    """A time."""

    sec: int32 = 0
    nanosec: uint32 = 0


@dataclass
@final
@autoid("sequential")
class IMUState(IdlStruct, typename="unitree_go::msg::dds_::IMUState_"):
    """Quaternion as w, x, y, z; rad/s; m/s²; roll, pitch and yaw in rad; °C."""

    quaternion: array[float32, 4] = _zeros(4, 0.0)
    gyroscope: array[float32, 3] = _zeros(3, 0.0)
    accelerometer: array[float32, 3] = _zeros(3, 0.0)
    rpy: array[float32, 3] = _zeros(3, 0.0)
    temperature: byte = 0


@dataclass
@final
@autoid("sequential")
class MotorState(IdlStruct, typename="unitree_go::msg::dds_::MotorState_"):
    """Of a motor: rad, rad/s, rad/s², N m, °C."""

    mode: byte = 0
    q: float32 = 0.0
    dq: float32 = 0.0
    ddq: float32 = 0.0
    tau_est: float32 = 0.0
    q_raw: float32 = 0.0
    dq_raw: float32 = 0.0
    ddq_raw: float32 = 0.0
    temperature: byte = 0
    lost: uint32 = 0
    reserve: array[uint32, 2] = _zeros(2)


@dataclass
@final
@autoid("sequential")
class BmsState(IdlStruct, typename="unitree_go::msg::dds_::BmsState_"):
    """Of the battery; ``soc`` is its charge in percent, ``current`` in mA."""

    version_high: byte = 0
    version_low: byte = 0
    status: byte = 0
    soc: byte = 0
    current: int32 = 0
    cycle: uint16 = 0
    bq_ntc: array[byte, 2] = _zeros(2)
    mcu_ntc: array[byte, 2] = _zeros(2)
    cell_vol: array[uint16, 15] = _zeros(15)


@dataclass
@final
@autoid("sequential")
class LowState(IdlStruct, typename="unitree_go::msg::dds_::LowState_"):
    """What the robot feels, on ``rt/lowstate``."""

    head: array[byte, 2] = _zeros(2)
    level_flag: byte = 0
    frame_reserve: byte = 0
    sn: array[uint32, 2] = _zeros(2)
    version: array[uint32, 2] = _zeros(2)
    bandwidth: uint16 = 0
    imu_state: IMUState = field(default_factory=IMUState)
    motor_state: array[MotorState, MOTORS] = _each(MotorState, MOTORS)
    bms_state: BmsState = field(default_factory=BmsState)
    foot_force: array[int16, 4] = _zeros(4)
    foot_force_est: array[int16, 4] = _zeros(4)
    tick: uint32 = 0
    wireless_remote: array[byte, 40] = _zeros(40)
    bit_flag: byte = 0
    adc_reel: float32 = 0.0
    temperature_ntc1: byte = 0
    temperature_ntc2: byte = 0
    power_v: float32 = 0.0
    power_a: float32 = 0.0
    fan_frequency: array[uint16, 4] = _zeros(4)
    reserve: uint32 = 0
    crc: uint32 = 0


@dataclass
@final
@autoid("sequential")
class MotorCmd(IdlStruct, typename="unitree_go::msg::dds_::MotorCmd_"):
    """To a motor: tau + kp (q - angle) + kd (dq - speed). Mode 1 drives it, mode 0 releases it."""

    mode: byte = 0
    q: float32 = 0.0
    dq: float32 = 0.0
    tau: float32 = 0.0
    kp: float32 = 0.0
    kd: float32 = 0.0
    reserve: array[uint32, 3] = _zeros(3)


@dataclass
@final
@autoid("sequential")
class BmsCmd(IdlStruct, typename="unitree_go::msg::dds_::BmsCmd_"):
    """To the battery."""

    off: byte = 0
    reserve: array[byte, 3] = _zeros(3)


@dataclass
@final
@autoid("sequential")
class LowCmd(IdlStruct, typename="unitree_go::msg::dds_::LowCmd_"):
    """To the motors, on ``rt/lowcmd``."""

    head: array[byte, 2] = _zeros(2)
    level_flag: byte = 0
    frame_reserve: byte = 0
    sn: array[uint32, 2] = _zeros(2)
    version: array[uint32, 2] = _zeros(2)
    bandwidth: uint16 = 0
    motor_cmd: array[MotorCmd, MOTORS] = _each(MotorCmd, MOTORS)
    bms_cmd: BmsCmd = field(default_factory=BmsCmd)
    wireless_remote: array[byte, 40] = _zeros(40)
    led: array[byte, 12] = _zeros(12)
    fan: array[byte, 2] = _zeros(2)
    gpio: byte = 0
    reserve: uint32 = 0
    crc: uint32 = 0


@dataclass
@final
@autoid("sequential")
class PathPoint(IdlStruct, typename="unitree_go::msg::dds_::PathPoint_"):
    """A point of a path."""

    t_from_start: float32 = 0.0
    x: float32 = 0.0
    y: float32 = 0.0
    yaw: float32 = 0.0
    vx: float32 = 0.0
    vy: float32 = 0.0
    vyaw: float32 = 0.0


@dataclass
@final
@autoid("sequential")
class SportModeState(IdlStruct, typename="unitree_go::msg::dds_::SportModeState_"):
    """What the robot's own controller does, on ``rt/sportmodestate``."""

    stamp: TimeSpec = field(default_factory=TimeSpec)
    error_code: uint32 = 0
    imu_state: IMUState = field(default_factory=IMUState)
    mode: byte = 0
    progress: float32 = 0.0
    gait_type: byte = 0
    foot_raise_height: float32 = 0.0
    position: array[float32, 3] = _zeros(3, 0.0)
    body_height: float32 = 0.0
    velocity: array[float32, 3] = _zeros(3, 0.0)
    yaw_speed: float32 = 0.0
    range_obstacle: array[float32, 4] = _zeros(4, 0.0)
    foot_force: array[int16, 4] = _zeros(4)
    foot_position_body: array[float32, 12] = _zeros(12, 0.0)
    foot_speed_body: array[float32, 12] = _zeros(12, 0.0)
    path_point: array[PathPoint, 10] = _each(PathPoint, 10)


@dataclass
@final
@autoid("sequential")
class RequestIdentity(IdlStruct, typename="unitree_api::msg::dds_::RequestIdentity_"):
    """Which request this is, and of what."""

    id: int64 = 0
    api_id: int64 = 0


@dataclass
@final
@autoid("sequential")
class RequestLease(IdlStruct, typename="unitree_api::msg::dds_::RequestLease_"):
    """Whose turn it is."""

    id: int64 = 0


@dataclass
@final
@autoid("sequential")
class RequestPolicy(IdlStruct, typename="unitree_api::msg::dds_::RequestPolicy_"):
    """How to handle a request."""

    priority: int32 = 0
    noreply: bool = False


@dataclass
@final
@autoid("sequential")
class RequestHeader(IdlStruct, typename="unitree_api::msg::dds_::RequestHeader_"):
    """Head of a request."""

    identity: RequestIdentity = field(default_factory=RequestIdentity)
    lease: RequestLease = field(default_factory=RequestLease)
    policy: RequestPolicy = field(default_factory=RequestPolicy)


@dataclass
@final
@autoid("sequential")
class Request(IdlStruct, typename="unitree_api::msg::dds_::Request_"):
    """To a service, on ``rt/api/NAME/request``; ``parameter`` is JSON."""

    header: RequestHeader = field(default_factory=RequestHeader)
    parameter: str = ""
    binary: sequence[byte] = field(default_factory=list)


@dataclass
@final
@autoid("sequential")
class ResponseStatus(IdlStruct, typename="unitree_api::msg::dds_::ResponseStatus_"):
    """How it went: 0 is well."""

    code: int32 = 0


@dataclass
@final
@autoid("sequential")
class ResponseHeader(IdlStruct, typename="unitree_api::msg::dds_::ResponseHeader_"):
    """Head of a response."""

    identity: RequestIdentity = field(default_factory=RequestIdentity)
    status: ResponseStatus = field(default_factory=ResponseStatus)


@dataclass
@final
@autoid("sequential")
class Response(IdlStruct, typename="unitree_api::msg::dds_::Response_"):
    """From a service, on ``rt/api/NAME/response``."""

    header: ResponseHeader = field(default_factory=ResponseHeader)
    data: str = ""
    binary: sequence[byte] = field(default_factory=list)
