# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Many swimmers at once as a Gymnasium vector environment, on all cores in one process."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from typing import Any

import mujoco
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from mujoco.rollout import Rollout
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.learning.random_state import generator_of, words_of
from neuro_control.simulation.active_effects import ActiveEffects
from neuro_control.simulation.effects import Description, Push, Wind
from neuro_control.swimmer.simulation.env import box, observation_size
from neuro_control.swimmer.simulation.model import (
    LINK_LENGTH,
    MEDIUM_DENSITY,
    NOSE,
    angle_slice,
    forward_speed,
    velocity_addresses,
)
from neuro_control.swimmer.simulation.tasks import (
    STEPS,
    TARGET_RADIUS,
    navigate,
    swim,
    swim_reward,
    target_reward,
)

Array = NDArray[np.float64]


class SwimmerVector(VectorEnv[Array, Array, NDArray[Any]]):
    """Many swimmers at once, their physics spread over the processor's cores.

    MuJoCo's own threads step all of them in one call, so that neither Python's lock nor copies
    between processes cost anything. An environment whose episode is over starts anew in the next
    step, as Gymnasium's ``AutoresetMode.NEXT_STEP`` has it.

    Args:
        num_envs: Number of swimmers.
        task: "swim" or "navigate".
        links: Links of each body.
        threads: Threads; as many as the process may use cores by default.
        density: Density of the medium, kg/m³.
        autoreset_mode: NEXT_STEP or SAME_STEP.
        episode_steps: Control steps of an episode.
        effects: Noise, faults, pushes and the like in every episode, as ``effects.parse`` takes
            them; each episode has generators of its own.
    """

    def __init__(
        self,
        num_envs: int,
        task: str = "swim",
        links: int = 6,
        threads: int | None = None,
        density: float = MEDIUM_DENSITY,
        autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
        episode_steps: int = STEPS,
        effects: Description = (),
    ) -> None:
        if num_envs < 1:
            raise ConfigurationError(
                f"a vector environment holds at least one swimmer, not {num_envs}"
            )
        self.num_envs = num_envs
        self._navigates = task == "navigate"
        world = (navigate if self._navigates else swim)(links, density)
        self._world = world.with_effects(effects)
        self.metadata = {"autoreset_mode": autoreset_mode}
        self._episode_steps = episode_steps
        self._same_step = autoreset_mode == AutoresetMode.SAME_STEP
        model = self._world.model
        self._joints = model.nu
        self._observation_size = observation_size(model.nu, 2 if self._navigates else 0)
        self.single_observation_space = box(-np.inf, np.inf, self._observation_size)
        self.single_action_space = box(-1.0, 1.0, model.nu)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._substeps = self._world.substeps(self._world.control_period)
        self._torque = model.actuator_ctrlrange[:, 1].copy()
        self._velocities, self._angles = velocity_addresses(model), angle_slice(model)
        self._size = mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_FULLPHYSICS)
        threads = min(threads or len(os.sched_getaffinity(0)), num_envs)
        self._datas = [mujoco.MjData(model) for _ in range(threads)]
        self._rollout = Rollout(nthread=threads)
        self._states = np.zeros((num_envs, self._size))
        # Where the constraint solver starts from: the accelerations of the last physics step.
        self._accelerations = np.zeros((num_envs, model.nv))
        self._targets = np.zeros((num_envs, 2))
        self._steps = np.zeros(num_envs, dtype=int)
        self._over = np.zeros(num_envs, dtype=bool)
        self._active: dict[int, ActiveEffects] = {}
        # One model for all, or one for each where the wind of each is its own.
        pushed = any(isinstance(effect, Push) for effect in self._world.effects)
        windy = any(isinstance(effect, Wind) for effect in self._world.effects)
        self._models = [copy.copy(model) for _ in range(num_envs)] if windy else [model]
        self._inputs = mujoco.mjtState.mjSTATE_CTRL
        if pushed:
            self._inputs |= mujoco.mjtState.mjSTATE_XFRC_APPLIED
        size = mujoco.mj_stateSize(model, self._inputs)
        # A step's sensors are those of the state that it starts from: one more step reads the last.
        self._controls = np.zeros((num_envs, self._substeps + 1, size))
        self._state_rows = np.empty((num_envs, self._substeps + 1, self._size))
        self._sensor_rows = np.empty((num_envs, self._substeps + 1, model.nsensordata))
        self._generators = [np.random.default_rng() for _ in range(num_envs)]

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Start all episodes; one seed gives environment i the seed ``seed + i``."""
        if isinstance(seed, int):
            seeds: list[int | None] = [seed + i for i in range(self.num_envs)]
        else:
            seeds = seed or [None] * self.num_envs
        observations = np.empty((self.num_envs, self._observation_size))
        for i, each in enumerate(seeds):
            if each is not None:
                self._generators[i] = np.random.default_rng(each)
            observations[i] = self._start(i)
        self._over[:] = False
        return observations, {}

    def _start(self, i: int) -> Array:
        """Start environment i; its first observation."""
        model, data = self._world.model, self._datas[0]
        self._active[i] = self._world.reset(data, self._generators[i])
        self._controls[i] = 0.0
        mujoco.mj_getState(model, data, self._states[i], mujoco.mjtState.mjSTATE_FULLPHYSICS)
        self._accelerations[i] = data.qacc_warmstart
        self._targets[i] = model.geom("target").pos[:2]
        self._steps[i] = 0
        observation: Array = self._observe(self._states[i : i + 1], data.sensordata[None], [i])[0]
        return observation

    def _observe(self, states: Array, sensors: Array, which: Any) -> Array:
        parts = [sensors[:, self._angles], sensors[:, self._velocities]]
        if self._navigates:
            parts.insert(1, self._to_target(states, which))
        return np.concatenate(parts, axis=1)

    def _to_target(self, states: Array, which: Any) -> Array:
        """Way from the nose to the target in the head's frame, (len(which), 2), m."""
        x, y, yaw = states[:, 1], states[:, 2], states[:, 3]
        # The head turns about its front end, 5 cm ahead of its centre; the nose is 1 cm further.
        across = self._targets[which, 0] - x
        along = self._targets[which, 1] - (y - LINK_LENGTH / 2)
        cos, sin = np.cos(yaw), np.sin(yaw)
        return np.stack([cos * across + sin * along, cos * along - sin * across + NOSE], axis=1)

    def step(
        self, actions: Array
    ) -> tuple[Array, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Advance every swimmer by one control period; actions (num_envs, n)."""
        if np.shape(actions) != self.action_space.shape:
            raise ValueError(
                f"expected actions of the shape {self.action_space.shape}, got {np.shape(actions)}"
            )
        model = self._world.model
        self._control(np.asarray(actions) * self._torque)
        self._rollout.rollout(
            self._models,
            self._datas,
            self._states,
            self._controls,
            control_spec=self._inputs,
            initial_warmstart=self._accelerations,
            state=self._state_rows,
            sensordata=self._sensor_rows,
        )
        self._states[:] = self._state_rows[:, -2]
        speeds = self._state_rows[:, -3:-1, -model.nv :]
        self._accelerations[:] = (speeds[:, 1] - speeds[:, 0]) / model.opt.timestep
        self._sensors = sensors = self._sensor_rows[:, -1]
        self._steps += 1
        observations = self._observe(self._states, self._measured(sensors), slice(None))
        if self._navigates:
            size = self._joints
            rewards = target_reward(observations[:, size : size + 2], TARGET_RADIUS)
        else:
            rewards = swim_reward(forward_speed(model, sensors))
        terminated = np.zeros(self.num_envs, dtype=bool)
        if self._same_step:
            truncated = self._steps >= self._episode_steps
            infos: dict[str, Any] = {}
            if truncated.any():
                infos = {"final_obs": observations.copy(), "_final_obs": truncated}
            for i in np.flatnonzero(truncated).tolist():
                observations[i] = self._start(i)
            return observations, rewards, terminated, truncated, infos
        for i in np.flatnonzero(self._over).tolist():
            observations[i] = self._start(i)
            rewards[i] = 0.0
        self._over = self._steps >= self._episode_steps
        return observations, rewards, terminated, self._over.copy(), {}

    def _control(self, commands: Array) -> None:
        """Set what goes into the physics, from commands (num_envs, n) and effects."""
        if self._world.effects:
            for i, active in self._active.items():
                time = self._states[i, 0]
                arrived = active.arriving(time, commands[i])
                commands[i] = self._controls[i, 0, : self._joints] if arrived is None else arrived
                if self._controls.shape[2] > self._joints:
                    self._controls[i, :, self._joints :] = active.wrenches(time).ravel()
                if len(self._models) > 1:
                    self._models[i].opt.wind[:] = active.wind(time)
        self._controls[:, :, : self._joints] = commands[:, None]

    def _measured(self, sensors: Array) -> Array:
        """Readings (num_envs, nsensordata) as effects on sensors leave them."""
        if not self._world.effects:
            return sensors
        measured = sensors.copy()
        for i, active in self._active.items():
            active.measure(self._states[i, 0], measured[i])
        return measured

    def forward_speed(self) -> Array:
        """Forward speed of each head after the last step, (num_envs,), m/s."""
        return forward_speed(self._world.model, self._sensors)

    @property
    def steps(self) -> NDArray[np.int64]:
        """Control steps of each episode so far, (num_envs,)."""
        return self._steps.copy()

    def state(self) -> dict[str, Array]:
        """Everything that the next steps follow from, to go on from later with ``restore``.

        Raises:
            ConfigurationError: There are effects, whose memory is not part of it.
        """
        if self._world.effects:
            raise ConfigurationError("a batch of swimmers with effects can't be kept and restored")
        generators = [words_of(generator) for generator in self._generators]
        return {
            "states": self._states.copy(),
            "accelerations": self._accelerations.copy(),
            "targets": self._targets.copy(),
            "steps": self._steps.copy(),
            "over": self._over.copy(),
            "generators": np.array(generators, dtype=np.uint64),
        }

    def restore(self, state: Mapping[str, Array]) -> None:
        """Go on from what ``state`` gave, also from another process."""
        self._states[:] = state["states"]
        self._accelerations[:] = state["accelerations"]
        self._targets[:] = state["targets"]
        self._steps[:] = state["steps"]
        self._over[:] = state["over"]
        self._generators = [generator_of(words) for words in state["generators"]]

    def close_extras(self, **kwargs: Any) -> None:
        """End the threads."""
        self._rollout.close()


def swimmer_swim_vector(num_envs: int = 1, **kwargs: Any) -> SwimmerVector:
    """Vector environment of the swim task."""
    return SwimmerVector(num_envs, "swim", **kwargs)


def swimmer_navigate_vector(num_envs: int = 1, **kwargs: Any) -> SwimmerVector:
    """Vector environment of the navigate task."""
    return SwimmerVector(num_envs, "navigate", **kwargs)
