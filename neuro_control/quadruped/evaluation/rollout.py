# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""One rollout of a quadruped: a body, the controller that the node drives, commands, effects.

``evaluate``, the experiments, the benchmark and the pictures all walk by ``rollout``; what they
compute of its record is in ``metrics``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.command import Command
from neuro_control.quadruped.control.command_mux import CommandSources
from neuro_control.quadruped.control.controller import ControllerSettings, QuadrupedController
from neuro_control.quadruped.control.robots import Robot, find_robot
from neuro_control.quadruped.control.types import GRAVITY, LEGS, PERIOD, Observation
from neuro_control.quadruped.simulation.body import Body, world
from neuro_control.simulation.effects import Effect, Push

Array = NDArray[np.float64]

# Time from the start that metrics leave out: from standing to walking at the commanded speed, s.
SETTLING = 3.0
# One of so many control steps is recorded where only means are needed.
SPARSE = 5
# A robot whose trunk is higher than this at the start stands, m.
_STANDS = 0.2


class Truth(NamedTuple):
    """True motion of the trunk, and the joints' power, one row each time.

    Attributes:
        velocity: Velocity forwards, to the left and upwards, (T, 3), m/s.
        yaw_rate: Angular velocity about the vertical, (T,), rad/s.
        height: Height above the ground, (T,), m.
        roll: Roll, right side down, (T,), rad.
        pitch: Pitch, nose down, (T,), rad.
        power: Sum of the joints' absolute mechanical power, (T,), W.
    """

    velocity: Array
    yaw_rate: Array
    height: Array
    roll: Array
    pitch: Array
    power: Array

    @classmethod
    def of(cls, rows: Sequence[tuple[Any, ...]]) -> Truth:
        """Truth of rows that ``motion`` gave."""
        columns = zip(*rows, strict=True) if rows else [np.empty((0, 3)), *[np.empty(0)] * 5]
        return cls(*(np.array(column) for column in columns))

    def part(self, rows: slice) -> Truth:
        """Truth of some rows."""
        return Truth(*(column[rows] for column in self))

    @property
    def lean(self) -> Array:
        """Angle between the trunk's z axis and the vertical, (T,), rad."""
        lean: Array = np.arccos(np.cos(self.roll) * np.cos(self.pitch))
        return lean


def motion(body: Body) -> tuple[Array, float, float, float, float, float]:
    """Present row of ``Truth``."""
    pitch = -math.asin(min(max(body.rotation[2, 0], -1.0), 1.0))
    return body.velocity, body.yaw_rate, body.height, body.roll, pitch, body.power


@dataclass(frozen=True)
class RolloutSettings:
    """All that a rollout needs, for executors to send to other processes.

    Attributes:
        robot: go2 or go1.
        commands: Commands, one after another.
        hold: Time for which each command holds, s; the last holds on.
        seconds: Duration, s.
        seed: Seed of the start and of the sensors' noise.
        effects: Disturbances and faults.
        tilt: By how much the ground leans, rad, and the direction in which it rises, from straight
            ahead to the left, rad. Gravity leans in its place, which is the same to the sensors.
        contact_schedule: Name of what decides which foot stands when.
        world: Further arguments of ``body.world``.
    """

    robot: str
    commands: tuple[Command, ...]
    hold: float = math.inf
    seconds: float = 20.0
    seed: int = 0
    effects: tuple[Effect, ...] = ()
    tilt: tuple[float, float] = (0.0, 0.0)
    contact_schedule: str = "schedule"
    world: dict[str, Any] = field(default_factory=dict)

    def command(self, time: float) -> Command:
        """Command that holds at a time, s."""
        return self.commands[min(int(time / self.hold + 1e-9), len(self.commands) - 1)]

    def body(self) -> Body:
        """The robot in its world, with the effects.

        Raises:
            ConfigurationError: There is no such robot, world or effect.
        """
        surroundings = world(self.robot, **self.world)
        angle, direction = self.tilt
        surroundings.model.opt.gravity[:] = GRAVITY * np.array(
            [
                -math.sin(angle) * math.cos(direction),
                -math.sin(angle) * math.sin(direction),
                -math.cos(angle),
            ]
        )
        return Body(surroundings.with_effects(self.effects))

    def controller(self) -> QuadrupedController:
        """Its controller, as the node has it."""
        settings = ControllerSettings(contact_schedule=self.contact_schedule)
        return QuadrupedController(find_robot(self.robot), settings)


@dataclass(frozen=True)
class Record:
    """What came of a rollout.

    Attributes:
        robot: The robot's numbers.
        mass: Its mass with its payload, kg.
        truth: True motion, T rows.
        forces: Forces on the feet, as measured, (T, 4), N.
        feet: Lowest points of the feet in the world, (T, 4, 3), m.
        trunk: Origin of the trunk in the world and its yaw, (T, 4), m and rad.
        states: States of the locomotion state machine, T.
        remarks: Each remark of the controller at the rows, once.
        fell: Time at which it fell or the controller released the joints, s; None if neither.
        probed: What ``probe`` gave at each row.
        step_ms: Processor time of each control step, ms.
        wall: Duration of the whole rollout on the clock, s.
        period: Time between two rows, s.
    """

    robot: Robot
    mass: float
    truth: Truth
    forces: Array
    feet: Array
    trunk: Array
    states: list[str]
    remarks: list[str]
    fell: float | None
    probed: list[Any] = field(default_factory=list)
    step_ms: Array = field(default_factory=lambda: np.zeros(1))
    wall: float = math.nan
    period: float = PERIOD

    @property
    def time(self) -> Array:
        """Times of the rows, s."""
        return np.array([k * self.period for k in range(len(self.states))])


class _Recorder:
    """Collects the rows of a record."""

    def __init__(self, body: Body, controller: QuadrupedController) -> None:
        self._body, self._controller = body, controller
        self._feet = [body.model.geom(leg).id for leg in LEGS]
        self._radius = controller.gait.robot.radius
        self.truth: list[tuple[Any, ...]] = []
        self.forces: list[Array] = []
        self.feet: list[Array] = []
        self.trunk: list[tuple[float, ...]] = []
        self.states: list[str] = []

    def add(self) -> None:
        """Record the present state."""
        body, rotation = self._body, self._body.rotation
        self.truth.append(motion(body))
        self.forces.append(body.observation.forces)
        self.feet.append(body.data.geom_xpos[self._feet] - [0.0, 0.0, self._radius])
        yaw = math.atan2(rotation[1, 0], rotation[0, 0])
        self.trunk.append((*body.data.qpos[:3].tolist(), yaw))
        self.states.append(self._controller.state)


def rollout(
    body: Body,
    controller: QuadrupedController,
    command: Callable[[float], Command] | Command,
    seconds: float,
    seed: int = 0,
    effects: Sequence[Effect] = (),
    *,
    every: int = 1,
    end_at_fall: bool = True,
    probe: Callable[[], Any] | None = None,
) -> Record:
    """Walk as commanded, by what the robot measures alone.

    Args:
        body: The robot; it is reset.
        controller: Its controller; it is reset.
        command: The command, or a function that gives the command at a time, s.
        seconds: Duration, s.
        seed: Seed of the start and of the sensors' noise.
        effects: Disturbances and faults, besides those of the body's world.
        every: One of so many control steps is recorded.
        end_at_fall: Whether a fall ends it.
        probe: Called at each recorded step; the record holds what it returns.
    """
    body.reset(np.random.default_rng(seed))
    for effect in effects:
        body.effects.add(effect)
    controller.reset()
    recorder, probed, took = _Recorder(body, controller), [], []
    remarks: dict[str, None] = {}
    # A robot that starts on the ground can't fall before it has walked.
    walked, fell = not body.fallen and body.height > _STANDS, None
    given: Command | None = None
    begin = time.perf_counter()
    for k in range(round(seconds / PERIOD)):
        now = k * PERIOD
        wanted = command if isinstance(command, Command) else command(now)
        if wanted is not given:
            given, sources = wanted, CommandSources.constant(wanted)
        observation = body.observation
        before = time.thread_time()
        answer = controller.step(observation, now, sources)
        took.append(time.thread_time() - before)
        body.step(answer.efforts)
        walked |= controller.state == "walking"
        if walked and fell is None and (body.fallen or controller.state == "damping"):
            fell = now
        ends = end_at_fall and fell is not None
        if k % every == 0 or ends:
            recorder.add()
            remarks.update(dict.fromkeys(controller.remarks))
            if probe is not None:
                probed.append(probe())
        if ends:
            break
    return Record(
        robot=controller.gait.robot,
        mass=body.mass,
        truth=Truth.of(recorder.truth),
        forces=np.array(recorder.forces),
        feet=np.array(recorder.feet),
        trunk=np.array(recorder.trunk),
        states=recorder.states,
        remarks=list(remarks),
        fell=fell,
        probed=probed,
        step_ms=1e3 * np.array(took),
        wall=time.perf_counter() - begin,
        period=every * PERIOD,
    )


def simulate(settings: RolloutSettings, every: int = 1, *, end_at_fall: bool = True) -> Record:
    """Record of the rollout that the settings describe; ``every`` as ``rollout`` has it."""
    return rollout(
        settings.body(), settings.controller(), settings.command, settings.seconds, settings.seed,
        every=every, end_at_fall=end_at_fall,
    )  # fmt: skip


def random_push(force: float, seconds: float, seed: int) -> Push:
    """A push of 0.2 s from a random side at a random time of a walk.

    Args:
        force: Its size, N.
        seconds: Duration of the walk, s; the push comes when the robot has settled, and 2 s
            before the end at the latest.
        seed: Seed of the walk.
    """
    rng = np.random.default_rng([seed, 1])
    direction, part = rng.uniform(0.0, 2.0 * math.pi), rng.uniform()
    begins = SETTLING + part * max(seconds - SETTLING - 2.0, 0.0)
    return Push(begins=begins, force=force, direction=direction)


class GaitPolicy:
    """Answers observations of ``QuadrupedCommand`` by the controller that the node drives.

    Args:
        robot: The robot's numbers.
    """

    def __init__(self, robot: Robot) -> None:
        self._controller = QuadrupedController(robot, ControllerSettings())
        self._torque = np.tile(robot.torque, len(LEGS))
        self.reset()

    def reset(self) -> None:
        """Begin a walk."""
        self._controller.reset()
        self._step = 0

    def __call__(self, observation: Array) -> Array:
        """Action, (12,), for an observation, (49,), as the environment describes both."""
        rate, acceleration, angles, speeds, forces, numbers = np.split(
            observation, [3, 6, 18, 30, 34]
        )
        self._step += 1
        measured = Observation(rate, acceleration, angles, speeds, forces)
        sources = CommandSources(numbers.tolist(), 0.0)
        torques = self._controller.step(measured, self._step * PERIOD, sources)[2]
        action: Array = np.asarray(torques) / self._torque
        return action


def policy(environment: Any) -> GaitPolicy:
    """Policy for the environment ``QuadrupedCommand``."""
    return GaitPolicy(find_robot(environment.unwrapped.robot))
