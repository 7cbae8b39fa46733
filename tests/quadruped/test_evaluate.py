# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The evaluation of walks and the command line that prints it."""

import json

import pytest
from click.testing import CliRunner

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import gait
from neuro_control.quadruped.evaluation.evaluate import evaluate, parse


def test_a_command_is_read_from_text():
    assert parse("forward=0.5, yaw_rate=-0.3") == gait("trot", forward=0.5, yaw_rate=-0.3)
    for text, words in (("forward", "is like"), ("speed=1", "has no speed")):
        with pytest.raises(ConfigurationError, match=words):
            parse(text)


@pytest.mark.timing
def test_evaluate_prints_the_metrics_of_the_walk():
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


def test_a_push_that_is_too_hard_counts_as_a_fall_and_leaves_no_error():
    arguments = ["--push", "1000", "--seconds", "6", "--seeds", "1", "--json", "-"]
    done = CliRunner().invoke(evaluate, arguments, catch_exceptions=False)
    found = json.loads(done.stdout)
    assert found["falls"] == 1
    assert found["v_error_mps"] is None


def test_the_old_name_of_the_contact_schedule_is_accepted_with_a_warning():
    arguments = ["--rhythm", "oscillators", "--command", "forward=0.8"]
    arguments += ["--seconds", "5", "--seeds", "1", "--json", "-"]
    done = CliRunner().invoke(evaluate, arguments, catch_exceptions=False)
    assert "--rhythm is now --contact-schedule" in done.stderr
    # Oscillators step more slowly than a scheduler's 3 Hz, at less than its cost of 1.3.
    assert json.loads(done.stdout)["cost_of_transport"] < 1.1
