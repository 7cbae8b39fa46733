# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What all networks have in common: what they say, and how that becomes a prediction."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neuro_control.quart.control.actions import ActionTokens
from neuro_control.quart.control.language import Instruction
from neuro_control.quart.control.networks.bins import BinTokenizer
from neuro_control.quart.control.networks.codebook import CodebookTokenizer
from neuro_control.quart.control.networks.prediction import Prediction
from neuro_control.quart.control.networks.settings import NetworkSize

PLACE_SCALE = 3.0
"""Distance by which places are divided, m."""


class Tokenizer(Protocol):
    """How actions become tokens, and distributions over tokens actions.

    Attributes:
        chunk: Number of actions that are said at once.
        steps: Number of groups of tokens.
        count: Number of tokens of a group; tokens of one place in a group have one meaning.
        values: Number of values of a token.
    """

    chunk: int
    steps: int
    count: int
    values: int

    def targets(self, actions: Tensor) -> Tensor:
        """Distributions that are to be said of actions (n, chunk, 12): (n, tokens, values)."""

    def decode(self, probabilities: Tensor) -> Tensor:
        """Actions of distributions (n, tokens, values): (n, chunk, 12)."""


class Output(NamedTuple):
    """What a network says of a batch.

    Attributes:
        tokens: Logits of the tokens, (n, tokens, values); with bins (n, 12 chunk, 256), the first
            twelve of which are the action that is carried out now.
        place: Where it sees the target, ahead and to the left, (n, 2), in 3 m.
        visible: Logit that the target is in sight, (n,).
        understood: Logit that the instruction is one, (n,).
    """

    tokens: Tensor
    place: Tensor
    visible: Tensor
    understood: Tensor


class Decoded(NamedTuple):
    """What an output means.

    Attributes:
        actions: Actions of the chunk, (n, chunk, 12).
        entropy: Mean entropy of the tokens as a part of the largest, (n,), 0 to 1.
        place: Where it sees the target, ahead and to the left, (n, 2), m.
        visible: Logit that the target is in sight, (n,).
        understood: Logit that the instruction is one, (n,).
    """

    actions: Tensor
    entropy: Tensor
    place: Tensor
    visible: Tensor
    understood: Tensor


class Network(nn.Module):
    """A network of QUART.

    Attributes:
        size: Its settings.
        ranges: Lowest and highest value of each number of an action, (12, 2).
        tokenizer: How its tokens become actions.

    Args:
        size: Settings.
        tokens: Ranges of the numbers of an action.
    """

    tokenizer: BinTokenizer | CodebookTokenizer

    def __init__(self, size: NetworkSize, tokens: ActionTokens | None = None) -> None:
        super().__init__()
        tokens = tokens or ActionTokens()
        self.size, self.ranges = size, tokens.ranges
        self._looked: Tensor | None = None
        if size.tokenizer == "codebook":
            self.tokenizer = CodebookTokenizer(size.chunk, tokens)
        else:
            self.tokenizer = BinTokenizer(size.chunk, tokens)

    def forward(
        self,
        images: Tensor,
        words: Tensor,
        states: Tensor,
        sentences: Tensor | None = None,
        taught: Tensor | None = None,
    ) -> Output:
        """Output for a batch.

        Args:
            images: Pictures, (n, 3, size, size), uint8.
            words: Letter groups, (n, words, groups), of ``language.encode``.
            states: State vectors, (n, ``state.SIZE``).
            sentences: Vectors of a sentence encoder, (n, ``size.sentence``), if there is one.
            taught: The right tokens, (n, tokens), in training; who decodes autoregressively is
                shown those before the one that it is to say.
        """
        raise NotImplementedError

    def decode(self, out: Output) -> Decoded:
        """What an output means."""
        probabilities = out.tokens.softmax(dim=2)
        logarithms = probabilities.clamp(min=1e-9).log()
        entropy = -(probabilities * logarithms).sum(dim=2).mean(dim=1)
        return Decoded(
            self.tokenizer.decode(probabilities),
            entropy / math.log(self.tokenizer.values),
            PLACE_SCALE * out.place,
            out.visible,
            out.understood,
        )

    @torch.inference_mode()
    def predict(
        self,
        image: NDArray[np.uint8],
        instruction: Instruction,
        state: NDArray[np.float64],
    ) -> Prediction:
        """What to do, as ``prediction.Predictor`` has it."""
        sentence = instruction.sentence
        looked: list[Tensor] = []
        # Here and not in `forward`, which is also exported.
        hook = self.looking().register_forward_hook(lambda *call: looked.append(call[-1]))
        try:
            out = self(
                torch.from_numpy(image)[None],
                torch.from_numpy(instruction.groups)[None],
                torch.from_numpy(state).float()[None],
                None if sentence is None else torch.from_numpy(sentence.copy()).float()[None],
            )
        finally:
            hook.remove()
        self._looked = looked[0]
        return Prediction.of([each.numpy() for each in self.decode(out)])

    def looking(self) -> nn.Module:
        """The layer whose output, in a forward pass its first, says where the network looks."""
        raise NotImplementedError

    def weigh(self, looked: Tensor) -> Tensor:
        """Weight of each part of the picture, (height, width), by that layer's output."""
        raise NotImplementedError

    @torch.inference_mode()
    def attention(self) -> NDArray[np.float64] | None:
        """Where it looked in the last picture, as ``prediction.Predictor`` has it."""
        if self._looked is None:
            return None
        weights = self.weigh(self._looked).double()
        found: NDArray[np.float64] = (weights / weights.sum()).numpy()
        return found

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The weights by name."""
        return {name: each.detach().numpy() for name, each in self.state_dict().items()}
