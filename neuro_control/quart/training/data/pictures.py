# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Data sets of moments: pictures, what is meant, states and what the expert does, in parts.

A data set is a folder of parts, each a safetensors file made from a seed of its own, so that
several processes make it, an interrupted one goes on, and two of the same settings are the same
bytes. Together they may be larger than the memory: pictures are read as a batch needs them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from neuro_control import weights
from neuro_control.errors import ConfigurationError
from neuro_control.learning import manifests
from neuro_control.quart.training.data.captions import draw_caption
from neuro_control.quart.training.data.moments import Draws, Moment, draw_moment
from neuro_control.quart.training.data.studio import Studio
from neuro_control.quart.training.data.texts import packed

KIND = "moments of QUARD's tasks"
PART = 2048
"""Number of moments in a part."""

UNKNOWN = -1
"""Of ``visible`` where nobody knows where the target is: in episodes of QUARD."""

_VERSION = 2


@dataclass(frozen=True)
class Pictures:
    """Settings of a data set.

    Attributes:
        draws: What its moments are drawn from.
        captions: Whether they are captioned pictures without actions instead, in worlds of the
            same split.
        pixels: Height and width of its pictures.
        seed: Its seed.
        robot: go2 or go1.
    """

    draws: Draws = dataclasses.field(default_factory=Draws)
    captions: bool = False
    pixels: int = 96
    seed: int = 0
    robot: str = "go2"

    def manifest(self) -> dict[str, Any]:
        """What tells one data set from another, for JSON."""
        return {"version": _VERSION, **dataclasses.asdict(self)}


def generate(
    folder: Path,
    settings: Any,
    parts: int,
    executor: Executor,
    show: Callable[[float], None] = lambda _: None,
    make: Callable[[Path, Any, int], None] | None = None,
) -> None:
    """Make the parts of a data set that are missing.

    Args:
        folder: Its folder.
        settings: Settings, as ``Pictures`` or with a ``manifest`` like its; a folder that has
            others is refused.
        parts: Number of parts.
        executor: Where they are made.
        show: Called with the number of parts that are there.
        make: Makes a part of a folder by settings and number; ``make_part`` by default.

    Raises:
        ConfigurationError: The folder holds another data set, or MuJoCo can't render here.
    """
    manifests.claim(folder, settings.manifest())
    missing = [part for part in range(parts) if not part_file(folder, part).is_file()]
    show(parts - len(missing))
    futures = [executor.submit(make or make_part, folder, settings, part) for part in missing]
    try:
        for done, future in enumerate(as_completed(futures), start=parts - len(missing) + 1):
            future.result()
            show(done)
    finally:
        for future in futures:
            future.cancel()


def part_file(folder: Path, part: int) -> Path:
    """File of a part."""
    return folder / f"part_{part:04}.safetensors"


def make_part(folder: Path, settings: Pictures, part: int) -> None:
    """Draw the moments of a part, take their pictures, and write them."""
    rng = np.random.default_rng([settings.seed, part])
    studio = Studio(settings.pixels, settings.robot)
    try:
        moments = [_draw(settings, rng) for _ in range(PART)]
        pictures = [studio.take(moment) for moment in moments]
    finally:
        studio.close()
    arrays = _arrays(moments)
    arrays["images"] = np.stack(pictures).transpose(0, 3, 1, 2)
    weights.write(part_file(folder, part), KIND, arrays, settings.manifest())


def _draw(settings: Pictures, rng: np.random.Generator) -> Moment:
    if settings.captions:
        return draw_caption(settings.draws.scenery, rng)
    return draw_moment(settings.draws, rng)


def _arrays(moments: list[Moment]) -> dict[str, NDArray[Any]]:
    return {
        "texts": packed([each.text for each in moments]),
        "states": np.stack([each.state for each in moments]).astype(np.float32),
        "actions": np.stack([each.chunk[0] for each in moments]).astype(np.float32),
        # Half as precise, which is finer than a bin.
        "chunks": np.stack([each.chunk for each in moments]).astype(np.float16),
        "places": np.stack([each.place for each in moments]).astype(np.float32),
        "visible": np.array([each.visible for each in moments]),
        "acts": np.array([each.acts for each in moments]),
        # A picture of a letter must not be mirrored.
        "letters": np.array([each.task.skill == "distinguish" for each in moments]),
    }


class PictureSet:
    """Moments that are read for training.

    Attributes:
        size: Their number.

    Args:
        folders: Folders of data sets.

    Raises:
        ConfigurationError: A folder has no parts, or a part is damaged.
    """

    def __init__(self, *folders: Path) -> None:
        files = [file for folder in folders for file in sorted(folder.glob("part_*.safetensors"))]
        if not files:
            raise ConfigurationError(
                f"no data in {', '.join(map(str, folders))}: make it with "
                "`neuro-control generate quard`"
            )
        self._parts = [_Part(file) for file in files]
        self._ends = np.cumsum([len(part.arrays["actions"]) for part in self._parts])
        self.size = int(self._ends[-1])
        # Not all have chunks.
        self._names = set.intersection(*(set(part.arrays) for part in self._parts))

    def batch(self, chosen: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Moments by their places, (n,)."""
        parts = np.searchsorted(self._ends, chosen, side="right")
        rows = chosen - np.concatenate([[0], self._ends])[parts]
        found = [self._parts[part].row(row) for part, row in zip(parts, rows, strict=True)]
        names = (*sorted(self._names), "images")
        return {name: np.stack([each[name] for each in found]) for name in names}

    def chunks(self) -> NDArray[Any]:
        """Chunks of all moments that have an action, (n, ``chunks.CHUNK``, 12).

        Raises:
            ConfigurationError: A part has none.
        """
        if "chunks" not in self._names:
            raise ConfigurationError("the data have no chunks of actions: make them anew")
        return np.concatenate([each.arrays["chunks"][each.arrays["acts"]] for each in self._parts])


class _Part:
    """A part of a data set: all but its pictures in memory, these in the file."""

    def __init__(self, file: Path) -> None:
        self.arrays, _ = weights.read(file, KIND)
        del self.arrays["images"]
        opened: Any = safe_open(file, framework="numpy")
        self._images = opened.get_slice("images")

    def row(self, row: int) -> dict[str, NDArray[Any]]:
        """A moment."""
        found = {name: array[row] for name, array in self.arrays.items()}
        return {**found, "images": self._images[row]}
