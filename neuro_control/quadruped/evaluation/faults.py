# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The quadruped's nodes in the fault matrix: their good streams, and what safe means."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from geometry_msgs.msg import Twist
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Float64MultiArray

from neuro_control.faults.subject import Moment, Output, Received, Stream, Subject, Surroundings
from neuro_control.quadruped.control.command import Command
from neuro_control.quadruped.control.robots import GO2
from neuro_control.quadruped.control.types import GRAVITY, JOINTS, LEGS
from neuro_control.ros.messages import SET_POINT_QOS, joint_state, to_stamp
from neuro_control.ros.process import PARENT_VARIABLE

# Observations a second: as Unitree's own simulator sends them, which a harness can keep up with.
_RATE = 200.0
_STANDING = np.tile([0.0, 0.8, -1.6], len(LEGS))
_TORQUE = np.tile(GO2.torque, len(LEGS))
# Torque below which joints only brake: 3 N·m·s/rad times the noise of their speeds, N·m.
_BRAKING = 0.5
# What the diagnostics say of a robot that lies down by itself, as it does without a joint's sensor.
_GOES_DOWN = ("down:", "lies down", "sits down")


def _joint_states(moment: Moment) -> JointState:
    """A robot that stands, with the noise of its encoders."""
    angles = _STANDING + moment.rng.normal(0.0, 1e-4, len(JOINTS))
    speeds = moment.rng.normal(0.0, 1e-2, len(JOINTS))
    return joint_state(moment.stamp, list(JOINTS), angles, speeds)


def _imu(moment: Moment) -> Imu:
    message = Imu()
    message.header.stamp = to_stamp(moment.stamp)
    w, a = message.angular_velocity, message.linear_acceleration
    w.x, w.y, w.z = moment.rng.normal(0.0, 1e-3, 3).tolist()
    a.x, a.y, a.z = (np.array([0.0, 0.0, GRAVITY]) + moment.rng.normal(0.0, 1e-2, 3)).tolist()
    return message


def _feet(moment: Moment) -> JointState:
    return joint_state(
        moment.stamp, list(LEGS), effort=moment.rng.normal(GO2.mass * GRAVITY / 4, 0.5, len(LEGS))
    )


def _beyond_torque(message: JointState) -> str:
    if len(message.effort) != len(JOINTS):
        return f"{len(message.effort)} torques"
    beyond = np.abs(message.effort) - _TORQUE
    return f"a torque of {np.abs(message.effort).max():g} N·m" if beyond.max() > 1e-9 else ""


def _brakes_or_goes_down(received: Received) -> bool:
    """Whether the joints only brake, or the robot lies down by itself."""
    brakes = max(map(abs, received.message.effort), default=0.0) < _BRAKING
    return brakes or any(text in received.state for text in _GOES_DOWN)


def _gait_command(_moment: Moment) -> Float64MultiArray:
    return Float64MultiArray(data=Command().array().tolist())


GAIT_CONTROLLER = Subject(
    node="neuro_control.quadruped.nodes.gait_controller:GaitController",
    name="gait_controller",
    # As the robot sends them: what triggers an answer comes last.
    streams=(
        Stream(
            "joint_states",
            JointState,
            _RATE,
            _joint_states,
            ("position", "velocity"),
            timeout=0.1,
        ),
        Stream(
            "imu/imu",
            Imu,
            _RATE,
            _imu,
            (
                *("angular_velocity.x", "angular_velocity.y", "angular_velocity.z"),
                *("linear_acceleration.x", "linear_acceleration.y", "linear_acceleration.z"),
            ),
            timeout=0.1,
        ),
        Stream("foot_forces", JointState, _RATE, _feet, ("effort",), timeout=None),
        Stream(
            "gait_command",
            Float64MultiArray,
            10.0,
            _gait_command,
            ("data",),
            timeout=None,
            qos=SET_POINT_QOS,
        ),
    ),
    output=Output(
        "joint_commands",
        JointState,
        trouble=_beyond_torque,
        safe=_brakes_or_goes_down,
        fields=("position", "velocity", "effort"),
        most=2 * _RATE,
    ),
    services=("enable", "stand_up"),
)


class Request(NamedTuple):
    """A request to the robot's own controller.

    Attributes:
        number: Its api_id.
        values: Its parameters.
    """

    number: int
    values: dict[str, Any]


def _cmd_vel(_moment: Moment) -> Twist:
    twist = Twist()
    twist.linear.x, twist.linear.y, twist.angular.z = 0.3, 0.05, 0.2
    return twist


@contextmanager
def _simulated_go2(domain: int) -> Iterator[Surroundings]:
    """The simulated Go2 in a process of its own, and somebody who reads what it is asked for."""
    # Where cyclonedds is missing, the scenario still loads.
    from neuro_control.quadruped.go2 import idl
    from neuro_control.quadruped.go2.sport import Service
    from neuro_control.ros.dds.participant import Participant, taken

    here = Participant(domain, "lo")
    readers = [here.reader(f"rt/api/{Service.SPORT.value}/request", idl.Request, 64)]
    robots: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        robots.append(
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "neuro_control.ros.process"),
                    *("neuro_control.quadruped.go2.simulated:SimulatedGo2", "--ros-args"),
                    *("-p", f"domain:={domain}", "-p", "start:=standing"),
                ],
                env={
                    **os.environ,
                    "ROS_DOMAIN_ID": str(domain),
                    PARENT_VARIABLE: str(os.getpid()),
                },
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )

    def lose() -> None:
        while robots:
            robot = robots.pop()
            robot.kill()
            robot.wait()

    def listen() -> list[Request]:
        return [
            Request(each.header.identity.api_id, _values(each.parameter))
            for each in taken(readers[0])
        ]

    start()
    try:
        yield Surroundings(
            parameters={"domain": domain, "network_interface": "lo"},
            listen=listen,
            lose=lose,
            restore=start,
        )
    finally:
        lose()
        readers.clear()  # before the domain is left
        here.close()


def _values(text: str) -> dict[str, Any]:
    values = json.loads(text or "{}")
    return values if isinstance(values, dict) else {}


# What walks, what leans and what sets the height; all else stops, stands or damps.
_MOVE, _EULER, _HEIGHT = 1008, 1007, 1013
_MOST = {"x": 1.0, "y": 0.4, "z": 1.0}


def _beyond_velocity(request: Request) -> str:
    numbers = request.values
    if not all(math.isfinite(number) for number in numbers.values()):
        return f"not finite: {numbers}"
    if request.number == _MOVE and any(abs(numbers[k]) > most for k, most in _MOST.items()):
        return f"a velocity of {numbers}"
    return ""


UNITREE_GO2 = Subject(
    node="neuro_control.quadruped.go2.driver:UnitreeGo2",
    name="unitree_go2",
    streams=(
        Stream(
            "cmd_vel",
            Twist,
            20.0,
            _cmd_vel,
            ("linear.x", "linear.y", "angular.z"),
            timeout=0.6,
            silence_is_normal=True,
            qos=SET_POINT_QOS,
        ),
    ),
    output=Output(
        "requests",
        Request,
        trouble=_beyond_velocity,
        safe=lambda received: (
            received.message.number != _MOVE or not any(received.message.values.values())
        ),
        fields=(),
        most=60.0,
    ),
    services=("enable", "recover", "stand_up"),
    surroundings=_simulated_go2,
)

SUBJECTS = {"gait_controller": GAIT_CONTROLLER, "unitree_go2": UNITREE_GO2}
