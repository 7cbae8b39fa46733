# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The swimmer's nodes in the fault matrix: their good streams, and what safe means."""

from __future__ import annotations

import math

import numpy as np
from geometry_msgs.msg import PoseStamped, Twist, TwistStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import JointState

from neuro_control.faults.subject import Moment, Output, Stream, Subject
from neuro_control.ros.messages import (
    COMMAND_QOS,
    SENSOR_QOS,
    SET_POINT_QOS,
    joint_state,
    odometry,
    to_stamp,
)
from neuro_control.swimmer.control.types import MAX_TORQUE
from neuro_control.swimmer.nodes.navigator import NavigatorParameters

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
    name="swimmer_controller",
    streams=(
        Stream("joint_states", JointState, _RATE, _joint_states, ("position",), timeout=0.1),
        Stream(
            "cmd_vel",
            Twist,
            10.0,
            _cmd_vel,
            ("linear.x", "angular.z"),
            timeout=0.5,
            qos=SET_POINT_QOS,
        ),
    ),
    output=Output(
        "joint_commands",
        JointState,
        trouble=_beyond_torque,
        safe=lambda received: not any(received.message.effort),
        fields=("effort",),
        most=2 * _RATE,
    ),
    weights={"policy": "swimmer_ncap_extended.safetensors"},
    services=("enable",),
)


def _odometry(moment: Moment) -> Odometry:
    """A swimmer that swings its head on the spot."""
    yaw = 0.3 * math.sin(3.5 * moment.elapsed)
    attitude = np.array([math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)])
    return odometry(moment.stamp, np.zeros(3), attitude, np.zeros(3), np.zeros(3))


def _goal(moment: Moment) -> PoseStamped:
    """A goal far ahead."""
    message = PoseStamped()
    message.header.frame_id = "odom"
    message.header.stamp = to_stamp(moment.stamp)
    message.pose.position.x = 50.0
    message.pose.orientation.w = 1.0
    return message


def _beyond_speed(message: TwistStamped) -> str:
    speed, rate = message.twist.linear.x, abs(message.twist.angular.z)
    if not 0.0 <= speed <= NavigatorParameters.speed:
        return f"a speed of {speed:g} m/s"
    return f"a yaw rate of {rate:g} rad/s" if rate > NavigatorParameters.max_yaw_rate else ""


NAVIGATOR = Subject(
    node="neuro_control.swimmer.nodes.navigator:SwimmerNavigator",
    name="swimmer_navigator",
    streams=(
        Stream(
            "odom",
            Odometry,
            _RATE,
            _odometry,
            ("pose.pose.position.x", "pose.pose.position.y", "pose.pose.orientation.z"),
            timeout=0.1,
        ),
        Stream(
            "goal_pose",
            PoseStamped,
            2.0,
            _goal,
            ("pose.position.x", "pose.position.y"),
            timeout=None,
            qos=SET_POINT_QOS,
        ),
    ),
    output=Output(
        "cmd_vel",
        TwistStamped,
        trouble=_beyond_speed,
        safe=lambda received: (
            received.message.twist.linear.x == 0 == received.message.twist.angular.z
        ),
        fields=("twist.linear.x", "twist.angular.z"),
        most=2 * _RATE,
    ),
    parameters={"waypoints": [50.0, 0.0]},
    services=("enable",),
)


def _answer(moment: Moment) -> JointState | None:
    """A command that answers the simulation's latest observation."""
    if moment.received is None:
        return None
    message = joint_state(0, _JOINTS, effort=np.full(5, 0.4 * MAX_TORQUE))
    message.header.stamp = moment.received.header.stamp
    return message


_IS_THE_CLOCK = "it is the clock itself"

SIMULATION = Subject(
    node="neuro_control.simulation.node:Simulation",
    name="simulation",
    streams=(
        Stream(
            "joint_commands",
            JointState,
            _RATE,
            _answer,
            ("effort",),
            timeout=0.2,
            qos=COMMAND_QOS,
        ),
    ),
    output=Output(
        "joint_states",
        JointState,
        trouble=_beyond_torque,
        safe=lambda received: not any(received.message.effort),
        fields=("position", "velocity", "effort"),
        most=_RATE,
        qos=SENSOR_QOS,
    ),
    parameters={
        "model": "neuro_control.swimmer.simulation.tasks:swim",
        "lockstep": False,
        "command_timeout": 0.2,
    },
    managed=False,
    exempt=dict.fromkeys(("clock_forward", "clock_back", "reset"), _IS_THE_CLOCK),
)

SUBJECTS = {
    "swimmer_controller": CONTROLLER,
    "swimmer_navigator": NAVIGATOR,
    "simulation": SIMULATION,
}
