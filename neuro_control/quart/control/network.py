# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The small policy: a convolutional network that the words steer (FiLM).

Perez et al., "FiLM: visual reasoning with a general conditioning layer" (arXiv 1709.07871), and
Finn et al., "Deep spatial autoencoders" (arXiv 1509.06113) for the points in the picture that its
channels look at. All twelve tokens are read in parallel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuro_control.quart.control import state
from neuro_control.quart.control.actions import BINS, NUMBERS
from neuro_control.quart.control.language import BUCKETS


@dataclass(frozen=True)
class NetworkSize:
    """Sizes of a network.

    Attributes:
        image: Height and width of a picture, pixels.
        channels: Channels of its three stages.
        words: Length of a word's vector.
        hidden: Width of the layers that join picture, words and state.
    """

    image: int = 96
    channels: tuple[int, int, int] = (16, 32, 64)
    words: int = 96
    hidden: int = 256


class Output(NamedTuple):
    """What a network says of a batch.

    Attributes:
        tokens: Logits of the tokens, (n, 12, 256).
        place: Where it sees the target, ahead and to the left, (n, 2), in 3 m.
        visible: Logit that the target is in sight, (n,).
        understood: Logit that the instruction is one, (n,).
    """

    tokens: Tensor
    place: Tensor
    visible: Tensor
    understood: Tensor


class Reader(nn.Module):
    """Vector of an instruction: its words, each in the light of its place, weighed by attention."""

    def __init__(self, size: int, out: int) -> None:
        super().__init__()
        self.groups = nn.EmbeddingBag(BUCKETS + 1, size, mode="mean", padding_idx=BUCKETS)
        self.order = nn.GRU(size, size, batch_first=True, bidirectional=True)
        self.weigh = nn.Linear(2 * size, 4)
        self.join = nn.Linear(8 * size, out)

    def forward(self, groups: Tensor) -> Tensor:
        """Vectors (n, out) of letter groups (n, words, groups), -1 where there is none."""
        n, words, count = groups.shape
        there = (groups >= 0).any(dim=2)
        bags = torch.where(groups < 0, BUCKETS, groups).reshape(n * words, count)
        vectors = self.groups(bags).reshape(n, words, -1)
        # As long as the longest instruction of the batch.
        longest = int(there.sum(dim=1).max().clamp(min=1))
        read, _ = self.order(vectors[:, :longest])
        weights = self.weigh(read).masked_fill(~there[:, :longest, None], -1e4).softmax(dim=1)
        heads = torch.einsum("nwh,nwd->nhd", weights, read)
        return functional.silu(self.join(heads.flatten(1)))


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


class SmallNetwork(nn.Module):
    """Convolutions, steered by words and state, points, and a head for each number.

    Args:
        size: Sizes.
    """

    def __init__(self, size: NetworkSize | None = None) -> None:
        super().__init__()
        self.size = size = size or NetworkSize()
        first, second, third = size.channels
        self.read = Reader(size.words, size.hidden)
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
        # What it does depends on where it sees its target, also of a colour no action data show.
        self.act = nn.Sequential(
            nn.Linear(size.hidden + 3, size.hidden), nn.SiLU(),
            nn.Linear(size.hidden, len(NUMBERS) * BINS),
        )  # fmt: skip
        self.see = nn.Linear(size.hidden, 3)
        self.grasp = nn.Linear(size.hidden, 1)

    def forward(self, images: Tensor, words: Tensor, states: Tensor) -> Output:
        """Output for a batch.

        Args:
            images: Pictures, (n, 3, size, size), uint8.
            words: Letter groups, (n, words, groups), of ``language.encode``.
            states: State vectors, (n, ``state.SIZE``).
        """
        instruction = self.read(words)
        condition = torch.cat([instruction, self.feel(states)], dim=1)
        x = self.stem(images.float() / 127.5 - 1.0)
        x = self.early(x, condition)
        x = functional.silu(self.down(x))
        for block in self.late:
            x = block(x, condition)
        joined = self.join(torch.cat([self._points(x), x.amax(dim=(2, 3)), condition], dim=1))
        seen = self.see(joined)
        return Output(
            self.act(torch.cat([joined, seen], dim=1)).unflatten(1, (len(NUMBERS), BINS)),
            seen[:, :2],
            seen[:, 2],
            self.grasp(instruction).squeeze(1),
        )

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
