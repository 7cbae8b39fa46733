# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""QUART's tokens: each number of an action is one of 256 bins.

In training a target is spread over its neighbours, since a bin beside the right one is hardly
wrong; a distribution is decoded as the mean over the bins around the most likely one, which is
finer than a bin.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuro_control.quart.control.actions import BINS, NUMBERS, TERMINATE, ActionTokens

# Deviation of a soft target, bins.
_SPREAD = 2.5
# Bins around the most likely one over which a number is averaged.
_AROUND = 8


class BinTokenizer(nn.Module):
    """Twelve tokens an action.

    Attributes:
        chunk: Number of actions that are said at once.
        steps: Number of groups of tokens, one an action.
        count: Number of tokens of a group.
        values: Number of values of a token.

    Args:
        chunk: Number of actions that are said at once.
        tokens: Ranges of the numbers.
    """

    low: Tensor
    high: Tensor

    def __init__(self, chunk: int = 1, tokens: ActionTokens | None = None) -> None:
        super().__init__()
        self.chunk, self.steps, self.count, self.values = chunk, chunk, len(NUMBERS), BINS
        low, high = torch.from_numpy((tokens or ActionTokens()).ranges).float().unbind(1)
        self.register_buffer("low", low, persistent=False)
        self.register_buffer("high", high, persistent=False)

    def targets(self, actions: Tensor) -> Tensor:
        """Distributions that are to be said of actions (n, chunk, 12): (n, 12 chunk, 256)."""
        part = (actions - self.low) / (self.high - self.low)
        centre = part.clamp(0.0, 1.0).flatten(1) * (BINS - 1)
        bins = torch.arange(BINS, dtype=torch.float32)
        return functional.softmax(-0.5 * ((bins - centre[..., None]) / _SPREAD) ** 2, dim=2)

    def decode(self, probabilities: Tensor) -> Tensor:
        """Actions of distributions (n, 12 chunk, 256): (n, chunk, 12)."""
        best = probabilities.argmax(dim=2, keepdim=True)
        bins = torch.arange(BINS)
        near = probabilities * ((bins - best).abs() <= _AROUND)
        mean = (near * bins).sum(dim=2) / near.sum(dim=2)
        part = mean.reshape(-1, self.chunk, self.count) / (BINS - 1)
        ends = (best > BINS // 2).reshape(-1, self.chunk, self.count)
        # To terminate is a matter of yes or no.
        part = torch.cat([ends[..., : TERMINATE + 1].to(part.dtype), part[..., 1:]], dim=2)
        return self.low + part * (self.high - self.low)
