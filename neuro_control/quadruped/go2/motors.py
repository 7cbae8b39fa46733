# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Motors of the Unitree Go2: their order and limits, states, commands, and checksums.

Facts after Unitree's own sources (unitree_ros2, unitree_sdk2_python, BSD-3-Clause). Messages are
those of ``idl`` or of the ROS package unitree_go: their fields have the same names.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.robots import GO2
from neuro_control.quadruped.control.types import JOINTS, LEGS
from neuro_control.ros.messages import Rejected

Array = NDArray[np.float64]

# Unitree's order of the legs; a leg's joints are in our order.
_UNITREE_LEGS = ("FR", "FL", "RR", "RL")
# Where our n-th leg or joint is among Unitree's, and Unitree's n-th joint among ours.
OUR_FEET = np.array([_UNITREE_LEGS.index(leg) for leg in LEGS])
OURS = (3 * OUR_FEET[:, None] + np.arange(3)).ravel()
THEIRS = np.argsort(OURS)

# Limits of the motors in our order: torque (N m), speed of hip, thigh and calf (rad/s), and angle
# (rad). ``GO2.limits`` holds the angles that all legs reach; front thighs turn further back than
# those, and hind thighs further ahead.
TORQUE = np.tile(GO2.torque, len(LEGS))
SPEED = np.tile([30.1, 30.1, 15.7], len(LEGS))
LOWEST, HIGHEST = np.tile(GO2.limits, (len(LEGS), 1)).T
LOWEST[[1, 4]], HIGHEST[[7, 10]] = -1.5708, 4.5379

# The first bytes of a LowCmd, its level (the motors', not that of the robot's own controller), and
# the mode of a motor that is driven.
HEAD, LOW_LEVEL = (0xFE, 0xEF), 0xFF
DRIVEN = 0x01
# Angle and speed by which Unitree commands a motor to follow none.
NO_ANGLE, NO_SPEED = 2.146e9, 16000.0

# The structures as they lie in the robot's memory, little-endian; the checksum follows them.
_COMMAND = struct.Struct("<2B2B2I2IH2x" + 20 * "B3x5f3I" + "4B" + "40B12B2BBx" + "I")
_STATE = struct.Struct(
    "<2B2B2I2IH2x" + "13fB3x" + 20 * "B3x7fB3x3I" + "4BiH2B2B15H" + "4h4hI40BB" + "3xf2B2x2f4HI"
)
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def checksum(data: bytes) -> int:
    """CRC-32 of 32-bit little-endian words, each from its highest bit on.

    Polynomial 0x04c11db7, from all ones, not inverted in the end. zlib's runs from the lowest bit
    on and inverts: its answer mirrored, for mirrored bytes, is this one.

    Args:
        data: A multiple of four bytes.
    """
    words = np.frombuffer(data, dtype="<u4").astype(">u4").tobytes()
    mirrored = zlib.crc32(words.translate(_MIRRORED)) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)


def command_checksum(command: Any) -> int:
    """The right value of ``crc`` of a LowCmd.

    Raises:
        struct.error: A number doesn't fit its field.
    """
    c = command
    numbers = [*c.head, c.level_flag, c.frame_reserve, *c.sn, *c.version, c.bandwidth]
    for m in c.motor_cmd:
        numbers += (m.mode, m.q, m.dq, m.tau, m.kp, m.kd, *m.reserve)
    numbers += (c.bms_cmd.off, *c.bms_cmd.reserve, *c.wireless_remote, *c.led, *c.fan, c.gpio)
    return checksum(_COMMAND.pack(*numbers, c.reserve))


def state_checksum(state: Any) -> int:
    """The right value of ``crc`` of a LowState.

    Raises:
        struct.error: A number doesn't fit its field.
    """
    s, imu, bms = state, state.imu_state, state.bms_state
    numbers = [*s.head, s.level_flag, s.frame_reserve, *s.sn, *s.version, s.bandwidth]
    numbers += (*imu.quaternion, *imu.gyroscope, *imu.accelerometer, *imu.rpy)
    # In ROS these bytes are signed.
    numbers.append(imu.temperature & 0xFF)
    for m in s.motor_state:
        numbers += (m.mode, m.q, m.dq, m.ddq, m.tau_est, m.q_raw, m.dq_raw, m.ddq_raw)
        numbers += (m.temperature & 0xFF, m.lost, *m.reserve)
    numbers += (bms.version_high, bms.version_low, bms.status, bms.soc, bms.current, bms.cycle)
    numbers += (*(int(t) & 0xFF for t in (*bms.bq_ntc, *bms.mcu_ntc)), *bms.cell_vol)
    numbers += (*s.foot_force, *s.foot_force_est, s.tick, *s.wireless_remote, s.bit_flag)
    numbers += (s.adc_reel, s.temperature_ntc1 & 0xFF, s.temperature_ntc2 & 0xFF)
    numbers += (s.power_v, s.power_a)
    return checksum(_STATE.pack(*numbers, *s.fan_frequency, s.reserve))


@dataclass(frozen=True)
class State:
    """Contents of a LowState, in our order and checked.

    Attributes:
        angles: Angles of the joints, (12,), rad.
        speeds: Speeds of the joints, (12,), rad/s.
        torques: Torques of the joints as the robot estimates them, (12,), N m.
        quaternion: Attitude as w, x, y, z, (4,).
        rate: Angular velocity, (3,), rad/s.
        acceleration: Acceleration, the reaction to gravity included, (3,), m/s².
        forces: Forces on the feet, (4,), in the robot's unit.
        temperature: Temperature of the hottest motor, °C.
        charge: Charge of the battery, %.
        voltage: Voltage of the battery, V.
        tick: Time of the state since the robot was switched on, ms; 0 from peers without one.
    """

    angles: Array
    speeds: Array
    torques: Array
    quaternion: Array
    rate: Array
    acceleration: Array
    forces: Array
    temperature: int
    charge: int
    voltage: float
    tick: int = 0


def read_state(message: Any) -> State:
    """Read and check a LowState.

    A checksum of 0 counts as none, since not every peer computes one.

    Raises:
        Rejected: The checksum is wrong, a number is not finite, or the attitude is no unit
            quaternion.
    """
    if message.crc:
        expected = state_checksum(message)
        if message.crc != expected:
            raise Rejected(
                "checksum", f"a state with checksum {message.crc:#010x}, not {expected:#010x}"
            )
    motors, imu = message.motor_state[: len(OURS)], message.imu_state
    joints = np.array([(m.q, m.dq, m.tau_est) for m in motors])[OURS]
    attitude = np.array([*imu.quaternion, *imu.gyroscope, *imu.accelerometer])
    for name, numbers in (("a joint", joints), ("the IMU", attitude)):
        if not np.isfinite(numbers).all():
            raise Rejected("not_finite", f"a number of {name} is not finite")
    if abs(float(np.linalg.norm(attitude[:4])) - 1.0) > 0.05:
        raise Rejected("attitude", f"the attitude {attitude[:4].tolist()} is no unit quaternion")
    angles, speeds, torques = joints.T
    return State(
        angles,
        speeds,
        torques,
        quaternion=attitude[:4],
        rate=attitude[4:7],
        acceleration=attitude[7:],
        forces=np.array(message.foot_force, dtype=np.float64)[OUR_FEET],
        temperature=max((m.temperature + 128) % 256 - 128 for m in motors),
        charge=message.bms_state.soc,
        voltage=float(message.power_v),
        tick=message.tick,
    )


def fill_command(
    command: Any,
    angles: Sequence[float] | Array,
    speeds: Sequence[float] | Array,
    torques: Sequence[float] | Array,
    stiffness: float | Array,
    damping: float | Array,
) -> None:
    """Fill a fresh LowCmd, its checksum included.

    Each motor's torque is torque + stiffness (angle - its angle) + damping (speed - its speed).

    Args:
        command: An empty message.
        angles: Reference angles in our order, (12,), rad.
        speeds: Reference speeds in our order, (12,), rad/s.
        torques: Torques in our order, (12,), N m.
        stiffness: Stiffness, of all or (12,), N m/rad.
        damping: Damping, of all or (12,), N m s/rad.
    """
    gains = np.broadcast_to(stiffness, len(OURS)), np.broadcast_to(damping, len(OURS))
    command.head = list(HEAD) if isinstance(command.head, list) else np.array(HEAD, dtype=np.uint8)
    command.level_flag = LOW_LEVEL
    for motor, i in zip(command.motor_cmd, THEIRS, strict=False):
        motor.mode = DRIVEN
        motor.q, motor.dq, motor.tau = float(angles[i]), float(speeds[i]), float(torques[i])
        motor.kp, motor.kd = (float(each[i]) for each in gains)
    for motor in command.motor_cmd[len(THEIRS) :]:
        motor.mode, motor.q, motor.dq = DRIVEN, NO_ANGLE, NO_SPEED
    command.crc = command_checksum(command)


def fill_brake(command: Any, damping: float) -> None:
    """Fill a fresh LowCmd by which every motor is only damped, by ``damping`` (N m s/rad)."""
    none = [0.0] * len(JOINTS)
    fill_command(command, [NO_ANGLE] * len(JOINTS), none, none, 0.0, damping)
