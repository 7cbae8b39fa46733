# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A quadruped's body in MuJoCo: its world, its noisy sensors, and its true state to score by."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.types import JOINTS, LEGS, PERIOD, Observation
from neuro_control.quadruped.simulation.model import check, description, model
from neuro_control.simulation.active_effects import ActiveEffects
from neuro_control.simulation.world import Electronics, World

Array = NDArray[np.float64]

STARTS = ("standing", "lying", "side", "back")
# Noise of the sensors, standard deviations: rad/s, rad/s for the whole episode, m/s², rad, rad/s.
_GYRO, _GYRO_OFFSET, _ACCELERATION, _ANGLE, _SPEED = 0.005, 0.005, 0.05, 0.001, 0.05
# A trunk that leans further than this has fallen, rad.
FALLEN = math.radians(60.0)
# Angles of one leg, rad.
_STANDING, _LYING = (0.0, 0.8, -1.6), (0.0, 1.21, -2.65)
_SPREAD = 0.03


def world(
    robot: str = "go2",
    terrain: str = "flat",
    start: str = "standing",
    noise: float = 1.0,
    **ground: Any,
) -> World:
    """World of a quadruped, for the simulation node as well.

    Args:
        robot: go2 or go1.
        terrain: flat, rough, slope or stairs.
        start: How an episode begins: standing, lying, side or back.
        noise: Noise of the sensors, as a multiple of the default.
        ground: Further arguments of ``model.model``: friction, height, slope, payload, meshes,
            seed, range_finder.

    Raises:
        ConfigurationError: A number or name is out of range.
    """
    if start not in STARTS:
        raise ConfigurationError(f"no start '{start}': there are {', '.join(STARTS)}")
    check("noise", noise, 0.0, 100.0)
    return World(
        model(robot, terrain, **ground),
        PERIOD,
        partial(place, start),
        partial(SensorNoise, noise),
        describe=partial(description, robot, terrain, **ground),
    )


def place(start: str, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
    """Put a robot at rest on the ground, each joint within 0.03 rad of its nominal angle."""
    leg = _STANDING if start == "standing" else _LYING
    # The robot's joints come first; a ball's may follow.
    low, high = model.jnt_range[1:13].T
    spread = rng.uniform(-_SPREAD, _SPREAD, len(JOINTS))
    data.qpos[7:19] = np.clip(np.tile(leg, 4) + spread, low, high)
    turn = {"side": math.pi / 2, "back": math.pi}.get(start, 0.0)
    data.qpos[3:7] = math.cos(turn / 2), math.sin(turn / 2), 0.0, 0.0
    data.qpos[2] = 1.0
    mujoco.mj_forward(model, data)
    bodies = model.body_rootid[model.geom_bodyid] == model.body("FL_foot").rootid
    reach = data.geom_xpos[bodies, 2] - model.geom_rbound[bodies]
    if start in ("standing", "lying"):
        feet = [model.geom(leg).id for leg in LEGS]
        reach = data.geom_xpos[feet, 2] - model.geom_size[feet, 0]
    data.qpos[2] = 1.0 - reach.min()


class SensorNoise(Electronics):
    """Noise and offsets that the sensors of one episode add to the true readings."""

    def __init__(self, noise: float, model: mujoco.MjModel, rng: np.random.Generator) -> None:
        self._rng = rng
        self._offset = np.zeros(model.nsensordata)
        self._deviation = np.zeros(model.nsensordata)
        gyro = sensor_slice(model, "gyro")
        self._offset[gyro] = rng.normal(0.0, noise * _GYRO_OFFSET, 3)
        self._deviation[gyro] = noise * _GYRO
        self._deviation[sensor_slice(model, "accelerometer")] = noise * _ACCELERATION
        for joint in JOINTS:
            self._deviation[sensor_slice(model, f"{joint}_angle")] = noise * _ANGLE
            self._deviation[sensor_slice(model, f"{joint}_speed")] = noise * _SPEED

    def observe(self, data: mujoco.MjData) -> None:
        """Add noise to the readings."""
        size = len(self._deviation)
        data.sensordata += self._offset + self._deviation * self._rng.standard_normal(size)


def sensor_slice(model: mujoco.MjModel, sensor: str) -> slice:
    """Where the readings of a sensor are in ``data.sensordata``."""
    start = int(model.sensor(sensor).adr[0])
    return slice(start, start + int(model.sensor(sensor).dim[0]))


class Body:
    """A quadruped that takes torques and measures; and its true state, to score by.

    Args:
        world: From ``world`` or ``course.world``.

    Attributes:
        effects: What acts on the present episode; an effect can be added and removed.
    """

    effects: ActiveEffects

    def __init__(self, world: World) -> None:
        self.world, self.model = world, world.model
        self.data = mujoco.MjData(world.model)
        self._substeps = world.substeps(PERIOD)
        model = self.model
        self._rate = sensor_slice(model, "gyro")
        self._acceleration = sensor_slice(model, "accelerometer")
        # The model lays the sensors of a kind side by side.
        angles = sensor_slice(model, f"{JOINTS[0]}_angle")
        speeds = sensor_slice(model, f"{JOINTS[0]}_speed")
        self._angles = slice(angles.start, angles.start + len(JOINTS))
        self._speeds = slice(speeds.start, speeds.start + len(JOINTS))
        forces = sensor_slice(model, f"{LEGS[0]}_force")
        self._forces = slice(forces.start, forces.start + len(LEGS))
        self._trunk = int(model.body_rootid[model.geom(LEGS[0]).bodyid[0]])
        self._ground = np.array([1, 0, 0, 0, 0, 0], dtype=np.uint8)
        self._hit = np.zeros(1, dtype=np.int32)

    @property
    def mass(self) -> float:
        """Mass of the robot and its payload, kg."""
        own = self.model.body_rootid == self._trunk
        return float(self.model.body_mass[own].sum())

    def reset(self, rng: np.random.Generator) -> None:
        """Start an episode."""
        self.effects = self.world.reset(self.data, rng)

    def step(self, efforts: Array) -> None:
        """Simulate one control period under these torques, (12,), N m."""
        self.world.step(self.data, self.effects, efforts, self._substeps)

    def push(self, force: Array) -> None:
        """Push the trunk's centre of mass from now on, (3,), N."""
        self.data.xfrc_applied[self._trunk, :3] = force

    @property
    def observation(self) -> Observation:
        """Measurements of IMU, joints and feet."""
        sensors = self.data.sensordata
        return Observation(
            sensors[self._rate].copy(),
            sensors[self._acceleration].copy(),
            sensors[self._angles].copy(),
            sensors[self._speeds].copy(),
            sensors[self._forces].copy(),
        )

    @property
    def rotation(self) -> Array:
        """Rotation of the trunk, (3, 3)."""
        rotation: Array = self.data.xmat[self._trunk].reshape(3, 3)
        return rotation

    @property
    def velocity(self) -> Array:
        """Velocity of the trunk's origin forwards, to the left and upwards, (3,), m/s."""
        ahead = self.rotation[:2, 0] / np.linalg.norm(self.rotation[:2, 0])
        x, y, z = self.data.qvel[:3]
        return np.array([ahead[0] * x + ahead[1] * y, ahead[0] * y - ahead[1] * x, z])

    @property
    def yaw_rate(self) -> float:
        """Angular velocity about the vertical, rad/s."""
        return float(self.rotation[2] @ self.data.qvel[3:6])

    @property
    def height(self) -> float:
        """Height of the trunk's origin above the ground beneath it, m."""
        return float(
            mujoco.mj_ray(
                self.model, self.data, self.data.qpos[:3], np.array([0.0, 0.0, -1.0]),
                self._ground, 1, -1, self._hit,
            )
        )  # fmt: skip

    @property
    def roll(self) -> float:
        """Roll of the trunk, rad: above 0 the right side is down."""
        return math.atan2(self.rotation[2, 1], self.rotation[2, 2])

    @property
    def fallen(self) -> bool:
        """Whether the trunk leans more than 60°."""
        return bool(self.rotation[2, 2] < math.cos(FALLEN))

    @property
    def power(self) -> float:
        """Sum of the joints' absolute mechanical power, W."""
        return float(np.abs(self.data.actuator_force * self.data.qvel[6:18]).sum())
