# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The experiments, with trainings as short as can be: what they write, and that it is right."""

import csv
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch", reason="trainings need the extra 'train'")

from neuro_control.cli import experiments as frame
from neuro_control.swimmer.evaluation import experiments, figures
from neuro_control.swimmer.evaluation.experiments import SwimmerSetting


@pytest.fixture
def setting(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "_CURVES", {("ars", "ncap"): 1, ("ars", "mlp-64"): 1})
    monkeypatch.setattr(experiments, "_DRAWS", 2)
    monkeypatch.setattr(experiments, "_EPISODES", 1)
    monkeypatch.setattr("neuro_control.swimmer.training.run._HELD_OUT", [1_000_000])
    monkeypatch.setattr(experiments, "_EPISODES_OF_A_DRAW", 1)
    monkeypatch.setattr(experiments, "BODIES", (6,))
    monkeypatch.setattr(experiments, "_TRAINED", ("ncap",))
    with ThreadPoolExecutor(1) as executor:
        yield SwimmerSetting(tmp_path, executor, seeds=2, steps=1)


def conduct(name, setting):
    return frame.conduct(name, experiments.EXPERIMENTS[name], setting)


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_curves_tell_each_training_and_where_it_came_to(setting):
    rows = conduct("curves", setting)
    points = rows_of(setting.out / "curves.csv")
    assert {(p["algorithm"], p["policy"], p["seed"]) for p in points} == {
        ("ars", policy, seed) for policy in ("ncap", "mlp-64") for seed in "01"
    }
    by_policy = {row["policy"]: row for row in rows}
    assert by_policy["ncap"]["initial"] == pytest.approx(798, abs=15)
    assert by_policy["ncap"]["parameters"] == 4
    assert by_policy["mlp-64"]["reached_850"] == 0
    assert by_policy["mlp-64"]["steps_to_850_median"] == np.inf
    assert len(rows_of(setting.out / "curves_summary.csv")) == 2


@pytest.mark.parametrize("name", ["initial", "policies", "bodies", "robustness", "cost"])
def test_every_other_experiment_leaves_its_csv_and_figure(name, setting):
    rows = conduct(name, setting)
    assert rows
    found = rows_of(setting.out / f"{name}.csv")
    if name == "cost":
        assert float(found[0]["step_us"]) > 0
        return
    assert all(0 <= float(row["return"]) <= 1000 for row in found)
    if name == "policies":
        assert [row["delay"] for row in found] == ["0", "5"]
        assert float(found[0]["least"]) <= float(found[0]["return"])
        return
    with Image.open(setting.out / f"{name}.png") as picture:
        assert picture.width > 500


def test_the_figure_of_ablations_has_a_panel_for_each_algorithm(tmp_path):
    rows = [
        {"algorithm": a, "variant": v, "seed": s, "return": 100.0 * s}
        for a in ("ars", "ppo")
        for v in ("full", "unsigned")
        for s in range(3)
    ]
    figures.ablations(rows, tmp_path / "a.png")
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
