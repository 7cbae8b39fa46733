# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tasks of the swimmer: how their episodes start and what they reward.

The tasks are those of dm_control's swimmer (Tassa et al., arXiv 1801.00690); the reward of the swim
task is that of Bhattasali, Zador and Engel (arXiv 2201.05242): forward speed of the head.
"""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control.simulation.world import World
from neuro_control.swimmer.control.types import CONTROL_PERIOD
from neuro_control.swimmer.simulation.model import MEDIUM_DENSITY, model

Array = NDArray[np.float64]

TIME_LIMIT = 30.0  # s
STEPS = round(TIME_LIMIT / CONTROL_PERIOD)
REWARDED_SPEED = 0.1  # m/s, forward speed of the head that earns the full reward
TARGET_RADIUS = 0.1  # m, of the target in sim/swimmer.xml


def _bend(model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
    """Random heading and joint angles, uniform over their ranges."""
    for joint in range(model.njnt):
        low, high = model.jnt_range[joint]
        if model.jnt_limited[joint]:
            data.qpos[joint] = rng.uniform(low, high)
        elif model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_HINGE:
            data.qpos[joint] = rng.uniform(-np.pi, np.pi)


def _hide_target(model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
    model.geom("target").rgba[3] = 0.0
    _bend(model, data, rng)


def _place_target(model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
    """Random pose, and a target up to 2 m from the origin along each axis, one in five 0.3 m."""
    _bend(model, data, rng)
    reach = 0.3 if rng.random() < 0.2 else 2.0
    model.geom("target").pos[:2] = rng.uniform(-reach, reach, size=2)


def swim(links: int = 6, density: float = MEDIUM_DENSITY) -> World:
    """World of the swim task, for the simulation node as well."""
    return World(model(links, density), CONTROL_PERIOD, _hide_target)


def navigate(links: int = 6, density: float = MEDIUM_DENSITY) -> World:
    """World of the navigate task: the same body, a target to reach."""
    return World(model(links, density), CONTROL_PERIOD, _place_target)


def swim_reward(speed: Array) -> Array:
    """Reward of one step at forward speed ``speed`` (m/s): 0 at rest, 1 from 0.1 m/s on."""
    return np.clip(speed / REWARDED_SPEED, 0.0, 1.0)


def target_reward(to_target: Array, radius: float) -> Array:
    """Reward of a way to the target (..., 2), m: 1 within its radius r, falling beyond.

    dm_control's ``tolerance`` with a long tail: 1 / (1 + 9 (d / 5r)²) at the distance d from the
    target's surface.
    """
    beyond = np.maximum(np.linalg.norm(to_target, axis=-1) - radius, 0.0)
    reward: Array = 1.0 / (1.0 + 9.0 * (beyond / (5 * radius)) ** 2)
    return reward
