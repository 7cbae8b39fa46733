# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The network that settings name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuro_control.quart.control.actions import ActionTokens
from neuro_control.quart.control.networks.base import Network
from neuro_control.quart.control.networks.settings import NetworkSize
from neuro_control.quart.control.networks.small import SmallNetwork
from neuro_control.quart.control.networks.transformer import TransformerNetwork

NETWORKS: dict[str, type[SmallNetwork | TransformerNetwork]] = {
    "small": SmallNetwork,
    "transformer": TransformerNetwork,
}


def build(size: NetworkSize | None = None, tokens: ActionTokens | None = None) -> Network:
    """A network with weights at random.

    Args:
        size: Settings.
        tokens: Ranges of the numbers of an action.
    """
    size = size or NetworkSize()
    return NETWORKS[size.architecture](size, tokens)


def rebuild(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Network:
    """The network that was saved with its facts.

    Args:
        facts: Its ``size`` and the ``ranges`` of its actions, as ``policy.facts_of`` has them.
        arrays: Its weights.

    Raises:
        ConfigurationError: The settings or ranges can't be.
        KeyError: A fact is missing.
        RuntimeError: The weights are of another network.
    """
    tokens = ActionTokens(np.array(facts["ranges"], dtype=np.float64))
    network = build(NetworkSize.of(facts["size"]), tokens)
    network.load_state_dict(
        {name: torch.from_numpy(array).float() for name, array in arrays.items()}
    )
    return network.eval()
