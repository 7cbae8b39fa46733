"""From lying to walking and back: stands up, lies down, falls softly and gets on its feet again."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.command import Command, gait
from neuro_control.quadruped.control.contact_schedule import Rhythm
from neuro_control.quadruped.control.gait import Gait
from neuro_control.quadruped.control.robots import Robot
from neuro_control.quadruped.control.sensor_monitor import Senses
from neuro_control.quadruped.control.types import LEFT, PERIOD, JointCommand, Observation

Array = NDArray[np.float64]

# Angles of legs, hip, thigh and calf, rad: tucked up; and what rolls a robot over its left side
# that lies on its back, thighs pointing past the trunk: left legs, right legs. Searched for in
# simulation; the same for both robots.
_TUCKED = (0.0, 1.21, -2.65)
_PUSHING, _REACHING = (0.8, 3.15, -1.0), (-0.8, 2.9, -2.4)
# How long such motions take, and what follows until all is still, s.
_TUCK, _TUCKED_FOR = 0.6, 0.3
_ROLL, _ROLLED_FOR = 0.4, 0.5
# Before anything else joints hold what there is, s.
_HELD_FOR = 0.2
_STIFFNESS, _DAMPING = 60.0, 3.0  # N m/rad, N m s/rad
# A trunk that leans further has fallen; one that leans less can rise, rad.
_FALLEN, _UPRIGHT = math.radians(60.0), math.radians(45.0)
# A trunk that leans further than it was told to, and will have fallen at this pace so soon, is
# falling, rad and s.
_ASTRAY, _SOON = math.radians(45.0), 0.1
# How long a robot takes to lie down without a joint's sensor, s, and from how many lost it can't.
_YIELD, _TOO_MANY = 0.8, 4
# Still, rad/s: gyro and joints; and for how long, s.
_STILL_RATE, _STILL_SPEED, _STILL_FOR = 0.5, 1.0, 0.3
# Who has not risen by then is stuck, s.
_RISEN_WITHIN = 4.0
# A foot that presses harder stands, N.
_PRESSED = 4.0
# Height of the trunk, beyond 0.3 m, at which legs are let go, m; and how close is close enough.
_DOWN, _NEAR = -0.19, 0.03
_STAND = gait("stand")


class Walker:
    """A gait layer with the ways into and out of it.

    Attributes:
        state: holding, damped (joints only brake), tucking, righting, rising, walking, lowering or
            yielding (lies down without a joint's sensor).
        reason: Why it let go or lies down though a command says walk; empty if it obeys.
        gait: What walks.
        senses: What readings can be relied on.

    Args:
        robot: Its numbers.
        rhythm: Which foot stands when: one of ``rhythm.RHYTHMS`` by name, or a rhythm itself.
    """

    def __init__(self, robot: Robot, rhythm: str | Rhythm = "schedule") -> None:
        self.gait, self.senses = Gait(robot, rhythm=rhythm), Senses()
        self._robot = robot
        self._torque = np.tile(robot.torque, 4)
        self.reset()

    def reset(self) -> None:
        """Forget everything: what comes first is to hold what there is."""
        self._mirrored = False
        self.senses.reset()
        self._enter("holding")

    def _enter(self, state: str, reason: str = "") -> None:
        self.state, self.reason = state, reason
        self._time = 0.0
        self._from: Array | None = None
        if state == "rising":
            self.gait.reset()

    def step(self, observation: Observation, command: Command | None) -> JointCommand:
        """Joint commands for an observation.

        Args:
            observation: What the robot feels; a reading that is no number is a lost sensor.
            command: Within its ranges; None to lie down and let go.
        """
        self._time += PERIOD
        on_feet = self.state in ("rising", "walking", "lowering")
        steps = on_feet and self.gait.schedule.duration < 1.0
        observation = self.senses.check(observation, steps)
        if not self.senses.sound:
            self._give_in(on_feet)
        if self.state == "yielding":
            return self._yield(observation)
        if self.state == "holding":
            answer = self._move(observation, None, _HELD_FOR)
            if self._time > _HELD_FOR:
                self._enter("damped")
            if command is not None and _stands(observation):
                self._enter("rising")
            return answer
        if self.state == "damped":
            return self._brake(observation, command)
        if self.state == "tucking":
            answer = self._move(observation, np.tile(_TUCKED, 4), _TUCK)
            if self._time > _TUCK + _TUCKED_FOR:
                upright = _lean(observation) < _UPRIGHT
                self._enter("damped" if command is None else "rising" if upright else "righting")
            return answer
        if self.state == "righting":
            left, right = (
                (_mirror(_REACHING), _mirror(_PUSHING)) if self._mirrored else (_PUSHING, _REACHING)
            )
            answer = self._move(observation, np.array([*left, *right] * 2), _ROLL)
            if self._time > _ROLL + _ROLLED_FOR:
                # Next time over the other side.
                self._mirrored = not self._mirrored
                self._enter("tucking")
            return answer
        return self._walk(observation, command)

    @property
    def remarks(self) -> list[str]:
        """What is wrong with sensors, and what of the command is not obeyed."""
        return self.senses.remarks + self.gait.remarks

    def _give_in(self, on_feet: bool) -> None:
        """Lie down, or let go where that can't be done any more."""
        lost = int(self.senses.lost.sum())
        reason = self.senses.remarks[0]
        if self.senses.blind or lost >= _TOO_MANY:
            if self.state != "damped" or not self.reason:
                self._enter("damped", reason)
        elif on_feet:
            self._enter("yielding", reason)
        elif self.state not in ("yielding", "damped"):
            self._enter("damped", reason)
        self.reason = self.reason or reason

    def _yield(self, observation: Observation) -> JointCommand:
        """All legs fold; a joint whose sensor is lost does as the same joints of other legs."""
        answer = self._move(observation, np.tile(_TUCKED, 4), _YIELD)
        lost = self.senses.lost.reshape(4, 3)
        for leg, part in np.argwhere(lost):
            others = np.flatnonzero(~lost[:, part])
            signs = LEFT[others] * LEFT[leg] if part == 0 else np.ones(len(others))
            for each in answer:
                each[3 * leg + part] = (signs * each[3 * others + part]).mean()
        if self._time > _YIELD + _TUCKED_FOR:
            self._enter("damped", self.reason)
        return answer

    def _walk(self, observation: Observation, command: Command | None) -> JointCommand:
        height = float(self.gait.estimator.position[2]) - self._robot.height
        if command is None:
            self.state = "lowering"
            stopped = self.gait.schedule.duration >= 1.0
            obeyed = dataclasses.replace(_STAND, height=_DOWN) if stopped else _STAND
            if stopped and height < _DOWN + _NEAR:
                self._enter("tucking")
        elif self.state == "walking":
            obeyed = command
        else:
            obeyed = dataclasses.replace(command, duration=1.0)
            if self.state == "lowering":
                self.state, self._time = "rising", 0.0
            if self._time > PERIOD and height > command.height - _NEAR:
                self.state = "walking"
            elif self._time > _RISEN_WITHIN:
                self._enter("damped", f"it has not risen within {_RISEN_WITHIN:g} s")
        try:
            answer = self.gait.step(observation, obeyed)
            sane = math.isfinite(answer.efforts.sum())
        except np.linalg.LinAlgError:
            sane = False
        if not sane or self._falls(obeyed):
            self._enter("damped", "it fell" if sane else "its estimate of itself is no number")
            return self._brake(observation, command)
        return answer

    def _falls(self, command: Command) -> bool:
        """Whether the trunk leans so far, or turns over so fast, that it can't be kept up."""
        up, rate = self.gait.estimator.rotation[2], self.gait.estimator.rate
        lean = math.acos(min(max(up[2], -1.0), 1.0))
        if lean > _FALLEN:
            return True
        told = math.hypot(command.pitch, command.roll)
        pace = (up[1] * rate[0] - up[0] * rate[1]) / max(math.sin(lean), 0.1)
        return lean > told + _ASTRAY and lean + pace * _SOON > _FALLEN

    def _brake(self, observation: Observation, command: Command | None) -> JointCommand:
        still = (
            np.abs(observation.rate).max() < _STILL_RATE
            and np.abs(observation.speeds).max() < _STILL_SPEED
        )
        if not still:
            self._time = 0.0
        elif command is not None and self._time > _STILL_FOR and self.senses.sound:
            self._enter("tucking")
        efforts = np.clip(-_DAMPING * observation.speeds, -self._torque, self._torque)
        return JointCommand(observation.angles, np.zeros(12), efforts)

    def _move(self, observation: Observation, target: Array | None, seconds: float) -> JointCommand:
        """Joints on a straight way from where they were, then hold; without a target, there."""
        if self._from is None:
            self._from = observation.angles.copy()
        if target is None:
            target = self._from
        part = min(self._time / seconds, 1.0)
        positions = self._from + part * (target - self._from)
        velocities = (target - self._from) / seconds if part < 1.0 else np.zeros(12)
        efforts = _STIFFNESS * (positions - observation.angles) - _DAMPING * observation.speeds
        return JointCommand(positions, velocities, np.clip(efforts, -self._torque, self._torque))


def _stands(observation: Observation) -> bool:
    return bool((observation.forces > _PRESSED).all()) and _lean(observation) < _UPRIGHT


def _mirror(leg: tuple[float, float, float]) -> tuple[float, float, float]:
    return (-leg[0], leg[1], leg[2])


def _lean(observation: Observation) -> float:
    """Of the trunk at rest, by the accelerometer, rad."""
    acceleration = observation.acceleration
    upward = float(acceleration[2] / max(np.linalg.norm(acceleration), 1e-6))
    return math.acos(min(max(upward, -1.0), 1.0))
