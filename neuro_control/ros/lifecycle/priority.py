# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Real-time priority of a process's threads: they run before all that has none.

A machine that does much else lets a thread wait for tens of milliseconds, however urgent it is to
the robot. Linux runs threads of the policy SCHED_FIFO (sched(7)) first.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from neuro_control.errors import ConfigurationError

# The kernel's own threads have 50 and more by default; those of interrupts must not wait.
MOST = 49


def prioritise(priority: int) -> None:
    """Give each thread of this process a real-time priority, as those have that it starts later.

    Args:
        priority: 1 to ``MOST``; a thread with more runs first.

    Raises:
        ConfigurationError: The system has no real-time priorities, or the user may not use them.
    """
    if not hasattr(os, "sched_setscheduler"):
        raise ConfigurationError("this system has no real-time priorities: set thread_priority 0")
    for thread in _threads():
        try:
            os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(priority))
        except ProcessLookupError:
            continue  # the thread has just ended
        except PermissionError:
            raise ConfigurationError(
                f"thread_priority {priority} is not permitted: let the user have it by `- rtprio "
                f"{MOST}` in /etc/security/limits.conf, or set thread_priority 0"
            ) from None


def _threads() -> list[int]:
    """Numbers of this process's threads, the middleware's among them."""
    folder = Path("/proc/self/task")
    if not folder.exists():
        return [threading.get_native_id()]
    return [int(each.name) for each in folder.iterdir()]
