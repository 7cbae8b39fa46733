# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reads a recording of any maker, MCAP or SQLite, by rosbags."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rclpy.serialization import deserialize_message

from neuro_control.bags.message_types import find_type
from neuro_control.bags.sinks import RUN_TOPIC
from neuro_control.errors import ConfigurationError
from neuro_control.yaml_text import read_yaml


class Recorded(NamedTuple):
    """A recorded message.

    Attributes:
        topic: Name of its topic.
        nanoseconds: When it was received, ns.
        data: The message, serialised.
    """

    topic: str
    nanoseconds: int
    data: bytes


class Bag:
    """A recording.

    Args:
        path: Folder of a bag, or a file that ends in .mcap or .db3.
        names: Names that topics take here, by those that they have in the recording.

    Attributes:
        kinds: Type of each topic's messages, as ``sensor_msgs/msg/Imu``, by the topic's name.
        counts: Number of its messages, by the topic's name.

    Raises:
        ConfigurationError: rosbags is not installed, or the recording can't be read.
    """

    def __init__(self, path: Path, names: Mapping[str, str] | None = None) -> None:
        if not path.exists():
            raise ConfigurationError(f"there is no recording {path}")
        if path.suffix == ".bag":
            raise ConfigurationError(
                f"{path} is a bag of ROS 1: `rosbags-convert --src {path} --dst FOLDER` makes one "
                "of ROS 2"
            )
        self._path, self._names = path, dict(names or {})
        self.kinds: dict[str, str] = {}
        self.counts: dict[str, int] = {}
        with self._opened() as reader:
            for each in reader.connections:
                name = self._named(each.topic)
                self.kinds[name] = each.msgtype
                self.counts[name] = self.counts.get(name, 0) + each.msgcount
        missing = sorted(set(self._names) - {self._original(name) for name in self.kinds})
        if missing:
            raise ConfigurationError(
                f"{path} has no topic {missing[0]}: there are {', '.join(sorted(self.kinds))}"
            )

    def readable(self, warn: Callable[[str], object] = lambda _: None) -> list[str]:
        """Topics whose messages are of types that are installed.

        Args:
            warn: Called with a sentence for each of the others.
        """
        found = []
        for name, kind in self.kinds.items():
            try:
                find_type(kind)
            except ConfigurationError as error:
                warn(f"{name} is left out: {error}")
            else:
                found.append(name)
        return found

    def _named(self, topic: str) -> str:
        return self._names.get(topic, topic)

    def _original(self, name: str) -> str:
        return next((old for old, new in self._names.items() if new == name), name)

    def _opened(self) -> Any:
        try:
            from rosbags.highlevel import AnyReader
            from rosbags.typesys import Stores, get_typestore
        except ImportError as error:
            raise ConfigurationError(
                "recordings are read through rosbags: pip install 'neuro_control[bags]'"
            ) from error
        # Bags written before ROS 2 Iron don't hold the definitions of their messages.
        store = get_typestore(Stores.ROS2_JAZZY)
        try:
            reader = AnyReader([self._path], default_typestore=store)
            reader.open()
        except Exception as error:  # a damaged bag makes rosbags stumble over almost anything
            raise self._unreadable(error) from error
        return _Closing(reader)

    def _unreadable(self, error: Exception) -> ConfigurationError:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        return ConfigurationError(f"can't read the recording {self._path}: {reason}")

    def messages(self, topics: Sequence[str]) -> Iterator[Recorded]:
        """Messages of topics, in the order in which they were received.

        Raises:
            ConfigurationError: The recording is damaged.
        """
        with self._opened() as reader:
            wanted = [each for each in reader.connections if self._named(each.topic) in topics]
            if not wanted:
                return
            try:
                for connection, nanoseconds, data in reader.messages(connections=wanted):
                    yield Recorded(self._named(connection.topic), nanoseconds, bytes(data))
            except Exception as error:
                raise self._unreadable(error) from error

    def decode(self, message: Recorded) -> Any:
        """The message itself.

        Raises:
            ConfigurationError: Its package is not installed, or it is damaged.
        """
        message_type = find_type(self.kinds[message.topic])
        try:
            return deserialize_message(message.data, message_type)
        except Exception as error:  # rclpy raises what its C functions say
            raise self._unreadable(error) from error

    def run(self) -> dict[str, Any]:
        """Scenario and parameters of the run, if it was recorded by this package; else empty."""
        for message in self.messages([RUN_TOPIC]):
            found = read_yaml(self.decode(message).data, f"{RUN_TOPIC} of {self._path}")
            return found if isinstance(found, dict) else {}
        return {}


class _Closing:
    """A reader that is closed when the block ends."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def __enter__(self) -> Any:
        return self._reader

    def __exit__(self, *_: object) -> None:
        self._reader.close()
