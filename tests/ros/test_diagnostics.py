# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What nodes report: rates, latencies and states, by a clock that the test sets."""

import time
from dataclasses import dataclass

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.parameter import Parameter

from neuro_control.ros.diagnostics import DiagnosticNode, Rate, Timing
from neuro_control.ros.parameters import parameter
from tests.bench import Probe


@dataclass(frozen=True)
class Parameters:
    gain: float = parameter(1.0, "Gain", low=0.0, high=10.0)


class Reporter(DiagnosticNode[Parameters]):
    applied = 0

    def __init__(self):
        super().__init__("reporter", Parameters, "toy")

    def diagnostic_values(self):
        return {"gain": f"{self.parameters.gain:g}"}

    def apply(self):
        self.applied += 1


@pytest.fixture
def clock(monkeypatch):
    """Wall time in a list of one, s."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_rate_is_measured_anew_once_a_second(clock):
    rate = Rate()
    clock[0] += 0.5
    assert rate.update(10) == 0.0  # not long enough yet
    clock[0] += 0.5
    assert rate.update(30) == 30.0
    clock[0] += 0.5
    assert rate.update(31) == 30.0
    clock[0] += 1.5
    assert rate.update(40) == 5.0  # ten in two seconds


def test_timing_counts_and_gives_percentiles_in_milliseconds():
    timing = Timing()
    assert timing.latencies() == {"latency_p50_ms": "0.000", "latency_p99_ms": "0.000"}
    for milliseconds in range(101):
        timing.add(milliseconds / 1e3)
    assert timing.count == 101
    assert timing.latencies() == {"latency_p50_ms": "50.000", "latency_p99_ms": "99.000"}


def test_percentiles_are_those_of_the_latest_thousand():
    timing = Timing()
    for _ in range(1000):
        timing.add(1.0)
    for _ in range(1000):
        timing.add(0.002)
    assert timing.count == 2000
    assert timing.latencies()["latency_p99_ms"] == "2.000"


@pytest.fixture
def reporter(bench):
    node, probe = bench.add(Reporter()), bench.add(Probe())
    bench.spin_until(lambda: probe.count_publishers("/diagnostics"))
    bench.spin_until(lambda: bool(probe.diagnostics))
    return bench, node, probe


def test_a_state_is_reported_with_its_level_and_the_nodes_values(reporter):
    bench, node, probe = reporter
    node.set_state(DiagnosticStatus.WARN, "the toy is tired")
    bench.spin_until(lambda: probe.said_last("the toy is tired"))
    status = probe.diagnostics[-1]
    assert (status.name, status.level) == ("reporter: toy", DiagnosticStatus.WARN)
    assert [(each.key, each.value) for each in status.values] == [
        ("gain", "1"),
        ("failures", "0"),
    ]


def test_a_state_is_logged_once_though_its_numbers_change(reporter, capfd):
    bench, node, _ = reporter
    for number in range(5):
        node.set_state(DiagnosticStatus.WARN, f"no input for {number} s", key="silence")
    node.set_state(DiagnosticStatus.OK, "running")
    # It comes and goes: within a second it is not logged again.
    node.set_state(DiagnosticStatus.WARN, "no input for 9 s", key="silence")
    bench.spin_for(0.1)
    lines = [line for line in capfd.readouterr().err.splitlines() if "reporter" in line]
    assert [line.partition("]: ")[2] for line in lines] == ["no input for 0 s", "running"]
    assert node.reported_state() == (DiagnosticStatus.WARN, "no input for 9 s")


def test_parameters_are_taken_over_at_run_time(reporter):
    _, node, _ = reporter
    assert node.set_parameters([Parameter("gain", value=2)])[0].successful
    assert (node.parameters.gain, node.applied) == (2.0, 1)
    assert not node.set_parameters([Parameter("gain", value=11.0)])[0].successful
    assert (node.parameters.gain, node.applied) == (2.0, 1)
