"""A camera that isn't there: plays a folder, a list or a bag of images, or the rendered route.

In lockstep the next image waits for the answer to the last (its stamp says which), so that a run
with a seed is the same run on any machine. Free-running, images come at their rate.
"""

from __future__ import annotations

import array
import io
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from numpy.typing import NDArray
from PIL import Image as Pillow
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import CompressedImage, Image, JointState

from neuro_control.errors import ConfigurationError
from neuro_control.files import writing
from neuro_control.places.simulation import route
from neuro_control.places.simulation.seasons import SEASONS
from neuro_control.places.training.dataset import open_traverse
from neuro_control.ros.diagnostics import DiagnosticNode, Timing
from neuro_control.ros.messages import (
    COMMAND_QOS,
    NANOSECONDS,
    to_nanoseconds,
    to_stamp,
)
from neuro_control.ros.parameters import parameter
from neuro_control.ros.process import run_node
from neuro_control.simulation.effects import parse
from neuro_control.simulation.signals import ImageEffects

Frames = Iterator[tuple[str, NDArray[np.uint8]]]

# Whoever asks for less hears it too.
_IMAGE_QOS = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)
# Wall time after which an unanswered image is sent once more, s: sensor topics may lose one.
_RESEND = 0.1
# Wall time without an answer that is told, s.
_PATIENCE = 2.0
# Longest wall time between two ticks of the clock that it is, s.
_TICK = 0.01
# Images whose answers are waited for.
_REMEMBERED = 100


@dataclass(frozen=True)
class PlayerParameters:
    """Parameters of the player."""

    source: str = parameter(
        "", "Folder, list or bag of images; empty renders the route", fixed=True
    )
    topic: str = parameter("", "Topic of the images in a bag; empty takes the only one", fixed=True)
    season: str = parameter("winter", "Season of the route", choices=tuple(SEASONS), fixed=True)
    places: int = parameter(100, "Places of the route", low=1, high=100000, fixed=True)
    landscape: int = parameter(0, "Seed of the route's landscape", low=0, high=2**31, fixed=True)
    seed: int = parameter(
        0, "Which run along the route: clouds, noise, how the camera sits", low=0, high=2**31,
        fixed=True,
    )  # fmt: skip
    width: int = parameter(64, "Width of the route's images", low=8, high=4096, fixed=True)
    height: int = parameter(32, "Height of the route's images", low=8, high=4096, fixed=True)
    effects: str = parameter(
        "[]",
        "Noise, loss, delay and the like on the images, as a YAML list: [{loss: {probability: "
        "0.1}}]; docs/effects.md names them all",
        fixed=True,
    )
    rate: float = parameter(10.0, "Images per second", low=0.01, high=1000.0, fixed=True)
    loop: bool = parameter(False, "Start again after the last image", fixed=True)
    transport: str = parameter(
        "raw", "raw sends image, compressed sends image/compressed",
        choices=("raw", "compressed"), fixed=True,
    )  # fmt: skip
    format: str = parameter(
        "png", "Format of compressed images", choices=("png", "jpeg"), fixed=True
    )
    frame_id: str = parameter("camera_optical_frame", "Frame of the images, z along the view")
    clock: bool = parameter(
        True,
        "Be the clock: publish /clock and stamp by it; otherwise stamp as a camera does",
        fixed=True,
    )
    lockstep: bool = parameter(False, "Wait for the answer to each image", fixed=True)
    lockstep_limit: float = parameter(
        0.0, "Wall time without an answer that ends the run, s; 0 waits on", low=0.0, high=1e6
    )
    real_time_factor: float = parameter(
        1.0, "The clock's time per wall time when not in lockstep", low=0.01, high=100.0, fixed=True
    )
    duration: float = parameter(
        0.0, "Time after which the run ends, s; 0 plays all there is", low=0.0, high=1e6
    )
    recording: str = parameter(
        "", "File (.npz) that receives images' names and answers at the end; empty records nothing"
    )

    def __post_init__(self) -> None:
        if not self.clock and self.real_time_factor != 1.0:
            raise ConfigurationError(
                "real_time_factor is 1 where the player is not the clock: set clock to true"
            )


def frames(parameters: PlayerParameters) -> Frames:
    """Names and images that the parameters tell of.

    Raises:
        ConfigurationError: There are none.
    """
    p = parameters
    if p.source:
        traverse = open_traverse(Path(p.source).expanduser(), topic=p.topic or None)
        return zip(traverse.names, traverse.images, strict=True)
    shown = route.frames(
        p.season, p.landscape, p.places, traverse=p.seed, width=p.width, height=p.height
    )
    images = (image for image, _ in shown)
    return zip(route.names(p.places), images, strict=True)


def raw_message(image: NDArray[np.uint8]) -> Image:
    """Message of an image, (H, W) grey or (H, W, 3) red, green, blue."""
    height, width = image.shape[:2]
    return Image(
        height=height,
        width=width,
        encoding="mono8" if image.ndim == 2 else "rgb8",
        step=image.nbytes // height,
        data=array.array("B", image.tobytes()),
    )


def compressed_message(image: NDArray[np.uint8], kind: str) -> CompressedImage:
    """Message of an image, (H, W) or (H, W, 3), as ``png`` or ``jpeg``."""
    file = io.BytesIO()
    Pillow.fromarray(image).save(file, kind)
    return CompressedImage(format=kind, data=array.array("B", file.getvalue()))


@dataclass
class _Played:
    """An image that was sent, and what was answered."""

    stamp: int  # ns
    name: str
    sent: float  # wall time, s
    best: str = ""
    place: str = ""
    score: float = math.nan
    latency: float = math.nan  # s


class Player(DiagnosticNode[PlayerParameters]):
    """Publishes ``image`` (sensor_msgs/Image) or ``image/compressed``, and hears ``place``.

    Takes a simulation's place in a run: it may be the clock, waits for answers in lockstep, and
    leaves a recording.

    Args:
        node_options: Passed on to the rclpy node.

    Attributes:
        finished: Whether all was played.
        failure: Why it ended before, if it did.

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
        self._recorded: list[_Played] = []
        self._count = 0
        self._timing = Timing()
        self._unanswered: dict[int, _Played] = {}  # by stamp, ns
        self._ticks = 0
        self._asked = self._sent = time.perf_counter()
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
            # Whoever asks the clock between two images is told to a hundredth of a second.
            self._ticks_per_image = math.ceil(period / _TICK) if p.clock else 1
            self.create_timer(period / self._ticks_per_image, self._on_tick, clock=self.steady)

    @property
    def time(self) -> float:
        """Time that has been played, s."""
        return self._count / self.parameters.rate

    def start(self) -> None:
        """Begin to wait for answers: the node that sends them is there."""
        self._asked = time.perf_counter()

    def stop(self) -> None:
        """Write what was recorded, if the parameter ``recording`` names a file."""
        if self.parameters.recording:
            _save(Path(self.parameters.recording), self._recorded)

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
        """Send the next image, or end where there is none."""
        p = self.parameters
        found = self._frame(self._count)
        # Half an image of slack, since times are sums that binary fractions don't hold.
        if found is None or (p.duration and self.time > p.duration - 0.5 / p.rate):
            self.finished = True
            self.set_state(DiagnosticStatus.OK, "all is played")
            return
        self._name, frame = found
        stamp = round(self.time * NANOSECONDS) if p.clock else self.now()
        image = self._effects.apply(self.time, frame)
        self._message_sent = None if image is None else self._message(image, stamp)
        self._stamp = stamp
        self._asked = time.perf_counter()
        self._count += 1
        self._unanswered[stamp] = _Played(stamp, self._name, self._asked)
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
        """In lockstep: repeat an image that got no answer, and say so when it takes long."""
        now = time.perf_counter()
        if self.finished or now - self._sent < _RESEND:
            return
        if self._message_sent is None:  # nobody can answer a lost image
            self._next()
            return
        self._send()
        waited = now - self._asked
        if waited < _PATIENCE:
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
            return  # it answers an image sent twice, or somebody else's
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


def _save(path: Path, played: list[_Played]) -> None:
    """Write what was played and answered as a .npz of one array per quantity: whole or not at all.

    ``time`` (s), ``name`` of the image, ``sent`` (wall time, s), ``best`` place, ``place`` (empty:
    never visited), ``score`` and ``latency`` (s; not a number where no answer came).
    """
    arrays: dict[str, Any] = {
        name: np.array([getattr(each, name) for each in played])
        for name in ("name", "sent", "best", "place", "score", "latency")
    }
    arrays["time"] = np.array([each.stamp / NANOSECONDS for each in played])
    with writing(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)


def main() -> None:
    """Run the node: the executable player."""
    run_node(Player)
