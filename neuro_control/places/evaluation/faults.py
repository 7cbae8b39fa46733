# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The nodes of place recognition in the fault matrix: their good streams, and what safe means."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image, JointState

from neuro_control.faults.subject import Moment, Output, Stream, Subject
from neuro_control.places.nodes.image_messages import raw_message
from neuro_control.places.simulation.route import render_route
from neuro_control.ros.messages import COMMAND_QOS, SENSOR_QOS, joint_state, to_stamp

_RATE = 10.0
_PLACES = 100


@cache
def _route() -> NDArray[np.uint8]:
    """Images of the route that the package's own weights know."""
    images, _ = render_route("winter", places=_PLACES)
    return images


def _image(moment: Moment) -> Image:
    """A camera that travels along the route, over and over."""
    message = raw_message(_route()[round(moment.elapsed * _RATE) % _PLACES])
    message.header.stamp = to_stamp(moment.stamp)
    return message


PLACE_RECOGNIZER = Subject(
    node="neuro_control.places.nodes.recognizer:PlaceRecognizer",
    name="place_recognizer",
    streams=(Stream("image", Image, _RATE, _image, ("data",), timeout=0.3),),
    output=Output(
        "place",
        JointState,
        trouble=lambda message: "" if len(message.name) == len(message.position) else "sizes",
        # A place that was never visited moves nobody.
        safe=lambda received: not received.message.header.frame_id,
        fields=("position",),
        most=2 * _RATE,
        silence_is_safe=True,
    ),
    parameters={"model": "places_route.safetensors"},
    weights={"model": "places_route.safetensors"},
    shortest=2.5,
)


def _place(moment: Moment) -> JointState | None:
    """The answer to the image that was played last."""
    if moment.received is None:
        return None
    message = joint_state(0, ["place_1", "place_2"], np.array([2.0, 1.0]))
    message.header = moment.received.header
    message.header.frame_id = "place_1"
    return message


def _incomplete(message: Image) -> str:
    whole = len(message.data) == message.height * message.step
    return "" if whole else f"{len(message.data)} bytes of an image"


PLAYER = Subject(
    node="neuro_control.places.nodes.player:Player",
    name="player",
    streams=(
        Stream("place", JointState, _RATE, _place, ("position",), timeout=None, qos=COMMAND_QOS),
    ),
    output=Output(
        "image",
        Image,
        trouble=_incomplete,
        # Images move nobody by themselves: what the matrix asks is that they go on.
        safe=lambda _: False,
        fields=(),
        most=2 * _RATE,
        qos=SENSOR_QOS,
    ),
    parameters={"places": 20, "loop": True, "clock": False},
    managed=False,
)

SUBJECTS = {"place_recognizer": PLACE_RECOGNIZER, "player": PLAYER}
