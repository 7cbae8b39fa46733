# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import math

import pytest

from neuro_control.blimp.control.thrust_allocation import AllocationSettings, ThrustAllocation
from neuro_control.blimp.control.types import DOWN, UP
from neuro_control.errors import ConfigurationError


def test_a_command_becomes_thrusts_and_an_angle():
    allocation = ThrustAllocation(AllocationSettings(max_thrust=0.1))
    assert allocation.step(10.0) == (0.05, 0.05, UP)
    assert allocation.step(-5.0) == (0.025, 0.025, DOWN)
    # Too little to turn the propellers is no reason to turn the shaft either.
    assert allocation.step(0.29) == (0.0, 0.0, DOWN)
    assert allocation.step(0.3) == (pytest.approx(0.0015), pytest.approx(0.0015), UP)
    allocation.step(-1.0)
    allocation.reset()
    assert allocation.idle() == allocation.step(0.0) == (0.0, 0.0, UP)


def test_the_dead_zone_is_a_setting():
    allocation = ThrustAllocation(AllocationSettings(max_thrust=0.1, dead_zone=2.0))
    assert allocation.step(-1.9) == (0.0, 0.0, UP)
    assert allocation.step(-2.0) == (pytest.approx(0.01), pytest.approx(0.01), DOWN)


@pytest.mark.parametrize("command", [math.nan, math.inf, -math.inf])
def test_a_command_that_is_not_finite_is_refused_and_the_shaft_stays(command):
    allocation = ThrustAllocation()
    allocation.step(-5.0)
    with pytest.raises(ValueError, match="not finite"):
        allocation.step(command)
    assert allocation.angle == DOWN


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"max_thrust": 0.0}, "a number of N above 0"),
        ({"max_thrust": math.nan}, "a number of N above 0"),
        ({"dead_zone": 11.0}, "dead_zone lies between 0 and 10"),
    ],
)
def test_settings_out_of_range_are_refused(changes, says):
    with pytest.raises(ConfigurationError, match=says):
        AllocationSettings(**changes)
