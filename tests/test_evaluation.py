# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What evaluations and benchmarks share."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from neuro_control.cli.benchmark import in_turns, speed_ratio
from neuro_control.cli.evaluation import (
    interval,
    means,
    metrics_table,
    over_seeds,
    rate_bound,
    wilson,
)


@pytest.mark.parametrize("tasks", [1, 2, 3, 9])
def test_episodes_come_in_the_order_of_their_seeds_however_they_are_divided(tasks):
    def episodes(factor, seeds):
        return [{"product": float(factor * seed)} for seed in seeds]

    with ThreadPoolExecutor(2) as executor:
        found = over_seeds(executor, episodes, 10, seed=3, seeds=5, tasks=tasks)
    assert [each["product"] for each in found] == [30.0, 40.0, 50.0, 60.0, 70.0]


def test_a_mean_is_over_the_episodes_that_give_the_metric():
    found = means(
        [{"a": 1.0, "b": math.nan}, {"a": math.nan, "b": math.nan}, {"a": 3.0, "b": math.nan}]
    )
    assert found["a"] == 2.0
    assert math.isnan(found["b"])


def test_the_interval_of_a_constant_is_the_constant_and_holds_the_mean_otherwise():
    rng = np.random.default_rng(0)
    assert interval(np.full(4, 2.0), rng) == (2.0, 2.0)
    low, high = interval(np.arange(10.0), rng)
    assert 2.0 < low < 4.5 < high < 7.0


def test_a_table_has_a_row_for_each_metric_in_its_unit():
    labels = {"rmse_m": ("RMSE (cm)", 100.0)}
    table = metrics_table("t", labels, {"pid": {"rmse_m": 0.123}, "snn": {"rmse_m": 0.5}})
    assert [list(column.cells) for column in table.columns] == [["RMSE (cm)"], ["12.3"], ["50.0"]]


def test_contestants_take_turns_and_are_compared_turn_by_turn():
    order = []
    found = in_turns({name: lambda name=name: order.append(name) for name in "ab"}, 2)
    assert order == ["a", "b"] * 3  # the first turn is not measured
    assert [len(each) for each in found.values()] == [2, 2]
    times = {"quick": [1.0, 2.0, 1.0], "slow": [2.0, 4.0, 9.0]}
    assert speed_ratio(times, "quick", "slow") == 2.0
    assert speed_ratio(times, "quick", "not installed") is None


@pytest.mark.parametrize(
    ("events", "trials", "bound"),
    # Of scipy's beta.ppf(0.95, events + 1, trials - events).
    [(0, 1, 0.95), (0, 200, 0.014867), (0, 3000, 0.000998), (1, 100, 0.046561), (5, 5, 1.0)],
)
def test_no_event_in_3000_trials_rules_out_a_rate_of_one_in_a_thousand(events, trials, bound):
    assert rate_bound(events, trials) == pytest.approx(bound, abs=1e-5)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # Of R's binom.confint(method="wilson").
    [
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (50, 100, 0.4038, 0.5962),
        (1, 2, 0.0945, 0.9055),
    ],
)
def test_the_interval_of_a_rate_is_wilsons(successes, trials, low, high):
    assert wilson(successes, trials) == pytest.approx((low, high), abs=1e-4)
