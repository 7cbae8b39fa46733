# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Random sequences of messages, calls and times for a controller, judged after each of them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from rclpy.parameter import Parameter

from neuro_control.ros.messages import to_nanoseconds
from tests.bench import MS
from tests.policies import holds, told
from tests.policies.controllers import Subject

NUMBERS = st.lists(st.floats(0.0, 1.0, width=32), min_size=8, max_size=8)
HOUR = 3600 * 10**9
# What no node may accept as one of its parameters at run time.
WRONG = (
    Parameter("input_timeout", value=-1.0),
    Parameter("input_timeout", value=float("nan")),
    Parameter("input_timeout", value="soon"),
    Parameter("input_timeout", value=1e300),
    Parameter("control_period", value=0.5),
    Parameter("autostart", value=False),
)


class ControllerMachine(RuleBasedStateMachine):
    """What a controller does with anything that may come, and when.

    A derived class names the ``subject``, which all sequences share: each begins by enabling the
    node anew, an hour later.
    """

    subject: Subject

    def __init__(self) -> None:
        super().__init__()
        s = self.subject
        self.judged = len(s.commands)
        self.enabled = self.stopped = False
        # Stamps of what must not be answered, and the last good observation and its answer.
        self.passed_over: set[int] = set()
        self.last: tuple[int, Any, Any] | None = None
        # Whether the twin knows what the control law knows.
        self.known = True
        self.count = 0
        self.trail: list[str] = []

    @initialize()
    @told
    def begin_anew(self) -> None:
        s = self.subject
        s.advance(HOUR)
        s.call("emergency_stop", False)
        before = len(s.commands)
        s.call("enable", False)
        s.bench.spin_until(lambda: len(s.commands) > before, what="the safe command")
        # A sequence that failed may have left commands on their way.
        s.bench.spin_for(0.02)
        self.judged = len(s.commands)
        self.enable()
        self.go_on()

    # What holds of every command.

    def judge(self) -> None:
        """Judge the commands that have come since the last time."""
        s = self.subject
        for command in s.commands[self.judged :]:
            holds("C6", np.isfinite(s.numbers(command)).all(), command)
            holds("C7", s.within(command), command)
            if not self.enabled:
                holds("C9" if self.stopped else "C8", s.safe(command), command)
            stamp = to_nanoseconds(command.header.stamp)
            holds("C3", stamp not in self.passed_over, command)
        self.judged = len(s.commands)

    # Observations.

    def go_on(self, statement: str = "C1") -> None:
        """The next good observation, whose answer shows what became of what came before it."""
        self.subject.advance(self.subject.period)
        self.count += 1
        self._observe_now([(0.37 * self.count * k) % 1.0 for k in range(1, 9)], statement)

    @rule(numbers=NUMBERS, periods=st.sampled_from((1.0, 1.0, 1.0, 1.3, 2.0)))
    @told
    def observe(self, numbers: list[float], periods: float) -> None:
        """A good observation: the control law answers, whatever came before it."""
        s = self.subject
        s.advance(round(periods * s.period))
        self._observe_now(numbers)

    def _observe_now(self, numbers: list[float], statement: str = "C1") -> None:
        s = self.subject
        messages = s.observed(s.now, numbers)
        before = len(s.commands)
        s.observe(messages)
        answer = s.answers(s.now, before)[-1]
        if self.enabled and self.known:
            # The watchdog may have answered the silence before it under the same stamp.
            expected = s.expected(s.now, messages)
            holds(
                statement, s.awaited(expected, before),
                f"{s.commands[before:]}\ninstead of\n{expected}",
            )  # fmt: skip
            answer = expected
        self.last = (s.now, messages, answer)
        self.judge()

    @precondition(lambda self: self.last is not None)
    @rule()
    @told
    def repeat(self) -> None:
        """The last observation again."""
        s = self.subject
        assert self.last is not None
        stamp, messages, answer = self.last
        if s.now - stamp > s.timeout:
            return  # by now it is too old
        before = len(s.commands)
        s.observe(messages)
        if self.enabled and self.known:
            holds("C2", s.awaited(answer, before), f"{s.commands[before:]}\ninstead of\n{answer}")
        self.judge()
        self.go_on("C2")

    @precondition(lambda self: self.last is not None)
    @rule(numbers=NUMBERS, late=st.integers(1, 40))
    @told
    def overtaken(self, numbers: list[float], late: int) -> None:
        """An observation from before the last one, within the time that it would be accepted."""
        s = self.subject
        assert self.last is not None
        stamp = self.last[0] - late * MS
        if s.now - stamp > s.timeout or late * MS % s.period == 0:
            return  # too old, or the stamp of one that was answered
        self.passed_over.add(stamp)
        # The joints alone: the rest of the observation would be passed over in its turn.
        s.observe(s.observed(stamp, numbers)[-1:])
        self.judge()
        self.go_on("C3")

    @rule(numbers=NUMBERS, data=st.data())
    @told
    def spoil(self, numbers: list[float], data: st.DataObject) -> None:
        """An observation that can't be read: under its stamp comes the fallback."""
        s = self.subject
        if not s.faults:
            return
        fault = data.draw(st.sampled_from(sorted(s.faults)))
        s.advance(s.period)
        *others, (topic, message) = s.observed(s.now, numbers)
        message = copy.deepcopy(message)
        s.faults[fault](message)
        before = len(s.commands)
        s.observe([*others, (topic, message)])
        for answer in s.answers(s.now, before):
            holds("C4", s.falls_back(answer), f"{fault}: {answer}")
        self.last = None
        self.judge()
        self.go_on("C12")

    @rule(
        numbers=NUMBERS,
        off=st.sampled_from((-HOUR, -30 * 10**9, -(10**9), 10**9, HOUR)),
        just=st.booleans(),
    )
    @told
    def wrong_stamp(self, numbers: list[float], off: int, just: bool) -> None:
        """An observation stamped too old or ahead: the fallback comes, under the node's time."""
        s = self.subject
        s.advance(s.period)
        sign = 1 if off > 0 else -1
        off = sign * (s.timeout + MS) if just else off
        before = len(s.commands)
        s.observe(s.observed(s.now + off, numbers)[-1:])
        for answer in s.answers(s.now, before):
            holds("C5", s.falls_back(answer), answer)
        self.last = None
        self.judge()
        self.go_on("C12")

    @precondition(lambda self: self.last is not None)
    @rule(beyond=st.sampled_from((1.01, 1.5, 3.0, 100.0)))
    @told
    def silence(self, beyond: float) -> None:
        """Nothing comes for longer than ``input_timeout``, or for what is bridged beyond it."""
        s = self.subject
        s.advance(round(beyond * s.silence_timeout) + MS)
        before = len(s.commands)
        for answer in s.answers(s.now, before):
            holds("C11", s.falls_back(answer), answer)
        self.last = None
        self.judge()
        self.go_on("C12")

    @rule(step=st.sampled_from((-5000, -1000, -50, -10, 10, 50, 1000, 5000)))
    @told
    def step_clock(self, step: int) -> None:
        """The clock is set, by ms; after that time and ``input_timeout`` at most it goes on."""
        s = self.subject
        s.advance(step * MS)
        self.last, self.known = None, False
        self.passed_over.clear()
        period = max(s.period, round(0.8 * s.timeout))
        for _ in range(2 + (max(-step, 0) * MS + s.timeout) // period):
            s.advance(period)
            before, steps = len(s.commands), s.steps()
            s.observe(s.observed(s.now, [0.5] * 8))
            self.judge()
        s.answers(s.now, before)
        holds("C15", s.steps() == steps + 1, s.node.diagnostic_values())

    # Set-points and parameters.

    @rule(data=st.data(), good=st.booleans())
    @told
    def set_point(self, data: st.DataObject, good: bool) -> None:
        """A set-point: the twin learns the good ones only, so C1 says whether the node did."""
        s = self.subject
        if good and not self.enabled:
            return
        kinds = s.good_set_points if good else s.bad_set_points
        message = s.make_set_point(data.draw(st.sampled_from(kinds)))
        s.send(s.set_point, message)
        if good:
            s.learn(message)
        self.judge()
        self.go_on("C1" if good else "C13")

    @rule(wrong=st.sampled_from(WRONG))
    @told
    def wrong_parameter(self, wrong: Parameter) -> None:
        """A parameter that is out of range, of another type, or fixed."""
        s = self.subject
        before = s.node.get_parameter(wrong.name).value
        (result,) = s.node.set_parameters([wrong])
        holds("C14", not result.successful, f"{wrong.name} {wrong.value}")
        holds("C14", bool(result.reason), "no reason is given")
        holds("C14", s.node.get_parameter(wrong.name).value == before, wrong.name)
        self.judge()
        self.go_on("C14")

    # Enable and emergency stop.

    @rule()
    @told
    def enable(self) -> None:
        s = self.subject
        answer = s.call("enable", True)
        if self.stopped:
            holds("C10", not answer.success and "emergency_stop" in answer.message, answer)
            return
        holds("C10", answer.success, answer)
        self.judge()
        if not self.enabled:
            s.twin.reset()
            self.last, self.known = None, True
        self.enabled = True
        self.go_on("C17")

    @rule()
    @told
    def bring_back(self) -> None:
        """What the log says: release, then enable."""
        self.release()
        self.enable()

    @rule()
    @told
    def disable(self) -> None:
        self._rest("enable", False)

    @rule()
    @told
    def emergency_stop(self) -> None:
        self.stopped = True
        self._rest("emergency_stop", True)

    def _rest(self, service: str, data: bool) -> None:
        s = self.subject
        before = len(s.commands)
        self.judge()
        self.enabled = False
        last = self.last
        holds("C10", s.call(service, data).success)
        # What the node sent before it was asked may arrive after the answer; the safe command is
        # the end of that.
        safe: list[int] = []
        s.bench.spin_until(
            lambda: safe.extend(
                n for n in range(before, len(s.commands)) if s.safe(s.commands[n])
            ) or safe,
            what=f"the safe command after ~/{service}",
        )  # fmt: skip
        self.judged = safe[0]
        self.judge()
        if last is not None and s.now - last[0] <= s.timeout:
            # What was answered by moving comes again; and the next comes before it is due.
            s.observe(last[1])
            s.advance(s.period // 3)
            s.observe(s.observed(s.now, [0.5] * 8))
        self.last = None
        self.go_on()

    @rule()
    @told
    def release(self) -> None:
        """Releasing the emergency stop alone moves nothing: ``enabled`` stays as it was."""
        holds("C10", self.subject.call("emergency_stop", False).success)
        self.stopped = False
        self.judge()
        self.go_on()

    @precondition(lambda self: not self.enabled)
    @rule(numbers=NUMBERS)
    @told
    def way_back(self, numbers: list[float]) -> None:
        """Disabled, the state names the service that brings the node back."""
        self.subject.advance(self.subject.period)
        self._observe_now(numbers)
        text = self.subject.node.reported_state()[1]
        holds("C16", "~/enable" in text, text)
        holds("C16", not self.stopped or "~/emergency_stop" in text, text)

    def teardown(self) -> None:
        self.judge()
