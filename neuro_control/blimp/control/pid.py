"""PID control of altitude: the baseline, and the teacher of the spiking networks.

Source: Burgers, Stroobants and de Croon (arXiv 2309.12937), whose blimp flies by the default gains
at 10 Hz, with commands between -10 and 10.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from neuro_control.errors import ConfigurationError


@dataclass(frozen=True)
class Gains:
    """Gains of a PID from an error in m to a command without unit.

    Attributes:
        proportional: Per m.
        integral: Per m s; 0 makes a PD.
        derivative: Per m/s.

    Raises:
        ConfigurationError: A gain is below 0 or not finite.
    """

    proportional: float = 9.0
    integral: float = 0.75
    derivative: float = 14.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value < math.inf:
                raise ConfigurationError(f"the {name} gain is a number of 0 or more, not {value}")


class PID:
    """Discrete PID with a limited output, a filtered derivative and an integral that can't wind up.

    u = P e + I ∫e dt + D ė, cut off at ±limit. The integral stands still while the output is cut
    off and the error would drive it further (conditional integration). The derivative is the
    error's difference through a first-order low pass.

    Args:
        gains: Its gains.
        control_period: Time between two steps, s.
        limit: Largest command.
        derivative_time: Time constant of the low pass, s; 0 takes the bare difference.

    Raises:
        ConfigurationError: A number is out of range.
    """

    def __init__(
        self,
        gains: Gains,
        control_period: float = 0.1,
        limit: float = 10.0,
        derivative_time: float = 0.0,
    ) -> None:
        if not 0 < control_period < math.inf or not 0 < limit < math.inf:
            raise ConfigurationError(
                f"control period and limit are numbers above 0, not {control_period} and {limit}"
            )
        if not 0 <= derivative_time < math.inf:
            raise ConfigurationError(
                f"the derivative's time constant is 0 s or more, not {derivative_time}"
            )
        self.gains = gains
        self.control_period = control_period
        self.limit = limit
        self._keep = derivative_time / (derivative_time + control_period)
        self.reset()

    def reset(self) -> None:
        """Forget the past: at the start of a flight."""
        self.integral = 0.0
        self.derivative = 0.0
        self._error: float | None = None

    def step(self, error: float) -> float:
        """Command in [-limit, limit] for the error set-point − altitude, m."""
        g, dt = self.gains, self.control_period
        before = error if self._error is None else self._error
        self._error = error
        slope = (error - before) / dt
        self.derivative = self._keep * self.derivative + (1.0 - self._keep) * slope
        further = self.integral + error * dt
        wanted = g.proportional * error + g.integral * further + g.derivative * self.derivative
        if abs(wanted) <= self.limit or wanted * error <= 0:
            self.integral = further
        else:
            wanted += g.integral * (self.integral - further)
        return min(max(wanted, -self.limit), self.limit)
