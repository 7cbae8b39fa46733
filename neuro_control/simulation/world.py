# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A MuJoCo model, how an episode of it starts, and how it advances.

Environments (``env.py``) and the simulation node stand on this module alone, which is what
makes a run through ROS the same run as one without, to the bit.
"""

from __future__ import annotations

import copy
import dataclasses
import importlib
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control import resources
from neuro_control.errors import ConfigurationError
from neuro_control.simulation.active_effects import (
    ActiveEffects,
    Electronics,
    change_model,
    restore_model,
)
from neuro_control.simulation.effects import (
    CommandDelay,
    CommandLoss,
    Description,
    Effect,
    ModelEffect,
    parse,
)
from neuro_control.simulation.registry import is_registered, registered_models
from neuro_control.simulation.targets import BASE_SITE, check

__all__ = ["BASE_SITE", "Electronics", "Robot", "World", "advance", "load"]

_NO_SENSORS = int(mujoco.mjtDisableBit.mjDSBL_SENSOR)

Initialise = Callable[[mujoco.MjModel, mujoco.MjData, np.random.Generator], None]


def keep_initial_state(
    model: mujoco.MjModel,
    data: mujoco.MjData,
    rng: np.random.Generator,  # noqa: ARG001  # as Initialise has it
) -> None:
    """Start from the model's first keyframe, or its reference pose where it has none."""
    if model.nkey:
        mujoco.mj_resetDataKeyframe(model, data, 0)


MakeElectronics = Callable[[mujoco.MjModel, np.random.Generator], Electronics]


def ideal_electronics(
    model: mujoco.MjModel,  # noqa: ARG001  # as MakeElectronics has it
    rng: np.random.Generator,  # noqa: ARG001
) -> Electronics:
    """Motors that follow their commands and sensors that measure the truth."""
    return Electronics()


@dataclass(frozen=True)
class Robot:
    """A robot of a world.

    Attributes:
        prefix: What goes before its names in the model and before its topics, such as ``go2/``;
            empty where it is alone.
        period: Time between two of its observations, s.
    """

    prefix: str
    period: float


@dataclass(frozen=True)
class World:
    """A compiled model and what an episode of it needs.

    Attributes:
        model: The compiled model.
        control_period: Time between two commands, s; a multiple of the physics time step.
        initialise: Sets the start of an episode on data fresh from ``mj_resetData``, drawing
            from the generator it is given.
        electronics: Makes what the robot's own motors and sensors add to an episode, given the
            same generator.
        effects: What acts on top of it; ``with_effects`` sets them.
        original: The model before effects changed it, where any do.
        describe: Makes the description that the model was compiled of, for whoever puts several
            robots into one world; None where there is none.
        robots: Its robots, where there are several.
    """

    model: mujoco.MjModel
    control_period: float
    initialise: Initialise = keep_initial_state
    electronics: MakeElectronics = ideal_electronics
    effects: tuple[Effect, ...] = ()
    original: mujoco.MjModel | None = None
    describe: Callable[[], mujoco.MjSpec] | None = None
    robots: tuple[Robot, ...] = ()

    def __post_init__(self) -> None:
        # Raises where the period is no multiple of the time step.
        self.substeps(self.control_period)

    def substeps(self, period: float) -> int:
        """Physics steps in ``period`` seconds.

        Raises:
            ConfigurationError: ``period`` is no positive multiple of the time step, or the model's
                time step is not above 0.
        """
        timestep = float(self.model.opt.timestep)
        if not (0.0 < timestep < math.inf and math.isfinite(period)):
            raise ConfigurationError(
                f"a model's time step is a finite number above 0, s, not {timestep:g}"
            )
        count = round(period / timestep)
        if count < 1 or abs(count * timestep - period) > 1e-9:
            raise ConfigurationError(
                f"a period of {period:g} s is no multiple of the model's time step, {timestep:g} s"
            )
        return count

    def with_effects(self, effects: Description) -> World:
        """This world with effects on top of those that it has.

        Args:
            effects: As ``effects.parse`` takes them. Effects on the model act on a copy of it.

        Raises:
            ConfigurationError: The description is wrong, or the model lacks what an effect needs.
        """
        added = parse(effects)
        for effect in added:
            check(self.model, effect)
            if self.robots and isinstance(effect, CommandDelay | CommandLoss):
                raise ConfigurationError(
                    f"{effect.kind} acts on one robot's commands: it is for a robot that is alone"
                )
        if not added:
            return self
        world = dataclasses.replace(self, effects=(*self.effects, *added))
        if self.original is None and any(isinstance(each, ModelEffect) for each in added):
            changed = copy.copy(self.model)
            world = dataclasses.replace(world, model=changed, original=self.model)
        if world.original is not None:
            restore_model(world.model, world.original)
            change_model(world.model, world.effects)
        return world

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> ActiveEffects:
        """Put ``data`` at the start of an episode, every derived quantity up to date.

        Returns:
            What acts on the episode; it has made the first observation.
        """
        mujoco.mj_resetData(self.model, data)
        if self.original is not None:
            restore_model(self.model, self.original)
        self.initialise(self.model, data, rng)
        electronics = self.electronics(self.model, rng)
        if self.original is not None:
            change_model(self.model, self.effects)
        active = ActiveEffects(self.model, electronics, self.effects, rng)
        mujoco.mj_forward(self.model, data)
        active.observe(data)
        return active

    def advance(self, data: mujoco.MjData, active: ActiveEffects, substeps: int) -> None:
        """Take ``substeps`` physics steps under what acts on the episode."""
        active.disturb(data)
        advance(self.model, data, substeps)
        active.restore(data)

    def step(
        self,
        data: mujoco.MjData,
        active: ActiveEffects,
        command: NDArray[np.float64],
        substeps: int,
    ) -> None:
        """One control step: a command (nu,), ``substeps`` physics steps, an observation."""
        if active.idle:  # the same without the looking for effects: three hundredths of a step
            active.electronics.drive(data, command)
            advance(self.model, data, substeps)
            active.electronics.observe(data)
            return
        active.drive(data, command)
        self.advance(data, active, substeps)
        active.observe(data)


def advance(model: mujoco.MjModel, data: mujoco.MjData, substeps: int) -> None:
    """Take ``substeps`` physics steps and leave the sensors at the state they lead to.

    ``mj_step`` leaves sensors and positions in space one physics step behind the state. Starting
    in the middle of a step and ending there costs nothing and keeps them level.
    """
    if substeps > 2:
        _step_without_sensors(model, data, substeps - 2)
    else:
        mujoco.mj_step2(model, data)
    if substeps > 1:
        mujoco.mj_step(model, data)
    mujoco.mj_step1(model, data)


def _step_without_sensors(model: mujoco.MjModel, data: mujoco.MjData, substeps: int) -> None:
    """End the present step and take more, between which nobody reads the sensors."""
    options = model.opt
    flags = options.disableflags
    options.disableflags = flags | _NO_SENSORS
    try:
        mujoco.mj_step2(model, data)
        mujoco.mj_step(model, data, substeps)
    finally:
        options.disableflags = flags


def load(name: str, arguments: Mapping[str, object] | None = None) -> World:
    """World by name.

    Args:
        name: A file of ``sim/``, a path to an MJCF file, or ``package.module:function`` for a
            registered function that returns a World (``registry``).
        arguments: Keyword arguments of that function.

    Raises:
        ConfigurationError: There is no such file, or none that compiles; the function is not
            registered; or the arguments do not fit.
    """
    arguments = dict(arguments or {})
    if ":" in name:
        return _build(name, arguments)
    if arguments:
        raise ConfigurationError(
            f"the model file '{name}' takes no arguments, got {', '.join(arguments)}"
        )
    path = resources.find_file("sim", name)
    try:
        model = mujoco.MjModel.from_xml_path(str(path))
    except (ValueError, mujoco.FatalError) as error:
        raise ConfigurationError(f"{path} does not compile: {error}") from error
    describe = partial(mujoco.MjSpec.from_file, str(path))
    return World(model, control_period=model.opt.timestep, describe=describe)


def _build(name: str, arguments: Mapping[str, object]) -> World:
    if not is_registered(name):
        raise ConfigurationError(
            f"no model '{name}' is registered: give a file of sim/ or one of "
            f"{', '.join(registered_models())}; another package registers its own by the entry "
            "point neuro_control.models"
        )
    module, _, function = name.partition(":")
    try:
        build = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"the model '{name}' is registered, but can't be imported: {error}"
        ) from error
    try:
        inspect.signature(build).bind(**arguments)
    except TypeError as error:
        raise ConfigurationError(f"model '{name}': {error}") from error
    try:
        world = build(**arguments)
    except ConfigurationError:
        raise
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"model '{name}' can't be built of {arguments}: {error}"
        ) from error
    if not isinstance(world, World):
        raise ConfigurationError(f"model '{name}' gave a {type(world).__name__}, not a World")
    return world
