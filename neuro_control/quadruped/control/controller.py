"""The quadruped's whole controller: from checked inputs to joint commands.

This is the one object that the node, ``evaluate``, the experiments, the environment, the
benchmark, the pictures and the simulated Go2 drive. A command comes to be in stages: the mux
chooses the source that commands, the limits keep it within its ranges, the governor turns it into
what can be walked, the smoother bounds its acceleration and jerk, and the gait controller walks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.command import RANGES, Command, gait
from neuro_control.quadruped.control.command_mux import Pilot, Velocity
from neuro_control.quadruped.control.contact_schedule import Rhythm
from neuro_control.quadruped.control.gait import Gait
from neuro_control.quadruped.control.locomotion import Walker
from neuro_control.quadruped.control.odometry import LegOdometry
from neuro_control.quadruped.control.robots import Robot
from neuro_control.quadruped.control.types import GRAVITY, JOINTS, LEGS, JointCommand, Observation

Array = NDArray[np.float64]

# What the robot does in the states in which it can't walk.
_DOWN = {
    "damped": "down: joints only brake",
    "tucking": "down: gets up",
    "righting": "down: rolls over",
    "yielding": "lies down",
}


class CommandSources(NamedTuple):
    """The last command of each source, and its age.

    Attributes:
        gait_command: The 15 numbers of the last gait command, finite; None if there was none.
        gait_command_age: Its age, s.
        velocity: Forwards and to the left, m/s, and yaw rate, rad/s, of the last ``cmd_vel``; None
            if there was none.
        velocity_age: Its age, s.
    """

    gait_command: tuple[float, ...] | None = None
    gait_command_age: float = math.inf
    velocity: Velocity | None = None
    velocity_age: float = math.inf

    @classmethod
    def constant(cls, command: Command) -> CommandSources:
        """Sources in which this gait command is always fresh."""
        return cls(tuple(command.array().tolist()), 0.0)


@dataclass(frozen=True)
class ControllerSettings:
    """What can be set of a quadruped's controller.

    Attributes:
        default_command: How to walk while nobody has sent a gait command.
        velocity_profile: Velocities while nobody has sent a command, as ``command_mux.on_course``
            takes them.
        velocity_limits: Lowest and highest of each velocity, by name.
        command_timeout: Age from which a velocity counts no more, s.
        stand_delay: Time from then on after which the robot stands still, s.
        start_standing: Whether the robot stands up at the start, or lies until ``stand_up``.
        contact_schedule: Which foot stands when: a name in ``contact_schedule.RHYTHMS``, or a
            contact schedule itself. It can't be changed later.
    """

    default_command: Command = field(default_factory=lambda: gait("trot"))
    velocity_profile: tuple[float, ...] = ()
    velocity_limits: dict[str, tuple[float, float]] = field(default_factory=lambda: RANGES)
    command_timeout: float = 0.5
    stand_delay: float = 1.0
    start_standing: bool = True
    contact_schedule: str | Rhythm = "schedule"


class QuadrupedController:
    """Makes joint commands of observations and of all that is commanded.

    Attributes:
        mux: The stage that chooses which source commands.
        locomotion: The locomotion state machine.
        odometry: Pose since the start.

    Args:
        robot: Its numbers.
        settings: What can be set; ``apply`` changes it later.
    """

    def __init__(self, robot: Robot, settings: ControllerSettings | None = None) -> None:
        self.settings = settings = settings or ControllerSettings()
        self.mux = Pilot(settings.default_command)
        self.locomotion = Walker(robot, settings.contact_schedule)
        self.odometry = LegOdometry()
        self.apply(settings)
        self.reset()

    def apply(self, settings: ControllerSettings) -> None:
        """Take over settings; what is under way goes on."""
        self.settings, mux = settings, self.mux
        mux.usual, mux.course = settings.default_command, settings.velocity_profile
        mux.most = settings.velocity_limits
        mux.silence, mux.patience = settings.command_timeout, settings.stand_delay

    def compile(self) -> None:
        """Have everything compiled before the first observation comes, which won't wait."""
        angles = np.tile([0.0, 0.8, -1.6], len(LEGS))
        zero, up, forces = np.zeros(3), np.array([0.0, 0.0, GRAVITY]), np.full(len(LEGS), 40.0)
        observation = Observation(zero, up, angles, np.zeros(len(JOINTS)), forces)
        self.locomotion.senses.check(observation, stepping=False)
        # A command that differs from the default has to be governed, too.
        for _ in range(5):
            self.gait.step(observation, Command(forward=0.1))
        self.reset()

    def reset(self) -> None:
        """Begin an episode: hold the joints, then stand up or lie, as ``start_standing`` says."""
        self.mux.upright = self.settings.start_standing
        self.mux.reset()
        self.restart()
        self.odometry.reset()

    def restart(self) -> None:
        """Hold the joints and begin anew, where observations were missing or can't be.

        What is commanded and the odometry go on.
        """
        self.locomotion.reset()
        self.gait.reset()

    def stand_up(self) -> None:
        """Stand up, and walk as commanded."""
        self.mux.upright = True

    def lie_down(self) -> None:
        """Stop, lie down and release the joints."""
        self.mux.upright = False

    def step(self, observation: Observation, time: float, sources: CommandSources) -> JointCommand:
        """Joint command that answers an observation.

        Args:
            observation: What the robot measures; a reading that is not finite is a lost sensor.
            time: Time of the observation, s.
            sources: What is commanded.
        """
        command = self.mux.wanted(time, *sources)
        state = self.state
        sound = False
        try:
            answer = self.locomotion.step(observation, command)
            sound = bool(np.isfinite(np.stack(answer)).all())
        finally:
            if not sound:
                self.restart()  # it believes what can't be
        self.odometry.step(state, self.gait.estimator)
        return answer

    @property
    def state(self) -> str:
        """State of the locomotion state machine."""
        return self.locomotion.state

    @property
    def gait(self) -> Gait:
        """The gait controller."""
        return self.locomotion.gait

    @property
    def command(self) -> Command:
        """The last command that counted, within its ranges."""
        return self.mux.command

    @property
    def remarks(self) -> list[str]:
        """Why it does not walk, which sensors are lost, and what of its command is not obeyed."""
        locomotion, found = self.locomotion, []
        if self.state in _DOWN and (self.mux.upright or locomotion.reason):
            found.append(_DOWN[self.state])
            if locomotion.reason:
                found.append(locomotion.reason)
        found += [each for each in locomotion.remarks if each != locomotion.reason]
        return found + ([self.mux.remark] if self.mux.remark else [])
