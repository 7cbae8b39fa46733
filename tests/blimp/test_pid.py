# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.blimp.control.pid import PID, PIDSettings
from neuro_control.errors import ConfigurationError


def test_each_term_by_hand():
    assert PID(PIDSettings(3, 0, 0)).step(0.5) == pytest.approx(1.5)
    ramp = PID(PIDSettings(0, 0, 4))
    # 0.1 m in 0.1 s is 1 m/s; the first step has no slope yet.
    assert [ramp.step(e) for e in (0.2, 0.3, 0.4)] == pytest.approx([0.0, 4.0, 4.0])
    steady = PID(PIDSettings(0, 2, 0))
    # ∫ grows by 0.05 m s a step.
    assert [steady.step(0.5) for _ in range(3)] == pytest.approx([0.1, 0.2, 0.3])


def test_the_derivative_approaches_a_slope_by_its_time_constant():
    pid = PID(PIDSettings(0, 0, 1, derivative_time=0.3))
    found = [pid.step(0.1 * k) for k in range(40)]
    # A first-order low pass of T = 0.3 s sampled at 0.1 s keeps 3/4 a step.
    np.testing.assert_allclose(found[1:], 1 - 0.75 ** np.arange(1, 40), atol=1e-12)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=50))
def test_the_command_stays_within_its_limit(errors):
    pid = PID(PIDSettings())
    assert all(-10 <= pid.step(error) <= 10 for error in errors)


def test_the_integral_does_not_wind_up_and_releases_at_once():
    pid = PID(PIDSettings(1, 1, 0))
    for _ in range(1000):
        assert pid.step(50.0) == 10.0  # cut off by the proportional term alone
    assert pid.integral == 0.0
    assert pid.step(-1.0) == pytest.approx(-1.1)


def test_an_integral_that_leads_out_of_the_limit_is_taken():
    pid = PID(PIDSettings(0, 1, 0), limit=1.0)
    for _ in range(100):
        pid.step(1.0)
    full = pid.integral
    assert full == pytest.approx(1.0)
    assert pid.step(-1.0) == pytest.approx(0.9)


def test_an_integral_returns_by_back_calculation_and_winds_up_without_anything():
    back = PID(PIDSettings(1, 1, 0, anti_windup="back-calculation", tracking_time=0.5))
    none = PID(PIDSettings(1, 1, 0, anti_windup="none"))
    for _ in range(1000):
        assert back.step(2.0) == none.step(2.0) or back.integral < none.integral
    assert none.integral == pytest.approx(200.0)
    # At rest what the error adds in a period is what the back-calculation takes away.
    assert back.integral == pytest.approx(10.0 - 2.0 + 0.5 * 2.0, rel=0.03)
    assert back.step(-2.0) < 10.0
    assert none.step(-2.0) == 10.0


def test_reset_forgets_the_past():
    pid = PID(PIDSettings())
    first = [pid.step(e) for e in (1.0, 0.5, 0.2)]
    pid.reset()
    assert [pid.step(e) for e in (1.0, 0.5, 0.2)] == first


def test_it_holds_the_identified_blimp_without_a_lasting_error():
    # ḧ + 0.29 ḣ + 0.0164 h = 0.0444 u (arXiv 2110.00646), and a weight that pulls it down.
    pid, h, v, dt = PID(PIDSettings()), 0.0, 0.0, 0.1
    heights = []
    for _ in range(1500):
        u = pid.step(1.0 - h)
        for _ in range(10):
            v += dt / 10 * (0.0444 * u - 0.29 * v - 0.0164 * h - 0.05)
            h += dt / 10 * v
        heights.append(h)
    assert np.mean(heights[-100:]) == pytest.approx(1.0, abs=0.02)
    assert PID(PIDSettings(integral=0)).settings.integral == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda: PIDSettings(proportional=-1),
        lambda: PIDSettings(derivative=float("nan")),
        lambda: PID(PIDSettings(), control_period=0.0),
        lambda: PID(PIDSettings(), limit=-1.0),
        lambda: PIDSettings(derivative_time=-0.1),
        lambda: PIDSettings(anti_windup="magic"),
        lambda: PIDSettings(tracking_time=0.0),
    ],
)
def test_settings_out_of_range_are_refused(make):
    with pytest.raises(ConfigurationError):
        make()
