# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Episodes as a data set of Minari, the Farama Foundation's format for offline learning.

``minari.load_dataset(NAME)`` finds it with ``MINARI_DATASETS_PATH`` set to the folder. Numbers keep
their 64 bits, and the environment is recovered from the data set.

Source: Minari (https://minari.farama.org).
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from neuro_control.errors import ConfigurationError
from neuro_control.learning.episodes import Episode, Source, facts_of, new_folder

_ROOT = "MINARI_DATASETS_PATH"


def _library() -> Any:
    try:
        import h5py  # noqa: F401  # its storage
        import minari
    except ImportError as error:
        raise ConfigurationError(
            f"data sets of Minari need {error.name}: pip install 'neuro_control[minari]'"
        ) from error
    return minari


@contextmanager
def _rooted(folder: Path) -> Iterator[None]:
    """Let Minari keep its data sets in ``folder``: it takes no path but this variable."""
    before = os.environ.get(_ROOT)
    os.environ[_ROOT] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_ROOT]
        else:
            os.environ[_ROOT] = before


def name_of(source: Source) -> str:
    """Name of the data set: environment, policy and version, as Minari has them."""
    environment = source.environment.rpartition("/")[2].rpartition("-v")[0].lower()
    policy = "".join(c if c.isalnum() else "-" for c in source.policy.rpartition(":")[2])
    return f"neuro_control/{environment}/{policy}-v0"


def write(
    folder: Path, source: Source, spaces: tuple[Any, Any], episodes: Sequence[Episode]
) -> None:
    """Write episodes, whole or not at all.

    Args:
        folder: Folder of the new data set, as ``MINARI_DATASETS_PATH`` has it.
        source: Where they come from.
        spaces: Spaces of observations and actions.
        episodes: The episodes.

    Raises:
        ConfigurationError: ``minari`` is not installed, or the folder is there.
    """
    minari = _library()
    from minari.data_collector import EpisodeBuffer

    buffers = [
        EpisodeBuffer(
            id=number,
            seed=each.seed,
            observations=list(each.observations),
            actions=list(each.actions),
            rewards=each.rewards.tolist(),
            terminations=[*[False] * (len(each) - 1), each.terminated],
            truncations=[*[False] * (len(each) - 1), each.truncated],
        )
        for number, each in enumerate(episodes)
    ]
    facts = {"environment": source.environment, "policy": source.policy, "rate": source.rate}
    import gymnasium

    with new_folder(folder) as part, _rooted(part.absolute()), warnings.catch_warnings():
        # It advises to name another environment to evaluate in.
        warnings.simplefilter("ignore", UserWarning)
        dataset = minari.create_dataset_from_buffers(
            dataset_id=name_of(source),
            buffer=buffers,
            env=gymnasium.registry.get(source.environment),
            observation_space=spaces[0],
            action_space=spaces[1],
            algorithm_name=source.policy,
            author="neuro_control",
            author_email="none",
            code_permalink="none",
            description=json.dumps(facts),
            data_format="hdf5",
        )
        dataset.storage.update_metadata({"neuro_control": json.dumps(facts)})


def read(folder: Path) -> tuple[Source, list[Episode]]:
    """Episodes of a folder that holds one data set of Minari.

    Raises:
        ConfigurationError: ``minari`` is not installed, or the folder holds none or several.
    """
    minari = _library()
    found = sorted(folder.absolute().rglob("metadata.json"))
    found = [each.parent for each in found if (each.parent / "main_data.hdf5").is_file()]
    if len(found) != 1:
        raise ConfigurationError(f"{folder} holds {len(found)} data sets of Minari, not one")
    try:
        dataset = minari.MinariDataset(found[0])
        metadata = dataset.storage.metadata
        facts = json.loads(metadata.get("neuro_control", "{}")) or {
            "environment": getattr(dataset.env_spec, "id", metadata["dataset_id"]),
            "policy": metadata.get("algorithm_name", "unknown"),
            "rate": 1,
        }
        episodes = [_episode(each, dataset.storage) for each in dataset.iterate_episodes()]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{folder} is damaged or no data set of Minari: {error!r}") from (
            error
        )
    return facts_of(facts, folder), episodes


def _episode(data: Any, storage: Any) -> Episode:
    if not isinstance(data.observations, np.ndarray) or not isinstance(data.actions, np.ndarray):
        raise ConfigurationError("observations and actions of the data set are no vectors")
    (facts,) = storage.get_episode_metadata([data.id])
    seed = facts.get("seed")
    return Episode(
        np.asarray(data.observations, np.float64),
        np.asarray(data.actions, np.float64),
        np.asarray(data.rewards, np.float64),
        bool(data.terminations[-1]),
        bool(data.truncations[-1]),
        None if seed is None or int(seed) < 0 else int(seed),
    )
