# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.blimp.control.altimeter import AltimeterSettings
from neuro_control.blimp.control.altitude import AltitudeController, AltitudeSettings
from neuro_control.blimp.control.laws import make_law
from neuro_control.blimp.control.pid import PID, PIDSettings
from neuro_control.blimp.control.set_points import check_course, set_point_at
from neuro_control.blimp.control.thrust_allocation import AllocationSettings
from neuro_control.blimp.control.types import Observation
from neuro_control.errors import ConfigurationError

# 1 N of each propeller per unit of the command, whatever its size.
ALLOCATION = AllocationSettings(max_thrust=20.0, dead_zone=0.0)
BELIEVES_NOTHING_OLD = AltimeterSettings(last_range_timeout=0.0)


def proportional(**settings):
    """A controller that commands 1 a metre."""
    law = PID(PIDSettings(1.0, 0.0, 0.0))
    return AltitudeController(law, AltitudeSettings(**{"allocation": ALLOCATION, **settings}))


def answer(controller, distance, set_point):
    """Thrust of one propeller, N, below 0 downwards: the command, by ``ALLOCATION``."""
    left, right, angle = controller.step(Observation(distance, set_point))
    assert left == right
    return left * math.cos(angle)


def test_set_points_beyond_floor_and_ceiling_are_clamped_and_remarked_on():
    controller = proportional(floor=0.2, ceiling=3.0)
    assert answer(controller, 1.0, 100.0) == pytest.approx(2.0)
    assert "set-point 100.00 m lies beyond 0.2 to 3 m: 3 m instead" in controller.remark
    assert answer(controller, 1.0, -5.0) == pytest.approx(-0.8)
    assert "0.2 m instead" in controller.remark
    answer(controller, 1.0, 1.0)
    assert controller.remark is None


@pytest.mark.parametrize(("fallback", "less"), [("hold", 0.0), ("descend", 0.5)])
def test_without_a_range_the_trim_is_kept_or_a_little_less(fallback, less):
    controller = proportional(fallback=fallback, altimeter=BELIEVES_NOTHING_OLD)
    for tick in range(500):
        answer(controller, 1.0 + 1e-5 * (tick % 2), 3.0)
    assert controller.trim == pytest.approx(2.0, abs=1e-3)
    assert answer(controller, math.nan, 3.0) == pytest.approx(2.0 - less, abs=1e-3)
    assert "holding trim" in controller.remark or "descending" in controller.remark


def test_a_range_that_is_bridged_is_remarked_on():
    controller = proportional()
    assert answer(controller, 1.0, 2.0) == answer(controller, math.nan, 2.0) == pytest.approx(1.0)
    assert "the last valid reading replaces it" in controller.remark


def test_the_trim_is_averaged_over_five_seconds():
    controller = proportional()
    for _ in range(50):
        answer(controller, 1.0, 3.0)
    assert controller.trim == pytest.approx(2.0 * (1 - 0.98**50))


def test_changed_settings_act_at_once_and_the_memory_stays():
    controller = proportional(altimeter=BELIEVES_NOTHING_OLD)
    for tick in range(500):
        answer(controller, 1.0 + 1e-5 * (tick % 2), 3.0)
    controller.change(
        AltitudeSettings(
            ceiling=2.0,
            fallback="descend",
            descent=1.0,
            altimeter=BELIEVES_NOTHING_OLD,
            allocation=AllocationSettings(max_thrust=2.0),
        )
    )
    assert answer(controller, math.nan, 3.0) == pytest.approx(0.1, abs=1e-3)
    assert answer(controller, 1.0, 3.0) == pytest.approx(0.1)


@given(st.lists(st.floats(width=32) | st.just(math.nan), min_size=1, max_size=40), st.floats())
def test_whatever_the_lidar_reads_commands_stay_within_their_limits(distances, set_point):
    if math.isnan(set_point):
        set_point = 1.0
    settings = AltitudeSettings(fallback="descend", allocation=ALLOCATION)
    controller = AltitudeController(make_law("pid"), settings)
    for distance in distances:
        assert abs(answer(controller, distance, set_point)) <= 10.0


@pytest.mark.parametrize("changes", [{"floor": 4.0}, {"fallback": "panic"}, {"descent": -1.0}])
def test_settings_that_contradict_themselves_are_refused(changes):
    with pytest.raises(ConfigurationError):
        AltitudeSettings(**changes)


def test_a_pd_is_a_pid_without_integral():
    assert make_law("pd").settings == PIDSettings(9.0, 0.0, 14.0)
    assert make_law("pid").settings == PIDSettings(9.0, 0.75, 14.0)


def test_a_control_law_that_does_not_exist_is_refused_with_those_there_are():
    with pytest.raises(
        ConfigurationError,
        match="there are pid, pid-filtered, pid-tuned, pd, snn-evolved, snn, or a",
    ):
        make_law("magic")


def test_a_course_gives_each_altitude_from_its_time_on():
    course = [1.0, 0.4, 30.0, 0.9]
    times = (0.0, 0.9, 1.0, 29.9, 30.0, 500.0)
    found = [set_point_at(course, time, 2.0) for time in times]
    assert found == [2.0, 2.0, 0.4, 0.4, 0.9, 0.9]
    assert set_point_at([], 10.0, 2.0) == 2.0
    for wrong in ([1.0], [2.0, 1.0, 1.0, 1.0]):
        with pytest.raises(ConfigurationError, match="pairs of time and altitude"):
            check_course(wrong)
