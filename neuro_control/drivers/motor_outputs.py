# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pins of two propeller motors behind a dual H-bridge (DRV8833), and of the servo of their shaft.

Thrusts become duty cycles, the angle of the shaft becomes a pulse width, and the servo's travel is
estimated by time. Source of the defaults: the robot of Burgers, Stroobants and de Croon
(arXiv 2309.12937), whose motor node (timburgers/ros, motor_control/src/dcmotor.cpp) made of a
command u of at most 10 a PWM of 9 + 3 |u| parts in 45, and none of |u| < 0.3.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from neuro_control.errors import ConfigurationError
from neuro_control.ros.parameters import parameter
from neuro_control.ros.safety.heartbeat import HeartbeatParameters

# Time between two pulses of a servo, s.
_FRAME = 0.02
# How near to its target the shaft counts as arrived, rad: a servo's own dead band.
_ARRIVED = 0.02


@dataclass(frozen=True)
class PropulsionParameters(HeartbeatParameters):
    """Parameters of the propulsion node."""

    propellers: tuple[str, ...] = parameter(
        ("left_propeller", "right_propeller"),
        "Joints whose efforts are the thrusts of the left and the right propeller, N",
        fixed=True,
    )
    servo: str = parameter("servo", "Joint whose position is the shaft's angle, rad", fixed=True)
    pin_factory: str = parameter(
        "", "Empty for the pins of this machine; 'mock' for a dry run without any", fixed=True
    )
    left_pin: int = parameter(
        19, "Pin (BCM) of the left motor's PWM: AIN1 of the DRV8833", low=0, high=27, fixed=True
    )
    left_low_pin: int = parameter(
        26, "Pin (BCM) of the left motor's other input, held low: AIN2", low=0, high=27, fixed=True
    )
    right_pin: int = parameter(
        12, "Pin (BCM) of the right motor's PWM: BIN1 of the DRV8833", low=0, high=27, fixed=True
    )
    right_low_pin: int = parameter(
        21, "Pin (BCM) of the right motor's other input, held low: BIN2", low=0, high=27, fixed=True
    )
    servo_pin: int = parameter(17, "Pin (BCM) of the servo's pulses", low=0, high=27, fixed=True)
    pwm_frequency: int = parameter(
        400, "Frequency of the motors' PWM, Hz", low=50, high=10000, fixed=True
    )
    max_effort: float = parameter(
        0.06, "Largest thrust of a propeller, at full_duty, N", low=1e-4, high=100.0
    )
    dead_zone: float = parameter(
        0.0018, "Thrust below which a propeller stands still, N", low=0.0, high=100.0
    )
    minimum_duty: float = parameter(
        9 / 45, "Duty cycle from which a propeller begins to turn", low=0.0, high=1.0
    )
    full_duty: float = parameter(39 / 45, "Duty cycle at max_effort", low=0.0, high=1.0)
    duty_steps: int = parameter(
        45, "Steps between a duty cycle of 0 and one of 1", low=1, high=100000
    )
    servo_minimum_angle: float = parameter(
        0.0, "Smallest angle of the shaft, rad", low=-7.0, high=7.0, fixed=True
    )
    servo_maximum_angle: float = parameter(
        math.pi, "Largest angle of the shaft, rad", low=-7.0, high=7.0, fixed=True
    )
    servo_minimum_pulse: float = parameter(
        0.0005, "Pulse width at the smallest angle, s", low=1e-4, high=5e-3, fixed=True
    )
    servo_maximum_pulse: float = parameter(
        0.0025, "Pulse width at the largest angle, s", low=1e-4, high=5e-3, fixed=True
    )
    servo_travel_time: float = parameter(
        0.3, "Time that the servo takes for its whole range, s", low=0.0, high=10.0, fixed=True
    )
    command_timeout: float = parameter(
        0.5,
        "Time without a valid command, and age of a command, after which the motors stop, s",
        low=0.01,
        high=60.0,
    )

    def __post_init__(self) -> None:
        joints = [*self.propellers, self.servo]
        if len(self.propellers) != 2 or len(set(joints)) != 3:
            raise ConfigurationError(
                f"propellers and servo are three joints of different names, not {joints}"
            )
        if self.pin_factory not in ("", "mock"):
            raise ConfigurationError(f"pin_factory is empty or mock, not '{self.pin_factory}'")
        pins = [
            *(self.left_pin, self.left_low_pin, self.right_pin, self.right_low_pin),
            self.servo_pin,
        ]
        if len(set(pins)) != len(pins):
            raise ConfigurationError(f"a pin is used twice among {pins}")
        if self.dead_zone >= self.max_effort:
            raise ConfigurationError(
                f"dead_zone ({self.dead_zone:g} N) is less than max_effort ({self.max_effort:g} N)"
            )
        if self.minimum_duty > self.full_duty:
            raise ConfigurationError(
                f"minimum_duty ({self.minimum_duty:g}) is not above full_duty ({self.full_duty:g})"
            )
        if self.servo_minimum_angle >= self.servo_maximum_angle:
            raise ConfigurationError(
                f"servo_minimum_angle ({self.servo_minimum_angle:g} rad) is less than "
                f"servo_maximum_angle ({self.servo_maximum_angle:g} rad)"
            )


def duty(effort: float, parameters: PropulsionParameters) -> float:
    """Duty cycle of a propeller, in [0, ``full_duty``] and in steps of 1 / ``duty_steps``.

    0 below the dead zone; from there the line through ``minimum_duty`` at no thrust and
    ``full_duty`` at ``max_effort``.

    Args:
        effort: Thrust, N, 0 or more; more than ``max_effort`` counts as ``max_effort``.
        parameters: Parameters of the propulsion.
    """
    p = parameters
    if effort < p.dead_zone:
        return 0.0
    part = min(effort / p.max_effort, 1.0)
    steps = round((p.minimum_duty + part * (p.full_duty - p.minimum_duty)) * p.duty_steps)
    # Rounding must not lead beyond full duty; the sliver makes up for 39 / 45 * 45 < 39.
    return min(steps, math.floor(p.full_duty * p.duty_steps + 1e-9)) / p.duty_steps


def cut_off(angle: float, parameters: PropulsionParameters) -> float:
    """``angle`` (rad) clipped to the servo's range."""
    return min(max(angle, parameters.servo_minimum_angle), parameters.servo_maximum_angle)


def pulse(angle: float, parameters: PropulsionParameters) -> float:
    """Pulse width (s) that turns the servo to ``angle`` (rad), within its range."""
    p = parameters
    whole = p.servo_maximum_angle - p.servo_minimum_angle
    part = (cut_off(angle, p) - p.servo_minimum_angle) / whole
    return p.servo_minimum_pulse + part * (p.servo_maximum_pulse - p.servo_minimum_pulse)


class Travel:
    """Interval in which the shaft's angle lies, since the servo does not report it.

    The servo is assumed to turn at constant speed; at first the shaft may be anywhere in its range.

    Args:
        low: Smallest angle, rad.
        high: Largest angle, rad.
        duration: Time for the whole range, s.
        now: Time of the start on a steady clock, s.
    """

    def __init__(self, low: float, high: float, duration: float, now: float) -> None:
        self._speed = (high - low) / duration if duration > 0 else math.inf
        self._between = (low, high)
        self._target: float | None = None
        self._since = now

    def send(self, angle: float, now: float) -> None:
        """Note that the servo was commanded to ``angle`` (rad) at ``now`` (s)."""
        self._advance(now)
        self._target = angle

    def arrived(self, now: float) -> bool:
        """Whether at ``now`` (s) the shaft is certain to be at the angle commanded last."""
        self._advance(now)
        target = self._target
        return target is not None and all(abs(a - target) <= _ARRIVED for a in self._between)

    def _advance(self, now: float) -> None:
        elapsed, self._since = now - self._since, now
        if self._target is None or elapsed <= 0:
            return  # it was not commanded yet, or no time has passed for it to move
        reach = self._speed * elapsed
        low, high = (a + min(max(self._target - a, -reach), reach) for a in self._between)
        self._between = (low, high)


class Outputs:
    """The pins of two motors and a servo, all of them low at first.

    One input of each half bridge is held low, the other gets the PWM: the motor turns one way and
    coasts between the pulses.

    Raises:
        ConfigurationError: gpiozero is missing, or can't use the pins of this machine.
    """

    def __init__(self, parameters: PropulsionParameters) -> None:
        p = parameters
        try:
            import gpiozero
            from gpiozero.pins.mock import MockFactory, MockPWMPin
        except ImportError as error:
            raise ConfigurationError(
                "the motors need gpiozero: pip install 'neuro_control[hardware]'"
            ) from error
        with ExitStack() as stack, warnings.catch_warnings():
            # gpiozero warns of each missing pin library until it finds one that is installed.
            warnings.simplefilter("ignore")
            try:
                if p.pin_factory == "mock":
                    self.factory = MockFactory(pin_class=MockPWMPin)
                    stack.callback(self.factory.close)
                else:
                    gpiozero.Device.ensure_pin_factory()
                    self.factory = gpiozero.Device.pin_factory
                for pin in (p.left_low_pin, p.right_low_pin):
                    stack.enter_context(gpiozero.DigitalOutputDevice(pin, pin_factory=self.factory))
                *self.motors, self.servo = (
                    stack.enter_context(
                        gpiozero.PWMOutputDevice(pin, frequency=hz, pin_factory=self.factory)
                    )
                    for pin, hz in (
                        (p.left_pin, p.pwm_frequency),
                        (p.right_pin, p.pwm_frequency),
                        (p.servo_pin, round(1 / _FRAME)),
                    )
                )
            except Exception as error:
                # Each library behind gpiozero has exceptions of its own.
                raise ConfigurationError(
                    f"the pins of this machine can't be used: {error}; "
                    "a dry run needs no pins: -p pin_factory:=mock"
                ) from error
            self._stack = stack.pop_all()

    def drive(self, duties: Sequence[float]) -> None:
        """Set the duty cycles of the left and the right motor."""
        for motor, value in zip(self.motors, duties, strict=True):
            motor.value = value

    def rest(self) -> None:
        """Stop both motors; a failure of one does not keep the other running."""
        with ExitStack() as stack:
            for motor in self.motors:
                stack.callback(motor.off)

    def turn(self, width: float) -> None:
        """Send the servo pulses of ``width`` (s)."""
        self.servo.value = width / _FRAME

    def close(self) -> None:
        """Stop both motors and release the pins; the bridge pulls open inputs low."""
        self._stack.callback(self.rest)  # the callback added last runs first
        self._stack.close()
