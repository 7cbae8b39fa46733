# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command mux alone: which source commands, and what a time-out means."""

import math

import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import gait
from neuro_control.quadruped.control.command_mux import (
    CommandMux,
    CommandSources,
    MuxSettings,
    profile_velocity,
)

PROFILE = (1.0, 0.5, 0.0, 0.1, 3.0, -0.2, 0.3, 0.0)
PACE = gait("pace", forward=0.3, left=0.1, yaw_rate=-0.2, height=-0.05)
NUMBERS = tuple(PACE.array().tolist())
NOTHING = CommandSources()


def mux(**settings):
    return CommandMux(MuxSettings(velocity_profile=PROFILE, **settings))


def velocities(command):
    return command.forward, command.left, command.yaw_rate


def steered(velocity, age):
    return CommandSources(velocity=velocity, velocity_age=age)


@pytest.mark.parametrize(
    ("time", "velocity"),
    [(0.0, (0, 0, 0)), (1.0, (0.5, 0, 0.1)), (2.9, (0.5, 0, 0.1)), (9.0, (-0.2, 0.3, 0.0))],
)
def test_a_velocity_profile_is_followed_from_when_it_began(time, velocity):
    assert profile_velocity(PROFILE, time) == velocity
    stage = mux()
    stage.step(100.0, NOTHING)
    assert velocities(stage.step(100.0 + time, NOTHING)) == velocity
    stage.reset()
    assert velocities(stage.step(500.0, NOTHING)) == (0, 0, 0)


def test_a_gait_command_counts_whole_and_cmd_vel_overrides_its_velocities():
    stage = mux()
    assert stage.step(5.0, CommandSources(NUMBERS, 0.1)) == PACE
    both = stage.step(5.0, CommandSources(NUMBERS, 0.1, (0.7, 0.0, 0.4), 0.2))
    assert velocities(both) == (0.7, 0.0, 0.4)
    assert (both.bound, both.height) == (PACE.bound, PACE.height)
    assert stage.step(5.0, CommandSources(NUMBERS, 0.1, (0.7, 0.0, 0.4), 0.6)) == PACE


@pytest.mark.parametrize(
    "timed_out",
    [
        lambda age: steered((0.7, 0.1, 0.4), age),
        lambda age: CommandSources(NUMBERS, age),
        lambda age: CommandSources(NUMBERS, age, (0.7, 0.1, 0.4), age),
    ],
)
def test_after_the_timeout_it_stops_and_after_the_stand_delay_it_stands(timed_out):
    stage = mux(command_timeout=0.5, stand_delay=1.0)
    assert stage.step(5.0, timed_out(0.5)).forward > 0.0
    assert stage.remarks == []
    stopped = stage.step(5.1, timed_out(0.6))
    assert (velocities(stopped), stopped.duration) == ((0, 0, 0), 0.5)
    assert stage.remarks == ["stops: neither cmd_vel nor gait_command for 0.5 s"]
    assert stage.step(6.0, timed_out(1.5)).duration == 0.5
    stands = stage.step(6.1, timed_out(1.6))
    assert (velocities(stands), stands.duration) == ((0, 0, 0), 1.0)
    assert stage.remarks == ["stands: neither cmd_vel nor gait_command for 0.5 s"]


def test_it_passes_on_what_is_out_of_range():
    assert mux().step(0.0, steered((9.0, -9.0, 3.0), 0.0)) == gait(
        "trot", forward=9.0, left=-9.0, yaw_rate=3.0
    )


def test_the_same_command_is_the_same_object_until_something_changes():
    stage = mux()
    first = stage.step(1.0, CommandSources(NUMBERS, 0.1))
    assert stage.step(1.1, CommandSources(NUMBERS, 0.2)) is first
    assert stage.step(1.1, CommandSources.constant(gait("trot"))) is not first
    stage.settings = MuxSettings(gait("walk"))
    assert stage.step(1.2, NOTHING).duration == 0.75


def test_without_standing_there_is_no_command():
    stage = CommandMux(MuxSettings())
    stage.standing = False
    assert stage.step(0.0, steered((9.0, 0.0, 0.0), 0.0)) is None
    assert stage.remarks == []
    stage.standing = True
    assert stage.step(0.0, NOTHING) == gait("trot")


def test_a_constant_command_is_always_fresh():
    sources = CommandSources.constant(PACE)
    assert sources == (NUMBERS, 0.0, None, math.inf)
    assert mux().step(99.0, sources) == PACE


def test_a_timeout_that_is_no_number_is_refused():
    with pytest.raises(ConfigurationError, match="stand_delay is a number between 0 and 3600"):
        MuxSettings(stand_delay=-1.0)
