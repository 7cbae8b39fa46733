# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""PID control of altitude: the baseline, and the teacher of the spiking networks.

Source: Burgers, Stroobants and de Croon (arXiv 2309.12937), whose blimp flies by the default gains
at 10 Hz, with commands between -10 and 10.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from neuro_control.blimp.control.types import CONTROL_PERIOD, FULL_COMMAND
from neuro_control.errors import ConfigurationError


@dataclass(frozen=True)
class PIDSettings:
    """Gains of a PID, from an error in m to a command without unit, and its derivative's filter.

    Attributes:
        proportional: Gain, per m.
        integral: Gain, per m s; 0 makes a PD.
        derivative: Gain, per m/s.
        derivative_time: Time constant of the low pass on the derivative, s; 0 takes the bare
            difference.

    Raises:
        ConfigurationError: A number is below 0 or not finite.
    """

    proportional: float = 9.0
    integral: float = 0.75
    derivative: float = 14.0
    derivative_time: float = 0.0

    def __post_init__(self) -> None:
        for name in ("proportional", "integral", "derivative"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ConfigurationError(f"the {name} gain is a number of 0 or more, not {value}")
        if not 0 <= self.derivative_time < math.inf:
            raise ConfigurationError(
                f"the derivative's time constant is 0 s or more, not {self.derivative_time}"
            )


class PID:
    """Discrete PID with a limited output, a filtered derivative and an integral that can't wind up.

    u = P e + I ∫e dt + D ė, cut off at ±limit. The integral stands still while the output is cut
    off and the error would drive it further (conditional integration). The derivative is the
    error's difference through a first-order low pass.

    Args:
        settings: Gains and filter; they may be replaced at any time.
        control_period: Time between two steps, s.
        limit: Largest command.

    Raises:
        ConfigurationError: A number is out of range.
    """

    def __init__(
        self,
        settings: PIDSettings,
        control_period: float = CONTROL_PERIOD,
        limit: float = FULL_COMMAND,
    ) -> None:
        if not 0 < control_period < math.inf or not 0 < limit < math.inf:
            raise ConfigurationError(
                f"control period and limit are numbers above 0, not {control_period} and {limit}"
            )
        self.settings = settings
        self.control_period = control_period
        self.limit = limit
        self.reset()

    def reset(self) -> None:
        """Forget the past: at the start of a flight."""
        self.integral = 0.0
        self.derivative = 0.0
        self._error: float | None = None

    def step(self, error: float) -> float:
        """Command in [-limit, limit] for the error set-point − altitude, m."""
        s, dt = self.settings, self.control_period
        before = error if self._error is None else self._error
        self._error = error
        slope = (error - before) / dt
        keep = s.derivative_time / (s.derivative_time + dt)
        self.derivative = keep * self.derivative + (1.0 - keep) * slope
        integral = self.integral + error * dt
        command = s.proportional * error + s.integral * integral + s.derivative * self.derivative
        if abs(command) <= self.limit or command * error <= 0:
            self.integral = integral
        else:
            command += s.integral * (self.integral - integral)
        return min(max(command, -self.limit), self.limit)
