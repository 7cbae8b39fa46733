# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The rules of the Go2's driver, step by step in a time that only the test advances."""

from hypothesis import given
from hypothesis import strategies as st

from neuro_control.quadruped.go2.parameters import UnitreeParameters
from neuro_control.quadruped.go2.sport import (
    DAMP,
    STAND_DOWN,
    STAND_UP,
    Sport,
    reason,
)

TICK = 0.01
LIMITS = UnitreeParameters(body_height=True)


class Robot:
    """A clock, a robot that tells how it is, and what it was asked for."""

    def __init__(self, raised=True, **limits):
        self.calls = []
        self.sport = Sport(UnitreeParameters(**limits), self.calls.append)
        self.now, self.raised, self.still, self.linked = 100.0, raised, True, True
        self.velocity = None

    def live(self, seconds):
        """Names of what was asked for meanwhile."""
        self.calls.clear()
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            if self.linked:
                self.sport.observe(self.now, self.raised, self.still)
            if self.velocity is not None:
                self.sport.steer(self.now, self.velocity)
            self.sport.tick(self.now)
        return [call.name for call in self.calls]

    def walk(self):
        self.velocity = (0.4, 0.0, 0.1)
        assert "Move" in self.live(0.5)


def without_repeats(names):
    return [n for i, n in enumerate(names) if i == 0 or n != names[i - 1]]


def test_nobody_asks_for_anything_and_nothing_is_asked_for():
    assert Robot().live(5.0) == []
    assert Robot(raised=False).live(5.0) == []


def test_a_robot_that_stands_walks_after_a_balance_stand_at_a_bounded_rate():
    robot = Robot(move_period=0.05)
    robot.velocity = (0.4, -0.1, 0.2)
    names = robot.live(1.0)
    assert names[0] == "BalanceStand"
    assert set(names[1:]) == {"Move"}
    assert 15 <= len(names[1:]) <= 20
    assert robot.calls[-1].values == {"x": 0.4, "y": -0.1, "z": 0.2}
    assert not robot.calls[-1].answered


def test_a_robot_that_lies_does_not_walk():
    robot = Robot(raised=False)
    robot.velocity = (0.4, 0.0, 0.0)
    assert robot.live(2.0) == []


def test_who_rises_is_balanced_once_its_legs_are_still_and_walks_not_before():
    robot = Robot(raised=False)
    robot.velocity = (0.4, 0.0, 0.0)
    robot.sport.rise(STAND_UP)
    assert [call.name for call in robot.calls] == ["StandUp"]
    robot.still = False
    assert robot.live(2.0) == []
    robot.raised = True
    assert robot.live(2.0) == []
    robot.still = True
    assert robot.live(0.45) == []
    assert robot.live(0.2)[0] == "BalanceStand"
    assert set(robot.live(0.5)) == {"Move"}


def test_silence_of_commands_stops_and_then_stands():
    robot = Robot(command_timeout=0.5, stand_after=1.0)
    robot.walk()
    robot.velocity = None
    names = robot.live(0.45)
    assert set(names) == {"Move"}
    assert without_repeats(robot.live(0.2))[-1] == "StopMove"
    assert robot.live(0.8) == []
    assert robot.live(0.3) == ["BalanceStand"]
    assert robot.live(5.0) == []
    robot.walk()


def test_a_lost_link_stops_then_lets_go_and_takes_a_request_to_rise():
    robot = Robot(state_timeout=0.2, damp_after=1.0)
    robot.walk()
    robot.linked = False
    assert set(robot.live(0.18)) == {"Move"}
    names = robot.live(0.75)
    assert set(names[1 if names[0] == "Move" else 0 :]) == {"StopMove"}
    assert 6 <= names.count("StopMove") <= 9
    assert without_repeats(robot.live(0.2))[-1] == "Damp"
    assert robot.live(5.0) == []
    robot.linked = True
    assert robot.live(2.0) == []  # though it is told to walk, and stands
    robot.sport.rise(STAND_UP)
    assert without_repeats(robot.live(1.0)) == ["BalanceStand", "Move"]


def test_a_link_that_comes_back_in_time_leads_back_to_walking():
    robot = Robot(state_timeout=0.2, damp_after=1.0)
    robot.walk()
    robot.linked = False
    assert robot.live(0.5)[-1] == "StopMove"
    robot.linked = True
    assert set(robot.live(0.5)) == {"Move"}


def test_a_link_that_is_lost_while_nothing_was_asked_for_asks_for_nothing():
    robot = Robot()
    assert robot.live(1.0) == []
    robot.linked = False
    assert robot.live(5.0) == []


def test_who_was_told_to_lie_does_not_walk_though_it_still_stands():
    robot = Robot()
    robot.walk()
    for call in (STAND_DOWN, DAMP):
        robot.sport.rest(call)
        assert robot.calls[-1] is call
        assert robot.live(2.0) == []


def test_the_trunk_leans_and_rises_as_told_by_calls_of_their_own():
    robot = Robot(body_height=True)
    robot.sport.pose(0.1, -0.2, 0.03)
    robot.velocity = (0.0, 0.0, 0.0)
    robot.live(1.0)
    (lean,) = [call.values for call in robot.calls if call.name == "Euler"]
    (height,) = [call.values for call in robot.calls if call.name == "BodyHeight"]
    assert (lean, height) == ({"x": 0.1, "y": -0.2, "z": 0.0}, {"data": 0.03})
    robot.sport.pose(0.3, 0.3, -0.1)
    robot.sport.halt()  # disabled before it was sent
    robot.velocity = (0.1, 0.0, 0.0)
    assert set(robot.live(1.0)) == {"Move"}
    robot = Robot(body_height=False)
    robot.sport.pose(0.0, 0.0, 0.03)
    robot.velocity = (0.0, 0.0, 0.0)
    assert "BodyHeight" not in robot.live(1.0)


def test_parameters_of_calls_are_json_as_unitree_has_it():
    assert DAMP.parameter == "{}"
    assert (DAMP.number, STAND_UP.number, STAND_DOWN.number) == (1001, 1004, 1005)


def test_codes_are_told_in_words_where_they_are_known():
    assert reason(3203) == "not offered by this firmware (3203)"
    assert reason(9999) == "code 9999"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["link", "lie", "rise", "damp", "walk", "silence", "halt"]),
            st.floats(0.02, 2.0),
        ),
        max_size=12,
    )
)
def test_no_order_of_events_lets_a_robot_walk_unlinked_lying_or_damped(events):
    robot = Robot(state_timeout=0.2)
    down = False
    for event, seconds in events:
        if event == "link":
            robot.linked = not robot.linked
        elif event == "lie":
            robot.raised = not robot.raised
        elif event == "rise":
            robot.sport.rise(STAND_UP)
            down = False
        elif event == "damp":
            robot.sport.rest(DAMP)
            down = True
        elif event == "halt":
            robot.sport.halt()
        else:
            robot.velocity = (1.0, 0.0, 0.0) if event == "walk" else None
        robot.live(0.21)  # time to notice
        names = robot.live(seconds)
        if not robot.linked or not robot.raised or down:
            assert "Move" not in names
        if not robot.linked:
            down = down or "Damp" in names
