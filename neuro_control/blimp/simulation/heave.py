# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Heave dynamics of the blimp, compiled: flights of a population of controllers at once.

The same equations as MuJoCo's blimp as long as it is upright, with the numbers of the same model:
mass with the air that moves along, drag, the air's layers, draughts, the delay of commands, the lag
of propellers, their steps, curve and dead zone, the time that a turn of the servo takes, and the
lidar's age, noise, whole centimetres and losses. Level motion is left out. A control step with both
networks takes a microsecond, some eighty times less than MuJoCo's, which makes evolution in closed
loop a matter of minutes; ``evaluate`` judges the result in MuJoCo.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.antisymmetric import Networks, pack, tick_both
from neuro_control.blimp.control.genome import NetworkDesign
from neuro_control.blimp.control.pid import STATE_SIZE, pid_tick
from neuro_control.blimp.control.thrust_allocation import DEAD_ZONE
from neuro_control.blimp.control.types import CONTROL_PERIOD, DOWN, FULL_COMMAND, UP
from neuro_control.blimp.simulation.electronics import (
    DUTY_OFFSET,
    DUTY_STEPS,
    LIDAR_MINIMUM,
    LIDAR_PERIOD,
    REVERSAL,
    THRUST_EXPONENT,
)
from neuro_control.blimp.simulation.world import max_thrust
from neuro_control.simulation.world import World

Array = NDArray[np.float64]

_STEP = 0.01  # s
_SUBSTEPS = round(CONTROL_PERIOD / _STEP)
# How far the shaft turns in a step, rad, at the servo's own speed.
_TURN = math.pi * _STEP / 0.3


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
        ("delay", np.int64),  # control periods from a reading to the motors' answer
        ("offset", np.float64),  # part of the duty cycle that a command of 0 already has
        ("exponent", np.float64),  # power of the duty cycle with which thrust grows
        ("reversal", np.float64),  # time without thrust when the shaft turns, s
        ("sag", np.float64),  # part of the thrust that is lost after ten minutes at full power
    ]
)


def plant_of(world: World, delay: float, sag: float = 0.0) -> NDArray[np.void]:
    """Heave dynamics, (1,) of ``PLANT``, of a world's model as its last episode left it.

    Args:
        world: The world.
        delay: ``FlightConditions.delay``, s, which the model doesn't hold.
        sag: ``FlightConditions.sag``.
    """
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
    plant["delay"] = round(delay / CONTROL_PERIOD)
    plant["offset"], plant["exponent"] = DUTY_OFFSET, THRUST_EXPONENT
    plant["reversal"], plant["sag"] = REVERSAL, sag
    return plant


class Disturbances(NamedTuple):
    """What is random about flights, each (F, T) but ``start``.

    Attributes:
        age: Age of the lidar's readings, as a part of its period.
        error: Error of its readings, m.
        lost: Whether a reading is lost, 0 or 1.
        wind: Wind upward, m/s.
        draught: Force of draughts upward, N.
        start: Altitudes of the starts, (F,), m.
        held: Control periods for which somebody holds the blimp there, (F,).
    """

    age: Array
    error: Array
    lost: Array
    wind: Array
    draught: Array
    start: Array
    held: NDArray[np.int64]


class Controllers(NamedTuple):
    """A population of control laws, all PIDs or all networks; the others' arrays are empty rows.

    Attributes:
        pids: ``PIDSettings.numbers`` of each, (P, 6).
        networks: Networks of each, at rest.
        spiking: Whether they are networks.
    """

    pids: Array
    networks: Networks
    spiking: bool


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _pull_of(command: float, plant: Any) -> float:
    """Thrust of a command, N, whose sign is the direction's; none within the dead zone."""
    size = abs(command)
    if size < DEAD_ZONE:
        return 0.0
    duty = round(size / FULL_COMMAND * DUTY_STEPS) / DUTY_STEPS
    part = ((plant.offset + duty) / (plant.offset + 1.0)) ** plant.exponent
    return float(part * plant.thrust)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _simulate(
    flight: int,
    set_points: Array,
    plants: NDArray[np.void],
    disturbances: Disturbances,
    pid: Array,
    networks: Networks,
    spiking: bool,
    altitudes: Array,
    commands: Array,
) -> None:
    """Simulate one flight of one controller, whose arrays have no further axes."""
    plant = plants[flight]
    mass = plant.mass + plant.air
    keep = math.exp(-_STEP / plant.lag)
    age, noise = disturbances.age[flight], disturbances.error[flight]
    lost, wind = disturbances.lost[flight], disturbances.wind[flight]
    draught, memory = disturbances.draught[flight], np.zeros(STATE_SIZE)
    z, v, pull, reading = disturbances.start[flight], 0.0, 0.0, disturbances.start[flight]
    shaft, lift, target, turn, used = UP, 1.0, UP, 0.0, 0.0
    for t in range(len(altitudes)):
        if lost[t] == 0.0:
            distance = z - v * age[t] * LIDAR_PERIOD + noise[t]
            above = distance >= LIDAR_MINIMUM
            reading = round(distance * 100.0) / 100.0 if above else LIDAR_MINIMUM
        error = set_points[flight, t] - reading
        if spiking:
            u = tick_both(error, FULL_COMMAND, networks.numbers, networks.states, networks.kinds)
        else:
            u = pid_tick(error, CONTROL_PERIOD, FULL_COMMAND, pid, memory)
        commands[t] = u
        # Before the first command has arrived the motors do nothing.
        arrived = commands[t - plant.delay] if t >= plant.delay else 0.0
        thrust = _pull_of(arrived, plant)
        if thrust > 0.0:
            direction = UP if arrived > 0 else DOWN
            if direction != target:
                target = direction
                turn = plant.reversal
        if turn > _STEP / 2:
            turn -= CONTROL_PERIOD
            thrust = 0.0
        if thrust > 0.0:
            duty = round(abs(arrived) / FULL_COMMAND * DUTY_STEPS) / DUTY_STEPS
            used += duty * CONTROL_PERIOD / 600.0
            thrust *= 1.0 - plant.sag * used
        for _ in range(_SUBSTEPS):
            if shaft != target:
                shaft += min(max(target - shaft, -_TURN), _TURN)
                lift = math.cos(shaft)
            force = pull * lift - plant.weight - plant.stiffness * (z - plant.level) + draught[t]
            relative = v - wind[t]
            force -= plant.drag * abs(relative) * relative
            # MuJoCo's implicit step takes damping from the end of the step.
            v = (mass * v + _STEP * force) / (mass + _STEP * plant.damping)
            z += _STEP * v
            pull = thrust + (pull - thrust) * keep
            if z < 0.0:
                z, v = 0.0, max(v, 0.0)
        if t < disturbances.held[flight]:
            z, v = disturbances.start[flight], 0.0
        altitudes[t] = z


@numba.njit(cache=True, parallel=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _simulate_all(
    set_points: Array,
    plants: NDArray[np.void],
    disturbances: Disturbances,
    pids: Array,
    networks: Networks,
    spiking: bool,
    altitudes: Array,
    commands: Array,
) -> None:
    count, flights, _ = altitudes.shape
    for job in numba.prange(count * flights):
        p, f = job // flights, job % flights
        one = Networks(networks.numbers[p], networks.states[p].copy(), networks.kinds)
        rows = altitudes[p, f], commands[p, f]
        _simulate(f, set_points, plants, disturbances, pids[p], one, spiking, *rows)


def networks_of(
    pd: tuple[NetworkDesign, Array], integral: tuple[NetworkDesign, Array]
) -> Controllers:
    """Spiking controllers of designs and vectors (P, size) of their networks, for each term."""
    networks = pack(*((design.structure, vectors) for design, vectors in (pd, integral)))
    return Controllers(np.zeros((len(networks.numbers), 6)), networks, True)


def pids_of(numbers: Array) -> Controllers:
    """PIDs of their ``PIDSettings.numbers``, (P, 6)."""
    count = len(numbers)
    none = Networks(np.zeros((count, 2, 1)), np.zeros((count, 2, 1)), np.zeros((2, 2), bool))
    return Controllers(np.ascontiguousarray(numbers, dtype=np.float64), none, False)


def simulate(
    controllers: Controllers,
    set_points: Array,
    plants: NDArray[np.void],
    disturbances: Disturbances,
) -> Array:
    """Altitudes (P, F, T), m, of P controllers on F flights of T control steps.

    Args:
        controllers: The controllers, from ``networks_of`` or ``pids_of``.
        set_points: Reference altitudes, (F, T), m.
        plants: Heave dynamics of each flight, (F,) of ``PLANT``.
        disturbances: What is random about each flight.
    """
    altitudes = np.empty((len(controllers.pids), *set_points.shape))
    commands = np.empty_like(altitudes)
    _simulate_all(set_points, plants, disturbances, *controllers, altitudes, commands)
    return altitudes
