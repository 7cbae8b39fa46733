"""Experiments: what they ask for, that they go on where they were cut off, and their figures."""

import csv
import json
import math

import numpy as np
import pytest
from click.testing import CliRunner

from neuro_control.quadruped.control.command import RANGES, gait
from neuro_control.quadruped.control.types import PERIOD
from neuro_control.quadruped.evaluation import experiments
from neuro_control.quadruped.evaluation.experiments import Setting, drawn, experiment, good
from neuro_control.quadruped.evaluation.trials import (
    Loss,
    Push,
    Record,
    Task,
    lie_down,
    survive,
    walk,
)


def row(**numbers):
    return {
        "map": "velocities", "vx": 1.0, "vy": 0.0, "yaw": 0.0, "v_error_mps": 0.04,
        "yaw_error_rps": 0.02, "height_error_m": 0.005, "roll_deg": 2.0, **numbers,
    }  # fmt: skip


def test_a_walk_is_good_within_a_twentieth_or_three_centimetres_a_second():
    assert good(row())
    assert not good(row(vx=0.5))
    assert not good(row(yaw_error_rps=0.04))
    assert good(row(yaw=1.0, yaw_error_rps=0.04))
    assert not good(row(map="height", height_error_m=0.012))
    assert not good(row(v_error_mps=math.nan))


def test_the_same_seed_draws_the_same_commands_within_their_ranges():
    for kind in ("any", "presets"):
        one, other = (drawn(np.random.default_rng(3), kind) for _ in range(2))
        assert one == other
        assert one.clamped()[1] == []
    assert len(RANGES) == 15


def test_figures_of_merit_of_a_walk_made_up():
    rows = 3000
    task = Task("go2", (gait("trot", forward=0.5),))
    truth = np.tile([0.48, 0.0, 0.01, 0.31, 0.02, 0.0, 30.0], (rows, 1))
    # Each foot stands for 0.2 s and swings for 0.2 s, up to 6 cm.
    phase = (np.arange(rows) * PERIOD / 0.4) % 1.0
    height = np.where(phase < 0.5, 0.0, 0.06 * np.sin(np.pi * (2 * phase - 1)))
    feet = np.zeros((rows, 4, 3))
    feet[:, :, 2] = height[:, None]
    forces = np.where(phase < 0.5, 40.0, 0.0)[:, None].repeat(4, axis=1)
    record = Record(task, truth, forces, feet, np.zeros((rows, 4)), ["walking"] * rows, [], None)
    found = record.merits()
    assert found["v_error_mps"] == pytest.approx(0.02)
    assert found["height_error_m"] == pytest.approx(0.01)
    assert found["frequency"] == pytest.approx(2.5, rel=1e-3)
    assert found["swing_m"] == pytest.approx(0.06, abs=0.001)
    assert found["roll_deg"] == pytest.approx(math.degrees(0.02))
    assert found["cost_of_transport"] == pytest.approx(30 / (15.2 * 9.81 * 0.48), rel=0.01)


def test_feet_slide_down_a_tilted_ground_that_is_steeper_than_friction_bears():
    # It rises to the left by 0.3 rad, whose tangent is 0.31.
    for friction, slides in ((0.2, True), (0.8, False)):
        ground = {"friction": friction}
        task = Task("go2", (gait("stand"),), seconds=0.8, tilt=(0.3, math.pi / 2), world=ground)
        feet = walk(task).feet[:, :, 1].mean(axis=1)
        assert (feet[-1] - feet[100] < -0.1) == slides


def test_a_push_fells_or_not_and_when_is_told():
    task = Task("go2", (gait("stand"),), seconds=1.5, push=Push(0.6, 600.0, math.pi / 2))
    found = survive(task)
    assert 0.6 < found["fell_s"] < 1.5
    assert 45.0 < found["lean_deg"] < 60.0


def test_recovery_writes_its_table_and_figures(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "STARTS", ("standing",))
    arguments = ["recovery", "--robot", "go1", "--workers", "1", "--out", str(tmp_path)]
    done = CliRunner().invoke(experiment, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["push.png", "recovery.csv", "rising.png"]
    with (tmp_path / "recovery.csv").open() as file:
        (only,) = csv.DictReader(file)
    assert float(only["up_s"]) < 1.0


class Now:
    """Executor that does its work when it is asked for."""

    def submit(self, function, task):
        from concurrent.futures import Future

        future = Future()
        future.set_result(function(task))
        return future


def test_what_was_cut_off_goes_on(tmp_path):
    asked = []

    def measured(task):
        asked.append(task.seed)
        return {"fell_s": math.nan}

    tasks = [({"seed": seed}, Task("go2", (gait("trot"),), seed=seed)) for seed in range(4)]
    kept = tmp_path / "some.progress"
    kept.write_text(json.dumps(['{"seed": 1}', {"fell_s": 2.0}]) + '\n["{\\"se')
    rows = Setting(tmp_path, ("go2",), 4, Now()).run("some", tasks, measured)
    assert asked == [0, 2, 3]
    assert [each["seed"] for each in rows] == [0, 1, 2, 3]
    assert rows[1]["fell_s"] == 2.0
    assert not kept.exists()


def test_a_lost_sensor_is_told_and_the_robot_lies_without_a_fall():
    task = Task("go1", (gait("trot", forward=0.5),), seconds=2.5, loss=Loss(1.0, 5, "jumping"))
    found = lie_down(task)
    assert found["told_s"] == pytest.approx(0.01, abs=0.003)
    assert found["lies_s"] == pytest.approx(1.1, abs=0.03)
    assert found["lean_deg"] < 35.0
    assert found["sinks_mps"] < 0.7
    assert math.isnan(found["fell_s"])
