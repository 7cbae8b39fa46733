# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The patch transformer: image patches, words and state as tokens, then the tokens of the action.

As in QUART (Ding et al., arXiv 2312.14457) a picture, an instruction and actions are one sequence.
Three things differ, so that it learns from scratch on a few cores: convolutions make the patches
(Xiao et al., "Early convolutions help transformers see better", arXiv 2106.14881); what comes
before the action is read in both directions (a prefix, Raffel et al., arXiv 1910.10683); and a
token of its own looks for the target. The action's tokens are said all at once ("parallel", Kim et
al., "Fine-tuning vision-language-action models", arXiv 2502.19645) or one after the other
("autoregressive"), for which keys and values of all that came before are kept.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuro_control.quart.control import state
from neuro_control.quart.control.actions import ActionTokens
from neuro_control.quart.control.language import WORDS
from neuro_control.quart.control.networks.base import Network, Output
from neuro_control.quart.control.networks.reading import Reader
from neuro_control.quart.control.networks.settings import NetworkSize

# Pixels of a patch's side: three convolutions, each of which halves the picture.
_PATCH = 8
_DEVIATION = 0.02  # of vectors that are learnt, at the start
# Score that hides a token from attention.
_HIDDEN = -1e4

Cache = tuple[Tensor, Tensor]
"""Keys and values of the tokens before, each (n, heads, tokens, length)."""


class _Block(nn.Module):
    """Attention and two layers for each token, both residual and normalised before."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(width)
        self.project = nn.Linear(width, 3 * width)
        self.merge = nn.Linear(width, width)
        self.before_layers = nn.LayerNorm(width)
        self.layers = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(
        self, x: Tensor, mask: Tensor | None, before: Cache | None = None
    ) -> tuple[Tensor, Cache]:
        """Tokens (n, tokens, width) in the light of one another and of those before.

        ``mask`` is added to the scores of attention, (n or 1, 1, tokens or 1, all tokens).
        """
        projected = self.project(self.before_attention(x))
        # (n, tokens, 3 · heads · length) as three of (n, heads, tokens, length).
        query, key, value = projected.unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if before is not None:
            key, value = torch.cat([before[0], key], dim=2), torch.cat([before[1], value], dim=2)
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = x + self.merge(found.transpose(1, 2).flatten(2))
        return x + self.layers(self.before_layers(x)), (key, value)


class TransformerNetwork(Network):
    """Patches, words, state and actions as tokens of one sequence.

    Args:
        size: Settings.
        tokens: Ranges of the numbers of an action.
    """

    def __init__(self, size: NetworkSize | None = None, tokens: ActionTokens | None = None) -> None:
        size = size or NetworkSize(architecture="transformer", hidden=128)
        super().__init__(size, tokens)
        width, (first, second, third) = size.hidden, size.channels
        self.read = Reader(size.words, width, size.sentence)
        self.word = nn.Linear(2 * size.words, width)
        self.feel = nn.Linear(state.SIZE, width)
        self.stem = nn.Sequential(
            nn.Conv2d(3, first, 5, stride=2, padding=2), nn.SiLU(),
            nn.Conv2d(first, second, 3, stride=2, padding=1), nn.SiLU(),
            nn.Conv2d(second, third, 3, stride=2, padding=1), nn.SiLU(),
            nn.Conv2d(third, width, 1),
        )  # fmt: skip
        side = math.ceil(size.image / _PATCH)
        self.register_buffer("places", _waves(side, width), persistent=False)
        self.where = _learnt(side * side, width)
        self.order = _learnt(WORDS, width)
        # What looks for the target, what feels, and what has read the whole instruction.
        self.look = _learnt(3, width)
        self.blocks = nn.ModuleList([_Block(width, size.heads) for _ in range(size.depth)])
        self.norm = nn.LayerNorm(width)
        self.see, self.grasp = nn.Linear(width, 3), nn.Linear(width, 1)
        self._make_actions(width)

    places: Tensor

    def _make_actions(self, width: int) -> None:
        steps, count, values = self.tokenizer.steps, self.tokenizer.count, self.tokenizer.values
        self.number, self.step = _learnt(count, width), _learnt(steps, width)
        self.seen = nn.Linear(3, width)
        if self.size.decoding == "autoregressive":
            self.said = nn.Embedding(count * values, width)
            nn.init.normal_(self.said.weight, std=_DEVIATION)
        self.act = nn.Parameter(torch.randn(count, width, values) / math.sqrt(width))
        self.bias = nn.Parameter(torch.zeros(count, values))

    def forward(
        self,
        images: Tensor,
        words: Tensor,
        states: Tensor,
        sentences: Tensor | None = None,
        taught: Tensor | None = None,
    ) -> Output:
        """Output for a batch, as ``Network`` has it."""
        read, present = self.read.words(words)
        instruction = self.read.joined(read, present, sentences)
        x, mask = self._prefix(images, read, present, instruction, states)
        caches: list[Cache] = []
        for block in self.blocks:
            x, cache = block(x, mask)
            caches.append(cache)
        seen = self.see(self.norm(x[:, 0]))
        asked = self._asked(seen)
        if self.size.decoding == "parallel":
            found = self._logits(self._continue(asked, mask, caches)[0], 0)
        elif taught is not None:
            found = self._taught(asked, taught, mask, caches)
        else:
            found = self._one_by_one(asked, mask, caches)
        return Output(found, seen[:, :2], seen[:, 2], self.grasp(instruction).squeeze(1))

    def looking(self) -> nn.Module:
        """Queries, keys and values of the last block."""
        project: nn.Module = self.blocks[-1].get_submodule("project")
        return project

    def weigh(self, looked: Tensor) -> Tensor:
        """Attention that the token which looks for the target pays to patches, a mean of heads."""
        parts = looked[0].reshape(len(looked[0]), 3, self.size.heads, -1)
        query, key, _ = parts.permute(1, 2, 0, 3)
        side = math.ceil(self.size.image / _PATCH)
        scores = key[:, -side * side :] @ query[:, 0, :, None] / math.sqrt(query.shape[2])
        weights: Tensor = scores[..., 0].softmax(dim=1).mean(dim=0)
        return weights.reshape(side, side)

    def _prefix(
        self, images: Tensor, read: Tensor, present: Tensor, instruction: Tensor, states: Tensor
    ) -> tuple[Tensor, Tensor]:
        """All that comes before the action, and the mask of what is there."""
        patches = self.stem(images.float() / 127.5 - 1.0).flatten(2).transpose(1, 2)
        patches = patches + self.places + self.where
        words = self.word(read) + self.order[: read.shape[1]]
        feels = torch.stack(
            [torch.zeros_like(instruction), self.feel(states), instruction], dim=1
        ) + self.look  # fmt: skip
        hidden = torch.where(present, 0.0, _HIDDEN)
        mask = functional.pad(hidden, (3, patches.shape[1]))[:, None, None]
        return torch.cat([feels, words, patches], dim=1), mask

    def _asked(self, seen: Tensor) -> Tensor:
        """A token for each that is to be said, which knows where the target is seen."""
        tokens = (self.step[:, None] + self.number).flatten(0, 1)
        where: Tensor = self.seen(seen)
        return tokens + where[:, None]

    def _continue(self, x: Tensor, mask: Tensor, caches: list[Cache]) -> tuple[Tensor, list[Cache]]:
        """Tokens after those of the caches, and the caches with them.

        ``mask`` is that of the tokens of the caches, (n, 1, 1, tokens), or of all,
        (n, 1, new tokens, all tokens); new tokens that it leaves out see one another.
        """
        mask = functional.pad(mask, (0, caches[0][0].shape[2] + x.shape[1] - mask.shape[3]))
        found = []
        for block, cache in zip(self.blocks, caches, strict=True):
            x, longer = block(x, mask, cache)
            found.append(longer)
        return x, found

    def _taught(self, asked: Tensor, taught: Tensor, mask: Tensor, caches: list[Cache]) -> Tensor:
        """Logits of all tokens, each of which sees the right ones before it."""
        count = asked.shape[1]
        shown = functional.pad(self._said(taught[:, :-1], 0), (0, 0, 1, 0))
        later = torch.full((count, count), _HIDDEN).triu(1)
        rows = mask.expand(-1, -1, count, -1)
        whole = torch.cat([rows, later.expand(len(mask), 1, count, count)], dim=3)
        return self._logits(self._continue(asked + shown, whole, caches)[0], 0)

    def _one_by_one(self, asked: Tensor, mask: Tensor, caches: list[Cache]) -> Tensor:
        """Logits of all tokens, each of which sees the most likely ones before it."""
        found: list[Tensor] = []
        for place in range(asked.shape[1]):
            x = asked[:, place : place + 1]
            if place:
                x = x + self._said(found[-1].argmax(dim=2), place - 1)
            x, caches = self._continue(x, mask, caches)
            found.append(self._logits(x, place))
        return torch.cat(found, dim=1)

    def _said(self, tokens: Tensor, first: int) -> Tensor:
        """Vectors of tokens (n, tokens) that were said, the first of them at a place."""
        kinds = torch.arange(first, first + tokens.shape[1]) % self.tokenizer.count
        found: Tensor = self.said(tokens + self.tokenizer.values * kinds)
        return found

    def _logits(self, x: Tensor, first: int) -> Tensor:
        """Logits of tokens (n, tokens, width), the first of which is at a place."""
        kinds = torch.arange(first, first + x.shape[1]) % self.tokenizer.count
        return torch.einsum("ntd,tdv->ntv", self.norm(x), self.act[kinds]) + self.bias[kinds]


def _learnt(count: int, width: int) -> nn.Parameter:
    """Vectors that are learnt, (count, width)."""
    return nn.Parameter(_DEVIATION * torch.randn(count, width))


def _waves(side: int, width: int) -> Tensor:
    """Vectors of the places of patches, (side², width): waves across and down the picture.

    Vaswani et al., "Attention is all you need" (arXiv 1706.03762), in two dimensions.
    """
    quarter = width // 4
    lengths = torch.exp(torch.arange(quarter) * (-math.log(100.0) / max(quarter - 1, 1)))
    along = torch.arange(side)[:, None] * lengths
    line = torch.cat([along.sin(), along.cos()], dim=1)
    across, down = line.expand(side, -1, -1), line[:, None].expand(-1, side, -1)
    found = torch.cat([across, down], dim=2).flatten(0, 1)
    return functional.pad(found, (0, width - found.shape[1]))
