# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the Go2's driver."""

from __future__ import annotations

from dataclasses import dataclass

from neuro_control.errors import ConfigurationError
from neuro_control.ros.lifecycle.managed_node import LifecycleParameters
from neuro_control.ros.parameters import parameter
from neuro_control.ros.safety.heartbeat import HeartbeatParameters

TRANSPORTS = ("auto", "cyclonedds", "ros")


@dataclass(frozen=True)
class UnitreeParameters(LifecycleParameters, HeartbeatParameters):
    """Parameters of the driver."""

    level: str = parameter(
        "high",
        "high: the robot's own controller walks by cmd_vel; low: its motors turn by "
        "joint_commands, once they are unlocked",
        choices=("high", "low"),
        fixed=True,
    )
    transport: str = parameter(
        "auto",
        "cyclonedds, ros (the packages unitree_go and unitree_api), or auto: ros where these are "
        "built and ROS runs on Cyclone DDS",
        choices=TRANSPORTS,
        fixed=True,
    )
    domain: int = parameter(
        0, "DDS domain of the robot, 0 on a real one", low=0, high=230, fixed=True
    )
    network_interface: str = parameter(
        "", "Network interface that the robot is at; empty for the one found first", fixed=True
    )
    max_forward: float = parameter(1.0, "Highest velocity forwards, m/s", low=0.0, high=3.8)
    max_backward: float = parameter(0.5, "Highest velocity backwards, m/s", low=0.0, high=2.5)
    max_sideways: float = parameter(0.4, "Highest velocity to either side, m/s", low=0.0, high=1.0)
    max_yaw_rate: float = parameter(1.0, "Highest yaw rate, rad/s", low=0.0, high=4.0)
    move_period: float = parameter(
        0.05, "Least time between two calls of Move, s", low=0.01, high=0.5
    )
    command_timeout: float = parameter(
        0.5, "Time without cmd_vel after which the robot stops, s", low=0.05, high=10.0
    )
    stand_after: float = parameter(
        1.0, "Time from then on after which it stands, s", low=0.0, high=60.0
    )
    state_timeout: float = parameter(
        0.2, "Time without states after which the link counts as lost, s", low=0.02, high=5.0
    )
    damp_after: float = parameter(
        1.0, "Time without states after which the joints are damped, s", low=0.05, high=60.0
    )
    answer_timeout: float = parameter(
        5.0, "Time after which a missing answer of its services is reported, s", low=0.1, high=60.0
    )
    body_height: bool = parameter(
        False, "The firmware offers BodyHeight (older ones do): gait_command's height counts"
    )
    speed_level: int = parameter(
        0, "Speed of the robot's own controller: -1 slow, 0 default, 1 fast", low=-1, high=1
    )
    stamped_cmd_vel: bool = parameter(
        False, "cmd_vel is a TwistStamped instead of a Twist", fixed=True
    )
    motor_timeout: float = parameter(
        0.05,
        "Age of joint_commands, and time without them, after which motors brake, s",
        low=0.005,
        high=1.0,
    )
    stiffness: float = parameter(
        20.0,
        "Stiffness of motors between two commands, N m/rad",
        low=0.0,
        high=100.0,
    )
    damping: float = parameter(
        0.5,
        "Damping of motors between two commands, N m s/rad",
        low=0.0,
        high=10.0,
    )
    brake: float = parameter(
        3.0, "Damping of motors that brake, which have no command, N m s/rad", low=0.1, high=10.0
    )
    torque_share: float = parameter(
        1.0, "Largest torque as a part of the motors' own largest", low=0.05, high=1.0
    )
    release_sport: bool = parameter(
        True,
        "Unlocking first makes the robot's own controller release the motors; false for a robot "
        "or simulator without one",
    )
    foot_force_scale: float = parameter(
        1.0, "Force at a foot for one unit of the robot's sensor, N", low=1e-3, high=100.0
    )
    publishing_period: float = parameter(
        0.0, "Least time between two joint_states, s; 0 publishes one per state",
        low=0.0, high=1.0,
    )  # fmt: skip
    bridge_time: float = parameter(
        0.05,
        "Time without a good state that the last one bridges; motors are driven no longer then, s",
        low=0.005,
        high=1.0,
    )
    max_joint_speed: float = parameter(
        60.0, "Speed of a joint beyond which a state can't be true, rad/s", low=5.0, high=200.0
    )
    max_jump: float = parameter(
        0.2,
        "Angle by which a joint may part from where its speed leads before a state can't be true, "
        "rad",
        low=0.05,
        high=3.0,
    )
    max_motor_temperature: int = parameter(
        90, "Temperature of a motor from which motors brake, °C", low=30, high=120
    )
    min_charge: int = parameter(
        5, "Charge of the battery below which the robot does not stand up, %", low=0, high=90
    )
    max_lean: float = parameter(
        0.4, "Largest roll and pitch that Euler is sent with, rad", low=0.0, high=0.75
    )
    min_body_height: float = parameter(
        -0.14, "Lowest height that BodyHeight is sent with, beyond the default, m",
        low=-0.18, high=0.0,
    )  # fmt: skip
    max_body_height: float = parameter(
        0.03, "Highest height that BodyHeight is sent with, beyond the default, m",
        low=0.0, high=0.05,
    )  # fmt: skip
    velocity_frame: str = parameter(
        "odom",
        "Frame of the velocities of sportmodestate: odom (axes of the world) or base",
        choices=("odom", "base"),
    )

    def __post_init__(self) -> None:
        if self.damp_after <= self.state_timeout:
            raise ConfigurationError(
                f"damp_after ({self.damp_after:g} s) is longer than state_timeout "
                f"({self.state_timeout:g} s): it stops before it damps the joints"
            )
        if self.command_timeout <= self.move_period:
            raise ConfigurationError(
                f"command_timeout ({self.command_timeout:g} s) is longer than move_period "
                f"({self.move_period:g} s)"
            )

    def limited(self, velocity: tuple[float, float, float]) -> tuple[float, float, float]:
        """``velocity`` (m/s, m/s, rad/s) clamped to its limits."""
        forward, left, turn = velocity
        return (
            min(max(forward, -self.max_backward), self.max_forward),
            min(max(left, -self.max_sideways), self.max_sideways),
            min(max(turn, -self.max_yaw_rate), self.max_yaw_rate),
        )

    def limited_pose(self, roll: float, pitch: float, height: float) -> tuple[float, float, float]:
        """Roll, pitch (rad) and height beyond the default (m) clamped to their limits."""
        return (
            min(max(roll, -self.max_lean), self.max_lean),
            min(max(pitch, -self.max_lean), self.max_lean),
            min(max(height, self.min_body_height), self.max_body_height),
        )
