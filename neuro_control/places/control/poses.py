# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Covariance of the pose that is estimated from the best places."""

from __future__ import annotations

import math

import numpy as np

from neuro_control.places.control.types import Array


def covariance(poses: Array, scores: Array, position: float, angle: float) -> Array:
    """Covariance of the best place's pose, from how far the next best places lie from it.

    The weight of a place is by how much its score exceeds the lowest of the scores; where all are
    equal, all weigh the same. Added to that is how far a camera stands from its place.

    Args:
        poses: Poses of the K best places, the best first, (K, 7): x y z (m) qx qy qz qw.
        scores: Scores of these places, (K,), larger is surer.
        position: Standard deviation of a camera's position from its place along each axis, m.
        angle: Standard deviation of its attitude about each axis, rad.

    Returns:
        (6, 6): x, y, z (m) and rotations about the fixed axes x, y, z (rad), as
        geometry_msgs/PoseWithCovariance has it.
    """
    weights = scores - scores.min()
    total = weights.sum()
    weights = weights / total if total > 0.0 else np.full(len(scores), 1.0 / len(scores))
    apart = np.empty((len(poses), 6))
    apart[:, :3] = poses[:, :3] - poses[0, :3]
    apart[:, 3:] = [_rotation(poses[0, 3:], attitude) for attitude in poses[:, 3:]]
    found: Array = np.einsum("k,ki,kj->ij", weights, apart, apart)
    found += np.diag([position**2] * 3 + [angle**2] * 3)
    return found


def _rotation(start: Array, end: Array) -> Array:
    """Rotation vector (3,), rad, about fixed axes, that turns one quaternion x y z w to another."""
    # end times the conjugate of start.
    vector = -end[3] * start[:3] + start[3] * end[:3] - np.cross(end[:3], start[:3])
    scalar = float(end @ start)
    length = float(np.linalg.norm(vector))
    if length == 0.0:
        return np.zeros(3)
    # The shorter way round.
    angle = 2.0 * math.atan2(length, abs(scalar))
    rotation: Array = math.copysign(angle / length, scalar) * vector
    return rotation
