# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trains the codes by which four tokens stand for a chunk of actions.

Encoder and decoder learn to restore chunks; what lies between is pulled towards its codes, and each
code is the moving average of what is nearest to it (van den Oord et al., "Neural discrete
representation learning", arXiv 1711.00937). A code that nothing is near to starts anew at a vector
of the batch.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from neuro_control.quart.control.actions import TERMINATE
from neuro_control.quart.control.networks.codebook import CODES, LEVELS, VECTORS, CodebookTokenizer

UPDATES = 4000
"""Number of updates."""

_BATCH, _RATE = 256, 2e-3
# Part of the updates after which the codes begin: what lies between has found its form.
_FREE = 0.3
_COMMITMENT = 0.25
_KEEP = 0.99  # of the averages, at each update
_FORGOTTEN = 0.05  # a code of less than so many vectors an update starts anew
_TERMINATE = 4.0  # weight of whether the task has ended: a mistake there ends it


def fit_codebook(
    tokenizer: CodebookTokenizer, chunks: NDArray[np.floating], seed: int, updates: int = UPDATES
) -> None:
    """Train a tokenizer.

    Args:
        tokenizer: What is trained.
        chunks: Chunks of actions at least as long as it says, (n, steps, 12).
        seed: Seed of the batches.
        updates: Number of updates.
    """
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(tokenizer.parameters(), lr=_RATE, weight_decay=1e-4)
    averages = _Averages(tokenizer)
    first = round(_FREE * updates)
    numbers = torch.ones(tokenizer.low.shape)
    numbers[TERMINATE] = _TERMINATE
    for update in range(updates):
        chosen = chunks[rng.integers(0, len(chunks), _BATCH), : tokenizer.chunk]
        batch = torch.from_numpy(chosen.astype(np.float32))
        vectors = tokenizer.vectors(batch)
        if update == first:
            averages.start(vectors.detach(), rng)
        codes = tokenizer.quantise(vectors.detach()) if update >= first else None
        summed = vectors.detach() if codes is None else tokenizer.summed(codes)
        # The gradient passes by the choice of codes.
        restored = tokenizer.restored(vectors + (summed - vectors).detach())
        wrong = numbers * functional.smooth_l1_loss(
            restored, tokenizer.scaled(batch), reduction="none", beta=0.1
        )
        loss = wrong.mean() + _COMMITMENT * functional.mse_loss(vectors, summed)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch is untyped here
        optimiser.param_groups[0]["lr"] = _RATE * min(2.0 * (1.0 - update / updates), 1.0)
        optimiser.step()
        if codes is not None:
            averages.take(vectors.detach(), codes, rng)


class _Averages:
    """Moving averages of the vectors nearest to each code, and of their numbers."""

    def __init__(self, tokenizer: CodebookTokenizer) -> None:
        self._codes = tokenizer.codes
        self._counts = torch.ones(VECTORS, LEVELS, CODES)
        self._sums = torch.zeros_like(self._codes)

    def start(self, vectors: Tensor, rng: np.random.Generator) -> None:
        """Codes at vectors of a batch (n, 2, length), those of later levels at what is left."""
        left = vectors
        for level in range(LEVELS):
            for each in range(VECTORS):
                drawn = left[rng.integers(0, len(left), CODES), each]
                self._codes[each, level] = drawn / (1.0 + level)
            nearest = torch.cdist(left.transpose(0, 1), self._codes[:, level]).argmin(dim=2)
            found = torch.stack([self._codes[v, level][nearest[v]] for v in range(VECTORS)], dim=1)
            left = left - found
        self._sums.copy_(self._codes)

    def take(self, vectors: Tensor, codes: Tensor, rng: np.random.Generator) -> None:
        """Move the codes towards the vectors (n, 2, length) that chose them, (n, 2, 2)."""
        left = vectors
        for level in range(LEVELS):
            used = self._codes[:, level].clone()
            for each in range(VECTORS):
                self._move(each, level, left[:, each], codes[:, each, level], rng)
            found = [used[each][codes[:, each, level]] for each in range(VECTORS)]
            left = left - torch.stack(found, dim=1)

    def _move(
        self, each: int, level: int, left: Tensor, codes: Tensor, rng: np.random.Generator
    ) -> None:
        chosen = functional.one_hot(codes, CODES).float()
        counts, sums = self._counts[each, level], self._sums[each, level]
        counts.mul_(_KEEP).add_((1.0 - _KEEP) * chosen.sum(dim=0))
        sums.mul_(_KEEP).add_((1.0 - _KEEP) * (chosen.T @ left))
        gone = counts < _FORGOTTEN
        drawn = left[torch.from_numpy(rng.integers(0, len(left), CODES))]
        sums[gone], counts[gone] = drawn[gone], 1.0
        self._codes[each, level] = sums / counts[:, None]
