# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether what a node needs comes as it should, and whether the node keeps up with it.

A topic is in one of five states, those of Autoware's topic monitor. The loop of a controller is
judged as ros2_control judges its own, by its rate and by the time that it takes. Rates are per
second of the node's clock, so that a simulation that is faster or slower than the wall clock is
judged by its own time.
"""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from neuro_control.ros.messages import NANOSECONDS
from neuro_control.ros.parameters import parameter

# Shortest time over which a rate is measured, s: the diagnostics' second, with some slack.
RATE_WINDOW = 0.9
# How many of the latest latencies the percentiles are taken of.
_LATENCIES = 1000
# Wall time without a message after which a simulated clock is taken to stand still, s.
_CLOCK_TIMEOUT = 1.0


class TopicState:
    """States of a topic, as the diagnostics show them."""

    OK = "ok"
    NOT_RECEIVED = "not received"
    RATE_LOW = "rate low"
    RATE_WRONG = "rate wrong"
    TIMED_OUT = "timed out"


_LEVELS = {
    TopicState.OK: DiagnosticStatus.OK,
    TopicState.NOT_RECEIVED: DiagnosticStatus.STALE,
    TopicState.RATE_LOW: DiagnosticStatus.WARN,
    TopicState.RATE_WRONG: DiagnosticStatus.ERROR,
    TopicState.TIMED_OUT: DiagnosticStatus.ERROR,
}


@dataclass(frozen=True)
class MonitoringParameters:
    """Limits between ok, warning and error."""

    rate_warn: float = parameter(
        0.1, "Deviation from the expected rate that is a warning, part of it", low=0.0, high=1.0
    )
    rate_error: float = parameter(
        0.5, "Deviation from the expected rate that is an error, part of it", low=0.0, high=1.0
    )
    execution_time_warn: float = parameter(
        0.5, "Time to answer (99th percentile) that is a warning, part of the control period",
        low=0.0, high=100.0,
    )  # fmt: skip
    execution_time_error: float = parameter(
        1.0, "Time to answer (99th percentile) that is an error, part of the control period",
        low=0.0, high=100.0,
    )  # fmt: skip


@dataclass(frozen=True)
class Expectation:
    """What a node needs of a topic.

    Attributes:
        period: Longest time between two messages on average, s.
        timeout: Longest time without one, s.
    """

    period: float
    timeout: float


class Rate:
    """How often something happens per second of wall time."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._counted = 0
        self._rate = 0.0

    def update(self, count: int) -> float:
        """Rate, 1/s, given how often it has happened so far; measured anew once a second."""
        now = time.monotonic()
        if now - self._since >= RATE_WINDOW:
            self._rate = (count - self._counted) / (now - self._since)
            self._since, self._counted = now, count
        return self._rate


class ClockRate:
    """How often something happens per second of a clock that may be set, stand, or go back."""

    def __init__(self) -> None:
        self._since: int | None = None
        self._counted = 0
        self._rate: float | None = None

    def update(self, count: int, now: int) -> float | None:
        """Rate, 1/s, given how often it has happened until ``now`` (ns).

        None until the time for a first measurement has passed.
        """
        if self._since is None or now < self._since:
            self._since, self._counted = now, count
        elapsed = (now - self._since) / NANOSECONDS
        if elapsed >= RATE_WINDOW:
            self._rate = (count - self._counted) / elapsed
            self._since, self._counted = now, count
        return self._rate


class Timing:
    """How often a node has done its work, how often per second, and how long it took.

    Attributes:
        count: How often so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._rate = Rate()
        self._clock_rate = ClockRate()
        self._latencies: deque[float] = deque(maxlen=_LATENCIES)

    def add(self, latency: float) -> None:
        """Count one more, which took ``latency`` (s)."""
        self._latencies.append(latency)
        self.count += 1

    def rate(self) -> float:
        """How often per second, 1/s."""
        return self._rate.update(self.count)

    def latencies(self) -> dict[str, str]:
        """Percentiles of the latest latencies, for the diagnostics."""
        p50, p99 = self._percentiles()
        return {"latency_p50_ms": f"{p50 * 1e3:.3f}", "latency_p99_ms": f"{p99 * 1e3:.3f}"}

    def _percentiles(self) -> tuple[float, float]:
        """Median and 99th percentile of the latest latencies, s."""
        # A copy, since another thread may add to them.
        p50, p99 = np.percentile(list(self._latencies) or [0.0], [50, 99])
        return float(p50), float(p99)

    def periodicity(
        self, name: str, period: float, now: int, limits: MonitoringParameters
    ) -> DiagnosticStatus:
        """Status ``name``: whether the work is done every ``period`` (s) of the clock."""
        rate, expected = self._clock_rate.update(self.count, now), 1.0 / period
        error = 0.0 if rate is None else abs(rate / expected - 1.0)
        return DiagnosticStatus(
            level=_level(error, limits.rate_warn, limits.rate_error),
            name=name,
            message=f"{_hertz(rate)}, {expected:.4g} Hz expected",
            values=[KeyValue(key="rate_hz", value=_number(rate))],
        )

    def execution_time(
        self, name: str, period: float, limits: MonitoringParameters
    ) -> DiagnosticStatus:
        """Status ``name``: whether the work fits into its ``period`` (s)."""
        part = self._percentiles()[1] / period
        return DiagnosticStatus(
            level=_level(part, limits.execution_time_warn, limits.execution_time_error),
            name=name,
            message=f"{part:.1%} of the control period (99th percentile)",
            values=[KeyValue(key=key, value=value) for key, value in self.latencies().items()],
        )


class TopicMonitor:
    """Counts a topic's messages and tells its state.

    Attributes:
        count: Messages received.
        received: Wall time of the last, on ``time.monotonic``, s.
    """

    def __init__(self) -> None:
        self.count = 0
        self.received = math.nan
        self._rate = ClockRate()

    def status(
        self,
        name: str,
        expected: Expectation | None,
        now: int,
        simulated: bool,
        limits: MonitoringParameters,
    ) -> DiagnosticStatus:
        """Status ``name`` of the topic.

        Args:
            name: Name of the status.
            expected: What the node needs of it, or None if it can do without.
            now: Time of the node's clock, ns.
            simulated: Whether that clock is simulated.
            limits: Between ok, warning and error.
        """
        rate = self._rate.update(self.count, now)
        state = self._state(expected, rate, simulated, limits)
        needed = state != TopicState.NOT_RECEIVED or expected is not None
        wanted = "" if expected is None else f", {1.0 / expected.period:.4g} Hz expected"
        return DiagnosticStatus(
            level=_LEVELS[state] if needed else DiagnosticStatus.OK,
            name=name,
            message=state if state == TopicState.OK else f"{state}: {_hertz(rate)}{wanted}",
            values=[
                KeyValue(key="state", value=state),
                KeyValue(key="received", value=str(self.count)),
                KeyValue(key="rate_hz", value=_number(rate)),
            ],
        )

    def _state(
        self,
        expected: Expectation | None,
        rate: float | None,
        simulated: bool,
        limits: MonitoringParameters,
    ) -> str:
        if not self.count:
            return TopicState.NOT_RECEIVED
        if expected is None:
            return TopicState.OK
        timeout = max(expected.timeout, _CLOCK_TIMEOUT) if simulated else expected.timeout
        if time.monotonic() - self.received > timeout:
            return TopicState.TIMED_OUT
        # More than expected does no harm: a controller keeps its period.
        missing = 0.0 if rate is None else 1.0 - rate * expected.period
        if missing > limits.rate_error:
            return TopicState.RATE_WRONG
        return TopicState.RATE_LOW if missing > limits.rate_warn else TopicState.OK


def _level(value: float, warn: float, error: float) -> bytes:
    if value > error:
        return bytes(DiagnosticStatus.ERROR)
    return bytes(DiagnosticStatus.WARN if value > warn else DiagnosticStatus.OK)


def _number(rate: float | None) -> str:
    return "" if rate is None else f"{rate:.2f}"


def _hertz(rate: float | None) -> str:
    return "no rate yet" if rate is None else f"{rate:.4g} Hz"
