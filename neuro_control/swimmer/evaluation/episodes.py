# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The circuit in its environment, for data sets of episodes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.swimmer.control.circuit import Circuit
from neuro_control.swimmer.control.policy import CircuitDesign, find_policy

Array = NDArray[np.float64]


class CircuitPolicy:
    """Answers observations of a swimmer's environment by the trained circuit.

    Args:
        joints: Joints of the body.

    Raises:
        ConfigurationError: The circuit's weights are missing.
    """

    def __init__(self, joints: int) -> None:
        design, vector = find_policy("ncap-extended", joints + 1)
        if not isinstance(design, CircuitDesign):
            raise ConfigurationError("the policy ncap-extended is no circuit")
        self._circuit: Circuit = design.circuit(vector)

    def reset(self) -> None:
        """Begin an episode."""
        self._circuit.reset()

    def __call__(self, observation: Array) -> Array:
        """Action, (n,), for an observation, whose first n numbers are the joints' angles."""
        return self._circuit.step(observation[: self._circuit.joints])


def policy(environment: Any) -> CircuitPolicy:
    """Policy for an environment of the swimmer."""
    return CircuitPolicy(environment.action_space.shape[0])
