# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Distance that a robot has gone between images, by its odometry."""

from __future__ import annotations

import threading

import numpy as np
from nav_msgs.msg import Odometry

from neuro_control.places.control.types import Array

# A step between two messages from which on the estimate was set anew rather than moved, m.
_JUMP = 5.0


class Travelled:
    """Adds up the steps between messages of odometry; images take the sum. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: Array | None = None
        self._distance: float | None = None

    def add(self, message: Odometry) -> None:
        """Take a message into account; one that is not finite, or a jump, says nothing."""
        point = message.pose.pose.position
        position = np.array([point.x, point.y, point.z])
        if not np.isfinite(position).all():
            return
        with self._lock:
            last, self._last = self._last, position
            if last is None:
                return
            step = float(np.linalg.norm(position - last))
            self._distance = None if step > _JUMP else (self._distance or 0.0) + step

    def take(self) -> float | None:
        """Distance since it was taken last, m; None if odometry said nothing since."""
        with self._lock:
            distance, self._distance = self._distance, None
            return distance


def spacing(poses: Array | None) -> float | None:
    """Usual distance between neighbouring places, m, from their poses (P, 7); None if unknown."""
    if poses is None or len(poses) < 2:
        return None
    found = float(np.median(np.linalg.norm(np.diff(poses[:, :3], axis=0), axis=1)))
    return found if found > 0 else None
