# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The simulated blimp as a body: it takes thrust commands and measures a distance."""

from __future__ import annotations

import math

import mujoco
import numpy as np

from neuro_control.blimp.control.types import ACTUATORS, CONTROL_PERIOD, ThrustCommand
from neuro_control.simulation.active_effects import ActiveEffects
from neuro_control.simulation.world import World


class Body:
    """A blimp that takes thrust commands and has the readings of its lidar.

    Args:
        world: World of the blimp, from ``world.world``.

    Attributes:
        effects: What acts on the present episode; an effect can be added and removed.
    """

    effects: ActiveEffects

    def __init__(self, world: World) -> None:
        self.world = world
        self.model = world.model
        self.data = mujoco.MjData(world.model)
        self._substeps = world.substeps(CONTROL_PERIOD)
        self._left, self._right, self._servo = (
            int(world.model.actuator(name).id) for name in ACTUATORS
        )
        self._lidar = int(world.model.sensor("lidar").adr[0])
        self._height = int(world.model.joint("z").qposadr[0])
        self._climb = int(world.model.joint("z").dofadr[0])
        self._command = np.zeros(world.model.nu)

    def reset(self, rng: np.random.Generator) -> None:
        """Start a flight."""
        self.effects = self.world.reset(self.data, rng)
        self._start = self.altitude

    def step(self, command: ThrustCommand) -> None:
        """Simulate one control period under ``command``."""
        # One by one: three numbers are too few for an array's machinery to pay.
        self._command[self._left] = command.left
        self._command[self._right] = command.right
        self._command[self._servo] = command.angle
        self.world.step(self.data, self.effects, self._command, self._substeps)

    def hold(self) -> None:
        """Put the blimp back to where its flight started, at rest: somebody holds it."""
        self.data.qpos[self._height] = self._start
        self.data.qvel[self._climb] = 0.0
        mujoco.mj_forward(self.model, self.data)
        self.effects.observe(self.data)

    @property
    def distance(self) -> float:
        """Reading of the lidar, m; NaN where it is lost, infinite out of its range."""
        return float(self.data.sensordata[self._lidar])

    @property
    def altitude(self) -> float:
        """True altitude of the lidar above the floor, m."""
        return float(self.data.qpos[self._height])

    @property
    def thrust(self) -> float:
        """Thrust of both propellers together, N; below 0 downwards."""
        forces = self.data.actuator_force
        force = float(forces[self._left] + forces[self._right])
        return force * math.cos(self.data.ctrl[self._servo])
