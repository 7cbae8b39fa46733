# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What nodes report: rates, latencies and states, by a clock that the test sets."""

import time
import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.parameter import Parameter

from neuro_control.ros.diagnostics.monitoring import (
    ClockRate,
    Expectation,
    MonitoringParameters,
    Rate,
    Timing,
    TopicMonitor,
)
from neuro_control.ros.diagnostics.node import DiagnosticNode
from neuro_control.ros.diagnostics.remarks import Remarks, kind_of
from neuro_control.ros.parameters import parameter
from tests.bench import Loop, Probe, before_deadline, options
from tests.ros.toy import Toy


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
        ("remarks_suppressed", "0"),
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


def test_remarks_that_differ_in_numbers_only_are_one_kind_and_those_of_another_joint_are_not():
    assert kind_of("3 joints at -1.5e-3 rad for 0.25 s") == kind_of("12 joints at 9 rad for 7e3 s")
    assert kind_of("the sensor of joint_3 jumps") != kind_of("the sensor of joint_4 jumps")


def test_a_state_with_other_numbers_each_time_is_logged_once(reporter, capfd):
    bench, node, _ = reporter
    for number in range(500):
        node.set_state(DiagnosticStatus.WARN, f"the speed is {number / 7} m/s")
    bench.spin_for(0.1)
    assert capfd.readouterr().err.count("the speed is") == 1
    assert node.reported_state()[1] == f"the speed is {499 / 7} m/s"


def test_remarks_of_ever_new_kinds_are_limited_in_rate_and_memory(clock):
    remarks = Remarks()
    logged = sum(remarks.due(DiagnosticStatus.WARN, f"kind {number}") for number in range(1000))
    assert logged < 30
    assert remarks.suppressed == 1000 - logged
    # Warnings leave room for errors.
    assert remarks.due(DiagnosticStatus.ERROR, "the motor burns")
    tracemalloc.start()
    for number in range(2000):
        clock[0] += 1.0
        assert remarks.due(DiagnosticStatus.WARN, f"another kind {number}")
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 50_000  # 2,000 of them take 300,000


# Topics and the loop.

SECOND = 10**9


def test_a_topic_goes_through_its_five_states(clock):
    monitor, limits = TopicMonitor(), MonitoringParameters(rate_warn=0.1, rate_error=0.5)
    now = [0]

    def state():
        status = monitor.status("topic", Expectation(0.1, 2.5), now[0], False, limits)
        assert status.values[0].key == "state"
        return status.values[0].value, status.level

    def receive(count):
        monitor.count += count
        monitor.received = clock[0]
        clock[0] += 1.0
        now[0] += SECOND

    assert state() == ("not received", DiagnosticStatus.STALE)
    for count, expected in [
        (10, ("ok", DiagnosticStatus.OK)),
        (8, ("rate low", DiagnosticStatus.WARN)),
        (4, ("rate wrong", DiagnosticStatus.ERROR)),
        (30, ("ok", DiagnosticStatus.OK)),
    ]:
        receive(count)
        assert state() == expected
    clock[0] += 2.0
    assert state() == ("timed out", DiagnosticStatus.ERROR)


def test_a_topic_that_a_node_can_do_without_may_be_missing_or_slow(clock):
    monitor = TopicMonitor()
    for count in (0, 1, 0):
        monitor.count += count
        clock[0] += 100.0
        now = int(clock[0] * SECOND)
        status = monitor.status("topic", None, now, False, MonitoringParameters())
        assert status.level == DiagnosticStatus.OK


def test_rates_are_those_of_a_simulated_clock_that_may_go_back():
    rate = ClockRate()
    assert rate.update(0, 5 * SECOND) is None
    assert rate.update(100, 7 * SECOND) == 50.0
    assert rate.update(200, SECOND) == 50.0  # set back: a new measurement begins
    assert rate.update(300, 11 * SECOND) == 10.0


def test_a_loop_is_judged_by_its_rate_and_by_the_time_it_takes():
    timing, limits = Timing(), MonitoringParameters()
    timing.periodicity("periodicity", 0.01, 0, limits)
    for _ in range(60):
        timing.add(0.008)
    status = timing.periodicity("periodicity", 0.01, SECOND, limits)
    assert (status.level, status.message) == (DiagnosticStatus.WARN, "60 Hz, 100 Hz expected")
    status = timing.execution_time("execution time", 0.01, limits)
    assert (status.level, status.message[:5]) == (DiagnosticStatus.WARN, "80.0%")
    for _ in range(60):
        timing.add(0.02)
    assert timing.execution_time("", 0.01, limits).level == DiagnosticStatus.ERROR
    for _ in range(940):
        timing.add(0.001)
    assert timing.periodicity("", 0.01, 11 * SECOND, limits).level == DiagnosticStatus.OK


def test_a_controller_says_which_topic_it_misses_and_how_its_loop_does(bench):
    loop = Loop(bench, Toy(**options(use_sim_time=True)))

    def says(name, text):
        states = {each.name: each.message for each in loop.probe.diagnostics[-6:]}
        return states.get(f"toy: {name}", "").startswith(text)

    bench.spin_until(lambda: says("joint_states", "not received: no rate yet, 33.33 Hz expected"))
    for _ in before_deadline("the loop's rate is measured"):
        loop.advance()
        loop.answer(np.zeros(5))
        if says("periodicity", "3"):  # 33.33 Hz, give or take one
            break
    assert says("joint_states", "ok")
    assert says("bias", "not received")
    bench.spin_until(lambda: says("joint_states", "timed out"))


def test_parameters_are_taken_over_at_run_time(reporter):
    _, node, _ = reporter
    assert node.set_parameters([Parameter("gain", value=2)])[0].successful
    assert (node.parameters.gain, node.applied) == (2.0, 1)
    assert not node.set_parameters([Parameter("gain", value=11.0)])[0].successful
    assert (node.parameters.gain, node.applied) == (2.0, 1)
