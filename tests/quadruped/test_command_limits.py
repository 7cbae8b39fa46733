# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command limits alone."""

import dataclasses
import math

import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import Command, gait
from neuro_control.quadruped.control.command_limits import CommandLimits, LimitSettings


def test_velocities_are_clamped_at_the_limits_of_their_sign():
    limits = CommandLimits(LimitSettings(0.4, 0.3, 0.2, 1.0))
    found = limits.step(Command(forward=0.9, left=-0.25, yaw_rate=0.5))
    assert (found.forward, found.left, found.yaw_rate) == (0.4, -0.2, 0.5)
    assert limits.remarks == [
        "forward 0.9 is beyond -0.3 to 0.4: clamped",
        "left -0.25 is beyond -0.2 to 0.2: clamped",
    ]
    assert limits.step(Command(forward=-0.5)).forward == -0.3


def test_all_other_numbers_are_clamped_at_their_ranges():
    limits = CommandLimits(LimitSettings())
    found = limits.step(Command(frequency=9.0, height=-1.0))
    assert found == Command(frequency=4.0, height=-0.2)
    assert limits.remarks == [
        "height -1 is beyond -0.2 to 0.05: clamped",
        "frequency 9 is beyond 2 to 4: clamped",
    ]


def test_what_is_within_the_limits_passes_and_remarks_end_with_their_command():
    limits = CommandLimits(LimitSettings())
    limits.step(Command(frequency=9.0))
    pace = gait("pace", forward=0.3)
    assert limits.step(pace) == pace
    assert limits.remarks == []


def test_the_same_command_is_the_same_object_until_the_limits_change():
    limits, command = CommandLimits(LimitSettings()), Command(forward=1.0)
    first = limits.step(command)
    assert limits.step(command) is first
    limits.settings = dataclasses.replace(limits.settings, max_forward=0.5)
    assert limits.step(command).forward == 0.5


def test_a_command_that_is_not_finite_and_a_limit_out_of_range_are_refused():
    with pytest.raises(ConfigurationError, match="swing of the command is nan"):
        CommandLimits(LimitSettings()).step(Command(swing=math.nan))
    with pytest.raises(ConfigurationError, match="max_forward is a number between 0 and"):
        LimitSettings(max_forward=2.0)
