# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reads an instruction: its words, each in the light of its place, weighed by attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuro_control.quart.control.language import BUCKETS


class Reader(nn.Module):
    """Vector of an instruction.

    The words go through a recurrent layer once from the first to the last and once back from the
    last *word*, whatever follows it in a batch: an instruction has one vector, alone or among
    longer ones.

    Args:
        size: Length of a word's vector.
        out: Length of the instruction's.
        sentence: Length of the vector of a sentence encoder, which is read beside the words if it
            is given; 0 without one.
    """

    def __init__(self, size: int, out: int, sentence: int = 0) -> None:
        super().__init__()
        self.groups = nn.Embedding(BUCKETS, size)
        self.there = nn.GRU(size, size, batch_first=True)
        self.back = nn.GRU(size, size, batch_first=True)
        self.weigh = nn.Linear(2 * size, 4)
        self.join = nn.Linear(8 * size, out)
        self.sentence = nn.Linear(sentence, out) if sentence else None

    def words(self, groups: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors of words, and which are words.

        Args:
            groups: Letter groups, (n, words, groups), -1 where there is none.

        Returns:
            Vectors, (n, words, 2 size), and a mask, (n, words).
        """
        present = (groups >= 0).any(dim=2)
        if not torch.onnx.is_in_onnx_export():
            # As long as the longest instruction of the batch; what is longer is empty.
            longest = int(_counts(present).max().clamp(min=1))
            groups, present = groups[:, :longest], present[:, :longest]
        known = (groups >= 0).float()[..., None]
        summed = (self.groups(groups.clamp(min=0)) * known).sum(dim=2)
        vectors = summed / known.sum(dim=2).clamp(min=1.0)
        turn = _turned(present)[..., None].expand(-1, -1, vectors.shape[2])
        forth, _ = self.there(vectors)
        back, _ = self.back(vectors.gather(1, turn))
        return torch.cat([forth, back.gather(1, turn)], dim=2), present

    def forward(self, groups: Tensor, sentences: Tensor | None = None) -> Tensor:
        """Vectors of instructions, (n, out); arguments as ``base.Network.forward`` has them."""
        return self.joined(*self.words(groups), sentences)

    def joined(self, read: Tensor, present: Tensor, sentences: Tensor | None) -> Tensor:
        """Vectors of instructions, (n, out), of what ``words`` has returned."""
        weights = self.weigh(read).masked_fill(~present[..., None], -1e4).softmax(dim=1)
        heads = torch.einsum("nwh,nwd->nhd", weights, read)
        joined = self.join(heads.flatten(1))
        if self.sentence is not None:
            # Without the encoder the words alone are read, as in some of the training.
            if sentences is None:
                sentences = joined.new_zeros(len(joined), self.sentence.in_features)
            # Of length 1, it has numbers of about ± 0.05.
            joined = joined + self.sentence(sentences.float() * sentences.shape[1] ** 0.5)
        return functional.silu(joined)


def _counts(present: Tensor) -> Tensor:
    """Number of words up to the last, (n, 1); a training may leave out some between."""
    return ((torch.arange(present.shape[1]) + 1) * present).amax(dim=1, keepdim=True)


def _turned(present: Tensor) -> Tensor:
    """Places of the words from the last to the first, (n, words); what is behind the last stays."""
    places = torch.arange(present.shape[1]).expand(present.shape)
    counts = _counts(present)
    return torch.where(places < counts, counts - 1 - places, places)
