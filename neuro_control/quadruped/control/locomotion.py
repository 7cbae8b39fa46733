# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The locomotion state machine: stands up, lies down, falls softly and gets on its feet again.

| state | what the robot does | what ends it |
| --- | --- | --- |
| holding | holds its joints, for 0.2 s | rising if it is on its feet and to walk; damping |
| rising | stands up under the gait controller | walking once it is high enough; damping |
| walking | follows the command | lowering without one; damping in a fall |
| lowering | stops and lowers its trunk | folding; rising if it is commanded to walk again |
| sitting_down | folds its legs without a lost joint sensor | damping |
| damping | joints only brake | folding or spreading once all is still and a command says walk |
| spreading | spreads legs on which it lies, so that its belly is on the ground | folding |
| folding | folds its legs under the trunk | rising, or self_righting if it is not upright |
| self_righting | rolls over a side | folding |
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.command import Command, gait
from neuro_control.quadruped.control.contact_schedule import CoastingSchedule
from neuro_control.quadruped.control.gait import Gait
from neuro_control.quadruped.control.joint_torques import are_finite
from neuro_control.quadruped.control.robots import Robot
from neuro_control.quadruped.control.sensor_monitor import SensorMonitor
from neuro_control.quadruped.control.settings import Settings, number
from neuro_control.quadruped.control.types import LEFT, PERIOD, JointCommand, Observation

Array = NDArray[np.float64]

# Joint sensors that are lost, from which on the robot can't sit down without them.
_TOO_MANY_LOST = 4
_STAND = gait("stand")
# Damping times the time between two observations at most, N m s²/rad: with more a light leg turns
# back faster than it came where a command acts one observation late.
_DAMPED = 0.0065
# States in which the gait controller works.
ON_FEET = ("rising", "walking", "lowering")


@dataclass(frozen=True)
class LocomotionSettings(Settings):
    """Angles, times and thresholds of the state machine.

    The angles are those of hip, thigh and calf of a left leg, rad. They were searched for in
    simulation and are the same for both robots.
    """

    folded: tuple[float, ...] = number((0.0, 1.21, -2.65), "Angles of a folded leg, rad", -4.5, 4.5)
    pushing: tuple[float, ...] = number(
        (0.8, 3.15, -1.0), "Angles of the legs that push a robot over on its back, rad", -4.5, 4.5
    )
    reaching: tuple[float, ...] = number(
        (-0.8, 2.9, -2.4), "Angles of the other side's legs meanwhile, rad", -4.5, 4.5
    )
    hold_time: float = number(0.2, "Time for which joints are held at first, s", PERIOD, 10.0)
    fold_time: float = number(0.6, "Time that folding takes, s", 0.1, 10.0)
    folded_time: float = number(0.3, "Time until all is still after it, s", 0.0, 10.0)
    spread: float = number(0.7, "Angle of a hip that turns its leg out, rad", 0.0, 1.5)
    spread_time: float = number(0.8, "Time that spreading takes, s", 0.1, 10.0)
    lying: tuple[float, ...] = number(
        (0.5, 1.3), "Way of hip and thigh from their folded angles beyond which it lies on a leg",
        0.1, 5.0,
    )  # fmt: skip
    roll_time: float = number(0.4, "Time that legs take to roll the robot over, s", 0.1, 10.0)
    rolled_time: float = number(0.5, "Time until all is still after it, s", 0.0, 10.0)
    sit_time: float = number(0.8, "Time in which it sits down without a joint's sensor, s", 0.1, 10)
    rise_timeout: float = number(4.0, "Time after which it has failed to rise, s", 0.1, 60.0)
    stiffness: float = number(60.0, "Stiffness of joints that are moved, N m/rad", 0.0, 500.0)
    damping: float = number(3.0, "Damping of joints that are moved or brake, N m s/rad", 0.0, 20.0)
    fallen_angle: float = number(
        math.radians(60.0), "Lean of a trunk that has fallen, rad", 0.1, math.pi
    )
    upright_angle: float = number(
        math.radians(45.0), "Lean below which a trunk can rise, rad", 0.1, math.pi
    )
    falling_angle: float = number(
        math.radians(45.0), "Lean beyond the commanded one from which a trunk may be falling, rad",
        0.1, math.pi,
    )  # fmt: skip
    falling_time: float = number(
        0.1, "Such a trunk is falling if it will have fallen at this pace so soon, s", 0.0, 1.0
    )
    still_rate: float = number(0.5, "Rate of the trunk when all is still, rad/s", 0.01, 10.0)
    still_speed: float = number(1.0, "Speed of the joints when all is still, rad/s", 0.01, 10.0)
    still_time: float = number(0.3, "Time for which all has to be still, s", 0.0, 10.0)
    contact_force: float = number(4.0, "Force of a foot that bears, N", 0.1, 100.0)
    lowered_height: float = number(
        -0.19, "Height beyond 0.3 m at which a lowered trunk's legs are released, m", -0.3, 0.0
    )
    height_tolerance: float = number(0.03, "Height that is close enough, m", 0.001, 0.2)


class LocomotionStateMachine:
    """The gait controller with the ways into walking and out of it.

    Attributes:
        state: One of the states above.
        reason: Why the joints brake or the robot sits down though a command says walk; empty if it
            obeys.
        gait: The gait controller.
        monitor: Which readings can be relied on.
        predicted: Time by which predictions are ahead of the last observation, s.

    Args:
        gait: As above.
        monitor: As above.
        settings: Angles, times and thresholds.
    """

    def __init__(
        self, gait: Gait, monitor: SensorMonitor, settings: LocomotionSettings | None = None
    ) -> None:
        self.gait, self.monitor = gait, monitor
        self._own = settings or LocomotionSettings()
        self._ahead = Gait(gait.robot, CoastingSchedule(), gait.settings)
        self._robot: Robot = gait.robot
        self._torque = np.tile(self._robot.torque, 4)
        self._folded = np.tile(self._own.folded, 4)
        self._lowered = dataclasses.replace(_STAND, height=self._own.lowered_height)
        self._standing: tuple[Command, Command] = (_STAND, _STAND)
        self.reset()

    def reset(self) -> None:
        """Forget everything: what comes first is to hold the joints where they are."""
        self._mirrored = False
        self._damping = self._own.damping
        self.predicted = 0.0
        self._walked: tuple[Observation, JointCommand, Command] | None = None
        self._foreseen: tuple[Observation, JointCommand, Command] | None = None
        self.monitor.reset()
        self._enter("holding")

    def _enter(self, state: str, reason: str = "") -> None:
        self.state, self.reason = state, reason
        self._time = 0.0
        self._from: Array | None = None
        if state == "rising":
            self.gait.reset()

    def step(
        self,
        observation: Observation,
        command: Command | None,
        period: float = PERIOD,
        overdue: float = math.inf,
    ) -> JointCommand:
        """Joint command for an observation.

        Args:
            observation: What the robot measures; a reading that is not finite is a lost sensor.
            command: What can be walked; None to lie down and release the joints.
            period: Time since the last observation, s.
            overdue: Such a time from which what was missing is predicted first, s.
        """
        own = self._own
        self._damping = min(own.damping, _DAMPED / max(period, PERIOD))
        self._time += period
        self.predicted = 0.0
        on_feet = self.state in ON_FEET
        steps = on_feet and self.gait.schedule.duration < 1.0
        observation = self.monitor.check(observation, steps, period, on_feet)
        rest = self._catch_up(period) if period > overdue else period
        self._walked = None
        if not self.monitor.reliable:
            self._fail_safe(on_feet)
        if self.state == "sitting_down":
            return self._sit_down(observation)
        if self.state == "holding":
            answer = self._move(observation, None, own.hold_time)
            if self._time > own.hold_time:
                self._enter("damping")
            if command is not None and self._on_feet(observation):
                self._enter("rising")
            return answer
        if self.state == "damping":
            return self._brake(observation, command)
        if self.state == "spreading":
            return self._spread_legs(observation)
        if self.state == "folding":
            answer = self._move(observation, self._folded, own.fold_time)
            if self._time > own.fold_time + own.folded_time:
                upright = _lean(observation) < own.upright_angle
                up = "rising" if upright else "self_righting"
                self._enter("damping" if command is None else up)
            return answer
        if self.state == "self_righting":
            return self._roll(observation)
        return self._walk(observation, command, rest)

    def _catch_up(self, period: float) -> float:
        """Go through what was missing by predicted readings; return the time that is left, s.

        One long step would take the last acceleration for that of all the time.
        """
        while self._walked is not None and self.state in ON_FEET and period > 1.5 * PERIOD:
            self._walked = self._go_ahead(self.gait, *self._walked)
            period -= PERIOD
        return period

    @staticmethod
    def _go_ahead(
        gait: Gait, observation: Observation, answer: JointCommand, obeyed: Command
    ) -> tuple[Observation, JointCommand, Command] | None:
        """One period by predicted readings; None where there are none."""
        try:
            observation = gait.predict(observation, answer)
            answer = gait.step(observation, obeyed)
        except np.linalg.LinAlgError:
            return None
        return (observation, answer, obeyed) if are_finite(*answer) else None

    def predict(self) -> JointCommand | None:
        """Joint command for a period without an observation, by what it will have measured.

        None unless the robot is on its feet, and where nothing can be predicted. A copy of the gait
        controller goes ahead: what the next observation finds depends on observations alone.
        """
        if self.predicted == 0.0:
            self._ahead.take_over(self.gait)
            self._foreseen = self._walked
        if self._foreseen is None or self.state not in ON_FEET:
            return None
        self.predicted += PERIOD
        self._foreseen = self._go_ahead(self._ahead, *self._foreseen)
        return None if self._foreseen is None else self._foreseen[1]

    def _fail_safe(self, on_feet: bool) -> None:
        """Sit down, or only brake where that can't be done any more."""
        lost = int(self.monitor.lost.sum())
        reason = self.monitor.remarks[0]
        if self.monitor.imu_lost or lost >= _TOO_MANY_LOST:
            if self.state != "damping" or not self.reason:
                self._enter("damping", reason)
        elif on_feet:
            self._enter("sitting_down", reason)
        elif self.state not in ("sitting_down", "damping"):
            self._enter("damping", reason)
        self.reason = self.reason or reason

    def _sit_down(self, observation: Observation) -> JointCommand:
        """All legs fold; a joint whose sensor is lost does as the same joints of other legs."""
        own = self._own
        answer = self._move(observation, self._folded, own.sit_time)
        lost = self.monitor.lost.reshape(4, 3)
        for leg, part in np.argwhere(lost):
            others = np.flatnonzero(~lost[:, part])
            signs = LEFT[others] * LEFT[leg] if part == 0 else np.ones(len(others))
            for each in answer:
                each[3 * leg + part] = (signs * each[3 * others + part]).mean()
        if self._time > own.sit_time + own.folded_time:
            self._enter("damping", self.reason)
        return answer

    def _lies_on_a_leg(self, observation: Observation) -> bool:
        """Whether it is upright, but legs are so far from folded that they may be under it."""
        way = np.abs(observation.angles - self._folded)
        hip, thigh = self._own.lying
        displaced = bool((way[0::3] > hip).any() or (way[1::3] > thigh).any())
        return displaced and _lean(observation) < self._own.upright_angle

    def _spread_legs(self, observation: Observation) -> JointCommand:
        """Hips turn legs out to the sides, until the belly is on the ground."""
        own = self._own
        start = observation.angles if self._from is None else self._from
        target = start.copy()
        target[0::3] = own.spread * LEFT
        answer = self._move(observation, target, own.spread_time)
        if self._time > own.spread_time:
            self._enter("folding")
        return answer

    def _roll(self, observation: Observation) -> JointCommand:
        """Roll over one side with the legs, and over the other side the next time."""
        own = self._own
        left, right = own.pushing, own.reaching
        if self._mirrored:
            left, right = _mirror(own.reaching), _mirror(own.pushing)
        answer = self._move(observation, np.array([*left, *right] * 2), own.roll_time)
        if self._time > own.roll_time + own.rolled_time:
            self._mirrored = not self._mirrored
            self._enter("folding")
        return answer

    def _walk(
        self, observation: Observation, command: Command | None, period: float
    ) -> JointCommand:
        """Follow a command, or stand up or lie down by commands of the state machine's own."""
        own = self._own
        height = float(self.gait.estimator.position[2]) - self._robot.height
        if command is None:
            self.state = "lowering"
            stopped = self.gait.schedule.duration >= 1.0
            obeyed = self._lowered if stopped else _STAND
            if stopped and height < own.lowered_height + own.height_tolerance:
                self._enter("folding")
        elif self.state == "walking":
            obeyed = command
        else:
            obeyed = self._stand(command)
            if self.state == "lowering":
                self.state, self._time = "rising", 0.0
            # Not in the first step, before which there is no estimate.
            if self._time > period and height > command.height - own.height_tolerance:
                self.state = "walking"
            elif self._time > own.rise_timeout:
                self._enter("damping", f"it has not risen within {own.rise_timeout:g} s")
        try:
            answer = self.gait.step(observation, obeyed, period)
            finite = are_finite(*answer)
        except np.linalg.LinAlgError:
            finite = False
        if not finite or self._falls(obeyed):
            self._enter("damping", "it fell" if finite else "its state estimate is not finite")
            return self._brake(observation, command)
        self._walked = (observation, answer, obeyed)
        return answer

    def _stand(self, command: Command) -> Command:
        """The command, but with all feet in stance; the same object while nothing changes."""
        if self._standing[0] is not command:
            self._standing = (command, dataclasses.replace(command, duration=1.0))
        return self._standing[1]

    def _falls(self, command: Command) -> bool:
        """Whether the trunk leans so far, or turns over so fast, that it can't be kept up."""
        own = self._own
        up, rate = self.gait.estimator.rotation[2], self.gait.estimator.rate
        lean = math.acos(min(max(up[2], -1.0), 1.0))
        if lean > own.fallen_angle:
            return True
        commanded = math.hypot(command.pitch, command.roll)
        pace = (up[1] * rate[0] - up[0] * rate[1]) / max(math.sin(lean), 0.1)
        leans = lean > commanded + own.falling_angle
        return leans and lean + pace * own.falling_time > own.fallen_angle

    def _brake(self, observation: Observation, command: Command | None) -> JointCommand:
        own = self._own
        still = (
            np.abs(observation.rate).max() < own.still_rate
            and np.abs(observation.speeds).max() < own.still_speed
        )
        if not still:
            self._time = 0.0
        elif command is not None and self._time > own.still_time and self.monitor.reliable:
            self._enter("spreading" if self._lies_on_a_leg(observation) else "folding")
        efforts = np.clip(-self._damping * observation.speeds, -self._torque, self._torque)
        return JointCommand(observation.angles, np.zeros(12), efforts)

    def _move(self, observation: Observation, target: Array | None, seconds: float) -> JointCommand:
        """Move joints on a straight way from where they were, then hold them there.

        Without a target they are held where they were.
        """
        own = self._own
        if self._from is None:
            self._from = observation.angles.copy()
        if target is None:
            target = self._from
        part = min(self._time / seconds, 1.0)
        positions = self._from + part * (target - self._from)
        velocities = (target - self._from) / seconds if part < 1.0 else np.zeros(12)
        efforts = own.stiffness * (positions - observation.angles) - self._damping * (
            observation.speeds
        )
        return JointCommand(positions, velocities, np.clip(efforts, -self._torque, self._torque))

    def _on_feet(self, observation: Observation) -> bool:
        bears = (observation.forces > self._own.contact_force).all()
        return bool(bears) and _lean(observation) < self._own.upright_angle


def _mirror(leg: tuple[float, ...]) -> tuple[float, ...]:
    return (-leg[0], *leg[1:])


def _lean(observation: Observation) -> float:
    """Lean of the trunk at rest, by the accelerometer, rad."""
    acceleration = observation.acceleration
    upward = float(acceleration[2] / max(np.linalg.norm(acceleration), 1e-6))
    return math.acos(min(max(upward, -1.0), 1.0))
