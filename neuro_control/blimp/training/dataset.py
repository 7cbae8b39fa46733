# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Data sets that the spiking networks learn from: errors of flights and a tuned PID's answers.

Errors are in m, answers in the command's unit (-10 to 10), both at 10 Hz. Each flight is drawn from
a generator of its own: flight 7 of a seed is the same however many there are.

Source: Burgers, Stroobants and de Croon (arXiv 2309.12937), section III; the plant of
González-Álvarez et al. (arXiv 2110.00646).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.pid import PID, PIDSettings
from neuro_control.blimp.control.types import CONTROL_PERIOD

Array = NDArray[np.float64]

COUNT = 100

# Errors (T,), m, of one flight; what is random about it is drawn from the generator.
ErrorLog = Callable[[np.random.Generator], Array]

_PID = PIDSettings()


class DataSet(NamedTuple):
    """Errors of flights, and the answers to them that are learned.

    Attributes:
        errors: Set-point − altitude, m, (K, T).
        targets: Answers of the PID, or of its part, (K, T).
    """

    errors: Array
    targets: Array


def _advance(matrix: Array, drive: Array) -> tuple[Array, Array]:
    """The plant ẋ = ``matrix`` x + ``drive`` u over one period of constant u: x ← A x + B u.

    By the series of the matrix exponential: a period is short beside all that a blimp does.
    """
    size = len(drive)
    whole = np.zeros((size + 1, size + 1))
    whole[:size, :size], whole[:size, size] = matrix * CONTROL_PERIOD, drive * CONTROL_PERIOD
    term = total = np.eye(size + 1)
    for order in range(1, 15):
        term = term @ whole / order
        total = total + term
    return total[:size, :size], total[:size, size]


# ẍ = u + b, and ḧ + 0.29 ḣ + 0.0164 h = 0.0444 u; the state is (position, velocity).
INTEGRATOR = _advance(np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([0.0, 1.0]))
NEUTRAL_PLANT = _advance(np.array([[0.0, 1.0], [-0.0164, -0.29]]), np.array([0.0, 0.0444]))


def measured(altitude: float, rng: np.random.Generator) -> float:
    """Reading of a TFmini-S at an altitude, m: 0.5 cm of noise, in whole centimetres."""
    return round(altitude + rng.normal(0.0, 0.005), 2)


def neutral_flight(rng: np.random.Generator) -> Array:
    """Errors (1000,) of 100 s of a neutral blimp, the plant identified on the first one.

    The tuned PD flies it by what the range finder measures, to set-points between 0.4 and 1.8 m
    that change every 20 to 35 s.
    """
    pd = PID(dataclasses.replace(_PID, integral=0.0))
    matrix, drive = NEUTRAL_PLANT
    state = np.array([rng.uniform(0.4, 1.8), 0.0])
    errors = np.empty(1000)
    change = 0
    for t in range(len(errors)):
        if t == change:
            set_point = rng.uniform(0.4, 1.8)
            change += int(rng.integers(200, 351))
        errors[t] = set_point - measured(state[0], rng)
        state = matrix @ state + drive * pd.step(errors[t])
    return errors


def pd_recordings(
    seed: int, count: int = COUNT, flight: ErrorLog = neutral_flight, derivative_time: float = 0.0
) -> DataSet:
    """Error logs of a neutral blimp, replayed through the tuned PD: P e + D ė, cut off at ±10.

    It is cut off as the PID cuts its command off: no blimp carries out, and no network of these
    bounds gives, the more than 100 that a step of the set-point would demand in its first tick.

    Args:
        seed: Seed of everything random.
        count: Number of flights K.
        flight: Where the error logs come from.
        derivative_time: Time constant of the PD's low pass, s.
    """
    errors, targets = [], []
    for index in range(count):
        log = np.asarray(flight(np.random.default_rng([seed, index])), dtype=np.float64)
        pd = PID(dataclasses.replace(_PID, integral=0.0, derivative_time=derivative_time))
        errors.append(log)
        targets.append([pd.step(error) for error in log.tolist()])
    return DataSet(np.array(errors), np.array(targets))


def integral_recordings(seed: int, count: int = COUNT) -> DataSet:
    """Flights of a heavy or light point mass by the tuned PID, and what its integral adds: I ∫e dt.

    ẍ = u + b: five set-points between 0 and 1.5 m for 50 s each, each with a load b of its own
    between -4 and 4 in the command's unit, so that the integral converges to −b: two fifths of the
    command at most, as much as a blimp is heavy. Errors are exact: noise of a centimetre makes no
    difference to an integral.

    Args:
        seed: Seed of everything random.
        count: Number of flights K.
    """
    matrix, drive = INTEGRATOR
    length, steps = 500, 5
    errors, targets = np.empty((2, count, length * steps))
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        pid = PID(_PID)
        state = np.zeros(2)
        for t in range(length * steps):
            if t % length == 0:
                set_point, load = rng.uniform(0.0, 1.5), rng.uniform(-4.0, 4.0)
            errors[index, t] = set_point - state[0]
            state = matrix @ state + drive * (pid.step(errors[index, t]) + load)
            targets[index, t] = _PID.integral * pid.integral
    return DataSet(errors, targets)


def recordings(term: str, seed: int, count: int, derivative_time: float) -> DataSet:
    """The data sets of a network for ``term``: "pd", by a PD of ``derivative_time``, or "i"."""
    if term == "pd":
        return pd_recordings(seed, count, derivative_time=derivative_time)
    return integral_recordings(seed, count)


def cost(outputs: Array, targets: Array) -> Array:
    """Cost of answers (..., T) to targets (..., T): mean absolute error + (1 − Pearson's ρ), (...).

    An answer that never changes correlates with nothing: its ρ is taken as 0.
    """
    error = np.abs(outputs - targets).mean(axis=-1)
    found: Array = error + 1.0 - correlation(outputs, targets)
    return found


def correlation(outputs: Array, targets: Array) -> Array:
    """Pearson's ρ of answers (..., T) and targets (..., T), (...), 0 where one is constant."""
    x = outputs - outputs.mean(axis=-1, keepdims=True)
    y = targets - targets.mean(axis=-1, keepdims=True)
    product = np.sqrt((x**2).sum(axis=-1) * (y**2).sum(axis=-1))
    # A mean rounds: what is left of a constant is noise of the order of 1e-16.
    constant = np.abs(x).max(axis=-1) <= 1e-12
    constant |= np.abs(y).max(axis=-1) <= 1e-12
    return np.where(constant, 0.0, (x * y).sum(axis=-1) / np.where(constant, 1.0, product))
