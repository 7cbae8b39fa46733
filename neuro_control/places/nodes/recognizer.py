"""The place recogniser as a ROS 2 node: an image in, the place and its pose out."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseWithCovarianceStamped
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image, JointState
from std_srvs.srv import Trigger

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.batch_simulator import CORES
from neuro_control.places.control.images import decode_image, featureless, raw_image
from neuro_control.places.control.poses import covariance
from neuro_control.places.control.recogniser import MODES, REGULARISATIONS, Recogniser
from neuro_control.places.control.types import Grey, PlaceEstimate
from neuro_control.resources import find_file
from neuro_control.ros.diagnostics import Timing
from neuro_control.ros.inputs import check_age
from neuro_control.ros.lifecycle import LifecycleParameters, ManagedNode
from neuro_control.ros.messages import (
    COMMAND_QOS,
    Rejected,
    joint_state,
    to_nanoseconds,
    to_stamp,
)
from neuro_control.ros.parameters import parameter
from neuro_control.ros.process import run_node

TRANSPORTS = ("raw", "compressed")

# Wall time without an image that is told, s.
_SILENCE = 1.0


@dataclass(frozen=True)
class PlaceParameters(LifecycleParameters):
    """Parameters of the place recogniser."""

    model: str = parameter(
        "", "File that training wrote, in config/weights or by its path; load_model takes it over"
    )
    mode: str = parameter(
        "fast",
        "fast (expected responses) or spiking; load_model takes it over",
        choices=MODES,
    )
    sequence: int = parameter(
        1, "Images in a row that are matched together; load_model takes it over", low=1, high=1000
    )
    best: int = parameter(
        5, "How many places are told, the best first; load_model takes it over", low=1, high=1000
    )
    regularisation: str = parameter(
        "homeostasis",
        "What keeps neurons that respond to everything from winning: homeostasis, silence (the "
        "paper's) or none; load_model takes it over",
        choices=REGULARISATIONS,
    )
    false_accepts: float = parameter(
        0.05,
        "Share of places never visited that may be taken for known ones, told from the reference; "
        "load_model takes it over",
        low=0.0,
        high=1.0,
    )
    threshold: float = parameter(
        0.0,
        "Score below which a place counts as never visited, 0 takes what false_accepts says; "
        "load_model takes it over",
        low=-1e9,
        high=1e9,
    )
    seed: int = parameter(
        0, "Seed of the spiking mode; load_model takes it over", low=0, high=2**31
    )
    device: str = parameter(
        CORES,
        "Where the spiking mode runs: cores, or a device of torch such as cuda; load_model takes "
        "it over",
    )
    transport: str = parameter(
        "raw", "raw hears image, compressed hears image/compressed", choices=TRANSPORTS, fixed=True
    )
    reliable: bool = parameter(
        False,
        "Have lost parts of images sent again, for large raw ones; the camera must offer it",
        fixed=True,
    )
    max_age: float = parameter(
        0.2, "Age from which an image is not answered any more, s", low=1e-3, high=60.0
    )
    position_deviation: float = parameter(
        1.0, "Standard deviation of a camera from its place, m", low=0.0, high=1000.0
    )
    angle_deviation: float = parameter(
        0.2, "Standard deviation of a camera's attitude from its place's, rad", low=0.0, high=3.2
    )


def read_raw(message: Image) -> Grey:
    """Grey image (H, W) of a message.

    Raises:
        Rejected: The encoding is not known, or the sizes don't fit the data.
    """
    size = (message.height, message.width)
    try:
        return raw_image(
            message.data, size, message.encoding, message.step, bool(message.is_bigendian)
        )
    except ConfigurationError as error:
        raise Rejected("image", str(error)) from error


def read_compressed(message: CompressedImage) -> Grey:
    """Grey image (H, W) of a message.

    Raises:
        Rejected: It holds no whole image of a known format.
    """
    try:
        return decode_image(bytes(message.data), f"of the format '{message.format}'")
    except ConfigurationError as error:
        raise Rejected("image", str(error)) from error


class PlaceRecognizer(ManagedNode[PlaceParameters]):
    """Says where the camera is.

    Subscribes to ``image`` (sensor_msgs/Image) or ``image/compressed``. Publishes, stamped as the
    image, ``place`` (sensor_msgs/JointState): names of the K best places in ``name``, their scores
    in ``position``, the best first, and in the header's ``frame_id`` the place where the camera
    is, empty if that was never visited; and, where the reference has poses, ``pose``
    (PoseWithCovarianceStamped). Service: ``~/load_model`` (std_srvs/Trigger).

    A thread of its own recognises: diagnostics keep their pace, and while it works the newest
    image waits and older ones are dropped.

    Args:
        node_options: Passed on to the rclpy node.

    Raises:
        ConfigurationError: A parameter is wrong.
    """

    def __init__(self, name: str = "place_recognizer", **node_options: Any) -> None:
        super().__init__(name, PlaceParameters, "place recogniser", **node_options)
        self._worker: threading.Thread | None = None
        self._waiting: queue.Queue[tuple[Any, float] | None] = queue.Queue(maxsize=1)
        # The worker and the executor's thread both tell how the node is, and both recognise.
        self._reporting = threading.Lock()
        self._recognising = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._timing = Timing()
        self._received = 0.0
        self._made: list[tuple[Callable[[Any], Any], Any]] = []

    # Lifecycle.

    def set_up(self) -> None:
        """Load the model and make the topics."""
        self._load()
        self._places = self.create_publisher(JointState, "place", COMMAND_QOS)
        self._poses = self.create_publisher(PoseWithCovarianceStamped, "pose", COMMAND_QOS)
        raw = self.parameters.transport == "raw"
        self._read: Callable[[Any], Grey] = read_raw if raw else read_compressed
        self._topic = "image" if raw else "image/compressed"
        reliability = (
            ReliabilityPolicy.RELIABLE
            if self.parameters.reliable
            else ReliabilityPolicy.BEST_EFFORT
        )
        images = self.create_subscription(
            Image if raw else CompressedImage,
            self._topic,
            self._receive,
            # Of images only the newest counts.
            QoSProfile(depth=1, reliability=reliability),
        )
        service = self.create_service(Trigger, "~/load_model", self._on_load_model)
        self._made = [
            (self.destroy_publisher, self._places),
            (self.destroy_publisher, self._poses),
            (self.destroy_subscription, images),
            (self.destroy_service, service),
        ]

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start to answer images."""
        self._recogniser.reset()
        self._answered: tuple[int, JointState, PoseWithCovarianceStamped | None] | None = None
        self._received = time.monotonic()
        self._set_state(DiagnosticStatus.STALE, f"waiting for {self._topic}")
        self._worker = threading.Thread(target=self._work, daemon=True)
        self._worker.start()
        return TransitionCallbackReturn.SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give up the topics."""
        self.stop()
        for destroy, made in self._made:
            destroy(made)
        return TransitionCallbackReturn.SUCCESS

    def stop(self) -> None:
        """Answer no more images."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        self._put(None)
        worker.join()
        with self._reporting:
            self.report_deactivated()

    def destroy_node(self) -> None:
        """End the node and its thread."""
        if hasattr(self, "_worker"):
            self.stop()
        super().destroy_node()

    # The model.

    def _load(self) -> None:
        """Take over the model that the parameters name, once it is known to work.

        Raises:
            ConfigurationError: There is none, it is damaged, or the parameters don't fit it.
        """
        p = self.parameters
        if not p.model:
            raise ConfigurationError("model is empty: name a file that training wrote")
        recogniser = Recogniser(
            find_file("config/weights", p.model),
            mode=p.mode,
            sequence=p.sequence,
            best=p.best,
            seed=p.seed,
            regularisation=p.regularisation,
            false_accepts=p.false_accepts,
            device=p.device,
            threshold=p.threshold or None,
        )
        # What is compiled on the first image would make that image late.
        with self._recognising:
            recogniser.step(np.random.default_rng(0).integers(0, 256, (32, 64), dtype=np.uint8))
        recogniser.reset()
        self._recogniser = recogniser
        self._loaded = p.model

    def _on_load_model(self, request: Any, response: Any) -> Any:
        try:
            self._load()
        except ConfigurationError as error:
            response.success = False
            response.message = f"{error}; {self._loaded} stays"
            return response
        response.success = True
        response.message = f"{self._loaded} knows {len(self._recogniser.names)} places"
        return response

    # From an image to a place.

    def _receive(self, message: Any) -> None:
        self._received = time.monotonic()
        if self._worker is not None and self._put((message, time.perf_counter())):
            self._counts["dropped_overwritten"] += 1

    def _put(self, item: tuple[Any, float] | None) -> bool:
        """Let ``item`` wait for the worker; whether it took the place of another."""
        try:
            self._waiting.get_nowait()
            overwritten = True
        except queue.Empty:
            overwritten = False
        self._waiting.put_nowait(item)
        return overwritten

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            message, arrived = item
            try:
                self._answer(message, arrived)
            except Rejected as error:
                self._counts[f"rejected/{error.reason}"] += 1
                self._set_state(
                    DiagnosticStatus.WARN, f"{self._topic} rejected: {error}", key=error.reason
                )
            except Exception as error:
                # Whatever a model makes of an image, the next image may be another.
                self._counts[f"rejected/{type(error).__name__}"] += 1
                self._set_state(DiagnosticStatus.ERROR, f"the recogniser failed: {error!r}")

    def _answer(self, message: Any, arrived: float) -> None:
        stamp = to_nanoseconds(message.header.stamp)
        if self._is_late(stamp) or self._is_settled(stamp):
            return
        image = self._read(message)
        if featureless(image):
            raise Rejected("featureless", "it is of one colour and shows no place")
        recogniser = self._recogniser
        with self._recognising:
            answer = recogniser.step(image)
        if self._is_late(stamp):
            return
        place, pose = self._messages(stamp, recogniser, answer)
        self._answered = (stamp, place, pose)
        self._publish(place, pose)
        self._counts["never_visited"] += not answer.visited
        self._timing.add(time.perf_counter() - arrived)
        self._set_state(DiagnosticStatus.OK, "running")

    def _is_late(self, stamp: int) -> bool:
        """Whether an image is too old to be answered, which is counted and told."""
        try:
            check_age(stamp, self.now(), self.parameters.max_age)
        except Rejected as error:
            if error.reason != "stale":
                raise
            self._counts["dropped_late"] += 1
            self._set_state(DiagnosticStatus.WARN, f"{self._topic} dropped: {error}", key="late")
            return True
        return False

    def _is_settled(self, stamp: int) -> bool:
        """Whether an image calls for no new answer, having been answered already."""
        if self._answered is None or stamp > self._answered[0]:
            return False
        last, place, pose = self._answered
        if stamp == last:
            # Whoever sent it again has missed the answer.
            self._publish(place, pose)
            return True
        if self.now() < last:
            self._recogniser.reset()  # the clock went back: another run
            return False
        raise Rejected("order", "it is older than the one answered before it")

    def _messages(
        self, stamp: int, recogniser: Recogniser, answer: PlaceEstimate
    ) -> tuple[JointState, PoseWithCovarianceStamped | None]:
        names = [recogniser.names[place] for place in answer.best]
        place = joint_state(stamp, names, position=answer.scores)
        if not answer.visited:
            return place, None
        place.header.frame_id = recogniser.names[answer.place]
        if recogniser.poses is None:
            return place, None
        message = PoseWithCovarianceStamped()
        message.header.stamp = to_stamp(stamp)
        message.header.frame_id = recogniser.frame
        pose = message.pose.pose
        numbers = recogniser.poses[answer.place].tolist()
        pose.position.x, pose.position.y, pose.position.z = numbers[:3]
        q = pose.orientation
        q.x, q.y, q.z, q.w = numbers[3:]
        p = self.parameters
        message.pose.covariance = covariance(
            recogniser.poses[answer.best], answer.scores, p.position_deviation, p.angle_deviation
        ).ravel()
        return place, message

    def _publish(self, place: JointState, pose: PoseWithCovarianceStamped | None) -> None:
        self._places.publish(place)
        if pose is not None:
            self._poses.publish(pose)

    # Diagnostics.

    def _set_state(self, level: bytes, text: str, key: str | None = None) -> None:
        with self._reporting:
            self.set_state(level, text, key)

    def report(self) -> None:
        """Every second: tell the state, and of silence."""
        silence = time.monotonic() - self._received
        if self._worker is not None and silence > _SILENCE:
            self._set_state(
                DiagnosticStatus.WARN, f"no {self._topic} for {silence:.0f} s", key="silence"
            )
        with self._reporting:
            self.publish_diagnostics()

    def diagnostic_values(self) -> dict[str, str]:
        """Model, rate, latency and counts."""
        names = ("never_visited", "dropped_late", "dropped_overwritten")
        rejected = {key: str(n) for key, n in dict(self._counts).items() if key not in names}
        return {
            "model": getattr(self, "_loaded", ""),
            "rate_hz": f"{self._timing.rate():.2f}",
            **self._timing.latencies(),
            "answered": str(self._timing.count),
            **{name: str(self._counts[name]) for name in names},
            **rejected,
        }


def main() -> None:
    """Run the node: the executable place_recognizer."""
    run_node(PlaceRecognizer)
