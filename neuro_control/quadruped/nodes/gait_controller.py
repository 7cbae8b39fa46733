# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The quadruped's controller as a ROS 2 node: observations in, joint commands out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from geometry_msgs.msg import TransformStamped, Twist, TwistStamped
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger

from neuro_control.quadruped.control.command_mux import CommandSources
from neuro_control.quadruped.control.controller import QuadrupedController
from neuro_control.quadruped.control.robots import find_robot
from neuro_control.quadruped.control.types import JOINTS, LEGS, Observation
from neuro_control.quadruped.nodes.parameters import GaitParameters
from neuro_control.quadruped.nodes.readers import (
    JointsReader,
    known_speeds,
    read_body_imu,
    read_command,
    read_stamped_command,
)
from neuro_control.ros.controller import Controller, Input
from neuro_control.ros.messages import (
    NANOSECONDS,
    RECORD_QOS,
    SENSOR_QOS,
    SET_POINT_QOS,
    JointReader,
    joint_state,
    odometry,
    read_twist,
    to_nanoseconds,
)
from neuro_control.ros.process import run_node

try:  # There is no wheel of it: without a distribution there is no TF.
    from tf2_msgs.msg import TFMessage
except ImportError:
    TFMessage = None

Array = NDArray[np.float64]

_JOINTS = list(JOINTS)
# What feet without sensors say, N.
_NO_FORCES = np.zeros(len(LEGS))
# Topic of the estimated odometry in earlier releases.
_OLD_ODOMETRY = "odometry"
_ACTIVITY = [
    *(f"{what}_{leg}" for what in ("phase", "stance") for leg in LEGS),
    *(f"commanded_{name}" for name in ("forward", "left", "yaw_rate")),
    *(f"estimated_{name}" for name in ("forward", "left", "yaw_rate", "height")),
]


class GaitController(Controller[GaitParameters]):
    """Walks as commanded.

    Subscribes to ``joint_states`` (sensor_msgs/JointState: position, velocity), ``imu/imu``
    (sensor_msgs/Imu) and ``foot_forces`` (sensor_msgs/JointState: effort, N), which carry one
    stamp, and to ``cmd_vel`` (m/s, rad/s) and ``gait_command`` (std_msgs/Float64MultiArray: the
    numbers of ``command.Command``; or, stamped, a JointState). Publishes ``joint_commands``
    (position, velocity and all the torque, N m), ``odom`` with TF as estimated and, where someone
    listens, ``~/activity``: phases and stances of the feet, velocities commanded and estimated.
    Services: ``~/stand_up``, ``~/lie_down`` and ``~/clear_sensor_faults`` (std_srvs/Trigger).

    Args:
        name: Name of the node.
        node_options: Passed on to the rclpy node.
    """

    def __init__(self, name: str = "gait_controller", **node_options: Any) -> None:
        super().__init__(name, GaitParameters, JointState, "joint_commands", **node_options)
        self._activity = self.create_publisher(JointState, "~/activity", RECORD_QOS)
        self._odometry = self.create_publisher(Odometry, "odom", SENSOR_QOS)
        self._old_odometry = self.create_publisher(Odometry, _OLD_ODOMETRY, SENSOR_QOS)
        self._warned_of_old_odometry = False
        sends_tf = self.parameters.publish_tf and TFMessage is not None
        self._transforms = self.create_publisher(TFMessage, "/tf", 100) if sends_tf else None
        self._stand_up_service = self.resolve_service_name("~/stand_up")
        self.create_service(Trigger, "~/stand_up", self._on_stand_up)
        self.create_service(Trigger, "~/lie_down", self._on_lie_down)
        self._clear_service = self.resolve_service_name("~/clear_sensor_faults")
        self.create_service(Trigger, "~/clear_sensor_faults", self._on_clear_sensor_faults)

    def configure(self) -> Sequence[Input[Any]]:
        """Build the controller; joint states trigger a step."""
        p = self.parameters
        robot = find_robot(p.robot)
        self.controller = QuadrupedController(robot, p.settings)
        self.controller.compile()
        self._torque = np.tile(robot.torque, len(LEGS))
        self._low, self._high = np.tile(robot.limits, (len(LEGS), 1)).T
        self._joints = Input("joint_states", JointState, JointsReader(), p.input_timeout)
        # Each observation is answered once all of its stamp is there.
        self._imu: Input[Any] = Input("imu/imu", Imu, read_body_imu, p.input_timeout, awaited=True)
        feet = JointReader(LEGS, "effort", gaps=True)
        self._forces: Input[Any] = Input(
            "foot_forces", JointState, feet, p.input_timeout, awaited=p.foot_sensors
        )
        twist = TwistStamped if p.stamped_cmd_vel else Twist
        self._cmd_vel = Input("cmd_vel", twist, read_twist, p.command_timeout, SET_POINT_QOS)
        self._gait_command = Input(
            "gait_command",
            JointState if p.stamped_gait_command else Float64MultiArray,
            read_stamped_command() if p.stamped_gait_command else read_command,
            math.inf,
            SET_POINT_QOS,
            awaited=p.lockstep,
        )
        self.apply()
        if p.odometry_rate and p.publish_tf and TFMessage is None:
            self.get_logger().info(
                "tf2_msgs is not installed: robot_state_publisher can send the odometry's frame"
            )
        return self._joints, self._imu, self._forces, self._cmd_vel, self._gait_command

    def apply(self) -> None:
        """Take over how to walk; what is under way goes on."""
        p = self.parameters
        settings = p.settings
        self.controller.apply(settings.mux, settings.limits)
        self._cmd_vel.timeout = p.command_timeout
        for each in (self._imu, self._forces):
            each.timeout = p.input_timeout

    def reset(self) -> None:
        """Hold the joints, then stand up or lie, as the parameter ``start_standing`` says."""
        self.controller.reset()
        # Stamp of the last step, and on the steady time when its observation was measured, ns.
        self._stepped, self._stepped_at = 0, 0
        self._received_at: int | None = None
        self._odometry_due = 0
        self._last_odometry: Odometry | None = None
        if not self.parameters.start_standing:
            self.get_logger().info(f"the robot lies; {self._stand_up_service} makes it stand up")

    def step(self, observation: Array) -> Array:
        """Angles, speeds and torques, (3, 12), that answer angles and speeds, (2, 12)."""
        stamp = self._stepped = self._joints.time
        self._stepped_at, self._received_at = self._joints.measured or 0, self._joints.received
        # It was awaited, as the forces were if there are any: they are there.
        imu: Any = self._imu.value
        forces: Any = self._forces.value if self.parameters.foot_sensors else _NO_FORCES
        measured = Observation(imu[0], imu[1], observation[0], observation[1], forces)
        sources = CommandSources(*self._latest(self._gait_command), *self._latest(self._cmd_vel))
        action = np.array(self.controller.step(measured, stamp / NANOSECONDS, sources))
        if self._activity.get_subscription_count():
            self._publish_activity(stamp)
        rate = self.parameters.odometry_rate
        if rate and self.controller.odometry.estimating and stamp >= self._odometry_due:
            self._odometry_due = stamp + round(NANOSECONDS / rate)
            self._publish_odometry(stamp)
        return action

    def awaits(self, source: Input[Any], stamp: int) -> bool:
        """Whether there is something to wait for: a gait command answers the last odometry."""
        if source is not self._gait_command:
            return super().awaits(source, stamp)
        last = self._last_odometry
        if last is None:
            # Whoever answers odometry has to be there before the robot moves.
            return not self._odometry.get_subscription_count()
        return source.time != to_nanoseconds(last.header.stamp)

    def while_waiting(self) -> None:
        """Publish the odometry again, in case that it or its answer was lost."""
        if self.parameters.lockstep and self._last_odometry is not None:
            self._odometry.publish(self._last_odometry)

    def _latest(self, source: Input[Any]) -> tuple[Any, float]:
        """Last good value and its age, s."""
        if self._simulated or source.measured is None:
            return source.value, abs(self._joints.time - source.time) / NANOSECONDS
        # On the wall clock, somebody may have set it since.
        return source.value, max(self._stepped_at - source.measured, 0) / NANOSECONDS

    def remark(self) -> str | None:
        """That it has fallen, which sensors are lost, and what of its command is not obeyed."""
        remarks = self.controller.remarks
        if self.controller.locomotion.monitor.latched:
            remarks.append(f"once that is mended, {self._clear_service} makes it count again")
        return "; ".join(remarks) or None

    def limits(self) -> tuple[Array, Array]:
        """Of angles, speeds and torques."""
        free = np.full(len(JOINTS), np.inf)
        return (
            np.stack([self._low, -free, -self._torque]),
            np.stack([self._high, free, self._torque]),
        )

    def overdue(self) -> float:
        """Silence after which it walks on by predicted readings, s."""
        return self.controller.settings.clock.overdue

    def fallback_action(self) -> Array:
        """Walk on for a moment while observations are missing; brake if they are refused."""
        joints = self._joints
        # Joint states that come and are refused may say what is wrong with the robot.
        refused = joints.received != self._received_at and joints.time == self._stepped
        if refused or self._received_at is None:
            return self.safe_action()
        elapsed = (joints.steady.at(self.now()) - self._stepped_at) / NANOSECONDS
        bridged = self.controller.bridge(max(elapsed, 0.0))
        return self.safe_action() if bridged is None else np.array(bridged)

    def safe_action(self) -> Array:
        """Joints only brake, so that a standing robot sinks down; zero torque without speeds."""
        fresh = self._joints.fresh(self.now())
        speeds = np.zeros(len(JOINTS)) if fresh is None else known_speeds(fresh[1])
        efforts = np.clip(-self.parameters.damping * speeds, -self._torque, self._torque)
        measured = np.zeros(len(JOINTS)) if self._joints.value is None else self._joints.value[0]
        angles = np.clip(np.where(np.isfinite(measured), measured, 0.0), self._low, self._high)
        return np.stack([angles, np.zeros(len(JOINTS)), efforts])

    def command(self, nanoseconds: int, action: Array) -> JointState:
        """Angles, rad, speeds, rad/s, and all the torque, N m."""
        return joint_state(nanoseconds, _JOINTS, *action)

    def _publish_activity(self, nanoseconds: int) -> None:
        gait, command = self.controller.gait, self.controller.command
        values = np.concatenate(
            [
                gait.schedule.phases,
                gait.schedule.stance,
                (command.forward, command.left, command.yaw_rate),
                gait.estimate,
            ]
        )
        self._activity.publish(joint_state(nanoseconds, _ACTIVITY, values))

    def _publish_odometry(self, nanoseconds: int) -> None:
        publishers = (self._odometry, self._old_odometry, self._transforms)
        if not any(each.get_subscription_count() for each in publishers if each is not None):
            return
        estimator = self.controller.gait.estimator
        position, rotation = self.controller.odometry.pose(estimator)
        linear = estimator.rotation.T @ estimator.velocity
        message = odometry(nanoseconds, position, _quaternion(rotation), linear, estimator.rate)
        self._odometry.publish(message)
        if self._odometry.get_subscription_count():
            self._last_odometry = message
        if self._old_odometry.get_subscription_count():
            self._old_odometry.publish(message)
            if not self._warned_of_old_odometry:
                self._warned_of_old_odometry = True
                self.get_logger().warning(
                    f"the estimated odometry is published on odom; somebody subscribes to "
                    f"{_OLD_ODOMETRY}, its old name, which goes with the next release"
                )
        if self._transforms is not None:
            transform = TransformStamped(header=message.header, child_frame_id="base_link")
            place, pose = transform.transform.translation, message.pose.pose
            place.x, place.y, place.z = position.tolist()
            transform.transform.rotation = pose.orientation
            self._transforms.publish(TFMessage(transforms=[transform]))

    def _on_stand_up(self, request: Any, response: Any) -> Any:
        self.controller.stand_up()
        response.success, response.message = True, "stands up"
        return response

    def _on_clear_sensor_faults(self, request: Any, response: Any) -> Any:
        self.controller.clear_sensor_faults()
        response.success, response.message = True, "all sensors count again"
        return response

    def _on_lie_down(self, request: Any, response: Any) -> Any:
        self.controller.lie_down()
        response.success = True
        response.message = f"lies down; {self._stand_up_service} makes it stand up again"
        self.get_logger().info(response.message)
        return response


def _quaternion(rotation: Array) -> Array:
    """Of a rotation (3, 3), as w, x, y, z (4,); the largest of the four is found first."""
    trace = float(np.trace(rotation))
    squares = np.array([trace, *(2 * np.diag(rotation) - trace)]) + 1.0
    k = int(squares.argmax())
    r = rotation
    rows = np.array(
        [
            [squares[0], r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]],
            [r[2, 1] - r[1, 2], squares[1], r[1, 0] + r[0, 1], r[0, 2] + r[2, 0]],
            [r[0, 2] - r[2, 0], r[1, 0] + r[0, 1], squares[2], r[2, 1] + r[1, 2]],
            [r[1, 0] - r[0, 1], r[0, 2] + r[2, 0], r[2, 1] + r[1, 2], squares[3]],
        ]
    )
    quaternion: Array = rows[k] / np.linalg.norm(rows[k])
    return quaternion


def main() -> None:
    """Run the node: the executable gait_controller."""
    run_node(GaitController)
