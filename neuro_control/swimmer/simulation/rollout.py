# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Episodes of many swimmers side by side: what training and evaluation score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.simulation.effects import (
    CommandDelay,
    Density,
    Description,
    Effect,
    Stuck,
    parse,
)
from neuro_control.swimmer.control.policy import Act, PolicyDesign, observation_scale
from neuro_control.swimmer.control.types import CONTROL_PERIOD
from neuro_control.swimmer.simulation.tasks import STEPS
from neuro_control.swimmer.simulation.vector import SwimmerVector

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SwimConditions:
    """What a policy may have to cope with.

    Attributes:
        delay: Control steps from an observation to the action that answers it.
        noise: Standard deviation of the noise on what is observed, as a part of the typical size
            (``policy.observation_scale``: 1 rad for an angle).
        density: Density of the medium, as a multiple of the usual one.
        lost_joint: Joint, 1 the first, whose angle reads zero; 0 for none.
        effects: Anything else, as ``effects.parse`` takes it.
    """

    delay: int = 0
    noise: float = 0.0
    density: float = 1.0
    lost_joint: int = 0
    effects: Description = ()

    def all_effects(self) -> list[Effect]:
        """Delay, density, the lost joint and anything else, as effects of the world."""
        found: list[Effect] = []
        if self.delay:
            found.append(CommandDelay(seconds=self.delay * CONTROL_PERIOD))
        if self.density != 1.0:
            found.append(Density(factor=self.density))
        if self.lost_joint:
            found.append(Stuck(sensors=(f"angle_{self.lost_joint}",), value=0.0))
        return [*found, *parse(self.effects)]


class Scores(NamedTuple):
    """Of each episode, (N,).

    Attributes:
        returns: Sum of the rewards, of one a control step at best.
        speeds: Mean forward speed of the head, m/s.
        perfect: Time of the first step that earned the full reward, s; infinite if none did. In
            the navigate task that is when the nose first lies within the target's radius.
    """

    returns: Array
    speeds: Array
    perfect: Array


def swim_episodes(
    act: Act,
    links: int,
    seeds: list[int],
    conditions: SwimConditions = SwimConditions(),
    task: str = "swim",
    steps: int = STEPS,
    threads: int | None = None,
) -> Scores:
    """Episodes of a task side by side.

    Args:
        act: Actions for the observations of all of them, fresh at the start of an episode.
        links: Links of the body.
        seeds: Seed of each episode's start, (N,).
        conditions: What makes it harder.
        task: "swim" or "navigate".
        steps: Control steps of an episode.
        threads: Threads of the physics; as many as there are cores by default.
    """
    joints = links - 1
    if conditions.lost_joint > joints:
        raise ConfigurationError(f"no joint {conditions.lost_joint}: the body has {joints}")
    environment = SwimmerVector(
        len(seeds),
        task,
        links,
        threads,
        episode_steps=steps,
        effects=conditions.all_effects(),
    )
    rng = np.random.default_rng(seeds)
    # Drawn for all episodes at once, on top of the effects.
    scale = conditions.noise * observation_scale(joints)
    if conditions.lost_joint:
        scale[conditions.lost_joint - 1] = 0.0
    if task == "navigate":
        scale = np.insert(scale, joints, [0.0, 0.0])  # where the target is, is no sensor's
    observations, _ = environment.reset(seed=list(seeds))
    returns, way = np.zeros(len(seeds)), np.zeros(len(seeds))
    perfect = np.full(len(seeds), np.inf)
    try:
        for step in range(steps):
            if conditions.noise:
                observations += rng.normal(0.0, 1.0, observations.shape) * scale
            observations, rewards, *_ = environment.step(act(observations, step))
            returns += rewards
            way += environment.forward_speed()
            perfect[(rewards == 1.0) & np.isinf(perfect)] = (step + 1) * CONTROL_PERIOD
    finally:
        environment.close()
    return Scores(returns, way / steps, perfect)


def individuals(design: PolicyDesign, vectors: Array, seeds: list[int], **how: Any) -> Scores:
    """Episodes of each individual of a population.

    Args:
        design: What they are.
        vectors: A row for each, (P, size).
        seeds: Seeds of the episodes that each swims, (S,).
        how: As for ``swim_episodes``.

    Returns:
        Scores of the shape (P, S).
    """
    act = design.act(vectors, len(seeds))
    scores = swim_episodes(act, design.joints + 1, list(seeds) * len(vectors), **how)
    shape = (len(vectors), len(seeds))
    return Scores(*(each.reshape(shape) for each in scores))
