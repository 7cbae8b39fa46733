# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Effects: what can go wrong with sensors, commands and a robot's surroundings.

An effect is a small frozen dataclass whose fields are its numbers. The same textual form describes
it everywhere (``parse``): as the simulation node's parameter ``effects``, in a Gymnasium
environment, in ``evaluate --effect`` and in an experiment::

    [{push: {begins: 3, force: 100, direction: 1.57}}, {noise: {sensors: gyro, std: 0.01}}]

``World.with_effects`` makes them act. This module knows neither MuJoCo nor ROS, so that the player
of images uses the same names and the same parser. docs/effects.md holds the table of all effects.
"""

from __future__ import annotations

import dataclasses
import math
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.yaml_text import read_yaml

Array = NDArray[np.float64]

# Times are sums of steps that binary fractions don't hold exactly, s.
SLACK = 1e-9


def _number(
    default: float | None,
    low: float,
    high: float,
    unit: str,
    what: str,
    *,
    above: bool = False,
    needed: bool = True,
) -> Any:
    """Field that holds a number from ``low`` (or above it) to ``high``.

    Without a default it must be given, unless it isn't ``needed``.
    """
    metadata = {"low": low, "high": high, "unit": unit, "what": what, "above": above}
    if default is None and needed:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def _name(default: str, what: str) -> Any:
    """Field that holds a name; the empty name is the default's place holder."""
    return dataclasses.field(default=default, metadata={"unit": "", "what": what})


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One effect.

    Attributes:
        name: By which ``ActiveEffects`` removes it; the effect's kind where none is given.

    Raises:
        ConfigurationError: A number is out of its range.
    """

    kind: ClassVar[str] = ""

    name: str = _name("", "by which it is removed again; its kind by default")

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is None and field.default is None:
                continue
            if "low" in field.metadata:
                object.__setattr__(self, field.name, _checked(self.kind, field, value))
            elif not isinstance(value, tuple) and not isinstance(value, str):
                raise ConfigurationError(
                    f"{self.kind}: {field.name} is a name, not {reprlib.repr(value)}"
                )


def _checked(kind: str, field: dataclasses.Field[Any], value: Any) -> float:
    """A number in its range, or a ConfigurationError that says the range."""
    # YAML takes 1e-3 for a text, since it has no point; a user means the number.
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    unit = f" {field.metadata['unit']}" if field.metadata["unit"] else ""
    low, high = field.metadata["low"], field.metadata["high"]
    if math.isnan(number):
        raise ConfigurationError(f"{kind}: {field.name} is a number, not {reprlib.repr(value)}")
    if not low <= number <= high or (field.metadata["above"] and number == low):
        least = f"above {low:g}" if field.metadata["above"] else f"at least {low:g}"
        most = f" and at most {high:g}" if math.isfinite(high) else ""
        raise ConfigurationError(f"{kind}: {field.name} is {least}{most}{unit}, not {number:g}")
    return number


@dataclass(frozen=True, kw_only=True)
class TimedEffect(Effect):
    """An effect that acts from a time of the episode on, for a while.

    Attributes:
        begins: Time of the episode at which it begins, s.
        lasts: For how long it acts, s.
    """

    begins: float = _number(0.0, 0.0, 1e6, "s", "time of the episode at which it begins")
    lasts: float = _number(math.inf, 0.0, math.inf, "s", "for how long it acts", above=True)

    def acts(self, time: float) -> bool:
        """Whether it acts at a time of the episode, s."""
        return self.begins - SLACK <= time < self.begins + self.lasts - SLACK


# Sensors.


@dataclass(frozen=True, kw_only=True)
class SensorEffect(TimedEffect):
    """An effect on what sensors measure, or on the commands that reach motors.

    Attributes:
        sensors: Which. A sensor's name; the name of the joint or site that it measures; the
            beginning of names (``FL_calf`` stands for the angle and the speed of that joint); a
            group (``joint_position``, ``joint_velocity``, ``gyro``, ``accelerometer``,
            ``attitude``, ``velocity``, ``range``, ``pressure``, ``foot_force``); or ``all``.
        motors: Motors instead of sensors: the name of a motor or of the joint that it drives, the
            beginning of names, or ``all``.
    """

    sensors: tuple[str, ...] = dataclasses.field(
        default=("all",), metadata={"unit": "", "what": "names or groups of sensors"}
    )
    motors: tuple[str, ...] = dataclasses.field(
        default=(), metadata={"unit": "", "what": "names of motors, instead of sensors"}
    )

    def __post_init__(self) -> None:
        for field in ("sensors", "motors"):
            object.__setattr__(self, field, self._names(field, getattr(self, field)))
        if self.motors and self.sensors != ("all",):
            raise ConfigurationError(f"{self.kind}: it acts on sensors or on motors, name one")
        super().__post_init__()

    def _names(self, field: str, given: Any) -> tuple[str, ...]:
        names = (given,) if isinstance(given, str) else given
        needed = field == "sensors"
        if (
            not isinstance(names, Sequence)
            or (needed and not names)
            or not all(isinstance(each, str) for each in names)
        ):
            raise ConfigurationError(
                f"{self.kind}: {field} is a name or a list of names, not {reprlib.repr(given)}"
            )
        return tuple(names)


@dataclass(frozen=True, kw_only=True)
class Noise(SensorEffect):
    """Adds a normally distributed number, drawn anew for each reading, and a constant one."""

    kind = "noise"
    std: float = _number(0.0, 0.0, 1e6, "of the sensor", "standard deviation")
    bias: float = _number(0.0, -1e6, 1e6, "of the sensor", "added to each reading")


@dataclass(frozen=True, kw_only=True)
class Loss(SensorEffect):
    """Loses a sensor's reading, which is then not a number (an image is not published).

    A motor whose command is lost exerts nothing.
    """

    kind = "loss"
    probability: float = _number(1.0, 0.0, 1.0, "", "with which each reading is lost")


@dataclass(frozen=True, kw_only=True)
class Delay(SensorEffect):
    """Gives the reading of some time ago under the present stamp, before it the first one."""

    kind = "delay"
    seconds: float = _number(None, 0.0, 60.0, "s", "age of the readings")


@dataclass(frozen=True, kw_only=True)
class Stuck(SensorEffect):
    """Repeats the last reading before it began (the first where it begins at once), or a value."""

    kind = "stuck"
    value: float | None = _number(
        None, -1e6, 1e6, "of the sensor", "at which it is stuck; the last reading by default",
        needed=False,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Jump(SensorEffect):
    """Adds a constant number from a time on."""

    kind = "jump"
    offset: float = _number(None, -1e6, 1e6, "of the sensor", "number added to each reading")


@dataclass(frozen=True, kw_only=True)
class Garbage(SensorEffect):
    """Puts numbers in place of the reading that have nothing to do with it, evenly distributed."""

    kind = "garbage"
    size: float = _number(10.0, 0.0, 1e6, "of the sensor", "largest number, with either sign")


@dataclass(frozen=True, kw_only=True)
class Slow(SensorEffect):
    """Measures anew only so many times a second, and repeats the reading in between."""

    kind = "slow"
    rate: float = _number(10.0, 0.0, 1e5, "Hz", "readings per second", above=True)


@dataclass(frozen=True, kw_only=True)
class Lag(SensorEffect):
    """Follows with a first-order lag: a motor's torque its command, a filtered sensor the truth."""

    kind = "lag"
    seconds: float = _number(None, 0.0, 60.0, "s", "time constant", above=True)


# Commands.


@dataclass(frozen=True, kw_only=True)
class CommandDelay(TimedEffect):
    """Lets a command act some time later; the motors start from the command of the reset, 0."""

    kind = "command_delay"
    seconds: float = _number(None, 0.0, 60.0, "s", "time from a command to its effect")


@dataclass(frozen=True, kw_only=True)
class CommandLoss(TimedEffect):
    """Loses a command: the motors keep the one before."""

    kind = "command_loss"
    probability: float = _number(1.0, 0.0, 1.0, "", "with which each command is lost")


# Forces.


@dataclass(frozen=True, kw_only=True)
class DirectedEffect(TimedEffect):
    """An effect with a direction in the world's frame.

    Attributes:
        direction: Angle from the world's x axis (straight ahead) to the left, rad.
        elevation: Angle above the horizontal plane, rad.
    """

    direction: float = _number(
        0.0, -2 * math.pi, 2 * math.pi, "rad", "from the world's x axis to the left"
    )
    elevation: float = _number(0.0, -math.pi / 2, math.pi / 2, "rad", "above the horizontal plane")

    def unit(self) -> Array:
        """Unit vector of the direction in the world's frame, (3,)."""
        level = math.cos(self.elevation)
        return np.array(
            [
                level * math.cos(self.direction),
                level * math.sin(self.direction),
                math.sin(self.elevation),
            ]
        )


@dataclass(frozen=True, kw_only=True)
class Push(DirectedEffect):
    """A force at the centre of mass of a body."""

    kind = "push"
    lasts: float = _number(0.2, 0.0, math.inf, "s", "for how long it acts", above=True)
    force: float = _number(None, 0.0, 1e5, "N", "size of the force")
    body: str = _name("", "of the model; the one that carries base_link by default")


@dataclass(frozen=True, kw_only=True)
class Wind(DirectedEffect):
    """A steady wind, or a current where the medium is water."""

    kind = "wind"
    speed: float = _number(None, 0.0, 100.0, "m/s", "speed of the air or the water")


# The model.


@dataclass(frozen=True, kw_only=True)
class ModelEffect(Effect):
    """An effect on the model, which holds for whole episodes."""


@dataclass(frozen=True, kw_only=True)
class Payload(ModelEffect):
    """A mass at the centre of mass of a body; below 0 it is taken away."""

    kind = "payload"
    mass: float = _number(None, -1e3, 1e3, "kg", "mass that is added")
    body: str = _name("", "of the model; the one that carries base_link by default")


@dataclass(frozen=True, kw_only=True)
class Friction(ModelEffect):
    """The coefficient of sliding friction of the ground and all that stands on it."""

    kind = "friction"
    coefficient: float = _number(
        None, 0.0, 10.0, "", "ratio of sliding to normal force", above=True
    )


@dataclass(frozen=True, kw_only=True)
class SoftGround(ModelEffect):
    """A ground into which feet sink as into a spring with a damper, each by itself."""

    kind = "soft_ground"
    stiffness: float = _number(
        None, 500.0, 1e6, "N/m", "force on a foot by the depth that it sinks"
    )
    damping: float = _number(
        300.0, 1.0, 1e5, "N·s/m", "force on a foot by the speed at which it sinks"
    )


@dataclass(frozen=True, kw_only=True)
class Density(ModelEffect):
    """The density of the medium, as a multiple of the model's."""

    kind = "density"
    factor: float = _number(None, 0.0, 100.0, "", "multiple of the model's density")


EFFECTS: dict[str, type[Effect]] = {
    each.kind: each
    for each in (
        Noise, Loss, Delay, Stuck, Jump, Garbage, Slow, Lag, CommandDelay, CommandLoss, Push, Wind,
        Payload, Friction, SoftGround, Density,
    )
}  # fmt: skip

Description = str | Mapping[str, Any] | Effect | Sequence[Any]


def parse(given: Description) -> tuple[Effect, ...]:
    """Effects of a description.

    Args:
        given: A YAML or JSON text; a mapping of kinds of effects to their numbers; an effect; or a
            list of mappings and effects. Nothing at all describes no effects.

    Raises:
        ConfigurationError: It is none of these, names an effect or number that there is not, or a
            number is out of its range.
    """
    content: Any = given
    if isinstance(given, str):
        content = read_yaml(given, "effects")
    if content is None:
        return ()
    if isinstance(content, Mapping | Effect):
        content = [content]
    if isinstance(content, str | bytes) or not isinstance(content, Sequence):
        raise _wrong_form(content)
    found: list[Effect] = []
    for each in content:
        if isinstance(each, Effect):
            found.append(each)
        elif isinstance(each, Mapping):
            found.extend(_effect(kind, numbers) for kind, numbers in each.items())
        else:
            raise _wrong_form(each)
    return tuple(found)


def _wrong_form(given: Any) -> ConfigurationError:
    return ConfigurationError(
        "effects is a list of mappings like [{push: {begins: 3, force: 100}}], "
        f"not {reprlib.repr(given)}"
    )


def _effect(kind: Any, numbers: Any) -> Effect:
    if not isinstance(kind, str) or kind not in EFFECTS:
        raise ConfigurationError(f"no effect {reprlib.repr(kind)}: there are {', '.join(EFFECTS)}")
    if numbers is not None and not isinstance(numbers, Mapping):
        raise ConfigurationError(
            f"{kind}: an effect's numbers are a mapping like {{begins: 3}}, "
            f"not {reprlib.repr(numbers)}"
        )
    numbers = dict(numbers or {})
    made = EFFECTS[kind]
    fields = {field.name: field for field in dataclasses.fields(made)}
    for one, several in (("sensor", "sensors"), ("motor", "motors")):  # one reads better so
        if several in fields and one in numbers and several not in numbers:
            numbers[several] = numbers.pop(one)
    for name in numbers:
        if name not in fields:
            raise ConfigurationError(
                f"{kind}: no {reprlib.repr(name)}: there are {', '.join(fields)}"
            )
    for name, field in fields.items():
        if field.default is dataclasses.MISSING and name not in numbers:
            unit = f" ({field.metadata['unit']})" if field.metadata["unit"] else ""
            raise ConfigurationError(
                f"{kind}: {name} is missing, the {field.metadata['what']}{unit}"
            )
    return made(**numbers)
