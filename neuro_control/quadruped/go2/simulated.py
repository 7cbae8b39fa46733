# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The node simulated_go2: a simulated Go2 behind Unitree's DDS topics, to try the driver on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.types import PERIOD
from neuro_control.quadruped.go2 import sport
from neuro_control.quadruped.go2.simulated_robot import SimulatedRobot
from neuro_control.quadruped.simulation.model import TERRAINS
from neuro_control.ros.dds.participant import Participant, newest, taken
from neuro_control.ros.parameters import parameter
from neuro_control.ros.process import run_node
from neuro_control.simulation.active_effects import ActiveEffects
from neuro_control.simulation.failure_injection import InjectionNode, InjectionParameters

# Control steps that are simulated at once, at most.
_MOST_STEPS = 5
# Request for the version of a service's interface, and Unitree's answer to it.
_VERSION_REQUEST, _VERSION = 1, "1.0.0.1"


@dataclass(frozen=True)
class SimulatedGo2Parameters(InjectionParameters):
    """Parameters of the simulated robot."""

    domain: int = parameter(0, "DDS domain of the robot", low=0, high=230, fixed=True)
    network_interface: str = parameter("lo", "Network interface of the robot", fixed=True)
    start: str = parameter(
        "lying", "Posture at the start", choices=("lying", "standing"), fixed=True
    )
    terrain: str = parameter("flat", "Terrain", choices=TERRAINS, fixed=True)
    seed: int = parameter(0, "Seed of its start and of rubble", low=0, high=2**31 - 1, fixed=True)
    effects: str = parameter(
        "[]",
        "Noise, faults, pushes and the like, as a YAML list; docs/effects.md names them all",
        fixed=True,
    )
    body_height: bool = parameter(
        False, "Its firmware offers BodyHeight, as older ones do", fixed=True
    )
    state_period: float = parameter(
        PERIOD, "Time between two LowStates, s", low=PERIOD, high=1.0, fixed=True
    )
    sport_state_period: float = parameter(
        0.02, "Time between two SportModeStates, s", low=PERIOD, high=1.0, fixed=True
    )
    sport_state_at_low_level: bool = parameter(
        True,
        "SportModeState goes on once the motors are released; false stops it then, as on the robot",
        fixed=True,
    )


class SimulatedGo2(InjectionNode[SimulatedGo2Parameters]):
    """Simulates a Go2 in real time behind Unitree's topics on Cyclone DDS.

    Components fail by ``injected_failures`` while it runs, if ``failure_injection`` allowed it at
    the start.

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
            self.robot = SimulatedRobot(p.start, p.terrain, p.seed, p.body_height, p.effects)
            self.inject()
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
        self.create_timer(PERIOD, self._advance, clock=self.steady)
        where = f"domain {p.domain} through {p.network_interface or 'any interface'}"
        self.set_state(DiagnosticStatus.OK, f"running on {where}")

    @property
    def active_effects(self) -> ActiveEffects:
        """What acts on the robot."""
        return self.robot.body.effects

    def _advance(self) -> None:
        for service, reader in self._requests.items():
            for request in taken(reader):
                self._serve(service, request)
        command = newest(self._commands)
        if command is not None:
            self.robot.drive(command)
        # A machine that is too slow has slower time.
        behind = int((time.monotonic() - self._begun) / PERIOD) - self._steps
        if behind > _MOST_STEPS:
            self._begun += (behind - _MOST_STEPS) * PERIOD
            behind = _MOST_STEPS
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
        told = bool(self.robot.controller) or self.parameters.sport_state_at_low_level
        if told and now >= self._sport_state_due:
            self._sport_state_due = now + self.parameters.sport_state_period - PERIOD / 2
            sport_state = self._idl.SportModeState()
            self.robot.fill_sport_state(sport_state)
            self._sport_states.write(sport_state)

    def _serve(self, service: sport.Service, request: Any) -> None:
        number, data = request.header.identity.api_id, ""
        if number == _VERSION_REQUEST:
            code, data = 0, _VERSION
        elif service is sport.Service.SPORT:
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
        """State of the robot, and counts."""
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
