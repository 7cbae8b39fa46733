# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: files from which an interrupted training is resumed, and only the same training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control import weights
from neuro_control.errors import ConfigurationError

Arrays = dict[str, NDArray[Any]]


class Checkpoint:
    """The file ``checkpoint.safetensors`` in the folder of a training.

    Args:
        folder: The training's own.
        kind: What is trained: a checkpoint of another kind is refused.
        setting: Settings of the training, as JSON has them.
        length: Name of the entry of ``setting`` that may differ: a training may be made longer.
        start: Arrays that the training starts from, by name; they are kept, too.
    """

    def __init__(
        self,
        folder: Path,
        kind: str,
        setting: Mapping[str, Any],
        length: str = "steps",
        start: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        self.folder, self._kind, self._length = folder, kind, length
        # As the file gives them back: a tuple is a list there.
        self._setting: dict[str, Any] = json.loads(json.dumps(dict(setting)))
        self._start = {} if start is None else dict(start)
        self._file = folder / "checkpoint.safetensors"

    def read(self) -> Arrays:
        """Arrays of the last checkpoint; none if there is none yet.

        Raises:
            ConfigurationError: The file belongs to another training, or is damaged.
        """
        if not self._file.is_file():
            return {}
        arrays, facts = weights.read(self._file, self._kind)
        names = sorted({*self._setting, *facts} - {self._length})
        other = [name for name in names if facts.get(name) != self._setting.get(name)]
        other += [
            f"the {name}"
            for name, array in self._start.items()
            if not np.array_equal(arrays.get(name, []), array)
        ]
        if other:
            raise ConfigurationError(
                f"{self.folder} holds another training ({', '.join(other)} differ): "
                "give another folder, or the same options to resume it"
            )
        return arrays

    def write(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write a checkpoint, whole or not at all; its folder is made."""
        weights.write(self._file, self._kind, {**arrays, **self._start}, self._setting)
