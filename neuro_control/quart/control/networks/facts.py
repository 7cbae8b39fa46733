# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a file of a policy says of its network, and whether it is of this release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.actions import NUMBERS
from neuro_control.quart.control.networks.prediction import Predictor

KIND = "policy of QUART"
VERSION = 2
"""Version of the weights, which goes up where older ones don't fit any more."""


def facts_of(network: Predictor) -> dict[str, Any]:
    """What a file says of its network, as JSON has it."""
    return {
        "version": VERSION, "size": asdict(network.size),
        "ranges": network.ranges.tolist(), "numbers": list(NUMBERS),
    }  # fmt: skip


def check_version(path: Path, facts: Mapping[str, Any]) -> None:
    """Check that weights are of this version.

    Raises:
        ConfigurationError: They are of another one.
    """
    if facts.get("version") != VERSION:
        raise ConfigurationError(
            f"{path} has weights of version {facts.get('version')}, not {VERSION}: "
            "train them again, or take those of this release"
        )
