"""Swimmer as a Gymnasium environment: swim forwards, or swim to a target.

Body and tasks are dm_control's swimmer (Tassa et al., arXiv 1801.00690); the swim task's reward
is the one of Bhattasali, Zador and Engel (arXiv 2201.05242): forward speed of the head.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

import gymnasium
import mujoco
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from mujoco.rollout import Rollout
from numpy.typing import NDArray

from neuro_control import resources
from neuro_control.errors import ConfigurationError
from neuro_control.simulation.active_effects import ActiveEffects
from neuro_control.simulation.effects import Description, Push, Wind
from neuro_control.simulation.rendering import make_renderer
from neuro_control.simulation.world import World

Array = NDArray[np.float64]

CONTROL_PERIOD = 0.03  # s
TIME_LIMIT = 30.0  # s
STEPS = round(TIME_LIMIT / CONTROL_PERIOD)
REWARDED_SPEED = 0.1  # forward speed of the head that earns the full reward, m/s
LINK_LENGTH = 0.1  # m
NOSE = 0.01  # way from the head's front joint to the tip of the nose, m
MAX_LINKS = 100
TARGET_RADIUS = 0.1  # of the target in sim/swimmer.xml, m
MEDIUM_DENSITY = 3000.0  # of the water-like medium in sim/swimmer.xml, kg/m³


def model(links: int, density: float = MEDIUM_DENSITY) -> mujoco.MjModel:
    """Compiled swimmer of ``links`` links in a medium of ``density`` (kg/m³).

    Raises:
        ConfigurationError: ``links`` is below 3 or above 100, or ``density`` below 0.
    """
    if not isinstance(links, int) or not 3 <= links <= MAX_LINKS:
        raise ConfigurationError(f"a swimmer has 3 to {MAX_LINKS} links, not {links}")
    if not 0 <= density < np.inf:
        raise ConfigurationError(f"the medium's density is 0 or more kg/m³, not {density:g}")
    tree = ElementTree.parse(resources.find_file("sim", "swimmer.xml"))
    root = tree.getroot()
    head = _child(root, "worldbody/body[@name='link_0']")
    pattern = _child(head, "body[@name='link_1']")
    head.remove(pattern)
    pattern.remove(_child(pattern, "body"))
    motors, sensors = _child(root, "actuator"), _child(root, "sensor")
    motor, motion, encoder = motors[0], sensors[:2], sensors[-1]
    motors.clear()
    sensors.clear()
    sensors.extend(_renumbered(element, "0") for element in motion)
    parent = head
    for index in range(1, links):
        link = _renumbered(pattern, str(index))
        parent.append(link)
        parent = link
        motors.append(_renumbered(motor, str(index)))
        sensors.extend(_renumbered(element, str(index)) for element in motion)
    sensors.extend(_renumbered(encoder, str(index)) for index in range(1, links))
    _child(root, "option").set("density", str(density))
    limit = 360 / links
    _child(root, "default/default[@class='link']/joint").set("range", f"{-limit} {limit}")
    for camera in head.findall("camera"):
        scaled = (float(coordinate) * links / 6 for coordinate in camera.get("pos", "").split())
        camera.set("pos", " ".join(map(str, scaled)))
    return mujoco.MjModel.from_xml_string(ElementTree.tostring(root, encoding="unicode"))


def _child(element: ElementTree.Element, path: str) -> ElementTree.Element:
    child = element.find(path)
    if child is None:
        raise ConfigurationError(f"sim/swimmer.xml has lost its {path}")
    return child


def _renumbered(element: ElementTree.Element, index: str) -> ElementTree.Element:
    """Copy of ``element`` in which every name that ends in a number ends in ``index``."""
    element = copy.deepcopy(element)
    for part in element.iter():
        for key in ("name", "joint", "site"):
            stem, _, number = part.get(key, "").rpartition("_")
            if number.isdigit():
                part.set(key, f"{stem}_{index}")
    return element


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


def forward_speed(model: mujoco.MjModel, sensordata: Array) -> Array:
    """Forward speed of the head, m/s, from sensor readings (..., nsensordata)."""
    # The swimmer looks along the -y axis of its head.
    speed: Array = -sensordata[..., model.sensor("velocity_0").adr[0] + 1]
    return speed


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


class _Body:
    """One swimmer's physics: the model, its data, and views on what a step reads and writes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.model = world.model
        self.data = mujoco.MjData(world.model)
        self.substeps = world.substeps(world.control_period)
        self.joints = self.model.nu
        self.torque = self.model.actuator_ctrlrange[:, 1].copy()
        self.angles = self.data.sensordata[angle_slice(self.model)]
        self.sensors = self.data.sensordata
        self.velocities = velocity_addresses(self.model)
        self.head_speed = int(self.model.sensor("velocity_0").adr[0]) + 1


def angle_slice(model: mujoco.MjModel) -> slice:
    """Where the joint angles, from head to tail, lie in the sensor readings."""
    first = int(model.sensor("angle_1").adr[0])
    return slice(first, first + model.nu)


def velocity_addresses(model: mujoco.MjModel) -> NDArray[np.intp]:
    """Where vx, vy and the yaw rate of each link, head first, lie in the sensor readings."""
    addresses = []
    for link in range(model.nu + 1):
        velocity = int(model.sensor(f"velocity_{link}").adr[0])
        addresses += [velocity, velocity + 1, int(model.sensor(f"gyro_{link}").adr[0]) + 2]
    return np.array(addresses)


class Swimmer(gymnasium.Env[Array, Array]):
    """What both tasks share: body, spaces, rendering.

    Action: normalised torques of the n joints from head to tail, (n,), in [-1, 1]; 1 is
    5e-4 N·m. Anything beyond is cut off there.
    Observation: joint angles (n, rad), then for the navigate task the nose's way to the target in
    the head's frame (2, m), then each link's velocity (vx, vy in m/s, yaw rate in rad/s, in its own
    frame), head first. An episode lasts 1000 steps of 0.03 s and never ends before.

    Args:
        links: Links of the body, 3 to 100; one more than joints.
        render_mode: None or "rgb_array".
        width: Picture width, pixels.
        height: Picture height, pixels.
        camera: "above" or "side".
        effects: Noise, faults, pushes and the like, as ``effects.parse`` takes them.
    """

    metadata = {  # noqa: RUF012  # as Gymnasium declares it
        "render_modes": ["rgb_array"],
        "render_fps": round(1 / CONTROL_PERIOD),
    }
    target_size = 0  # numbers of the observation that locate a target

    def __init__(
        self,
        links: int = 6,
        render_mode: str | None = None,
        width: int = 480,
        height: int = 360,
        camera: str = "above",
        effects: Description = (),
    ) -> None:
        if render_mode not in (None, "rgb_array"):
            raise ConfigurationError(f"render_mode is None or 'rgb_array', not {render_mode!r}")
        self.body = _Body(self._world(links).with_effects(effects))
        self.render_mode = render_mode
        self._view = (height, width, camera)
        self._renderer: mujoco.Renderer | None = None
        self._observation_size = _observation_size(self.body.joints, self.target_size)
        self.observation_space = _box(-np.inf, np.inf, self._observation_size)
        self.action_space = _box(-1.0, 1.0, self.body.joints)
        self._steps = 0
        self._action_shape = (self.body.joints,)

    @staticmethod
    def _world(links: int) -> World:
        raise NotImplementedError

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Start an episode; the same seed starts the same one."""
        super().reset(seed=seed)
        self.effects = self.body.world.reset(self.body.data, self.np_random)
        self._steps = 0
        return self._observation(), {}

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Advance by one control period.

        Raises:
            ValueError: The action has not the shape (n,). Numbers that are not finite move
                nothing: MuJoCo sets all torques to zero.
        """
        if getattr(action, "shape", None) != self._action_shape:
            raise ValueError(
                f"expected an array of {self.body.joints} torques, got {np.shape(action)}"
            )
        # Everything below counts: the whole of it costs a fourteenth of the physics.
        body = self.body
        body.world.step(body.data, self.effects, action * body.torque, body.substeps)
        self._steps += 1
        return self._observation(), self._reward(), False, self._steps >= STEPS, {}

    def _observation(self) -> Array:
        body = self.body
        observation = np.empty(self._observation_size)
        observation[: body.joints] = body.angles
        observation[body.joints + self.target_size :] = body.sensors.take(body.velocities)
        return observation

    def _reward(self) -> float:
        raise NotImplementedError

    def render(self) -> Any:
        """Picture of the present state, (height, width, 3) uint8, or None without a mode.

        Raises:
            ConfigurationError: MuJoCo can't render on this machine.
        """
        if self.render_mode is None:
            return None
        height, width, camera = self._view
        if self._renderer is None:
            self._renderer = make_renderer(self.body.model, height, width)
        self._renderer.update_scene(self.body.data, camera)
        return self._renderer.render()

    def close(self) -> None:
        """Release the renderer."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None


def _observation_size(joints: int, target_size: int) -> int:
    return joints + target_size + 3 * (joints + 1)


def _box(low: float, high: float, size: int) -> Any:
    # 64 bits throughout: a run through ROS, whose messages carry 64, is then the same to the bit.
    return spaces.Box(low, high, (size,), np.float64)


class SwimmerSwim(Swimmer):
    """Swim forwards: the reward grows with the head's forward speed up to 0.1 m/s."""

    @staticmethod
    def _world(links: int) -> World:
        return swim(links)

    def _reward(self) -> float:
        # swim_reward on one number, in plain Python: NumPy's clip costs a twentieth of the physics.
        reward = -float(self.effects.unaffected[self.body.head_speed]) / REWARDED_SPEED
        return min(max(reward, 0.0), 1.0)


class SwimmerNavigate(Swimmer):
    """Swim to a target: the reward falls with the nose's distance from it (``target_reward``)."""

    target_size = 2

    @staticmethod
    def _world(links: int) -> World:
        return navigate(links)

    def to_target(self) -> Array:
        """Way from the nose to the target in the head's frame, (2,), m."""
        data = self.body.data
        way = data.geom("target").xpos - data.geom("nose").xpos
        local: Array = way @ data.body("link_0").xmat.reshape(3, 3)
        return local[:2]

    def _observation(self) -> Array:
        observation = super()._observation()
        joints = self.body.joints
        observation[joints : joints + 2] = self.to_target()
        return observation

    def _reward(self) -> float:
        return float(target_reward(self.to_target(), TARGET_RADIUS))


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
        self._observation_size = _observation_size(model.nu, 2 if self._navigates else 0)
        self.single_observation_space = _box(-np.inf, np.inf, self._observation_size)
        self.single_action_space = _box(-1.0, 1.0, model.nu)
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
        # One model for all, or one for each where the wind of each is its own. Physics without
        # sensors, which only the state that it leads to is read from.
        pushed = any(isinstance(effect, Push) for effect in self._world.effects)
        windy = any(isinstance(effect, Wind) for effect in self._world.effects)
        self._models = [copy.copy(model) for _ in range(num_envs if windy else 1)]
        for each in self._models:
            each.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_SENSOR)
        self._inputs = mujoco.mjtState.mjSTATE_CTRL
        if pushed:
            self._inputs |= mujoco.mjtState.mjSTATE_XFRC_APPLIED
        size = mujoco.mj_stateSize(model, self._inputs)
        self._controls = np.zeros((num_envs, self._substeps, size))
        self._state_rows = np.empty((num_envs, self._substeps, self._size))
        # A step's sensors are those of the state that it starts from: one more step reads the last.
        self._last_rows = np.empty((num_envs, 1, self._size))
        self._sensor_rows = np.empty((num_envs, 1, model.nsensordata))
        self._unread_rows = np.empty((num_envs, self._substeps, model.nsensordata))
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
            sensordata=self._unread_rows,
        )
        self._states[:] = self._state_rows[:, -1]
        speeds = self._state_rows[:, -2:, -model.nv :]
        self._accelerations[:] = (speeds[:, 1] - speeds[:, 0]) / model.opt.timestep
        self._rollout.rollout(
            model,
            self._datas,
            self._states,
            state=self._last_rows,
            sensordata=self._sensor_rows,
        )
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
        """How many control steps each episode has come to, (num_envs,)."""
        return self._steps.copy()

    def state(self) -> dict[str, Array]:
        """Everything that the next steps follow from, to go on from later with ``restore``.

        Raises:
            ConfigurationError: There are effects, whose memory is not part of it.
        """
        if self._world.effects:
            raise ConfigurationError("a batch of swimmers with effects can't be kept and restored")
        generators = [_words(generator) for generator in self._generators]
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
        self._generators = [_generator(words) for words in state["generators"]]

    def close_extras(self, **kwargs: Any) -> None:
        """End the threads."""
        self._rollout.close()


_WORD = 2**64


def _words(generator: np.random.Generator) -> list[int]:
    """State of a generator of NumPy's default kind, PCG64, as 64-bit words."""
    known = generator.bit_generator.state
    inner = known["state"]
    words = [word for key in ("state", "inc") for word in divmod(inner[key], _WORD)]
    return [*words, known["has_uint32"], known["uinteger"]]


def _generator(words: NDArray[Any]) -> np.random.Generator:
    """Generator whose state ``_words`` took down."""
    high, low, inc_high, inc_low, has_uint32, uinteger = (int(word) for word in words)
    generator = np.random.default_rng(0)
    generator.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": high * _WORD + low, "inc": inc_high * _WORD + inc_low},
        "has_uint32": has_uint32,
        "uinteger": uinteger,
    }
    return generator


def swimmer_swim_vector(num_envs: int = 1, **kwargs: Any) -> SwimmerVector:
    """Vector environment of the swim task."""
    return SwimmerVector(num_envs, "swim", **kwargs)


def swimmer_navigate_vector(num_envs: int = 1, **kwargs: Any) -> SwimmerVector:
    """Vector environment of the navigate task."""
    return SwimmerVector(num_envs, "navigate", **kwargs)
