# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The quadruped from the command line."""

import json

import pytest

from neuro_control.quadruped.evaluation.benchmark import benchmark
from tests.test_cli import command


def run(*arguments, **environment):
    done = command("run", "quadruped", *arguments, "--json", "-", **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_walks_the_course_and_leaves_plot_animation_and_figures(tmp_path):
    found = run("--seconds", 3.4, "--out", tmp_path, MUJOCO_GL="disable")
    assert found["steps"] == 1700
    assert found["falls"] == 0
    assert found["v_error_mps"] < 0.03
    assert found["height_error_m"] < 0.01
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "parameters.yaml", "quadruped.gif", "quadruped.png", "recording.npz", "result.json",
    ]  # fmt: skip


def test_the_same_seed_is_the_same_walk_together_and_apart():
    once, apart = (run("--seconds", 0.5, "--seed", 2, *mode) for mode in ((), ("--processes",)))
    assert once["state_sha256"] == apart["state_sha256"]


def test_a_mistake_is_reported_in_one_line():
    done = command("run", "quadruped", "--set", "gait_controller.gait=gallop")
    assert done.returncode == 2
    assert "gait is one of trot, pace, bound, pronk, walk, stand, not 'gallop'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.timing
def test_benchmark_measures_speeds_with_and_without_ros(tmp_path, capfd):
    arguments = ["--seconds", "1", "--json", str(tmp_path / "found.json")]
    benchmark.main(arguments, standalone_mode=False)
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["without_ros"]["step_ms"]["p50"] < 2.0
    assert found["without_ros"]["real_time_factor"] > 1.0
    assert found["lockstep"]["falls"] == 0
    assert found["lockstep_with_camera"]["images"] > 5
    assert "through ROS, lockstep" in capfd.readouterr().out
