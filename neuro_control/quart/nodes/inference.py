# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A policy in a thread of its own: the robot is commanded on while the next decision is computed.

Only this thread touches the policy. It is asked about one picture at a time; pictures that come
while it computes are left out, but for the newest.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.actions import POLICY_PERIOD
from neuro_control.quart.control.policy import Decision, Policy
from neuro_control.quart.control.state import RobotState

Image = NDArray[np.uint8]


class InstructionError(ConfigurationError):
    """The policy can't take the instruction; it would follow the one before."""


class Answer(NamedTuple):
    """What came of a question.

    Attributes:
        stamp: Time of the picture, ns.
        decision: What the policy decided; None if it could not.
        error: Why it could not.
        seconds: Time that it took, s.
        attention: Where the policy looked, (height, width), if that was asked for and it tells.
    """

    stamp: int
    decision: Decision | None
    error: Exception | None
    seconds: float
    attention: NDArray[np.float64] | None = None


class Inference:
    """Asks a policy in a thread of its own.

    Args:
        policy: The policy.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._thread = ThreadPoolExecutor(1, "inference")
        self._asked: Future[Answer] | None = None
        self._instruction: tuple[str, bool] | None = None
        self._last: int | None = None  # stamp of the picture before, ns

    @property
    def busy(self) -> bool:
        """Whether a question has not been answered, or its answer not been taken."""
        return self._asked is not None

    def begin(self, instruction: str, *, search: bool = False) -> None:
        """Begin with an instruction; what is being computed about another is dropped.

        Args:
            instruction: The instruction.
            search: Whether the robot may have to look around for its target, as ``Policy.reset``
                has it.
        """
        self._instruction, self._last, self._asked = (instruction, search), None, None

    def forget(self) -> None:
        """Drop what is being computed."""
        self._asked = None

    def ask(
        self, look: Callable[[], Image], stamp: int, state: RobotState, *, attend: bool = False
    ) -> None:
        """Ask for a decision.

        Args:
            look: Gives the picture, (height, width, 3); called in the policy's thread, since to
                decode a large one takes long.
            stamp: Time of the picture, ns.
            state: State of the robot at that time.
            attend: Whether to tell where the policy looked.
        """
        instruction, self._instruction = self._instruction, None
        since = POLICY_PERIOD if self._last is None else (stamp - self._last) * 1e-9
        self._last = stamp
        self._asked = self._thread.submit(
            self._decide, instruction, look, stamp, state, min(max(since, 0.0), 1.0), attend
        )

    def _decide(
        self,
        instruction: tuple[str, bool] | None,
        look: Callable[[], Image],
        stamp: int,
        state: RobotState,
        since: float,
        attend: bool,
    ) -> Answer:
        begin = time.perf_counter()
        decision, error, attention = None, None, None
        try:
            if instruction is not None:
                self._begin(*instruction)
            decision = self.policy.act(look(), state, since)
            attention = self.policy.attention() if attend else None
        except Exception as raised:
            # Whatever a picture makes it stumble over, the next is answered.
            error = raised
        return Answer(stamp, decision, error, time.perf_counter() - begin, attention)

    def _begin(self, instruction: str, search: bool) -> None:
        try:
            self.policy.reset(instruction, search=search)
        except ConfigurationError as error:
            raise InstructionError(str(error)) from error

    def answer(self, wait: float = 0.0) -> Answer | None:
        """The answer to the last question, once; None if it is not there.

        Args:
            wait: Wall time for which to wait for it, s.

        Raises:
            TimeoutError: It did not come within that time.
        """
        asked = self._asked
        if asked is None or (not wait and not asked.done()):
            return None
        found = asked.result(wait or None)
        self._asked = None
        return found

    def close(self) -> None:
        """End the thread, once it has computed what it was asked."""
        self._thread.shutdown()
