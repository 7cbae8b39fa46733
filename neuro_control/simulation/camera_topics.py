# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A simulated robot's cameras as topics."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import mujoco
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image

from neuro_control.ros.messages import NANOSECONDS, SENSOR_QOS, camera_info, image, restamped
from neuro_control.simulation.cameras import Cameras


class CameraTopics:
    """What the model's named cameras see, as ``CAMERA/image`` and ``CAMERA/camera_info``.

    A camera that nobody subscribes to is not drawn.

    Args:
        node: Publishes the images.
        model: Model that has the cameras.
        draw: Makes what draws the cameras of the names given.
        size: Height and width of an image, pixels.
        rate: Images per second of simulated time of each camera.
        wait: Whether to publish an image before the joint states of its time, however long that
            takes; otherwise it comes when it is drawn, and those due in the meantime are left out.
    """

    def __init__(
        self,
        node: Node,
        model: mujoco.MjModel,
        draw: Callable[[list[str]], Cameras],
        size: tuple[int, int],
        rate: float,
        wait: bool,
    ) -> None:
        named = [camera for camera in range(model.ncam) if model.camera(camera).name]
        names = [model.camera(camera).name for camera in named]
        self._model, self._rate, self._wait = model, rate, wait
        self._cameras = draw(names)
        self._infos = [
            # The name of a robot of several is part of the topic, not of the frame.
            camera_info(
                f"{name.rpartition('/')[2]}_optical_frame", size, float(model.cam_fovy[camera])
            )
            for name, camera in zip(names, named, strict=True)
        ]
        self._publishers = [
            (
                node.create_publisher(Image, f"{name}/image", SENSOR_QOS),
                node.create_publisher(CameraInfo, f"{name}/camera_info", SENSOR_QOS),
            )
            for name in names
        ]
        self._asked: deque[tuple[int, int]] = deque()  # camera, stamp
        self.begin()

    def begin(self) -> None:
        """Let an image be due now, since the subscribers are there."""
        # What was due when each camera was last drawn: one that nobody subscribes to stays due.
        self._drawn: list[tuple[int, int] | None] = [None] * len(self._publishers)

    def publish(self, nanoseconds: int, data: mujoco.MjData, episode: int, seed: int) -> None:
        """Ask for what is due and publish what is drawn.

        Args:
            nanoseconds: Time of the state, ns.
            data: The state.
            episode: Number of the episode.
            seed: Its seed.

        Raises:
            ConfigurationError: Nothing can be rendered on this machine.
        """
        due = (episode, math.floor(nanoseconds * self._rate / NANOSECONDS + 1e-6))
        if not self._asked:
            for camera, (images, _) in enumerate(self._publishers):
                if due != self._drawn[camera] and images.get_subscription_count():
                    self._drawn[camera] = due
                    self._cameras.ask(camera, self._model, data, episode, seed)
                    self._asked.append((camera, nanoseconds))
        while self._asked:
            picture = self._cameras.fetch(self._wait)
            if picture is None:
                return
            camera, stamp = self._asked.popleft()
            images, infos = self._publishers[camera]
            info = restamped(self._infos[camera], stamp)
            images.publish(image(info.header, picture))
            infos.publish(info)

    def close(self) -> None:
        """End the process that draws."""
        self._cameras.close()
