# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Wrong states of the robot and wild commands, through real topics: what gets to the motors."""

import json
import math

import numpy as np
import pytest
from std_msgs.msg import Float64MultiArray

pytest.importorskip("cyclonedds", reason="needs cyclonedds: pip install 'neuro_control[unitree]'")

from neuro_control.quadruped.go2.motors import HIGHEST, LOWEST, SPEED, THEIRS, state_checksum
from tests.drivers.unitree_peer import LYING

EULER, BODY_HEIGHT = 1007, 1013

# In Unitree's order, which is ours within a leg.
MOST = np.tile([23.7, 23.7, 45.43], 4)


def worst(go2, state):
    """Largest part of its own limit that a motor was commanded, by torque alone and all in all.

    ``state`` is what the robot really is like.
    """
    parts = [0.0]
    for command in go2.peer.commands:
        for motor, real, most in zip(command.motor_cmd[:12], state.motor_state, MOST, strict=False):
            assert motor.mode == 1
            terms = motor.kp * (motor.q - real.q) + motor.kd * (motor.dq - real.dq)
            parts += [abs(motor.tau) / most, abs(motor.tau + terms) / most]
    return max(parts)


def unlocked(setting, **values):
    go2 = setting(leg=LYING, level="low", release_sport=False, **values)
    go2.unlock()
    go2.obeys()
    return go2


WRONG = {
    "3 rad off": ("q", 0.5, "range"),
    "a speed of 10,000 rad/s": ("dq", 1e4, "speed"),
    "an angle of 1e30 rad": ("q", 1e30, "range"),
    "the largest single": ("q", 3e38, "range"),
}


@pytest.mark.parametrize("name", WRONG)
def test_one_wrong_joint_in_a_state_leaves_torques_within_limits_and_then_motors_brake(
    setting, name
):
    field, value, reason = WRONG[name]
    go2 = unlocked(setting, bridge_time=0.2)
    real = go2.peer.state()
    go2.peer.commands.clear()
    go2.peer.spoil = lambda state: (setattr(state.motor_state[2], field, value), sealed(state))
    go2.bench.spin_until(lambda: go2.keep_driving(2.0) or go2.node.motors.stage == "braking")
    assert worst(go2, real) <= 1.0 + 1e-6
    assert int(go2.figures()[f"rejected/{reason}"]) > 0
    go2.says("FR_calf_joint")
    assert go2.braked()
    go2.peer.spoil = lambda state: None
    for _ in range(5):
        go2.drive(2.0)
        go2.bench.spin_for(0.02)
    assert go2.braked()  # until somebody unlocks


def sealed(state):
    state.crc = state_checksum(state)


def test_a_wrong_reading_now_and_then_is_bridged(setting):
    go2 = unlocked(setting)
    go2.peer.count = 0

    def spoil(state):
        go2.peer.count += 1
        if go2.peer.count % 5 == 0:
            state.motor_state[go2.peer.count % 12].q = 3e38
            sealed(state)

    go2.peer.spoil = spoil
    go2.bench.spin_until(
        lambda: go2.keep_driving(2.0) or int(go2.figures().get("rejected/range", 0)) >= 5
    )
    assert go2.node.motors.stage == "unlocked"
    go2.obeys()


@pytest.mark.parametrize("value", [1e308, -1e308, 1e5, -40.0])
def test_wild_commands_ask_no_motor_for_more_than_it_may(setting, value):
    go2 = unlocked(setting)
    real = go2.peer.state()
    go2.peer.commands.clear()
    for field in ("position", "velocity", "effort"):
        for _ in range(5):
            go2.drive(**{field: [value] * 12})
            go2.bench.spin_for(0.02)
    go2.bench.spin_until(lambda: go2.keep_driving([value] * 12) or len(go2.driven()) > 10)
    assert worst(go2, real) <= 1.0 + 1e-6
    for command in go2.driven():
        angles = np.array([motor.q for motor in command.motor_cmd[:12]])
        speeds = np.array([motor.dq for motor in command.motor_cmd[:12]])
        assert ((angles >= LOWEST[THEIRS] - 1e-6) & (angles <= HIGHEST[THEIRS] + 1e-6)).all()
        assert (np.abs(speeds) <= SPEED[THEIRS] + 1e-6).all()


def test_without_good_states_for_the_bridged_time_commands_drive_nothing(setting):
    go2 = unlocked(setting, bridge_time=0.05)
    go2.peer.silent = True
    go2.bench.spin_for(0.1)
    go2.peer.commands.clear()
    before = go2.counted("joint_commands_not_obeyed")
    go2.bench.spin_until(
        lambda: go2.keep_driving(2.0) or go2.counted("joint_commands_not_obeyed") > before
    )
    assert go2.driven() == []
    go2.peer.silent = False
    go2.obeys()  # states were lost for less than state_timeout


def hot(state):
    for motor in state.motor_state:
        motor.temperature = 97
    sealed(state)


def test_motors_that_are_too_hot_are_warned_of_and_brake(setting):
    go2 = unlocked(setting)
    go2.peer.spoil = hot
    go2.bench.spin_until(lambda: go2.keep_driving(2.0) or go2.node.motors.stage == "braking")
    go2.says("97 °C")
    assert "97 °C" in go2.call("unlock", True).message
    go2.peer.spoil = lambda state: None
    go2.bench.spin_until(lambda: go2.call("unlock", True).success)


def test_an_empty_battery_neither_stands_up_nor_unlocks(setting):
    go2 = setting(leg=LYING)

    def empty(state):
        state.bms_state.soc = 3
        sealed(state)

    assert go2.call("stand_up").success
    go2.peer.spoil = empty
    go2.says("battery at 3 %")
    go2.bench.spin_until(lambda: "battery at 3 %" in go2.call("stand_up").message)
    go2.peer.spoil = lambda state: setattr(state, "power_v", math.nan) or sealed(state)
    go2.bench.spin_until(lambda: go2.call("stand_up").success)


# The high level.

WALK = [0.3, 0.0, 0.1, 0.0, 3.0, 0.5, 0.0, 0.0, 0.5, 0.08, 0.0, 0.0, 0.28, 0.4, 0.0]


def gait_command(**numbers):
    data = list(WALK)
    for name, number in numbers.items():
        data[{"height": 3, "pitch": 10, "roll": 11}[name]] = number
    return Float64MultiArray(data=data)


def requested(go2, number):
    """Parameters of the requests of that number."""
    return [
        json.loads(each.parameter)
        for each in go2.peer.requests
        if each.header.identity.api_id == number
    ]


@pytest.mark.parametrize("value", [1e308, -1e308, 3.0, -0.7])
def test_pose_and_height_are_limited_before_they_are_sent(setting, value):
    go2 = setting(body_height=True, max_lean=0.3, min_body_height=-0.1, max_body_height=0.02)
    wild = gait_command(pitch=value, roll=-value, height=value)
    go2.bench.spin_until(
        lambda: go2.gait.publish(wild) or (requested(go2, EULER) and requested(go2, BODY_HEIGHT))
    )
    sign = 1.0 if value > 0 else -1.0
    assert requested(go2, EULER)[0] == {"x": -0.3 * sign, "y": 0.3 * sign, "z": 0.0}
    assert requested(go2, BODY_HEIGHT)[0] == {"data": 0.02 if value > 0 else -0.1}
    go2.says("gait_command: height")


def test_a_lean_that_was_sent_while_disabled_is_not_carried_out_after_enabling(setting):
    go2 = setting()
    go2.walk()
    assert go2.call("enable", False).success
    for _ in range(5):
        go2.gait.publish(gait_command(pitch=0.3))
        go2.bench.spin_for(0.02)
    assert go2.call("enable", True).success
    go2.peer.requests.clear()
    go2.bench.spin_until(lambda: go2.steer() or len(go2.peer.moves()) > 5)
    assert requested(go2, EULER) == []


def test_a_command_from_before_enabling_drives_nothing(setting):
    go2 = unlocked(setting)
    assert go2.call("enable", False).success
    assert go2.call("enable", True).success
    go2.peer.commands.clear()
    go2.bench.spin_until(lambda: go2.keep_driving(2.0, age=0.9) or go2.rejects("disabled"))
    assert go2.driven() == []
    go2.obeys()


def test_a_sport_state_without_an_attitude_takes_that_of_the_low_state(setting):
    """Unitree's simulators leave it at 0."""
    go2 = setting()
    half = math.sqrt(0.5)

    def turn(state):
        state.imu_state.quaternion = [half, 0.0, 0.0, half]
        sealed(state)

    go2.peer.spoil = turn
    go2.peer.sport_state.imu_state.quaternion = [0.0] * 4
    go2.peer.sport_state.velocity = [0.0, 0.5, 0.0]
    go2.heard.clear()
    go2.bench.spin_until(
        lambda: go2.newest("odom") and go2.newest("odom").pose.pose.orientation.z > 0.5
    )
    found = go2.newest("odom")
    assert found.pose.pose.orientation.z == pytest.approx(half, abs=1e-6)
    assert found.twist.twist.linear.x == pytest.approx(0.5, abs=1e-6)
    assert found.twist.twist.angular.y == pytest.approx(0.2, abs=1e-6)
    assert "rejected/attitude" not in go2.figures()
