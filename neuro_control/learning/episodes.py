# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Episodes of Gymnasium environments: recorded with a policy, and the formats that hold them.

A policy is made for an environment by a function that a scenario names (``Environment.policy``),
or by anybody's ``module:function``: it takes the environment and returns what turns an observation
into an action, with a ``reset`` of its own if it remembers something.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.files import writing

Array = NDArray[np.float64]
Act = Callable[[Array], Any]


@dataclass(frozen=True)
class Episode:
    """An episode of T steps.

    Attributes:
        observations: What was observed, the end included, (T + 1, n).
        actions: What was done, (T, m).
        rewards: What came of it, (T,).
        terminated: Whether it ended in a final state.
        truncated: Whether it was cut off.
        seed: Seed of its start; None if that is not known.
    """

    observations: Array
    actions: Array
    rewards: Array
    terminated: bool
    truncated: bool
    seed: int | None = None

    def __len__(self) -> int:
        return len(self.actions)


@dataclass(frozen=True)
class Source:
    """Where episodes come from.

    Attributes:
        environment: Name of the Gymnasium environment.
        policy: Name of what acted in it.
        rate: Steps of a second, Hz.
    """

    environment: str
    policy: str
    rate: int


class Format(Protocol):
    """A format of data sets, as a module."""

    def write(self, folder: Path, source: Source, spaces: tuple[Any, Any],
              episodes: Sequence[Episode]) -> None:  # fmt: skip
        """Write episodes to a folder that is empty; ``spaces`` of observation and action."""

    def read(self, folder: Path) -> tuple[Source, list[Episode]]:
        """Episodes of a folder."""


def record(
    environment: Any,
    act: Act,
    seeds: Sequence[int],
    show: Callable[[float], None] = lambda _: None,
) -> Iterator[Episode]:
    """Episodes of an environment with a policy, one after another.

    Args:
        environment: A Gymnasium environment whose observations and actions are vectors.
        act: Answers an observation by an action; its ``reset``, if it has one, is called before
            each episode.
        seeds: Seed of each episode.
        show: Called with the number of episodes that are done.

    Raises:
        ConfigurationError: Observations or actions are no vectors.
    """
    for name in ("observation_space", "action_space"):
        shape = getattr(environment, name).shape
        if shape is None or len(shape) != 1:
            raise ConfigurationError(
                f"episodes are kept of environments with vectors: the {name} has the shape {shape}"
            )
    reset = getattr(act, "reset", lambda: None)
    for done, seed in enumerate(seeds, start=1):
        reset()
        observation, _ = environment.reset(seed=seed)
        observations, actions, rewards = [observation], [], []
        terminated = truncated = False
        while not (terminated or truncated):
            action = np.asarray(act(observation), np.float64)
            observation, reward, terminated, truncated, _ = environment.step(action)
            observations.append(observation)
            actions.append(action)
            rewards.append(float(reward))
        yield Episode(
            np.array(observations, np.float64), np.array(actions), np.array(rewards),
            bool(terminated), bool(truncated), seed,
        )  # fmt: skip
        show(done)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give a folder that takes the name ``folder`` when the block ends without error.

    Raises:
        ConfigurationError: There is such a folder already.
    """
    if folder.exists():
        raise ConfigurationError(f"{folder} is there already: give a new folder")
    with writing(folder) as part:
        part.mkdir(parents=True)
        try:
            yield part
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise


def facts_of(facts: Mapping[str, Any], where: Path) -> Source:
    """Source that a data set's own facts name.

    Raises:
        ConfigurationError: They don't.
    """
    try:
        return Source(str(facts["environment"]), str(facts["policy"]), int(facts["rate"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{where} doesn't say which environment it is of") from error
