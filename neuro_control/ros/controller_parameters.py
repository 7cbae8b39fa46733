# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters that every controller has."""

from __future__ import annotations

from dataclasses import dataclass

from neuro_control.errors import ConfigurationError
from neuro_control.ros.lifecycle.managed_node import LifecycleParameters
from neuro_control.ros.parameters import parameter
from neuro_control.ros.safety.heartbeat import HeartbeatParameters


@dataclass(frozen=True)
class ControllerParameters(LifecycleParameters, HeartbeatParameters):
    """Parameters that every controller has."""

    control_period: float = parameter(
        0.03, "Time between two commands, s", low=1e-4, high=10.0, fixed=True
    )
    input_timeout: float = parameter(
        0.1, "Age of an observation beyond which the fallback answers, s", low=1e-3, high=60.0
    )

    def __post_init__(self) -> None:
        if self.input_timeout <= self.control_period:
            raise ConfigurationError(
                f"input_timeout ({self.input_timeout:g} s) is longer than "
                f"control_period ({self.control_period:g} s)"
            )
