# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""PID control of altitude: the baseline, and the teacher of the spiking networks.

Source: Burgers, Stroobants and de Croon (arXiv 2309.12937), whose blimp flies by the default gains
at 10 Hz, with commands between -10 and 10.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.types import CONTROL_PERIOD, FULL_COMMAND
from neuro_control.errors import ConfigurationError

Array = NDArray[np.float64]

# What the integral does while the command is cut off, by the number that ``pid_tick`` knows it by.
ANTI_WINDUP = {"none": 0, "conditional": 1, "back-calculation": 2}
# Where each number of a PID's state stands: the integral of the error, the filtered derivative, the
# last error, and whether there was one.
_INTEGRAL, _DERIVATIVE, _ERROR, _STARTED = range(4)
STATE_SIZE = 4


@dataclass(frozen=True)
class PIDSettings:
    """Gains of a PID, from an error in m to a command without unit, its filter and anti-windup.

    Attributes:
        proportional: Gain, per m.
        integral: Gain, per m s; 0 makes a PD.
        derivative: Gain, per m/s.
        derivative_time: Time constant of the low pass on the derivative, s; 0 takes the bare
            difference.
        anti_windup: What the integral does while the command is cut off, one of ``ANTI_WINDUP``:
            ``conditional`` stands still where the error would drive it further,
            ``back-calculation`` returns with ``tracking_time``, ``none`` goes on.
        tracking_time: Time constant of the back-calculation, s.

    Raises:
        ConfigurationError: A number is below 0 or not finite, or there is no such anti-windup.
    """

    proportional: float = 9.0
    integral: float = 0.75
    derivative: float = 14.0
    derivative_time: float = 0.0
    anti_windup: str = "conditional"
    tracking_time: float = 1.0

    def __post_init__(self) -> None:
        for name in ("proportional", "integral", "derivative"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ConfigurationError(f"the {name} gain is a number of 0 or more, not {value}")
        if not 0 <= self.derivative_time < math.inf:
            raise ConfigurationError(
                f"the derivative's time constant is 0 s or more, not {self.derivative_time}"
            )
        if self.anti_windup not in ANTI_WINDUP:
            raise ConfigurationError(
                f"anti_windup is one of {', '.join(ANTI_WINDUP)}, not '{self.anti_windup}'"
            )
        if not CONTROL_PERIOD <= self.tracking_time < math.inf:
            raise ConfigurationError(
                f"tracking_time is {CONTROL_PERIOD:g} s or more, not {self.tracking_time}"
            )

    @property
    def numbers(self) -> Array:
        """The same as ``pid_tick`` takes it, (6,)."""
        return np.array(
            [
                *(self.proportional, self.integral, self.derivative, self.derivative_time),
                *(ANTI_WINDUP[self.anti_windup], self.tracking_time),
            ]
        )


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def pid_tick(error: float, dt: float, limit: float, numbers: Array, state: Array) -> float:
    """What a PID answers to ``error``, from its state on, which changes in place.

    Args:
        error: Set-point − altitude, m.
        dt: Time since the last tick, s.
        limit: Largest command.
        numbers: ``PIDSettings.numbers``, (6,).
        state: State, (``STATE_SIZE``,), zeros at the start of a flight.
    """
    gain, integral_gain, derivative_gain, derivative_time, anti_windup, tracking_time = numbers
    before = state[_ERROR] if state[_STARTED] else error
    state[_ERROR], state[_STARTED] = error, 1.0
    keep = derivative_time / (derivative_time + dt)
    state[_DERIVATIVE] = keep * state[_DERIVATIVE] + (1.0 - keep) * (error - before) / dt
    integral = state[_INTEGRAL] + error * dt
    command = gain * error + integral_gain * integral + derivative_gain * state[_DERIVATIVE]
    cut = min(max(command, -limit), limit)
    if anti_windup == 1.0 and cut != command and command * error > 0.0:
        command += integral_gain * (state[_INTEGRAL] - integral)
        return float(min(max(command, -limit), limit))
    if anti_windup == 2.0 and integral_gain > 0.0:
        integral += (cut - command) / integral_gain * dt / tracking_time
    state[_INTEGRAL] = integral
    return float(cut)


class PID:
    """Discrete PID with a limited output, a filtered derivative and an integral that can't wind up.

    u = P e + I ∫e dt + D ė, cut off at ±limit. By default the integral stands still while the
    output is cut off and the error would drive it further (conditional integration). The derivative
    is the error's difference through a first-order low pass.

    Args:
        settings: Gains, filter and anti-windup; they may be replaced at any time.
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
        # Compiled now, so that the first command of a flight doesn't wait for it.
        self.step(0.0)
        self.reset()

    @property
    def settings(self) -> PIDSettings:
        """Gains, filter and anti-windup."""
        return self._settings

    @settings.setter
    def settings(self, settings: PIDSettings) -> None:
        self._settings, self._numbers = settings, settings.numbers

    def reset(self) -> None:
        """Forget the past: at the start of a flight."""
        self._state = np.zeros(STATE_SIZE)

    @property
    def integral(self) -> float:
        """Integral of the error, m s."""
        return float(self._state[_INTEGRAL])

    @property
    def derivative(self) -> float:
        """The error's filtered derivative, m/s."""
        return float(self._state[_DERIVATIVE])

    def step(self, error: float) -> float:
        """Command in [-limit, limit] for the error set-point − altitude, m."""
        period = self.control_period
        command: float = pid_tick(float(error), period, self.limit, self._numbers, self._state)
        return command
