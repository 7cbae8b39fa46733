# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a network of any architecture is trained on: the expert's tokens, and what is seen.

The loss is that of QUART, the cross-entropy of the tokens, with two tasks more that the picture can
answer: where the target is, and whether it is in sight; and one for the words: whether they are an
instruction.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.networks.base import PLACE_SCALE, Network, Output
from neuro_control.quart.training.data.pictures import UNKNOWN

# Weights of the further losses.
_PLACE, _VISIBLE, _UNDERSTOOD = 1.0, 0.3, 0.3


def loss(network: Network, batch: dict[str, Tensor]) -> Tensor:
    """Mean loss of a batch.

    Args:
        network: The network.
        batch: Moments as ``pictures.PictureSet`` has them; who says chunks needs ``chunks``.

    Raises:
        ConfigurationError: The moments have shorter chunks than the network says.
    """
    tokens = network.tokenizer.targets(_actions(network, batch))
    # Half as many bits: 1.5 times as fast where the processor has them, and as good.
    with torch.autocast("cpu", torch.bfloat16):
        out = network(
            batch["images"], batch["words"].long(), batch["states"], batch.get("sentences"),
            taught=tokens.argmax(dim=2),
        )  # fmt: skip
    out = Output(*(each.float() for each in out))
    each = -(tokens * functional.log_softmax(out.tokens, dim=2)).sum(dim=2).mean(dim=1)
    acts = batch["acts"].float()
    understood = functional.binary_cross_entropy_with_logits(
        out.understood, batch["understood"].float(), reduction="none"
    )
    acted = (acts * (each + _UNDERSTOOD * understood)).sum() / acts.sum().clamp(min=1.0)
    return acted + _seen(out, batch)


def _actions(network: Network, batch: dict[str, Tensor]) -> Tensor:
    """Actions that are to be said, (n, chunk, 12)."""
    count = network.size.chunk
    if count == 1:
        return batch["actions"][:, None]
    chunks = batch.get("chunks")
    if chunks is None or chunks.shape[1] < count:
        found = 1 if chunks is None else chunks.shape[1]
        raise ConfigurationError(
            f"the data have chunks of {found} actions, and the network says {count}: "
            "make the data anew, or give a shorter chunk"
        )
    return chunks[:, :count].float()


def _seen(out: Output, batch: dict[str, Tensor]) -> Tensor:
    """Loss of where the target is seen, and whether it is; of those where somebody knows."""
    known, seen = batch["visible"] != UNKNOWN, (batch["visible"] == 1).float()
    away = functional.smooth_l1_loss(
        out.place, batch["places"] / PLACE_SCALE, reduction="none", beta=0.1
    ).sum(dim=1)
    place = (seen * away).sum() / seen.sum().clamp(min=1.0)
    sight = functional.binary_cross_entropy_with_logits(out.visible, seen, reduction="none")
    visible = (known * sight).sum() / known.sum().clamp(min=1)
    return _PLACE * place + _VISIBLE * visible
