# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The states of a Go2 as the topics that the simulation offers."""

from __future__ import annotations

from typing import Any

import numpy as np
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from rclpy.node import Node
from sensor_msgs.msg import Imu, JointState

from neuro_control.quadruped.control.types import JOINTS, LEGS
from neuro_control.quadruped.go2.motors import State
from neuro_control.ros.messages import (
    SENSOR_QOS,
    Rejected,
    fill,
    fill_quaternion,
    finite,
    joint_state,
    odometry,
    to_stamp,
)

Array = NDArray[np.float64]


class SensorTopics:
    """Publishes ``imu/imu``, ``foot_forces``, ``joint_states`` and ``odom``.

    Args:
        node: The node that publishes them.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._imu = node.create_publisher(Imu, "imu/imu", SENSOR_QOS)
        self._feet = node.create_publisher(JointState, "foot_forces", SENSOR_QOS)
        self._joints = node.create_publisher(JointState, "joint_states", SENSOR_QOS)
        self._odometry = node.create_publisher(Odometry, "odom", SENSOR_QOS)

    def publish(self, stamp: int, state: State, force_scale: float) -> None:
        """Publish an observation: all of one stamp, the joints, which trigger a step, last.

        Args:
            stamp: Time, ns.
            state: The robot's state.
            force_scale: Force at a foot for one unit of its sensor, N.
        """
        imu = Imu()
        imu.header.stamp, imu.header.frame_id = to_stamp(stamp), "imu"
        fill_quaternion(imu.orientation, state.quaternion)
        fill(imu.angular_velocity, state.rate)
        fill(imu.linear_acceleration, state.acceleration)
        self._imu.publish(imu)
        self._feet.publish(joint_state(stamp, list(LEGS), effort=force_scale * state.forces))
        self._joints.publish(
            joint_state(stamp, list(JOINTS), state.angles, state.speeds, state.torques)
        )

    def publish_odometry(self, stamp: int, message: Any, frame: str, state: State | None) -> None:
        """Publish the odometry of a SportModeState.

        Unitree's simulators leave its attitude and angular velocity at 0; those of the LowState
        stand in then.

        Args:
            stamp: Time, ns.
            message: The SportModeState.
            frame: Frame of its velocity: odom (axes of the world) or base.
            state: The robot's latest good state; None before the first, without which a message
                without an attitude is not published.

        Raises:
            Rejected: A number is not finite, or the attitude no unit quaternion.
        """
        imu = message.imu_state
        numbers = finite(
            "sportmodestate",
            [*message.position, *message.velocity, *imu.quaternion, *imu.gyroscope],
            13,
        )
        position, velocity, quaternion, rate = np.split(numbers, [3, 6, 10])
        if not quaternion.any():
            if state is None:
                return
            quaternion, rate = state.quaternion, state.rate
        if abs(float(np.linalg.norm(quaternion)) - 1.0) > 0.05:
            raise Rejected("attitude", f"the attitude {quaternion.tolist()} is no unit quaternion")
        if frame == "odom":
            velocity = turned_back(quaternion, velocity)
        self._odometry.publish(odometry(stamp, position, quaternion, velocity, rate))

    def close(self) -> None:
        """Destroy the topics."""
        for publisher in (self._imu, self._feet, self._joints, self._odometry):
            self._node.destroy_publisher(publisher)


def turned_back(quaternion: Array, vector: Array) -> Array:
    """``vector`` of the world in the frame whose attitude is ``quaternion`` (w, x, y, z)."""
    w, axis = quaternion[0], -quaternion[1:]
    across = np.cross(axis, vector)
    turned: Array = vector + 2.0 * (w * across + np.cross(axis, across))
    return turned
