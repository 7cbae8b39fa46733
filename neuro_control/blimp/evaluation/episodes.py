# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The spiking controller in its environment, for data sets of episodes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.laws import make_law
from neuro_control.blimp.control.types import FULL_COMMAND

Array = NDArray[np.float64]


class AltitudePolicy:
    """Answers observations of ``BlimpAltitude`` by the spiking networks."""

    def __init__(self) -> None:
        self._law = make_law("snn")

    def reset(self) -> None:
        """Begin a flight."""
        self._law.reset()

    def __call__(self, observation: Array) -> Array:
        """Action, (1,), for a range and a set-point, the first numbers of an observation."""
        distance, set_point = observation[:2]
        return np.array([self._law.step(float(set_point - distance)) / FULL_COMMAND])


def policy(_environment: Any) -> AltitudePolicy:
    """Policy for the environment of the blimp."""
    return AltitudePolicy()
