# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The policy: picture, words and state in, an action out; this object is evaluated and deployed.

    policy = Policy.load("config/weights/quart.safetensors")
    policy.reset("go to the red cube")
    decision = policy.act(image, state)   # decision.action: twelve numbers
    command = gait_command(decision.action)

It needs torch and no ROS, MuJoCo or GPU.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuro_control import weights
from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.actions import (
    BINS,
    NUMBERS,
    POLICY_PERIOD,
    RANGES,
    TERMINATE,
    ActionTokens,
)
from neuro_control.quart.control.language import encode
from neuro_control.quart.control.network import NetworkSize, SmallNetwork
from neuro_control.quart.control.state import IDLE, Memory, RobotState, state_vector

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

KIND = "small policy of QUART"
_VERSION = 1

# Bins around the most likely one over which a number is averaged.
_AROUND = 8
_PLACE_SCALE = 3.0
# A picture whose grey values deviate less than this shows nothing.
_ONE_COLOUR = 1.0


class Decision(NamedTuple):
    """What a policy decides.

    Attributes:
        action: The action, (12,), as ``actions.NUMBERS`` has it.
        confidence: 1 less the entropy of the tokens as a part of the largest, 0 to 1.
        understood: Whether the instruction is one.
        place: Where the target is seen, ahead and to the left of the trunk, (2,), m; None if it
            is out of sight.
    """

    action: Array
    confidence: float
    understood: bool
    place: Array | None


class Policy:
    """A small policy with its memory.

    Args:
        network: The trained network.
        tokens: How its tokens become actions.
    """

    def __init__(self, network: SmallNetwork, tokens: ActionTokens | None = None) -> None:
        self.network, self.tokens = network.eval(), tokens or ActionTokens()
        self._words: Tensor | None = None
        self.memory = Memory()

    @classmethod
    def load(cls, path: Path | str) -> Policy:
        """Policy of a file that ``save`` wrote.

        Raises:
            ConfigurationError: The file is missing, damaged, or of another version.
        """
        arrays, facts = weights.read(Path(path), KIND)
        if facts.get("version") != _VERSION:
            raise ConfigurationError(
                f"{path} has weights of version {facts.get('version')}, not {_VERSION}: "
                "train them again, or take those of this release"
            )
        try:
            size = NetworkSize(**{**facts["size"], "channels": tuple(facts["size"]["channels"])})
            network = SmallNetwork(size)
            network.load_state_dict(
                {name: torch.from_numpy(array).float() for name, array in arrays.items()}
            )
            tokens = ActionTokens(np.array(facts["ranges"], dtype=np.float64))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ConfigurationError(f"{path} has weights that don't fit: {error}") from error
        return cls(network, tokens)

    def save(self, path: Path, **facts: Any) -> None:
        """Write the weights as 16-bit numbers, with the ranges of the actions and more facts."""
        arrays = {
            name: each.detach().half().numpy() for name, each in self.network.state_dict().items()
        }
        own = {
            "version": _VERSION, "size": asdict(self.network.size),
            "ranges": self.tokens.ranges.tolist(), "numbers": list(NUMBERS),
        }  # fmt: skip
        weights.write(path, KIND, arrays, {**facts, **own})

    def reset(self, instruction: str) -> None:
        """Take a new instruction; the memory begins anew.

        Raises:
            ConfigurationError: The instruction is empty, too long or holds control characters.
        """
        self._words = torch.from_numpy(encode(instruction))[None]
        self.memory = Memory()

    @torch.inference_mode()
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
        memory = self.memory
        vector = state_vector(state.motion(), memory.last, memory.trace, memory.place(state))
        out = self.network(
            _picture(image, self.network.size.image),
            self._words,
            torch.from_numpy(vector).float()[None],
        )
        tokens = out.tokens[0].softmax(dim=1)
        action = self._decode(tokens)
        understood = bool(out.understood[0] > 0.0)
        seen = _PLACE_SCALE * out.place[0].double().numpy() if out.visible[0] > 0.0 else None
        memory.saw(state, seen, seconds)
        if not understood:
            action = IDLE.copy()
        memory.did(action, seconds)
        entropy = float(-(tokens * tokens.clamp(min=1e-9).log()).sum(dim=1).mean())
        return Decision(action, 1.0 - entropy / math.log(BINS), understood, seen)

    def _decode(self, tokens: Tensor) -> Array:
        """Each number is the mean over the bins around its most likely one; but for terminate."""
        best = tokens.argmax(dim=1, keepdim=True)
        bins = torch.arange(BINS)
        near = tokens * ((bins - best).abs() <= _AROUND)
        mean = (near * bins).sum(dim=1) / near.sum(dim=1)
        # The middle of a bin, by which encoding and decoding agree in the mean.
        action = self.tokens.decode(mean.double().numpy() * BINS / (BINS - 1))
        action[TERMINATE] = float(best[TERMINATE, 0] > BINS // 2)
        limited: Array = np.clip(action, *RANGES.T)
        return limited


def _picture(image: Image, pixels: int) -> Tensor:
    """A picture as a batch of one, (1, 3, pixels, pixels).

    Raises:
        ConfigurationError: It is no picture, or shows one colour.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ConfigurationError(
            f"a picture is (height, width, 3) of uint8, not {image.shape} of {image.dtype}"
        )
    if float(image.std()) < _ONE_COLOUR:
        raise ConfigurationError("the picture shows one colour: is the camera covered?")
    found = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]
    if found.shape[2:] != (pixels, pixels):
        found = torch.nn.functional.interpolate(
            found.float(), (pixels, pixels), mode="bilinear", antialias=True, align_corners=False
        ).round().to(torch.uint8)  # fmt: skip
    return found
