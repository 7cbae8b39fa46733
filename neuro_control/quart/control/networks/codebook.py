# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A chunk of actions as four tokens: residual vector quantisation, as QUART-Online has it.

An encoder turns a chunk, (k, 12), into two vectors. Each becomes the number of the nearest of 512
codes, and what is left of it the number of the nearest of 512 more: four tokens, whose codes a
decoder turns back into a chunk. Encoder, codes and decoder are trained on chunks alone
(``training.codebook``) before a policy learns to say the tokens.

Sources: Lee et al., "Autoregressive image generation using residual quantization" (arXiv
2203.01941); Ding et al., "QUART-Online" (arXiv 2412.15576).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuro_control.quart.control.actions import NUMBERS, TERMINATE, ActionTokens

VECTORS, LEVELS, CODES = 2, 2, 512
"""Vectors of a chunk, numbers that each becomes, and codes among which each number chooses."""

_LENGTH, _HIDDEN = 24, 256


class CodebookTokenizer(nn.Module):
    """Four tokens a chunk.

    Attributes:
        chunk: Number of actions that are said at once.
        steps: Number of groups of tokens: one.
        count: Number of tokens.
        values: Number of values of a token.
        codes: Codes by vector and level, (2, 2, 512, length).

    Args:
        chunk: Number of actions that are said at once.
        tokens: Ranges of the numbers.
    """

    low: Tensor
    high: Tensor
    codes: Tensor

    def __init__(self, chunk: int, tokens: ActionTokens | None = None) -> None:
        super().__init__()
        self.chunk, self.steps, self.count, self.values = chunk, 1, VECTORS * LEVELS, CODES
        low, high = torch.from_numpy((tokens or ActionTokens()).ranges).float().unbind(1)
        self.register_buffer("low", low, persistent=False)
        self.register_buffer("high", high, persistent=False)
        self.register_buffer("codes", torch.zeros(VECTORS, LEVELS, CODES, _LENGTH))
        numbers = chunk * len(NUMBERS)
        self.encoder = nn.Sequential(
            nn.Linear(numbers, _HIDDEN), nn.SiLU(),
            nn.Linear(_HIDDEN, _HIDDEN), nn.SiLU(),
            nn.Linear(_HIDDEN, VECTORS * _LENGTH),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(VECTORS * _LENGTH, _HIDDEN), nn.SiLU(),
            nn.Linear(_HIDDEN, _HIDDEN), nn.SiLU(),
            nn.Linear(_HIDDEN, numbers),
        )  # fmt: skip

    def vectors(self, actions: Tensor) -> Tensor:
        """Vectors of chunks (n, chunk, 12): (n, 2, length)."""
        found: Tensor = self.encoder(self.scaled(actions).flatten(1))
        return found.reshape(-1, VECTORS, _LENGTH)

    def scaled(self, actions: Tensor) -> Tensor:
        """Actions whose numbers lie between -1 and 1."""
        return (2.0 * (actions - self.low) / (self.high - self.low) - 1.0).clamp(-1.0, 1.0)

    def quantise(self, vectors: Tensor) -> Tensor:
        """Numbers of the nearest codes of vectors (n, 2, length): (n, 2, 2)."""
        left, found = vectors.transpose(0, 1), []
        for level in range(LEVELS):
            nearest = torch.cdist(left, self.codes[:, level]).argmin(dim=2)
            found.append(nearest)
            left = left - self._looked_up(nearest, level)
        return torch.stack(found, dim=2).transpose(0, 1)

    def summed(self, numbers: Tensor) -> Tensor:
        """Vectors that numbers of codes (n, 2, 2) stand for, (n, 2, length)."""
        levels = [self._looked_up(numbers[..., level].T, level) for level in range(LEVELS)]
        return torch.stack(levels).sum(dim=0).transpose(0, 1)

    def _looked_up(self, nearest: Tensor, level: int) -> Tensor:
        """Codes of a level by their numbers, (2, n), as (2, n, length)."""
        return torch.stack([self.codes[v, level][nearest[v]] for v in range(VECTORS)])

    def restored(self, vectors: Tensor) -> Tensor:
        """Chunks of vectors (n, 2, length), scaled as ``scaled`` has them, (n, chunk, 12)."""
        found: Tensor = self.decoder(vectors.flatten(1))
        return found.reshape(-1, self.chunk, len(NUMBERS))

    @torch.no_grad()
    def targets(self, actions: Tensor) -> Tensor:
        """Distributions that are to be said of actions (n, chunk, 12): (n, 4, 512)."""
        numbers = self.quantise(self.vectors(actions)).flatten(1)
        return functional.one_hot(numbers, CODES).float()

    def decode(self, probabilities: Tensor) -> Tensor:
        """Actions of distributions (n, 4, 512): (n, chunk, 12)."""
        numbers = probabilities.argmax(dim=2).reshape(-1, VECTORS, LEVELS)
        part = 0.5 * (self.restored(self.summed(numbers)).clamp(-1.0, 1.0) + 1.0)
        ends = (part[..., : TERMINATE + 1] > 0.5).to(part.dtype)
        part = torch.cat([ends, part[..., TERMINATE + 1 :]], dim=2)
        return self.low + part * (self.high - self.low)
