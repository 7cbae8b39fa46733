# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The policy's node in the fault matrix: its good stream, and what safe means."""

from __future__ import annotations

import numpy as np
from nav_msgs.msg import Odometry
from std_msgs.msg import Float64MultiArray

from neuro_control.faults.subject import Moment, Output, Received, Stream, Subject
from neuro_control.quadruped.control.command import RANGES
from neuro_control.ros.messages import odometry

_ODOMETRY = 50.0  # Hz, as the gait controller sends it
_STANDING = np.array([0.0, 0.0, 0.3])


def _odometry(moment: Moment) -> Odometry:
    """A robot that stands, with the noise of its estimate."""
    noise = moment.rng.normal(0.0, 1e-3, (3, 3))
    upright = np.array([1.0, 0.0, 0.0, 0.0])
    return odometry(moment.stamp, _STANDING + noise[0], upright, noise[1], noise[2])


def _beyond_ranges(message: Float64MultiArray) -> str:
    if len(message.data) != len(RANGES):
        return f"{len(message.data)} numbers"
    for (name, (low, high)), number in zip(RANGES.items(), message.data, strict=True):
        if not low - 1e-9 <= number <= high + 1e-9:
            return f"{name} is {number:g}"
    return ""


def _stands(received: Received) -> bool:
    return not any(received.message.data[:3])


POLICY = Subject(
    node="neuro_control.policy.nodes.policy:PolicyNode",
    name="policy",
    streams=(
        Stream(
            "odom",
            Odometry,
            _ODOMETRY,
            _odometry,
            (
                *(f"pose.pose.position.{axis}" for axis in "xyz"),
                *(f"pose.pose.orientation.{axis}" for axis in "wxyz"),
                *(f"twist.twist.linear.{axis}" for axis in "xyz"),
                *(f"twist.twist.angular.{axis}" for axis in "xyz"),
            ),
            timeout=0.2,
        ),
    ),
    output=Output(
        "gait_command",
        Float64MultiArray,
        trouble=_beyond_ranges,
        safe=_stands,
        fields=("data",),
        most=2 * _ODOMETRY,
    ),
    # A goal that it does not reach.
    parameters={"policy": "go2_goal.yaml", "goal": [3.0, 0.0, 0.0]},
    services=("enable",),
)

SUBJECTS = {"policy": POLICY}
