# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Swimmer navigator node: from odometry to velocities that lead to a goal or along waypoints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped, TwistStamped
from nav_msgs.msg import Odometry
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.ros.controller import Controller, ControllerParameters, Input
from neuro_control.ros.messages import SET_POINT_QOS, read_pose, to_stamp
from neuro_control.ros.parameters import parameter
from neuro_control.ros.process import run_node
from neuro_control.swimmer.control.steering import Heading, HeadingSettings

Array = NDArray[np.float64]


@dataclass(frozen=True)
class NavigatorParameters(ControllerParameters):
    """Parameters of the navigator."""

    waypoints: tuple[float, ...] = parameter(
        (), "Waypoints in the frame of the odometry: x and y of each in turn, m", items=float
    )
    loop: bool = parameter(False, "Start again with the first waypoint after the last")
    frame: str = parameter("odom", "Frame of odometry and goals", fixed=True)
    speed: float = parameter(0.08, "Forward speed on the way, m/s", low=0.0, high=10.0)
    max_yaw_rate: float = parameter(0.35, "Largest commanded yaw rate, rad/s", low=0.0, high=10.0)
    gain: float = parameter(
        HeadingSettings.gain, "Yaw rate per bearing of the target, 1/s", low=0.0, high=10.0
    )
    stroke: float = parameter(
        1.8, "Time over which the swing of the head is averaged, s", low=0.0, high=60.0
    )
    turning_radius: float = parameter(
        0.2, "Radius of the body's tightest turn, m", low=1e-3, high=100.0
    )
    reach: float = parameter(
        0.1, "Distance of base_link from which a target is reached, m", low=1e-3, high=100.0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.waypoints) % 2:
            raise ConfigurationError(
                f"waypoints are x and y in turn; {len(self.waypoints)} numbers are one too few"
            )


class SwimmerNavigator(Controller[NavigatorParameters]):
    """Leads a swimmer to a goal, or along waypoints until someone sends one.

    Subscribes to ``odom`` (nav_msgs/Odometry) and ``goal_pose`` (geometry_msgs/PoseStamped, whose
    attitude doesn't count), publishes ``cmd_vel`` (geometry_msgs/TwistStamped), stamped as the
    odometry that it answers. At a goal, and after the last waypoint, it rests.

    Args:
        name: Name of the node.
        node_options: Passed on to the rclpy node.
    """

    def __init__(self, name: str = "swimmer_navigator", **node_options: Any) -> None:
        super().__init__(name, NavigatorParameters, TwistStamped, "cmd_vel", **node_options)

    def configure(self) -> Sequence[Input[Any]]:
        """Odometry triggers a step; a goal holds until another comes."""
        p = self.parameters
        read = partial(read_pose, p.frame)
        self._heading = self._make_heading()
        # A goal doesn't age.
        self._goal = Input("goal_pose", PoseStamped, read, math.inf, SET_POINT_QOS)
        return Input("odom", Odometry, read, p.input_timeout), self._goal

    def _make_heading(self) -> Heading:
        p = self.parameters
        return Heading(
            HeadingSettings(p.speed, p.stroke, p.turning_radius, p.reach, p.control_period, p.gain)
        )

    def apply(self) -> None:
        """Take over gains and waypoints, which start again at the first if they changed."""
        waypoints = self._waypoints
        self._heading = self._make_heading()
        if self._read_waypoints() != waypoints:
            self.reset()

    def _read_waypoints(self) -> list[tuple[float, float]]:
        numbers = self.parameters.waypoints
        return list(zip(numbers[::2], numbers[1::2], strict=True))

    def reset(self) -> None:
        """Forget the goal and start with the first waypoint."""
        self._goal.value = None
        self._followed: Array | None = None
        self._waypoints = self._read_waypoints()
        self._next = 0
        self._heading.reset()

    def step(self, observation: Array) -> Array:
        """Forward speed (m/s) and yaw rate (rad/s), (2,), that answer x, y (m) and yaw (rad)."""
        goal = self._goal.value
        if goal is not self._followed:
            self._followed = goal
            self._heading.reset()
        if goal is None:
            self._pass_waypoints(observation)
            if self._next == len(self._waypoints):
                return np.zeros(2)
            goal = np.array(self._waypoints[self._next])
        distance, bearing = _way(goal, observation)
        return np.array(self._heading.step(bearing, distance))

    def _pass_waypoints(self, observation: Array) -> None:
        """Go on to the next waypoint if the present one is reached."""
        if self._next == len(self._waypoints):
            return
        distance, _ = _way(np.array(self._waypoints[self._next]), observation)
        if distance <= self.parameters.reach:
            self._next += 1
            if self.parameters.loop:
                self._next %= len(self._waypoints)
            self._heading.reset()

    def limits(self) -> tuple[Array, Array]:
        """Forwards only, within the largest speed and yaw rate."""
        p = self.parameters
        return np.array([0.0, -p.max_yaw_rate]), np.array([p.speed, p.max_yaw_rate])

    def safe_action(self) -> Array:
        """Zero velocity, which rests the swimmer."""
        return np.zeros(2)

    def command(self, nanoseconds: int, action: Array) -> TwistStamped:
        """Velocity command in base_link."""
        message = TwistStamped()
        message.header.stamp = to_stamp(nanoseconds)
        message.header.frame_id = "base_link"
        message.twist.linear.x, message.twist.angular.z = action.tolist()
        return message


def _way(target: Array, pose: Array) -> tuple[float, float]:
    """Distance (m) and bearing (rad) of a target from a pose x, y, yaw."""
    x, y = target[0] - pose[0], target[1] - pose[1]
    return math.hypot(x, y), math.atan2(y, x) - pose[2]


def main() -> None:
    """Run the node: the executable swimmer_navigator."""
    run_node(SwimmerNavigator)
