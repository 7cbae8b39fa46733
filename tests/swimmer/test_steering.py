# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from neuro_control import resources
from neuro_control.errors import ConfigurationError
from neuro_control.swimmer.control.circuit import Circuit
from neuro_control.swimmer.control.policy import CircuitDesign, find_policy
from neuro_control.swimmer.control.steering import (
    Calibration,
    Heading,
    HeadingSettings,
    calibration_path,
    fingerprint,
)
from neuro_control.swimmer.control.types import CONTROL_PERIOD
from neuro_control.swimmer.evaluation.calibrate import calibrate, errors, measure
from neuro_control.swimmer.evaluation.evaluate import score
from neuro_control.swimmer.simulation.env import SwimmerSwim

# 0.1 m/s straight ahead, 0.2 rad/s and half the speed at most: a radius of 0.25 m.
TABLE = Calibration(
    turn=np.array([0.8, 0.4, 0.0, -0.4, -0.8]),
    speed=np.array([0.05, 0.08, 0.1, 0.08, 0.05]),
    yaw_rate=np.array([-0.2, -0.1, 0.0, 0.1, 0.2]),
    links=6,
    stroke=1.8,
    circuit="0" * 16,
)
SPEEDS, RATES = st.floats(0.0, 0.2), st.floats(-0.5, 0.5)


def committed(policy):
    return Calibration.load(calibration_path(policy, 6))


def test_rest_is_asked_for_by_zero_and_reached_exactly():
    assert TABLE.inputs(0.0, 0.0) == (0.0, 0.0)
    assert TABLE.inputs(-1.0, 0.0) == (0.0, 0.0)
    # Even where weights exceed 1, which the paper's brake doesn't hold.
    circuit = CircuitDesign(5).circuit(np.array([3.0, 3.0, 2.0, -1.0]))
    for _ in range(70):
        assert not circuit.step(np.full(5, 1.0), tempo=0.0).any()
    assert circuit.phase == 0


@example(speed=0.0, rate=5e-324)
@given(speed=st.floats(0.0, 0.1), rate=st.floats(-0.2, 0.2))
def test_what_the_body_can_do_is_what_it_is_told_to_do(speed, rate):
    fastest = np.interp(abs(rate), [0, 0.1, 0.2], [0.1, 0.08, 0.05])
    speed = min(speed, fastest)
    reached = TABLE.motion(*TABLE.inputs(speed, rate))
    # A turn tighter than 0.25 m is swum as tight as it can be, faster than asked for.
    expected = (max(speed, abs(rate) * 0.25), rate)
    # Between rows yaw rate and curvature can't both be straight lines.
    np.testing.assert_allclose(reached, expected, atol=0.006)


@given(speed=SPEEDS, rate=RATES, more=st.floats(0.0, 0.1))
def test_more_asked_for_is_never_less_done(speed, rate, more):
    forward, turning = TABLE.motion(*TABLE.inputs(speed, rate))
    assert TABLE.motion(*TABLE.inputs(speed + more, rate))[0] >= forward - 1e-12
    assert TABLE.motion(*TABLE.inputs(speed, rate + more))[1] >= turning - 1e-12


@given(speed=SPEEDS, rate=RATES)
def test_left_and_right_mirror_one_another_within_the_inputs_range(speed, rate):
    tempo, turn = TABLE.inputs(speed, rate)
    assert 0 <= tempo <= 1
    assert -0.8 <= turn <= 0.8
    assert TABLE.inputs(speed, -rate) == pytest.approx((tempo, -turn), abs=1e-12)
    assert turn * rate <= 0  # turn inputs above zero turn right


def test_limits_are_those_of_the_table():
    assert TABLE.max_speed == pytest.approx(0.1)
    assert TABLE.max_yaw_rate == pytest.approx(0.2)
    assert TABLE.turning_radius == pytest.approx(0.25)
    assert TABLE.inputs(1e9, 0.0) == (1.0, 0.0)
    assert TABLE.inputs(1e9, 1e9) == pytest.approx((1.0, -0.8))


BAD = {
    "rows out of order": ({"yaw_rate": TABLE.yaw_rate[::-1]}, "yaw_rate of a calibration rises"),
    "inputs out of order": ({"turn": TABLE.turn[::-1]}, "-turn of a calibration rises"),
    "standing still": ({"speed": TABLE.speed * 0}, "speeds are above 0"),
    "other lengths": ({"speed": TABLE.speed[1:]}, "have one length"),
    "one side": (
        {name: getattr(TABLE, name)[2:] for name in ("turn", "speed", "yaw_rate")},
        "turns right as well as left",
    ),
    "not finite": ({"speed": TABLE.speed * np.nan}, "finite"),
    "no stroke": ({"stroke": 0.0}, "stroke above 0"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_table_that_can_not_be_read_backwards_is_refused(fault):
    changes, says = BAD[fault]
    with pytest.raises(ConfigurationError, match=says):
        dataclasses.replace(TABLE, **changes)


def test_a_table_is_read_as_it_was_written_and_nothing_else_is(tmp_path):
    path = tmp_path / "table.safetensors"
    TABLE.save(path, {"policy": "mine"})
    read = Calibration.load(path)
    for field in dataclasses.fields(TABLE):
        np.testing.assert_array_equal(getattr(read, field.name), getattr(TABLE, field.name))
    with pytest.raises(ConfigurationError, match="no file"):
        Calibration.load(tmp_path / "gone.safetensors")
    with pytest.raises(ConfigurationError, match="not a calibration of the swimmer"):
        Calibration.load(resources.find_file("config/weights", "swimmer_ncap_extended.safetensors"))


def test_a_calibration_knows_its_body_and_its_weights():
    table = committed("ncap")
    assert table.check(Circuit(5)) == ""
    assert "other weights" in table.check(Circuit(5, oscillator_period=70))
    with pytest.raises(ConfigurationError, match="that of 6 links, not 8"):
        table.check(Circuit(7))
    design, vector = find_policy("ncap", 6)
    assert fingerprint(design.circuit(vector)) == fingerprint(Circuit(5))


@pytest.mark.parametrize("policy", ["ncap", "ncap-extended"])
def test_simulated_swimmers_do_what_is_asked_for_on_both_sides(policy):
    found = errors(*find_policy(policy, 6), committed(policy))
    # Of 0.084 and 0.102 m/s, and of 0.35 and 0.28 rad/s at most.
    assert found["speed_error_mps"] < 0.003
    assert found["yaw_rate_error_radps"] < 0.03
    assert min(rate for _, rate in found["asked"]) < 0 < max(rate for _, rate in found["asked"])


def test_speed_follows_from_zero_to_the_maximum_without_a_collapse():
    design, vector = find_policy("ncap", 6)
    table = committed("ncap")
    asked = np.array([0.15, 0.3, 0.5, 0.7, 1.0]) * table.max_speed
    inputs = np.array([table.inputs(speed, 0.0) for speed in asked])
    reached = measure(design, vector, inputs[:, 0], inputs[:, 1], [7] * len(asked)).speed
    np.testing.assert_allclose(reached, asked, rtol=0.06)


@pytest.mark.parametrize("side", [-1, 1])
def test_position_and_heading_of_a_swimmer_change_at_the_rates_asked_for(side):
    # By the body's place in space rather than by the sensors that the table was measured with.
    table, circuit = committed("ncap"), Circuit(5)
    asked = (0.05, side * 0.15)
    tempo, turn = table.inputs(*asked)
    stroke = round(60 / tempo)
    environment = SwimmerSwim()
    observation, _ = environment.reset(seed=5)
    headings, places = [], []
    for _ in range(12 * stroke):
        action = circuit.step(observation[:5], 1.0, turn, tempo)
        observation, *_ = environment.step(action)
        headings.append(environment.body.data.qpos[2])
        places.append(environment.body.data.qpos[:2].copy())
    means = np.array(headings).reshape(12, stroke).mean(axis=1)
    rate = (means[-1] - means[4]) / (7 * stroke * CONTROL_PERIOD)
    assert rate == pytest.approx(asked[1], abs=0.03)
    # A stroke's mean place moves at a little less than the head's own speed, which swings.
    middles = np.array(places).reshape(12, stroke, 2).mean(axis=1)
    chord = np.linalg.norm(np.diff(middles[4:], axis=0), axis=1).mean()
    angle = abs(rate) * stroke * CONTROL_PERIOD
    arc = chord * (angle / 2) / np.sin(angle / 2)
    assert arc / (stroke * CONTROL_PERIOD) == pytest.approx(asked[0], rel=0.2)


def test_a_swimmer_told_to_rest_comes_to_rest():
    environment, circuit = SwimmerSwim(), Circuit(5)
    observation, _ = environment.reset(seed=2)
    for step in range(1000):
        action = circuit.step(observation[:5], tempo=1.0 if step < 400 else 0.0)
        observation, *_ = environment.step(action)
    assert np.abs(environment.body.data.qvel[:2]).max() < 0.01


def test_half_the_tempo_is_half_the_speed_with_a_lead_as_well():
    design, vector = find_policy("ncap-extended", 6)
    motion = measure(design, vector, np.array([1.0, 0.5]), np.zeros(2), [0, 0])
    assert motion.speed[1] == pytest.approx(motion.speed[0] / 2, rel=0.03)


@pytest.mark.parametrize("policy", ["ncap", "ncap-extended"])
def test_nineteen_of_twenty_targets_are_reached_within_a_minute(policy):
    found = score(policy, 6, "navigate", 20)
    assert found["steps"] == 2000
    assert found["reached"] >= 0.95
    assert 0 < found["time_to_target_s"]["p50"] <= found["time_to_target_s"]["p95"] <= 60


def test_without_a_controller_few_targets_are_reached():
    assert score("rest", 6, "navigate", 20, seconds=6)["reached"] <= 0.1


def heading(**changes):
    arguments = {
        "speed": 0.08, "gain": 0.5, "stroke": 1.8, "turning_radius": 0.2, "reach": 0.1,
        "control_period": 0.03,
    }  # fmt: skip
    return Heading(HeadingSettings(**{**arguments, **changes}))


def test_a_target_ahead_is_swum_to_and_one_aside_is_turned_to():
    assert heading().step(0.0, 1.0) == (0.08, 0.0)
    assert heading().step(0.4, 1.0) == pytest.approx((0.08, 0.2))
    assert heading().step(-0.4, 1.0) == pytest.approx((0.08, -0.2))
    assert heading().step(0.3, 0.09) == (0.0, 0.0)


def test_the_swing_of_the_head_does_not_steer():
    controller = heading()
    rates = [
        controller.step(0.2 + 0.6 * np.sin(2 * np.pi * step / 60), 2.0)[1] for step in range(240)
    ]
    np.testing.assert_allclose(rates[60:], 0.1, atol=1e-9)


def test_a_target_inside_the_turning_circle_is_left_until_it_can_be_turned_to():
    controller = heading()
    assert controller.step(np.pi / 2, 0.2) == (0.08, 0.0)
    for _ in range(100):
        far = controller.step(3.0, 1.0)
    assert far[1] > 0


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "neuro_control.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=110,
    )


def test_a_body_without_a_table_is_calibrated_by_one_command(tmp_path):
    path = tmp_path / "new" / "table.safetensors"
    done = command("calibrate", "swimmer", "--links", 4, "--out", path, "--json", "-")
    assert done.returncode == 0, done.stderr
    found, table = json.loads(done.stdout), Calibration.load(path)
    assert table.check(Circuit(3)) == ""
    assert found["max_speed_mps"] == table.max_speed
    assert found["speed_error_mps"] < 0.01
    np.testing.assert_array_equal(found["turn"], table.turn)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_circuit_that_does_not_swim_can_not_be_calibrated():
    design = CircuitDesign(5, proprioception=False)
    with pytest.raises(ConfigurationError, match="can't be steered on 6 links"):
        calibrate(design, np.array([0.0, 0.0, 0.0, 0.0]))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("calibrate", "swimmer", "--policy", "x"), "no policy 'x'"),
        (("calibrate", "swimmer", "--policy", "/x.safetensors"), "no file /x.safetensors"),
        (("calibrate", "swimmer", "--links", "2"), "at least 2 joints, not 1"),
    ],
)
def test_a_mistake_gets_one_line(arguments, says):
    done = command(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("error: ")]) == 1
    assert "Traceback" not in done.stderr
