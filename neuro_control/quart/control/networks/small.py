# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The small policy: a convolutional network that the words steer (FiLM).

Perez et al., "FiLM: visual reasoning with a general conditioning layer" (arXiv 1709.07871), and
Finn et al., "Deep spatial autoencoders" (arXiv 1509.06113) for the points in the picture that its
channels look at. All tokens are said in parallel.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuro_control.quart.control import state
from neuro_control.quart.control.actions import ActionTokens
from neuro_control.quart.control.networks.base import Network, Output
from neuro_control.quart.control.networks.reading import Reader
from neuro_control.quart.control.networks.settings import NetworkSize


class _Film(nn.Module):
    """Residual block whose channels the condition scales and shifts."""

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(8, channels, affine=False)
        self.steer = nn.Linear(condition, 2 * channels)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.steer(condition)[:, :, None, None].chunk(2, dim=1)
        y = self.norm(self.second(functional.silu(self.first(x))))
        return x + functional.silu(y * (1.0 + scale) + shift)


class SmallNetwork(Network):
    """Convolutions, steered by words and state, points, and a head for each number.

    Args:
        size: Settings.
        tokens: Ranges of the numbers of an action.
    """

    def __init__(self, size: NetworkSize | None = None, tokens: ActionTokens | None = None) -> None:
        size = size or NetworkSize()
        super().__init__(size, tokens)
        first, second, third = size.channels
        self.read = Reader(size.words, size.hidden, size.sentence)
        self.feel = nn.Sequential(nn.Linear(state.SIZE, size.hidden), nn.SiLU())
        condition = 2 * size.hidden
        self.stem = nn.Sequential(
            nn.Conv2d(3, first, 5, stride=2, padding=2), nn.SiLU(),
            nn.Conv2d(first, second, 3, stride=2, padding=1), nn.SiLU(),
            nn.Conv2d(second, second, 3, padding=1), nn.SiLU(),
        )  # fmt: skip
        self.early = _Film(second, condition)
        self.down = nn.Conv2d(second, third, 3, stride=2, padding=1)
        self.late = nn.ModuleList([_Film(third, condition) for _ in range(3)])
        self.points = nn.Conv2d(third, 64, 1)
        pooled = 3 * 64 + third
        self.join = nn.Sequential(
            nn.Linear(pooled + condition, size.hidden), nn.SiLU(),
            nn.Linear(size.hidden, size.hidden), nn.SiLU(),
        )  # fmt: skip
        groups = self.tokenizer.steps
        # What it does depends on where it sees its target, also of a colour no action data show.
        self.steps = nn.Sequential(nn.Linear(size.hidden + 3, groups * size.hidden), nn.SiLU())
        self.act = nn.Linear(size.hidden, self.tokenizer.count * self.tokenizer.values)
        self.see = nn.Linear(size.hidden, 3)
        self.grasp = nn.Linear(size.hidden, 1)

    def forward(
        self,
        images: Tensor,
        words: Tensor,
        states: Tensor,
        sentences: Tensor | None = None,
        taught: Tensor | None = None,
    ) -> Output:
        """Output for a batch, as ``Network`` has it; the tokens do not depend on ``taught``."""
        instruction = self.read(words, sentences)
        condition = torch.cat([instruction, self.feel(states)], dim=1)
        x = self.stem(images.float() / 127.5 - 1.0)
        x = self.early(x, condition)
        x = functional.silu(self.down(x))
        for block in self.late:
            x = block(x, condition)
        joined = self.join(torch.cat([self._points(x), x.amax(dim=(2, 3)), condition], dim=1))
        seen = self.see(joined)
        steps = self.steps(torch.cat([joined, seen], dim=1))
        tokens = self.act(steps.unflatten(1, (self.tokenizer.steps, self.size.hidden)))
        return Output(
            tokens.reshape(len(tokens), -1, self.tokenizer.values),
            seen[:, :2],
            seen[:, 2],
            self.grasp(instruction).squeeze(1),
        )

    def looking(self) -> nn.Module:
        """The maps of the points that it looks at."""
        return self.points

    def weigh(self, looked: Tensor) -> Tensor:
        """Mean over the points of how much each part of the picture counts to where they are."""
        weights = looked[0].flatten(1).softmax(dim=1).mean(dim=0)
        return weights.reshape(looked.shape[2:])

    def _points(self, x: Tensor) -> Tensor:
        """Where each of 64 maps has its weight: column, row, and how much there is, (n, 192)."""
        maps = self.points(x)
        _, _, height, width = maps.shape
        weights = maps.flatten(2).softmax(dim=2).unflatten(2, (height, width))
        columns = torch.linspace(-1.0, 1.0, width, dtype=weights.dtype)
        rows = torch.linspace(-1.0, 1.0, height, dtype=weights.dtype)
        across = (weights.sum(dim=2) * columns).sum(dim=2)
        down = (weights.sum(dim=3) * rows).sum(dim=2)
        return torch.cat([across, down, maps.amax(dim=(2, 3))], dim=1)
