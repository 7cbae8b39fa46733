# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Many of QUARD's environments at once, each in a process of its own."""

from __future__ import annotations

from functools import partial
from typing import Any

from gymnasium.vector import AsyncVectorEnv

from neuro_control.quart.simulation.env import Quard


def quard_vector(num_envs: int = 1, **arguments: Any) -> AsyncVectorEnv:
    """Environments that step at the same time, ``gymnasium.make_vec("neuro_control/Quard-v0", …)``.

    Each process is a fresh interpreter: a copy of one that has drawn already would wait forever
    for threads of the graphics that were not copied. Observations come through pipes: Gymnasium's
    shared memory gives back other texts than were put into it.

    Args:
        num_envs: Number of environments.
        arguments: Of ``env.Quard``.
    """
    return AsyncVectorEnv(
        [partial(Quard, **arguments)] * num_envs, context="spawn", shared_memory=False
    )
