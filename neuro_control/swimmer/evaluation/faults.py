# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The swimmer's nodes in the fault matrix: their good streams, and what safe means."""

from __future__ import annotations

import math

import numpy as np
from geometry_msgs.msg import Twist
from sensor_msgs.msg import JointState

from neuro_control.faults.subject import Moment, Output, Stream, Subject
from neuro_control.ros.messages import SET_POINT_QOS, joint_state
from neuro_control.swimmer.control.types import MAX_TORQUE

_JOINTS = [f"joint_{k}" for k in range(1, 6)]
# Control periods a second.
_RATE = 1 / 0.03


def _joint_states(moment: Moment) -> JointState:
    """Joints that undulate."""
    phases = 2 * math.pi * (moment.elapsed / 1.8 - np.arange(5) / 6)
    return joint_state(moment.stamp, _JOINTS, 0.5 * np.sin(phases))


def _cmd_vel(_moment: Moment) -> Twist:
    twist = Twist()
    twist.linear.x, twist.angular.z = 0.04, 0.05
    return twist


def _beyond_torque(message: JointState) -> str:
    largest = max(map(abs, message.effort), default=0.0)
    return f"a torque of {largest:g} N·m" if largest > MAX_TORQUE else ""


CONTROLLER = Subject(
    node="neuro_control.swimmer.nodes.controller:SwimmerController",
    streams=(
        Stream("joint_states", JointState, _RATE, _joint_states, ("position",), timeout=0.1),
        Stream("cmd_vel", Twist, 10.0, _cmd_vel, ("linear.x", "angular.z"), 0.5, SET_POINT_QOS),
    ),
    output=Output(
        "joint_commands",
        JointState,
        trouble=_beyond_torque,
        safe=lambda message: not any(message.effort),
        fields=("effort",),
        most=2 * _RATE,
    ),
    weights={"policy": "swimmer_ncap_extended.safetensors"},
    services=("enable",),
)

SUBJECTS = {"swimmer_controller": CONTROLLER}
