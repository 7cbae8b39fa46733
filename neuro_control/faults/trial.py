# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""One trial: a node that works, a fault at a random instant, and what the oracles say of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
from lifecycle_msgs.srv import ChangeState
from std_srvs.srv import SetBool, Trigger

from neuro_control.faults.fault import Fault
from neuro_control.faults.harness import Harness
from neuro_control.faults.node_faults import NODE_FAULTS
from neuro_control.faults.numbers import not_finite
from neuro_control.faults.stream_faults import STREAM_FAULTS
from neuro_control.faults.subject import Output, Received, Subject
from neuro_control.faults.weight_faults import WEIGHT_FAULTS
from neuro_control.ros.messages import NANOSECONDS

FAULTS: dict[str, type[Fault]] = {**STREAM_FAULTS, **NODE_FAULTS, **WEIGHT_FAULTS}

# Wall time within which a node works, or has said something more, s.
_START = 60.0
# Wall time within which a node moves its robot again once the fault is over, s.
_RECOVER = 6.0
# Time that a safe command may take beyond the timeout: the node's own period, and a timer's, s.
_SLACK = 0.05
# Most that a machine which runs others adds to it, s: beyond that a trial says nothing.
_MOST_DELAY = 0.5
# Wall time between two reports of a node, with some slack, s.
_REPORT = 1.5


@dataclass(frozen=True)
class Outcome:
    """What the oracles say of a trial.

    Attributes:
        alive: Whether the process lived, without a traceback.
        finite: Whether every number of its output was finite.
        within_limits: Whether its output kept the limits.
        rate_kept: Whether it published no more than is plausible.
        safe_in_time: Whether it was safe within the time that is declared, if it had to be.
        reason_given: Whether its diagnostics said that something was wrong, if it had to be safe.
        recovered: Whether the robot moved again in the end.
        recovered_by: Who did that: itself, a service by its name, or a restart.
        time_to_safe_ms: Time from the last good message to the first safe command after which none
            was unsafe, ms.
        delayed_ms: Longest time for which the machine ran others in the place of one of the node's
            threads, ms: by so much more it may be late.
        time_to_recover_ms: Time from the fault's end to a command that moves the robot, ms.
        detail: What was found wrong, or what the node said.
    """

    alive: bool
    finite: bool
    within_limits: bool
    rate_kept: bool
    safe_in_time: bool
    reason_given: bool
    recovered: bool
    recovered_by: str
    time_to_safe_ms: float | None
    delayed_ms: float
    time_to_recover_ms: float | None
    detail: str

    @property
    def failed(self) -> list[str]:
        """Names of the oracles that do not hold."""
        return [name for name, value in asdict(self).items() if value is False]


def perform(harness: Harness, fault: Fault, pause: float) -> Outcome:
    """Let a fault happen to a node that works.

    Args:
        harness: Drives the node.
        fault: What happens.
        pause: Time of good streams before it, s.
    """
    log = None
    while not harness.wait_until_it_moves(_START):
        # A node that compiles its control law for the first time says every few seconds how far.
        if harness.child.log() == log or not harness.child.alive:
            return _never_worked(harness)
        log = harness.child.log()
    fault.prepare(harness)
    harness.run(pause)
    harness.forget()
    counts, before = dict(harness.counts), harness.child.waited()
    began = time.time_ns()
    last = harness.streams.sent.get(fault.target.topic, began)
    fault.start(harness)
    harness.run(fault.seconds, fault=fault)
    harness.listen()
    ended = time.time_ns()
    during, reports = list(harness.received), list(harness.reports)
    delays = [each - before.get(name, 0.0) for name, each in harness.child.waited().items()]
    delay = max(delays, default=0.0)
    lived = (harness.child.alive or fault.may_end) and "Traceback" not in harness.child.log()
    fault.end(harness)
    recovered_by, recovery, after = _recover(harness, fault.recovered_by)
    given = bool(reports) or fault.reason(harness)
    if not given and fault.needs_reason:
        # A state that comes and goes within a second is in the next report's counts only.
        harness.run(_REPORT, lambda: harness.counts != counts)
    return _judge(
        harness.subject,
        fault,
        Account(during, after, reports, began if fault.whole_node else last, ended, delay),
        lived=lived,
        reason=given or harness.counts != counts,
        recovered_by=recovered_by,
        recovery=recovery,
    )


def _never_worked(harness: Harness) -> Outcome:
    lines = harness.child.log().strip().splitlines() or ["it said nothing"]
    said = harness.reports[-1] if harness.reports else lines[-1]
    return Outcome(
        *(harness.child.alive, True, True, True, True, True, False, "nobody", None, 0.0, None),
        f"it did not work before the fault: {said}",
    )


def _recover(harness: Harness, asked_first: str) -> tuple[str, float | None, list[Received]]:
    """Who brought the robot back, in which time, s, and what was said meanwhile."""
    begin = time.monotonic()
    said: list[Received] = []

    def moves(seconds: float) -> bool:
        found = harness.wait_until_it_moves(seconds)
        said.extend(harness.received)
        return found

    if harness.child.alive:
        if not asked_first and moves(_RECOVER):
            return "itself", time.monotonic() - begin, said
        for name, call in _services(harness):
            if asked_first in ("", name):
                call()
                if moves(_RECOVER):
                    return name, time.monotonic() - begin, said
    harness.restart()
    if moves(_START):
        return "restart", time.monotonic() - begin, said
    return "nobody", None, said


def _services(harness: Harness) -> list[tuple[str, Callable[[], object]]]:
    """What an operator may call, by name, mildest first."""
    found: list[tuple[str, Callable[[], object]]] = []

    def enable() -> None:
        harness.call(SetBool, "emergency_stop", SetBool.Request(data=False))
        harness.call(SetBool, "enable", SetBool.Request(data=True))

    def lifecycle() -> None:
        # Deactivate, clean up, configure, activate: what is not possible is refused.
        for number in (4, 2, 1, 3):
            request = ChangeState.Request()
            request.transition.id = number
            harness.call(ChangeState, "change_state", request, seconds=30.0)

    if "enable" in harness.subject.services:
        found.append(("~/enable", enable))
    found.extend(
        (f"~/{name}", partial(harness.call, Trigger, name, Trigger.Request()))
        for name in harness.subject.services
        if name != "enable"
    )
    if harness.subject.managed:
        found.append(("lifecycle", lifecycle))
    return found


@dataclass(frozen=True)
class Account:
    """What was taken down of a trial.

    Attributes:
        during: What the node's output said while the fault lasted.
        after: What it said from then until the robot moved again.
        reports: Texts of its diagnostics during the fault that were no good news.
        zero: When the last good message was sent, ns.
        ended: When the fault ended, ns.
        delay: Time in between for which the machine ran others in the node's place, s.
    """

    during: list[Received]
    after: list[Received]
    reports: list[str]
    zero: int
    ended: int
    delay: float


def _judge(
    subject: Subject,
    fault: Fault,
    account: Account,
    *,
    lived: bool,
    reason: bool,
    recovered_by: str,
    recovery: float | None,
) -> Outcome:
    output = subject.output
    said = [each.message for each in [*account.during, *account.after]]
    wrong = [path for message in said if (path := not_finite(message, output.fields))]
    beyond = [text for message in said if (text := output.trouble(message))]
    seconds = max((account.ended - account.zero) / NANOSECONDS, 0.1)
    rate = len(account.during) / seconds
    plausible = rate <= 1.5 * output.most + 5 / seconds or not fault.counts_messages
    safe, spent = True, None
    if fault.demands_safety and fault.target.timeout is not None:
        spent = _time_to_safe(output, account)
        safe = spent is not None and spent <= fault.target.timeout + _SLACK + min(
            account.delay, _MOST_DELAY
        )
    found = [
        *([] if lived else ["it ended, or raised"]),
        *(f"{path} is not finite" for path in wrong[:1]),
        *beyond[:1],
        *([] if plausible else [f"{rate:.0f} messages a second"]),
        *([] if safe else ["not safe in time"]),
    ]
    return Outcome(
        alive=lived,
        finite=not wrong,
        within_limits=not beyond,
        rate_kept=plausible,
        safe_in_time=safe,
        reason_given=reason or not fault.needs_reason,
        recovered=recovered_by != "nobody",
        recovered_by=recovered_by,
        time_to_safe_ms=None if spent is None else 1e3 * spent,
        delayed_ms=1e3 * account.delay,
        time_to_recover_ms=None if recovery is None else 1e3 * recovery,
        detail="; ".join(found) or (account.reports[-1] if account.reports else ""),
    )


def _time_to_safe(output: Output, account: Account) -> float | None:
    """Time to the first safe command after which none was unsafe, s; None if there was none."""
    last_unsafe = max(
        (each.time for each in account.during if not output.safe(each)),
        default=account.zero,
    )
    reached = next((each.time for each in account.during if each.time > last_unsafe), None)
    if reached is None:
        if not output.silence_is_safe:
            return None
        reached = last_unsafe
    return max((reached - account.zero) / NANOSECONDS, 0.0)


def draw(subject: Subject, kind: type[Fault], seed: int) -> tuple[Fault, float]:
    """The fault of a seed, and the time before it, s."""
    rng = np.random.default_rng(seed)
    if kind.whole_node:
        target = subject.streams[0]
    else:
        streams = [each for each in subject.streams if not kind.unfit(each)]
        target = streams[seed % len(streams)]
    return kind(subject, target, rng), float(rng.uniform(0.1, 0.6))
