# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Flights of the tuning in closed loop: what varies between them, and their cost."""

from __future__ import annotations

import math

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.types import CONTROL_PERIOD
from neuro_control.blimp.simulation.heave import Disturbances, plant_of
from neuro_control.blimp.simulation.world import world

Array = NDArray[np.float64]
Flights = tuple[Array, NDArray[np.void], Disturbances]

# Each flight: four altitudes of 40 s.
_HOLDS, _HOLD = 4, 400
_LOW, _HIGH = 0.4, 1.9  # m
_STEPS = (0.4, 1.5)  # m
_STEADY = 100  # ticks at the end of a hold
# What varies from flight to flight.
_SPREAD = 0.3  # of mass, thrust and drag
_HEAVIEST = 0.0045  # kg
_GUST, _GUST_TIME = 0.02, 5.0  # upward wind, standard deviation in m/s; s
_NOISE = 0.005  # of the lidar, m
_LOST = 0.2


def draw_flights(rng: np.random.Generator, count: int) -> Flights:
    """Flights of all individuals: set-points (F, T), m, plants (F,), disturbances."""
    body = world("neutral")
    body.reset(mujoco.MjData(body.model), rng)
    plants = np.repeat(plant_of(body), count)
    mass, thrust, drag = rng.uniform(1 - _SPREAD, 1 + _SPREAD, (3, count))
    for name, factor in (("mass", mass), ("drag", drag), ("damping", drag), ("thrust", thrust)):
        plants[name] *= factor
    plants["weight"] = 9.81 * rng.uniform(0.0, _HEAVIEST, count)
    altitudes = np.array([_draw_altitudes(rng) for _ in range(count)])
    shape = (count, _HOLDS * _HOLD)
    keep = math.exp(-CONTROL_PERIOD / _GUST_TIME)
    fresh = rng.normal(0.0, math.sqrt(1 - keep**2), shape)
    wind, state = np.empty(shape), rng.normal(size=count)
    for t in range(shape[1]):
        state = keep * state + fresh[:, t]
        wind[:, t] = state
    losing = _LOST * rng.integers(0, 2, (count, 1))
    disturbances = Disturbances(
        age=rng.uniform(size=shape),
        error=rng.normal(0.0, _NOISE, shape),
        lost=(rng.uniform(size=shape) < losing).astype(np.float64),
        wind=wind * _GUST * rng.uniform(0.0, 1.0, (count, 1)),
        start=altitudes[:, 0].copy(),
    )
    return np.repeat(altitudes, _HOLD, axis=1), plants, disturbances


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

    Mean over flights and their steps of twice the RMSE, three times the steady-state error, half
    the largest error at the end of a step and three quarters of the overshoot. The first altitude,
    during which the integral finds the trim, counts in the RMSE only.
    """
    error = altitudes - set_points
    rmse = np.sqrt((error**2).mean(axis=-1))
    held = error.reshape(*error.shape[:-1], _HOLDS, _HOLD)[..., 1:, :]
    change = np.diff(set_points[..., ::_HOLD], axis=-1)
    over = np.maximum((held * np.sign(change)[..., None]).max(axis=-1), 0.0)
    ends = held[..., -_STEADY:]
    steady = np.abs(ends.mean(axis=-1))
    largest = np.abs(ends).max(axis=-1)
    steps = (3 * steady + 0.5 * largest + 0.75 * over).mean(axis=-1)
    found: Array = (2 * rmse + steps).mean(axis=-1)
    return found
