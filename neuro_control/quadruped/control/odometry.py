# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where the trunk is since the start, across the estimator's resets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.estimator import Estimator

Array = NDArray[np.float64]

# States of the locomotion state machine in which the gait controller and its estimator work.
_ESTIMATING = ("rising", "walking", "lowering")


class LegOdometry:
    """Pose since the start, which goes on whenever the estimator begins anew.

    A robot that lies or falls has no estimate; once it stands again, it is where it fell.

    Attributes:
        estimating: Whether there was an estimate in the last step.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start at the origin."""
        self.estimating = False
        self._x = self._y = self._yaw = 0.0

    def step(self, state: str, estimator: Estimator) -> None:
        """Take in a control step.

        Args:
            state: State of the locomotion state machine before the step.
            estimator: Estimator after it.
        """
        estimating = state in _ESTIMATING
        if self.estimating and not estimating:
            position, rotation = self.pose(estimator)
            self._x, self._y = float(position[0]), float(position[1])
            self._yaw = float(np.arctan2(rotation[1, 0], rotation[0, 0]))
        self.estimating = estimating

    def pose(self, estimator: Estimator) -> tuple[Array, Array]:
        """Position of the trunk's origin, (3,), m, z above the ground, and rotation, (3, 3)."""
        c, s = np.cos(self._yaw), np.sin(self._yaw)
        turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        rotation: Array = turn @ estimator.rotation
        position: Array = turn @ estimator.position + [self._x, self._y, 0.0]
        return position, rotation
