# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The topics of one simulated robot: what it measures, and the commands that it takes."""

from __future__ import annotations

from collections.abc import Callable

import mujoco
import numpy as np
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from rclpy.node import Node
from sensor_msgs.msg import JointState

from neuro_control.ros.messages import COMMAND_QOS, SENSOR_QOS
from neuro_control.simulation.interface import Actuators, Base, Feet, Joints, Sensor, sensors
from neuro_control.simulation.world import Robot

Array = NDArray[np.float64]


class RobotTopics:
    """Topics of one robot of a world, under its prefix.

    Args:
        model: Model that has the robot.
        robot: The robot.
        odometry: Whether its true pose is published.

    Attributes:
        robot: The same.
        every: Observation periods of the simulation between two of the robot's.
        odometry: Its publisher of the true pose.
        base: Its true pose, if it is published.

    Raises:
        ConfigurationError: The model lacks what is asked for, or has motors that no joint command
            can drive.
    """

    def __init__(self, model: mujoco.MjModel, robot: Robot, odometry: bool) -> None:
        self.robot = robot
        self.every = 1
        self.actuators = Actuators(model, robot.prefix)
        self.base = Base(model, robot.prefix) if odometry else None
        self._joints = Joints(model, robot.prefix)

    def open(
        self,
        node: Node,
        model: mujoco.MjModel,
        odometry_topic: str,
        receive: Callable[[JointState], None],
    ) -> None:
        """Make the topics.

        Args:
            node: Publishes and subscribes.
            model: Model that has the robot.
            odometry_topic: Where the true pose is published, below the prefix.
            receive: Called with each of the robot's commands.
        """
        prefix = self.robot.prefix
        joints, pose = f"{prefix}joint_states", f"{prefix}{odometry_topic}"
        self._joint_publisher = node.create_publisher(JointState, joints, SENSOR_QOS)
        self.odometry = node.create_publisher(Odometry, pose, SENSOR_QOS)
        self._sensors: list[Sensor | Feet] = [
            *sensors(node, model, prefix),
            Feet(node, model, prefix),
        ]
        self._subscription = node.create_subscription(
            JointState, self.commands, receive, COMMAND_QOS
        )

    @property
    def commands(self) -> str:
        """Topic of its commands."""
        return f"{self.robot.prefix}joint_commands"

    def due(self, steps: int) -> bool:
        """Whether it is observed after that many observation periods of the simulation."""
        return steps % self.every == 0

    def publish_sensors(self, stamp: int, data: mujoco.MjData) -> None:
        """Publish its true pose and what its sensors measure."""
        if self.base is not None and self.odometry.get_subscription_count():
            self.odometry.publish(self.base.message(stamp, data))
        for sensor in self._sensors:
            sensor.publish(stamp, data)

    def publish_joints(self, stamp: int, data: mujoco.MjData) -> None:
        """Publish its joints, which trigger a controller's step."""
        self._joint_publisher.publish(self._joints.message(stamp, data))
