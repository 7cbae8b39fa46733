# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recorded messages at the pace at which they were received."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from neuro_control.bags.reader import Recorded
from neuro_control.ros.messages import NANOSECONDS

# Longest wait at once, so that an end is minded, s.
_NAP = 0.1


def paced(
    messages: Iterable[Recorded], rate: float, stop: Callable[[], bool] = lambda: False
) -> Iterator[Recorded]:
    """Each message when it is due.

    Args:
        messages: The messages, in their order.
        rate: Speed, as a multiple of that of the recording.
        stop: Whether to end before their time.
    """
    begin: float | None = None
    for message in messages:
        at = message.nanoseconds / NANOSECONDS / rate
        if begin is None:
            begin = time.perf_counter() - at
        while (left := begin + at - time.perf_counter()) > 0 and not stop():
            time.sleep(min(left, _NAP))
        if stop():
            return
        yield message
