# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The node collision_monitor: velocity commands go through it, as slow as range sensors ask for.

It is a stage of its own before whatever obeys ``cmd_vel``, as Nav2's collision monitor is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np
from geometry_msgs.msg import Twist, TwistStamped
from numpy.typing import NDArray
from sensor_msgs.msg import LaserScan, Range

from neuro_control.errors import ConfigurationError
from neuro_control.ros.collision.gate import GateSettings, View, gate
from neuro_control.ros.controller import Controller, ControllerParameters, Input
from neuro_control.ros.messages import SET_POINT_QOS, Rejected, read_range, read_twist, to_stamp
from neuro_control.ros.parameters import parameter
from neuro_control.ros.process import run_node

Array = NDArray[np.float64]

# Faster than any robot here, m/s and rad/s: the node itself limits nothing but by its sensors.
_FASTEST = 10.0
# Most rays of a scan.
_RAYS = 100_000


@dataclass(frozen=True)
class CollisionParameters(ControllerParameters):
    """Parameters of the collision monitor."""

    control_period: float = parameter(
        0.02, "Least time between two commands, s", low=1e-3, high=1.0, fixed=True
    )
    input_timeout: float = parameter(
        0.3, "Age of a range from which the robot stops, s", low=0.02, high=10.0
    )
    range_topics: tuple[str, ...] = parameter(
        ("front/range",), "Topics of sensor_msgs/Range", fixed=True
    )
    range_yaws: tuple[float, ...] = parameter(
        (0.0,), "Direction of each of them, to the left of ahead, rad", items=float, fixed=True
    )
    range_offsets: tuple[float, ...] = parameter(
        (0.3,), "Distance of each of them from base_link in that direction, m", items=float,
        fixed=True,
    )  # fmt: skip
    range_half_angle: float = parameter(
        0.5,
        "Ways that differ from a range's direction by no more than this count as looked at, rad",
        low=0.0,
        high=math.pi,
    )
    scan_topic: str = parameter("", "Topic of a sensor_msgs/LaserScan; empty for none", fixed=True)
    scan_yaw: float = parameter(
        0.0, "Direction of its angle 0, to the left of ahead, rad", low=-math.pi, high=math.pi
    )
    scan_offset: float = parameter(0.0, "How far ahead of base_link it is, m", low=-5.0, high=5.0)
    half_length: float = parameter(
        GateSettings.half_length, "From base_link to the robot's front and back, m",
        low=0.0, high=5.0,
    )  # fmt: skip
    half_width: float = parameter(
        GateSettings.half_width, "From base_link to either side, with play, m", low=0.0, high=5.0
    )
    stop_distance: float = parameter(
        GateSettings.stop_distance, "Distance to keep from an obstacle, m", low=0.0, high=10.0
    )
    deceleration: float = parameter(
        GateSettings.deceleration, "Deceleration that the robot manages, m/s²", low=0.01, high=20.0
    )
    reaction_time: float = parameter(
        GateSettings.reaction_time,
        "Time from an obstacle's coming near to the beginning of the braking, s",
        low=0.0,
        high=5.0,
    )
    blind_speed: float = parameter(
        GateSettings.blind_speed, "Highest speed to where no sensor looks, m/s", low=0.0, high=10.0
    )
    command_timeout: float = parameter(
        0.5, "Age from which a command counts for nothing, s", low=0.02, high=10.0
    )
    stamped_cmd_vel: bool = parameter(
        False, "cmd_vel_in and cmd_vel are TwistStamped instead of Twist", fixed=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        counts = {len(self.range_topics), len(self.range_yaws), len(self.range_offsets)}
        if len(counts) != 1:
            raise ConfigurationError(
                "range_topics, range_yaws and range_offsets have a number for each sensor: "
                f"{len(self.range_topics)}, {len(self.range_yaws)}, {len(self.range_offsets)}"
            )
        if not self.range_topics and not self.scan_topic:
            raise ConfigurationError("without range_topics or scan_topic there is nothing to mind")

    @property
    def settings(self) -> GateSettings:
        """Numbers of the gate."""
        return GateSettings(
            **{each.name: getattr(self, each.name) for each in fields(GateSettings)}
        )


class CollisionMonitor(Controller[CollisionParameters]):
    """Lets velocity commands pass as fast as the robot can stop before what its sensors see.

    Subscribes to ``cmd_vel_in`` (geometry_msgs/Twist, or TwistStamped), to each of
    ``range_topics`` (sensor_msgs/Range) and ``scan_topic`` (sensor_msgs/LaserScan); publishes
    ``cmd_vel`` for each message of the first sensor. Without a command the velocity is zero.

    Args:
        name: Name of the node.
        node_options: Passed on to the rclpy node.
    """

    def __init__(self, name: str = "collision_monitor", **node_options: Any) -> None:
        super().__init__(name, CollisionParameters, Twist, "cmd_vel", **node_options)
        if self.parameters.stamped_cmd_vel:
            self._command_type = TwistStamped

    def configure(self) -> Sequence[Input[Any]]:
        """The first sensor triggers a step."""
        p = self.parameters
        self._why = ""
        self._ranges = [
            Input(topic, Range, partial(_range_points, yaw, offset), p.input_timeout)
            for topic, yaw, offset in zip(
                p.range_topics, p.range_yaws, p.range_offsets, strict=True
            )
        ]
        self._scan: Input[Any] | None = (
            Input(p.scan_topic, LaserScan, self._scan_points, p.input_timeout)
            if p.scan_topic
            else None
        )
        self._command = Input(
            "cmd_vel_in", self._command_type, read_twist, p.command_timeout, SET_POINT_QOS
        )
        return *self._sensors, self._command

    @property
    def _sensors(self) -> list[Input[Any]]:
        return [*self._ranges, *([] if self._scan is None else [self._scan])]

    def _scan_points(self, message: LaserScan) -> tuple[float, float, Array]:
        return _scan_points(self.parameters.scan_yaw, self.parameters.scan_offset, message)

    def apply(self) -> None:
        """Take over time-outs; the rest counts with the next command."""
        p = self.parameters
        self._command.timeout = p.command_timeout
        for each in self._sensors:
            each.timeout = p.input_timeout

    def reset(self) -> None:
        """It remembers nothing."""
        self._why = ""

    def step(self, observation: Any) -> Array:
        """Velocity (m/s, m/s, rad/s), (3,), that may be driven now."""
        commanded = self._command.fresh(self.now())
        if commanded is None:
            self._why = ""
            return np.zeros(3)
        velocity, self._why = gate(commanded, self._views(), self.parameters.settings)
        return np.array(velocity)

    def _views(self) -> list[View]:
        p, now = self.parameters, self.now()
        views = [
            View(yaw, p.range_half_angle, each.fresh(now))
            for each, yaw in zip(self._ranges, p.range_yaws, strict=True)
        ]
        if self._scan is not None:
            seen = self._scan.fresh(now)
            # A scan that has never come looks everywhere.
            direction, half, points = (0.0, math.pi, None) if seen is None else seen
            views.append(View(direction, half, points))
        return views

    def remark(self) -> str | None:
        """Why the robot is slower than commanded."""
        return self._why or None

    def limits(self) -> tuple[Array, Array]:
        """No others than those of the sensors."""
        most = np.full(3, _FASTEST)
        return -most, most

    def safe_action(self) -> Array:
        """Zero velocity."""
        return np.zeros(3)

    def command(self, nanoseconds: int, action: Array) -> Any:
        """Velocity command in base_link."""
        twist = Twist()
        twist.linear.x, twist.linear.y, twist.angular.z = action.tolist()
        if self._command_type is Twist:
            return twist
        message = TwistStamped(twist=twist)
        message.header.stamp, message.header.frame_id = to_stamp(nanoseconds), "base_link"
        return message


def _range_points(yaw: float, offset: float, message: Range) -> Array:
    """Obstacles that a range shows, (n, 2), m: in the middle of its beam and at its edges.

    Raises:
        Rejected: It shows nothing, not even that nothing is there.
    """
    distance = read_range(message)
    if math.isnan(distance):
        raise Rejected("not_finite", "the range is not a number: its signal is weak")
    if distance == math.inf or distance > message.max_range:
        return np.empty((0, 2))
    half = 0.5 * message.field_of_view
    if not 0.0 <= half <= math.pi:
        raise Rejected("range", f"a field of view of {message.field_of_view:g} rad")
    angles = yaw + np.array([-half, 0.0, half])
    beam = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    start = offset * np.array([math.cos(yaw), math.sin(yaw)])
    points: Array = start + max(distance, 0.0) * beam  # -inf is too close
    return points


def _scan_points(yaw: float, offset: float, message: LaserScan) -> tuple[float, float, Array]:
    """Middle and half width of what a scan sees, rad, and obstacles in it, (n, 2), m.

    Raises:
        Rejected: Its angles are no angles, or it has too many rays.
    """
    ranges = np.asarray(message.ranges, dtype=np.float64)
    first, step = message.angle_min, message.angle_increment
    if not (math.isfinite(first) and math.isfinite(step)) or len(ranges) > _RAYS:
        raise Rejected("range", f"a scan of {len(ranges)} rays from {first} rad by {step} rad")
    angles = yaw + first + step * np.arange(len(ranges))
    near = np.where(ranges == -math.inf, 0.0, ranges)
    seen = np.isfinite(near) & (near <= message.range_max)
    distances = near[seen]
    points = np.stack(
        [offset + distances * np.cos(angles[seen]), distances * np.sin(angles[seen])], axis=1
    )
    half = abs(step) * len(ranges) / 2
    return yaw + first + step * (len(ranges) - 1) / 2, min(half, math.pi), points


def main() -> None:
    """Run the node: the executable collision_monitor."""
    run_node(CollisionMonitor)
