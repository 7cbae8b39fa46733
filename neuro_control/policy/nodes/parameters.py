# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the policy's node."""

from __future__ import annotations

from dataclasses import dataclass

from neuro_control.errors import ConfigurationError
from neuro_control.ros.controller import ControllerParameters
from neuro_control.ros.parameters import parameter
from neuro_control.ros.ros2_control.groups import GroupParameters


@dataclass(frozen=True)
class PolicyParameters(ControllerParameters, GroupParameters):
    """Parameters of the policy's node."""

    control_period: float = parameter(
        0.02,
        "Time between two commands, s; the policy's own period is in its table",
        low=1e-4,
        high=10.0,
        fixed=True,
    )
    input_timeout: float = parameter(
        0.2, "Age of an observation beyond which the fallback answers, s", low=1e-3, high=60.0
    )
    policy: str = parameter(
        "go2_goal.yaml",
        "File of the policy's table, in config/policies or by its path",
        fixed=True,
    )
    goal: tuple[float, ...] = parameter(
        (),
        "Goal while nobody has published goal_pose, in the frame of odom: x, y (m) and yaw (rad); "
        "empty waits for one",
        items=float,
    )
    await_goal: bool = parameter(
        False, "Wait for a goal_pose rather than walk to the goal of the parameter"
    )
    reach: float = parameter(
        0.25, "Distance from the goal at which the robot stands, m; 0 never", low=0.0, high=100.0
    )
    command_timeout: float = parameter(
        0.5, "Age from which a cmd_vel that the policy observes counts as zero, s",
        low=1e-2, high=60.0,
    )  # fmt: skip
    stamped_cmd_vel: bool = parameter(
        False, "cmd_vel is a TwistStamped instead of a Twist", fixed=True
    )
    stamped_gait_command: bool = parameter(
        False,
        "Publish gait_command as a JointState under the odometry's stamp, as lockstep needs",
        fixed=True,
    )
    damping: float = parameter(
        0.0, "Damping by which joints brake where they are not driven, N·m·s/rad",
        low=0.0, high=100.0, fixed=True,
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.goal) not in (0, 3):
            raise ConfigurationError(
                f"goal is x, y and yaw, or empty; it has {len(self.goal)} numbers"
            )
