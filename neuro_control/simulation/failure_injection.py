# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Base of nodes that simulate a robot whose components can be made to fail while they run.

It is off unless the fixed parameter ``failure_injection`` switches it on at the start. Then the
parameter ``injected_failures`` says what has failed, and setting it is the service.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TypeVar

from diagnostic_msgs.msg import DiagnosticStatus
from rcl_interfaces.msg import SetParametersResult
from rclpy.parameter import Parameter

from neuro_control.errors import ConfigurationError
from neuro_control.ros.diagnostics.node import DiagnosticNode
from neuro_control.ros.parameters import changed, parameter
from neuro_control.simulation.active_effects import ActiveEffects
from neuro_control.simulation.failures import parse


@dataclass(frozen=True)
class InjectionParameters:
    """Parameters of nodes that simulate a robot."""

    failure_injection: bool = parameter(
        False, "Whether failures can be injected while the node runs", fixed=True
    )
    injected_failures: str = parameter(
        "",
        "Components that have failed, COMPONENT KIND [NUMBER] with commas between them: 'imu "
        "stuck, motors slow 20'; empty or none ends all. docs/fault_injection.md names the kinds",
    )

    def __post_init__(self) -> None:
        if parse(self.injected_failures) and not self.failure_injection:
            raise ConfigurationError(
                "injected_failures has no effect here: start the node with failure_injection true"
            )


I = TypeVar("I", bound=InjectionParameters)  # noqa: E741  # as P and L in the other bases


class InjectionNode(DiagnosticNode[I]):
    """Base of a node that simulates a robot whose components can fail."""

    @property
    @abstractmethod
    def active_effects(self) -> ActiveEffects:
        """What acts on the present episode."""

    def inject(self) -> None:
        """Let the failures of the parameters act, and no others; each new episode asks for it."""
        self.active_effects.inject(parse(self.parameters.injected_failures))

    def apply(self) -> None:
        """Take over what failures there are now, and say so in the log."""
        before = self.active_effects.failures
        self.inject()
        failures = self.active_effects.failures
        if failures == before:
            return
        if failures:
            self.get_logger().warning(
                f"failures are injected: {', '.join(failures)}; "
                f"`ros2 param set {self.get_fully_qualified_name()} injected_failures none` ends "
                "them"
            )
        else:
            self.get_logger().info("no failures are injected any more")

    def reported_state(self) -> tuple[bytes, str]:
        """The state, or which failures are injected where there is nothing else to say."""
        level, text = super().reported_state()
        failures = self.active_effects.failures
        if level == DiagnosticStatus.OK and failures:
            return DiagnosticStatus.WARN, f"failures are injected: {', '.join(failures)}"
        return level, text

    def _check_parameters(self, changes: list[Parameter]) -> SetParametersResult:
        result = super()._check_parameters(changes)
        if result.successful:
            wanted = parse(changed(self.parameters, changes).injected_failures)
            try:
                self.active_effects.check_failures(wanted)
            except ConfigurationError as error:
                return SetParametersResult(successful=False, reason=str(error))
        return result
