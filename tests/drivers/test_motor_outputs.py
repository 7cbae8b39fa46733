# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Duty cycles, pulses and the way of a servo, worked by hand."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.drivers.motor_outputs import PropulsionParameters, Travel, duty, pulse

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["left_propeller", "right_propeller", "servo"]
DEFAULTS = PropulsionParameters()
FULL = 39 / 45


# The robot's own figures: u of 10 is PWM 9 + 3 u of 45; u is effort / max_effort * 10.
@pytest.mark.parametrize(
    ("effort", "expected"),
    [
        (0.0, 0),
        (0.00179, 0),  # u = 0.298
        (0.0018, 10 / 45),  # u = 0.3: 9.9
        (0.03, 24 / 45),  # u = 5
        (0.06, 39 / 45),  # u = 10
        (0.07, 39 / 45),
        (1e300, 39 / 45),
    ],
)
def test_duty_cycles_worked_by_hand(effort, expected):
    assert duty(effort, DEFAULTS) == expected


@given(
    st.floats(0, 1e308), st.floats(0, 1), st.floats(0, 1), st.integers(1, 100000),
    st.floats(1e-4, 100),
)  # fmt: skip
def test_no_duty_cycle_lies_beyond_full_duty_or_off_the_steps(effort, a, b, steps, most):
    parameters = PropulsionParameters(
        minimum_duty=min(a, b), full_duty=max(a, b), duty_steps=steps, max_effort=most,
        dead_zone=0.0,
    )  # fmt: skip
    found = duty(effort, parameters)
    assert 0 <= found <= max(a, b) + 1e-9
    assert found * steps == pytest.approx(round(found * steps), abs=1e-6)
    assert found <= duty(2 * effort, parameters)


@pytest.mark.parametrize(
    ("angle", "expected"),
    [
        (0.0, 0.0005),
        (math.pi / 4, 0.001),
        (math.pi / 2, 0.0015),
        (math.pi, 0.0025),
        (-1.0, 0.0005),
        (1e9, 0.0025),
    ],
)
def test_pulses_worked_by_hand(angle, expected):
    assert pulse(angle, DEFAULTS) == pytest.approx(expected, abs=1e-12)


def test_a_servo_mounted_the_other_way_round_has_its_pulses_swapped():
    parameters = PropulsionParameters(servo_minimum_pulse=0.0025, servo_maximum_pulse=0.0005)
    assert pulse(0.0, parameters) == pytest.approx(0.0025)
    assert pulse(math.pi, parameters) == pytest.approx(0.0005)


def test_a_shaft_of_unknown_angle_takes_the_whole_travel_time():
    travel = Travel(0.0, 3.0, 0.3, now=0.0)
    assert not travel.arrived(100.0)  # it was sent nowhere
    travel.send(1.5, 100.0)
    assert not travel.arrived(100.14)  # 1.5 rad at 10 rad/s
    assert travel.arrived(100.151)
    travel = Travel(0.0, 3.0, 0.3, now=0.0)
    travel.send(3.0, 0.0)
    assert not travel.arrived(0.29)
    assert travel.arrived(0.301)


def test_a_shaft_takes_the_time_of_its_way():
    travel = Travel(0.0, 3.0, 0.3, now=0.0)
    travel.send(0.0, 0.0)
    assert travel.arrived(0.31)
    travel.send(3.0, 1.0)
    assert not travel.arrived(1.1)  # at 1
    travel.send(0.5, 1.2)  # from 2, back by 1.5
    assert not travel.arrived(1.34)
    assert travel.arrived(1.351)
    travel.send(0.5, 2.0)
    assert travel.arrived(2.0)


def test_a_servo_without_travel_time_is_there_with_the_next_look():
    travel = Travel(0.0, 3.0, 0.0, now=0.0)
    travel.send(3.0, 0.0)
    assert travel.arrived(0.001)
