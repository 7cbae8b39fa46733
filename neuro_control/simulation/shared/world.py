# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A world of several robots, made of the worlds that each of them has by itself.

The first robot brings the ground, the lights and the solver's settings; the others are put into
its world. Physics takes the shortest of the time steps and the densest of the media. A robot NAME
has ``NAME/`` before all of its names, and so before its topics.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.simulation.active_effects import Electronics
from neuro_control.simulation.shared.member import Member
from neuro_control.simulation.targets import BASE_SITE
from neuro_control.simulation.world import Robot, World, load

Array = NDArray[np.float64]

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_KEYS = {"model", "model_arguments", "at"}
_SIMPLEST = int(mujoco.mjtIntegrator.mjINT_EULER)


def world(robots: Mapping[str, Mapping[str, Any]]) -> World:
    """World of several robots, for the simulation node as well.

    Args:
        robots: By name, the first of which brings the ground: ``model`` and ``model_arguments`` as
            the simulation takes them for one robot, and ``at`` (x, y, z in m), beyond where the
            robot starts by itself.

    Raises:
        ConfigurationError: A name, key or number is wrong, or a robot's world can't be one of
            several.
    """
    if not isinstance(robots, Mapping) or not robots:
        raise ConfigurationError("robots is a mapping of names to model, model_arguments and at")
    members = [_member(name, given) for name, given in robots.items()]
    if members[0].at.any():
        raise ConfigurationError(
            f"the first robot, '{members[0].name}', brings the ground: 'at' is for the others"
        )
    model = _compile(members)
    for member in members:
        member.join(model)
    period = min(member.world.control_period for member in members)
    return World(
        model,
        period,
        _Start(members),
        lambda _model, _rng: _Electronics(model, members),
        robots=tuple(Robot(m.prefix, m.world.control_period) for m in members),
    )


def _member(name: str, given: Mapping[str, Any]) -> Member:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigurationError(f"a robot's name is one like go2 or blimp_1, not '{name}'")
    if not isinstance(given, Mapping) or "model" not in given or set(given) - _KEYS:
        raise ConfigurationError(
            f"the robot '{name}' has a model, and may have {', '.join(sorted(_KEYS - {'model'}))}"
        )
    at = np.array(given.get("at", [0.0, 0.0, 0.0]), dtype=np.float64)
    if at.shape != (3,) or not np.isfinite(at).all():
        raise ConfigurationError(f"'at' of the robot '{name}' is three finite numbers, m")
    own = load(str(given["model"]), given.get("model_arguments", {}))
    if own.describe is None:
        raise ConfigurationError(
            f"{given['model']} can't be one of several: its World has no describe"
        )
    return Member(name, own, at)


def _compile(members: Sequence[Member]) -> mujoco.MjModel:
    """All robots in one model."""
    specs = [member.world.describe() for member in members if member.world.describe is not None]
    common = mujoco.MjSpec()
    common.modelname = "_and_".join(member.name for member in members)
    _settle(common, specs)
    for number, (member, spec) in enumerate(zip(members, specs, strict=True)):
        # A free joint has its place in the world, any other in the body's parent.
        frame = common.worldbody.add_frame(pos=[0.0] * 3 if member.free else member.at.tolist())
        with warnings.catch_warnings():
            # Its own settings give way to the common ones.
            warnings.simplefilter("ignore", UserWarning)
            if number == 0:
                common.attach(spec, prefix=member.prefix, frame=frame)
            else:
                frame.attach_body(_root(member, spec), member.prefix, "")
    return common.compile()


def _settle(common: mujoco.MjSpec, specs: Sequence[mujoco.MjSpec]) -> None:
    """Take the first robot's settings over, the shortest time step, and the densest medium.

    All specifications get the same, so that none is in conflict with another.
    """
    options, first = [spec.option for spec in specs], specs[0].option
    for name in (each for each in dir(first) if not each.startswith("_")):
        setattr(common.option, name, getattr(first, name))
    common.option.timestep = min(option.timestep for option in options)
    for name in ("density", "viscosity"):
        setattr(common.option, name, max(getattr(option, name) for option in options))
    # One that treats damping implicitly also serves those who do without.
    integrators = [int(option.integrator) for option in options]
    common.option.integrator = next((i for i in integrators if i != _SIMPLEST), _SIMPLEST)
    for option in options:
        for name in ("timestep", "density", "viscosity", "integrator", "cone", "impratio"):
            setattr(option, name, getattr(common.option, name))
    _copy(common.visual.global_, specs[0].visual.global_)
    for spec in specs:
        _copy(common.visual.map, spec.visual.map if spec is specs[0] else common.visual.map)
        _copy(spec.visual.map, common.visual.map)


def _copy(target: Any, source: Any) -> None:
    """Take over all of one part of the visual settings."""
    for name in (each for each in dir(source) if not each.startswith("_")):
        setattr(target, name, getattr(source, name))


def _root(member: Member, spec: mujoco.MjSpec) -> mujoco.MjsBody:
    """The body that the robot consists of."""
    site = spec.site(BASE_SITE)
    if site is None:
        raise ConfigurationError(f"the robot '{member.name}' has no site {BASE_SITE}")
    return site.parent


class _Start:
    """Starts an episode of all robots; each draws by itself."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = members

    def __call__(
        self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator
    ) -> None:
        for member, own in zip(self._members, rng.spawn(len(self._members)), strict=True):
            member.begin(model, data, own)
        mujoco.mj_setConst(model, mujoco.MjData(model))


class _Electronics(Electronics):
    """The electronics of all robots."""

    def __init__(self, model: mujoco.MjModel, members: Sequence[Member]) -> None:
        self._model, self._members = model, members
        for member in members:
            member.equip()

    def drive(self, data: mujoco.MjData, command: Array) -> None:
        """Let the motors of those robots act that have a command; that of others is NaN."""
        for member in self._members:
            member.drive(data, command)

    def observe(self, data: mujoco.MjData) -> None:
        """Let the sensors of those robots measure that are observed now."""
        for member in self._members:
            if member.due(data.time):
                member.observe(data)
        self._model.opt.wind[:] = sum(member.wind for member in self._members)
