# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Behaviour cloning of the expert's tokens by a network of any architecture."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuro_control.errors import ConfigurationError
from neuro_control.learning.checkpoints import Checkpoint
from neuro_control.quart.control.actions import NUMBERS
from neuro_control.quart.control.language import encode
from neuro_control.quart.control.networks.base import Network
from neuro_control.quart.control.networks.build import build
from neuro_control.quart.control.networks.codebook import CodebookTokenizer
from neuro_control.quart.control.networks.settings import NetworkSize
from neuro_control.quart.control.sentences import SentenceEncoder
from neuro_control.quart.control.state import IDLE, MIRRORED
from neuro_control.quart.training.codebook import fit_codebook
from neuro_control.quart.training.data.phrases import no_task
from neuro_control.quart.training.data.pictures import PictureSet
from neuro_control.quart.training.data.texts import captioned, said, unpacked
from neuro_control.quart.training.losses import loss

Array = NDArray[np.float64]

# Signs of the numbers of an action that a mirror changes: velocity to the left and yaw rate.
_MIRRORED = [NUMBERS.index("left"), NUMBERS.index("yaw_rate")]
# Parts of the memories of a place in sight that are taken away, and that are made wrong.
_FORGOTTEN, _WRONG = 0.35, 0.3
# Part of the moments whose words are replaced by others that are no instruction.
_NO_TASK = 0.12
# With a sentence encoder: so many wordings of each text are drawn from, since the vector of one
# takes 10 ms the first time, and so many are remembered; and of these parts of the moments the
# vector is all that is read, so that what the encoder knows of other words is relied on, or the
# words are, as where no encoder is installed.
_WORDINGS, _REMEMBERED = 64, 100_000
_WORDLESS, _SENTENCELESS = 0.2, 0.2
_NORM = 1.0  # largest norm of a gradient
_WARMUP = 0.1  # part of the updates


@dataclass(frozen=True)
class Training:
    """Settings of a training.

    Attributes:
        updates: Number of updates.
        batch: Moments of each.
        rate: Highest rate of learning; it rises, and falls along a cosine.
        decay: Decay of weights.
        dropout: Part of the words that are left out.
        mirror: Whether half of the pictures are mirrored, where nothing on them can be read.
        seed: Seed of weights and batches.
        start: Checksum of the weights that it starts from; empty for weights at random.
    """

    updates: int = 20_000
    batch: int = 128
    rate: float = 2e-3
    decay: float = 0.02
    dropout: float = 0.05
    mirror: bool = True
    seed: int = 0
    start: str = ""


def train(
    data: PictureSet,
    training: Training,
    folder: Path,
    size: NetworkSize | None = None,
    show: Callable[[float, float], None] = lambda _, __: None,
    every: int = 500,
    start: Network | None = None,
) -> Network:
    """Train a network, or go on with it.

    Args:
        data: Moments.
        training: Settings.
        folder: Folder of the checkpoint.
        size: Sizes of the network.
        show: Called with the number of updates and the loss.
        every: Updates between two checkpoints.
        start: Network that it starts from, as in a further round of corrections.

    Raises:
        ConfigurationError: The folder holds another training, or ``start`` is of another size.
    """
    torch.manual_seed(training.seed)
    network = build(size)
    if start is not None:
        if start.size != network.size:
            raise ConfigurationError(
                f"the weights to start from are of a network of {start.size}, not {network.size}"
            )
        network.load_state_dict(start.state_dict())
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=training.rate, weight_decay=training.decay, betas=(0.9, 0.98)
    )
    checkpoint = Checkpoint(
        folder,
        "training of a policy of QUART",
        {**asdict(training), **asdict(network.size)},
        "updates",
    )
    done = _resume(checkpoint, network, optimiser)
    if done == 0 and start is None and isinstance(network.tokenizer, CodebookTokenizer):
        fit_codebook(network.tokenizer, data.chunks(), training.seed)
    encoder = SentenceEncoder(remembered=_REMEMBERED) if network.size.sentence else None
    mean = math.nan
    for update in range(done, training.updates):
        for group in optimiser.param_groups:
            group["lr"] = training.rate * _schedule((update + 1) / training.updates)
        rng = np.random.default_rng([training.seed, update])
        batch = data.batch(np.sort(rng.choice(data.size, training.batch, replace=False)))
        found = loss(network, prepare(batch, training, rng, encoder))
        optimiser.zero_grad()
        found.backward()  # type: ignore[no-untyped-call]  # torch is untyped here
        torch.nn.utils.clip_grad_norm_(network.parameters(), _NORM)
        optimiser.step()
        value = float(found.detach())
        mean = value if math.isnan(mean) else 0.98 * mean + 0.02 * value
        show(update + 1, mean)
        if (update + 1) % every == 0 or update + 1 == training.updates:
            checkpoint.write(_state(network, optimiser, update + 1))
    return network


def _schedule(part: float) -> float:
    if part < _WARMUP:
        return part / _WARMUP
    return 0.5 * (1.0 + math.cos(math.pi * (part - _WARMUP) / (1.0 - _WARMUP))) + 1e-3


def prepare(
    batch: dict[str, NDArray[Any]],
    training: Training,
    rng: np.random.Generator,
    encoder: SentenceEncoder | None = None,
) -> dict[str, Tensor]:
    """A batch as tensors, some of it mirrored, and some words left out.

    Args:
        batch: Moments of ``PictureSet.batch``.
        training: Settings.
        rng: Draws what is varied.
        encoder: Sentence encoder whose vectors the network reads, if it does.
    """
    batch = {name: np.array(array) for name, array in batch.items()}
    _say(batch, rng, encoder)
    _doubt(batch, rng)
    if training.mirror:
        turned = (rng.random(len(batch["actions"])) < 0.5) & ~batch["letters"]
        _mirror(batch, turned)
    gone = (rng.random(batch["words"].shape[:2]) < training.dropout) & batch["understood"][:, None]
    if encoder is not None:
        draws = rng.random(len(gone))
        gone |= (draws < _WORDLESS)[:, None]
        batch["sentences"][draws > 1.0 - _SENTENCELESS] = 0.0
    batch["words"][gone] = -1
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in batch.items()}


def _say(
    batch: dict[str, NDArray[Any]], rng: np.random.Generator, encoder: SentenceEncoder | None
) -> None:
    """Put what is meant into words; to some, that command nothing, a robot stands still."""
    acts = batch["acts"]
    batch["understood"] = rng.random(len(acts)) >= _NO_TASK
    words = []
    for row, (data, act) in enumerate(zip(batch.pop("texts"), acts, strict=True)):
        text = unpacked(data)
        chosen = rng if encoder is None else np.random.default_rng(int(rng.integers(_WORDINGS)))
        if not act:
            words.append(captioned(text, chosen))
        elif batch["understood"][row]:
            words.append(said(text, chosen))
        else:
            if encoder is not None:
                chosen = np.random.default_rng(int(rng.integers(200 * _WORDINGS)))
            words.append(no_task(chosen))
            batch["actions"][row], batch["visible"][row] = IDLE, False
            if "chunks" in batch:
                batch["chunks"][row] = IDLE
    batch["words"] = np.stack([encode(each) for each in words])
    if encoder is not None:
        batch["sentences"] = np.stack([encoder.encode(each) for each in words])


def _mirror(batch: dict[str, NDArray[Any]], turned: NDArray[np.bool_]) -> None:
    batch["images"][turned] = batch["images"][turned][..., ::-1]
    batch["places"][turned, 1] *= -1
    rows = np.flatnonzero(turned)[:, None]
    batch["actions"][rows, _MIRRORED] *= -1
    if "chunks" in batch:
        batch["chunks"][rows, :, _MIRRORED] *= -1
    batch["states"][rows, MIRRORED] *= -1


def _doubt(batch: dict[str, NDArray[Any]], rng: np.random.Generator) -> None:
    """Take away, or make wrong, some memories of the target's place, where it is in sight.

    A policy that trusts its memory more than its eyes keeps to the wrong object for good.
    """
    draws = rng.random(len(batch["visible"]))
    seen = batch["visible"]
    batch["states"][seen & (draws < _FORGOTTEN), -3:] = 0.0
    wrong = np.flatnonzero(seen & (draws > 1.0 - _WRONG))
    batch["states"][wrong, -3] = 1.0
    batch["states"][wrong, -2:] = rng.uniform((-0.2, -0.6), (1.2, 0.6), (len(wrong), 2))


def _state(
    network: Network, optimiser: torch.optim.Optimizer, updates: int
) -> dict[str, NDArray[Any]]:
    arrays = {f"network/{name}": each.numpy() for name, each in network.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        arrays |= {f"optimiser/{index}/{name}": each.numpy() for name, each in state.items()}
    return {**arrays, "updates": np.array(updates)}


def _resume(checkpoint: Checkpoint, network: Network, optimiser: torch.optim.Optimizer) -> int:
    arrays = checkpoint.read()
    if not arrays:
        return 0
    network.load_state_dict(
        {
            name.removeprefix("network/"): torch.from_numpy(array)
            for name, array in arrays.items()
            if name.startswith("network/")
        }
    )
    state: dict[int, dict[str, Tensor]] = {}
    for name, array in arrays.items():
        if name.startswith("optimiser/"):
            _, index, what = name.split("/")
            state.setdefault(int(index), {})[what] = torch.from_numpy(array)
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
    return int(arrays["updates"])
