# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Control laws of altitude by name: PID, PD and spiking networks."""

from __future__ import annotations

import dataclasses
from typing import Protocol

from neuro_control.blimp.control.pid import PID, PIDSettings
from neuro_control.blimp.control.spiking_controller import SpikingController
from neuro_control.blimp.control.types import CONTROL_PERIOD, FULL_COMMAND
from neuro_control.errors import ConfigurationError
from neuro_control.resources import find_file

LAWS = ("pid", "pd", "snn")
# File of the networks that `snn` stands for.
NETWORK = "blimp_snn.safetensors"


class ControlLaw(Protocol):
    """What turns errors of altitude into commands."""

    def reset(self) -> None:
        """Forget the past: at the start of a flight."""

    def step(self, error: float) -> float:
        """Command in [-10, 10] for the error set-point − altitude, m."""


def make_law(name: str, pid: PIDSettings | None = None) -> ControlLaw:
    """Control law by name.

    Args:
        name: ``pid``, ``pd``, ``snn``, or a file of networks, in config/weights or by its path.
        pid: Numbers of the PID, those of the paper by default; a PD takes them without the
            integral.

    Raises:
        ConfigurationError: There is no such file, or it holds something else.
    """
    pid = pid or PIDSettings()
    if name == "pd":
        pid = dataclasses.replace(pid, integral=0.0)
    if name in ("pid", "pd"):
        return PID(pid, CONTROL_PERIOD, FULL_COMMAND)
    file = NETWORK if name == "snn" else name
    if not file.endswith((".safetensors", ".nir")):
        raise ConfigurationError(
            f"no controller '{name}': there are {', '.join(LAWS)}, or a .safetensors or .nir file"
        )
    return SpikingController.load(find_file("config/weights", file))
