"""The gait layer: what the robot feels and a command in, torques of its joints out.

Feet that stand push as ``stance`` says; feet that swing go to where the trunk will need them
(Raibert, "Legged Robots That Balance", 1986, with the capture point's share of the velocity's
error). 500 steps a second.
"""

from __future__ import annotations

import dataclasses
import math

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control import kinematics
from neuro_control.quadruped.control.command import Command
from neuro_control.quadruped.control.command_smoother import CommandSmoother, SmootherSettings
from neuro_control.quadruped.control.contact_schedule import ContactSchedule, make_contact_schedule
from neuro_control.quadruped.control.estimator import Estimator
from neuro_control.quadruped.control.robots import Robot
from neuro_control.quadruped.control.stance import Stance
from neuro_control.quadruped.control.types import (
    FORWARD,
    GRAVITY,
    LEFT,
    PERIOD,
    JointCommand,
    Observation,
)

Array = NDArray[np.float64]

# A swinging foot that presses harder has met the ground; one that should stand does so, N.
_MET, _STANDS = 12.0, 4.0
# Before this part of a swing what a foot meets is no ground to stand on.
_EARLIEST = 0.6
# At either end of its stance a foot may still move: this part of it is trusted less and less.
_EDGE = 0.15
# Half a length, half a width.
_HALF_FORWARD, _HALF_LEFT = 0.5 * FORWARD, 0.5 * LEFT
# Slower than this the feet may all stay down, m/s or rad/s.
_SLOW = 0.05
# A trunk that moves faster than it should by this has been pushed, m/s.
_PUSHED = 0.3
# Time that each foot takes to swing at least, s.
_SWING_TIME = 0.1
# How far the trunk may fall behind where it should be, m and rad.
_LAG, _YAW_LAG = 0.2, 0.25
# Integral action on height, roll and pitch: per s² of the error, and at most.
_UNKNOWN_RATE = np.array([20.0, 20.0, 0.0, 0.0, 0.0, 30.0])
_UNKNOWN_MOST = np.array([6.0, 6.0, 0.0, 0.0, 0.0, 3.0])
# Share of the capture point's offset by which a foothold answers an error of velocity.
_CAPTURE = 0.35
# Legs that swing: N m/rad, N m s/rad.
_STIFFNESS, _DAMPING = 60.0, 2.0
# Swings shorter than this are lower, s.
_SHORT = 0.1
# Swinging feet aim this far below the ground, m.
_PRESS = 0.005
# A swinging foot stays this far below its hip, m.
_FOLDED = 0.1
# A foot does not come down closer to the one beside it, across, m.
_GAP = 0.1
# Speed of a joint at which its friction is fully there, rad/s, and the share that is made up for.
_FRICTION_SPEED, _FRICTION_SHARE = 0.5, 0.7


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _judge(
    phases: Array, duration: float, forces: Array,
    progress: Array, early: NDArray[np.bool_], standing: NDArray[np.bool_], trust: Array,
) -> None:  # fmt: skip
    """Write which feet stand, how far each is in its stance or swing, and how far to trust it."""
    for i in range(4):
        if phases[i] < duration:
            progress[i] = phases[i] / duration
            early[i] = False
            standing[i] = True
            edge = min(min(progress[i], 1.0 - progress[i]) / _EDGE, 1.0)
            touching = forces[i] > _STANDS
            trust[i] = max(edge if duration < 1.0 else 1.0, 0.05) if touching else 0.0
        else:
            progress[i] = (phases[i] - duration) / (1.0 - duration)
            # It met the ground before it should: it stands from now on.
            early[i] |= forces[i] > _MET and progress[i] > _EARLIEST
            standing[i] = early[i]
            trust[i] = 0.0


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _compare(
    rotation: Array, rate: Array, base_velocity: Array, position: Array, ground: Array,
    points: Array, jacobians: Array, com: Array, com_velocity: Array,
    wanted: Array, height: float, tilt: Array, places: Array, period: float,
    yaw: Array, lag: Array, unknown: Array,
    ahead: Array, level: Array, body: Array, slope: Array, error: Array,
    levers: Array, footholds: Array, level_jacobians: Array,
) -> None:  # fmt: skip
    """Write how the trunk differs from what is wanted, in the level frame that looks ahead.

    Args:
        rotation: Of the trunk.
        rate: In the trunk's frame.
        base_velocity: Of the trunk's origin, level frame.
        position: By dead reckoning.
        ground: Its height under the trunk and its slopes.
        points: Of contact, trunk's frame.
        jacobians: Theirs.
        com: Centre of mass, trunk's frame.
        com_velocity: Its velocity against the trunk.
        wanted: Velocity forwards, to the left, and yaw rate.
        height: That is wanted.
        tilt: Roll and pitch that are wanted.
        places: Of the feet under the trunk's origin in mid-stance, (4, 2).
        period: Since the last time, s.
        yaw: Kept, (1,): that is wanted.
        lag: Kept, (2,): how far the trunk is behind.
        unknown: Kept, (6,): acceleration of unknown cause.
        ahead: Out, (3, 3): rotation from the level frame to the one that looks ahead.
        level: Out, (3, 3): rotation from the trunk's frame to that one.
        body: Out, (3,): velocity of the trunk's origin there.
        slope: Out, (2,): slopes of the ground there.
        error: Out, (12,): as ``Stance.forces`` takes it.
        levers: Out, (4, 3).
        footholds: Out, (4, 3).
        level_jacobians: Out, (4, 3, 3).
    """
    now = math.atan2(rotation[1, 0], rotation[0, 0])
    c, s = math.cos(now), math.sin(now)
    ahead[0, 0], ahead[0, 1], ahead[0, 2] = c, s, 0.0
    ahead[1, 0], ahead[1, 1], ahead[1, 2] = -s, c, 0.0
    ahead[2, 0], ahead[2, 1], ahead[2, 2] = 0.0, 0.0, 1.0
    level[:] = ahead @ rotation
    body[:] = ahead @ base_velocity
    slope[0] = c * ground[1] + s * ground[2]
    slope[1] = -s * ground[1] + c * ground[2]
    moving = com_velocity.copy()
    moving[0] += rate[1] * com[2] - rate[2] * com[1]
    moving[1] += rate[2] * com[0] - rate[0] * com[2]
    moving[2] += rate[0] * com[1] - rate[1] * com[0]
    velocity = body + level @ moving
    turning = level @ rate
    centre = level @ com
    # Where the trunk should be runs ahead of where it is: the integral of the velocity's error.
    for k in range(2):
        lag[k] += period * (wanted[k] - body[k])
    size = math.hypot(lag[0], lag[1])
    if size > _LAG:
        lag *= _LAG / size
    turn = (now - yaw[0] - wanted[2] * period + math.pi) % (2 * math.pi) - math.pi
    turn = min(max(turn, -_YAW_LAG), _YAW_LAG)
    yaw[0] = now - turn
    error[0] = math.atan2(level[2, 1], level[2, 2]) - tilt[0] - math.atan(slope[1])
    error[1] = -math.asin(min(max(level[2, 0], -1.0), 1.0)) - tilt[1] + math.atan(slope[0])
    error[2] = turn
    error[3], error[4] = -lag[0], -lag[1]
    error[5] = position[2] - height
    error[6], error[7], error[8] = turning[0], turning[1], turning[2] - wanted[2]
    error[9], error[10] = velocity[0] - wanted[0], velocity[1] - wanted[1]
    error[11] = velocity[2] - slope[0] * wanted[0] - slope[1] * wanted[1]
    # A steady error is the work of something unknown, which is made up for.
    for k in range(6):
        most = _UNKNOWN_MOST[k]
        unknown[k] = min(max(unknown[k] + period * _UNKNOWN_RATE[k] * error[k], -most), most)
    for i in range(4):
        levers[i] = level @ points[i] - centre
        level_jacobians[i] = level @ jacobians[i]
        footholds[i, 0] = places[i, 0] - centre[0]
        footholds[i, 1] = places[i, 1] - centre[1]
        footholds[i, 2] = -height - centre[2]


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _smooth(s: float) -> tuple[float, float, float]:
    """From 0 to 1 with no speed at both ends, its slope and its curve."""
    return s * s * (3 - 2 * s), 6 * s * (1 - s), 6 - 12 * s


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _swing(
    standing: NDArray[np.bool_], progress: Array, swings: float, stands: float, lift: float,
    places: Array, wanted: Array, height: float, slope: Array, radius: float, period: float,
    rate: Array, base_velocity: Array, feet: Array, ahead: Array, level: Array, body: Array,
    swinging: NDArray[np.bool_], left_behind: Array,
    targets: Array, speeds: Array, accelerations: Array,
) -> None:  # fmt: skip
    """Write where swinging feet's middles should be, trunk's frame, and how they should move.

    Args:
        standing: Which feet don't swing.
        progress: Of each swing, 0 to 1.
        swings: How long a swing lasts, s.
        stands: How long a stance lasts, s.
        lift: How high, m.
        places: Of the feet under the trunk's origin in mid-stance, (4, 2).
        wanted: Velocity forwards, to the left, and yaw rate.
        height: Of the trunk above the ground, m.
        slope: Of the ground, ahead and to the left.
        radius: Of a foot.
        period: Since the last time, s.
        rate: Of the trunk, in its frame.
        base_velocity: Of the trunk's origin, level frame.
        feet: Where feet stand, level frame.
        ahead: Rotation from the level frame to the one that looks ahead.
        level: Rotation from the trunk's frame to that one.
        body: Velocity of the trunk's origin there.
        swinging: Kept: which feet swung before.
        left_behind: Kept, (4, 3): where they left the ground.
        targets: Out, (4, 3).
        speeds: Out, (4, 3).
        accelerations: Out, (4, 3).
    """
    turning = level @ rate
    # In a fall the height may be estimated below 0.
    capture = _CAPTURE * math.sqrt(max(height, 0.0) / GRAVITY)
    # Who hardly swings, on the way from or to a stand, needn't lift either.
    lift *= min(1.0, (swings / _SHORT) ** 2)
    end, speed, acceleration = np.empty(3), np.empty(3), np.empty(3)
    for i in range(4):
        if standing[i]:
            swinging[i] = False
            continue
        if not swinging[i]:
            swinging[i] = True
            left_behind[i] = feet[i]
            left_behind[i, 2] += radius
        left_behind[i] -= base_velocity * period
        start = ahead @ left_behind[i]
        s = progress[i]
        rest = (1.0 - s) * swings
        turn = wanted[2] * (rest + 0.5 * stands)
        c, sn = math.cos(turn), math.sin(turn)
        x, y = places[i, 0], places[i, 1]
        for k in range(2):
            end[k] = body[k] * rest + 0.5 * stands * wanted[k] + capture * (body[k] - wanted[k])
        end[0] += c * x - sn * y
        end[1] += sn * x + c * y
        # Legs that cross would trip over each other.
        beside = i ^ 1
        other = c * places[beside, 1] + sn * places[beside, 0]
        if standing[beside]:
            other = ahead[1] @ feet[beside] - body[1] * rest
        if i % 2 == 0:
            end[1] = max(end[1], other + _GAP)
        else:
            end[1] = min(end[1], other - _GAP)
        end[2] = -height + slope[0] * end[0] + slope[1] * end[1] + radius - _PRESS
        way, dway, ddway = _smooth(s)
        for k in range(2):
            end[k] -= start[k]
            speed[k] = dway / swings * end[k]
            acceleration[k] = ddway / swings**2 * end[k]
            start[k] += way * end[k]
        top = max(start[2], end[2]) + lift
        if s < 0.5:
            way, dway, ddway = _smooth(2 * s)
            low, up = start[2], top
        else:
            way, dway, ddway = _smooth(2 * s - 1)
            low, up = top, end[2]
        start[2] = low + way * (up - low)
        # Seen from the trunk, which moves and turns.
        speed[2] = 2 * dway / swings * (up - low)
        speed -= body
        speed[0] -= turning[1] * start[2] - turning[2] * start[1]
        speed[1] -= turning[2] * start[0] - turning[0] * start[2]
        speed[2] -= turning[0] * start[1] - turning[1] * start[0]
        acceleration[2] = 4 * ddway / swings**2 * (up - low)
        targets[i] = start @ level
        # However the trunk leans, a leg that folds further would only turn it over.
        targets[i, 2] = min(targets[i, 2], -_FOLDED)
        speeds[i] = speed @ level
        accelerations[i] = acceleration @ level


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _rub(friction: float, damping: float, speed: float) -> float:
    """Torque that makes up for a joint's friction, or rather for a share of it."""
    return _FRICTION_SHARE * (friction * math.tanh(speed / _FRICTION_SPEED) + damping * speed)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _torques(
    legs: Array, q: Array, dq: Array, held: Array, standing: NDArray[np.bool_], jacobians: Array,
    forces: Array, level: Array, targets: Array, speeds: Array, accelerations: Array,
    reflected: Array, friction: Array, damping: Array, limits: Array,
    positions: Array, velocities: Array, efforts: Array,
) -> None:  # fmt: skip
    """Write joint commands. Targets are the feet's in the trunk's frame, with their speeds."""
    foot, jacobian, wanted = np.empty(3), np.empty((3, 3)), np.empty(3)
    for i in range(4):
        at = slice(3 * i, 3 * i + 3)
        if standing[i]:
            force = forces[i] @ level
            positions[at] = q[at]
            velocities[at] = dq[at]
            efforts[at] = held[at] - force @ jacobians[i]
            for j in range(3):
                efforts[3 * i + j] += _rub(friction[j], damping[j], dq[3 * i + j])
        else:
            kinematics.angles(legs[i], targets[i], wanted)
            kinematics.foot(legs[i], wanted, foot, jacobian)
            inverse = np.linalg.inv(jacobian)
            speed = inverse @ speeds[i]
            acceleration = inverse @ accelerations[i]
            for j in range(3):
                k = 3 * i + j
                speed[j] = min(max(speed[j], -25.0), 25.0)
                acceleration[j] = min(max(acceleration[j], -400.0), 400.0)
                positions[k] = wanted[j]
                velocities[k] = speed[j]
                efforts[k] = (
                    _STIFFNESS * (wanted[j] - q[k])
                    + _DAMPING * (speed[j] - dq[k])
                    + reflected[j] * acceleration[j]
                    + held[k]
                    + _rub(friction[j], damping[j], speed[j])
                )
        for j in range(3):
            k = 3 * i + j
            efforts[k] = min(max(efforts[k], -limits[j]), limits[j])


class Gait:
    """The gait controller: walks as a command says that can be walked.

    Attributes:
        robot: Its numbers.
        estimator: State estimator of the trunk.
        schedule: Contact schedule.
        smoother: Stage that makes the reference of the command.

    Args:
        robot: As above.
        schedule: Which foot is in stance when: a name in ``contact_schedule.CONTACT_SCHEDULES``,
            or a contact schedule itself.
        smoother: Settings of the smoother.
    """

    def __init__(
        self,
        robot: Robot,
        schedule: str | ContactSchedule = "schedule",
        smoother: SmootherSettings | None = None,
    ) -> None:
        self.robot = robot
        self.estimator = Estimator(robot, PERIOD)
        self.schedule = make_contact_schedule(schedule) if isinstance(schedule, str) else schedule
        self.smoother = CommandSmoother(smoother or SmootherSettings(), robot.height, PERIOD)
        self._stance = Stance(robot)
        self._base_com = np.array(robot.base_com)
        self._reflected = np.array(robot.reflected)
        self._friction, self._damping = np.array(robot.friction), np.array(robot.damping)
        self._torque = np.array(robot.torque)
        self._com, self._com_velocity, self._held = np.empty(3), np.empty(3), np.empty(12)
        self._ahead, self._level = np.eye(3), np.eye(3)
        self._body, self._slope, self._error = np.zeros(3), np.empty(2), np.empty(12)
        self._levers, self._footholds = np.empty((4, 3)), np.empty((4, 3))
        self._jacobians, self._reference = np.empty((4, 3, 3)), np.zeros(3)
        self._progress, self._trust = np.empty(4), np.empty(4)
        self._standing = np.ones(4, dtype=bool)
        self._targets = np.zeros((4, 3))
        self._speeds, self._accelerations = np.zeros((4, 3)), np.zeros((4, 3))
        self._places = np.empty((4, 2))
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
        self._lag, self._unknown = np.zeros(2), np.zeros(6)
        self._yaw = np.array([math.atan2(rotation[1, 0], rotation[0, 0])])
        self._early, self._swinging = np.zeros(4, dtype=bool), np.zeros(4, dtype=bool)
        self._left_behind = np.zeros((4, 3))
        self._body[:] = 0.0
        self._started = True

    def _longest(self) -> float:
        """Longest duration that leaves feet the time to swing."""
        return 1.0 - _SWING_TIME * self.schedule.frequency

    def _smooth(self, command: Command) -> None:
        """Have the smoother make the reference, now that the contacts are known."""
        schedule, offset = self.schedule, None
        if schedule.duration >= 1.0:
            x, y = self._ahead[:2, :2] @ self.estimator.feet[:, :2].mean(axis=0)
            offset = (float(x), float(y))
        stops = command.duration >= 1.0 or schedule.duration > self._longest()
        self.smoother.step(command, stops, schedule.changing, offset)
        self._places[:, 0] = _HALF_FORWARD * command.length
        self._places[:, 1] = _HALF_LEFT * command.width
        self._reference[:2] = self.smoother.velocity[:2]

    def step(self, observation: Observation, command: Command) -> JointCommand:
        """Joint command for an observation.

        Args:
            observation: What the robot measures.
            command: What can be walked (``CommandGovernor.step``).
        """
        if not self._started:
            self._start(observation, command)
        robot, estimator, schedule = self.robot, self.estimator, self.schedule
        reference = self.smoother
        velocity = reference.velocity
        # Feet keep stepping until the trunk has nearly stopped, and step if it is pushed.
        slow = abs(velocity[0]) + abs(velocity[1]) + abs(velocity[2]) < _SLOW
        error = math.hypot(self._body[0] - velocity[0], self._body[1] - velocity[1])
        longest = 1.0 if slow and error < _PUSHED else self._longest()
        schedule.step(command, PERIOD, longest, observation.forces, error)
        self._smooth(command)
        _judge(
            schedule.phases, schedule.duration, observation.forces,
            self._progress, self._early, self._standing, self._trust,
        )  # fmt: skip
        estimator.step(
            observation.rate, observation.acceleration, observation.angles, observation.speeds,
            self._trust,
        )  # fmt: skip
        kinematics.centre_of_mass(
            robot.legs, robot.coms, robot.masses, self._base_com,
            observation.angles, observation.speeds,
            self._com, self._com_velocity, -GRAVITY * estimator.rotation[2], self._held,
        )  # fmt: skip
        _compare(
            estimator.rotation, estimator.rate, estimator.velocity, estimator.position,
            estimator.ground, estimator.points, estimator.jacobians, self._com,
            self._com_velocity, velocity, reference.height, reference.tilt, self._places,
            PERIOD, self._yaw, self._lag, self._unknown,
            self._ahead, self._level, self._body, self._slope, self._error,
            self._levers, self._footholds, self._jacobians,
        )  # fmt: skip
        forces = self._stance.forces(
            self._error, self._reference, velocity[2], self._unknown, self._standing,
            self._levers, self._footholds, schedule.phases, schedule.duration,
            schedule.frequency, self._jacobians, self._held, self._slope,
        )  # fmt: skip
        _swing(
            self._standing, self._progress, (1.0 - schedule.duration) / schedule.frequency,
            schedule.duration / schedule.frequency, command.swing, self._places, velocity,
            estimator.position[2], self._slope, robot.radius, PERIOD, estimator.rate,
            estimator.velocity, estimator.feet, self._ahead, self._level, self._body,
            self._swinging, self._left_behind,
            self._targets, self._speeds, self._accelerations,
        )  # fmt: skip
        answer = JointCommand(np.empty(12), np.empty(12), np.empty(12))
        _torques(
            robot.legs, observation.angles, observation.speeds, self._held, self._standing,
            estimator.jacobians, forces, self._level, self._targets, self._speeds,
            self._accelerations, self._reflected, self._friction, self._damping, self._torque,
            *answer,
        )  # fmt: skip
        return answer

    @property
    def estimate(self) -> tuple[float, float, float, float]:
        """Velocity forwards and to the left, m/s, yaw rate, rad/s, and height, m, as estimated."""
        rate = float(self._level[2] @ self.estimator.rate)
        return (float(self._body[0]), float(self._body[1]), rate, float(self.estimator.position[2]))
