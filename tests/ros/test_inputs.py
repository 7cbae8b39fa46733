# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Ages of messages, worked by hand."""

import math
import time

import pytest
from rclpy.clock import ClockType, ROSClock
from rclpy.time import Time
from std_msgs.msg import Float64

from neuro_control.ros.inputs import Input, check_age, rejection_reason
from neuro_control.ros.messages import Rejected, read_number
from neuro_control.ros.steady_time import SteadyTime

NOW = 100 * 10**9


@pytest.mark.parametrize("age", [0, 99_999_999, 100_000_000, -100_000_000])
def test_a_stamp_within_the_limit_passes(age):
    check_age(NOW - age, NOW, 0.1)


@pytest.mark.parametrize(
    ("age", "reason", "says"),
    [
        (100_000_001, "stale", "0.100 s old, the limit is 0.1 s"),
        (2 * 10**9, "stale", "2.000 s old, the limit is 0.1 s"),
        (-100_000_001, "future", "stamped 0.100 s ahead of the clock"),
        (-(10**9), "future", "stamped 1.000 s ahead of the clock"),
    ],
)
def test_a_stamp_beyond_the_limit_is_refused_with_its_age(age, reason, says):
    with pytest.raises(Rejected, match=says) as caught:
        check_age(NOW - age, NOW, 0.1)
    assert rejection_reason(caught.value) == reason


def test_before_a_simulated_clock_is_received_every_stamp_passes():
    check_age(NOW, 0, 0.1)


def test_what_a_reader_did_not_foresee_is_counted_by_its_type():
    assert rejection_reason(KeyError("by hand")) == "KeyError"


def number(timeout=0.5):
    return Input("number", Float64, read_number, timeout)


def test_an_input_accepts_by_age_first_and_then_by_content():
    source = number()
    assert source.accept(Float64(data=2.0), NOW, NOW) == 2.0
    with pytest.raises(Rejected, match="the number is nan"):
        source.accept(Float64(data=math.nan), NOW, NOW)
    with pytest.raises(Rejected, match=r"1\.000 s old"):
        source.accept(Float64(data=math.nan), NOW - 10**9, NOW)


def test_a_value_is_fresh_until_its_timeout_and_not_before_its_time():
    source = number()
    assert source.fresh(NOW) is None
    source.value, source.time = 2.0, NOW
    assert source.fresh(NOW + 500_000_000) == 2.0
    assert source.fresh(NOW + 500_000_001) is None
    # The clock went back by more than the timeout: the value belongs to another run.
    assert source.fresh(NOW - 500_000_001) is None


class SimulatedClock:
    """A clock under simulated time, set by hand."""

    def __init__(self):
        self.clock = ROSClock()
        self.clock._set_ros_time_is_active(True)
        self.steady = SteadyTime(self.clock)

    def shows(self, now):
        self.clock.set_ros_time_override(Time(nanoseconds=now, clock_type=ClockType.ROS_TIME))
        return now


@pytest.fixture
def simulated():
    return SimulatedClock()


def test_silence_is_the_time_since_the_latest_value_was_measured(simulated):
    source = number()
    source.steady = simulated.steady
    assert source.silence(NOW) == math.inf
    source.keep(2.0, NOW - 100_000_000, NOW)
    assert source.silence(NOW) == 0.1
    assert source.silence(NOW + 150_000_000) == 0.25


def test_steady_time_is_the_sum_of_a_simulated_clocks_steps_forward(simulated):
    shows, steady = simulated.shows, simulated.steady
    begin = steady.at(shows(NOW))
    assert steady.at(shows(NOW + 5)) == begin + 5
    assert steady.at(shows(NOW - 30)) == begin + 5
    shows(NOW - 23)
    assert steady.at(shows(NOW - 21)) == begin + 14


def test_steady_time_on_the_wall_clock_is_the_machines_whatever_the_clock_shows():
    steady = SteadyTime()
    before = time.monotonic_ns()
    assert before <= steady.at(NOW) <= steady.at(0) <= time.monotonic_ns()


@pytest.mark.parametrize("step", [-400_000_000, -100_000_000, 0])
def test_a_step_back_of_the_clock_makes_no_value_younger(simulated, step):
    source, shows = number(), simulated.shows
    source.steady = simulated.steady
    source.keep(2.0, NOW, shows(NOW))
    assert source.fresh(shows(NOW + 300_000_000)) == 2.0
    assert source.fresh(shows(NOW + 300_000_000 + step)) == 2.0
    assert source.fresh(shows(NOW + 500_000_000 + step)) == 2.0
    assert source.fresh(shows(NOW + 500_000_001 + step)) is None


def test_a_stamp_ahead_of_the_clock_makes_no_value_younger_unless_the_clock_lags(simulated):
    source, shows = number(), simulated.shows
    source.steady = simulated.steady
    source.keep(2.0, NOW + 200_000_000, shows(NOW))
    assert source.fresh(shows(NOW + 500_000_001)) is None
    source.keep(2.0, NOW + 800_000_000, shows(NOW + 600_000_000), clock_may_lag=True)
    assert source.fresh(shows(NOW + 1_300_000_000)) == 2.0
