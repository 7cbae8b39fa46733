# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the nodes that run now say of themselves, and how far their clocks are from this one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from neuro_control.doctor.check import Finding, failed, passed, warned
from neuro_control.ros import process
from neuro_control.ros.messages import NANOSECONDS, to_nanoseconds

# Time in which each node has published its diagnostics, s.
_LISTENS = 2.5
# Clocks that are further apart make commands stale, s.
_APART = 0.05
# Stamps before this are simulated time, s.
_WALL_TIME = 1e9


def running_nodes() -> Iterator[Finding]:
    """States of the nodes of this package that run in this domain, and their clocks."""
    statuses, offsets = _listen()
    if not statuses:
        yield passed("running nodes", "none has published diagnostics")
        return
    for name, status in sorted(statuses.items()):
        if status.level == DiagnosticStatus.OK:
            yield passed(name, status.message)
        elif status.level == DiagnosticStatus.ERROR:
            yield failed(name, status.message, "see its log and docs/safety.md")
        else:
            yield warned(name, status.message, "see `ros2 topic echo /diagnostics`")
    if offsets:
        worst = max(offsets, key=abs)
        text = f"stamps are {worst * 1e3:+.0f} ms from this machine's at most, delay included"
        if abs(worst) > _APART:
            remedy = "synchronise the machines' clocks, as with chrony"
            yield failed("clock offset", text, remedy)
        else:
            yield passed("clock offset", text)


def _listen() -> tuple[dict[str, Any], list[float]]:
    """The latest status by name, and how much later than its stamp each message came, s."""
    statuses: dict[str, Any] = {}
    offsets: list[float] = []

    def hear(message: DiagnosticArray) -> None:
        statuses.update((each.name, each) for each in message.status)
        stamp = to_nanoseconds(message.header.stamp) / NANOSECONDS
        if stamp > _WALL_TIME:
            offsets.append(time.time() - stamp)

    process.initialise([])
    node = rclpy.create_node("neuro_control_doctor")
    try:
        node.create_subscription(DiagnosticArray, "/diagnostics", hear, 100)
        deadline = time.monotonic() + _LISTENS
        process.spin([node], lambda: time.monotonic() > deadline)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    return statuses, offsets
