# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A robot that only tells and hears: Unitree's topics over real DDS, in the test's own process."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from neuro_control.quadruped.go2 import idl
from neuro_control.quadruped.go2.motors import state_checksum
from neuro_control.quadruped.go2.sport import CHECK_MODE, RELEASE_MODE, Service
from neuro_control.ros.dds.participant import Participant, taken

# ROS domains of test processes end at 100.
DOMAIN = 100 + int(os.environ["ROS_DOMAIN_ID"])
LYING, STANDING = (0.0, 1.21, -2.65), (0.0, 0.8, -1.6)


class Peer:
    """Tells a state whenever it is asked to live, and remembers what it is told.

    Attributes:
        leg: Angles of each of its legs, rad.
        spoil: Called with each state before it is told.
        silent: Whether it tells nothing.
        codes: By which it answers, by api_id; None for not at all.
        controller: Name of the controller that has its motors.
    """

    def __init__(self) -> None:
        self.here = Participant(DOMAIN, "lo")
        self.states = self.here.writer("rt/lowstate", idl.LowState)
        self.sport_states = self.here.writer("rt/sportmodestate", idl.SportModeState)
        self.commands_in = self.here.reader("rt/lowcmd", idl.LowCmd, 16)
        self.requests_in = {
            each: self.here.reader(f"rt/api/{each.value}/request", idl.Request, 16)
            for each in Service
        }
        self.answers = {
            each: self.here.writer(f"rt/api/{each.value}/response", idl.Response)
            for each in Service
        }
        self.leg = STANDING
        self.spoil: Any = lambda state: None
        self.silent = False
        self.codes: dict[int, int | None] = {}
        self.controller = "normal"
        self.commands: list[idl.LowCmd] = []
        self.requests: list[idl.Request] = []
        self.sport_state = idl.SportModeState()
        self.sport_state.imu_state.quaternion = [1.0, 0.0, 0.0, 0.0]

    def state(self) -> idl.LowState:
        state = idl.LowState(foot_force=[21, 22, 23, 24], power_v=29.0)
        state.imu_state.quaternion = [1.0, 0.0, 0.0, 0.0]
        state.imu_state.gyroscope = [0.1, 0.2, 0.3]
        state.imu_state.accelerometer = [0.0, 0.5, 9.75]
        for i, motor in enumerate(state.motor_state[:12]):
            motor.q, motor.tau_est = self.leg[i % 3] + 0.01 * (i // 3), float(i)
        state.crc = state_checksum(state)
        self.spoil(state)
        return state

    def live(self) -> None:
        if not self.silent:
            self.states.write(self.state())
            self.sport_states.write(self.sport_state)
        self.commands += taken(self.commands_in)
        for service, reader in self.requests_in.items():
            for request in taken(reader):
                self.requests.append(request)
                self.answer(service, request)

    def answer(self, service: Service, request: idl.Request) -> None:
        number = request.header.identity.api_id
        answer = idl.Response()
        answer.header.identity = request.header.identity
        if service is Service.SWITCHER:
            if number == RELEASE_MODE.number:
                self.controller = ""
            if number == CHECK_MODE.number:
                answer.data = json.dumps({"form": "0", "name": self.controller})
        code = self.codes.get(number, 0)
        if code is not None and not request.header.policy.noreply:
            answer.header.status.code = code
            self.answers[service].write(answer)

    def asked(self) -> list[int]:
        return [request.header.identity.api_id for request in self.requests]

    def moves(self) -> list[dict[str, float]]:
        return [json.loads(r.parameter) for r in self.requests if r.header.identity.api_id == 1008]

    def torques(self) -> np.ndarray:
        return np.array([[m.tau for m in c.motor_cmd[:12]] for c in self.commands])

    def close(self) -> None:
        del self.states, self.sport_states, self.commands_in, self.requests_in, self.answers
        self.here.close()
