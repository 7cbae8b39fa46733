"""A MuJoCo model, how an episode of it starts, and how it advances.

Environments (``env.py``) and the simulation node stand on this module alone, which is what
makes a run through ROS the same run as one without, to the bit.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control import resources
from neuro_control.errors import ConfigurationError

Initialise = Callable[[mujoco.MjModel, mujoco.MjData, np.random.Generator], None]

# By convention each model carries a site of this name whose axes follow REP 103
# (x forward, y left, z up); odometry is that site's.
BASE_SITE = "base_link"


def keep_initial_state(
    model: mujoco.MjModel,
    data: mujoco.MjData,
    rng: np.random.Generator,  # noqa: ARG001  # as Initialise has it
) -> None:
    """Start from the model's first keyframe, or its reference pose where it has none."""
    if model.nkey:
        mujoco.mj_resetDataKeyframe(model, data, 0)


class Episode:
    """What acts on one episode beside the physics; by itself, nothing.

    Derived classes hold the state of motors' electronics, weather and sensors' noise, and draw
    from the generator of their episode.
    """

    def drive(self, data: mujoco.MjData, command: NDArray[np.float64]) -> None:
        """Set ``data.ctrl`` as the motors' electronics make it of a command (nu,)."""
        data.ctrl[:] = command

    def observe(self, data: mujoco.MjData) -> None:
        """Make of ``data.sensordata`` what the sensors tell; called once an observation."""


Effects = Callable[[mujoco.MjModel, np.random.Generator], Episode]


def no_effects(
    model: mujoco.MjModel,  # noqa: ARG001  # as Effects has it
    rng: np.random.Generator,  # noqa: ARG001
) -> Episode:
    """Episode on which nothing acts beside the physics."""
    return Episode()


@dataclass(frozen=True)
class World:
    """A compiled model and what an episode of it needs.

    Attributes:
        model: The compiled model.
        control_period: Time between two commands, s; a multiple of the physics time step.
        initialise: Sets the start of an episode on data fresh from ``mj_resetData``, drawing
            from the generator it is given.
        effects: Makes what acts on an episode, given the same generator.
    """

    model: mujoco.MjModel
    control_period: float
    initialise: Initialise = keep_initial_state
    effects: Effects = no_effects

    def __post_init__(self) -> None:
        # Raises where the period is no multiple of the time step.
        self.substeps(self.control_period)

    def substeps(self, period: float) -> int:
        """Physics steps in ``period`` seconds.

        Raises:
            ConfigurationError: ``period`` is no positive multiple of the time step.
        """
        timestep = float(self.model.opt.timestep)
        count = round(period / timestep)
        if count < 1 or abs(count * timestep - period) > 1e-9:
            raise ConfigurationError(
                f"a period of {period:g} s is no multiple of the model's time step, {timestep:g} s"
            )
        return count

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> Episode:
        """Put ``data`` at the start of an episode, every derived quantity up to date.

        Returns:
            What acts on the episode; it has made the first observation.
        """
        mujoco.mj_resetData(self.model, data)
        self.initialise(self.model, data, rng)
        episode = self.effects(self.model, rng)
        mujoco.mj_forward(self.model, data)
        episode.observe(data)
        return episode


def advance(model: mujoco.MjModel, data: mujoco.MjData, substeps: int) -> None:
    """Take ``substeps`` physics steps and leave the sensors at the state they lead to.

    ``mj_step`` leaves sensors and positions in space one physics step behind the state. Starting
    in the middle of a step and ending there costs nothing and keeps them level.
    """
    mujoco.mj_step2(model, data)
    if substeps > 1:
        mujoco.mj_step(model, data, substeps - 1)
    mujoco.mj_step1(model, data)


def load(name: str, arguments: Mapping[str, object] | None = None) -> World:
    """World by name.

    Args:
        name: A file of ``sim/``, a path to an MJCF file, or ``package.module:function`` for a
            function that returns a World.
        arguments: Keyword arguments of that function.

    Raises:
        ConfigurationError: There is no such file or function, it does not compile, or the
            arguments do not fit.
    """
    arguments = dict(arguments or {})
    if ":" in name:
        return _build(name, arguments)
    if arguments:
        raise ConfigurationError(
            f"the model file '{name}' takes no arguments, got {', '.join(arguments)}"
        )
    path = resources.find("sim", name)
    try:
        model = mujoco.MjModel.from_xml_path(str(path))
    except ValueError as error:
        raise ConfigurationError(f"{path} does not compile: {error}") from error
    return World(model, control_period=model.opt.timestep)


def _build(name: str, arguments: Mapping[str, object]) -> World:
    module, _, function = name.partition(":")
    try:
        build = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"no model '{name}': {error}; give a file of sim/ or package.module:function"
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
