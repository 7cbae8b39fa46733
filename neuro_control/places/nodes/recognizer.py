# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The place recogniser as a ROS 2 node: an image in, the place and its pose out."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseWithCovarianceStamped
from nav_msgs.msg import Odometry
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image, JointState
from std_srvs.srv import Trigger

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.images import featureless
from neuro_control.places.control.poses import covariance
from neuro_control.places.control.recogniser import Recogniser
from neuro_control.places.control.recogniser_settings import RecogniserSettings
from neuro_control.places.control.types import Grey, PlaceEstimate
from neuro_control.places.nodes.image_messages import read_compressed, read_raw
from neuro_control.places.nodes.recognizer_parameters import PlaceParameters
from neuro_control.places.nodes.travelled import Travelled, spacing
from neuro_control.resources import find_file
from neuro_control.ros.diagnostics.monitoring import Timing
from neuro_control.ros.inputs import check_age
from neuro_control.ros.lifecycle.managed_node import ManagedNode
from neuro_control.ros.messages import (
    COMMAND_QOS,
    SENSOR_QOS,
    Rejected,
    joint_state,
    to_nanoseconds,
    to_stamp,
)
from neuro_control.ros.process import run_node

# Wall time without an image from which on that is reported, s.
_IMAGE_TIMEOUT = 1.0


class PlaceRecognizer(ManagedNode[PlaceParameters]):
    """Recognises where the camera is.

    Subscribes to ``image`` (sensor_msgs/Image) or ``image/compressed``. Publishes, stamped as the
    image, ``place`` (sensor_msgs/JointState): names of the K best places in ``name``, the best
    first, their scores in ``position``, and in the header's ``frame_id`` the place where the camera
    is, empty if that was never visited. If the reference has poses, it also publishes ``pose``
    (PoseWithCovarianceStamped), and where somebody listens the scores of all places as
    ``~/scores`` (JointState: names and, in ``position``, scores). With the parameter ``odometry``
    it also subscribes to ``odom`` (nav_msgs/Odometry). Service: ``~/load_model``
    (std_srvs/Trigger).

    A thread of its own recognises, so that diagnostics are published in time. While it works, the
    newest image waits and older images are dropped.

    Args:
        node_options: Passed on to the rclpy node.

    Attributes:
        recogniser: The recogniser that answers images, from configuring on.

    Raises:
        ConfigurationError: A parameter is wrong.
    """

    def __init__(self, name: str = "place_recognizer", **node_options: Any) -> None:
        super().__init__(name, PlaceParameters, "place recogniser", **node_options)
        self._worker: threading.Thread | None = None
        self._waiting: queue.Queue[tuple[Any, float] | None] = queue.Queue(maxsize=1)
        # The worker's and the executor's thread both set the state, and both recognise.
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
        self._scores = self.create_publisher(JointState, "~/scores", SENSOR_QOS)
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
            # Only the newest image counts.
            QoSProfile(depth=1, reliability=reliability),
        )
        self._travelled = Travelled()
        service = self.create_service(Trigger, "~/load_model", self._on_load_model)
        self._made = [
            (self.destroy_publisher, self._places),
            (self.destroy_publisher, self._poses),
            (self.destroy_publisher, self._scores),
            (self.destroy_subscription, images),
            (self.destroy_service, service),
        ]
        if self.parameters.odometry:
            odometry = self.create_subscription(Odometry, "odom", self._travelled.add, SENSOR_QOS)
            self._made.append((self.destroy_subscription, odometry))

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start to answer images."""
        self.recogniser.reset()
        self._answered: tuple[int, JointState, PoseWithCovarianceStamped | None] | None = None
        self._received = time.monotonic()
        self._set_state(DiagnosticStatus.STALE, f"waiting for {self._topic}")
        self._worker = threading.Thread(target=self._work, daemon=True)
        self._worker.start()
        return TransitionCallbackReturn.SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Remove topics and service."""
        self.stop()
        for destroy, made in self._made:
            destroy(made)
        return TransitionCallbackReturn.SUCCESS

    def stop(self) -> None:
        """Stop answering images."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        self._put(None)
        worker.join()
        self._keep_adaptation()
        with self._reporting:
            self.report_deactivated()

    def destroy_node(self) -> None:
        """End the node and its thread."""
        if hasattr(self, "_worker"):
            self.stop()
        super().destroy_node()

    def _keep_adaptation(self) -> None:
        """Write what was adapted to, if images were answered and a parameter names the file."""
        if self._adaptation is None or self._answered is None:
            return
        try:
            self.recogniser.keep_adaptation(self._adaptation)
            # Whoever activates the node again goes on from here.
            self.recogniser.restore_adaptation(self._adaptation)
        except (ConfigurationError, OSError) as error:
            self.get_logger().warning(f"The adaptation can't be kept: {error}")

    # The model.

    def _load(self) -> None:
        """Load the model that the parameters name, and use it if it works.

        Raises:
            ConfigurationError: There is none, it is damaged, or the parameters don't fit it.
        """
        p = self.parameters
        if not p.model:
            raise ConfigurationError("model is empty: name a file that training wrote")
        settings = RecogniserSettings(
            mode=p.mode,
            sequence=p.sequence,
            matching=p.matching,
            direction=p.direction,
            alignment=p.alignment,
            suppression=p.suppression,
            best=p.best,
            seed=p.seed,
            regularisation=p.regularisation,
            false_accepts=p.false_accepts,
            device=p.device,
            threshold=p.threshold or None,
        )
        recogniser = Recogniser(find_file("config/weights", p.model), settings)
        # Compiling during the first image would make that image late.
        noise = np.random.default_rng(0).integers(0, 256, (32, 64), dtype=np.uint8)
        with self._recognising:
            recogniser.step(noise)
        recogniser.reset()
        adaptation = Path(p.adaptation).expanduser() if p.adaptation else None
        if adaptation is not None and adaptation.exists():
            recogniser.restore_adaptation(adaptation)
        self._adaptation = adaptation
        self._spacing = spacing(recogniser.poses)
        self.recogniser = recogniser
        self._loaded = p.model

    def _on_load_model(self, request: Any, response: Any) -> Any:
        try:
            self._load()
        except Exception as error:  # whatever a file makes it stumble over, the node recognises on
            response.success = False
            reason = error if isinstance(error, ConfigurationError) else repr(error)
            response.message = f"{reason}; {self._loaded} stays"
            return response
        response.success = True
        response.message = f"{self._loaded} knows {len(self.recogniser.names)} places"
        return response

    # From an image to a place.

    def _receive(self, message: Any) -> None:
        self._received = time.monotonic()
        self._counts["received"] += 1
        if self._worker is not None and self._put((message, time.perf_counter())):
            self._counts["dropped_overwritten"] += 1

    def _put(self, item: tuple[Any, float] | None) -> bool:
        """Let ``item`` wait for the worker; gives whether it replaced another one."""
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
                # Whatever goes wrong with one image, the next one is answered.
                self._counts[f"rejected/{type(error).__name__}"] += 1
                self._set_state(DiagnosticStatus.ERROR, f"the recogniser failed: {error!r}")

    def _answer(self, message: Any, arrived: float) -> None:
        stamp = to_nanoseconds(message.header.stamp)
        if self._is_late(stamp) or self._is_settled(stamp):
            return
        image = self._read(message)
        if featureless(image):
            raise Rejected("featureless", "it is of one colour and shows no place")
        recogniser = self.recogniser
        with self._recognising:
            travelled = self._places_travelled()
            if travelled is None:
                answer = recogniser.step(image)
            else:
                answer = recogniser.step(image, travelled)
        if self._is_late(stamp):
            return
        place, pose = self._messages(stamp, recogniser, answer)
        self._answered = (stamp, place, pose)
        self._publish(place, pose)
        if self._scores.get_subscription_count():
            names = list(recogniser.names)
            self._scores.publish(joint_state(stamp, names, position=recogniser.latest))
        self._counts["never_visited"] += not answer.visited
        self._timing.add(time.perf_counter() - arrived)
        self._set_state(DiagnosticStatus.OK, "running")

    def _places_travelled(self) -> float | None:
        """Distance since the last answered image, in places; None if it isn't known."""
        distance = self._travelled.take()
        if distance is None or self._spacing is None:
            return None
        return distance / self._spacing

    def _is_late(self, stamp: int) -> bool:
        """Whether an image is too old to be answered, which is counted and reported."""
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
        """Whether an image was answered already; the answer is then published again."""
        if self._answered is None or stamp > self._answered[0]:
            return False
        last, place, pose = self._answered
        if stamp == last:
            # The sender has missed the answer.
            self._publish(place, pose)
            return True
        if self.now() < last:
            self.recogniser.reset()  # the clock went back: a new run
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
        """Publish the diagnostics, once a second; report it if no images come."""
        elapsed = time.monotonic() - self._received
        if self._worker is not None and elapsed > _IMAGE_TIMEOUT:
            self._set_state(
                DiagnosticStatus.WARN, f"no {self._topic} for {elapsed:.0f} s", key="timeout"
            )
        with self._reporting:
            self.publish_diagnostics()

    def diagnostic_values(self) -> dict[str, str]:
        """Model, rate, latency and counts."""
        names = ("received", "never_visited", "dropped_late", "dropped_overwritten")
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
