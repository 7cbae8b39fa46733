# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The policy: picture, words and state in, an action out; this object is evaluated and deployed.

    policy = Policy.load("config/weights/quart.safetensors")
    policy.reset("go to the red cube")
    decision = policy.act(image, state)   # decision.action: twelve numbers
    command = gait_command(decision.action)

It needs no ROS, MuJoCo or GPU; weights in a safetensors file need torch, and a policy that was
exported to a file of ONNX needs onnxruntime instead.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control import weights
from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.actions import POLICY_PERIOD
from neuro_control.quart.control.language import Indices, encode
from neuro_control.quart.control.networks.facts import KIND, check_version, facts_of
from neuro_control.quart.control.networks.prediction import Predictor
from neuro_control.quart.control.pictures import Image, network_image
from neuro_control.quart.control.state import IDLE, Memory, RobotState, state_vector

Array = NDArray[np.float64]


class Decision(NamedTuple):
    """What a policy decides.

    Attributes:
        action: The action, (12,), as ``actions.NUMBERS`` has it.
        confidence: 1 less the entropy of the tokens as a part of the largest, 0 to 1.
        understood: Whether the instruction is one.
        place: Where the target is seen, ahead and to the left of the trunk, (2,), m; None if it
            is out of sight.
        actions: This action and those that are to follow it, each 0.1 s later, (chunk, 12).
    """

    action: Array
    confidence: float
    understood: bool
    place: Array | None
    actions: Array


class Policy:
    """A policy with its memory.

    Attributes:
        network: What predicts.
        memory: What it remembers since the last ``reset``.

    Args:
        network: A trained network, or one that was exported.
        follow: Number of actions of a chunk that are carried out before the next picture is
            looked at. What the actions were decided on is that old; the time between two
            predictions is as much longer.

    Raises:
        ConfigurationError: ``follow`` is more than the network's chunk has.
    """

    def __init__(self, network: Predictor, follow: int = 1) -> None:
        if not 1 <= follow <= network.size.chunk:
            raise ConfigurationError(
                f"this policy says {network.size.chunk} actions at once: it can follow 1 to "
                f"{network.size.chunk} of them, not {follow}"
            )
        self.network, self._follow = network, follow
        self._words: Indices | None = None
        self._last: Decision | None = None
        self.memory = Memory()

    @classmethod
    def load(cls, path: Path | str, follow: int = 1) -> Policy:
        """Policy of a file that ``save`` or ``neuro-control export quart`` wrote.

        Args:
            path: The file; one that was exported ends in ``.onnx``.
            follow: As the class has it.

        Raises:
            ConfigurationError: The file is missing, damaged, or of another version, or what runs
                it is not installed.
        """
        path = Path(path)
        if path.suffix == ".onnx":
            from neuro_control.quart.control.networks.onnx import OnnxNetwork

            return cls(OnnxNetwork(path), follow)
        from neuro_control.quart.control.networks.build import rebuild

        arrays, facts = weights.read(path, KIND)
        check_version(path, facts)
        try:
            return cls(rebuild(facts, arrays), follow)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ConfigurationError(f"{path} has weights that don't fit: {error}") from error

    def save(self, path: Path, **facts: Any) -> None:
        """Write the weights as 16-bit numbers, with the ranges of the actions and more facts.

        Raises:
            ConfigurationError: The policy was exported, and has no weights that could be saved.
        """
        arrays = {name: each.astype(np.float16) for name, each in self.network.arrays().items()}
        weights.write(path, KIND, arrays, {**facts, **facts_of(self.network)})

    @property
    def chunk(self) -> int:
        """Number of actions that it says at once."""
        return self.network.size.chunk

    def reset(self, instruction: str) -> None:
        """Take a new instruction; the memory begins anew.

        Raises:
            ConfigurationError: The instruction is empty, too long or holds control characters.
        """
        self._words, self._last = encode(instruction), None
        self.memory = Memory()

    def act(self, image: Image, state: RobotState, seconds: float = POLICY_PERIOD) -> Decision:
        """Decide.

        Args:
            image: Picture of the head's camera, (height, width, 3), square.
            state: What the gait layer estimates.
            seconds: Time since the last action, s.

        Raises:
            ConfigurationError: There is no instruction yet, or the picture shows nothing.
        """
        if self._words is None:
            raise ConfigurationError("no instruction yet: call reset with one first")
        memory, last = self.memory, self._last
        if last is not None and self.chunk - len(last.actions) + 1 < self._follow:
            decision = last._replace(action=last.actions[1], actions=last.actions[1:], place=None)
        else:
            decision = self._decide(network_image(image, self.network.size.image), state)
        memory.saw(state, decision.place, seconds)
        memory.did(decision.action, seconds)
        self._last = decision
        return decision

    def _decide(self, image: Image, state: RobotState) -> Decision:
        memory = self.memory
        vector = state_vector(state.motion(), memory.last, memory.trace, memory.place(state))
        assert self._words is not None  # noqa: S101  # act has looked
        found = self.network.predict(image, self._words, vector)
        actions = np.clip(found.actions, *self.network.ranges.T)
        if not found.understood:
            actions = np.tile(IDLE, (len(actions), 1))
        place = found.place if found.visible else None
        return Decision(actions[0], 1.0 - found.entropy, found.understood, place, actions)
