# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The nodes of place recognition under a flood of messages that anybody could send."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from neuro_control.places.nodes.image_messages import compressed_message, raw_message
from neuro_control.places.nodes.player import Player
from neuro_control.places.nodes.recognizer import PlaceRecognizer
from neuro_control.ros.messages import joint_state, to_nanoseconds
from tests.bench import Bench, before_deadline, options
from tests.fuzz.target import Target

# Size of the images that are sent, as the default model's camera has it.
_SIZE = (32, 64, 3)


class RecognizerTarget(Target):
    """The recogniser with the default model; anything comes as its camera's images."""

    def __init__(self, bench: Bench, compressed: bool) -> None:
        transport = "compressed" if compressed else "raw"
        node = PlaceRecognizer(
            **options(model="places_route.safetensors", transport=transport, max_age=60.0)
        )
        super().__init__(bench, bench.add(node))
        node.start()
        known = set(node.recogniser.names)

        def failing(message: Any) -> str:
            scores = np.array(message.position)
            if not np.isfinite(scores).all():
                return f"not finite: {message}"
            return "" if set(message.name) <= known else f"places that nobody knows: {message}"

        self.failing = failing  # type: ignore[method-assign]
        node._places.publish = self.judge
        if compressed:
            self.examples["image/compressed"] = self._compressed
        else:
            self.examples["image"] = self._raw
        self.find_callbacks()
        for topic, receive in list(self.callbacks.items()):
            self.callbacks[topic] = self._awaited(receive)

    def _awaited(self, receive: Any) -> Any:
        """``receive``, and wait until the recogniser's thread has taken the image."""

        def call(message: Any) -> None:
            receive(message)
            for _ in before_deadline("the image is taken"):
                if self.node._waiting.empty():
                    return
                time.sleep(1e-4)

        return call

    def _raw(self, rng: np.random.Generator) -> Image:
        message = raw_message(rng.integers(0, 255, _SIZE, dtype=np.uint8))
        message.header.stamp = self.stamp(rng)
        return message

    def _compressed(self, rng: np.random.Generator) -> CompressedImage:
        kind = ("png", "jpeg")[rng.integers(2)]
        message = compressed_message(rng.integers(0, 255, _SIZE, dtype=np.uint8), kind)
        message.header.stamp = self.stamp(rng)
        return message

    def switch(self) -> None:
        """It has no ``~/enable``."""


class PlayerTarget(Target):
    """The player of images; anything comes as the places that answer them."""

    def __init__(self, bench: Bench) -> None:
        node = Player(**options(rate=1000.0, places=10, loop=True))
        super().__init__(bench, bench.add(node))
        self._sent = 0
        publish = node._images.publish

        def publish_and_judge(message: Image) -> None:
            self._sent = to_nanoseconds(message.header.stamp)
            self.judge(message)
            publish(message)

        node._images.publish = publish_and_judge
        self.examples["place"] = lambda rng: joint_state(
            self._sent - int(rng.integers(0, 3)) * 10**6, ["place_3"], position=rng.random(1)
        )
        self.find_callbacks()

    def failing(self, command: Any) -> str:
        whole = len(command.data) == command.height * command.step > 0
        return "" if whole else f"an image of {len(command.data)} bytes"

    def switch(self) -> None:
        """It has no ``~/enable``."""
