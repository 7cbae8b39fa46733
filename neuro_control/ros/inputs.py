# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Inputs of nodes: when a message is accepted, by its age and its content, and how old a value is.

This is the one home of age checks. ``check_age`` is where a stale message is refused, in
controllers, drivers and perception alike. How old an accepted value has become since is told by
its stamp and by a clock that never goes back (``steady_time``), so that no step of the node's clock
makes an old value look new.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from rclpy.qos import QoSProfile

from neuro_control.ros.messages import NANOSECONDS, SENSOR_QOS, Rejected
from neuro_control.ros.steady_time import SteadyTime

T = TypeVar("T")


def check_age(stamp: int, now: int, limit: float) -> None:
    """Refuse a message by its age.

    Args:
        stamp: Stamp of the message, ns.
        now: Time of the node's clock, ns; 0 while a simulated clock has not been received yet, and
            then every stamp passes.
        limit: Greatest age, and greatest time ahead of the clock, s.

    Raises:
        Rejected: The message is older (``stale``) or stamped further ahead (``future``).
    """
    if now == 0:
        return
    age = (now - stamp) / NANOSECONDS
    if age > limit:
        raise Rejected("stale", f"{age:.3f} s old, the limit is {limit:g} s")
    if age < -limit:
        raise Rejected("future", f"stamped {-age:.3f} s ahead of the clock")


def rejection_reason(error: Exception) -> str:
    """One word for counting why a message was not accepted.

    It is the reason of ``Rejected``, or the type of what a reader raised that did not foresee the
    message: neither message may be acted upon.
    """
    return error.reason if isinstance(error, Rejected) else type(error).__name__


@dataclass
class Input(Generic[T]):
    """A topic that a controller subscribes to.

    Attributes:
        topic: Its relative name.
        message: Its type.
        read: Turns a message into a value, or raises Rejected.
        timeout: Age from which a value is not used, s.
        qos: Its quality of service.
        awaited: An observation is answered once this topic's message of the same stamp (or the one
            that ``Controller.awaits`` asks for) has been received, so that the answer does not
            depend on which message came first. If the next observation comes before it, the safe
            command answers.
        value: Latest accepted value.
        time: Stamp of that value, or the time it was received if its type has no header, ns.
        steady: Time that never goes back, of the node that has the input.
        measured: That time when the value was measured, ns; None before the first.
        received: That time when the latest message was received, accepted or not, ns; None before
            the first.
        received_wall: The same on ``time.perf_counter``, s.
    """

    topic: str
    message: type[Any]
    read: Callable[[Any], T]
    timeout: float
    qos: QoSProfile = field(default_factory=lambda: SENSOR_QOS)
    awaited: bool = False
    value: T | None = None
    time: int = 0
    steady: SteadyTime = field(default_factory=SteadyTime, repr=False)
    measured: int | None = field(default=None, repr=False)
    received: int | None = field(default=None, repr=False)
    received_wall: float | None = field(default=None, repr=False)

    def accept(self, message: Any, stamp: int, now: int) -> T:
        """Checked value of a message that was stamped ``stamp`` and received at ``now`` (ns).

        Raises:
            Rejected: It is too old, too far ahead of the clock, or its content is wrong.
        """
        check_age(stamp, now, self.timeout)
        return self.read(message)

    def keep(self, value: T, stamp: int, now: int, clock_may_lag: bool = False) -> None:
        """Make an accepted value the latest.

        Args:
            value: The value.
            stamp: Its stamp, ns.
            now: Time of the node's clock when it was received, ns.
            clock_may_lag: Whether a stamp ahead of the clock is believed, as that of a simulation
                whose observation overtook its clock; else the value counts as measured when it
                was received.
        """
        self.value, self.time = value, stamp
        # The age that it had when it came, by its stamp; from then on the steady time counts.
        age = now - stamp if now else 0
        self.measured = self.steady.at(now) - (age if clock_may_lag else max(0, age))

    def silence(self, now: int) -> float:
        """Time from the measurement of the latest value to ``now`` (ns), s; inf before the first.

        Messages that were refused don't end the silence.
        """
        if self.measured is None:
            return math.inf
        return (self.steady.at(now) - self.measured) / NANOSECONDS

    def fresh(self, now: int) -> T | None:
        """Latest value unless, by its stamp or by the steady time, it is older than the timeout.

        Args:
            now: Time of the node's clock, ns. A value whose stamp is ahead of it by more than the
                timeout was received before the clock went back, and is not used either.
        """
        if abs(now - self.time) > self.timeout * NANOSECONDS:
            return None
        # Only after a step of the clock does the steady time say more than the stamp does.
        measured = self.measured
        if measured is not None and self.steady.at(now) - measured > self.timeout * NANOSECONDS:
            return None
        return self.value
