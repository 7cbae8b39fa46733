# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Moments of recorded episodes, such as QUARD's, as the parts of a data set to be trained on.

A recorded frame becomes a moment: the picture, the words, the state as a policy would have it, and
the action. QUARD does not say where a target is, so that such moments have no place to learn;
episodes that are recorded here do. Tasks in which a recorded robot failed are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuro_control import weights
from neuro_control.errors import ConfigurationError
from neuro_control.learning import manifests
from neuro_control.quart.control.actions import POLICY_PERIOD, RANGES
from neuro_control.quart.control.state import Memory, state_vector
from neuro_control.quart.training.chunks import CHUNK
from neuro_control.quart.training.data.formats.quard import RATE, Episode, episodes, robot_state
from neuro_control.quart.training.data.moments import in_view
from neuro_control.quart.training.data.pictures import KIND, UNKNOWN, part_file
from neuro_control.quart.training.data.texts import packed

Array = NDArray[np.float64]

_VERSION = 1
# Episodes of a part: some 5,000 moments.
_EPISODES = 64
# Deviation of where a policy sees a target from where it is: a part of the distance, and m.
_SEEN_PART, _SEEN = 0.05, 0.05


@dataclass(frozen=True)
class Recorded:
    """Settings of a data set of recorded moments.

    Attributes:
        pixels: Height and width of its pictures.
        rate: Frames in a second of the episodes, Hz; each that a policy would see is taken.
        seed: Seed of the errors with which a target is seen.
    """

    pixels: int = 96
    rate: int = RATE
    seed: int = 0

    @property
    def every(self) -> int:
        """Frames from one action of a policy to the next.

        Raises:
            ConfigurationError: The rate is none of a policy's times a whole number.
        """
        every = self.rate * POLICY_PERIOD
        if every < 1.0 or abs(every - round(every)) > 1e-9:
            raise ConfigurationError(
                f"a policy acts every {POLICY_PERIOD} s: {self.rate} frames a second do not fit"
            )
        return round(every)


def convert(
    source: Path,
    folder: Path,
    settings: Recorded,
    executor: Executor,
    show: Callable[[float, float], None] = lambda _, __: None,
) -> None:
    """Make a data set of the recorded episodes in a folder; parts that are there are kept.

    Args:
        source: Folder of episodes in QUARD's layout.
        folder: Folder of the data set.
        settings: Settings; a folder that has others is refused.
        executor: Where parts are made.
        show: Called with the number of parts that are there, and that of all.

    Raises:
        ConfigurationError: There are no episodes, one is damaged, or the folder holds another set.
    """
    found = [str(each.folder.relative_to(source)) for each in episodes(source) if each.success]
    if not found:
        raise ConfigurationError(
            f"no task of those in {source} was done: there is nothing to learn"
        )
    facts = {"version": _VERSION, **asdict(settings), "episodes": len(found)}
    manifests.claim(folder, facts)
    parts = [found[first : first + _EPISODES] for first in range(0, len(found), _EPISODES)]
    missing = [part for part in range(len(parts)) if not part_file(folder, part).is_file()]
    done = len(parts) - len(missing)
    show(done, len(parts))
    futures = [
        executor.submit(make_part, source, parts[part], folder, part, settings)
        for part in missing
    ]  # fmt: skip
    try:
        for count, future in enumerate(as_completed(futures), start=done + 1):
            future.result()
            show(count, len(parts))
    finally:
        for future in futures:
            future.cancel()


def make_part(
    source: Path, names: Sequence[str], folder: Path, part: int, settings: Recorded
) -> None:
    """Write the moments of some episodes as a part of a data set."""
    rng = np.random.default_rng([settings.seed, part])
    rows = [
        row for name in names for row in moments_of(Episode(source / name), settings, rng)
    ]  # fmt: skip
    arrays = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    weights.write(part_file(folder, part), KIND, arrays, asdict(settings))


def moments_of(
    episode: Episode, settings: Recorded, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Moments of an episode in the order of time, by the names of ``pictures.PictureSet``.

    Args:
        episode: The episode.
        settings: Settings.
        rng: Draws the errors with which the target is seen.

    Raises:
        ConfigurationError: A file of the episode is damaged.
    """
    try:
        text = packed([episode.sentence])[0]
    except ValueError as error:
        raise ConfigurationError(f"the instruction of {episode.folder} is {error}") from error
    memory, rows = Memory(), []
    # The last frame, which ends the task, is always among them.
    chosen = range((episode.length - 1) % settings.every, episode.length, settings.every)
    actions = np.clip([episode.action(index) for index in chosen], *RANGES.T)
    for number, index in enumerate(chosen):
        measured = episode.measured(index)
        state, place = robot_state(measured), measured.get("target_place")
        # What ended goes on to have ended.
        chunk = actions[np.minimum(number + np.arange(CHUNK), len(actions) - 1)]
        visible = UNKNOWN if place is None else int(in_view(place))
        vector = state_vector(state.motion(), memory.bows, memory.place(state))
        rows.append(
            {
                "texts": text,
                "states": vector.astype(np.float32),
                "actions": actions[number].astype(np.float32),
                "chunks": chunk.astype(np.float16),
                "places": np.zeros(2, np.float32) if place is None else place.astype(np.float32),
                "visible": np.array(visible, np.int8),
                "acts": np.array(True),
                "letters": np.array(episode.is_letter),
                "images": _resized(episode.image(index), settings.pixels),
            }
        )
        seen = None
        if place is not None and visible == 1:
            far = float(np.linalg.norm(place))
            seen = place + rng.normal(0.0, _SEEN + _SEEN_PART * far, 2)
        memory.saw(state, seen, POLICY_PERIOD)
        memory.did(actions[number], POLICY_PERIOD)
    return rows


def _resized(picture: NDArray[np.uint8], pixels: int) -> NDArray[np.uint8]:
    """A picture as a network takes it, (3, pixels, pixels); the middle of one that is wider."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = Image.fromarray(picture[top : top + side, left : left + side])
    small = np.asarray(square.resize((pixels, pixels), Image.Resampling.BILINEAR))
    return np.ascontiguousarray(small.transpose(2, 0, 1))
