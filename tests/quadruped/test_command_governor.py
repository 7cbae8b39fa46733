# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command governor alone: the nearest command that can be walked."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.quadruped.control.command import GAITS, RANGES, Command, gait
from neuro_control.quadruped.control.command_governor import (
    CommandGovernor,
    GovernorSettings,
    shortest_duration,
)
from neuro_control.quadruped.control.gait_scheduler import leads
from neuro_control.quadruped.control.robots import GO1, GO2


def walkable(command, robot, **settings):
    """Command that can be walked, and the remarks on it."""
    governor = CommandGovernor(robot, GovernorSettings(**settings))
    return governor.step(command), governor.remarks


ANY = st.tuples(*(st.floats(*each) for each in RANGES.values())).map(Command.of)


@pytest.mark.parametrize("robot", [GO2, GO1])
@pytest.mark.parametrize("name", list(GAITS))
def test_every_gait_at_half_a_metre_a_second_is_walked_as_it_is(robot, name):
    command = gait(name, forward=0.5)
    assert walkable(command, robot) == (command, [])


@pytest.mark.parametrize(
    "numbers",
    [
        {"forward": 1.5, "left": 0.3, "yaw_rate": 1.0},
        {"forward": -0.5, "left": -0.3, "yaw_rate": -1.0},
        {"forward": 0.5, "height": 0.04},
        {"forward": 0.5, "frequency": 2.0},
        {"forward": 0.5, "frequency": 4.0},
        {"forward": 0.5, "swing": 0.15},
    ],
)
def test_an_ordinary_trot_is_walked_as_it_is(numbers):
    command = gait("trot", **numbers)
    assert walkable(command, GO2) == (command, [])


def test_no_foot_stands_alone_in_symmetrical_gaits_and_one_does_between_them():
    for name in ("trot", "pace", "bound", "pronk"):
        assert shortest_duration(leads(gait(name)), 3.0, 0.5, 0.03, 0.26) == 0.5
    # FL, FR, RL and RR a quarter of a cycle apart: two stand at a time from a half on, and until
    # then one stands alone for whatever is missing to a half in each quarter.
    apart = np.array([0.0, 0.5, 0.25, 0.75])
    assert shortest_duration(apart, 2.0, 0.35, 0.03, 0.26) == pytest.approx(
        0.5 - 2.0 * 0.03 / 4, abs=0.011
    )


def test_legs_reach_no_further_than_they_are_long():
    lower, remarks = walkable(gait("trot", pitch=0.4, height=-0.1), GO2)
    tips = 0.1934 * math.sin(0.4)
    assert lower.pitch == pytest.approx(0.4 * (0.2 - 0.17) / tips)
    assert remarks[-1].startswith("pitch 0.4 can't be walked with the rest")
    assert walkable(gait("stand", pitch=0.4), GO2)[0].pitch == pytest.approx(0.4)


def test_fast_steps_become_shorter_by_their_duration_their_frequency_and_the_speed_in_turn():
    # 1.6 m/s, half a cycle of 2 Hz: 40 cm.
    found, _ = walkable(gait("trot", forward=1.6, frequency=2.0), GO2)
    assert (found.forward, found.duration) == (1.6, 0.5)
    assert found.frequency == pytest.approx(1.6 * 0.5 / 0.3)
    found, _ = walkable(gait("trot", forward=1.0, duration=0.7, phase=0.5, frequency=2.0), GO2)
    assert found.forward / found.frequency * found.duration == pytest.approx(0.3)


def test_feet_are_lifted_no_higher_than_hips_and_time_allow():
    assert walkable(gait("trot", swing=0.2, height=-0.1), GO2)[0].swing == pytest.approx(0.08)
    # 4 Hz and 0.6 of a cycle leave 0.1 s: 24 height / T² of 130 m/s².
    found, _ = walkable(gait("trot", swing=0.2, frequency=4.0, duration=0.6), GO2)
    assert found.swing == pytest.approx(130 * 0.1**2 / 24)


@given(ANY)
def test_what_can_be_walked_is_within_its_ranges_and_can_be_walked(command):
    found, _ = walkable(command, GO2)
    rounded = dataclasses.replace(found, **{n: round(getattr(found, n), 9) for n in RANGES})
    assert rounded.clamped()[1] == []
    assert found.duration == 1.0 or found.duration <= 1.0 - 0.1 * found.frequency + 1e-9
    for name in ("forward", "left", "yaw_rate", "pitch", "roll"):
        assert getattr(found, name) * np.sign(getattr(command, name)) >= 0.0
        assert abs(getattr(found, name)) <= abs(getattr(command, name)) + 1e-12


def test_a_changed_limit_counts():
    # 1 m/s, half a cycle of 2 Hz: 25 cm, which 20 cm allow at 2.5 Hz.
    found, _ = walkable(gait("trot", forward=1.0, frequency=2.0), GO2, max_stride=0.2)
    assert found.frequency == pytest.approx(1.0 * found.duration / 0.2)
    assert found.frequency == pytest.approx(2.5)


def test_the_same_command_gives_the_same_object():
    governor, command = (
        CommandGovernor(GO2, GovernorSettings()),
        gait("trot", pitch=0.4, height=-0.1),
    )
    assert governor.step(command) is governor.step(dataclasses.replace(command))
    assert governor.remarks
    governor.step(gait("trot"))
    assert governor.remarks == []
