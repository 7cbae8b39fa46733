# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A Go2 in MuJoCo that answers Unitree's services and drives its motors as they say.

Its own controller, which the sport API commands, is ``QuadrupedController``, since Unitree's is not
public. Its answers follow Unitree's sources and documentation, as far as these go.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.command import Command, gait
from neuro_control.quadruped.control.command_mux import CommandSources
from neuro_control.quadruped.control.controller import ControllerSettings, QuadrupedController
from neuro_control.quadruped.control.robots import GO2
from neuro_control.quadruped.go2 import sport
from neuro_control.quadruped.go2.motors import (
    DRIVEN,
    HEAD,
    OUR_FEET,
    OURS,
    THEIRS,
    TORQUE,
    command_checksum,
    state_checksum,
)
from neuro_control.quadruped.simulation.body import Body, world
from neuro_control.simulation.effects import Description

Array = NDArray[np.float64]

# How long the velocities of a Move hold, and motors the last LowCmd, s.
_MOVE_HOLDS, _COMMAND_HOLDS = 1.0, 0.1
# Damping of joints without a command, N m s/rad.
_DAMPING = 3.0
# A trunk that is nearer to the ground lies, m.
_LOW = 0.2
# Answers of its services, by ``sport.CODES``.
_NOT_OFFERED, _WRONG, _NOT_READY = 3203, 3204, 4202
# Requests whose numbers are counted each for itself.
_SERVED = {
    *(
        call.number
        for call in (
            sport.DAMP, sport.BALANCE_STAND, sport.STOP_MOVE, sport.STAND_UP, sport.STAND_DOWN,
            sport.RECOVERY_STAND,
        )
    ),
    sport.EULER, sport.MOVE, sport.BODY_HEIGHT, sport.SPEED_LEVEL,
}  # fmt: skip
# Modes of SportModeState.
_BALANCING, _WALKING, _LYING, _LOCKED, _DAMPED = 1, 3, 5, 6, 7
# Name of its own controller.
_CONTROLLER = "normal"


class SimulatedRobot:
    """The robot: its physics, its own controller and its motors.

    Attributes:
        body: Its body.
        controller: Name of its own controller while that has the motors; empty once released.
        damped: Whether its joints are only damped.
        locked: Whether its joints are locked: StandUp locks them until BalanceStand.
        counts: Counts of what its motors and services received.

    Args:
        start: lying or standing.
        terrain: One of ``model.TERRAINS``.
        seed: Seed of its start and of rubble.
        offers_height: Whether its firmware offers BodyHeight.
        effects: Noise, faults, pushes and the like, as ``effects.parse`` takes them.

    Raises:
        ConfigurationError: There is no such start, terrain or effect.
    """

    def __init__(
        self,
        start: str = "lying",
        terrain: str = "flat",
        seed: int = 0,
        offers_height: bool = False,
        effects: Description = (),
    ) -> None:
        self.body = Body(world("go2", terrain, start=start).with_effects(effects))
        self.body.reset(np.random.default_rng(seed))
        self.counts: Counter[str] = Counter()
        self._offers_height = offers_height
        self._up = start == "standing"
        self._gait_controller = QuadrupedController(
            GO2, ControllerSettings(start_standing=self._up)
        )
        self._gait_controller.compile()
        self.controller = _CONTROLLER
        self.damped = not self._up
        self.locked = False
        self._velocity: tuple[float, ...] = (0.0, 0.0, 0.0)
        self._until = -math.inf
        self._lean, self._height = (0.0, 0.0), 0.0
        self._driven: tuple[Array, ...] | None = None  # the last LowCmd, and when it was received
        self._driven_at = -math.inf
        self._efforts = np.zeros(12)

    @property
    def time(self) -> float:
        """Time of its physics, s."""
        return float(self.body.data.time)

    @property
    def lies(self) -> bool:
        """Whether its trunk is on the ground."""
        return self.body.height < _LOW

    # Its services.

    def answer(self, number: int, parameter: str) -> int:
        """Code by which its own controller answers a request."""
        name = str(number) if number in _SERVED else "other"
        self.counts[f"requests/{name}"] += 1
        try:
            values = json.loads(parameter) if parameter else {}
            return self._obey(number, values)
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return _WRONG

    def _obey(self, number: int, values: dict[str, Any]) -> int:
        if not self.controller:
            return _NOT_READY
        if number == sport.DAMP.number:
            self.damped = True
            self._stand(False)
        elif number in (sport.STAND_UP.number, sport.RECOVERY_STAND.number):
            if self.damped:
                self._gait_controller.restart()
            self.damped = False
            self._stand(True)
            self.locked = number == sport.STAND_UP.number
            self._until = -math.inf
        elif number == sport.STAND_DOWN.number:
            self._stand(False)
        elif number == sport.STOP_MOVE.number:
            self._until = -math.inf
        elif number == sport.BALANCE_STAND.number:
            if not self._up:
                return _NOT_READY
            self.locked, self._until = False, -math.inf
        elif number == sport.MOVE:
            velocity = _numbers(values, "x", "y", "z")
            if not self._up or self.locked:
                return _NOT_READY
            self._velocity, self._until = velocity, self.time + _MOVE_HOLDS
        elif number == sport.EULER:
            roll, pitch, _ = _numbers(values, "x", "y", "z")
            self._lean = (roll, pitch)
        elif number == sport.BODY_HEIGHT and self._offers_height:
            (self._height,) = _numbers(values, "data")
        elif number == sport.SPEED_LEVEL:
            _numbers(values, "data")
        else:
            return _NOT_OFFERED
        return 0

    def _stand(self, up: bool) -> None:
        self._up = up
        (self._gait_controller.stand_up if up else self._gait_controller.lie_down)()

    def switch(self, number: int, parameter: str) -> tuple[int, str]:
        """Code and data by which the switcher of its controllers answers a request."""
        if number == sport.CHECK_MODE.number:
            return 0, json.dumps({"form": "0", "name": self.controller})
        if number == sport.RELEASE_MODE.number:
            self.controller, self._driven = "", None
        elif number == sport.select_mode("").number:
            # It takes over a robot whose joints are damped.
            self.controller, self.damped = _CONTROLLER, True
            self._stand(False)
        else:
            return _NOT_OFFERED, ""
        return 0, ""

    # Its motors.

    def drive(self, command: Any) -> None:
        """Take a LowCmd, if its checksum is right and no controller has the motors."""
        motors = command.motor_cmd
        numbers = np.array([(m.q, m.dq, m.tau, m.kp, m.kd, m.mode) for m in motors])[OURS]
        right = command.crc == command_checksum(command) and tuple(command.head) == HEAD
        if not right or not np.isfinite(numbers).all():
            self.counts["wrong_commands"] += 1
            return
        if self.controller:
            self.counts["ignored_commands"] += 1
            return
        self.counts["commands"] += 1
        self._driven = tuple(numbers.T)
        self._driven_at = self.time

    def step(self) -> None:
        """Simulate 2 ms."""
        observation = self.body.observation
        if not self.controller:
            timed_out = self.time - self._driven_at > _COMMAND_HOLDS
            if self._driven is None or timed_out:
                efforts = -_DAMPING * observation.speeds
            else:
                q, dq, tau, kp, kd, mode = self._driven
                efforts = tau + kp * (q - observation.angles) + kd * (dq - observation.speeds)
                efforts *= mode == DRIVEN
        elif self.damped:
            efforts = -_DAMPING * observation.speeds
        else:
            sources = CommandSources.constant(self._command())
            efforts = self._gait_controller.step(observation, self.time, sources).efforts
        # A motor whose encoder is off exerts nothing.
        self._efforts = np.clip(np.nan_to_num(efforts, nan=0.0), -TORQUE, TORQUE)
        self.body.step(self._efforts)

    def _command(self) -> Command:
        roll, pitch = self._lean
        pose = {"roll": roll, "pitch": pitch, "height": self._height}
        if self.time > self._until or self._gait_controller.state != "walking":
            return gait("stand", **pose)
        forward, left, turn = self._velocity
        return gait("trot", forward=forward, left=left, yaw_rate=turn, **pose)

    # Its states.

    def fill_state(self, message: Any) -> None:
        """Fill a fresh LowState."""
        seen, data = self.body.observation, self.body.data
        message.head = list(HEAD)
        imu = message.imu_state
        imu.quaternion = data.qpos[3:7].tolist()
        imu.gyroscope, imu.accelerometer = seen.rate.tolist(), seen.acceleration.tolist()
        for motor, i in zip(message.motor_state, THEIRS, strict=False):
            motor.mode, motor.temperature = DRIVEN, 30
            motor.q, motor.dq = float(seen.angles[i]), float(seen.speeds[i])
            motor.tau_est = float(self._efforts[i])
        # A foot's sensor without a reading reports 0: the field holds whole numbers.
        forces = np.rint(np.clip(np.nan_to_num(seen.forces), 0, 32767)).astype(int)[OUR_FEET]
        message.foot_force = message.foot_force_est = forces.tolist()
        message.bms_state.soc, message.power_v = 90, 29.5
        message.tick = round(self.time * 1000) % 2**32
        message.crc = state_checksum(message)

    def fill_sport_state(self, message: Any) -> None:
        """Fill a fresh SportModeState: odometry without error, velocities in axes of the world."""
        data = self.body.data
        message.stamp.sec, rest = divmod(round(self.time * 1e9), 10**9)
        message.stamp.nanosec = rest
        message.imu_state.quaternion = data.qpos[3:7].tolist()
        message.imu_state.gyroscope = data.qvel[3:6].tolist()
        message.position, message.velocity = data.qpos[:3].tolist(), data.qvel[:3].tolist()
        message.yaw_speed, message.body_height = self.body.yaw_rate, self.body.height
        message.mode = self._mode()
        message.gait_type = int(message.mode == _WALKING)

    def _mode(self) -> int:
        if self.damped:
            return _DAMPED
        if not self._up:
            return _LYING
        if self.locked:
            return _LOCKED
        return _WALKING if self.time <= self._until else _BALANCING


def _numbers(values: dict[str, Any], *names: str) -> tuple[float, ...]:
    numbers = tuple(float(values[name]) for name in names)
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"not finite: {numbers}")
    return numbers
