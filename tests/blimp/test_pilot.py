import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.blimp.control.altitude import Altimeter, Pilot, make_controller
from neuro_control.blimp.control.pid import PID, Gains
from neuro_control.blimp.control.thrust_allocation import DOWN, UP, Propulsion
from neuro_control.errors import ConfigurationError


def readings(altimeter, *distances):
    return [altimeter.read(distance) for distance in distances]


def test_a_good_range_is_the_altitude():
    altimeter = Altimeter()
    assert readings(altimeter, 0.5, 0.51, 8.0) == [0.5, 0.51, 8.0]
    assert altimeter.trouble is None


def test_too_close_counts_as_the_smallest_range():
    assert readings(Altimeter(), -math.inf) == [0.1]


@pytest.mark.parametrize(
    ("bad", "trouble"),
    [
        (math.nan, "can't tell"),
        (0.0, "below the lidar's 0.1 m"),
        (-0.5, "below"),
        (math.inf, "beyond the lidar's 8 m"),
        (8.01, "beyond"),
    ],
)
def test_the_last_good_range_stands_in_for_bad_ones_as_long_as_patience_lasts(bad, trouble):
    altimeter = Altimeter(patience=0.3)
    assert readings(altimeter, 1.0, bad, bad, bad, bad, 1.1) == [1.0, 1.0, 1.0, 1.0, None, 1.1]
    altimeter.read(bad)
    assert trouble in altimeter.trouble


def test_nothing_stands_in_before_the_first_good_range():
    assert readings(Altimeter(), math.nan, 0.0) == [None, None]


def test_a_range_that_never_changes_is_believed_for_a_while_only():
    altimeter = Altimeter(patience=0.0, frozen_after=1.0)
    # The first and ten more: a whole second without a change.
    assert readings(altimeter, *[1.0] * 12) == [1.0] * 10 + [None, None]
    assert "frozen" in altimeter.trouble
    assert altimeter.read(1.01) == 1.01


def test_set_points_beyond_floor_and_ceiling_are_clamped_and_said():
    pilot = Pilot(PID(Gains(1.0, 0.0, 0.0)), Altimeter(), floor=0.2, ceiling=3.0)
    assert pilot.step(1.0, 100.0) == pytest.approx(2.0)
    assert "set-point 100.00 m lies beyond 0.2 to 3 m: 3 m instead" in pilot.remark
    assert pilot.step(1.0, -5.0) == pytest.approx(-0.8)
    assert "0.2 m instead" in pilot.remark
    pilot.step(1.0, 1.0)
    assert pilot.remark is None


@pytest.mark.parametrize(("fallback", "less"), [("hold", 0.0), ("descend", 0.5)])
def test_without_a_range_the_trim_is_kept_or_a_little_less(fallback, less):
    pilot = Pilot(PID(Gains(1.0, 0.0, 0.0)), Altimeter(patience=0.0), fallback=fallback)
    for tick in range(500):
        pilot.step(1.0 + 1e-5 * (tick % 2), 3.0)
    assert pilot.trim == pytest.approx(2.0, abs=1e-3)
    assert pilot.step(math.nan, 3.0) == pytest.approx(2.0 - less, abs=1e-3)
    assert "holding trim" in pilot.remark or "descending" in pilot.remark


def test_the_trim_is_averaged_over_five_seconds():
    pilot = Pilot(PID(Gains(1.0, 0.0, 0.0)), Altimeter())
    for _ in range(50):
        pilot.step(1.0, 3.0)
    assert pilot.trim == pytest.approx(2.0 * (1 - 0.98**50))


@given(st.lists(st.floats(width=32) | st.just(math.nan), min_size=1, max_size=40), st.floats())
def test_whatever_the_lidar_says_commands_stay_within_their_limits(distances, set_point):
    if math.isnan(set_point):
        set_point = 1.0
    pilot = Pilot(make_controller("pid"), Altimeter(), fallback="descend")
    for distance in distances:
        assert abs(pilot.step(distance, set_point)) <= 10.0


def test_pilots_and_altimeters_that_can_not_be_are_refused():
    with pytest.raises(ConfigurationError, match="0 < minimum < maximum"):
        Altimeter(minimum=9.0)
    controller = make_controller("pd")
    for wrong in ({"floor": 4.0}, {"fallback": "pray"}, {"descent": -1.0}):
        with pytest.raises(ConfigurationError):
            Pilot(controller, Altimeter(), **wrong)


def test_a_pd_is_a_pid_without_integral():
    assert make_controller("pd").gains == Gains(9.0, 0.0, 14.0)
    assert make_controller("pid").gains == Gains(9.0, 0.75, 14.0)


def test_a_controller_that_is_none_is_refused_with_those_there_are():
    with pytest.raises(ConfigurationError, match="there are pid, pd, snn, or a"):
        make_controller("magic")


def test_a_command_becomes_thrust_and_direction():
    propulsion = Propulsion(max_thrust=0.1)
    assert propulsion.step(10.0) == (pytest.approx(0.05), UP)
    assert propulsion.step(-5.0) == (pytest.approx(0.025), DOWN)
    # Too little to turn the propellers: not a reason to turn the shaft either.
    assert propulsion.step(0.29) == (0.0, DOWN)
    assert propulsion.step(0.3) == (pytest.approx(0.0015), UP)
    propulsion.step(-1.0)
    propulsion.reset()
    assert propulsion.step(0.0) == (0.0, UP)
    with pytest.raises(ConfigurationError, match="above 0"):
        Propulsion(np.nan)
