# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Hands messages from node to node of one process, without serialising them.

A message between two nodes of one process takes the middleware some 50 µs: it is serialised, sent,
received, and deserialised. Where all subscriptions of a publisher are in its own process, the bus
of that process hands them the message object itself instead. The subscriptions' callbacks are
those that the executor would call, in the order in which the messages were published.

The topics stay. Every publisher and subscription exists for the middleware as well, so that others
find them, and what others publish arrives through the executor as ever. As soon as somebody outside
subscribes to a topic that is handed over, all topics go through the middleware again until they
have gone: nobody gets a message twice, and none overtakes another. (With `/clock` alone on the
slower way, observations would come from the future.)

Quality of service counts as far as it matters within a process: publisher and subscription must be
compatible, a subscription keeps its ``depth`` latest messages, and a publisher that keeps messages
for latecomers (transient local) publishes through the middleware always.

A message that has been published is its subscribers', too: neither side may alter it afterwards.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

from rclpy.executors import Executor
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSCompatibility, qos_check_compatible
from rclpy.serialization import deserialize_message, serialize_message
from rclpy.subscription import Subscription

# Wall time between two looks at who subscribes from outside, and at what the executor has, s.
_LOOK = 0.01


@dataclass(eq=False)
class _Inbox:
    """A subscription of this process and the messages that it has yet to receive."""

    subscription: Subscription
    messages: deque[Any] = field(init=False)

    def __post_init__(self) -> None:
        qos = self.subscription.qos_profile
        kept = None if qos.history == HistoryPolicy.KEEP_ALL else max(1, qos.depth)
        self.messages = deque(maxlen=kept)


class Bus:
    """The topics of one process: which subscriptions its publishers have there, and what waits."""

    def __init__(self) -> None:
        self._inboxes: dict[str, list[_Inbox]] = {}
        self._publishers: list[HandingPublisher] = []
        # One entry for each message handed over, in the order of publishing.
        self._waiting: deque[_Inbox] = deque()

    def add_subscription(self, subscription: Subscription) -> None:
        """Let the publishers of this process hand their messages to ``subscription``."""
        self._inboxes.setdefault(subscription.topic_name, []).append(_Inbox(subscription))
        self._reconnect()

    def remove_subscription(self, subscription: Subscription) -> None:
        """Hand nothing more to ``subscription``."""
        for inboxes in self._inboxes.values():
            for inbox in [i for i in inboxes if i.subscription is subscription]:
                inboxes.remove(inbox)
                inbox.messages.clear()
        self._reconnect()

    def add_publisher(self, publisher: HandingPublisher) -> None:
        """Let ``publisher`` hand over what it publishes."""
        self._publishers.append(publisher)
        self._reconnect()

    def remove_publisher(self, publisher: HandingPublisher) -> None:
        """Forget a publisher that is being destroyed."""
        self._publishers = [each for each in self._publishers if each is not publisher]

    def _reconnect(self) -> None:
        for publisher in self._publishers:
            publisher.connect(self._inboxes.get(publisher.topic_name, []))
        self._look()

    def _look(self) -> None:
        """Find out whether somebody outside subscribes; then nothing is handed over."""
        outside = [publisher.look() for publisher in self._publishers]
        for publisher in self._publishers:
            publisher.hand_over(not any(outside))

    def put(self, inboxes: Iterable[_Inbox], message: Any) -> None:
        """Let ``message`` wait for each of ``inboxes``; beyond its depth, the oldest is dropped."""
        for inbox in inboxes:
            inbox.messages.append(message)
            self._waiting.append(inbox)

    def deliver(self, until: float) -> None:
        """Call the subscriptions' callbacks until nothing waits, or to ``until`` (perf_counter)."""
        waiting = self._waiting
        while waiting:
            inbox = waiting.popleft()
            if inbox.messages:
                inbox.subscription.callback(inbox.messages.popleft())
            if time.perf_counter() > until:
                return

    def turn(self, executor: Executor, poll: float) -> None:
        """Deliver messages, then run the executor's callbacks that are ready.

        While messages are handed to and fro, the caller and the executor, with its services, timers
        and messages from outside, get their turn every few ms.

        Args:
            executor: Has the nodes of this process.
            poll: Wall time, s, to wait for a callback where nothing happens.
        """
        self.deliver(time.perf_counter() + _LOOK)
        self._look()
        if self._waiting:
            _run_pending(executor)
        else:
            executor.spin_once(timeout_sec=poll)


def _run_pending(executor: Executor) -> None:
    """Run the callbacks that are ready, and wait for none.

    An events executor runs them in their order, one at a time. So all that was ready has run when
    a task has that was added last; ``spin_once`` with a time-out of 0 takes ten times as long.
    """
    done: list[bool] = []
    executor.create_task(lambda: done.append(True))
    while not done:
        executor.spin_once(timeout_sec=_LOOK)


class HandingPublisher(Publisher):  # type: ignore[misc]  # rclpy is untyped
    """A publisher that hands its messages over where all its subscriptions are in this process."""

    _bus: Bus | None = None
    _inboxes: tuple[_Inbox, ...] = ()
    _handing = False
    _count = 0

    def join(self, bus: Bus) -> None:
        """Hand over by ``bus``."""
        self._bus = bus
        self._copies = not _is_exact(self.msg_type)
        bus.add_publisher(self)

    def connect(self, inboxes: list[_Inbox]) -> None:
        """Know the inboxes of the topic."""
        qos = self.qos_profile
        self._inboxes = tuple(
            inbox
            for inbox in inboxes
            if qos_check_compatible(qos, inbox.subscription.qos_profile)[0]
            != QoSCompatibility.ERROR
            and qos.durability != DurabilityPolicy.TRANSIENT_LOCAL
        )

    def look(self) -> bool:
        """Whether a topic that could be handed over has subscriptions outside this process."""
        own = len(self._inboxes)
        self._count = max(own, super().get_subscription_count())
        return self._count > own > 0

    def hand_over(self, wanted: bool) -> None:
        """From now on hand messages over where there is somebody to take them, or publish them."""
        self._handing = wanted and bool(self._inboxes)

    def get_subscription_count(self) -> int:
        """How many subscriptions the publisher has, as of a few ms ago."""
        return self._count if self._bus is not None else super().get_subscription_count()

    def publish(self, msg: Any) -> None:
        """Publish a message, which must not be altered afterwards."""
        if not self._handing:
            super().publish(msg)
            return
        assert self._bus is not None
        self._bus.put(self._inboxes, _copy(msg) if self._copies else msg)

    def destroy(self) -> None:
        """Destroy the publisher, as ``Node.destroy_publisher`` does."""
        if self._bus is not None:
            self._bus.remove_publisher(self)
        super().destroy()


def _copy(message: Any) -> Any:
    """``message`` as the middleware would deliver it."""
    return deserialize_message(serialize_message(message), type(message))


@cache
def _is_exact(message_type: type[Any]) -> bool:
    """Whether a message's numbers are in Python what they are on the way: not 32-bit floats."""
    for kind in message_type.get_fields_and_field_types().values():
        item = re.sub(r"^sequence<|[,>\[].*$", "", kind)
        package, slash, name = item.partition("/")
        if item == "float":
            return False
        if slash and not _is_exact(getattr(import_module(f"{package}.msg"), name)):
            return False
    return True


_current: Bus | None = None


@contextlib.contextmanager
def handing_over() -> Iterator[Bus]:
    """Nodes made in this block hand messages to one another by the bus that it gives."""
    global _current
    before, _current = _current, Bus()
    try:
        yield _current
    finally:
        _current = before


class HandingOver(Node):  # type: ignore[misc]  # rclpy is untyped
    """Base of a node that hands messages to the others of its process, within ``handing_over``."""

    def create_publisher(self, *args: Any, **kwargs: Any) -> Any:
        """As rclpy has it."""
        if _current is None or "publisher_class" in kwargs:
            return super().create_publisher(*args, **kwargs)
        publisher = super().create_publisher(*args, publisher_class=HandingPublisher, **kwargs)
        publisher.join(_current)
        return publisher

    def create_subscription(self, *args: Any, **kwargs: Any) -> Subscription:
        """As rclpy has it."""
        subscription = super().create_subscription(*args, **kwargs)
        # What wants to know how a message came gets it from the middleware.
        plain = subscription._callback_type == Subscription.CallbackType.MessageOnly
        if _current is not None and plain and not subscription.raw:
            _current.add_subscription(subscription)
        return subscription

    def destroy_subscription(self, subscription: Subscription) -> bool:
        """As rclpy has it."""
        if _current is not None:
            _current.remove_subscription(subscription)
        return bool(super().destroy_subscription(subscription))
