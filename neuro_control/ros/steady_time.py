# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Time that never goes back, by which a node tells how long ago something was.

The system's clock is set by people and by NTP, and a simulated clock jumps when the simulation is
reset. Ages that are measured on either are wrong after a step: a watchdog would wait for as long as
the clock went back.
"""

from __future__ import annotations

import time
from typing import Any

from rclpy.clock import Clock, JumpThreshold
from rclpy.duration import Duration


class SteadyTime:
    """Time of the machine's steady clock or, on simulated time, of the clock without steps back.

    Args:
        clock: The node's clock, if it is a simulated one; None takes the machine's.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._simulated = clock is not None
        self._taken_back = 0
        if clock is not None:
            back = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1))
            # The handle holds the callback for as long as this object lives.
            self._handle = clock.create_jump_callback(back, post_callback=self._on_step_back)

    def _on_step_back(self, step: Any) -> None:
        self._taken_back -= min(0, step.delta.nanoseconds)

    def at(self, now: int) -> int:
        """Steady time, ns, when the node's clock shows ``now`` (ns)."""
        return now + self._taken_back if self._simulated else time.monotonic_ns()
