"""A Go2 in MuJoCo behind the DDS topics of Unitree's: what the driver is tried on.

Its own controller, which answers the sport API, is our gait layer; Unitree's is not public. What
it answers and when is after Unitree's sources and documentation, as far as these tell.
"""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import gait
from neuro_control.quadruped.control.command_mux import CommandSources
from neuro_control.quadruped.control.controller import QuadrupedController
from neuro_control.quadruped.control.robots import GO2
from neuro_control.quadruped.control.types import PERIOD
from neuro_control.quadruped.go2 import sport
from neuro_control.quadruped.go2.link import Participant, newest, taken
from neuro_control.quadruped.go2.motors import (
    DRIVEN,
    HEAD,
    OUR_FEET,
    OURS,
    THEIRS,
    command_checksum,
    state_checksum,
)
from neuro_control.quadruped.simulation.body import Body, world
from neuro_control.quadruped.simulation.model import TERRAINS
from neuro_control.ros.diagnostics import DiagnosticNode
from neuro_control.ros.parameters import parameter
from neuro_control.ros.process import run_node

Array = NDArray[np.float64]

# Velocities of a Move hold for so long, and motors for so long after a LowCmd, s.
_MOVE_HOLDS, _COMMAND_HOLDS = 1.0, 0.1
# Joints that only brake, N m s/rad.
_BRAKE = 3.0
_TORQUE = np.tile(GO2.torque, 4)
# A trunk that is nearer to the ground lies, m.
_LOW = 0.2
# Answers of its services, by ``sport.CODES``.
_NOT_OFFERED, _WRONG, _NOT_READY = 3203, 3204, 4202
# What SportModeState calls what it does.
_BALANCING, _WALKING, _LYING, _LOCKED, _DAMPED = 1, 3, 5, 6, 7
# What its own controller is called.
_CONTROLLER = "normal"
# Steps that it may make up for at once; slower machines have slower time, s.
_BEHIND = 5


class Go2:
    """The robot: its physics, its own controller and its motors.

    Attributes:
        body: Its physics.
        counts: Of what came to motors and services.

    Args:
        start: lying or standing.
        terrain: One of ``model.TERRAINS``.
        seed: Of its start and of rubble.
        offers_height: Whether its firmware offers BodyHeight.
    """

    def __init__(
        self,
        start: str = "lying",
        terrain: str = "flat",
        seed: int = 0,
        offers_height: bool = False,
    ) -> None:
        self.body = Body(world("go2", terrain, start=start))
        self.body.reset(np.random.default_rng(seed))
        self.counts: Counter[str] = Counter()
        self._offers_height = offers_height
        self._walker = QuadrupedController(GO2)
        # Compiled now rather than while it should keep its pace.
        self._walker.compile()
        self.controller = _CONTROLLER  # empty once it has let go of the motors
        self.damped = start != "standing"
        self.locked = False  # StandUp locks the joints until BalanceStand
        self._up = start == "standing"
        self._velocity: tuple[float, ...] = (0.0, 0.0, 0.0)
        self._until = -math.inf
        self._lean, self._height = (0.0, 0.0), 0.0
        self._told: tuple[Array, ...] | None = None
        self._told_at = -math.inf
        self._efforts = np.zeros(12)

    @property
    def time(self) -> float:
        """Of its physics, s."""
        return float(self.body.data.time)

    @property
    def lies(self) -> bool:
        """Whether its trunk is on the ground."""
        return self.body.height < _LOW

    # Its services.

    def answer(self, number: int, parameter: str) -> int:
        """Code by which its own controller answers a request."""
        self.counts[f"requests/{number}"] += 1
        try:
            values = json.loads(parameter) if parameter else {}
            return self._obey(number, values)
        except (ValueError, TypeError, KeyError):
            return _WRONG

    def _obey(self, number: int, values: dict[str, Any]) -> int:
        if not self.controller:
            return _NOT_READY
        if number == sport.DAMP.number:
            self.damped, self._up = True, False
        elif number in (sport.STAND_UP.number, sport.RECOVERY_STAND.number):
            if self.damped:
                self._walker.reset()
            self.damped, self._up = False, True
            self.locked = number == sport.STAND_UP.number
            self._until = -math.inf
        elif number == sport.STAND_DOWN.number:
            self._up = False
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

    def switch(self, number: int, parameter: str) -> tuple[int, str]:
        """Code and data by which the switcher of its controllers answers a request."""
        if number == sport.CHECK_MODE.number:
            return 0, json.dumps({"form": "0", "name": self.controller})
        if number == sport.RELEASE_MODE.number:
            self.controller, self._told = "", None
        elif number == sport.select_mode("").number:
            # It takes over a robot whose legs are let go.
            self.controller, self.damped, self._up = _CONTROLLER, True, False
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
        self._told = tuple(numbers.T)
        self._told_at = self.time

    def step(self) -> None:
        """Go on for 2 ms."""
        observation = self.body.observation
        if not self.controller:
            silent = self.time - self._told_at > _COMMAND_HOLDS
            if self._told is None or silent:
                efforts = -_BRAKE * observation.speeds
            else:
                q, dq, tau, kp, kd, mode = self._told
                efforts = tau + kp * (q - observation.angles) + kd * (dq - observation.speeds)
                efforts *= mode == DRIVEN
        elif self.damped:
            efforts = -_BRAKE * observation.speeds
        else:
            efforts = self._walker.step(observation, self.time, self._sources()).efforts
        self._efforts = np.clip(efforts, -_TORQUE, _TORQUE)
        self.body.step(self._efforts)

    def _sources(self) -> CommandSources:
        if not self._up:
            self._walker.lie_down()
            return CommandSources()
        self._walker.stand_up()
        roll, pitch = self._lean
        pose = {"roll": roll, "pitch": pitch, "height": self._height}
        if self.time > self._until or self._walker.state != "walking":
            command = gait("stand", **pose)
        else:
            forward, left, turn = self._velocity
            command = gait("trot", forward=forward, left=left, yaw_rate=turn, **pose)
        return CommandSources.constant(command)

    # What it tells.

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
        forces = np.rint(np.clip(seen.forces, 0, 32767)).astype(int)[OUR_FEET]
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


@dataclass(frozen=True)
class SimulatedGo2Parameters:
    """Parameters of the simulated robot."""

    domain: int = parameter(0, "DDS domain that it is in", low=0, high=230, fixed=True)
    network_interface: str = parameter("lo", "Network interface that it is at", fixed=True)
    start: str = parameter("lying", "How it starts", choices=("lying", "standing"), fixed=True)
    terrain: str = parameter("flat", "Ground beneath it", choices=TERRAINS, fixed=True)
    seed: int = parameter(0, "Of its start and of rubble", low=0, high=2**31 - 1, fixed=True)
    body_height: bool = parameter(
        False, "Its firmware offers BodyHeight, as older ones do", fixed=True
    )
    state_period: float = parameter(
        PERIOD, "Time between two LowStates, s", low=PERIOD, high=1.0, fixed=True
    )
    sport_state_period: float = parameter(
        0.02, "Time between two SportModeStates, s", low=PERIOD, high=1.0, fixed=True
    )


class SimulatedGo2(DiagnosticNode[SimulatedGo2Parameters]):
    """Lets a simulated Go2 live in real time, behind Unitree's topics on Cyclone DDS.

    Args:
        name: Name of the node.
        node_options: Passed on to the rclpy node.

    Raises:
        ConfigurationError: A parameter is wrong, or cyclonedds or the robot's model is missing.
    """

    def __init__(self, name: str = "simulated_go2", **node_options: Any) -> None:
        super().__init__(name, SimulatedGo2Parameters, "simulated robot", **node_options)
        p = self.parameters
        try:
            self._participant = Participant(p.domain, p.network_interface)
            self.robot = Go2(p.start, p.terrain, p.seed, p.body_height)
        except ConfigurationError:
            self.destroy_node()
            raise
        from neuro_control.quadruped.go2 import idl

        self._idl, here = idl, self._participant
        self._states = here.writer("rt/lowstate", idl.LowState)
        self._sport_states = here.writer("rt/sportmodestate", idl.SportModeState)
        self._commands = here.reader("rt/lowcmd", idl.LowCmd, 1)
        self._requests = {
            each: here.reader(f"rt/api/{each.value}/request", idl.Request, 16)
            for each in sport.Service
        }
        self._answers = {
            each: here.writer(f"rt/api/{each.value}/response", idl.Response)
            for each in sport.Service
        }
        self._state_due = self._sport_state_due = 0.0
        self._begun, self._steps = time.monotonic(), 0
        self.create_timer(PERIOD, self._live, clock=self.steady)
        where = f"domain {p.domain} through {p.network_interface or 'any interface'}"
        self.set_state(DiagnosticStatus.OK, f"running on {where}")

    def _live(self) -> None:
        for service, reader in self._requests.items():
            for request in taken(reader):
                self._serve(service, request)
        command = newest(self._commands)
        if command is not None:
            self.robot.drive(command)
        behind = int((time.monotonic() - self._begun) / PERIOD) - self._steps
        if behind > _BEHIND:
            self._begun += (behind - _BEHIND) * PERIOD
            behind = _BEHIND
        for _ in range(behind):
            self.robot.step()
        if behind <= 0:
            return
        self._steps += behind
        now = self.robot.time + PERIOD / 2
        if now >= self._state_due:
            self._state_due = now + self.parameters.state_period - PERIOD / 2
            state = self._idl.LowState()
            self.robot.fill_state(state)
            self._states.write(state)
        if now >= self._sport_state_due:
            self._sport_state_due = now + self.parameters.sport_state_period - PERIOD / 2
            sport_state = self._idl.SportModeState()
            self.robot.fill_sport_state(sport_state)
            self._sport_states.write(sport_state)

    def _serve(self, service: sport.Service, request: Any) -> None:
        number, data = request.header.identity.api_id, ""
        if service is sport.Service.SPORT:
            code = self.robot.answer(number, request.parameter)
        else:
            code, data = self.robot.switch(number, request.parameter)
        if request.header.policy.noreply:
            return
        answer = self._idl.Response()
        answer.header.identity = request.header.identity
        answer.header.status.code = code
        answer.data = data
        self._answers[service].write(answer)

    def diagnostic_values(self) -> dict[str, str]:
        """What it does, and counts."""
        robot = self.robot
        return {
            "controller": robot.controller,
            "damped": str(robot.damped).lower(),
            "lies": str(robot.lies).lower(),
            "time_s": f"{robot.time:.2f}",
            **{name: str(count) for name, count in robot.counts.items()},
        }

    def destroy_node(self) -> None:
        """End the node and leave the domain."""
        for name in ("_states", "_sport_states", "_commands", "_requests", "_answers"):
            if hasattr(self, name):
                delattr(self, name)
        if hasattr(self, "_participant"):
            self._participant.close()
        super().destroy_node()


def main() -> None:
    """Run the node: the executable simulated_go2."""
    run_node(SimulatedGo2)
