# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A sink in a process of its own, so that what it takes long for does not hold up the robot.

The run writes frames into the pipe; the process reads them from its standard input, hands them to
its sink, and ends when the pipe does, however the run ended:

    python -m neuro_control.bags.pipe module:Class '{"argument": 1}'
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any, BinaryIO, cast

from neuro_control.bags.sinks import Sink, Topic
from neuro_control.errors import ConfigurationError

# Arguments of a process that lets others go first, and of one that stays when all was said.
_LATER, _STAY = "later", "stay"
# Number of a topic, time (ns) and length of what follows; a new number declares its topic.
_HEAD = struct.Struct("<HqI")
# Most bytes that may wait where frames may be dropped: a second of many cameras.
_LIMIT = 64 * 2**20


class SinkProcess:
    """A sink of another process.

    Frames wait in memory while the process is busy.

    Args:
        sink: ``module:Class`` of the sink.
        arguments: Its keyword arguments, as JSON can hold them.
        drop: Whether messages are dropped once 64 MiB of them wait; otherwise they all wait.
        later: Whether the sink gets a core only where the robot leaves one.
        stay: Whether the sink stays open when all was sent, until ``end``.

    Attributes:
        dropped: Number of messages that were dropped.
    """

    def __init__(
        self,
        sink: str,
        arguments: dict[str, Any],
        *,
        drop: bool,
        later: bool = False,
        stay: bool = False,
    ) -> None:
        self.dropped = 0
        self._drop, self._stay = drop, stay
        self._waiting: deque[memoryview] = deque()
        self._size = 0
        self._numbers: dict[str, int] = {}
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "neuro_control.bags.pipe"),
                *(sink, json.dumps(arguments), *[_LATER] * later, *[_STAY] * stay),
            ],
            stdin=subprocess.PIPE,
            # Ctrl-C on the terminal is for the run, which then closes the pipe.
            start_new_session=True,
        )
        self._stdin = cast("BinaryIO", self._process.stdin)
        self._pipe = self._stdin.fileno()
        os.set_blocking(self._pipe, False)

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def open_topic(self, topic: Topic) -> None:
        """Declare a topic; ``Sink`` has the arguments."""
        self._numbers[topic.name] = len(self._numbers)
        self._put(self._numbers[topic.name], 0, json.dumps(topic._asdict()).encode())

    def write(self, name: str, nanoseconds: int, data: bytes) -> None:
        """Send a message, or drop it where that is allowed and too much waits already."""
        if self._drop and self._size > _LIMIT:
            self.dropped += 1
            return
        self._put(self._numbers[name], nanoseconds, data)

    def _put(self, number: int, nanoseconds: int, data: bytes) -> None:
        frame = _HEAD.pack(number, nanoseconds, len(data)) + data
        self._waiting.append(memoryview(frame))
        self._size += len(frame)

    def send(self) -> None:
        """Write into the pipe what it takes now, without waiting for anything.

        Raises:
            ConfigurationError: The process has ended.
        """
        while self._waiting:
            frame = self._waiting[0]
            try:
                written = os.write(self._pipe, frame)
            except BlockingIOError:
                return
            except BrokenPipeError as error:
                raise ConfigurationError(self._why()) from error
            self._size -= written
            if written < len(frame):
                self._waiting[0] = frame[written:]
            else:
                self._waiting.popleft()

    def close(self) -> None:
        """Send the rest, and wait until the sink has closed, unless it stays.

        Raises:
            ConfigurationError: The sink failed; its own message is on standard error.
        """
        os.set_blocking(self._pipe, True)
        try:
            self.send()
        except ConfigurationError:
            self._waiting.clear()
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()
        if not self._stay and self._process.wait():
            raise ConfigurationError(self._why())

    def end(self) -> None:
        """Close a sink that has stayed."""
        self._process.terminate()
        self._process.wait()

    def _why(self) -> str:
        return "what takes the run's messages ended early; its own message is above"


def read_frames(stream: BinaryIO, sink: Sink) -> None:
    """Hand all frames of a stream to a sink, until the stream ends."""
    topics: dict[int, str] = {}
    while len(head := stream.read(_HEAD.size)) == _HEAD.size:
        number, nanoseconds, size = _HEAD.unpack(head)
        data = stream.read(size)
        if len(data) < size:
            return  # the run was killed within a frame
        if number in topics:
            sink.write(topics[number], nanoseconds, data)
        else:
            topic = Topic(**json.loads(data))
            topics[number] = topic.name
            sink.open_topic(topic)


def _go_later() -> None:
    """Let every other process have a core first."""
    os.nice(10)
    # A session is a group of its own for Linux's scheduler, within which alone nice acts.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text("10")


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ended, parent = threading.Event(), os.getppid()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    if _LATER in sys.argv[3:]:
        _go_later()
    module, _, name = sys.argv[1].partition(":")
    try:
        sink: Sink = getattr(importlib.import_module(module), name)(**json.loads(sys.argv[2]))
        try:
            read_frames(sys.stdin.buffer, sink)
            # A run that is killed takes its view along.
            while _STAY in sys.argv[3:] and os.getppid() == parent and not ended.wait(0.5):
                pass
        finally:
            sink.close()
    except (ConfigurationError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    _main()
