# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import math
import struct
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("cyclonedds", reason="needs cyclonedds: pip install 'neuro_control[unitree]'")

from neuro_control.quadruped.control import robots
from neuro_control.quadruped.go2 import idl
from neuro_control.quadruped.go2.motors import (
    HIGHEST,
    LOWEST,
    OURS,
    THEIRS,
    checksum,
    command_checksum,
    fill_brake,
    fill_command,
    read_state,
    state_checksum,
)
from neuro_control.ros.messages import Rejected


def bit_by_bit(words):
    """The remainder of a division by x^32 + ... + 1 over GF(2), as on paper."""
    register = 0xFFFFFFFF
    for word in words:
        for bit in range(31, -1, -1):
            out = register >> 31 ^ word >> bit & 1
            register = register << 1 & 0xFFFFFFFF ^ (0x04C11DB7 if out else 0)
    return register


@given(st.lists(st.integers(0, 2**32 - 1), max_size=50))
def test_the_checksum_is_the_one_worked_out_bit_by_bit(words):
    assert checksum(struct.pack(f"<{len(words)}I", *words)) == bit_by_bit(words)


def standing_command():
    command = idl.LowCmd(head=[0xFE, 0xEF], level_flag=0xFF)
    for i, motor in enumerate(command.motor_cmd[:12]):
        motor.mode, motor.kp, motor.kd = 1, 60.0, 5.0
        motor.q = (0.0, 0.67, -1.3)[i % 3]
    return command


def some_state(**fields):
    state = idl.LowState(tick=12345, power_v=29.5, foot_force=[10, -20, 30, 40])
    state.imu_state.quaternion = [1.0, 0.0, 0.0, 0.0]
    state.imu_state.temperature = 60
    state.bms_state.soc, state.bms_state.current = 87, -1500
    for i, motor in enumerate(state.motor_state):
        motor.q, motor.temperature, motor.lost = 0.1 * i, 30 + i, i
    for name, value in fields.items():
        setattr(state, name, value)
    return state


def test_checksums_are_those_of_unitrees_own_library():
    # Worked out by the library that comes with unitree_sdk2_python.
    assert command_checksum(idl.LowCmd()) == 0x4B5A4880
    assert command_checksum(standing_command()) == 0xBA838141
    assert state_checksum(idl.LowState()) == 0x85F11EA6
    assert state_checksum(some_state()) == 0x8EC5468E


def test_a_checksum_counts_signed_and_unsigned_bytes_alike():
    signed, unsigned = some_state(temperature_ntc1=-3), some_state(temperature_ntc1=253)
    assert state_checksum(signed) == state_checksum(unsigned)


# Identifiers (minimal, complete) in the C++ headers of unitree_sdk2: the same type, to the byte.
IDENTIFIERS = {
    "LowState": ("f1853a99e23d0daa1610b65c526b", "f208f239c471d3a27e67e7c77231"),
    "LowCmd": ("f1832876ceec9737d69f6ed62a3f", "f252cc8eb0d427d692aa2b20a905"),
    "SportModeState": ("f19fa6ccdc5cafdeaab8a762e310", "f2e59749630fff75cc170afb2387"),
    "Request": ("f1cba4dc965d393ada76b4de0819", "f2c47a4429fcbf539486498753c4"),
    "Response": ("f148c997d379c3e18c530b5f8fe9", "f2d1c32cc02214901a464a6c5132"),
}


@pytest.mark.parametrize("name", IDENTIFIERS)
def test_a_type_is_known_to_the_robot_as_its_own(name):
    idl_type = getattr(idl, name).__idl__
    idl_type.fill_type_data()
    information = idl_type._xt_bytedata[0].hex()
    for identifier in IDENTIFIERS[name]:
        assert identifier in information


# By hand: a header of 4, then each field aligned to its size.
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("IMUState", 13 * 4 + 1),
        ("MotorState", 4 + 7 * 4 + 4 + 4 + 8),
        ("MotorCmd", 4 + 5 * 4 + 12),
        ("BmsState", 4 + 4 + 2 + 4 + 30),
        ("LowState", 22 + 2 + 53 + 3 + 44 + 19 * 48 + 44 + 16 + 4 + 41 + 3 + 4 + 2 + 2 + 16 + 8),
        ("LowCmd", 22 + 2 + 32 + 19 * 36 + 4 + 55 + 1 + 8),
        ("Request", 8 + 8 + 8 + 4 + 1 + 3 + 4 + 1 + 3 + 4),
        ("Response", 8 + 8 + 4 + 4 + 1 + 3 + 4),
    ],
)
def test_a_message_takes_the_bytes_worked_out_by_hand(name, size):
    assert len(getattr(idl, name)().serialize()) == 4 + size


def test_a_request_lies_in_memory_as_worked_out_by_hand():
    request = idl.Request(parameter="{}")
    request.header.identity.id, request.header.identity.api_id = 7, 1008
    request.header.policy.noreply = True
    written = request.serialize()[4:]
    assert struct.unpack_from("<qqqi?", written) == (7, 1008, 0, 0, True)
    assert written[32:39] == struct.pack("<I", 3) + b"{}\0"
    assert struct.unpack_from("<I", written, 40) == (0,)


def test_messages_survive_the_way_there_and_back():
    for message in (some_state(), standing_command(), idl.SportModeState(), idl.Response()):
        back = type(message).deserialize(message.serialize())
        assert back.serialize() == message.serialize()


def test_motors_reach_the_angles_that_unitree_states():
    # Hip, thigh and calf, in front and behind, after unitree_ros's go2_description.
    front, hind = [-1.0472, -1.5708, -2.7227], [-1.0472, -0.5236, -2.7227]
    assert [*front, *front, *hind, *hind] == LOWEST.tolist()
    front, hind = [1.0472, 3.4907, -0.83776], [1.0472, 4.5379, -0.83776]
    assert [*front, *front, *hind, *hind] == HIGHEST.tolist()
    low, high = np.tile(robots.GO2.limits, (4, 1)).T
    assert (low >= LOWEST).all()
    assert (high <= HIGHEST).all()


def test_unitrees_order_of_motors_is_undone():
    # By hand: Unitree's are FR FL RR RL, ours FL FR RL RR.
    state = some_state(foot_force=[1, 2, 3, 4])
    for i, motor in enumerate(state.motor_state):
        motor.q, motor.dq, motor.tau_est = float(i), 10.0 * i, -1.0 * i
    read = read_state(state)
    assert read.angles.tolist() == [3, 4, 5, 0, 1, 2, 9, 10, 11, 6, 7, 8]
    assert read.speeds.tolist() == [10 * a for a in read.angles]
    assert read.torques.tolist() == [-a for a in read.angles]
    assert read.forces.tolist() == [2, 1, 4, 3]
    command = idl.LowCmd()
    fill_command(command, read.angles, read.speeds, read.torques, 20.0, 0.5)
    assert [m.q for m in command.motor_cmd[:12]] == list(range(12))
    assert [m.dq for m in command.motor_cmd[:12]] == [10 * i for i in range(12)]
    assert [m.tau for m in command.motor_cmd[:12]] == [-i for i in range(12)]
    assert {(m.kp, m.kd) for m in command.motor_cmd[:12]} == {(20.0, 0.5)}
    assert OURS[THEIRS].tolist() == list(range(12))


def test_a_brake_asks_for_nothing_but_braking_and_its_checksum_is_right():
    command = idl.LowCmd()
    fill_brake(command, 3.0)
    back = idl.LowCmd.deserialize(command.serialize())
    assert back.crc == command_checksum(back) != 0
    assert (bytes(back.head), back.level_flag) == (b"\xfe\xef", 0xFF)
    assert {(m.mode, m.dq, m.tau, m.kp, m.kd) for m in back.motor_cmd[:12]} == {(1, 0, 0, 0, 3)}
    assert {(m.tau, m.kp, m.kd) for m in back.motor_cmd[12:]} == {(0, 0, 0)}


def test_a_state_tells_of_battery_and_heat():
    state = some_state()
    state.crc = state_checksum(state)
    read = read_state(state)
    assert (read.charge, read.voltage, read.temperature) == (87, 29.5, 41)
    for motor in state.motor_state:
        motor.temperature = 246  # -10 without a sign
    state.crc = 0  # none is no wrong one
    assert read_state(state).temperature == -10


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda s: setattr(s, "crc", 1), "checksum"),
        (lambda s: setattr(s.motor_state[4], "q", math.nan), "not_finite"),
        (lambda s: setattr(s.motor_state[11], "dq", math.inf), "not_finite"),
        (lambda s: setattr(s.imu_state, "gyroscope", [0.0, -math.inf, 0.0]), "not_finite"),
        (lambda s: setattr(s.imu_state, "quaternion", [0.0] * 4), "attitude"),
    ],
)
def test_a_bad_state_is_rejected(spoil, reason):
    state = some_state()
    spoil(state)
    with pytest.raises(Rejected) as caught:
        read_state(state)
    assert caught.value.reason == reason


singles = st.floats(width=32)


@given(st.lists(singles, min_size=36, max_size=36), st.lists(singles, min_size=10, max_size=10))
def test_whatever_a_state_holds_it_is_read_finite_or_rejected(joints, imu):
    state = some_state()
    for i, motor in enumerate(state.motor_state[:12]):
        motor.q, motor.dq, motor.tau_est = joints[3 * i : 3 * i + 3]
    state.imu_state.gyroscope, state.imu_state.accelerometer = imu[:3], imu[3:6]
    state.imu_state.quaternion = imu[6:]
    state.crc = state_checksum(state)
    try:
        read = read_state(state)
    except Rejected:
        return
    for numbers in (read.angles, read.speeds, read.torques, read.rate, read.acceleration):
        assert np.isfinite(numbers).all()


@given(st.lists(st.integers(0, 255), min_size=8, max_size=8), st.integers(0, 1179))
def test_one_wrong_byte_is_noticed(replacement, at):
    state = some_state()
    state.crc = state_checksum(state)
    written = bytearray(state.serialize())
    at = 4 + at % (len(written) - 4)
    written[at] = (written[at] + 1 + replacement[0] % 255) % 256
    spoilt = idl.LowState.deserialize(bytes(written))
    if spoilt.serialize() == state.serialize():
        return  # it was one of those between two fields
    if spoilt.crc == 0:
        return
    with pytest.raises(Rejected):
        read_state(spoilt)


def test_ros_messages_serve_as_well():
    """ROS has arrays of NumPy where Cyclone DDS has lists."""
    state = some_state(foot_force=np.array([1, 2, 3, 4], dtype=np.int16))
    state.imu_state.quaternion = np.array([1, 0, 0, 0], dtype=np.float32)
    assert read_state(state).forces.tolist() == [2, 1, 4, 3]
    command = SimpleNamespace(**vars(idl.LowCmd(head=np.zeros(2, dtype=np.uint8))))
    fill_brake(command, 1.0)
    assert isinstance(command.head, np.ndarray)
    assert command.crc == command_checksum(command)
