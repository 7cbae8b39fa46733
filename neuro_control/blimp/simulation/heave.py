# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Heave dynamics of the blimp, compiled: flights of a population of controllers at once.

The same equations as MuJoCo's blimp as long as it is upright, with the numbers of the same model:
mass with the air that moves along, drag, the air's layers, the lag of propellers, their steps and
dead zone, the servo's turn, and the lidar's age, noise, whole centimetres and losses. Level motion
is left out. A control step with both networks takes a microsecond, some eighty times less than
MuJoCo's, which makes evolution in closed loop a matter of minutes; ``evaluate`` judges the result
in MuJoCo.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.antisymmetric import Networks, pack, tick_both
from neuro_control.blimp.control.genome import NetworkDesign
from neuro_control.blimp.control.thrust_allocation import DEAD_ZONE
from neuro_control.blimp.control.types import CONTROL_PERIOD, DOWN, FULL_COMMAND, UP
from neuro_control.blimp.simulation.electronics import (
    DUTY_STEPS,
    LIDAR_MINIMUM,
    LIDAR_PERIOD,
    SERVO_TRAVEL,
)
from neuro_control.blimp.simulation.world import max_thrust
from neuro_control.simulation.world import World

Array = NDArray[np.float64]

_STEP = 0.01  # s
_SUBSTEPS = round(CONTROL_PERIOD / _STEP)
# How far the shaft turns in a step, rad.
_TURN = math.pi * _STEP / SERVO_TRAVEL


# Numbers of one flight's heave dynamics, by name:
PLANT = np.dtype(
    [
        ("mass", np.float64),  # the blimp's own, kg
        ("air", np.float64),  # mass of the air that moves along, kg
        ("weight", np.float64),  # force that buoyancy leaves over, N
        ("drag", np.float64),  # force at 1 m/s, which grows with the square of the speed, N
        ("damping", np.float64),  # force per speed, N s/m
        ("stiffness", np.float64),  # force per height, of the air's layers, N/m
        ("level", np.float64),  # height at which that force is none, m
        ("thrust", np.float64),  # thrust of both propellers at full command, N
        ("lag", np.float64),  # time constant of the thrust, s
    ]
)


def plant_of(world: World) -> NDArray[np.void]:
    """Heave dynamics, (1,) of ``PLANT``, of a world's model as its last episode left it."""
    model = world.model
    joint, hull = model.joint("z"), model.geom("hull").id
    dof, envelope = int(joint.dofadr[0]), model.body("envelope").id
    mass = float(model.body_mass.sum())
    borne = float(model.body_gravcomp[envelope] * model.body_mass[envelope])
    area = math.pi * model.geom_size[hull, 0] * model.geom_size[hull, 1]
    propeller = model.actuator("left_propeller").id
    plant = np.zeros(1, PLANT)
    plant["mass"] = mass
    plant["air"] = model.dof_armature[dof]
    plant["weight"] = (mass - borne) * -float(model.opt.gravity[2])
    plant["drag"] = model.opt.density * model.geom_fluid[hull, 1] * area
    plant["damping"] = model.dof_damping[dof]
    plant["stiffness"] = model.jnt_stiffness[joint.id].item()
    plant["level"] = model.qpos_spring[joint.qposadr[0]]
    plant["thrust"] = max_thrust(model) * float(model.actuator_gainprm[propeller, 0])
    plant["lag"] = model.actuator_dynprm[propeller, 0]
    return plant


class Disturbances(NamedTuple):
    """What is random about flights, each (F, T) but ``start``.

    Attributes:
        age: Age of the lidar's readings, as a part of its period.
        error: Error of its readings, m.
        lost: Whether a reading is lost, 0 or 1.
        wind: Wind upward, m/s.
        start: Altitudes of the starts, (F,), m.
    """

    age: Array
    error: Array
    lost: Array
    wind: Array
    start: Array


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _simulate(
    flight: int,
    set_points: Array,
    plants: NDArray[np.void],
    disturbances: Disturbances,
    networks: Networks,
    altitudes: Array,
) -> None:
    """Simulate one flight of one controller, whose ``networks`` have no further axes."""
    plant = plants[flight]
    mass = plant.mass + plant.air
    keep = math.exp(-_STEP / plant.lag)
    age, noise = disturbances.age[flight], disturbances.error[flight]
    lost, wind = disturbances.lost[flight], disturbances.wind[flight]
    z, v, pull, reading = disturbances.start[flight], 0.0, 0.0, disturbances.start[flight]
    shaft, lift, target, turn = UP, 1.0, UP, 0
    for t in range(len(altitudes)):
        if lost[t] == 0.0:
            distance = z - v * age[t] * LIDAR_PERIOD + noise[t]
            above = distance >= LIDAR_MINIMUM
            reading = round(distance * 100.0) / 100.0 if above else LIDAR_MINIMUM
        u = tick_both(
            set_points[flight, t] - reading,
            FULL_COMMAND,
            networks.numbers,
            networks.states,
            networks.kinds,
        )
        if abs(u) < DEAD_ZONE:
            thrust = 0.0
        else:
            thrust = round(abs(u) / FULL_COMMAND * DUTY_STEPS) / DUTY_STEPS * plant.thrust
            direction = UP if u > 0 else DOWN
            if direction != target:
                target = direction
                turn = round(SERVO_TRAVEL / CONTROL_PERIOD)
        if turn > 0:
            turn -= 1
            thrust = 0.0
        for _ in range(_SUBSTEPS):
            if shaft != target:
                shaft += min(max(target - shaft, -_TURN), _TURN)
                lift = math.cos(shaft)
            force = pull * lift - plant.weight - plant.stiffness * (z - plant.level)
            relative = v - wind[t]
            force -= plant.drag * abs(relative) * relative
            # MuJoCo's implicit step takes damping from the end of the step.
            v = (mass * v + _STEP * force) / (mass + _STEP * plant.damping)
            z += _STEP * v
            pull = thrust + (pull - thrust) * keep
            if z < 0.0:
                z, v = 0.0, max(v, 0.0)
        altitudes[t] = z


@numba.njit(cache=True, parallel=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _simulate_all(
    set_points: Array,
    plants: NDArray[np.void],
    disturbances: Disturbances,
    networks: Networks,
    altitudes: Array,
) -> None:
    controllers, flights, _ = altitudes.shape
    for job in numba.prange(controllers * flights):
        p, f = job // flights, job % flights
        one = Networks(networks.numbers[p], networks.states[p].copy(), networks.kinds)
        _simulate(f, set_points, plants, disturbances, one, altitudes[p, f])


def simulate(
    pd: tuple[NetworkDesign, Array],
    integral: tuple[NetworkDesign, Array],
    set_points: Array,
    plants: NDArray[np.void],
    disturbances: Disturbances,
) -> Array:
    """Altitudes (P, F, T), m, of P controllers on F flights of T control steps.

    Args:
        pd: Design and vectors (P, size) of the networks for proportional and derivative term.
        integral: Those for the integral term.
        set_points: Reference altitudes, (F, T), m.
        plants: Heave dynamics of each flight, (F,) of ``PLANT``.
        disturbances: What is random about each flight.
    """
    networks = pack(*((design.structure, vectors) for design, vectors in (pd, integral)))
    altitudes = np.empty((len(networks.numbers), *set_points.shape))
    _simulate_all(set_points, plants, disturbances, networks, altitudes)
    return altitudes
