"""Blimp as a Gymnasium environment: hold one altitude after another.

The body is that of Burgers, Stroobants and de Croon (arXiv 2309.12937) in ``sim/blimp.xml``;
docs/results/blimp.md shows what it was calibrated against.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import gymnasium
import mujoco
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from neuro_control import resources
from neuro_control.blimp.control.thrust_allocation import LIMIT, Propulsion
from neuro_control.errors import ConfigurationError
from neuro_control.simulation.active_effects import ActiveEffects
from neuro_control.simulation.rendering import make_renderer
from neuro_control.simulation.world import Electronics, World

Array = NDArray[np.float64]

CONTROL_PERIOD = 0.1  # s
PROPELLERS = ("left_propeller", "right_propeller")
SERVO = "servo"

# Lidar: Benewake TFmini-S, read ten times a second and measuring a hundred times.
LIDAR_PERIOD = 0.01  # s
LIDAR_MINIMUM = 0.1  # m
# Motors: duty cycles between standing still and full thrust.
DUTY_STEPS = 30
SERVO_TRAVEL = 0.3  # s from up to down
# Noise of the other sensors, standard deviations.
_ACCELERATION_NOISE, _GYRO_NOISE, _PRESSURE_NOISE = 0.05, 0.005, 2.0  # m/s², rad/s, Pa
_PRESSURE = 101_325.0  # on the floor, Pa
# Gusts come and go within this time, s, and are mostly level, as in rooms.
_GUST_TIME, _GUST_RISE = 5.0, 0.1
_FASTEST_GUST = 0.5  # m/s


@dataclass(frozen=True)
class Conditions:
    """What differs from flight to flight.

    Attributes:
        heaviness: Weight that buoyancy leaves over, kg.
        mass: Of everything, as a multiple; buoyancy follows, as ballast and helium do.
        thrust: As a multiple.
        drag: As a multiple.
        gust: Standard deviation of the wind along each level axis, m/s; it never exceeds 0.5 m/s.
        lost: Part of the lidar's readings that get lost.
        noise: Standard deviation of the lidar's readings before they are rounded to 1 cm, m.
        sag: Part of the thrust that is lost after ten minutes at full power.
        spread: Mass, thrust and drag are drawn for each flight from 1 ± spread times those above,
            and the gusts from 0 to the above.
        start: Altitude of the start, m.

    Raises:
        ConfigurationError: A number is out of range.
    """

    heaviness: float = 0.0
    mass: float = 1.0
    thrust: float = 1.0
    drag: float = 1.0
    gust: float = 0.0
    lost: float = 0.0
    noise: float = 0.005
    sag: float = 0.0
    spread: float = 0.0
    start: float = 0.4

    def __post_init__(self) -> None:
        limits = {
            "heaviness": (-0.01, 0.01),
            "mass": (0.5, 2.0),
            "thrust": (0.1, 10.0),
            "drag": (0.0, 10.0),
            "gust": (0.0, 5.0),
            "lost": (0.0, 1.0),
            "noise": (0.0, 1.0),
            "sag": (0.0, 1.0),
            "spread": (0.0, 0.9),
            "start": (0.0, 10.0),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not isinstance(value, int | float) or not low <= value <= high:
                raise ConfigurationError(f"{name} lies between {low:g} and {high:g}, not {value}")


HEAVINESS = 0.003  # kg
CASES = {
    "heavy": Conditions(heaviness=HEAVINESS),
    "neutral": Conditions(),
    "gust": Conditions(heaviness=HEAVINESS, gust=0.2),
    "lossy": Conditions(heaviness=HEAVINESS, lost=0.2),
    "sagging": Conditions(heaviness=HEAVINESS, sag=0.3),
    "varied": Conditions(heaviness=HEAVINESS, gust=0.35, lost=0.2, spread=0.3),
}


def conditions(case: str = "heavy", **changes: float) -> Conditions:
    """Conditions of a case, with changes.

    Raises:
        ConfigurationError: There is no such case, or a number is out of range.
    """
    if case not in CASES:
        raise ConfigurationError(f"no case '{case}': there are {', '.join(CASES)}")
    return dataclasses.replace(CASES[case], **changes)


def world(case: str = "heavy", **changes: float) -> World:
    """World of a case, for the simulation node as well.

    Args:
        case: heavy, neutral, gust, lossy, sagging or varied.
        changes: Fields of ``Conditions`` that are otherwise.
    """
    given = conditions(case, **changes)
    path = resources.find_file("sim", "blimp.xml")
    model = mujoco.MjModel.from_xml_path(str(path))
    body = _Body(model)
    return World(
        model,
        CONTROL_PERIOD,
        partial(_start, body, given),
        partial(_Flight, given),
    )


class _Body:
    """Numbers of the model that vary, as the file has them."""

    def __init__(self, model: mujoco.MjModel) -> None:
        hull = model.geom("hull").id
        self.hull = hull
        self.fluid = model.geom_fluid[hull].copy()
        self.mass = model.body_mass.copy()
        self.inertia = model.body_inertia.copy()
        self.thrust = model.actuator_gainprm.copy()
        self.damping = model.dof_damping.copy()

    def vary(self, model: mujoco.MjModel, given: Conditions) -> None:
        """Make the model one of the conditions given, and let the air that moves along weigh.

        MuJoCo's fluid forces take accelerations for zero; the mass that an accelerating hull
        drags along is therefore added to the joints' inertia, which is exact while it is upright.
        """
        model.body_mass[:] = self.mass * given.mass
        model.body_inertia[:] = self.inertia * given.mass
        envelope = model.body("envelope").id
        borne = model.body_mass.sum() - given.heaviness
        model.body_gravcomp[envelope] = borne / model.body_mass[envelope]
        moving = slice(6, 12)
        model.geom_fluid[self.hull] = self.fluid * given.drag
        model.geom_fluid[self.hull, moving] = self.fluid[moving]
        model.geom_fluid[self.hull, 0] = self.fluid[0]  # whether there are forces at all
        model.dof_damping[:] = self.damping * given.drag
        model.dof_armature[:6] = self.fluid[moving] * model.opt.density
        propellers = [model.actuator(name).id for name in PROPELLERS]
        model.actuator_gainprm[propellers] = self.thrust[propellers] * given.thrust
        mujoco.mj_setConst(model, mujoco.MjData(model))


def _start(
    body: _Body,
    given: Conditions,
    model: mujoco.MjModel,
    data: mujoco.MjData,
    rng: np.random.Generator,
) -> None:
    """At rest at the altitude of the start, heading anywhere, a drawn body if there is spread."""
    drawn = given
    if given.spread:
        low, high = 1 - given.spread, 1 + given.spread
        mass, thrust, drag = rng.uniform(low, high, 3)
        drawn = dataclasses.replace(
            given,
            mass=given.mass * mass,
            thrust=given.thrust * thrust,
            drag=given.drag * drag,
        )
    body.vary(model, drawn)
    data.qpos[model.joint("z").qposadr[0]] = given.start
    heading = rng.uniform(-math.pi, math.pi)
    data.qpos[model.joint("attitude").qposadr[0] :][:4] = [
        math.cos(heading / 2), 0.0, 0.0, math.sin(heading / 2)
    ]  # fmt: skip


class _Flight(Electronics):
    """Motors' electronics, weather and sensors of one flight."""

    def __init__(self, given: Conditions, model: mujoco.MjModel, rng: np.random.Generator) -> None:
        self._given = given
        self._model = model
        self._rng = rng
        self._propellers = [model.actuator(name).id for name in PROPELLERS]
        self._servo = model.actuator(SERVO).id
        self._full = model.actuator_ctrlrange[self._propellers, 1].copy()
        self._lidar = int(model.sensor("lidar").adr[0])
        self._cutoff = float(model.sensor("lidar").cutoff[0])
        self._barometer = int(model.sensor("barometer").adr[0])
        self._accelerometer = _readings(model, "accelerometer")
        self._gyro = _readings(model, "gyro")
        self._height = int(model.joint("z").qposadr[0])
        self._climb = int(model.joint("z").dofadr[0])
        self._gust = given.gust * (rng.uniform() if given.spread else 1.0)
        self._angle = 0.0
        self._arrival = 0.0
        self._used = 0.0
        self._before = 0.0
        self._wind = np.zeros(3)
        if self._gust:
            self._wind = rng.normal(size=3) * self._gust
        model.opt.wind[:] = 0.0

    def drive(self, data: mujoco.MjData, command: Array) -> None:
        """Thrusts in steps, none while the shaft turns, less as the battery empties."""
        angle = float(command[self._servo])
        if angle != self._angle:
            self._arrival = data.time + SERVO_TRAVEL * abs(angle - self._angle) / math.pi
            self._angle = angle
        data.ctrl[:] = command
        duty = np.clip(command[self._propellers] / self._full, 0.0, 1.0)
        if data.time < self._arrival - 1e-9:
            duty[:] = 0.0
        duty = np.round(duty * DUTY_STEPS) / DUTY_STEPS
        self._used += float(duty.mean()) * (data.time - self._before) / 600.0
        self._before = data.time
        data.ctrl[self._propellers] = self._full * duty * (1.0 - self._given.sag * self._used)

    def observe(self, data: mujoco.MjData) -> None:
        """Readings with their noise, and the wind until the next."""
        given, rng, sensors = self._given, self._rng, data.sensordata
        # Always the same draws, whatever comes of them: cases of one seed share their noise.
        age, error, loss = rng.uniform(), rng.normal(), rng.uniform()
        distance = sensors[self._lidar] - data.qvel[self._climb] * age * LIDAR_PERIOD
        distance += given.noise * error
        if loss < given.lost:
            distance = math.nan
        elif sensors[self._lidar] >= self._cutoff:
            distance = math.inf
        elif distance < LIDAR_MINIMUM:
            distance = -math.inf
        else:
            distance = round(distance, 2)  # it tells whole centimetres
        sensors[self._lidar] = distance
        sensors[self._accelerometer] += rng.normal(0.0, _ACCELERATION_NOISE, 3)
        sensors[self._gyro] += rng.normal(0.0, _GYRO_NOISE, 3)
        weight = self._model.opt.density * -self._model.opt.gravity[2]
        pressure = _PRESSURE * math.exp(-weight * data.qpos[self._height] / _PRESSURE)
        sensors[self._barometer] = pressure + rng.normal(0.0, _PRESSURE_NOISE)
        if self._gust:
            keep = math.exp(-CONTROL_PERIOD / _GUST_TIME)
            fresh = self._gust * math.sqrt(1 - keep**2) * rng.normal(size=3)
            self._wind = keep * self._wind + fresh
            wind = self._wind * [1.0, 1.0, _GUST_RISE]
            speed = float(np.linalg.norm(wind))
            self._model.opt.wind[:] = wind * min(1.0, _FASTEST_GUST / max(speed, 1e-9))


def _readings(model: mujoco.MjModel, sensor: str) -> slice:
    start = int(model.sensor(sensor).adr[0])
    return slice(start, start + int(model.sensor(sensor).dim[0]))


def max_thrust(model: mujoco.MjModel) -> float:
    """Thrust of both propellers together at full command, N."""
    return float(sum(model.actuator(name).ctrlrange[1] for name in PROPELLERS))


class Body:
    """A blimp that takes commands in [-10, 10] and tells what its lidar reads.

    Args:
        world: From ``world``.

    Attributes:
        effects: What acts on the present episode; an effect can be added and removed.
    """

    effects: ActiveEffects

    def __init__(self, world: World) -> None:
        self.world = world
        self.model = world.model
        self.data = mujoco.MjData(world.model)
        self._substeps = world.substeps(CONTROL_PERIOD)
        self._propulsion = Propulsion(max_thrust(world.model))
        self._propellers = [world.model.actuator(name).id for name in PROPELLERS]
        self._servo = world.model.actuator(SERVO).id
        self._lidar = int(world.model.sensor("lidar").adr[0])
        self._height = int(world.model.joint("z").qposadr[0])
        self._command = np.zeros(world.model.nu)

    def reset(self, rng: np.random.Generator) -> None:
        """Start a flight."""
        self.effects = self.world.reset(self.data, rng)
        self._propulsion.reset()

    def step(self, command: float) -> None:
        """Fly on for one control period by ``command``, in [-10, 10]."""
        thrust, self._command[self._servo] = self._propulsion.step(command)
        self._command[self._propellers] = thrust
        self.world.step(self.data, self.effects, self._command, self._substeps)

    @property
    def distance(self) -> float:
        """Reading of the lidar, m; NaN where it is lost, infinite out of its range."""
        return float(self.data.sensordata[self._lidar])

    @property
    def altitude(self) -> float:
        """Where the lidar truly is above the floor, m."""
        return float(self.data.qpos[self._height])

    @property
    def thrust(self) -> float:
        """What both propellers pull, N; below 0 downwards."""
        force = float(self.data.actuator_force[self._propellers].sum())
        return force * math.cos(self.data.ctrl[self._servo])


class BlimpAltitude(gymnasium.Env[Array, Array]):
    """Hold altitudes that change every 25 s, drawn between 0.4 and 1.8 m.

    Action: command as a part of full thrust, (1,), in [-1, 1]; above 0 climbs.
    Observation, (4,): reading of the lidar (m; where it fails, the one before), set-point (m),
    altitude by pressure (m), vertical acceleration in the body's frame less gravity's (m/s²).
    Reward: 1 / (1 + (e / 0.2 m)²) of the true error e. An episode lasts 1000 steps of 0.1 s.

    Args:
        case: heavy, neutral, gust, lossy, sagging or varied.
        render_mode: None or "rgb_array".
        width: Picture width, pixels.
        height: Picture height, pixels.
    """

    metadata = {  # noqa: RUF012  # as Gymnasium declares it
        "render_modes": ["rgb_array"],
        "render_fps": round(1 / CONTROL_PERIOD),
    }
    steps = 1000
    hold = 250  # steps for which a set-point stands

    def __init__(
        self,
        case: str = "heavy",
        render_mode: str | None = None,
        width: int = 480,
        height: int = 360,
    ) -> None:
        if render_mode not in (None, "rgb_array"):
            raise ConfigurationError(f"render_mode is None or 'rgb_array', not {render_mode!r}")
        self.body = Body(world(case))
        self.render_mode = render_mode
        self._view = (height, width)
        self._renderer: mujoco.Renderer | None = None
        low = np.array([0.0, 0.0, -np.inf, -np.inf])
        self.observation_space = spaces.Box(low, np.inf, (4,), np.float64)
        self.action_space = spaces.Box(-1.0, 1.0, (1,), np.float64)
        model = self.body.model
        self._barometer = int(model.sensor("barometer").adr[0])
        self._upwards = int(model.sensor("accelerometer").adr[0]) + 2
        self._step = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Start an episode; the same seed starts the same one."""
        super().reset(seed=seed)
        self._step = 0
        self._set_points = self.np_random.uniform(0.4, 1.8, math.ceil(self.steps / self.hold))
        self._distance = self.body.world.model.joint("z").qpos0[0]
        self.body.reset(self.np_random)
        return self._observation(), {}

    @property
    def set_point(self) -> float:
        """Altitude that is wanted now, m."""
        return float(self._set_points[min(self._step, self.steps - 1) // self.hold])

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Fly on for one control period.

        Raises:
            ValueError: The action has not the shape (1,) or is not finite.
        """
        action = np.asarray(action)
        if action.shape != (1,) or not np.isfinite(action).all():
            raise ValueError(f"expected an array of one finite number, got {action}")
        self.body.step(float(np.clip(action[0], -1.0, 1.0)) * LIMIT)
        self._step += 1
        error = self.set_point - self.body.altitude
        reward = 1.0 / (1.0 + (error / 0.2) ** 2)
        return self._observation(), reward, False, self._step >= self.steps, {}

    def _observation(self) -> Array:
        if math.isfinite(self.body.distance):
            self._distance = self.body.distance
        elif self.body.distance == -math.inf:
            self._distance = LIDAR_MINIMUM
        data, opt = self.body.data, self.body.model.opt
        pressure = data.sensordata[self._barometer]
        altitude = (_PRESSURE - pressure) / (opt.density * -opt.gravity[2])
        upwards = data.sensordata[self._upwards] + opt.gravity[2]
        return np.array([self._distance, self.set_point, altitude, upwards])

    def render(self) -> Any:
        """Picture of the present state, (height, width, 3) uint8, or None without a mode.

        Raises:
            ConfigurationError: MuJoCo can't render on this machine.
        """
        if self.render_mode is None:
            return None
        if self._renderer is None:
            self._renderer = make_renderer(self.body.model, *self._view)
        self._renderer.update_scene(self.body.data, "side")
        return self._renderer.render()

    def close(self) -> None:
        """Release the renderer."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
