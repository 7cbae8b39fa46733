# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Base of the faults of the matrix."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import numpy as np

from neuro_control.faults.harness import Harness
from neuro_control.faults.subject import Stream, Subject

# How long a fault lasts beyond the time within which the node is to be safe, s.
_BEYOND = 0.4


class Fault:
    """A fault that happens to a node for a while; one object for each trial.

    Args:
        subject: The node.
        target: The stream that is hit.
        rng: Draws what is random in it.

    Attributes:
        demands_safety: Whether the node must be safe within the stream's timeout; otherwise it may
            go on, as long as what it says is finite and within limits.
        demands_reason: Whether a node that the fault makes safe must say why.
        may_end: Whether the node's process may end.
        counts_messages: Whether more output than is plausible is a fault of the node.
        simulated: Whether the node must live by a simulated clock.
        recovered_by: Who is asked first to bring the node back; empty for nobody but itself.
        whole_node: Whether it happens to the node rather than to one of its streams.
    """

    demands_safety: ClassVar[bool] = True
    demands_reason: ClassVar[bool] = True
    may_end: ClassVar[bool] = False
    counts_messages: ClassVar[bool] = True
    simulated: ClassVar[bool] = False
    recovered_by: ClassVar[str] = ""
    whole_node: ClassVar[bool] = False

    def __init__(self, subject: Subject, target: Stream, rng: np.random.Generator) -> None:
        self.subject, self.target, self.rng = subject, target, rng
        self._began = time.monotonic()

    @classmethod
    def unfit(cls, stream: Stream) -> str:  # noqa: ARG003
        """Why it can't happen to a stream; empty if it can."""
        return ""

    @classmethod
    def unfit_for(cls, subject: Subject) -> str:
        """Why it can't happen to a node; empty if it can."""
        if cls.whole_node:
            return ""
        reasons = [cls.unfit(stream) for stream in subject.streams]
        return reasons[0] if all(reasons) else ""

    @property
    def needs_reason(self) -> bool:
        """Whether the node must say what is wrong with the stream that is hit."""
        return self.demands_reason and self.target.timeout is not None

    @property
    def seconds(self) -> float:
        """How long it lasts, s."""
        shortest = self.subject.shortest if self.needs_reason else 0.0
        return max((self.target.timeout or 0.0) + _BEYOND, shortest)

    def elapsed(self) -> float:
        """Time since it began, s."""
        return time.monotonic() - self._began

    def prepare(self, harness: Harness) -> None:
        """Make what the fault needs, before the node's last good moments."""

    def start(self, harness: Harness) -> None:
        """Begin now."""
        self._began = time.monotonic()
        self.begin(harness)

    def begin(self, harness: Harness) -> None:
        """Do what is to be done once at the beginning."""

    def alter(self, stream: Stream, message: Any) -> list[Any]:
        """Messages that are sent in place of ``message``."""
        return [message]

    def act(self, harness: Harness) -> None:
        """Do what is to be done beside the streams; called at every look."""

    def end(self, harness: Harness) -> None:
        """Undo what the fault has done."""

    def reason(self, harness: Harness) -> bool:
        """Whether the node gave a reason in another way than by its diagnostics."""
        return False


class Tolerated(Fault):
    """Base of faults with which a node may go on, or be safe, as it likes."""

    demands_safety = False
    demands_reason = False
