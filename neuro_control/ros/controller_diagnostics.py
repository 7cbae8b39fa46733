# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a controller reports of itself: its state, its loop, and what it has refused."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeVar

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.publisher import Publisher

from neuro_control.ros.controller_parameters import ControllerParameters
from neuro_control.ros.diagnostics.monitoring import Expectation, Timing
from neuro_control.ros.inputs import Input
from neuro_control.ros.lifecycle.managed_node import ManagedNode
from neuro_control.ros.safety.safety import Safety

# Wall time without an observation after which a simulated clock is taken to stand still, s.
_CLOCK_TIMEOUT = 1.0

P = TypeVar("P", bound=ControllerParameters)


class ControllerDiagnostics(ManagedNode[P]):
    """The counts of a controller, and its diagnostics made from them."""

    _command_topic: str
    _safety: Safety

    def __init__(self, name: str, parameters_type: type[P], kind: str, **node_options: Any) -> None:
        self._publisher: Publisher | None = None
        self._inputs: Sequence[Input[Any]] = ()
        self._active = False
        self._rejected: Counter[str] = Counter()
        self._timing = Timing()
        self._overruns = 0
        self._resets = 0
        super().__init__(name, parameters_type, kind, **node_options)

    def report(self) -> None:
        """Report the state every second, and missing observations where simulated time stands."""
        source = self._inputs[0] if self._inputs else None
        if self._active and source is not None and source.received_wall is not None:
            silence = time.perf_counter() - source.received_wall
            if silence > max(_CLOCK_TIMEOUT, source.timeout):
                self.set_state(
                    DiagnosticStatus.WARN, f"no {source.topic} for {silence:.1f} s", key="silence"
                )
        self.publish_diagnostics()

    def reported_state(self) -> tuple[bytes, str]:
        """The state, or a warning that another node commands the same robot."""
        masters = 0 if self._publisher is None else self.count_publishers(self._publisher.topic)
        if masters > 1 and self._state[0] == DiagnosticStatus.OK:
            return DiagnosticStatus.WARN, f"{masters} nodes publish {self._command_topic}"
        return self._state

    def expectations(self) -> dict[str, Expectation]:
        """While active, an observation every control period."""
        if not self._active:
            return {}
        source = self._inputs[0]
        return {source.topic: Expectation(self.parameters.control_period, source.timeout)}

    def loop(self) -> tuple[Timing, float] | None:
        """The steps, one every control period once there are observations."""
        stepping = self._active and self._timing.count > 0
        return (self._timing, self.parameters.control_period) if stepping else None

    def diagnostic_values(self) -> dict[str, str]:
        """Loop rate, latency percentiles, counts and safety state."""
        return {
            "loop_rate_hz": f"{self._timing.rate():.2f}",
            **self._timing.latencies(),
            "steps": str(self._timing.count),
            "overruns": str(self._overruns),
            "resets": str(self._resets),
            **self._safety.values(),
            **{f"rejected/{reason}": str(count) for reason, count in self._rejected.items()},
        }
