# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Contact schedules side by side, by the command."""

import csv

import numpy as np
import pytest
from click.testing import CliRunner

from neuro_control.quadruped.evaluation.contact_schedules import expressed
from neuro_control.quadruped.evaluation.experiments import experiment


@pytest.mark.parametrize(
    ("leads", "name"),
    [
        ([0.25, 0.75, 0.0, 0.5], "walk"),
        ([0.75, 0.25, 0.0, 0.5], "walk"),
        ([0.55, 0.05, 0.0, 0.5], "trot"),
        ([0.97, 0.47, 0.0, 0.5], "pace"),
        ([0.6, 0.4, 0.0, 0.8], "gallop"),
        ([0.6, 0.6, 0.0, 0.95], "bound"),
    ],
)
def test_a_gait_is_named_by_the_order_of_its_swings(leads, name):
    assert expressed(np.array(leads)) == name
    assert expressed((np.array(leads) + 0.3) % 1.0) == name


def test_the_command_leaves_tables_and_figures(tmp_path):
    arguments = [
        "rhythms",
        "--robot",
        "go2",
        "--jobs",
        "1",
        "--seeds",
        "1",
        "--seconds",
        "4",
        "--ramp",
        "3",
    ]
    arguments += ["--pushes", "0", "--speed", "0.8", "--out", str(tmp_path)]
    done = CliRunner().invoke(experiment, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "rhythms.csv", "rhythms_gaits.png", "rhythms_ramp.csv", "rhythms_summary.csv",
        "rhythms_transport.png",
    ]  # fmt: skip
    with (tmp_path / "rhythms.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5
    for row in rows:
        assert row["gait"] == "trot"
        assert float(row["falls"]) == 0
        assert float(row["v_error_mps"]) < 0.05
    costs = {row["rhythm"]: float(row["cost_of_transport"]) for row in rows}
    assert costs["oscillators"] < costs["schedule, 3 Hz"]
