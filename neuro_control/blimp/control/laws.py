# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Control laws of altitude by name: PIDs, a PD and spiking networks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import yaml

from neuro_control.blimp.control.pid import PID, PIDSettings
from neuro_control.blimp.control.spiking_controller import SpikingController
from neuro_control.blimp.control.types import CONTROL_PERIOD, FULL_COMMAND
from neuro_control.errors import ConfigurationError
from neuro_control.resources import find_file

# Files of what `tune` made, of a PID and of networks, and the networks that it started from.
NETWORKS = {"snn": "blimp_snn.safetensors", "snn-evolved": "blimp_evolved.safetensors"}
TUNED_PID = "blimp_pid.yaml"
# The paper's gains, with the low pass of the PD that the evolved network learned from.
FILTERED = PIDSettings(derivative_time=0.3)
PIDS = ("pid", "pid-filtered", "pid-tuned", "pd")
LAWS = (*PIDS, *sorted(NETWORKS, reverse=True))


class ControlLaw(Protocol):
    """What turns errors of altitude into commands."""

    def reset(self) -> None:
        """Forget the past: at the start of a flight."""

    def step(self, error: float) -> float:
        """Command in [-10, 10] for the error set-point − altitude, m."""


def pid_settings(name: str, changes: Mapping[str, Any] | None = None) -> PIDSettings:
    """Numbers of a PID by its name.

    Args:
        name: ``pid`` (the paper's), ``pid-filtered``, ``pid-tuned``, ``pd``, or a YAML file of
            ``tune``, in config or by its path.
        changes: Fields of ``PIDSettings`` that are otherwise.

    Raises:
        ConfigurationError: There is no such file, or a number is out of range.
    """
    changes = dict(changes or {})
    if name == "pid":
        return PIDSettings(**changes)
    if name == "pd":
        return PIDSettings(**{**changes, "integral": 0.0})
    if name == "pid-filtered":
        return dataclasses.replace(FILTERED, **changes)
    file = find_file("config", TUNED_PID if name == "pid-tuned" else name)
    return dataclasses.replace(read_pid(file), **changes)


def read_pid(path: Path) -> PIDSettings:
    """Numbers of a PID from a YAML file with fields of ``PIDSettings``.

    Raises:
        ConfigurationError: The file holds something else, or a number is out of range.
    """
    known = {field.name for field in dataclasses.fields(PIDSettings)}
    try:
        found = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is no YAML file: {error}") from error
    if not isinstance(found, dict) or not found or not set(found) <= known:
        raise ConfigurationError(
            f"{path} is no file of a PID's numbers: {', '.join(sorted(known))}"
        )
    return PIDSettings(**found)


def is_pid(name: str) -> bool:
    """Whether a control law of this name is a PID, whose numbers can be changed."""
    return name in PIDS or name.endswith(".yaml")


def make_law(name: str, pid: PIDSettings | None = None) -> ControlLaw:
    """Control law by name.

    Args:
        name: One of ``LAWS``, a .safetensors file of networks, in config/weights or by its path, or
            a .yaml file of a PID's numbers, in config or by its path.
        pid: Numbers of a PID in place of its own; ``pd`` takes them without the integral.

    Raises:
        ConfigurationError: There is no such file, it holds something else, or a number is out of
            range.
    """
    if is_pid(name):
        settings = pid or pid_settings(name)
        if name == "pd":
            settings = dataclasses.replace(settings, integral=0.0)
        return PID(settings, CONTROL_PERIOD, FULL_COMMAND)
    file = NETWORKS.get(name, name)
    if not file.endswith((".safetensors", ".nir")):
        raise ConfigurationError(
            f"no controller '{name}': there are {', '.join(LAWS)}, or a .safetensors, .nir or "
            ".yaml file"
        )
    return SpikingController.load(find_file("config/weights", file))
