# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Episodes of vectors as a LeRobotDataset v3.0, written and read by the package ``lerobot``.

| feature | shape | what it is |
| --- | --- | --- |
| ``observation.state`` | (n,) | the observation that the action answers |
| ``action`` | (m,) | the action |
| ``next.observation.state`` | (n,) | the observation after it |
| ``next.reward`` | (1,) | the reward |
| ``next.done``, ``next.truncated`` | (1,) | whether the episode ended in a final state, or was cut off |
| ``seed`` | (1,) | seed of the episode's start, -1 if that is not known |

The task is ``ENVIRONMENT, POLICY``. Numbers keep their 64 bits, so that what is read is what was
written.

Source: LeRobotDataset v3.0 (https://github.com/huggingface/lerobot, ``lerobot.datasets``).
"""  # noqa: E501  # the table's rows

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.learning.episodes import Episode, Source, new_folder

_STATE, _NEXT = "observation.state", "next.observation.state"


def _library() -> Any:
    try:
        from lerobot.datasets.lerobot_dataset import LeRobotDataset
    except ImportError as error:
        raise ConfigurationError(
            f"LeRobot's format needs its package ({error}): pip install 'neuro_control[lerobot]'"
        ) from error
    return LeRobotDataset


def write(
    folder: Path, source: Source, spaces: tuple[Any, Any], episodes: Sequence[Episode]
) -> None:
    """Write episodes, whole or not at all.

    Args:
        folder: Folder of the new data set.
        source: Where they come from.
        spaces: Spaces of observations and actions.
        episodes: The episodes.

    Raises:
        ConfigurationError: ``lerobot`` is not installed, or the folder is there.
    """
    library = _library()
    observed, acted = (int(space.shape[0]) for space in spaces)
    with new_folder(folder) as part:
        part.rmdir()  # LeRobot makes it itself
        dataset = library.create(
            repo_id=folder.name,
            fps=source.rate,
            features=_features(observed, acted),
            root=part,
            use_videos=False,
        )
        for episode in episodes:
            for frame in _frames(episode, f"{source.environment}, {source.policy}"):
                dataset.add_frame(frame)
            dataset.save_episode()
        dataset.finalize()


def _features(observed: int, acted: int) -> dict[str, dict[str, Any]]:
    def numbers(kind: str, size: int) -> dict[str, Any]:
        return {"dtype": kind, "shape": (size,), "names": None}

    return {
        _STATE: numbers("float64", observed),
        "action": numbers("float64", acted),
        _NEXT: numbers("float64", observed),
        "next.reward": numbers("float64", 1),
        "next.done": numbers("bool", 1),
        "next.truncated": numbers("bool", 1),
        "seed": numbers("int64", 1),
    }


def _frames(episode: Episode, task: str) -> list[dict[str, Any]]:
    last = len(episode) - 1
    seed = -1 if episode.seed is None else episode.seed
    return [
        {
            _STATE: episode.observations[t],
            "action": episode.actions[t],
            _NEXT: episode.observations[t + 1],
            "next.reward": episode.rewards[t : t + 1],
            "next.done": np.array([t == last and episode.terminated]),
            "next.truncated": np.array([t == last and episode.truncated]),
            "seed": np.array([seed], np.int64),
            "task": task,
        }
        for t in range(last + 1)
    ]


def read(folder: Path) -> tuple[Source, list[Episode]]:
    """Episodes of a LeRobotDataset of vectors, this package's or another's.

    Of a data set without ``next.observation.state`` the last action of an episode is left out,
    since nobody knows what came of it; without ``next.reward`` rewards are 0.

    Raises:
        ConfigurationError: ``lerobot`` is not installed, or the folder holds no such data set.
    """
    library = _library()
    if not (folder / "meta" / "info.json").is_file():
        raise ConfigurationError(f"{folder} is no LeRobotDataset: it has no meta/info.json")
    try:
        dataset = library(folder.name, root=folder)
        # As plain numbers: its arrays would have 32 bits.
        rows = dataset.hf_dataset.with_format(None)[:]
        columns = {name: np.asarray(values) for name, values in rows.items()
                   if name.startswith(("observation.state", "action", "next.", "seed"))
                   or name in ("episode_index", "task_index")}  # fmt: skip
        task = str(dataset.meta.tasks.index[int(columns["task_index"][0])])
        ids = columns["episode_index"].reshape(-1)
        episodes = [_episode(columns, np.flatnonzero(ids == k)) for k in np.unique(ids)]
    except (OSError, KeyError, IndexError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{folder} is damaged or no LeRobotDataset of vectors: {error!r}"
        ) from error
    environment, _, policy = task.partition(", ")
    return Source(environment, policy or "unknown", int(dataset.fps)), episodes


def _episode(columns: dict[str, Any], rows: Any) -> Episode:
    # LeRobot keeps vectors of one number as numbers.
    states, actions = (_vectors(columns[name][rows]) for name in (_STATE, "action"))
    if _NEXT in columns:
        observations = np.concatenate([states, _vectors(columns[_NEXT][rows[-1:]])])
    else:
        observations, actions, rows = states, actions[:-1], rows[:-1]
    rewards = columns.get("next.reward", np.zeros(len(columns["action"])))
    seed = int(columns["seed"][rows[0]].item()) if "seed" in columns else -1
    return Episode(
        np.asarray(observations, np.float64),
        actions,
        np.asarray(rewards[rows], np.float64).reshape(-1),
        bool(columns["next.done"][rows[-1]]) if "next.done" in columns else False,
        bool(columns["next.truncated"][rows[-1]]) if "next.truncated" in columns else True,
        None if seed < 0 else seed,
    )


def _vectors(values: Any) -> NDArray[np.float64]:
    numbers = np.asarray(values, np.float64)
    return numbers.reshape(len(numbers), -1)
