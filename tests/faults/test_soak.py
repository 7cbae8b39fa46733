# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The soak test: what it makes of samples, and a short one of a real scenario."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner

from neuro_control.cli.soak import soak
from neuro_control.errors import ConfigurationError
from neuro_control.faults.soak_record import Record, Sample, memory_slope


def samples(slope, segments=1, hours=2.0, seed=0):
    """Samples of a process whose memory grows by ``slope`` MB/h, and is noisy."""
    rng = np.random.default_rng(seed)
    return [
        Sample("node", segment, t, 50.0 * segment + slope * t + rng.normal(0, 0.2), 20, 5)
        for segment in range(1, segments + 1)
        for t in np.linspace(0, hours, 300)
    ]


@pytest.mark.parametrize("slope", [0.0, 0.4, 5.0])
@pytest.mark.parametrize("segments", [1, 3])
def test_the_slope_of_memory_lies_in_its_interval_whatever_each_segment_begins_with(
    slope, segments
):
    found, margin = memory_slope(samples(slope, segments))
    assert abs(found - slope) < margin < 0.2


def test_too_few_samples_have_no_slope():
    assert memory_slope(samples(1.0)[:3]) == (None, None)


def test_latencies_are_told_to_two_percent_and_the_largest_exactly():
    record, values = Record(), np.random.default_rng(0).lognormal(-7, 0.5, 20_000)
    for value in values:
        record.add_latency(float(value))
    for quantile in (0.5, 0.99, 0.999):
        assert record.latency(quantile) == pytest.approx(np.quantile(values, quantile), rel=0.03)
    assert record.largest == values.max()


def test_a_soak_is_reported_and_goes_on_where_it_was_ended(tmp_path):
    runner, folder = CliRunner(), ["--out", str(tmp_path)]
    for hours, segments in ((0.003, 1), (0.006, 2), (0.006, 2)):
        done = runner.invoke(soak, ["swimmer", "--hours", str(hours), *folder])
        assert done.exception is None, done.output
        record = json.loads((tmp_path / "swimmer_lockstep.json").read_text())
        assert record["segments"] == segments
        assert record["seconds"] >= 3600 * hours
    with (tmp_path / "swimmer_lockstep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["node"] for row in rows] == ["simulation", "swimmer_controller"]
    # 0.03 s each.
    assert int(rows[0]["observations"]) >= 3600 * 0.006 / 0.03
    assert rows[0]["unanswered"] == "0"
    assert 0 < float(rows[0]["latency_p50_ms"]) <= float(rows[0]["latency_max_ms"])
    assert (tmp_path / "swimmer_lockstep.png").exists()


def test_a_file_that_is_no_record_is_refused(tmp_path):
    (tmp_path / "swimmer_lockstep.json").write_text("{}")
    with pytest.raises(ConfigurationError, match="is no record of a soak test"):
        Record.load(tmp_path / "swimmer_lockstep.json")
