# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Flights of the tuning in closed loop: what varies between them, and their cost."""

from __future__ import annotations

import math

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.types import CONTROL_PERIOD, FULL_COMMAND
from neuro_control.blimp.simulation.electronics import DRAUGHT_TIME
from neuro_control.blimp.simulation.heave import Disturbances, plant_of
from neuro_control.blimp.simulation.world import world

Array = NDArray[np.float64]
Flights = tuple[Array, NDArray[np.void], Disturbances]

# Each flight: four altitudes of 40 s.
_HOLDS, _HOLD = 4, 400
_LOW, _HIGH = 0.4, 1.9  # m
_STEPS = (0.4, 1.5)  # m
_STEADY = 100  # ticks at the end of a hold
_SETTLED = 0.1  # m from the set-point
# What varies from flight to flight: least and largest of each.
_SPREAD = (0.7, 1.3)  # of mass, thrust and drag, as a multiple
_TRIM = 8.0  # the command that holds the blimp, up or down; half of the flights have a usual one
_USUAL_TRIM = (-1.0, 5.0)
_WIND, _WIND_TIME = 0.02, 5.0  # upward wind, largest standard deviation in m/s; s
_DRAUGHT = 0.006  # force of draughts, largest standard deviation, N
_LOG_NOISE = (math.log(0.0003), math.log(0.004))  # of the lidar's noise, m
_LOST = 0.3  # part of the readings, in half of the flights
_DELAYS = (0, 3)  # control periods
_LAG = (0.05, 0.2)  # s
_OFFSET, _EXPONENT = (0.0, 0.3), (1.0, 1.5)  # of the motors' curve: from a straight one on
_REVERSAL = (0.3, 1.0)  # s
_SAG = 0.3  # largest
# An eighth of the flights starts elsewhere, where somebody holds the blimp while integrals wind up.
_HELD, _ELSEWHERE = 150, 0.8  # control periods at most; m from the set-point at most


def draw_flights(rng: np.random.Generator, count: int) -> Flights:
    """Flights of all individuals: set-points (F, T), m, plants (F,), disturbances."""
    plants = _draw_plants(rng, count)
    altitudes = np.array([_draw_altitudes(rng) for _ in range(count)])
    shape = (count, _HOLDS * _HOLD)
    held = rng.integers(0, _HELD, count) * (rng.uniform(size=count) < 0.125)
    elsewhere = rng.uniform(-_ELSEWHERE, _ELSEWHERE, count) * (held > 0)
    losing = rng.uniform(0.0, _LOST, (count, 1)) * rng.integers(0, 2, (count, 1))
    disturbances = Disturbances(
        age=rng.uniform(size=shape),
        error=rng.normal(size=shape) * np.exp(rng.uniform(*_LOG_NOISE, (count, 1))),
        lost=(rng.uniform(size=shape) < losing).astype(np.float64),
        wind=wandering(rng, shape, _WIND_TIME) * rng.uniform(0.0, _WIND, (count, 1)),
        draught=wandering(rng, shape, DRAUGHT_TIME) * rng.uniform(0.0, _DRAUGHT, (count, 1)),
        start=np.maximum(altitudes[:, 0] + elsewhere, 0.2),
        held=held,
    )
    return np.repeat(altitudes, _HOLD, axis=1), plants, disturbances


def _draw_plants(rng: np.random.Generator, count: int) -> NDArray[np.void]:
    """Heave dynamics of flights, (count,) of ``PLANT``."""
    body = world("neutral")
    body.reset(mujoco.MjData(body.model), rng)
    plants = np.repeat(plant_of(body, 0.0), count)
    mass, thrust, drag = rng.uniform(*_SPREAD, (3, count))
    for name, factor in (("mass", mass), ("drag", drag), ("damping", drag), ("thrust", thrust)):
        plants[name] *= factor
    plants["delay"] = rng.integers(_DELAYS[0], _DELAYS[1] + 1, count)
    for name, between in (
        ("lag", _LAG), ("offset", _OFFSET), ("exponent", _EXPONENT), ("reversal", _REVERSAL),
    ):  # fmt: skip
        plants[name] = rng.uniform(*between, count)
    plants["sag"] = rng.uniform(0.0, _SAG, count)
    usual = rng.integers(0, 2, count).astype(bool)
    trim = np.where(usual, rng.uniform(*_USUAL_TRIM, count), rng.uniform(-_TRIM, _TRIM, count))
    duty = (plants["offset"] + np.abs(trim) / FULL_COMMAND) / (plants["offset"] + 1.0)
    plants["weight"] = np.sign(trim) * plants["thrust"] * duty ** plants["exponent"]
    return plants


def wandering(rng: np.random.Generator, shape: tuple[int, int], time: float) -> Array:
    """Numbers (F, T) that wander with a standard deviation of 1, correlated over ``time`` s."""
    keep = math.exp(-CONTROL_PERIOD / time)
    fresh = rng.normal(0.0, math.sqrt(1 - keep**2), shape)
    found, state = np.empty(shape), rng.normal(size=shape[0])
    for t in range(shape[1]):
        state = keep * state + fresh[:, t]
        found[:, t] = state
    return found


def _draw_altitudes(rng: np.random.Generator) -> list[float]:
    """Altitudes a step of 0.4 to 1.5 m apart: large ones are where controllers differ."""
    altitudes = [float(rng.uniform(_LOW, _HIGH))]
    while len(altitudes) < _HOLDS:
        step = rng.uniform(*_STEPS) * rng.choice([-1.0, 1.0])
        if not _LOW <= altitudes[-1] + step <= _HIGH:
            step = -step
        altitudes.append(float(np.clip(altitudes[-1] + step, _LOW, _HIGH)))
    return altitudes


def flight_cost(altitudes: Array, set_points: Array) -> Array:
    """Cost of flights (..., F, T), m, to be made small, (...).

    Mean over flights and their steps of twice the RMSE, the steady-state error, the largest error
    at the end of a step, three quarters of the overshoot and a hundredth of the settling time in s.
    The first altitude, during which the integral finds the trim, counts in the RMSE only.
    """
    error = altitudes - set_points
    rmse = np.sqrt((error**2).mean(axis=-1))
    held = error.reshape(*error.shape[:-1], _HOLDS, _HOLD)[..., 1:, :]
    change = np.diff(set_points[..., ::_HOLD], axis=-1)
    over = np.maximum((held * np.sign(change)[..., None]).max(axis=-1), 0.0)
    ends = held[..., -_STEADY:]
    steady = np.abs(ends.mean(axis=-1))
    largest = np.abs(ends).max(axis=-1)
    outside = np.abs(held) > _SETTLED
    settled = _HOLD - np.argmax(outside[..., ::-1], axis=-1)
    settling = CONTROL_PERIOD * np.where(outside.any(axis=-1), settled, 0)
    steps = (steady + largest + 0.75 * over + 0.01 * settling).mean(axis=-1)
    found: Array = (2 * rmse + steps).mean(axis=-1)
    return found
