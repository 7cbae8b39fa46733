# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The Go2's low level and its judge of states, in a time that only the test advances."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.quadruped.go2.low_level import Motors, limited
from neuro_control.quadruped.go2.motors import HIGHEST, LOWEST, SPEED, TORQUE, State
from neuro_control.quadruped.go2.parameters import UnitreeParameters
from neuro_control.quadruped.go2.sport import (
    CHECK_MODE,
)
from neuro_control.quadruped.go2.state_monitor import StateMonitor
from neuro_control.ros.messages import Rejected

TICK = 0.01


# The motors.


def state(angles=0.0, speeds=0.0):
    full = {"quaternion": np.array([1.0, 0, 0, 0]), "rate": np.zeros(3)}
    return State(
        np.full(12, angles), np.full(12, speeds), np.zeros(12), acceleration=np.zeros(3),
        forces=np.zeros(4), temperature=30, charge=90, voltage=29.0, **full,
    )  # fmt: skip


class Legs:
    def __init__(self, **limits):
        self.calls, self.driven = [], []
        self.motors = Motors(UnitreeParameters(**limits), self.calls.append, self.driven.append)
        self.now, self.linked, self.commanded = 100.0, True, False
        self.effort = 0.0

    def live(self, seconds):
        self.calls.clear()
        self.driven.clear()
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            if self.linked:
                self.motors.observe(self.now, state())
            if self.commanded:
                self.motors.drive(self.now, *np.zeros((2, 12)), np.full(12, self.effort))
            self.motors.tick(self.now)
        return self.driven

    def answer(self, data):
        self.motors.answered(CHECK_MODE.number, data)

    def unlock(self):
        self.motors.unlock(self.now)
        self.live(0.05)
        self.answer('{"name": ""}')
        assert self.motors.stage == "unlocked"


def test_no_command_gets_to_locked_motors():
    legs = Legs()
    legs.commanded = True
    assert legs.live(2.0) == []
    assert legs.motors.stage == "locked"


def test_unlocking_waits_for_the_robots_own_controller_to_let_go():
    legs = Legs()
    legs.commanded = True
    legs.motors.unlock(legs.now)
    assert legs.live(0.1) == []
    assert [call.name for call in legs.calls] == ["CheckMode"]
    legs.answer('{"form": "0", "name": "normal"}')
    assert [call.name for call in legs.calls] == ["CheckMode", "ReleaseMode"]
    assert legs.live(0.5) == []
    assert [call.name for call in legs.calls] == ["CheckMode"]
    legs.answer('{"form": "0", "name": ""}')
    assert set(legs.live(0.9)) == {None}  # no proof of life yet
    legs.live(0.2)
    assert None not in legs.live(0.5)
    assert len(legs.driven) == 50
    legs.motors.lock(legs.now)
    assert set(legs.live(0.55)) == {None}
    assert [call.values for call in legs.calls] == [{"name": "normal"}]
    assert legs.live(1.0) == []


def test_a_controller_that_does_not_let_go_keeps_the_motors():
    legs = Legs()
    legs.motors.unlock(legs.now)
    for _ in range(12):
        assert legs.live(0.5) == []
        legs.answer('{"name": "normal"}')
    assert legs.motors.stage == "locked"
    assert "did not release the motors within 5 s" in legs.motors.failed


@pytest.mark.parametrize("data", ["", "[]", "{}", '{"name": 1}', "nonsense", "null"])
def test_an_answer_that_is_none_unlocks_nothing(data):
    legs = Legs()
    legs.motors.unlock(legs.now)
    legs.live(0.1)
    with pytest.raises(ValueError):  # noqa: PT011  # whichever it is
        legs.answer(data)
    assert legs.motors.stage == "releasing"


def test_motors_brake_without_commands_and_obey_them_again():
    legs = Legs(motor_timeout=0.05)
    legs.unlock()
    assert set(legs.live(0.5)) == {None}
    legs.commanded = True
    assert set(legs.live(0.95)) == {None}
    legs.live(0.1)
    assert None not in legs.live(0.5)
    legs.commanded = False
    legs.live(0.1)
    assert set(legs.live(0.3)) == {None}
    legs.commanded = True
    assert None not in legs.live(0.1)  # a short pause
    legs.commanded = False
    legs.live(0.6)
    legs.commanded = True
    assert set(legs.live(0.9)) == {None}  # a long one: life is to be proven again


def test_motors_brake_after_a_lost_link_until_somebody_unlocks_them_again():
    legs = Legs(state_timeout=0.2)
    legs.unlock()
    legs.commanded = True
    legs.live(1.5)
    legs.linked = False
    legs.live(0.3)
    assert set(legs.live(0.5)) == {None}
    legs.linked = True
    assert set(legs.live(2.5)) == {None}
    legs.motors.unlock(legs.now)
    legs.live(3.2)
    assert None not in legs.live(0.5)


@pytest.mark.parametrize("locks", [False, True])
def test_unlocked_after_a_loss_motors_stay_braked_until_commands_have_asked_for_rest(locks):
    legs = Legs(state_timeout=0.2)
    legs.unlock()
    legs.commanded, legs.effort = True, 20.0
    legs.live(1.2)
    assert None not in legs.live(0.5)
    legs.linked = False
    legs.live(0.5)
    legs.linked = True
    if locks:
        legs.motors.lock(legs.now)
        legs.live(1.0)
    legs.motors.unlock(legs.now)
    if locks:
        legs.live(0.05)
        legs.answer('{"name": ""}')
    assert set(legs.live(10.0)) == {None}
    assert "~/lie_down of the gait controller" in legs.motors.waits_for(legs.now)
    legs.effort = 1.0
    assert set(legs.live(1.9)) == {None}
    legs.effort = 20.0  # it tries to rise now and then
    assert set(legs.live(0.1)) == {None}
    legs.effort = 1.0
    assert set(legs.live(1.9)) == {None}
    legs.live(0.2)
    legs.effort = 20.0
    assert None not in legs.live(0.5)


def test_a_peer_without_controllers_is_unlocked_at_once():
    legs = Legs(release_sport=False)
    legs.motors.unlock(legs.now)
    assert legs.motors.stage == "unlocked"


finite = st.floats(-1e6, 1e6)


@given(
    st.lists(finite, min_size=36, max_size=36), st.floats(-3, 3), st.floats(-20, 20),
    st.floats(0.05, 1.0),
)  # fmt: skip
def test_no_command_asks_motors_for_more_than_they_may(numbers, angle, speed, share):
    limits = UnitreeParameters(torque_share=share, stiffness=20.0, damping=0.5)
    drive = limited(state(angle, speed), *np.array(numbers).reshape(3, 12), limits)
    assert ((drive.angles >= LOWEST) & (drive.angles <= HIGHEST)).all()
    assert (np.abs(drive.speeds) <= SPEED).all()
    # What the motors then do, all in all.
    whole = drive.torques + drive.stiffness * (drive.angles - angle)
    whole += drive.damping * (drive.speeds - speed)
    assert (np.abs(drive.torques) <= share * TORQUE).all()
    assert (np.abs(whole) <= share * TORQUE + 1e-9).all()


def test_motors_do_at_first_what_was_asked_for_all_in_all():
    efforts = np.linspace(-10, 10, 12)
    limits = UnitreeParameters(stiffness=30.0, damping=1.0)
    drive = limited(state(0.1, 2.0), np.full(12, 0.3), np.full(12, 1.0), efforts, limits)
    angles, speeds = np.clip(0.3, LOWEST, HIGHEST), np.full(12, 1.0)
    whole = drive.torques + 30.0 * (angles - 0.1) + 1.0 * (speeds - 2.0)
    assert whole == pytest.approx(efforts)


# The states.


class Watched:
    """A state monitor, and a robot whose joints turn at 2 rad/s."""

    def __init__(self, **limits):
        self.monitor = StateMonitor(UnitreeParameters(**limits))
        self.now, self.angle = 100.0, -0.7

    def live(self, seconds, offset=0.0, period=0.002, **fields):
        """Reasons for which states were refused meanwhile."""
        reasons = []
        for _ in range(round(seconds / period)):
            self.now += period
            self.angle += 2.0 * period
            angles = np.full(12, self.angle)
            angles[[2, 5, 8, 11]] = -1.5
            angles[4] += offset
            seen = dataclasses.replace(state(), angles=angles, speeds=np.full(12, 2.0), **fields)
            seen.speeds[[2, 5, 8, 11]] = 0.0
            try:
                self.monitor.check(self.now, seen)
            except Rejected as error:
                self.monitor.refuse(self.now, error)
                reasons.append(error.reason)
        return reasons


@pytest.mark.parametrize("period", [0.001, 0.002, 0.005, 0.02])
def test_joints_that_turn_as_their_speeds_say_are_believed(period):
    assert Watched().live(0.4, period=period) == []


@pytest.mark.parametrize("offset", [0.6, 1.0, -0.8])
def test_an_angle_that_jumps_is_bridged_and_a_fault_if_it_stays(offset):
    robot = Watched(bridge_time=0.05)
    robot.live(0.1)
    assert set(robot.live(0.04, offset)) == {"jump"}
    assert robot.monitor.fault == ""
    assert robot.live(0.1) == []
    assert set(robot.live(0.05, offset)) == {"jump"}
    robot.live(0.004, offset)
    assert "FR_thigh_joint" in robot.monitor.fault
    # Nobody knows which of both is true: from here on the new one is.
    assert robot.live(0.1, offset) == []


def test_joints_may_be_anywhere_in_their_range_after_lost_states():
    robot = Watched()
    robot.live(0.1)
    robot.now += 0.06
    assert robot.live(0.01, offset=1.0) == []


def test_heat_counts_once_it_lasts():
    robot = Watched(max_motor_temperature=90)
    robot.live(0.1, temperature=95)
    assert robot.monitor.overheated(robot.now) == ""
    robot.live(0.1)
    robot.live(0.6, temperature=95)
    assert "95 °C" in robot.monitor.overheated(robot.now)
    robot.live(0.002, temperature=80)
    assert robot.monitor.overheated(robot.now) == ""
    assert "80 °C" in robot.monitor.remark(robot.now)
    robot = Watched()
    robot.live(0.8, temperature=-70)  # no motor is so cold: it is the sensor
    assert robot.monitor.overheated(robot.now) == ""
    assert "can't be" in robot.monitor.remark(robot.now)
