# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The frame of experiments: tasks that are resumed, CSV, table, group of commands."""

import csv
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner

from neuro_control.cli import experiments
from neuro_control.cli.experiments import Experiment, Setting
from neuro_control.cli.options import seeds_option

TASKS = [({"x": x}, x) for x in range(4)]


class Broken(Exception):
    pass


@pytest.fixture
def setting(tmp_path):
    with ThreadPoolExecutor(1) as executor:
        yield Setting(tmp_path, executor)


def test_an_interrupted_experiment_goes_on_where_it_stopped(setting):
    measured, kept = [], setting.out / "squares.progress"

    def square(x):
        measured.append(x)
        return {"square": x * x}

    def break_at_two(x):
        if x == 2:
            deadline = time.monotonic() + 10
            while len(kept.read_text().splitlines()) < 2 and time.monotonic() < deadline:
                time.sleep(0.01)
            raise Broken
        return square(x)

    with pytest.raises(Broken):
        setting.run("squares", TASKS, break_at_two)
    assert {json.loads(line)[1]["square"] for line in kept.read_text().splitlines()} == {0, 1}
    rows = setting.run("squares", TASKS, square)
    assert measured.count(0) == measured.count(1) == 1
    assert rows == [{"x": x, "square": x * x} for x in range(4)]
    assert list(setting.out.iterdir()) == []


def test_what_was_measured_in_another_setting_or_half_written_is_measured_again(setting):
    other = json.dumps([json.dumps([{"x": 0}, "10"]), {"square": -1}])
    half = json.dumps([json.dumps([{"x": 1}, "1"]), {"square": -1}])[:-3]
    (setting.out / "squares.progress").write_text(f"{other}\n{half}")
    rows = setting.run("squares", TASKS, lambda x: {"square": x * x})
    assert [row["square"] for row in rows] == [0, 1, 4, 9]


def squares(setting):
    """Squares of numbers."""
    return [{"x": x, "square": float(x * x)} for x in range(setting.seeds)]


def test_a_group_has_a_command_for_each_experiment_and_one_for_all(tmp_path):
    class Seeded(Setting):
        def __init__(self, out, executor, seeds):
            super().__init__(out, executor)
            object.__setattr__(self, "seeds", seeds)

    drawn = []
    named = {
        "squares": Experiment(squares, lambda rows, path: drawn.append((len(rows), path.name))),
        "sums": Experiment(squares, None, lambda rows: [{"sum": sum(r["square"] for r in rows)}]),
    }
    group = experiments.group("toy", named, Seeded, [seeds_option])
    assert sorted(group.commands) == ["all", "squares", "sums"]
    assert group.commands["squares"].help == "Squares of numbers."
    arguments = ["all", "--out", str(tmp_path), "--seeds", "3", "--jobs", "1"]
    done = CliRunner().invoke(group, arguments, catch_exceptions=False)
    assert "sum" in done.stdout
    assert drawn == [(3, "squares.png")]
    with (tmp_path / "squares.csv").open() as file:
        assert list(csv.reader(file))[-1] == ["2", "4"]
    assert (tmp_path / "sums_summary.csv").read_text() == "sum\n5\n"
