"""Up and down of the blimp alone, compiled: flights of a population of controllers at once.

The same equations as ``env`` as long as the blimp is upright, with the numbers of the same model:
mass with the air that moves along, drag, the air's layers, the lag of propellers, their steps and
dead zone, the servo's turn, and the lidar's age, noise, whole centimetres and losses. What is level
is left out. A control step with both networks takes a microsecond, some eighty times less than
MuJoCo's, which makes evolution in closed loop a matter of minutes; what comes of it is judged by
``evaluate``, in MuJoCo.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.antisymmetric import tick_both
from neuro_control.blimp.control.network import Design
from neuro_control.blimp.control.thrust_allocation import DEAD_ZONE, LIMIT
from neuro_control.blimp.simulation.env import (
    CONTROL_PERIOD,
    DUTY_STEPS,
    LIDAR_MINIMUM,
    LIDAR_PERIOD,
    SERVO_TRAVEL,
    max_thrust,
)
from neuro_control.simulation.world import World

Array = NDArray[np.float64]

_STEP = 0.01  # s
_SUBSTEPS = round(CONTROL_PERIOD / _STEP)
# How far the shaft turns in a step, rad.
_TURN = math.pi * _STEP / SERVO_TRAVEL


class Plant(NamedTuple):
    """What moves up and down.

    Attributes:
        mass: Its own, kg.
        air: Of the air that moves along, kg.
        weight: What buoyancy leaves over, N.
        drag: Force at 1 m/s, that grows with the square, N.
        damping: Force per speed, N s/m.
        stiffness: Force per height, of the air's layers, N/m.
        level: Height at which that force is none, m.
        thrust: Of both propellers at full command, N.
        lag: Time constant of the thrust, s.
    """

    mass: float
    air: float
    weight: float
    drag: float
    damping: float
    stiffness: float
    level: float
    thrust: float
    lag: float

    @classmethod
    def of(cls, world: World) -> Plant:
        """The numbers of a world's model as its last episode left it."""
        model = world.model
        joint, hull = model.joint("z"), model.geom("hull").id
        dof, envelope = int(joint.dofadr[0]), model.body("envelope").id
        mass = float(model.body_mass.sum())
        borne = float(model.body_gravcomp[envelope] * model.body_mass[envelope])
        area = math.pi * model.geom_size[hull, 0] * model.geom_size[hull, 1]
        propeller = model.actuator("left_propeller").id
        return cls(
            mass=mass,
            air=float(model.dof_armature[dof]),
            weight=(mass - borne) * -float(model.opt.gravity[2]),
            drag=float(model.opt.density * model.geom_fluid[hull, 1] * area),
            damping=float(model.dof_damping[dof]),
            stiffness=float(model.jnt_stiffness[joint.id]),
            level=float(model.qpos_spring[joint.qposadr[0]]),
            thrust=max_thrust(model) * float(model.actuator_gainprm[propeller, 0]),
            lag=float(model.actuator_dynprm[propeller, 0]),
        )


class Weather(NamedTuple):
    """What is random about flights, each (F, T) but ``start``.

    Attributes:
        age: Of the lidar's readings, as a part of its period.
        error: Of its readings, m.
        lost: Whether a reading is lost, 0 or 1.
        wind: Upward, m/s.
        start: Altitudes of the starts, (F,), m.
    """

    age: Array
    error: Array
    lost: Array
    wind: Array
    start: Array


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _fly(
    set_points: Array, plant: Array, age: Array, noise: Array, lost: Array, wind: Array,
    start: float, pd: Array, pd_state: Array, pd_adaptive: bool, pd_recurrent: bool,
    i: Array, i_state: Array, i_adaptive: bool, i_recurrent: bool, altitudes: Array,
) -> None:  # fmt: skip
    own, air, weight, drag, damping, stiffness, level, full, lag = plant
    mass = own + air
    keep = math.exp(-_STEP / lag)
    counts = np.zeros(4, dtype=np.int64)
    z, v, pull, reading = start, 0.0, 0.0, start
    shaft, lift, target, turn = 0.0, 1.0, 0.0, 0
    for t in range(len(set_points)):
        if lost[t] == 0.0:
            told = z - v * age[t] * LIDAR_PERIOD + noise[t]
            reading = round(told * 100.0) / 100.0 if told >= LIDAR_MINIMUM else LIDAR_MINIMUM
        error = set_points[t] - reading
        u = tick_both(
            error, LIMIT, counts, pd, pd_state, pd_adaptive, pd_recurrent,
            i, i_state, i_adaptive, i_recurrent,
        )  # fmt: skip
        if abs(u) < DEAD_ZONE:
            wanted = 0.0
        else:
            wanted = round(abs(u) / LIMIT * DUTY_STEPS) / DUTY_STEPS * full
            direction = 0.0 if u > 0 else math.pi
            if direction != target:
                target = direction
                turn = round(SERVO_TRAVEL / CONTROL_PERIOD)
        if turn > 0:
            turn -= 1
            wanted = 0.0
        for _ in range(_SUBSTEPS):
            if shaft != target:
                shaft += min(max(target - shaft, -_TURN), _TURN)
                lift = math.cos(shaft)
            force = pull * lift - weight - stiffness * (z - level)
            relative = v - wind[t]
            force -= drag * abs(relative) * relative
            # MuJoCo's implicit step takes damping from the end of the step.
            v = (mass * v + _STEP * force) / (mass + _STEP * damping)
            z += _STEP * v
            pull = wanted + (pull - wanted) * keep
            if z < 0.0:
                z, v = 0.0, max(v, 0.0)
        altitudes[t] = z


@numba.njit(cache=True, parallel=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _fly_all(
    set_points: Array, plants: Array, age: Array, noise: Array, lost: Array, wind: Array,
    start: Array, pd: Array, pd_states: Array, pd_adaptive: bool, pd_recurrent: bool,
    i: Array, i_states: Array, i_adaptive: bool, i_recurrent: bool, altitudes: Array,
) -> None:  # fmt: skip
    flights = len(set_points)
    for job in numba.prange(len(pd) * flights):
        p, f = job // flights, job % flights
        _fly(
            set_points[f], plants[f], age[f], noise[f], lost[f], wind[f], start[f],
            pd[p], pd_states[p, f], pd_adaptive, pd_recurrent,
            i[p], i_states[p, f], i_adaptive, i_recurrent, altitudes[p, f],
        )  # fmt: skip


def fly(
    pd: tuple[Design, Array],
    integral: tuple[Design, Array],
    set_points: Array,
    plants: Array,
    weather: Weather,
) -> Array:
    """Altitudes (P, F, T), m, of P controllers on F flights of T control steps.

    Args:
        pd: Design and vectors (P, size) of the networks for proportional and derivative term.
        integral: Those for the integral term.
        set_points: Altitudes that are wanted, (F, T), m.
        plants: ``Plant`` of each flight, (F, 9).
        weather: What is random about each flight.
    """
    (pd_design, pd_vectors), (i_design, i_vectors) = pd, integral
    shape = (len(pd_vectors), len(set_points))
    states = []
    for design, vectors in (pd, integral):
        rest = np.stack([design.structure.rest(vector) for vector in vectors])
        states.append(np.repeat(rest[:, None], shape[1], axis=1))
    altitudes = np.empty((*shape, set_points.shape[1]))
    _fly_all(
        set_points, plants, weather.age, weather.error, weather.lost, weather.wind, weather.start,
        np.ascontiguousarray(pd_vectors), states[0],
        pd_design.structure.adaptive, pd_design.structure.recurrent,
        np.ascontiguousarray(i_vectors), states[1],
        i_design.structure.adaptive, i_design.structure.recurrent, altitudes,
    )  # fmt: skip
    return altitudes
