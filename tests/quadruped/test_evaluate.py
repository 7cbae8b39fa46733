"""Figures of merit and the command line that prints them."""

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import gait
from neuro_control.quadruped.evaluation.evaluate import Walk, evaluate, merits, parse


def recorded(rows=3000, fallen=False):
    truth = np.tile([0.53, -0.04, 0.1, 0.29, -0.02, 60.0], (rows, 1))
    truth[:1500] = 9.0  # before it has settled
    return Walk(truth, truth[:, :4], fallen, np.full(rows, 0.1), 2.0)


def test_merits_are_those_worked_by_hand():
    found = merits(recorded(), gait("trot", forward=0.5), 12.0, 0.3)
    assert found["v_error_mps"] == pytest.approx(0.05)
    assert found["yaw_error_rps"] == pytest.approx(0.1)
    assert found["height_error_m"] == pytest.approx(0.01)
    assert found["roll_rad"] == pytest.approx(0.02)
    way = math.hypot(0.53, 0.04)
    assert found["cost_of_transport"] == pytest.approx(60 / (12 * 9.81 * way))
    assert found["real_time_factor"] == pytest.approx(3.0)
    assert found["falls"] == 0


def test_after_a_fall_there_are_no_errors():
    found = merits(recorded(2000, fallen=True), gait("trot"), 12.0, 0.3)
    assert math.isnan(found["v_error_mps"])
    assert found["falls"] == 1


def test_a_command_is_read_from_text():
    assert parse("forward=0.5, yaw_rate=-0.3") == gait("trot", forward=0.5, yaw_rate=-0.3)
    for text, words in (("forward", "is like"), ("speed=1", "has no speed")):
        with pytest.raises(ConfigurationError, match=words):
            parse(text)


def test_evaluate_prints_what_the_walk_came_to():
    arguments = ["--command", "forward=0.5", "--seconds", "5", "--seeds", "1", "--json", "-"]
    done = CliRunner().invoke(evaluate, arguments, catch_exceptions=False)
    found = json.loads(done.stdout)
    assert found["falls"] == 0
    assert found["v_error_mps"] < 0.03
    assert found["height_error_m"] < 0.01
    assert 0.1 < found["cost_of_transport"] < 3.0
    assert set(found["step_ms"]) == {"p50", "p99"}
    assert found["real_time_factor"] > 1


def test_what_was_clamped_is_said():
    arguments = ["--command", "forward=9", "--gait", "stand", "--seconds", "5", "--seeds", "1"]
    done = CliRunner().invoke(evaluate, arguments, catch_exceptions=False)
    assert "forward 9 is beyond -1 to 1.6" in done.stderr
    assert "error of the velocity" in done.stdout
