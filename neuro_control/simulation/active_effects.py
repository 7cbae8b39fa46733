# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Effects at work on one episode of a MuJoCo model, on top of the robot's own electronics.

Everything goes by names: sensors, bodies, motors. What an episode remembers of its effects lies in
``ActiveEffects``, which ``World.reset`` makes; effects are added and removed while it runs.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.simulation.effects import (
    SLACK,
    CommandDelay,
    CommandLoss,
    Density,
    Effect,
    Friction,
    ModelEffect,
    Payload,
    Push,
    SensorEffect,
    SoftGround,
    Wind,
)
from neuro_control.simulation.failures import Failure
from neuro_control.simulation.signals import Signal, signal
from neuro_control.simulation.targets import body_id, check, motor_parts, sensor_parts

Array = NDArray[np.float64]


class Electronics:
    """What a robot's own motors and sensors add to the physics of one episode; here nothing.

    Derived classes hold the state of motors' electronics and weather and the noise that sensors
    always have, and draw from the generator of their episode. Effects act on top of it.
    """

    def drive(self, data: mujoco.MjData, command: Array) -> None:
        """Set ``data.ctrl`` as the motors' electronics make it of a command (nu,)."""
        data.ctrl[:] = command

    def observe(self, data: mujoco.MjData) -> None:
        """Make of ``data.sensordata`` what the sensors measure; called once an observation."""


class ActiveEffects:
    """Effects at work on one episode.

    Attributes:
        unaffected: Readings of the last observation before effects on sensors changed them, to
            score by.
        idle: Whether there never were any effects, so that only the electronics count.
        electronics: The robot's own.

    Each effect has a generator of its own, seeded by the episode's without drawing from it, so
    that the robot's own noise is the same with an effect and without.

    Args:
        model: The model of the episode.
        electronics: The robot's own.
        effects: All of them; those on the model act already.
        rng: The episode's generator, after everything else that starts the episode.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        electronics: Electronics,
        effects: Sequence[Effect],
        rng: np.random.Generator,
    ) -> None:
        self._model, self.electronics, self._rng = model, electronics, rng
        self.idle = True
        self.unaffected: Array = np.zeros(model.nsensordata)
        # Failures that act, and the names of their effects.
        self._injected: dict[str, str] = {}
        self._seed: int | None = None
        self._count = 0
        self._effects: dict[str, Effect] = {}
        self._signals: dict[str, Signal] = {}
        self._motor_signals: dict[str, Signal] = {}
        self._losses: dict[str, tuple[CommandLoss, np.random.Generator]] = {}
        self._delays: dict[str, CommandDelay] = {}
        self._pushes: dict[str, tuple[Push, int]] = {}
        self._winds: dict[str, Wind] = {}
        # Commands under way, and when each is due, s.
        self._under_way: list[tuple[float, Array]] = []
        self._undisturbed: tuple[Array, Array] | None = None
        for effect in effects:
            self._start(effect)

    @property
    def effects(self) -> dict[str, Effect]:
        """All effects, by the names under which they can be removed."""
        return dict(self._effects)

    def add(self, effect: Effect) -> str:
        """Let an effect act from now on; its times are those of the episode.

        Returns:
            Its name: the one it has or its kind, followed by a number where that is taken.

        Raises:
            ConfigurationError: It needs a sensor, body or medium that the model lacks, or it acts
                on the model and can only be there from the start.
        """
        if isinstance(effect, ModelEffect):
            raise ConfigurationError(
                f"{effect.kind} changes the model: it can only be there from the start"
            )
        check(self._model, effect)
        return self._start(effect)

    def remove(self, name: str) -> None:
        """End an effect.

        Raises:
            ConfigurationError: There is none of this name, or it acts on the model.
        """
        if name not in self._effects:
            there = ", ".join(self._effects) or "none"
            raise ConfigurationError(f"no effect '{name}' acts: there are {there}")
        if isinstance(self._effects[name], ModelEffect):
            raise ConfigurationError(f"{name} changes the model: it stays for the whole episode")
        del self._effects[name]
        for each in (
            self._signals, self._motor_signals, self._losses, self._delays, self._pushes,
            self._winds,
        ):  # fmt: skip
            each.pop(name, None)

    @property
    def failures(self) -> tuple[str, ...]:
        """The failures that act, as texts."""
        return tuple(self._injected)

    def check_failures(self, failures: Sequence[Failure]) -> None:
        """Refuse failures that can't happen to this model.

        Raises:
            ConfigurationError: The model lacks a component, or it can't fail so.
        """
        for each in failures:
            check(self._model, each.effect)

    def inject(self, failures: Sequence[Failure]) -> None:
        """Let failures act from now on, and no others than these; those that stay go on.

        Raises:
            ConfigurationError: The model lacks a component, or it can't fail so; nothing changes.
        """
        self.check_failures(failures)
        wanted = {str(each): each.effect for each in failures}
        for text in [each for each in self._injected if each not in wanted]:
            self.remove(self._injected.pop(text))
        for text, effect in wanted.items():
            if text not in self._injected:
                self._injected[text] = self._start(effect)

    def _start(self, effect: Effect) -> str:
        wanted = name = effect.name or effect.kind
        number = 1
        while name in self._effects:
            number += 1
            name = f"{wanted}_{number}"
        self._effects[name] = effect
        self.idle = False
        if isinstance(effect, SensorEffect):
            find, signals = sensor_parts, self._signals
            if effect.motors:
                find, signals = motor_parts, self._motor_signals
            signals[name] = signal(effect, find(self._model, effect), self._generator())
        elif isinstance(effect, CommandLoss):
            self._losses[name] = effect, self._generator()
        elif isinstance(effect, CommandDelay):
            self._delays[name] = effect
        elif isinstance(effect, Push):
            self._pushes[name] = effect, body_id(self._model, effect)
        elif isinstance(effect, Wind):
            self._winds[name] = effect
        return name

    def _generator(self) -> np.random.Generator:
        """Generator for one more effect."""
        if self._seed is None:
            self._seed = int(copy.deepcopy(self._rng).integers(2**63))
        self._count += 1
        return np.random.default_rng([self._seed, self._count])

    # One control step: a command, physics between ``disturb`` and ``restore``, an observation.

    def drive(self, data: mujoco.MjData, command: Array) -> None:
        """Hand the motors a command (nu,), which acts once it arrives, if it does."""
        command_now = self.arriving(data.time, command)
        if command_now is not None:
            self.electronics.drive(data, command_now)

    def arriving(self, time: float, command: Array) -> Array | None:
        """The command (nu,) that takes effect when another is given at a time (s), or None."""
        if not self._losses and not self._delays and not self._under_way:
            return self._at_the_motors(time, command)
        lost = [rng.random() < loss.probability and loss.acts(time)
                for loss, rng in self._losses.values()]  # fmt: skip
        if not any(lost):
            late = sum(delay.seconds for delay in self._delays.values() if delay.acts(time))
            self._under_way.append((time + late - SLACK, np.array(command)))
        return self._due(time)

    def _due(self, time: float) -> Array | None:
        """The newest command that has arrived; none older arrives any more."""
        for index in range(len(self._under_way) - 1, -1, -1):
            if self._under_way[index][0] <= time:
                command = self._under_way[index][1]
                del self._under_way[: index + 1]
                return self._at_the_motors(time, command)
        return None

    def _at_the_motors(self, time: float, command: Array) -> Array:
        """What motors make of a command (nu,) that has arrived; a lost part of it is 0.

        Of several robots, those that have no command now go on by their last: theirs stays NaN.
        """
        if not self._motor_signals:
            return command
        without = np.isnan(command)
        command = np.array(command, dtype=np.float64)
        for each in self._motor_signals.values():
            each.act(time, command)
        np.nan_to_num(command, copy=False, nan=0.0)
        command[without] = np.nan
        return command

    def disturb(self, data: mujoco.MjData) -> None:
        """Before physics: let commands arrive that were under way, and forces and wind act."""
        if self._under_way:
            command = self._due(data.time)
            if command is not None:
                self.electronics.drive(data, command)
        if not self._pushes and not self._winds:
            return
        self._undisturbed = data.xfrc_applied.copy(), self._model.opt.wind.copy()
        data.xfrc_applied += self.wrenches(data.time)
        if self._winds:
            self._model.opt.wind[:] += self.wind(data.time)
            # The medium's forces were computed at the end of the step before, without it.
            mujoco.mj_fwdVelocity(self._model, data)

    def restore(self, data: mujoco.MjData) -> None:
        """After physics: take forces and wind away again, which others may have set as well."""
        if self._undisturbed is not None:
            data.xfrc_applied[:], self._model.opt.wind[:] = self._undisturbed
            self._undisturbed = None

    def observe(self, data: mujoco.MjData) -> None:
        """Make of ``data.sensordata`` what the sensors measure; called once an observation."""
        self.electronics.observe(data)
        self.unaffected = self.measure(data.time, data.sensordata)

    def measure(self, time: float, readings: Array) -> Array:
        """Let the effects on sensors act on readings (nsensordata,) of a time (s), in place.

        Returns:
            The readings before: a copy of them where there are any effects on sensors.
        """
        unaffected = readings.copy() if self._signals else readings
        for each in self._signals.values():
            each.act(time, readings)
        return unaffected

    def wrenches(self, time: float) -> Array:
        """Forces and torques of all pushes at a time (s), (nbody, 6)."""
        wrenches = np.zeros((self._model.nbody, 6))
        for push, body in self._pushes.values():
            if push.acts(time):
                wrenches[body, :3] += push.force * push.unit()
        return wrenches

    def wind(self, time: float) -> Array:
        """Velocity of all winds together at a time (s), (3,), m/s."""
        acting = [wind.speed * wind.unit() for wind in self._winds.values() if wind.acts(time)]
        return np.sum(acting, axis=0) if acting else np.zeros(3)


# Effects on the model.

# What they change of it.
_CHANGED = (
    "body_mass", "body_gravcomp", "geom_friction", "geom_solref", "geom_solimp", "geom_priority",
)  # fmt: skip
# In a physics step a contact with soft ground takes away no more than these parts of a foot's speed
# and depth: with much more the solver would swing.
_PART_OF_SPEED, _PART_OF_DEPTH = 0.5, 0.25


def restore_model(model: mujoco.MjModel, original: mujoco.MjModel) -> None:
    """Give a model back what effects have changed of it."""
    for name in _CHANGED:
        getattr(model, name)[:] = getattr(original, name)
    model.opt.density = original.opt.density


def _load(model: mujoco.MjModel, effect: Payload) -> None:
    body = body_id(model, effect)
    before = model.body_mass[body]
    model.body_mass[body] += effect.mass
    # Buoyancy is a multiple of the mass, and stays what it was.
    model.body_gravcomp[body] *= before / model.body_mass[body]


def _roughen(model: mujoco.MjModel, effect: Friction) -> None:
    model.geom_friction[model.geom_bodyid == 0, 0] = effect.coefficient


def _soften(model: mujoco.MjModel, effect: SoftGround) -> None:
    """Let contacts with the ground be springs and dampers.

    At rest MuJoCo's constraint force f and the depth r of a contact obey R f = d k r with
    R = (1 - d) / d A: d is the impedance, A the inverse inertia of what touches, and k = s / d² by
    the stiffness s of its "direct" form, whose numbers are given below 0
    (https://mujoco.readthedocs.io/en/stable/modeling.html#solver-parameters). Hence
    f / r = s / ((1 - d) A) whatever d is, and damping alike.
    """
    inverse, step = _foot_inverse_mass(model), float(model.opt.timestep)
    odds = min(
        _PART_OF_SPEED / (step * inverse * effect.damping),
        _PART_OF_DEPTH / (step**2 * inverse * effect.stiffness),
    )
    impedance = 1.0 / (1.0 + odds)
    scale = (1.0 - impedance) * inverse
    ground = model.geom_bodyid == 0
    model.geom_solref[ground] = -scale * effect.stiffness, -scale * effect.damping
    model.geom_solimp[ground] = impedance, impedance, 0.001, 0.5, 2.0
    # What touches the ground must not say how soft that is.
    model.geom_priority[ground] = model.geom_priority.max() + 1


def _foot_inverse_mass(model: mujoco.MjModel) -> float:
    """Mean inverse inertia of the bodies at the ends of limbs that can touch something, 1/kg."""
    ends = set(range(1, model.nbody)) - set(model.body_parentid.tolist())
    solid = set(model.geom_bodyid[model.geom_contype > 0].tolist())
    feet = sorted(ends & solid) or sorted(solid - {0})
    return float(model.body_invweight0[feet, 0].mean())


def _thicken(model: mujoco.MjModel, effect: Density) -> None:
    model.opt.density *= effect.factor


_CHANGES: dict[type[Effect], Callable[[mujoco.MjModel, Any], None]] = {
    Payload: _load, Friction: _roughen, SoftGround: _soften, Density: _thicken,
}  # fmt: skip


def change_model(model: mujoco.MjModel, effects: Sequence[Effect]) -> None:
    """Let the effects on the model change it, and what MuJoCo derives from it."""
    for effect in effects:
        if isinstance(effect, ModelEffect):
            _CHANGES[type(effect)](model, effect)
    if any(isinstance(effect, Payload) for effect in effects):
        mujoco.mj_setConst(model, mujoco.MjData(model))
