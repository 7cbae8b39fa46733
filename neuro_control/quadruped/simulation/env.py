"""Quadruped as a Gymnasium environment: walk as commanded, by the torques of twelve joints."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import gymnasium
import mujoco
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import Command, gait
from neuro_control.quadruped.control.gait import PERIOD, Observation
from neuro_control.quadruped.control.robots import JOINTS, LEGS, find
from neuro_control.quadruped.simulation.camera import Camera
from neuro_control.quadruped.simulation.model import check, model
from neuro_control.simulation.world import Episode, World, advance

Array = NDArray[np.float64]

STARTS = ("standing", "lying", "side", "back")
# Noise of the sensors, standard deviations: rad/s, rad/s for the whole episode, m/s², rad, rad/s.
_GYRO, _GYRO_OFFSET, _ACCELERATION, _ANGLE, _SPEED = 0.005, 0.005, 0.05, 0.001, 0.05
# A trunk that leans further than this has fallen, rad.
_FALLEN = math.radians(60.0)
# Angles of one leg, rad.
_STANDING, _LYING = (0.0, 0.8, -1.6), (0.0, 1.21, -2.65)
_SPREAD = 0.03
# How closely a tracked command is met earns exp(-(e / scale)²): m/s and rad/s.
_VELOCITY_SCALE, _YAW_SCALE = 0.5, 0.5


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
        start: standing, lying, side or back: how an episode begins.
        noise: Of the sensors, as a multiple of what they have.
        ground: What else ``model.model`` takes: friction, height, slope, payload, meshes, seed.

    Raises:
        ConfigurationError: A number or name is out of range.
    """
    if start not in STARTS:
        raise ConfigurationError(f"no start '{start}': there are {', '.join(STARTS)}")
    check("noise", noise, 0.0, 100.0)
    compiled = model(robot, terrain, **ground)
    return World(compiled, PERIOD, partial(place, start), partial(Sensors, noise))


def place(start: str, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
    """Put a robot at rest on the ground, each joint within 0.03 rad of what it should be."""
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


class Sensors(Episode):
    """What the sensors of one episode add to the truth."""

    def __init__(self, noise: float, model: mujoco.MjModel, rng: np.random.Generator) -> None:
        self._rng = rng
        self._rows = [model.sensor(i).name for i in range(model.nsensor)]
        self._offset = np.zeros(model.nsensordata)
        self._deviation = np.zeros(model.nsensordata)
        gyro = _where(model, "gyro")
        self._offset[gyro] = rng.normal(0.0, noise * _GYRO_OFFSET, 3)
        self._deviation[gyro] = noise * _GYRO
        self._deviation[_where(model, "accelerometer")] = noise * _ACCELERATION
        for joint in JOINTS:
            self._deviation[_where(model, f"{joint}_angle")] = noise * _ANGLE
            self._deviation[_where(model, f"{joint}_speed")] = noise * _SPEED

    def observe(self, data: mujoco.MjData) -> None:
        """Readings with their noise."""
        size = len(self._deviation)
        data.sensordata += self._offset + self._deviation * self._rng.standard_normal(size)


def _where(model: mujoco.MjModel, sensor: str) -> slice:
    start = int(model.sensor(sensor).adr[0])
    return slice(start, start + int(model.sensor(sensor).dim[0]))


class Body:
    """A quadruped that takes torques and tells what it feels; and the truth, to score by.

    Args:
        world: From ``world``.
    """

    def __init__(self, world: World) -> None:
        self.world, self.model = world, world.model
        self.data = mujoco.MjData(world.model)
        self._substeps = world.substeps(PERIOD)
        model = self.model
        self._rate = _where(model, "gyro")
        self._acceleration = _where(model, "accelerometer")
        # The model lays the sensors of a kind side by side.
        angles, speeds = _where(model, f"{JOINTS[0]}_angle"), _where(model, f"{JOINTS[0]}_speed")
        self._angles = slice(angles.start, angles.start + len(JOINTS))
        self._speeds = slice(speeds.start, speeds.start + len(JOINTS))
        forces = _where(model, f"{LEGS[0]}_force")
        self._forces = slice(forces.start, forces.start + len(LEGS))
        self._trunk = int(model.body_rootid[model.geom(LEGS[0]).bodyid[0]])
        self._ground = np.array([1, 0, 0, 0, 0, 0], dtype=np.uint8)
        self._hit = np.zeros(1, dtype=np.int32)

    def reset(self, rng: np.random.Generator) -> None:
        """Start an episode."""
        self._episode = self.world.reset(self.data, rng)

    def step(self, efforts: Array) -> None:
        """Go on for one control period under these torques, (12,), N m."""
        self._episode.drive(self.data, efforts)
        advance(self.model, self.data, self._substeps)
        self._episode.observe(self.data)

    def push(self, force: Array) -> None:
        """Push the trunk's centre of mass from now on, (3,), N."""
        self.data.xfrc_applied[self._trunk, :3] = force

    @property
    def observation(self) -> Observation:
        """What it feels."""
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
        """Of the trunk, (3, 3)."""
        rotation: Array = self.data.xmat[self._trunk].reshape(3, 3)
        return rotation

    @property
    def velocity(self) -> Array:
        """Of the trunk's origin forwards, to the left and upwards, (3,), m/s."""
        ahead = self.rotation[:2, 0] / np.linalg.norm(self.rotation[:2, 0])
        x, y, z = self.data.qvel[:3]
        return np.array([ahead[0] * x + ahead[1] * y, ahead[0] * y - ahead[1] * x, z])

    @property
    def yaw_rate(self) -> float:
        """About the vertical, rad/s."""
        return float(self.rotation[2] @ self.data.qvel[3:6])

    @property
    def height(self) -> float:
        """Of the trunk's origin above the ground beneath it, m."""
        return float(
            mujoco.mj_ray(
                self.model, self.data, self.data.qpos[:3], np.array([0.0, 0.0, -1.0]),
                self._ground, 1, -1, self._hit,
            )
        )  # fmt: skip

    @property
    def roll(self) -> float:
        """Right side down is above 0, rad."""
        return math.atan2(self.rotation[2, 1], self.rotation[2, 2])

    @property
    def fallen(self) -> bool:
        """Whether the trunk leans more than 60°."""
        return bool(self.rotation[2, 2] < math.cos(_FALLEN))

    @property
    def power(self) -> float:
        """What all joints work, gain or brake, W."""
        return float(np.abs(self.data.actuator_force * self.data.qvel[6:18]).sum())


class QuadrupedCommand(gymnasium.Env[Array, Array]):
    """Walk as commanded.

    Action: torques as a part of the largest, (12,), in [-1, 1]; joints in the order of
    ``robots.JOINTS``. Observation, (49,): gyro (3, rad/s), accelerometer (3, m/s²), joint angles
    (12, rad) and speeds (12, rad/s), forces of the feet (4, N), command (15, as ``Command``).
    Reward: 2/3 exp(-(e / 0.5 m/s)²) of the level velocity's error and 1/3 exp(-(e / 0.5 rad/s)²) of
    the yaw rate's. An episode lasts 20 s of 0.002 s a step, and ends with a fall. Unless one is
    given, the command is a trot whose velocities and frequency are drawn anew every 5 s.

    Args:
        robot: go2 or go1.
        terrain: flat, rough, slope or stairs.
        command: That holds for whole episodes.
        render_mode: None or "rgb_array".
        width: Picture width, pixels.
        height: Picture height, pixels.
        camera: "beside", for people; or "head", what the robot sees, without its own meshes.
        world: What else ``world`` takes.
    """

    metadata = {  # noqa: RUF012  # as Gymnasium declares it
        "render_modes": ["rgb_array"],
        "render_fps": round(1 / PERIOD),
    }
    steps = round(20.0 / PERIOD)
    hold = round(5.0 / PERIOD)  # steps for which a command stands

    def __init__(
        self,
        robot: str = "go2",
        terrain: str = "flat",
        command: Command | None = None,
        render_mode: str | None = None,
        width: int = 480,
        height: int = 360,
        camera: str = "beside",
        **world_arguments: Any,
    ) -> None:
        if render_mode not in (None, "rgb_array"):
            raise ConfigurationError(f"render_mode is None or 'rgb_array', not {render_mode!r}")
        if camera not in ("beside", "head"):
            raise ConfigurationError(f"camera is 'beside' or 'head', not {camera!r}")
        for_people = render_mode is not None and camera == "beside"
        self.body = Body(world(robot, terrain, **{"meshes": for_people, **world_arguments}))
        self.render_mode = render_mode
        self._view = (camera, height, width)
        self._camera: Camera | None = None
        self._torque = np.tile(find(robot).torque, 4)
        self._given = command
        self.observation_space = spaces.Box(-np.inf, np.inf, (49,), np.float64)
        self.action_space = spaces.Box(-1.0, 1.0, (12,), np.float64)
        self._step = 0
        self.command = command or Command()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Start an episode; the same seed starts the same one."""
        super().reset(seed=seed)
        self._step = 0
        self._draw()
        self.body.reset(self.np_random)
        return self._observation(), {}

    def _draw(self) -> None:
        if self._given is None:
            forward, left, yaw_rate, frequency = self.np_random.uniform(
                (-0.5, -0.3, -1.0, 2.0), (1.5, 0.3, 1.0, 4.0)
            )
            self.command = gait(
                "trot", forward=forward, left=left, yaw_rate=yaw_rate, frequency=frequency
            )

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Go on for one control period.

        Raises:
            ValueError: The action has not the shape (12,) or is not finite.
        """
        action = np.asarray(action, dtype=np.float64)
        if action.shape != (12,) or not np.isfinite(action).all():
            raise ValueError(f"expected an array of 12 finite numbers, got {action}")
        self.body.step(np.clip(action, -1.0, 1.0) * self._torque)
        self._step += 1
        velocity, command = self.body.velocity, self.command
        missed = math.hypot(velocity[0] - command.forward, velocity[1] - command.left)
        turned = self.body.yaw_rate - command.yaw_rate
        reward = math.exp(-((missed / _VELOCITY_SCALE) ** 2)) * 2 / 3
        reward += math.exp(-((turned / _YAW_SCALE) ** 2)) / 3
        if self._step % self.hold == 0:
            self._draw()
        over = self._step >= self.steps
        return self._observation(), reward, self.body.fallen, over, {}

    def _observation(self) -> Array:
        return np.concatenate([*self.body.observation, self.command.array()])

    def render(self) -> Any:
        """Picture of the present state, (height, width, 3) uint8, or None without a mode.

        Raises:
            ConfigurationError: MuJoCo can't render on this machine.
        """
        if self.render_mode is None:
            return None
        if self._camera is None:
            self._camera = Camera(self.body.model, *self._view)
        return self._camera.look(self.body.data)

    def close(self) -> None:
        """Release the camera."""
        if self._camera is not None:
            self._camera.close()
            self._camera = None
