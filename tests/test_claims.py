# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The page of the papers' claims: judged by what experiments left, and by nothing else."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest

from neuro_control import resources
from neuro_control.cli.claims import (
    FAILS,
    HOLDS,
    IN_PART,
    Claim,
    Results,
    all_claims,
    figure_of,
    graded,
    judged,
    markdown,
    numbers,
)
from neuro_control.errors import ConfigurationError

VERDICTS = {HOLDS, IN_PART, FAILS, "not measured", "not tested"}
SHIPPED = resources.share() / "docs" / "results"


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "neuro_control.cli", "experiment", "claims", *arguments],
        capture_output=True,
        text=True,
        timeout=100,
    )


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_the_command_prints_a_verdict_of_every_claim_and_writes_the_page(tmp_path):
    page = tmp_path / "claims.md"
    done = run("--json", "-", "--markdown", str(page), "--results", str(tmp_path / "none"))
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["claims"]
    assert [row["claim"] for row in rows] == [claim.says for claim in all_claims()]
    assert {row["verdict"] for row in rows} <= VERDICTS
    assert all(row["ours"] for row in rows if row["verdict"] in (HOLDS, IN_PART, FAILS))
    text = page.read_text()
    assert text == markdown(rows)
    assert all(row["claim"] in text and row["rule"] in text for row in rows)


def test_each_claim_that_can_be_measured_names_its_command_and_what_the_package_ships():
    for claim in all_claims():
        assert claim.rule.endswith(".")
        if claim.files:
            assert claim.command.startswith("neuro-control ")
        if claim.judge is None:
            assert not claim.files


def test_own_results_come_before_those_of_the_package(tmp_path):
    claim = next(each for each in all_claims() if each.says == "good initial performance")
    shipped = judged(claim, Results([tmp_path, SHIPPED]))
    assert shipped["verdict"] == HOLDS
    with (SHIPPED / "swimmer" / "initial.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["start"] == "unit, signed":
            row["return"] = "5"  # as if the circuit did not swim
    write(tmp_path / "swimmer" / "initial.csv", rows)
    own = judged(claim, Results([tmp_path, SHIPPED]))
    assert own["verdict"] == FAILS
    assert own["ours"].startswith("5 (5 … 5)")


def test_without_results_a_claim_is_not_measured_and_its_command_is_named(tmp_path):
    claim = next(each for each in all_claims() if each.files)
    row = judged(claim, Results([tmp_path]))
    assert row["verdict"] == "not measured"
    assert claim.files[0] in row["ours"]
    assert row["command"] == claim.command


def test_a_claim_without_a_test_says_why():
    row = judged(Claim("paper", "flies", "", "it can't be tested here."), Results([]))
    assert (row["verdict"], row["rule"]) == ("not tested", "it can't be tested here.")


def test_results_of_other_columns_are_refused_with_what_is_missing(tmp_path):
    write(tmp_path / "swimmer" / "a.csv", [{"start": "x", "return": "1"}])
    rows = Results([tmp_path]).rows("swimmer/a.csv")
    np.testing.assert_array_equal(numbers(rows, "return", start="x"), [1.0])
    with pytest.raises(ConfigurationError, match="no return of start y"):
        numbers(rows, "return", start="y")
    with pytest.raises(ConfigurationError, match=r"no swimmer/b\.csv"):
        Results([tmp_path]).rows("swimmer/b.csv")


def test_figures_have_their_interval_and_verdicts_their_order():
    assert figure_of([1.0, 1.0, 1.0], "seeds", ".1f") == "1.0 (1.0 … 1.0), 3 seeds"
    assert [graded(True, True), graded(False, True), graded(False, False)] == [
        HOLDS, IN_PART, FAILS,
    ]  # fmt: skip
