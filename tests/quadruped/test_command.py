# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The 15 numbers and the feet that follow them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import GAITS, RANGES, Command, gait
from neuro_control.quadruped.control.gait_scheduler import GaitScheduler, leads

numbers = st.lists(st.floats(-1e6, 1e6), min_size=15, max_size=15)


def test_the_order_is_that_of_walk_these_ways():
    assert list(RANGES)[:3] == ["forward", "left", "yaw_rate"]
    assert list(RANGES)[3:9] == ["height", "frequency", "phase", "offset", "bound", "duration"]
    assert list(RANGES)[9:] == ["swing", "pitch", "roll", "width", "length", "auxiliary"]


@given(numbers)
def test_a_clamped_command_is_in_range_and_says_what_it_moved(values):
    clamped, remarks = Command.of(values).clamped()
    for (low, high), before, after in zip(RANGES.values(), values, clamped.array(), strict=True):
        assert low <= after <= high
        assert after == before or not low <= before <= high
    moved = sum(a != b for a, b in zip(values, clamped.array(), strict=True))
    assert len(remarks) == moved
    assert clamped.clamped() == (clamped, [])


def test_a_command_names_the_number_that_is_none():
    with pytest.raises(ConfigurationError, match="yaw_rate of the command is nan"):
        Command(yaw_rate=float("nan")).clamped()
    with pytest.raises(ConfigurationError, match="not 12"):
        Command.of([0.0] * 12)
    with pytest.raises(ConfigurationError, match="no gait 'gallop'"):
        gait("gallop")
    with pytest.raises(ConfigurationError, match="has no speed"):
        gait("trot", speed=1.0)


@pytest.mark.parametrize("name", list(GAITS))
def test_gaits_are_within_the_ranges(name):
    assert gait(name).clamped()[1] == []


def contacts(name, cycles=1, steps=400):
    command, schedule = gait(name), GaitScheduler()
    schedule.reset(command)
    rows = []
    for _ in range(steps * cycles):
        schedule.step(command, 1 / (command.frequency * steps))
        rows.append(schedule.stance)
    return np.array(rows)


def test_who_stands_together():
    fl, fr, rl, rr = contacts("trot").T
    assert (fl == rr).all()
    assert (fr == rl).all()
    assert (fl != fr).mean() > 0.99
    fl, fr, rl, rr = contacts("pace").T
    assert (fl == rl).all()
    assert (fr == rr).all()
    assert (fl != fr).mean() > 0.99
    fl, fr, rl, rr = contacts("bound").T
    assert (fl == fr).all()
    assert (rl == rr).all()
    assert (fl != rl).mean() > 0.99
    assert set(contacts("pronk").sum(1)) == {0, 4}
    assert contacts("stand").all()


def test_a_walk_lifts_one_foot_at_a_time_hind_before_front():
    stance = contacts("walk", cycles=2)
    assert stance.sum(1).min() == 3
    lifted = [int(np.argmin(row)) for row in stance if row.sum() == 3]
    order = [foot for i, foot in enumerate(lifted) if i == 0 or foot != lifted[i - 1]]
    start = order.index(2)
    assert order[start : start + 4] == [2, 0, 3, 1]


@given(st.sampled_from(list(GAITS)), st.sampled_from(list(GAITS)), st.integers(0, 200))
def test_no_phase_jumps_between_gaits_and_the_new_one_is_reached(one, other, when):
    schedule = GaitScheduler()
    schedule.reset(gait(one))
    for _ in range(when):
        schedule.step(gait(one), 0.002)
    for _ in range(1200):
        before = schedule.phases
        schedule.step(gait(other, frequency=4.0), 0.002)
        change = (schedule.phases - before + 0.5) % 1.0 - 0.5
        assert np.abs(change - 0.008).max() <= 0.0015
    apart = (schedule.phases - schedule.phases[0] - leads(gait(other)) + leads(gait(other))[0]) % 1
    np.testing.assert_allclose(np.minimum(apart, 1 - apart), 0.0, atol=1e-9)
    assert schedule.duration == pytest.approx(gait(other).duration)


def test_a_command_of_the_same_gait_changes_no_duration():
    schedule = GaitScheduler()
    for forward in np.linspace(0, 1, 50):
        schedule.step(gait("trot", forward=forward), 0.002)
        assert schedule.duration == 0.5


def test_a_duration_that_must_not_be_is_left_in_haste():
    schedule = GaitScheduler()
    schedule.reset(gait("stand"))
    for _ in range(50):
        schedule.step(gait("stand"), 0.002, longest=0.7)
    assert schedule.duration == pytest.approx(0.7)


def test_feet_go_on_stepping_until_they_may_all_stay_down():
    schedule = GaitScheduler()
    for _ in range(1000):
        schedule.step(gait("stand"), 0.002, longest=0.8)
    assert schedule.duration == pytest.approx(0.8)
    for _ in range(1000):
        schedule.step(gait("stand"), 0.002)
    assert schedule.stance.all()
