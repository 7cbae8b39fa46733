# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The player: publishes images in a camera's place, from files or of the rendered route.

In lockstep the next image waits for the answer to the last, which carries its stamp, so that a run
with a seed is the same run on any machine. Free-running, images are published at their rate.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from numpy.typing import NDArray
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import CompressedImage, Image, JointState

from neuro_control.errors import ConfigurationError
from neuro_control.places.nodes.image_messages import compressed_message, raw_message
from neuro_control.places.nodes.player_parameters import PlayerParameters, frames
from neuro_control.places.nodes.player_recording import PlayedImage, save_recording
from neuro_control.ros.diagnostics.monitoring import Timing
from neuro_control.ros.diagnostics.node import DiagnosticNode
from neuro_control.ros.lifecycle.readiness import Readiness
from neuro_control.ros.messages import (
    COMMAND_QOS,
    NANOSECONDS,
    to_nanoseconds,
    to_stamp,
)
from neuro_control.ros.process import run_node
from neuro_control.simulation.effects import parse
from neuro_control.simulation.signals import ImageEffects

# A best-effort subscriber receives reliably published images, too.
_IMAGE_QOS = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)
# Wall time after which an unanswered image is sent once more, s: sensor topics may lose one.
_RESEND = 0.1
# Wall time without an answer from which on that is reported, s.
_UNANSWERED = 2.0
# Longest wall time between two messages of the clock, s.
_TICK = 0.01
# Number of images whose answers are waited for.
_REMEMBERED = 100


class Player(DiagnosticNode[PlayerParameters]):
    """Publishes ``image`` (sensor_msgs/Image) or ``image/compressed``, subscribes to ``place``.

    In a run it has the role of the simulation: it may publish the clock, waits for answers in
    lockstep, and leaves a recording.

    Args:
        node_options: Passed on to the rclpy node.

    Attributes:
        finished: Whether the run has ended.
        failure: Why it ended before all images were played, if it did.

    Raises:
        ConfigurationError: A parameter is wrong, or there is nothing to play.
    """

    def __init__(self, name: str = "player", **node_options: Any) -> None:
        super().__init__(name, PlayerParameters, "player", **node_options)
        p = self.parameters
        try:
            self._frames = frames(p)
            self._effects = ImageEffects(parse(p.effects), p.seed)
        except ConfigurationError:
            self.destroy_node()
            raise
        self.finished = False
        self.failure: str | None = None
        self._shown: list[tuple[str, NDArray[np.uint8]]] = []
        self._message_sent: Image | CompressedImage | None = None  # None for a lost image
        self._recorded: list[PlayedImage] = []
        self._count = 0
        self._timing = Timing()
        self._unanswered: dict[int, PlayedImage] = {}  # by stamp, ns
        self._ticks = 0
        self._asked = self._sent = time.perf_counter()
        self._readiness = Readiness(self, "place")
        if p.transport == "raw":
            self._images = self.create_publisher(Image, "image", _IMAGE_QOS)
        else:
            self._images = self.create_publisher(CompressedImage, "image/compressed", _IMAGE_QOS)
        self._clock_publisher = (
            self.create_publisher(ClockMessage, "/clock", 10) if p.clock else None
        )
        self.create_subscription(JointState, "place", self._on_place, COMMAND_QOS)
        self.set_state(DiagnosticStatus.OK, "playing")
        if p.lockstep:
            self.create_timer(_RESEND, self._resend, clock=self.steady)
            self._next()
        else:
            period = 1.0 / (p.rate * p.real_time_factor)
            # Between two images, too, the clock is published every hundredth of a second.
            self._ticks_per_image = math.ceil(period / _TICK) if p.clock else 1
            self.create_timer(period / self._ticks_per_image, self._on_tick, clock=self.steady)

    @property
    def time(self) -> float:
        """Time of the images played so far, s."""
        return self._count / self.parameters.rate

    def start(self) -> None:
        """Begin to wait for answers: the node that sends them has started."""
        self._asked = time.perf_counter()

    def stop(self) -> None:
        """Write the recording, if the parameter ``recording`` names a file."""
        if self.parameters.recording:
            save_recording(Path(self.parameters.recording), self._recorded)

    # Images.

    def _on_tick(self) -> None:
        if self.finished:
            return
        if self._ticks % self._ticks_per_image == 0:
            self._next()
        elif self._clock_publisher is not None:
            tick = NANOSECONDS / (self.parameters.rate * self._ticks_per_image)
            self._clock_publisher.publish(ClockMessage(clock=to_stamp(round(self._ticks * tick))))
        self._ticks += 1

    def _next(self) -> None:
        """Send the next image, or end the run if there is none."""
        p = self.parameters
        found = self._frame(self._count)
        # Half an image of slack, since the times are not exact in binary.
        if found is None or (p.duration and self.time > p.duration - 0.5 / p.rate):
            self.finished = True
            self.set_state(DiagnosticStatus.OK, "all images are played")
            return
        self._name, frame = found
        stamp = round(self.time * NANOSECONDS) if p.clock else self.now()
        image = self._effects.apply(self.time, frame)
        self._message_sent = None if image is None else self._message(image, stamp)
        self._stamp = stamp
        self._asked = time.perf_counter()
        self._count += 1
        self._unanswered[stamp] = PlayedImage(stamp, self._name, self._asked)
        if p.recording:
            self._recorded.append(self._unanswered[stamp])
        if len(self._unanswered) > _REMEMBERED:
            del self._unanswered[next(iter(self._unanswered))]
        self._send()

    def _frame(self, index: int) -> tuple[str, NDArray[np.uint8]] | None:
        found = next(self._frames, None)
        if not self.parameters.loop:
            return found
        if found is None:
            return self._shown[index % len(self._shown)]
        self._shown.append(found)
        return found

    def _message(self, image: NDArray[np.uint8], stamp: int) -> Image | CompressedImage:
        p = self.parameters
        raw = p.transport == "raw"
        message = raw_message(image) if raw else compressed_message(image, p.format)
        message.header.stamp = to_stamp(stamp)
        message.header.frame_id = p.frame_id
        return message

    def _send(self) -> None:
        self._sent = time.perf_counter()
        if self._clock_publisher is not None:
            self._clock_publisher.publish(ClockMessage(clock=to_stamp(self._stamp)))
        if self._message_sent is not None:
            self._images.publish(self._message_sent)

    def _resend(self) -> None:
        """In lockstep, send an unanswered image again, and report it when that takes long."""
        now = time.perf_counter()
        if self.finished or now - self._sent < _RESEND:
            return
        if self._message_sent is None:  # a lost image can't be answered
            self._next()
            return
        self._send()
        waited = now - self._asked
        if waited < _UNANSWERED:
            return
        preparing = self._readiness.preparing()
        if preparing:
            # A recogniser that compiles can't answer yet, however long it takes.
            self._asked = now
            text = f"waiting for {', '.join(preparing)} to become active"
            self.set_state(DiagnosticStatus.WARN, text, key="preparing")
            return
        publishers = self.count_publishers("place")
        text = f"no place answered the image {self._name} in {waited:.0f} s: " + (
            f"{publishers} node(s) publish place, and their diagnostics say why"
            if publishers
            else "nobody publishes place, start a recogniser"
        )
        self.set_state(DiagnosticStatus.WARN, text, key="unanswered")
        limit = self.parameters.lockstep_limit
        if limit and waited > limit:
            self.failure = text
            self.finished = True

    # Answers.

    def _on_place(self, message: JointState) -> None:
        played = self._unanswered.pop(to_nanoseconds(message.header.stamp), None)
        if played is None or self.finished:
            return  # the answer to an image that was sent twice, or to another camera's
        played.latency = time.perf_counter() - played.sent
        self._timing.add(played.latency)
        played.place = message.header.frame_id
        played.best = message.name[0] if message.name else ""
        played.score = message.position[0] if message.position else math.nan
        if self.parameters.lockstep:
            self.set_state(DiagnosticStatus.OK, "playing")
            self._next()

    def diagnostic_values(self) -> dict[str, str]:
        """Mode and counts."""
        return {
            "mode": "lockstep" if self.parameters.lockstep else "free-running",
            "played": str(self._count),
            "answered": str(self._timing.count),
            **self._timing.latencies(),
        }


def main() -> None:
    """Run the node: the executable player."""
    run_node(Player)
