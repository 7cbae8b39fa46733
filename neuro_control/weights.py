# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trained weights in safetensors files, whose metadata say what each is for.

The format holds numbers and texts and nothing that could be executed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from neuro_control.errors import ConfigurationError
from neuro_control.files import write_bytes

_KEY = "neuro_control"


def write(
    path: Path, kind: str, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]
) -> None:
    """Write ``arrays`` to ``path``, whole or not at all.

    Args:
        path: The file; a folder that is missing is made.
        kind: What the arrays are; ``read`` refuses files of another kind.
        arrays: By name.
        facts: Further facts about them, as JSON has them.
    """
    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    # Under one key: several come in an order that changes from process to process.
    metadata = {_KEY: json.dumps({"kind": kind, "facts": facts})}
    write_bytes(path, save(contiguous, metadata=metadata))


def read(path: Path, kind: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays and facts that ``write`` wrote.

    Raises:
        ConfigurationError: There is no such file, it is damaged, of another kind, or holds a
            number that is not finite, or a whole one that no array could have as its size.
    """
    if not path.is_file():
        raise ConfigurationError(f"no file {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = json.loads((file.metadata() or {}).get(_KEY, "{}"))
            _check_facts(metadata)
            if metadata.get("kind") != kind:
                found = metadata.get("kind", "something else")
                raise ConfigurationError(f"{path} holds {found}, not {kind}")
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            facts = dict(metadata["facts"])
    except ConfigurationError:
        raise
    except (
        *(SafetensorError, KeyError, TypeError, ValueError, AttributeError, OSError),
        *(RecursionError, MemoryError),
    ) as error:
        raise ConfigurationError(
            f"{path} is damaged or no safetensors file ({error}): give a file that training wrote"
        ) from error
    for name, array in arrays.items():
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            raise ConfigurationError(f"{path}: {name} holds a number that is not finite")
    return arrays, facts


def _check_facts(facts: Any) -> None:
    """Check all numbers of ``facts``: JSON's readers let ``Infinity`` and 1e999 pass.

    Raises:
        ValueError: One is not finite, or a whole number of more than 64 bits.
    """
    if isinstance(facts, dict):
        facts = list(facts.values())
    if isinstance(facts, list):
        for each in facts:
            _check_facts(each)
    elif isinstance(facts, float) and not math.isfinite(facts):
        raise ValueError(f"a fact is {facts}, which is no finite number")
    elif isinstance(facts, int) and abs(facts) >= 2**63:
        raise ValueError("a fact is a whole number of more than 64 bits")
