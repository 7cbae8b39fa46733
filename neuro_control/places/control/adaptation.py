# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Files of what a recogniser has adapted to, so that its next run needn't start from nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control import weights as weight_files
from neuro_control.errors import ConfigurationError
from neuro_control.places.control.ensemble import Ensemble

KIND = "the adaptation of a place recogniser"

State = dict[str, NDArray[Any]]


def write(path: Path, ensemble: Ensemble, state: Mapping[str, NDArray[Any]]) -> None:
    """Write the state of a recogniser with this ensemble to a file, whole or not at all."""
    weight_files.write(path, KIND, state, {"ensemble": fingerprint(ensemble)})


def read(path: Path, ensemble: Ensemble, expected: Mapping[str, NDArray[Any]]) -> State:
    """The state that ``write`` wrote.

    Args:
        path: The file.
        ensemble: Ensemble of the recogniser that goes on from it.
        expected: That recogniser's state, whose shapes the file must have; the number of
            differences may be another. What the file lacks stays as it is here.

    Raises:
        ConfigurationError: There is no such file, it is damaged, or of another ensemble.
    """
    state, facts = weight_files.read(path, KIND)
    if facts.get("ensemble") != fingerprint(ensemble):
        raise ConfigurationError(
            f"{path} holds the adaptation of another model: remove it, or name another file"
        )
    found = dict(expected)
    for name in expected.keys() & state.keys():
        array = state[name]
        free = name == "differences"
        if array.shape[free:] != expected[name].shape[free:] or array.dtype.kind != "f":
            raise ConfigurationError(
                f"{path} is damaged: {name} is {array.shape} of {array.dtype}; remove it"
            )
        found[name] = array
    return found


def fingerprint(ensemble: Ensemble) -> str:
    """Digest of the places that an ensemble knows and of its weights."""
    digest = hashlib.sha256("\n".join(ensemble.names).encode())
    digest.update(np.ascontiguousarray(ensemble.reference).tobytes())
    digest.update(np.ascontiguousarray(ensemble.weights[0]).tobytes())
    return digest.hexdigest()
