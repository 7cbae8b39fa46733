# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Following an instruction, without ROS: chunks in their time, and how an instruction ends."""

import numpy as np
import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.actions import TERMINATE
from neuro_control.quart.control.follower import (
    ActionQueue,
    FollowerSettings,
    InstructionFollower,
    Progress,
)
from neuro_control.quart.control.policy import Decision
from neuro_control.quart.control.state import IDLE

FORWARD, HEIGHT = 1, 4


def chunk(*forward, height=0.0):
    """Actions that differ in their velocity ahead."""
    actions = np.tile(IDLE, (len(forward), 1))
    actions[:, FORWARD], actions[:, HEIGHT] = forward, height
    return actions


def decision(*forward, confidence=0.9, understood=True, ends=False, height=0.0):
    actions = chunk(*forward, height=height)
    actions[0, TERMINATE] = float(ends)
    return Decision(actions[0], confidence, understood, None, actions)


def follower(**settings):
    made = InstructionFollower(FollowerSettings(**settings))
    made.accept("go to the red cube")
    return made


@pytest.mark.parametrize(
    ("time", "forward"),
    [(5.0, 0.1), (5.099, 0.1), (5.1, 0.2), (5.2, 0.3), (5.45, 0.3), (5.501, None), (4.9, 0.1)],
)
def test_a_chunk_runs_on_in_its_time_and_its_last_action_is_held(time, forward):
    queue = ActionQueue(hold=0.2)
    assert queue.at(5.0) is None
    queue.put(5.0, chunk(0.1, 0.2, 0.3))
    found = queue.at(time)
    assert (None if found is None else found[FORWARD]) == forward


def test_a_newer_chunk_replaces_what_is_left_of_the_one_before():
    made = follower()
    made.take(decision(0.1, 0.2, 0.3), 1.0)
    assert made.action(1.1)[FORWARD] == 0.2
    made.take(decision(0.5, 0.6), 1.1)
    assert made.action(1.15)[FORWARD] == 0.5


def test_an_empty_queue_is_zero_velocity_in_the_last_posture():
    made = follower(hold=0.0)
    made.take(decision(0.4, height=-0.15), 1.0)
    assert made.action(1.05)[[FORWARD, HEIGHT]].tolist() == [0.4, -0.15]
    assert made.action(1.2)[[FORWARD, HEIGHT]].tolist() == [0.0, -0.15]
    made.accept("crawl under the bar")
    assert made.action(1.25)[[FORWARD, HEIGHT]].tolist() == [0.0, -0.15]


def test_terminate_is_the_end_and_decisions_that_come_later_change_nothing():
    made = follower()
    made.take(decision(0.4, ends=True), 1.0)
    assert made.progress is Progress.DONE
    made.take(decision(0.4), 1.1)
    np.testing.assert_array_equal(made.action(1.1), IDLE)


def test_an_instruction_is_given_up_with_a_reason():
    made = follower()
    made.take(decision(0.4, understood=False), 1.0)
    assert (made.progress, made.action(1.0)[FORWARD]) == (Progress.GIVEN_UP, 0.0)
    assert "no instruction" in made.reason
    made = follower(time_limit=2.0)
    for time in (1.0, 2.9, 3.1):
        made.take(decision(0.4), time)
        moves = made.action(time)[FORWARD] > 0.0
        assert moves == (time < 3.0)
    assert made.reason == "it was not done within 2 s"


def test_who_is_unsure_walks_slowly():
    made = follower(min_confidence=0.5, unsure_speed=0.25)
    made.take(decision(0.4, confidence=0.4), 1.0)
    assert made.unsure
    assert made.action(1.0)[FORWARD] == pytest.approx(0.1)
    made.take(decision(0.4, confidence=0.6), 1.1)
    assert not made.unsure
    assert made.action(1.1)[FORWARD] == pytest.approx(0.4)


@pytest.mark.parametrize(
    "wrong", [{"min_confidence": 1.5}, {"unsure_speed": -0.1}, {"time_limit": -1.0}]
)
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        FollowerSettings(**wrong)
