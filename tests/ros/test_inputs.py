# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Ages of messages, worked by hand."""

import math

import pytest
from std_msgs.msg import Float64

from neuro_control.ros.inputs import Input, check_age, rejection_reason
from neuro_control.ros.messages import Rejected, read_number

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


def test_silence_is_the_time_since_the_latest_message():
    source = number()
    assert source.silence(NOW) == math.inf
    source.received = NOW
    assert source.silence(NOW + 250_000_000) == 0.25
    assert source.silence(NOW - 250_000_000) == -0.25
