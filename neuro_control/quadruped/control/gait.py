# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The gait controller: an observation and a command that can be walked in, a joint command out.

Feet in stance push as ``stance`` says; feet in swing go where ``swing`` says. Both answer the
tracking errors of ``tracking``. It runs 500 times a second.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control import kinematics
from neuro_control.quadruped.control.command import Command
from neuro_control.quadruped.control.command_smoother import CommandSmoother, SmootherSettings
from neuro_control.quadruped.control.contact_schedule import (
    CoastingSchedule,
    ContactSchedule,
    make_contact_schedule,
)
from neuro_control.quadruped.control.estimator import Estimator, EstimatorSettings
from neuro_control.quadruped.control.joint_torques import JointSettings, command_joints
from neuro_control.quadruped.control.prediction import predict
from neuro_control.quadruped.control.robots import Robot
from neuro_control.quadruped.control.settings import Settings, number
from neuro_control.quadruped.control.stance import Stance, StanceSettings
from neuro_control.quadruped.control.swing import SwingSettings, swing
from neuro_control.quadruped.control.tracking import (
    MOTION,
    REFERENCE,
    ContactSettings,
    TrackingSettings,
    compare,
    judge_contacts,
)
from neuro_control.quadruped.control.types import (
    FORWARD,
    GRAVITY,
    LEFT,
    PERIOD,
    JointCommand,
    Observation,
)

Array = NDArray[np.float64]

# Half a length, half a width.
_HALF_FORWARD, _HALF_LEFT = 0.5 * FORWARD, 0.5 * LEFT


@dataclass(frozen=True)
class SteppingSettings(Settings):
    """When feet step though a stand is commanded."""

    min_swing_time: float = number(0.1, "Time that each foot takes to swing at least, s", 0.05, 0.5)
    standing_speed: float = number(
        0.05, "Reference speed below which all feet may stay down, m/s or rad/s", 0.0, 1.0
    )
    push_speed: float = number(
        0.3, "Velocity error from which a trunk has been pushed and feet step, m/s", 0.01, 5.0
    )


@dataclass(frozen=True)
class GaitSettings(Settings):
    """Sections of numbers of the gait controller."""

    smoother: SmootherSettings = field(default_factory=SmootherSettings)
    stepping: SteppingSettings = field(default_factory=SteppingSettings)
    contact: ContactSettings = field(default_factory=ContactSettings)
    estimator: EstimatorSettings = field(default_factory=EstimatorSettings)
    tracking: TrackingSettings = field(default_factory=TrackingSettings)
    stance: StanceSettings = field(default_factory=StanceSettings)
    swing: SwingSettings = field(default_factory=SwingSettings)
    joints: JointSettings = field(default_factory=JointSettings)


class Gait:
    """The gait controller: walks as a command says that can be walked.

    Attributes:
        robot: Its numbers.
        settings: What is set.
        estimator: State estimator of the trunk.
        schedule: Contact schedule.
        smoother: Stage that makes the reference of the command.

    Args:
        robot: As above.
        schedule: Which foot is in stance when: a name in ``contact_schedule.CONTACT_SCHEDULES``,
            or a contact schedule itself.
        settings: Its numbers.
    """

    def __init__(
        self,
        robot: Robot,
        schedule: str | ContactSchedule = "schedule",
        settings: GaitSettings | None = None,
    ) -> None:
        self.robot = robot
        self.settings = settings = settings or GaitSettings()
        self.estimator = Estimator(robot, settings.estimator)
        self.schedule = make_contact_schedule(schedule) if isinstance(schedule, str) else schedule
        self.smoother = CommandSmoother(settings.smoother, robot.height)
        self._stance = Stance(robot, settings.stance)
        self._stepping = settings.stepping
        self._contact, self._tracking = settings.contact.record(), settings.tracking.record()
        self._swing, self._joints = settings.swing.record(), settings.joints.record()
        self._motion, self._reference = np.zeros(1, MOTION), np.zeros(1, REFERENCE)
        motion, reference = self._motion, self._reference
        # Views into the two, for what is read and written here in each step.
        self._body, self._trust = motion["body"][0], motion["trust"][0]
        self._ahead, self._level = motion["ahead"][0], motion["level"][0]
        self._com, self._com_velocity = motion["com"][0], motion["com_velocity"][0]
        self._holding = motion["holding"][0]
        self._velocity, self._tilt = reference["velocity"][0], reference["tilt"][0]
        self._phases, self._places = reference["phases"][0], reference["places"][0]
        self._ahead[:] = self._level[:] = np.eye(3)
        self._started = False

    def reset(self) -> None:
        """Forget everything: the next observation is the first."""
        self._started = False

    def _start(self, observation: Observation, command: Command) -> None:
        self.estimator.reset(observation.acceleration, observation.angles)
        # Begin with all feet in stance.
        self.schedule.reset(dataclasses.replace(command, duration=1.0))
        rotation = self.estimator.rotation
        self.smoother.reset(float(self.estimator.position[2]))
        self._motion[:], self._reference[:] = np.zeros(1, MOTION), np.zeros(1, REFERENCE)
        self._ahead[:] = self._level[:] = np.eye(3)
        self._motion["yaw"] = math.atan2(rotation[1, 0], rotation[0, 0])
        self._started = True

    def _longest(self) -> float:
        """Longest duration that leaves feet the time to swing."""
        return 1.0 - self._stepping.min_swing_time * self.schedule.frequency

    def _advance_contacts(self, command: Command, forces: Array | None, period: float) -> None:
        """Step the contact schedule: feet keep stepping until the trunk has nearly stopped."""
        velocity, own = self.smoother.velocity, self._stepping
        slow = abs(velocity[0]) + abs(velocity[1]) + abs(velocity[2]) < own.standing_speed
        error = math.hypot(self._body[0] - velocity[0], self._body[1] - velocity[1])
        longest = 1.0 if slow and error < own.push_speed else self._longest()
        self.schedule.step(command, period, longest, forces, error)

    def _make_reference(self, command: Command, period: float) -> None:
        """Have the smoother follow the command, now that the contacts are known."""
        schedule, smoother, offset = self.schedule, self.smoother, None
        if schedule.duration >= 1.0:
            x, y = self._ahead[:2, :2] @ self.estimator.feet[:, :2].mean(axis=0)
            offset = (float(x), float(y))
        stops = command.duration >= 1.0 or schedule.duration > self._longest()
        smoother.step(command, period, stops, schedule.changing, offset)
        reference = self._reference
        self._velocity[:], self._tilt[:] = smoother.velocity, smoother.tilt
        self._phases[:] = schedule.phases
        self._places[:, 0] = _HALF_FORWARD * command.length
        self._places[:, 1] = _HALF_LEFT * command.width
        reference["height"], reference["lift"] = smoother.height, command.swing
        reference["duration"], reference["frequency"] = schedule.duration, schedule.frequency

    def step(
        self, observation: Observation, command: Command, period: float = PERIOD
    ) -> JointCommand:
        """Joint command for an observation.

        Args:
            observation: What the robot measures.
            command: What can be walked (``CommandGovernor.step``).
            period: Time since the last observation, s.
        """
        if not self._started:
            self._start(observation, command)
        rate, acceleration, angles, speeds, pressing = observation
        robot, estimator = self.robot.record, self.estimator
        motion, reference, state = self._motion, self._reference, self.estimator.state
        self._advance_contacts(command, pressing, period)
        self._make_reference(command, period)
        judge_contacts(motion, reference, self._contact, pressing)
        estimator.step(rate, acceleration, angles, speeds, self._trust, period)
        kinematics.centre_of_mass(
            robot, angles, speeds, -GRAVITY * estimator.rotation[2],
            self._com, self._com_velocity, self._holding,
        )  # fmt: skip
        compare(motion, reference, state, self._tracking, period)
        forces = self._stance.forces(motion, reference)
        swing(motion, reference, state, self._swing, self.robot.radius, period)
        answer = JointCommand(np.empty(12), np.empty(12), np.empty(12))
        command_joints(motion, state, robot, self._joints, angles, speeds, forces, *answer)
        return answer

    def take_over(self, other: Gait) -> None:
        """Go on from where another one of the same robot and settings is.

        The contact schedule is this one's own, which is a ``CoastingSchedule``.
        """
        self.estimator.state[:] = other.estimator.state
        self._motion[:], self._reference[:] = other._motion, other._reference
        self.smoother = copy.deepcopy(other.smoother)
        if isinstance(self.schedule, CoastingSchedule):
            self.schedule.take_over(other.schedule)
        self._started = other._started

    def predict(self, observation: Observation, command: JointCommand) -> Observation:
        """Readings a period after the last observation, measured or predicted.

        Args:
            observation: That one.
            command: The joint command that answered it.
        """
        return predict(observation, command, self.estimator, self._motion["stance"][0])

    @property
    def estimate(self) -> tuple[float, float, float, float]:
        """Velocity forwards and to the left, m/s, yaw rate, rad/s, and height, m, as estimated."""
        rate = float(self._level[2] @ self.estimator.rate)
        return (float(self._body[0]), float(self._body[1]), rate, float(self.estimator.position[2]))
