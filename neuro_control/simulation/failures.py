# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Failures of a robot's components, which are switched at run time: the words for them.

A failure is written ``COMPONENT KIND [NUMBER]``, several with commas between them::

    imu stuck, FL_calf delayed 0.05, motor:FR_thigh off

The component is a sensor by any of the names that effects have for it (``effects.SensorEffect``),
``motors`` or ``motor:NAME``. The kinds are PX4's
(https://docs.px4.io/main/en/debug/failure_injection), and each is an effect that acts from the
moment on at which it is switched on. This module knows neither MuJoCo nor ROS.
"""

from __future__ import annotations

import math
import reprlib
from dataclasses import dataclass

from neuro_control.errors import ConfigurationError
from neuro_control.simulation.effects import EFFECTS, SensorEffect

# Most failures at once, and the longest text that describes them: what a robot can have.
MOST, LONGEST = 64, 4096
_MOTOR = "motor:"


@dataclass(frozen=True)
class Kind:
    """A way in which a component fails.

    Attributes:
        effect: The effect that it is.
        number: Which of the effect's numbers it takes, "" if none.
        default: That number where none is given, in the unit of ``effect``'s number.
        what: What it does, with the number's unit.
    """

    effect: str
    number: str
    default: float
    what: str


KINDS: dict[str, Kind] = {
    "off": Kind("loss", "", 0.0, "gives no readings; a motor exerts nothing"),
    "stuck": Kind("stuck", "", 0.0, "repeats its last reading; a motor its last command"),
    "garbage": Kind("garbage", "size", 10.0, "random numbers up to NUMBER, of its unit"),
    "wrong": Kind("jump", "offset", 1.0, "is off by NUMBER, of its unit"),
    "slow": Kind("slow", "rate", 10.0, "measures or obeys anew NUMBER times a second only, Hz"),
    "delayed": Kind("delay", "seconds", 0.1, "is late by NUMBER, s"),
    "intermittent": Kind("loss", "probability", 0.5, "is off with probability NUMBER each time"),
}


@dataclass(frozen=True)
class Failure:
    """One component's failure.

    Attributes:
        component: A sensor's name, ``motors`` or ``motor:NAME``.
        kind: One of ``KINDS``.
        number: How much of it, as its kind says; the kind's default where NaN.

    Raises:
        ConfigurationError: There is no such kind, or its number is out of range.
    """

    component: str
    kind: str
    number: float = math.nan

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigurationError(
                f"no failure {reprlib.repr(self.kind)}: there are {', '.join(KINDS)}"
            )
        if math.isnan(self.number):
            object.__setattr__(self, "number", KINDS[self.kind].default)
        _ = self.effect  # raises where the number is out of its range

    def __str__(self) -> str:
        number = f" {self.number:.12g}" if KINDS[self.kind].number else ""
        return f"{self.component} {self.kind}{number}"

    @property
    def effect(self) -> SensorEffect:
        """The effect that it is, under the failure's text as its name."""
        kind = KINDS[self.kind]
        if self.component == "motors":
            target = {"motors": "all"}
        elif self.component.startswith(_MOTOR):
            target = {"motors": self.component.removeprefix(_MOTOR)}
        else:
            target = {"sensors": self.component}
        number = {kind.number: self.number} if kind.number else {}
        made = EFFECTS[kind.effect](name=str(self), **target, **number)
        assert isinstance(made, SensorEffect)
        return made


def parse(text: str) -> tuple[Failure, ...]:
    """Failures of a text, in its order, each once; none where it is empty or ``none``.

    Raises:
        ConfigurationError: It is no list of failures, or one has no such kind or number.
    """
    if len(text) > LONGEST:
        raise ConfigurationError(f"failures are at most {LONGEST} characters, not {len(text)}")
    if text.strip() in ("", "none"):
        return ()
    found = dict.fromkeys(_failure(each) for each in text.split(","))
    if len(found) > MOST:
        raise ConfigurationError(f"at most {MOST} failures act at once, not {len(found)}")
    return tuple(found)


def _failure(text: str) -> Failure:
    words = text.split()
    if not 2 <= len(words) <= 3:
        raise ConfigurationError(
            "a failure is COMPONENT KIND [NUMBER] like 'imu stuck' or 'motors slow 5', not "
            f"{reprlib.repr(text.strip())}"
        )
    component, kind, *rest = words
    if not rest:
        return Failure(component, kind)
    try:
        number = float(rest[0])
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise ConfigurationError(
            f"{component} {kind}: the last word is a number, not {reprlib.repr(rest[0])}"
        )
    if kind in KINDS and not KINDS[kind].number:
        raise ConfigurationError(f"{component} {kind}: {kind} takes no number")
    return Failure(component, kind, number)
