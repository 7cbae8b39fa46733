# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The blimp's model, as the conditions of a flight make it.

The body is that of Burgers, Stroobants and de Croon (arXiv 2309.12937) in ``sim/blimp.xml``;
docs/results/blimp.md shows what it was calibrated against.
"""

from __future__ import annotations

import dataclasses
import math
from functools import partial

import mujoco
import numpy as np

from neuro_control import resources
from neuro_control.blimp.control.types import CONTROL_PERIOD, PROPELLERS
from neuro_control.blimp.simulation.conditions import FlightConditions, conditions
from neuro_control.blimp.simulation.electronics import FlightElectronics
from neuro_control.simulation.world import World


def world(case: str = "heavy", **changes: float) -> World:
    """World of a case, for the simulation node as well.

    Args:
        case: heavy, neutral, gust, lossy, sagging or varied.
        changes: Fields of ``FlightConditions`` that are otherwise.
    """
    given = conditions(case, **changes)
    path = resources.find_file("sim", "blimp.xml")
    model = mujoco.MjModel.from_xml_path(str(path))
    varying = _VaryingNumbers(model)
    return World(
        model,
        CONTROL_PERIOD,
        partial(_start, varying, given),
        partial(FlightElectronics, given),
        describe=partial(mujoco.MjSpec.from_file, str(path)),
    )


class _VaryingNumbers:
    """Numbers of the model that vary, as the file has them."""

    def __init__(self, model: mujoco.MjModel) -> None:
        hull = model.geom("hull").id
        self.hull = hull
        self.fluid = model.geom_fluid[hull].copy()
        self.mass = model.body_mass.copy()
        self.inertia = model.body_inertia.copy()
        self.thrust = model.actuator_gainprm.copy()
        self.damping = model.dof_damping.copy()

    def vary(self, model: mujoco.MjModel, given: FlightConditions) -> None:
        """Make the model one of the conditions given, and let the air that moves along weigh.

        MuJoCo's fluid forces take accelerations for zero; the mass that an accelerating hull
        drags along is therefore added to the joints' inertia, which is exact while it is upright.
        """
        model.body_mass[:] = self.mass * given.mass
        model.body_inertia[:] = self.inertia * given.mass
        envelope = model.body("envelope").id
        borne = model.body_mass.sum() - given.heaviness
        model.body_gravcomp[envelope] = borne / model.body_mass[envelope]
        moving = slice(6, 12)
        model.geom_fluid[self.hull] = self.fluid * given.drag
        model.geom_fluid[self.hull, moving] = self.fluid[moving]
        model.geom_fluid[self.hull, 0] = self.fluid[0]  # whether there are forces at all
        model.dof_damping[:] = self.damping * given.drag
        model.dof_armature[:6] = self.fluid[moving] * model.opt.density
        propellers = [model.actuator(name).id for name in PROPELLERS]
        model.actuator_gainprm[propellers] = self.thrust[propellers] * given.thrust
        mujoco.mj_setConst(model, mujoco.MjData(model))


def _start(
    varying: _VaryingNumbers,
    given: FlightConditions,
    model: mujoco.MjModel,
    data: mujoco.MjData,
    rng: np.random.Generator,
) -> None:
    """At rest at the altitude of the start, heading anywhere, a drawn body if there is spread."""
    drawn = given
    if given.spread:
        low, high = 1 - given.spread, 1 + given.spread
        mass, thrust, drag = rng.uniform(low, high, 3)
        drawn = dataclasses.replace(
            given,
            mass=given.mass * mass,
            thrust=given.thrust * thrust,
            drag=given.drag * drag,
        )
    varying.vary(model, drawn)
    data.qpos[model.joint("z").qposadr[0]] = given.start
    heading = rng.uniform(-math.pi, math.pi)
    data.qpos[model.joint("attitude").qposadr[0] :][:4] = [
        math.cos(heading / 2), 0.0, 0.0, math.sin(heading / 2)
    ]  # fmt: skip


def max_thrust(model: mujoco.MjModel) -> float:
    """Thrust of both propellers together at full command, N."""
    return float(sum(model.actuator(name).ctrlrange[1] for name in PROPELLERS))
