# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the policy's node."""

from __future__ import annotations

from dataclasses import dataclass

from neuro_control.quart.control.follower import FollowerSettings
from neuro_control.ros.controller import ControllerParameters
from neuro_control.ros.parameters import parameter

_DEFAULT = FollowerSettings()
TRANSPORTS = ("raw", "compressed")


@dataclass(frozen=True)
class QuartParameters(ControllerParameters):
    """Parameters of the policy's node."""

    control_period: float = parameter(
        0.02, "Time between two commands, s: that between two messages of odom", low=2e-3, high=0.1,
        fixed=True,
    )  # fmt: skip
    input_timeout: float = parameter(
        0.2, "Age of the odometry beyond which the robot stands, s", low=1e-3, high=60.0
    )
    policy: str = parameter(
        "quart.safetensors",
        "File of the policy's weights, in config/weights or by its path",
        fixed=True,
    )
    instruction: str = parameter(
        "", "Instruction that is followed from the start; empty waits for the topic instruction"
    )
    image_topic: str = parameter(
        "image", "Topic of the camera's images, without /compressed", fixed=True
    )
    transport: str = parameter(
        "raw",
        "raw receives the topic itself, compressed the one that ends in /compressed",
        choices=TRANSPORTS,
        fixed=True,
    )
    image_period: float = parameter(
        0.1, "Time between two images, s", low=1e-3, high=10.0, fixed=True
    )
    image_timeout: float = parameter(
        0.5, "Age of an image from which the robot stands until another comes, s",
        low=0.02, high=60.0,
    )  # fmt: skip
    hold: float = parameter(
        _DEFAULT.hold,
        "Time for which an action acts beyond its own 0.1 s while the next is computed, s; then "
        "the velocity is zero",
        low=0.0,
        high=10.0,
    )
    min_confidence: float = parameter(
        _DEFAULT.min_confidence,
        "Confidence of a decision (1 less the entropy of its tokens) below which the robot slows "
        "down",
        low=0.0,
        high=1.0,
    )
    unsure_speed: float = parameter(
        _DEFAULT.unsure_speed,
        "Velocity below that confidence, as a part of what the policy says",
        low=0.0,
        high=1.0,
    )
    time_limit: float = parameter(
        _DEFAULT.time_limit,
        "Time after which an instruction that is not done is given up, s; 0 goes on",
        low=0.0,
        high=3600.0,
    )
    lockstep: bool = parameter(
        False,
        "Wait for each image and for the decision about it, for a simulation in lockstep",
        fixed=True,
    )
    stamped_gait_command: bool = parameter(
        False,
        "gait_command is a JointState that has its numbers by name in position, under the stamp of "
        "the odometry that it answers, instead of a Float64MultiArray",
        fixed=True,
    )
    threads: int = parameter(
        1, "Threads of the policy's network; the gait controller needs a core", low=1, high=256,
        fixed=True,
    )  # fmt: skip

    @property
    def follower(self) -> FollowerSettings:
        """Numbers of following an instruction."""
        return FollowerSettings(self.hold, self.min_confidence, self.unsure_speed, self.time_limit)
