# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Experiments: what they require, their rows, tables and figures."""

import csv
import dataclasses
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from click.testing import CliRunner

from neuro_control.cli import experiments as frame
from neuro_control.quadruped.control.command import GAITS, RANGES, gait
from neuro_control.quadruped.evaluation import experiments, failures, figures
from neuro_control.quadruped.evaluation.experiments import (
    drawn,
    experiment,
    good,
    hardware,
    lie_down,
    measure,
    summarise,
    survive,
)
from neuro_control.quadruped.evaluation.interruptions import KINDS, draw, interrupt
from neuro_control.quadruped.evaluation.rollout import RolloutSettings, simulate
from neuro_control.quadruped.evaluation.setting import Setting
from neuro_control.simulation.effects import Jump, Push


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


def test_feet_slide_down_a_tilted_ground_that_is_steeper_than_friction_bears():
    # It rises to the left by 0.3 rad, whose tangent is 0.31.
    for friction, slides in ((0.2, True), (0.8, False)):
        ground = {"friction": friction}
        task = RolloutSettings(
            "go2", (gait("stand"),), seconds=0.8, tilt=(0.3, math.pi / 2), world=ground
        )
        feet = simulate(task).feet[:, :, 1].mean(axis=1)
        assert (feet[-1] - feet[100] < -0.1) == slides


def test_a_push_fells_or_not_and_when_is_measured():
    push = Push(begins=0.6, force=600.0, direction=math.pi / 2)
    task = RolloutSettings("go2", (gait("stand"),), seconds=1.5, effects=(push,))
    found = survive(task)
    assert 0.6 < found["fell_s"] < 1.5
    assert 45.0 < found["lean_deg"] < 60.0


def test_disturbances_are_those_of_the_seed_and_within_their_ranges():
    drawn_twice = [
        [experiments._endured("go2", seed, True) for seed in range(40)] for _ in range(2)
    ]
    assert drawn_twice[0] == drawn_twice[1]
    rows = [row for row, _ in drawn_twice[0]]
    assert all(0 <= row["latency_s"] <= 0.006 and 0 <= row["lag_s"] <= 0.006 for row in rows)
    soft = [row["stiffness_npm"] for row in rows if math.isfinite(row["stiffness_npm"])]
    assert 10 <= len(soft) <= 30
    assert 5e3 <= min(soft) < max(soft) <= 1e5
    row, ideal = experiments._endured("go2", 3, False)
    assert [effect.kind for effect in ideal.effects] == ["push"]
    assert {key: row[key] for key in ("friction", "push_s")} == {
        key: rows[3][key] for key in ("friction", "push_s")
    }
    # Each is an effect of the walk, beside the push.
    for row, task in drawn_twice[0]:
        kinds = ["push", "command_delay", "lag"]
        kinds += ["soft_ground"] if math.isfinite(row["stiffness_npm"]) else []
        assert [effect.kind for effect in task.effects] == kinds


def test_a_robot_walks_on_soft_ground_with_late_and_slow_motors_and_its_strides_are_measured():
    effects = hardware(latency=0.004, lag=0.004, stiffness=1e4)
    command = gait("trot", forward=0.5)
    found = measure(RolloutSettings("go2", (command,), seconds=4.5, effects=effects))
    assert math.isnan(found["fell_s"])
    assert found["v_error_mps"] < 0.03
    assert found["v_error_mps"] <= found["v_stride_rms_mps"] <= found["v_rms_mps"] < 0.1


def test_the_figure_of_pushes_shows_each_robots_hardest_by_direction(tmp_path):
    rows = [
        {"robot": robot, "push_deg": way, "force": force, "fell_s": fell}
        for robot in ("go2", "go1")
        for way in (0, 45)
        for force, fell in ((100.0, math.nan), (200.0, 4.0))
    ]
    figures.pushes(rows, tmp_path / "pushes.png")
    assert (tmp_path / "pushes.png").stat().st_size > 5000


def test_recovery_writes_its_table_and_figures(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "STARTS", ("standing",))
    arguments = [
        "recovery",
        "--robot",
        "go1",
        "--jobs",
        "1",
        "--seeds",
        "1",
        "--out",
        str(tmp_path),
    ]
    done = CliRunner().invoke(experiment, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "push.png", "recovery.csv", "recovery_summary.csv", "rising.png",
    ]  # fmt: skip
    with (tmp_path / "recovery.csv").open() as file:
        (only,) = csv.DictReader(file)
    assert float(only["up_s"]) < 1.0


def test_a_lost_sensor_is_noticed_and_the_robot_lies_without_a_fall():
    lost = Jump(begins=1.0, sensors=("FR_calf_joint_angle",), offset=0.5)
    task = RolloutSettings("go1", (gait("trot", forward=0.5),), seconds=2.5, effects=(lost,))
    found = lie_down(task)
    assert found["told_s"] == pytest.approx(0.01, abs=0.003)
    assert found["lies_s"] == pytest.approx(1.1, abs=0.03)
    assert found["lean_deg"] < 35.0
    assert found["sinks_mps"] < 0.7
    assert math.isnan(found["fell_s"])


def test_a_summary_counts_runs_and_falls_by_kind_and_leaves_out_what_is_no_number():
    rows = [
        {"robot": "go2", "force": 100.0, "fell_s": math.nan, "lean_deg": math.nan},
        {"robot": "go2", "force": 200.0, "fell_s": 4.0, "lean_deg": 46.0},
        {"robot": "go2", "force": 200.0, "fell_s": math.nan, "lean_deg": math.nan},
    ]
    first, second = summarise(("robot", "force"), rows)
    assert (first["runs"], first["falls"], second["runs"], second["falls"]) == (1, 0, 2, 1)
    assert math.isnan(first["lean_deg"])
    assert second["lean_deg"] == 46.0


@pytest.fixture
def short(tmp_path, monkeypatch):
    """The experiments' setting, with few cases and walks that end soon after they have settled."""
    cases = {
        "_FORWARD": (0.5,), "_LEFT": (0.0,), "_YAW_RATE": (0.0,), "_HEIGHTS": (0.3,),
        "_FREQUENCIES": (3.0,), "_SWINGS": (0.08,), "_WALKED": ("trot",), "_FORCES": (100.0,),
        "GAITS": {name: GAITS[name] for name in ("trot", "pace")}, "JOINTS": ("FL_calf_joint",),
        "_HARDWARE": {"latency": (0.002,)}, "_BEFORE": 0.5, "_AFTER": 0.5, "_HOLD": 0.2,
    }  # fmt: skip
    for name, value in cases.items():
        monkeypatch.setattr(experiments, name, value)

    def briefly(settings, every=1, *, end_at_fall=True):
        soon = dataclasses.replace(settings, seconds=min(settings.seconds, 3.6))
        return simulate(soon, every, end_at_fall=end_at_fall)

    monkeypatch.setattr(experiments, "simulate", briefly)
    with ThreadPoolExecutor(1) as executor:
        yield Setting(tmp_path, executor, ("go2",), seeds=1)


@pytest.mark.parametrize(
    ("name", "rows", "figure"),
    [
        ("tracking", 4, "tracking.png"),
        ("gaits", 1, "gaits.png"),
        ("transitions", 2, None),
        ("robustness", 1, "robustness.png"),  # summed up by ground, and over all
        ("hardware", 1, None),
        ("commands", 2, None),
        ("sensors", 3, None),
    ],
)
def test_an_experiment_leaves_rows_and_figure(name, rows, figure, short):
    summary = frame.conduct(name, experiments.EXPERIMENTS[name], short)
    with (short.out / f"{name}.csv").open() as file:
        found = list(csv.DictReader(file))
    assert len(found) == rows
    assert all(row["fell_s"] == "nan" for row in found)
    assert sum(row["runs"] for row in summary) == rows * (2 if name == "robustness" else 1)
    assert all(row["falls_below"] > 0.2 for row in summary)
    if figure is not None:
        assert (short.out / figure).stat().st_size > 5000


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_walk_goes_on_or_is_taken_up_again(kind):
    one, other = (draw("go2", kind, 3) for _ in range(2))
    assert one == other
    found = interrupt(one)
    assert math.isnan(found["fell_s"])
    assert found["walks"]
    assert found["sat_down"] == (kind == "stopped process")


def test_a_robot_whose_gyro_sticks_notices_sinks_and_walks_again_once_it_is_mended():
    # Before stuck gyros were looked for it went on for three seconds, and over.
    task = failures.draw("go2", "gyro stuck", seed=1)
    assert task == failures.draw("go2", "gyro stuck", seed=1)
    found = failures.fail(task)
    assert found["noticed_s"] < 0.06
    assert found["lean_deg"] < 30.0
    assert found["state_at_end"] == "damping"
    assert found["walks"]
    assert 0.5 < found["walks_again_s"] < 5.0


def test_a_robot_without_any_failure_walks_through():
    found = failures.fail(failures.draw("go2", "none", seed=0))
    assert math.isnan(found["noticed_s"])
    assert found["walks_again_s"] == 0.0
