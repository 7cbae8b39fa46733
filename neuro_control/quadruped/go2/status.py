# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The state of the Go2's driver in words: what it does, and what brings it on."""

from __future__ import annotations

import math
from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticStatus

from neuro_control.quadruped.go2.events import Events
from neuro_control.quadruped.go2.low_level import Motors
from neuro_control.quadruped.go2.parameters import UnitreeParameters
from neuro_control.quadruped.go2.sport import Sport
from neuro_control.quadruped.go2.state_monitor import StateMonitor


class Status:
    """Puts the driver's parts into a state for the diagnostics.

    Args:
        limits: Parameters of the driver; may be replaced at any time.
        sport: Rules of the high level.
        motors: Rules of the low level.
        monitor: Judge of the robot's states.
        events: Warnings.
        stopped: Why the driver may not move the robot, empty if it may.
    """

    def __init__(
        self,
        limits: UnitreeParameters,
        sport: Sport,
        motors: Motors,
        monitor: StateMonitor,
        events: Events,
        stopped: Callable[[], str],
    ) -> None:
        self.limits = limits
        self._sport, self._motors, self._monitor = sport, motors, monitor
        self._events, self._stopped = events, stopped

    def judge(self, now: float, received: float) -> tuple[bytes, str, str | None]:
        """Level, text and key of the state, as ``set_state`` takes them.

        Args:
            now: Time, s.
            received: When the last good state was received, s; -inf before the first.
        """
        if received == -math.inf:
            return DiagnosticStatus.STALE, self._waiting(), None
        age = now - received
        stage = self._motors.stage if self.limits.level == "low" else self._sport.stage
        if age > self.limits.state_timeout:
            done = {"lost": "StopMove is sent", "resting": "joints damped or at rest"}
            fault = f", {self._monitor.fault}" if self._monitor.fault else ""
            what = "no good lowstate" if fault else "no lowstate"
            text = f"{what} for {age:.1f} s{fault}: {done.get(stage, stage)}"
            return DiagnosticStatus.ERROR, text, f"lost, {stage}"
        warning, key = self._warning(now, stage)
        if warning:
            return DiagnosticStatus.WARN, warning, key
        if self._sport.down and not self._motors.taken:
            return DiagnosticStatus.OK, "at rest until ~/stand_up or ~/recover", None
        return DiagnosticStatus.OK, f"running, {stage}", None

    def _warning(self, now: float, stage: str) -> tuple[str, str]:
        """What the user should do or know, and what kind of warning that is; empty if nothing."""
        if self._stopped():
            return self._stopped(), "safety"
        if stage == "braking":
            return (
                "motors brake: call ~/unlock with true to drive them, with false to lock them "
                f"({self._motors.reason})"
            ), "braking"
        warning, key = self._events.warning(now)
        waits_for = self._motors.waits_for(now) if stage == "unlocked" else ""
        if waits_for:
            # What the robot does comes first: a message may be refused a hundred times a second.
            return (f"{waits_for}; {warning}" if warning else waits_for), waits_for
        if warning:
            return warning, key
        return self._monitor.remark(now), "health"

    def _waiting(self) -> str:
        p = self.limits
        where = f" through {p.network_interface}" if p.network_interface else ""
        return f"waiting for lowstate on domain {p.domain}{where}"
