# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is told of a run."""

import math

from neuro_control.cli.report import summary_table


def test_a_metric_that_cannot_be_computed_is_left_out_with_its_reason():
    summary = {"rmse_m": 0.5, "settling_s": math.nan, "sse_m": math.nan, "latency_ms": {"p50": 1.0}}
    needs = dict.fromkeys(("settling_s", "sse_m"), "a step of the set-point")
    table, missing = summary_table(summary, needs)
    assert list(table.columns[0].cells) == ["rmse_m", "latency_ms p50"]
    assert missing == ["without settling_s, sse_m: needs a step of the set-point"]
