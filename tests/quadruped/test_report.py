# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The report of a run, worked by hand."""

import math

import numpy as np
import pytest
from PIL import Image

from neuro_control.quadruped.control.robots import GO2
from neuro_control.quadruped.control.types import LEGS, PERIOD
from neuro_control.quadruped.evaluation.report import pictures, summary

SETTINGS = {
    "model": "neuro_control.quadruped.simulation.body:world",
    "model_arguments": {"robot": "go2", "noise": 0},
    "seed": 3,
    "nodes": {
        "gait_controller": {
            "gait": "trot",
            "frequency": 0.0,
            "height": 0.0,
            "velocity_profile": [0.0, 0.5, 0.0, 0.0],
        }
    },
}


def recorded(seconds=5.0, speed=0.52):
    """Slides ahead at a constant speed; one hip turns at 1 rad/s under 2 N m."""
    rows = round(seconds / PERIOD) + 1
    time = PERIOD * np.arange(rows)
    qpos, qvel, ctrl = np.zeros((rows, 19)), np.zeros((rows, 18)), np.zeros((rows, 12))
    qpos[:, 0], qpos[:, 2], qpos[:, 3] = speed * time, 0.31, 1.0
    qpos[:, 7:] = np.tile([0.0, 0.8, -1.6], 4)
    qpos[:, 8] += 0.3 * np.sin(20 * time)
    qvel[:, 0], qvel[:, 5], qvel[:, 6] = speed, 0.05, 1.0
    ctrl[:, 0] = -2.0
    forces = np.zeros((rows, 34))
    forces[:, 30:] = 40.0 * (np.sin(20 * time)[:, None] * [1, -1, -1, 1] > 0)
    return {
        "time": time, "qpos": qpos, "qvel": qvel, "ctrl": ctrl, "sensordata": forces,
        "latency": np.full(rows - 1, 1e-3), "wall_time": np.array(2.0),
    }  # fmt: skip


def test_figures_are_those_worked_by_hand():
    found = summary(recorded(), SETTINGS)
    assert found["v_error_mps"] == pytest.approx(0.02)
    assert found["yaw_error_rps"] == pytest.approx(0.05)
    assert found["height_error_m"] == pytest.approx(0.01)
    assert found["distance_m"] == pytest.approx(2.6)
    assert found["cost_of_transport"] == pytest.approx(2.0 / (GO2.mass * 9.81 * 0.52), rel=1e-3)
    assert found["falls"] == 0
    assert found["real_time_factor"] == pytest.approx(2.5)
    assert found["latency_ms"] == pytest.approx({"p50": 1.0, "p99": 1.0})
    assert (found["steps"], found["robot"], found["gait"], found["seed"]) == (
        2500,
        "go2",
        "trot",
        3,
    )


def test_each_part_of_a_course_has_its_own_command_and_short_ones_don_t_count():
    recording = recorded(10.0, speed=0.5)
    recording["qvel"][2501:, 0] = 0.6
    profile = [0.0, 0.5, 0.0, 0.0, 5.0, 0.5, 0.0, 0.05, 9.0, -1.0, 0.0, 0.0]
    parameters = {**SETTINGS["nodes"]["gait_controller"], "velocity_profile": profile}
    settings = {**SETTINGS, "nodes": {"gait_controller": parameters}}
    found = summary(recording, settings)
    assert found["v_error_mps"] == pytest.approx((0.0 + 0.1) / 2)
    assert found["yaw_error_rps"] == pytest.approx((0.05 + 0.0) / 2)


def test_falls_are_counted_and_leave_no_error():
    recording = recorded()
    recording["qpos"][1000:1500, 3:7] = [math.sqrt(0.5), math.sqrt(0.5), 0.0, 0.0]
    recording["qpos"][2000:2100, 3:7] = [0.0, 1.0, 0.0, 0.0]
    found = summary(recording, SETTINGS)
    assert found["falls"] == 2
    assert math.isnan(found["v_error_mps"])


@pytest.mark.parametrize("heard", [False, True])
def test_pictures_are_drawn_with_and_without_activity(tmp_path, monkeypatch, heard):
    monkeypatch.setenv("MUJOCO_GL", "disable")
    recording, activity = recorded(0.6), None
    if heard:
        names = [f"stance_{leg}" for leg in LEGS]
        names += [f"estimated_{name}" for name in ("forward", "left", "yaw_rate", "height")]
        values = np.ones((300, len(names)))
        activity = {"time": recording["time"][:-1], "names": names, "values": values}
    remarks = pictures(recording, activity, SETTINGS, tmp_path)
    assert "libegl1" in remarks[0]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["quadruped.gif", "quadruped.png"]
    with Image.open(tmp_path / "quadruped.png") as plot:
        assert np.asarray(plot.convert("L")).std() > 15
    with Image.open(tmp_path / "quadruped.gif") as animation:
        assert animation.n_frames == 8
