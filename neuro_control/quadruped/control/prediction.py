# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the robot will measure a period later, as far as its own model tells.

Where observations are missing the gait controller walks on by these for a moment. Feet in stance
stand still under a trunk that goes on as estimated, legs in swing follow their command, and the
trunk's rate of turning fades away, since the forces of the feet work towards that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.estimator import Estimator
from neuro_control.quadruped.control.types import (
    GRAVITY,
    PERIOD,
    JointCommand,
    Observation,
)

Array = NDArray[np.float64]

# Share of the trunk's rate that is left after a period.
_RATE_KEPT = 0.95
# Forces of feet in stance and in swing, N: feet come and go as planned.
_BEARING, _SWINGING = 20.0, 8.0
# Fastest joint, rad/s, and determinant of a Jacobian below which a leg is stretched, m³.
_FASTEST, _STRETCHED = 25.0, 1e-4


def predict(
    observation: Observation, command: JointCommand, estimator: Estimator, stance: Array
) -> Observation:
    """Readings a period after an observation, if the command is followed.

    Args:
        observation: The last one, measured or predicted.
        command: The joint command that answered it.
        estimator: How the trunk moves.
        stance: Which feet are in stance, (4,).
    """
    velocity = estimator.rotation.T @ estimator.velocity
    angles, speeds = command.positions.copy(), command.velocities.copy()
    for leg in np.flatnonzero(stance):
        joints = slice(3 * leg, 3 * leg + 3)
        jacobian = estimator.jacobians[leg]
        passes = -(velocity + np.cross(estimator.rate, estimator.points[leg]))
        stretched = abs(np.linalg.det(jacobian)) < _STRETCHED
        speeds[joints] = 0.0 if stretched else np.linalg.solve(jacobian, passes)
        speeds[joints] = speeds[joints].clip(-_FASTEST, _FASTEST)
        angles[joints] = observation.angles[joints] + PERIOD * speeds[joints]
    forces = np.where(stance, _BEARING, _SWINGING)
    return Observation(
        _RATE_KEPT * observation.rate, GRAVITY * estimator.rotation[2], angles, speeds, forces
    )
