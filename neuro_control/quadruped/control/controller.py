# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The quadruped's whole controller: from checked inputs to joint commands.

This is the one object that the node, ``evaluate``, the experiments, the benchmark, the pictures
and the simulated Go2 drive. A command passes four stages: the mux
chooses the source that commands, the limits keep it within its ranges, the governor turns it into
what can be walked, the smoother bounds its acceleration and jerk, and the gait controller walks.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import numpy as np

from neuro_control.quadruped.control.command import Command
from neuro_control.quadruped.control.command_governor import CommandGovernor, GovernorSettings
from neuro_control.quadruped.control.command_limits import CommandLimits, LimitSettings
from neuro_control.quadruped.control.command_mux import CommandMux, CommandSources, MuxSettings
from neuro_control.quadruped.control.command_smoother import CommandSmoother
from neuro_control.quadruped.control.contact_schedule import ContactSchedule
from neuro_control.quadruped.control.gait import Gait, GaitSettings
from neuro_control.quadruped.control.joint_torques import are_finite
from neuro_control.quadruped.control.locomotion import (
    ON_FEET,
    LocomotionSettings,
    LocomotionStateMachine,
)
from neuro_control.quadruped.control.observation_clock import ClockSettings, ObservationClock
from neuro_control.quadruped.control.odometry import LegOdometry
from neuro_control.quadruped.control.robots import Robot
from neuro_control.quadruped.control.sensor_monitor import MonitorSettings, SensorMonitor
from neuro_control.quadruped.control.settings import Settings
from neuro_control.quadruped.control.types import (
    GRAVITY,
    JOINTS,
    LEGS,
    PERIOD,
    JointCommand,
    Observation,
)

# Periods that are predicted in one call at most, so that a late call does not make the next late.
_CATCHING_UP = 10
# Sums of periods are not exact, s.
_SLACK = 1e-6
# What the robot does in the states in which it can't walk.
_DOWN = {
    "damping": "down: joints only brake",
    "folding": "down: gets up",
    "spreading": "down: gets up",
    "self_righting": "down: rolls over",
    "sitting_down": "lies down",
}


@dataclass(frozen=True)
class ControllerSettings(Settings):
    """What can be set of a quadruped's controller: a section for each of its parts.

    Attributes:
        mux: Which source commands.
        limits: Largest velocities.
        governor: What legs and balance allow.
        gait: The gait controller, its smoother first.
        sensors: Thresholds from which readings are not relied on.
        clock: What is believed of the observations' stamps.
        locomotion: Angles, times and thresholds of the locomotion state machine.
        start_standing: Whether the robot stands up at the start, or lies until ``stand_up``.
        contact_schedule: Which foot is in stance when: a name in
            ``contact_schedule.CONTACT_SCHEDULES``, or a contact schedule itself.
    """

    mux: MuxSettings = field(default_factory=MuxSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    governor: GovernorSettings = field(default_factory=GovernorSettings)
    gait: GaitSettings = field(default_factory=GaitSettings)
    sensors: MonitorSettings = field(default_factory=MonitorSettings)
    clock: ClockSettings = field(default_factory=ClockSettings)
    locomotion: LocomotionSettings = field(default_factory=LocomotionSettings)
    start_standing: bool = True
    contact_schedule: str | ContactSchedule = "schedule"


class QuadrupedController:
    """Makes joint commands of observations and of all that is commanded.

    Attributes:
        settings: What is set.
        mux: First stage of a command: which source commands.
        limits: Second stage: each number within its limits.
        governor: Third stage: the nearest command that can be walked.
        locomotion: The locomotion state machine, with the gait controller.
        odometry: Pose since the start.
        clock: Time between observations.
        command: The last command that counted, within its limits.

    Args:
        robot: Its numbers.
        settings: As above.
    """

    def __init__(self, robot: Robot, settings: ControllerSettings | None = None) -> None:
        self.settings = settings = settings or ControllerSettings()
        self.mux = CommandMux(settings.mux)
        self.limits = CommandLimits(settings.limits)
        self.governor = CommandGovernor(
            robot, settings.governor, settings.gait.stepping.min_swing_time
        )
        self.locomotion = LocomotionStateMachine(
            Gait(robot, settings.contact_schedule, settings.gait),
            SensorMonitor(settings.sensors),
            settings.locomotion,
        )
        self.odometry = LegOdometry()
        self.clock = ObservationClock(settings.clock)
        self.reset()

    def apply(self, mux: MuxSettings, limits: LimitSettings) -> None:
        """Take over what decides which source commands, and limits; what is under way goes on."""
        self.settings = dataclasses.replace(self.settings, mux=mux, limits=limits)
        self.mux.settings, self.limits.settings = mux, limits

    def compile(self) -> None:
        """Have everything compiled before the first observation comes, which won't wait."""
        angles = np.tile([0.0, 0.8, -1.6], len(LEGS))
        zero, up, forces = np.zeros(3), np.array([0.0, 0.0, GRAVITY]), np.full(len(LEGS), 40.0)
        observation = Observation(zero, up, angles, np.zeros(len(JOINTS)), forces)
        self.locomotion.monitor.check(observation, stepping=False)
        command = self.governor.step(Command(forward=0.1))
        for _ in range(5):
            are_finite(*self.gait.step(observation, command))
        self.reset()

    def reset(self) -> None:
        """Begin an episode: hold the joints, then stand up or lie, as ``start_standing`` says."""
        self.mux.standing = self.settings.start_standing
        self.mux.reset()
        self.command = self.settings.mux.default_command
        self.restart()
        self.odometry.reset()
        self.clock.reset()

    def restart(self) -> None:
        """Hold the joints and begin anew, where observations were missing or can't be.

        What is commanded and the odometry go on.
        """
        self.locomotion.reset()
        self.gait.reset()
        self._answer: JointCommand | None = None

    def stand_up(self) -> None:
        """Stand up, and walk as commanded."""
        self.mux.standing = True

    def clear_sensor_faults(self) -> None:
        """Let every sensor count again, as after its repair; what it says next is judged anew."""
        self.locomotion.monitor.forgive()

    def lie_down(self) -> None:
        """Stop, lie down and release the joints."""
        self.mux.standing = False

    def step(self, observation: Observation, time: float, sources: CommandSources) -> JointCommand:
        """Joint command that answers an observation.

        Args:
            observation: What the robot measures; a reading that is not finite is a lost sensor.
            time: Stamp of the observation, s.
            sources: What is commanded.
        """
        period = self.clock.step(observation, time)
        if self.clock.lost:
            self.restart()  # nobody knows how it stands or lies by now
        command = self.mux.step(self.clock.time(time), sources)
        if command is not None:
            self.command = self.limits.step(command)
            command = self.governor.step(self.command)
        state = self.state
        finite = False
        try:
            answer = self.locomotion.step(observation, command, period, self.settings.clock.overdue)
            finite = are_finite(*answer)
        finally:
            if not finite:
                self.restart()  # it believes what can't be
        self.odometry.step(state, self.gait.estimator)
        self._answer = answer if finite else None
        return answer

    def bridge(self, elapsed: float) -> JointCommand | None:
        """Joint command while observations are missing; None where none is better than braking.

        For a moment the last command holds; then a robot on its feet walks on by predicted
        readings, for as long as ``ClockSettings.longest_gap``.

        Args:
            elapsed: Time since the last observation, s.
        """
        own = self.settings.clock
        if self._answer is None or elapsed > own.longest_gap:
            return None
        walks = self.state in ON_FEET
        if elapsed < (own.overdue if walks else own.held_time):
            return self._answer
        if not walks:
            return None
        for _ in range(_CATCHING_UP):
            if self.locomotion.predicted + PERIOD > elapsed + _SLACK:
                break
            self._answer = self.locomotion.predict()
            if self._answer is None:
                break
        return self._answer

    @property
    def state(self) -> str:
        """State of the locomotion state machine."""
        return self.locomotion.state

    @property
    def gait(self) -> Gait:
        """The gait controller."""
        return self.locomotion.gait

    @property
    def smoother(self) -> CommandSmoother:
        """Fourth stage of a command: the reference follows it at bounded rates."""
        return self.gait.smoother

    @property
    def remarks(self) -> list[str]:
        """Why it does not walk, which sensors are lost, and what of its command is not obeyed."""
        found, reason = [], self.locomotion.reason
        if self.state in _DOWN and (self.mux.standing or reason):
            found.append(_DOWN[self.state])
            if reason:
                found.append(reason)
        found += [each for each in self.locomotion.monitor.remarks if each != reason]
        found += self.clock.remarks
        if self.mux.standing:
            for stage in (self.governor, self.smoother, self.limits, self.mux):
                found += stage.remarks
        return found
