# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The recording that a simulation leaves of an episode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from neuro_control.files import writing


class Recording:
    """Every state of an episode at the control rate, and what moved it."""

    def __init__(self) -> None:
        self._rows: dict[str, list[Any]] = {
            name: [] for name in ("time", "qpos", "qvel", "ctrl", "sensordata")
        }
        self.latencies: list[float] = []

    def add(self, data: mujoco.MjData) -> None:
        """Record the present state and the command that led to it."""
        self._rows["time"].append(data.time)
        for name in ("qpos", "qvel", "ctrl", "sensordata"):
            self._rows[name].append(getattr(data, name).copy())

    def save(self, path: Path, **extra: Any) -> None:
        """Write a .npz of one array per quantity, time first along each: whole or not at all."""
        arrays: dict[str, Any] = {name: np.array(rows) for name, rows in self._rows.items()}
        with writing(path) as part, part.open("wb") as file:
            np.savez_compressed(file, latency=np.array(self.latencies), **arrays, **extra)
