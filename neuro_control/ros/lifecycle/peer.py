# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A node with a lifecycle, as its lifecycle manager sees it through its services."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.node import Node

_WORDS = {
    Transition.TRANSITION_CONFIGURE: "configure",
    Transition.TRANSITION_ACTIVATE: "activate",
    Transition.TRANSITION_DEACTIVATE: "deactivate",
}
_AFTER = {
    Transition.TRANSITION_CONFIGURE: (State.PRIMARY_STATE_INACTIVE, "inactive"),
    Transition.TRANSITION_ACTIVATE: (State.PRIMARY_STATE_ACTIVE, "active"),
    Transition.TRANSITION_DEACTIVATE: (State.PRIMARY_STATE_INACTIVE, "inactive"),
}
# Wall time after which a question without an answer is asked again, s: whom it was put to may have
# ended, and a new process of the same name knows nothing of it.
_ASK_AGAIN = 1.0


@dataclass
class _Request:
    """A request that has been sent: its future, what for, and when on ``time.monotonic``, s."""

    future: Any
    since: float
    transition: int = 0


class ManagedPeer:
    """A node with a lifecycle: its state, whether it answers, and the transition under way.

    Args:
        node: Asks it.
        name: Its name in the namespace of ``node``.

    Attributes:
        name: Its name.
        state: The latest answer, of ``lifecycle_msgs/msg/State``; 0 while it is not known.
        label: The same in a word.
        failed: The transition that it could not make, in a word, or empty.
        begun_anew: Whether it was seen to start again as another process.
    """

    def __init__(self, node: Node, name: str) -> None:
        self.name = name
        self.state, self.label = State.PRIMARY_STATE_UNKNOWN, "unknown"
        self.failed = ""
        self.begun_anew = False
        self._get_state = node.create_client(GetState, f"{name}/get_state")
        self._change_state = node.create_client(ChangeState, f"{name}/change_state")
        self._asked: _Request | None = None
        self._told: _Request | None = None
        self._answered = time.monotonic()
        self._overtaken = 0

    @property
    def changing(self) -> str:
        """The transition that it has been told to make and has not answered, or empty."""
        return "" if self._told is None else _WORDS[self._told.transition]

    @property
    def known(self) -> bool:
        """Whether its state is known."""
        return bool(self.state != State.PRIMARY_STATE_UNKNOWN)

    def forgive(self) -> None:
        """Forget that it has failed or begun anew: it is tried again."""
        self.failed, self.begun_anew = "", False

    def change(self, transition: int) -> None:
        """Tell it to make a transition, of ``lifecycle_msgs/msg/Transition``."""
        request = ChangeState.Request(transition=Transition(id=transition))
        future = self._change_state.call_async(request)
        self._told = _Request(future, time.monotonic(), transition)
        self._overtaken = 0

    def ask(self, node_timeout: float, transition_timeout: float) -> None:
        """Take down what it has answered, and ask for its state again.

        Args:
            node_timeout: Time without an answer after which its state is not known, s.
            transition_timeout: The same while it configures or activates, s.
        """
        now = time.monotonic()
        self._take_down_change(now)
        self._take_down_state(now)
        if self._asked is None and self._get_state.service_is_ready():
            self._asked = _Request(self._get_state.call_async(GetState.Request()), now)
        told = self._told
        long = told is not None and told.transition != Transition.TRANSITION_DEACTIVATE
        if now - self._answered > (transition_timeout if long else node_timeout):
            self._drop_change()
            if self.known:
                self.state, self.label = State.PRIMARY_STATE_UNKNOWN, "lost"

    def _take_down_change(self, now: float) -> None:
        told = self._told
        if told is None:
            return
        if told.future.done():
            if told.future.result().success:
                self.state, self.label = _AFTER[told.transition]
            else:
                self.failed = _WORDS[told.transition]
            self._told, self._answered = None, now
            self._drop_question()  # its answer may be of the time before
        elif self._overtaken > 1:
            # Who answers meanwhile is another process of that name.
            self._drop_change()
            self.begun_anew = True

    def _take_down_state(self, now: float) -> None:
        asked = self._asked
        if asked is None:
            return
        if not asked.future.done():
            if now - asked.since > _ASK_AGAIN:
                self._drop_question()
            return
        answer = asked.future.result().current_state
        if self._told is not None:
            # A node answers in turn: not a question that was put after the request for a change.
            self._overtaken += asked.since > self._told.since
        elif self.state == State.PRIMARY_STATE_ACTIVE:
            # Whoever cleans it up by hand deactivates it before, which is seen.
            self.begun_anew |= answer.id == State.PRIMARY_STATE_UNCONFIGURED
        self.state, self.label = answer.id, answer.label
        self._asked, self._answered = None, now

    def _drop_question(self) -> None:
        if self._asked is not None:
            self._get_state.remove_pending_request(self._asked.future)
            self._asked = None

    def _drop_change(self) -> None:
        if self._told is not None:
            self._change_state.remove_pending_request(self._told.future)
            self._told = None
