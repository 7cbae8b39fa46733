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
    part_of,
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


def test_a_task_of_quart_is_judged_by_both_tests_and_by_who_lacks_eyes(tmp_path):
    claim = next(each for each in all_claims() if each.says == "task crawl")
    cell = {"task": "crawl", "draw": "hard", "split": "seen"}
    walks = [("ours", True, True)] * 3 + [("ours", False, False), ("blind:ours", False, True)]
    write(
        tmp_path / "quart" / "tasks.csv",
        [
            {"policy": policy, **cell, "strict": strict, "published": published}
            for policy, strict, published in walks
        ],
    )
    row = judged(claim, Results([tmp_path]))
    assert row["verdict"] == HOLDS
    assert row["ours"].startswith("strict test: 0.75")
    assert row["baseline"] == "blind:ours, strict test: 0.00"


def test_the_blimps_network_is_judged_beside_the_tuned_pid_on_the_same_flights(tmp_path):
    claim = next(
        each for each in all_claims() if each.says == "the spiking controller does a PID's work"
    )
    metrics = dict.fromkeys(
        ("rmse_m", "sse_m", "oscillation_m", "overshoot_up_m", "overshoot_down_m", "settling_s"),
        0.1,
    )
    flights = [
        {"condition": "heavy", "controller": controller, "seed": seed, **metrics, "sse_m": sse}
        for controller, sse in (("snn", 0.02), ("pid-tuned", 0.01), ("pid", 0.01))
        for seed in range(4)
    ]
    write(tmp_path / "blimp" / "flights.csv", flights)
    row = judged(claim, Results([tmp_path]))
    assert row["verdict"] == FAILS
    assert "worse in 1 (heavy, steady-state error)" in row["ours"]
    for flight in flights:
        flight["sse_m"] += 0.02 * (flight["controller"] == "pid")
    write(tmp_path / "blimp" / "flights.csv", flights)
    assert judged(claim, Results([tmp_path]))["verdict"] == IN_PART
    for flight in flights:
        flight["sse_m"] = 0.01
    write(tmp_path / "blimp" / "flights.csv", flights)
    assert judged(claim, Results([tmp_path]))["verdict"] == HOLDS


def test_an_ensemble_competes_only_with_the_template_of_its_own_retina_beside_it(tmp_path):
    claim = next(c for c in all_claims() if c.says.endswith("(fast mode)"))
    table = tmp_path / "places" / "sizes.csv"
    recalls = {"fast": "0.75", "SAD": "0.36", "template, adapted": "0.80"}
    rows = [{"places": "1000", "method": name, "r1": recall} for name, recall in recalls.items()]
    write(table, rows[:2])
    assert judged(claim, Results([tmp_path]))["verdict"] == "not measured"
    write(table, rows)
    row = judged(claim, Results([tmp_path]))
    assert row["verdict"] == FAILS
    assert row["baseline"].startswith("template, adapted: 0.80 (0.77 … 0.82), 1,000 places")


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
    truths = [{"found": "True"}, {"found": "False"}]
    np.testing.assert_array_equal(numbers(truths, "found"), [1.0, 0.0])
    with pytest.raises(ConfigurationError, match="no return of start y"):
        numbers(rows, "return", start="y")
    with pytest.raises(ConfigurationError, match=r"no results swimmer/b\.csv"):
        Results([tmp_path]).rows("swimmer/b.csv")


def test_figures_have_their_interval_and_verdicts_their_order():
    assert figure_of([1.0, 1.0, 1.0], "seeds", ".1f") == "1.0 (1.0 … 1.0), 3 seeds"
    assert part_of(8, 10, "seeds") == "0.80 (0.49 … 0.94), 10 seeds"
    assert [graded(True, True), graded(False, True), graded(False, False)] == [
        HOLDS, IN_PART, FAILS,
    ]  # fmt: skip
