# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Manifests: what a folder of generated data was made of, so that no other data get into it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuro_control.errors import ConfigurationError
from neuro_control.files import read_text, write_text

_FILE = "manifest.json"


def claim(folder: Path, facts: Mapping[str, Any]) -> None:
    """Take a folder for data of these settings, whose manifest is written into it.

    Args:
        folder: The folder; one that is missing is made.
        facts: Settings, seeds and versions that tell one data set from another, for JSON.

    Raises:
        ConfigurationError: It holds other data, or its manifest is damaged.
    """
    manifest, text = folder / _FILE, json.dumps(dict(facts), indent=1)
    if manifest.is_file():
        try:
            # As JSON gives them back: a tuple is a list there.
            same = json.loads(read_text(manifest)) == json.loads(text)
        except ValueError:
            same = False
        if not same:
            raise ConfigurationError(
                f"{folder} holds another data set: give another folder, or the same options to "
                "go on"
            )
    write_text(manifest, text)
