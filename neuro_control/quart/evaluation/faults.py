# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The policy's node in the fault matrix: its good streams, and what safe means."""

from __future__ import annotations

from functools import cache

import mujoco
import numpy as np
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Float64MultiArray, Header

from neuro_control.faults.subject import Moment, Output, Received, Stream, Subject
from neuro_control.quadruped.control.command import RANGES
from neuro_control.quadruped.simulation.camera import Camera
from neuro_control.quart.simulation.course import arranged
from neuro_control.ros.messages import image, odometry, to_stamp

_INSTRUCTION = "go to the red cube"
# Odometry as the gait controller sends it, and images as the camera does, a second.
_ODOMETRY, _IMAGES = 50.0, 10.0
_PIXELS = 96
_STANDING = np.array([0.0, 0.0, 0.3])


@cache
def _view() -> NDArray[np.uint8]:
    """What a robot at the start of its course sees."""
    course, _ = arranged(_INSTRUCTION, pair="hard")
    world = course.world()
    data = mujoco.MjData(world.model)
    world.reset(data, np.random.default_rng(0))
    camera = Camera(course.model, "head", _PIXELS, _PIXELS)
    picture = camera.look(data)
    camera.close()
    return picture


def _image(moment: Moment) -> Image:
    return image(Header(stamp=to_stamp(moment.stamp)), _view())


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


QUART_POLICY = Subject(
    node="neuro_control.quart.nodes.policy:QuartPolicy",
    name="quart_policy",
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
        # An image that is refused is known to be so once the policy's thread has looked at it.
        Stream("image", Image, _IMAGES, _image, ("data",), timeout=0.5),
    ),
    output=Output(
        "gait_command",
        Float64MultiArray,
        trouble=_beyond_ranges,
        safe=_stands,
        fields=("data",),
        most=2 * _ODOMETRY,
    ),
    parameters={"instruction": _INSTRUCTION, "time_limit": 0.0},
    weights={"policy": "quart.safetensors"},
    services=("enable",),
)

SUBJECTS = {"quart_policy": QUART_POLICY}
