# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""One rollout: an altitude controller flies the simulated blimp along reference altitudes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.altitude import AltitudeController
from neuro_control.blimp.control.types import CONTROL_PERIOD, Observation
from neuro_control.blimp.evaluation.trajectory import Trajectory
from neuro_control.blimp.simulation.body import Body

# Altitudes one after another, each held for 70 s: up and down by 0.5, 1 and 1.5 m.
HOLD = 70.0  # s
COURSE = (0.4, 0.9, 0.4, 1.4, 0.4, 1.9, 0.4)


def rollout(
    body: Body,
    controller: AltitudeController,
    seed: int,
    course: tuple[float, ...] = COURSE,
    hold: float = HOLD,
) -> Trajectory:
    """Fly along reference altitudes, each held for a while.

    Args:
        body: The blimp.
        controller: What flies it.
        seed: Seed of the flight's start, noise, draughts and gusts.
        course: Reference altitudes, m.
        hold: Time for which each is held, s.
    """
    each = round(hold / CONTROL_PERIOD)
    return follow(body, controller, seed, np.repeat(course, each))


def follow(
    body: Body,
    controller: AltitudeController,
    seed: int,
    set_points: NDArray[np.float64],
    held: float = 0.0,
) -> Trajectory:
    """Fly along reference altitudes, one each control period.

    Args:
        body: The blimp.
        controller: What flies it.
        seed: Seed of the flight's start, noise, draughts and gusts.
        set_points: Reference altitudes, (T,), m.
        held: Time for which somebody holds the blimp at its start, s.
    """
    network = controller.network
    body.reset(np.random.default_rng(seed))
    controller.reset()
    rows, readings, spikes = [], [], []
    for tick, set_point in enumerate(set_points.tolist()):
        reading = body.distance
        body.step(controller.step(Observation(reading, set_point)))
        if tick * CONTROL_PERIOD < held:
            body.hold()
        rows.append(((tick + 1) * CONTROL_PERIOD, set_point, body.altitude, body.thrust))
        readings.append(reading)
        if network is not None:
            spikes.append(network.spikes)
    time, set_points, altitude, thrust = np.array(rows).T
    return Trajectory(
        time,
        set_points,
        altitude,
        thrust,
        np.array(spikes).reshape(len(rows), -1),
        () if network is None else tuple(network.neurons),
        0 if network is None else network.synaptic_operations,
        np.array(readings),
    )
