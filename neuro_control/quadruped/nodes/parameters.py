# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the gait controller's node, and the controller's settings that they make."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import GAITS, RANGES, gait
from neuro_control.quadruped.control.command_limits import LimitSettings
from neuro_control.quadruped.control.command_mux import MuxSettings
from neuro_control.quadruped.control.contact_schedule import CONTACT_SCHEDULES
from neuro_control.quadruped.control.controller import ControllerSettings
from neuro_control.quadruped.control.robots import ROBOTS
from neuro_control.quadruped.control.settings import with_numbers
from neuro_control.quadruped.control.types import PERIOD
from neuro_control.ros.controller import ControllerParameters
from neuro_control.ros.parameters import parameter
from neuro_control.ros.ros2_control.groups import GroupParameters
from neuro_control.yaml_text import read_yaml

# Numbers of a command that a gait may bring itself: a parameter of 0 leaves them to it.
_OF_GAITS = ("frequency", "duration", "width")


def read_gains(text: str) -> ControllerSettings:
    """Settings of the controller in which the numbers of a YAML text are changed.

    Args:
        text: Mapping of sections of ``ControllerSettings`` to names and numbers; empty for none.

    Raises:
        ConfigurationError: The text is no such mapping, a name is unknown or a number wrong.
    """
    numbers = read_yaml(text, "gains") or {}
    if not isinstance(numbers, dict):
        raise ConfigurationError(f"gains is a mapping of sections to numbers, not '{text}'")
    for section in ("mux", "limits"):
        if section in numbers:
            raise ConfigurationError(
                f"gains sets no {section}, which has parameters of its own, as stand_delay and "
                "max_forward"
            )
    try:
        return with_numbers(ControllerSettings(), numbers)
    except ConfigurationError as error:
        raise ConfigurationError(f"gains: {error}") from error


def _number(name: str, default: float, description: str) -> Any:
    """Parameter for a number of the command."""
    low, high = RANGES[name]
    if name in _OF_GAITS:
        low, description = 0.0, f"{description}; 0 takes the gait's"
    return parameter(default, description, low=low, high=high)


@dataclass(frozen=True)
class GaitParameters(ControllerParameters, GroupParameters):
    """Parameters of the gait controller."""

    control_period: float = parameter(
        PERIOD,
        "Time between two commands, s: the gait controller was made for this one",
        low=PERIOD,
        high=PERIOD,
        fixed=True,
    )
    input_timeout: float = parameter(
        0.05, "Age from which an observation is not acted upon, s", low=1e-3, high=1.0
    )
    robot: str = parameter("go2", "go2 or go1", choices=tuple(ROBOTS), fixed=True)
    start_standing: bool = parameter(
        True,
        "Stand up at the start; else the robot lies until ~/stand_up is called",
        fixed=True,
        formerly=("upright",),
    )
    contact_schedule: str = parameter(
        "schedule",
        "Which foot is in stance when: by the schedule that is commanded, or by oscillators that "
        "follow the commanded speed",
        choices=tuple(CONTACT_SCHEDULES),
        fixed=True,
        formerly=("rhythm",),
    )
    bridge_time: float = parameter(
        0.25,
        "Time without observations for which a robot on its feet walks on by predicted readings, s",
        low=0.01,
        high=1.0,
        fixed=True,
    )
    foot_sensors: bool = parameter(
        True,
        "Whether the feet have sensors of force; without, foot_forces is not waited for and feet "
        "are taken to stand as planned",
        fixed=True,
    )
    gains: str = parameter(
        "",
        "Numbers of the controller that differ from their defaults, as YAML by section and name: "
        "'{gait: {smoother: {forward_jerk: 20.0}}}'",
        fixed=True,
    )
    gait: str = parameter("trot", "Gait while nobody has sent gait_command", choices=tuple(GAITS))
    height: float = _number("height", 0.0, "Height of the trunk beyond 0.3 m, m")
    frequency: float = _number("frequency", 0.0, "Steps a second")
    duration: float = _number("duration", 0.0, "Part of a cycle that a foot is in stance")
    swing: float = _number("swing", 0.08, "Height to which feet are lifted, m")
    pitch: float = _number("pitch", 0.0, "Pitch of the trunk, nose down, rad")
    roll: float = _number("roll", 0.0, "Roll of the trunk, right side down, rad")
    width: float = _number("width", 0.0, "Way between left and right feet, m")
    length: float = _number("length", 0.4, "Way between front and hind feet, m")
    velocity_profile: tuple[float, ...] = parameter(
        (),
        "Velocities while nobody has sent cmd_vel or gait_command: time (s) from which they count, "
        "forward and left (m/s), yaw rate (rad/s), and so on",
        items=float,
        formerly=("course",),
    )
    command_timeout: float = parameter(
        0.5, "Age from which the velocities of a command are zero, s", low=1e-2, high=60.0
    )
    stand_delay: float = parameter(
        1.0,
        "Time from then on after which all feet stay on the ground, s",
        low=0.0,
        high=3600.0,
        formerly=("stand_after",),
    )
    stamped_cmd_vel: bool = parameter(
        False, "cmd_vel is a TwistStamped instead of a Twist", fixed=True
    )
    stamped_gait_command: bool = parameter(
        False,
        "gait_command is a JointState that has its numbers by name in position, under the stamp of "
        "the odometry that it answers, instead of a Float64MultiArray",
        fixed=True,
    )
    lockstep: bool = parameter(
        False,
        "Wait for the gait command that answers the last odometry, for a simulation in lockstep; "
        "needs stamped_gait_command",
        fixed=True,
    )
    max_forward: float = parameter(
        RANGES["forward"][1], "Fastest forwards, m/s", low=0.0, high=RANGES["forward"][1]
    )
    max_backward: float = parameter(
        -RANGES["forward"][0], "Fastest backwards, m/s", low=0.0, high=-RANGES["forward"][0]
    )
    max_sideways: float = parameter(
        RANGES["left"][1], "Fastest to either side, m/s", low=0.0, high=RANGES["left"][1]
    )
    max_yaw_rate: float = parameter(
        RANGES["yaw_rate"][1], "Fastest turn, rad/s", low=0.0, high=RANGES["yaw_rate"][1]
    )
    damping: float = parameter(
        3.0, "Damping of the joints in the safe command, N·m s/rad", low=0.0, high=10.0
    )
    odometry_rate: float = parameter(
        50.0, "Estimated odometry and TF a second; 0 publishes none", low=0.0, high=500.0
    )
    publish_tf: bool = parameter(
        True,
        "Publish the odometry's frame on /tf where tf2_msgs is installed; false where "
        "robot_state_publisher does",
        fixed=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lockstep and not self.stamped_gait_command:
            raise ConfigurationError(
                "lockstep needs stamped_gait_command: a Float64MultiArray has no stamp"
            )
        for name in _OF_GAITS:
            low, high = RANGES[name]
            value = getattr(self, name)
            if value and not low <= value <= high:
                raise ConfigurationError(
                    f"{name} is 0, for the gait's own, or lies between {low:g} and {high:g}, "
                    f"not {value:g}"
                )
        profile = list(self.velocity_profile)
        if len(profile) % 4 or profile[::4] != sorted(profile[::4]):
            raise ConfigurationError(
                "velocity_profile is a list of time, forward, left and yaw rate, its times "
                f"rising, not {profile}"
            )
        read_gains(self.gains)

    @property
    def settings(self) -> ControllerSettings:
        """Settings of the controller that these parameters make."""
        names = ("height", "swing", "pitch", "roll", "length")
        numbers = {name: getattr(self, name) for name in names}
        own = {name: getattr(self, name) for name in _OF_GAITS if getattr(self, name)}
        gains = read_gains(self.gains)
        return dataclasses.replace(
            gains,
            clock=dataclasses.replace(gains.clock, longest_gap=self.bridge_time),
            sensors=dataclasses.replace(gains.sensors, foot_sensors=self.foot_sensors),
            mux=MuxSettings(
                default_command=gait(self.gait, **numbers, **own),
                velocity_profile=self.velocity_profile,
                command_timeout=self.command_timeout,
                stand_delay=self.stand_delay,
            ),
            limits=LimitSettings(
                self.max_forward, self.max_backward, self.max_sideways, self.max_yaw_rate
            ),
            start_standing=self.start_standing,
            contact_schedule=self.contact_schedule,
        )
