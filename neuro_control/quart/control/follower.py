# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Following an instruction: from what a policy decides to what the robot is commanded.

An instruction is accepted, then running, and at last done or given up. On the way each decision's
actions are commanded in their time; a policy that is unsure is slowed down; one that says
``terminate``, or that the words are no instruction, ends it. Without an action the robot keeps its
posture and stands: under a bar it must not rise.

A policy answers a picture by one action or by a chunk of them, each for ``POLICY_PERIOD`` from the
time of the picture on. Computing takes time: meanwhile the robot goes on by what was decided before
(Zhao et al., "Learning fine-grained bimanual manipulation", arXiv 2304.13705, and lerobot's policy
server run chunks so).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.actions import NUMBERS, POLICY_PERIOD, TERMINATE
from neuro_control.quart.control.policy import Decision
from neuro_control.quart.control.state import IDLE

Array = NDArray[np.float64]

_VELOCITY = [NUMBERS.index(name) for name in ("forward", "left", "yaw_rate")]


class ActionQueue:
    """The latest chunk of actions, by time.

    Args:
        hold: Time for which the last action of a chunk acts on beyond its own, s.

    Raises:
        ConfigurationError: The time is negative or not finite.
    """

    def __init__(self, hold: float = 0.0) -> None:
        if not 0.0 <= hold < math.inf:
            raise ConfigurationError(f"an action is held for 0 s or more, not {hold:g} s")
        self._hold = hold
        self.clear()

    def clear(self) -> None:
        """Forget all actions."""
        self._actions: Array = np.empty((0, len(NUMBERS)))
        self._begin = -math.inf

    def put(self, begin: float, actions: Array) -> None:
        """Let a chunk replace the one before.

        Args:
            begin: Time from which its first action counts: that of the picture it answers, s.
            actions: Actions, (k, 12).
        """
        self._actions = np.asarray(actions, dtype=np.float64).reshape(-1, len(NUMBERS))
        self._begin = begin

    def at(self, time: float) -> Array | None:
        """Action of a time (s), (12,); None if there is none for it."""
        count = len(self._actions)
        elapsed = time - self._begin
        # Times are sums of periods, which binary fractions don't hold.
        if not count or elapsed > count * POLICY_PERIOD + self._hold + 1e-9:
            return None
        number = math.floor(elapsed / POLICY_PERIOD + 1e-6)
        found: Array = self._actions[min(max(number, 0), count - 1)]
        return found


class Progress(Enum):
    """How far an instruction is."""

    NONE = "waiting for an instruction"
    ACCEPTED = "accepted"
    RUNNING = "running"
    DONE = "done"
    GIVEN_UP = "given up"


@dataclass(frozen=True)
class FollowerSettings:
    """Numbers of following an instruction.

    Attributes:
        hold: Time for which an action acts beyond its own 0.1 s while the next is computed, s;
            then the velocity is zero.
        min_confidence: Confidence of a decision below which the robot slows down, 0 to 1.
        unsure_speed: Its velocity then, as a part of what the policy says.
        time_limit: Time after which an instruction that is not done is given up, s; 0 goes on.
    """

    hold: float = 0.2
    min_confidence: float = 0.35
    unsure_speed: float = 0.5
    time_limit: float = 60.0

    def __post_init__(self) -> None:
        for name in ("min_confidence", "unsure_speed"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigurationError(f"{name} is 0 to 1, not {getattr(self, name):g}")
        if not 0.0 <= self.time_limit < math.inf:
            raise ConfigurationError(f"time_limit is 0 s or more, not {self.time_limit:g} s")


class InstructionFollower:
    """Commands a robot by the decisions about one instruction after another.

    Attributes:
        settings: Its numbers.
        progress: How far the instruction is.
        instruction: The instruction; empty before the first.
        reason: Why it was given up, empty if it was not.
        decision: The latest decision about it, or None.

    Args:
        settings: Its numbers.
    """

    def __init__(self, settings: FollowerSettings | None = None) -> None:
        self.settings = settings or FollowerSettings()
        self.reset()

    def reset(self) -> None:
        """Forget the instruction: the robot stands."""
        self._queue = ActionQueue(self.settings.hold)
        self._posture = IDLE
        self._began: float | None = None
        self.progress = Progress.NONE
        self.instruction = self.reason = ""
        self.decision: Decision | None = None

    def accept(self, instruction: str) -> None:
        """Begin with an instruction; the one before, and all its actions, are forgotten."""
        posture = self._posture
        self.reset()
        self._posture = posture
        self.progress, self.instruction = Progress.ACCEPTED, instruction

    def give_up(self, reason: str) -> None:
        """End the instruction undone."""
        self._queue.clear()
        self.progress, self.reason = Progress.GIVEN_UP, reason

    @property
    def following(self) -> bool:
        """Whether there is an instruction that is neither done nor given up."""
        return self.progress in (Progress.ACCEPTED, Progress.RUNNING)

    @property
    def unsure(self) -> bool:
        """Whether the robot is slowed down because the policy is unsure."""
        decision = self.decision
        return (
            self.following
            and decision is not None
            and decision.confidence < self.settings.min_confidence
        )

    def take(self, decision: Decision, time: float) -> None:
        """Take in what was decided about the instruction.

        Args:
            decision: The decision.
            time: Time of the picture that it answers, s.
        """
        if not self.following:
            return
        self.progress, self.decision = Progress.RUNNING, decision
        if not decision.understood:
            part = decision.part
            named = f": '{part}'" if part and part != self.instruction else ""
            self.give_up(f"the words are no instruction that the policy knows{named}")
        elif decision.action[TERMINATE] > 0.5:
            self._queue.clear()
            self.progress, self._posture = Progress.DONE, IDLE
        else:
            self._queue.put(time, decision.actions)

    def stop(self) -> None:
        """Drop all actions, as when the picture shows nothing; the instruction goes on."""
        self._queue.clear()

    def action(self, time: float) -> Array:
        """Action that is commanded at a time (s), (12,)."""
        limit = self.settings.time_limit
        if self.following and self._began is None:
            self._began = time
        if self.following and limit and self._began is not None and time - self._began > limit:
            self.give_up(f"it was not done within {limit:g} s")
        found = self._queue.at(time) if self.following else None
        if found is None:
            action = self._posture.copy()
            action[_VELOCITY] = 0.0
            return action
        self._posture = found
        action = found.copy()
        if self.unsure:
            action[_VELOCITY] *= self.settings.unsure_speed
        return action
