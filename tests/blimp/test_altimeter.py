# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import math

import pytest

from neuro_control.blimp.control.altimeter import Altimeter, AltimeterSettings
from neuro_control.errors import ConfigurationError


def readings(altimeter, *distances):
    return [altimeter.read(distance) for distance in distances]


def test_a_valid_range_is_the_altitude():
    altimeter = Altimeter()
    assert readings(altimeter, 0.5, 0.51, 8.0) == [0.5, 0.51, 8.0]
    assert altimeter.problem is None


def test_too_close_counts_as_the_smallest_range():
    assert readings(Altimeter(), -math.inf) == [0.1]


@pytest.mark.parametrize(
    ("invalid", "problem"),
    [
        (math.nan, "measured no range"),
        (0.0, "below the lidar's 0.1 m"),
        (-0.5, "below"),
        (math.inf, "beyond the lidar's 8 m"),
        (8.01, "beyond"),
    ],
)
def test_the_last_valid_range_replaces_invalid_ones_until_its_timeout(invalid, problem):
    altimeter = Altimeter(AltimeterSettings(last_range_timeout=0.3))
    distances = 1.0, *[invalid] * 4, 1.1
    assert readings(altimeter, *distances) == [1.0, 1.0, 1.0, 1.0, None, 1.1]
    altimeter.read(invalid)
    assert problem in altimeter.problem


def test_nothing_replaces_an_invalid_range_before_the_first_valid_one():
    assert readings(Altimeter(), math.nan, 0.0) == [None, None]


def test_a_range_that_never_changes_is_stuck_after_a_while():
    altimeter = Altimeter(AltimeterSettings(last_range_timeout=0.0, stuck_timeout=1.0))
    # The first and ten more: a whole second without a change.
    assert readings(altimeter, *[1.0] * 12) == [1.0] * 10 + [None, None]
    assert "stuck" in altimeter.problem
    assert altimeter.read(1.01) == 1.01


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"minimum": 9.0}, "0 < minimum < maximum, not 9 and 8 m"),
        ({"maximum": math.inf}, "0 < minimum < maximum"),
        ({"last_range_timeout": -0.1}, "last_range_timeout is 0 s or more"),
        ({"stuck_timeout": 0.0}, "stuck_timeout is above 0 s"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(changes, says):
    with pytest.raises(ConfigurationError, match=says):
        AltimeterSettings(**changes)
