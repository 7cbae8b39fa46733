# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A policy that was trained elsewhere as a ROS 2 node: measurements in, commands out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped, Twist, TwistStamped
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Float64MultiArray

from neuro_control.policy.control import sources
from neuro_control.policy.control.policy import Policy
from neuro_control.policy.nodes.parameters import PolicyParameters
from neuro_control.policy.nodes.readers import JointNumbers, read_odometry
from neuro_control.quadruped.control.command import RANGES, Command, gait
from neuro_control.resources import find_file
from neuro_control.ros.controller import Controller, Input
from neuro_control.ros.messages import (
    NANOSECONDS,
    SET_POINT_QOS,
    JointReader,
    doubles,
    joint_state,
    read_imu,
    read_pose,
    read_twist,
)
from neuro_control.ros.process import run_node

Array = NDArray[np.float64]

_STANDING = gait("stand").array()
_GAIT = list(RANGES)
# Frame of odometry and goals, as everywhere in this package.
_FRAME = "odom"


class PolicyNode(Controller[PolicyParameters]):
    """Runs a policy whose table says what it observes and what its numbers do.

    It subscribes to the topics of the sources that the table names (``control.sources``).
    Depending on the table it publishes ``gait_command`` (std_msgs/Float64MultiArray; stamped, a
    JointState), one for each message of ``odom``, or ``joint_commands`` (sensor_msgs/JointState:
    efforts), one for each of ``joint_states``. The policy acts once in its own period; in between
    its last action holds, and position control of joints goes on.

    Args:
        name: Name of the node.
        node_options: Passed on to the rclpy node.
    """

    def __init__(self, name: str = "policy", **node_options: Any) -> None:
        super().__init__(name, PolicyParameters, JointState, "joint_commands", **node_options)

    def configure(self) -> Sequence[Input[Any]]:
        """Load the policy; odometry or joint states trigger a step, as its command wants."""
        p = self.parameters
        self.policy = Policy.load(find_file("config/policies", p.policy))
        table = self.policy.table
        self._of_joints = table.action.command == "joint_commands"
        self._command_topic = table.action.command
        plain = not (self._of_joints or p.stamped_gait_command)
        self._command_type = Float64MultiArray if plain else JointState
        self._columns = {
            term.source: [name for each in table.observation if each.source == term.source
                          for name in each.numbers]
            for term in table.observation
            if term.source != "action"
        }  # fmt: skip
        self._joint_names = self._joints_wanted()
        self._made = self._make_inputs()
        trigger = "joints" if self._of_joints else "odom"
        first = self._made[trigger]
        for source in ("imu", "feet"):
            # What is measured with the joints carries their stamp; odometry has a pace of its own.
            if source in self._made:
                self._made[source].awaited = self._of_joints
        return first, *(each for each in self._made.values() if each is not first)

    def _joints_wanted(self) -> list[str]:
        observed = [name.rpartition(".")[0] for name in self._columns.get("joints", ())]
        driven = self.policy.table.action.numbers if self._of_joints else ()
        return list(dict.fromkeys([*driven, *observed]))

    def _wants_speeds(self) -> bool:
        """Whether speeds of the joints are observed, or used to drive or to brake them."""
        observed = any(name.endswith(".velocity") for name in self._columns.get("joints", ()))
        driven = self._of_joints and self.policy.table.action.mode == "position"
        return observed or driven or self.parameters.damping > 0.0

    def _make_inputs(self) -> dict[str, Input[Any]]:
        p = self.parameters
        wanted = set(self._columns) | ({"joints"} if self._of_joints else {"odom"})
        twist = TwistStamped if p.stamped_cmd_vel else Twist
        made: dict[str, Input[Any]] = {}
        if wanted & {"odom", "goal"}:
            made["odom"] = Input("odom", Odometry, read_odometry, p.input_timeout)
        if "joints" in wanted:
            joints = JointNumbers(self._joint_names, self._wants_speeds())
            made["joints"] = Input("joint_states", JointState, joints, p.input_timeout)
        if "imu" in wanted:
            made["imu"] = Input("imu/imu", Imu, read_imu, p.input_timeout)
        if "feet" in wanted:
            feet = JointReader(self._columns["feet"], "effort")
            made["feet"] = Input("foot_forces", JointState, feet, p.input_timeout)
        if "goal" in wanted:
            made["goal"] = Input("goal_pose", PoseStamped, _read_goal, math.inf, SET_POINT_QOS)
        if "command" in wanted:
            made["command"] = Input("cmd_vel", twist, read_twist, p.command_timeout, SET_POINT_QOS)
        return made

    def apply(self) -> None:
        """Take over timeouts; a goal that was published stays."""
        for source in ("imu", "feet", "odom", "joints"):
            if source in self._made:
                self._made[source].timeout = self.parameters.input_timeout
        if "command" in self._made:
            self._made["command"].timeout = self.parameters.command_timeout

    def reset(self) -> None:
        """Forget the last action; a goal that was published stays."""
        self.policy.reset()
        self._next_action = 0
        self._remark: str | None = None
        # Angles that joints in the mode ``position`` are commanded to, rad.
        self._angles = np.zeros(len(self.policy.table.action.numbers))

    # From an observation to a command.

    def step(self, observation: Array) -> Array:
        """Numbers of a gait command, (15,), or efforts, (n,)."""
        stamp = self._inputs[0].time
        measured = self._measured()
        if measured is None:
            self.policy.reset()
            self._next_action = 0
            return np.asarray(self.safe_action(), dtype=np.float64)
        if stamp >= self._next_action:
            period = round(self.policy.table.period * NANOSECONDS)
            # The next action is due a period after this one was, which keeps the mean rate.
            late = stamp - self._next_action >= period
            self._next_action = (stamp if late else self._next_action) + period
            self.policy.step(measured)
        return self._carried_out()

    def _carried_out(self) -> Array:
        """What the policy's last values come to now."""
        values, action = self.policy.values, self.policy.table.action
        if not self._of_joints:
            chosen = dict(zip(action.numbers, values.tolist(), strict=True))
            return Command(**chosen).array()
        if action.mode == "effort":
            return values
        angles, speeds = self._driven(self._made["joints"].value)
        self._angles = values
        efforts: Array = action.stiffness * (values - angles) - action.damping * speeds
        return efforts

    def _driven(self, joints: Any) -> Array:
        """Angles and speeds of the joints that are driven, which come first, (2, n)."""
        numbers: Array = joints[:, : len(self.policy.table.action.numbers)]
        return numbers

    def _measured(self) -> dict[str, Array] | None:
        """What the policy observes; None, with a remark, while it is missing or has arrived."""
        now = self.now()
        found: dict[str, Array] = {}
        for source, names in self._columns.items():
            values = self._values(source, now)
            if values is None:
                return None
            found[source] = np.array([values[name] for name in names])
        self._remark = None
        return found

    def _values(self, source: str, now: int) -> dict[str, float] | None:
        if source == "goal":
            return self._goal_values(now)
        value = self._made[source].fresh(now)
        if source == "command":
            value = (0.0, 0.0, 0.0) if value is None else value
            return dict(zip(sources.COMMAND, value, strict=True))
        if value is None:
            self._remark = f"at rest: waiting for {self._made[source].topic}"
            return None
        if source == "joints":
            return {
                f"{joint}.{field}": value[row, column]
                for row, field in enumerate(sources.JOINT_FIELDS)
                for column, joint in enumerate(self._joint_names)
            }
        names = {"odom": sources.ODOMETRY, "imu": sources.IMU}.get(source, self._columns[source])
        return dict(zip(names, np.ravel(value).tolist(), strict=True))

    def _goal_values(self, now: int) -> dict[str, float] | None:
        odometry = self._made["odom"].fresh(now)
        goal = self._made["goal"].value
        if goal is None and self.parameters.goal and not self.parameters.await_goal:
            goal = np.array(self.parameters.goal)
        if odometry is None or goal is None:
            self._remark = f"at rest: waiting for {'odom' if odometry is None else 'goal_pose'}"
            return None
        numbers = sources.goal_numbers(goal, odometry[[0, 1, 5]])
        if numbers[2] < self.parameters.reach:
            self._remark = None
            return None
        return dict(zip(sources.GOAL, numbers.tolist(), strict=True))

    def remark(self) -> str | None:
        """What it waits for."""
        return self._remark

    # The command.

    def limits(self) -> tuple[Array, Array]:
        """Ranges of a gait command's numbers, or of the joints' efforts."""
        if self._of_joints:
            limit = self.policy.table.action.limit
            return -limit, limit
        low, high = np.array(list(RANGES.values())).T
        return low, high

    def safe_action(self) -> Array:
        """To stand on all feet; of joints, to brake by ``damping``."""
        if not self._of_joints:
            return _STANDING
        joints = self._made["joints"].fresh(self.now())
        limit = self.policy.table.action.limit
        if joints is None:
            return np.zeros(len(limit))
        self._angles = self._driven(joints)[0]
        efforts: Array = np.clip(-self.parameters.damping * self._driven(joints)[1], -limit, limit)
        return efforts

    def command(self, nanoseconds: int, action: Array) -> Float64MultiArray | JointState:
        """Command message of the numbers of a gait command, or of efforts, N·m."""
        if self._of_joints:
            table = self.policy.table.action
            names = list(table.numbers)
            if table.mode == "effort":
                return joint_state(nanoseconds, names, effort=action)
            # A driver wants to know where the joints are to be, beside all the effort.
            return joint_state(nanoseconds, names, self._angles, np.zeros(len(names)), action)
        if self.parameters.stamped_gait_command:
            return joint_state(nanoseconds, _GAIT, action)
        return Float64MultiArray(data=doubles(action))


def _read_goal(message: PoseStamped) -> Array:
    return read_pose(_FRAME, message)


def main() -> None:
    """Run the node: the executable policy."""
    run_node(PolicyNode)
