# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What it costs to be watched is compared within each round."""

import numpy as np
import pytest

from neuro_control.cli.watching.cost import WATCHED, costs_of


def test_differences_are_those_within_rounds_whatever_the_rounds_differ_in():
    rng = np.random.default_rng(0)
    rows = []
    for number in range(8):
        slow = rng.uniform(0.1, 5.0)  # what the machine did meanwhile
        for kind, more in zip(WATCHED, (0.0, 0.02, 0.3), strict=True):
            rows.append({"round": number, "watched_by": kind, "p50_ms": slow + more, "p99_ms": 9.0})
    rng.shuffle(rows)
    found = {(each["watched_by"], each["percentile"]): each for each in costs_of(rows, rng)}
    for kind, more in zip(WATCHED[1:], (0.02, 0.3), strict=True):
        half = found[kind, 50]
        assert half["difference_ms"] == pytest.approx(more)
        assert half["low_ms"] == pytest.approx(more)
        assert half["high_ms"] == pytest.approx(more)
        assert found[kind, 99]["difference_ms"] == 0.0


def test_the_interval_holds_the_difference_and_is_as_wide_as_rounds_scatter():
    rng = np.random.default_rng(1)
    rows = []
    for number in range(30):
        for kind in WATCHED:
            noise = rng.normal(0.0, 0.1)
            rows.append({"round": number, "watched_by": kind, "p50_ms": 1.0 + noise, "p99_ms": 2.0})
    for each in costs_of(rows, rng):
        assert each["low_ms"] <= each["difference_ms"] <= each["high_ms"]
        if each["percentile"] == 50:
            assert 0.02 < each["high_ms"] - each["low_ms"] < 0.3
