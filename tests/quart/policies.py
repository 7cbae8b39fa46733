# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Small policies whose weights a seed draws, and which are made to say what a test needs."""

from __future__ import annotations

from pathlib import Path

import torch

from neuro_control.quart.control.actions import BINS, NUMBERS, TERMINATE, ActionTokens
from neuro_control.quart.control.networks.settings import NetworkSize
from neuro_control.quart.control.networks.small import SmallNetwork
from neuro_control.quart.control.policy import Policy
from neuro_control.quart.control.state import IDLE

TINY = NetworkSize(image=32, channels=(8, 8, 16), words=16, hidden=32)


def random_policy(seed: int = 0) -> Policy:
    """A policy whose weights are drawn; it takes every instruction for one, and ends none."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = SmallNetwork(TINY)
    with torch.no_grad():
        network.grasp.bias.fill_(20.0)
        network.act.bias.view(len(NUMBERS), BINS)[TERMINATE, 0] = 20.0
    return Policy(network)


def steady_policy(
    *,
    sure: float = 40.0,
    understands: bool = True,
    ends: bool = False,
    sees: bool = True,
    **numbers: float,
) -> Policy:
    """A policy that decides the same whatever it sees.

    Args:
        sure: Logit of the tokens that it chooses, over 0 of all others.
        understands: Whether it takes instructions for such.
        ends: Whether it says terminate.
        sees: Whether it says that it sees its target.
        numbers: What differs of the action ``state.IDLE``, by name.
    """
    policy = random_policy()
    action = IDLE.copy()
    for name, value in numbers.items():
        action[NUMBERS.index(name)] = value
    tokens = ActionTokens().encode(action)
    tokens[TERMINATE] = BINS - 1 if ends else 0
    with torch.no_grad():
        policy.network.act.weight.zero_()
        policy.network.act.bias.zero_()
        policy.network.act.bias.view(len(NUMBERS), BINS)[range(len(NUMBERS)), tokens] = sure
        policy.network.see.weight.zero_()
        policy.network.see.bias.copy_(torch.tensor([1.0, 0.0, 20.0 if sees else -20.0]))
        policy.network.grasp.weight.zero_()
        policy.network.grasp.bias.fill_(20.0 if understands else -20.0)
    return policy


def write(policy: Policy, path: Path) -> Path:
    """Save a policy; its file."""
    policy.save(path)
    return path
