# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""An MCAP file of messages, as rosbag2, rosbags, Foxglove and mcap's own reader take it.

It follows the profile ``ros2`` of MCAP (mcap.dev/spec/registry): CDR messages, schemas in
``ros2msg``, and the offered quality of service in each channel's metadata.
"""

from __future__ import annotations

from pathlib import Path

from neuro_control.bags.cdr import trimmed
from neuro_control.bags.sinks import Topic
from neuro_control.errors import ConfigurationError


class McapFile:
    """Writes messages into a file, which takes its name when it is closed.

    A process that is killed, or whose disk is full, leaves ``NAME.part``, which ``mcap recover``
    makes readable.

    Args:
        path: The file, ``NAME.mcap``.

    Raises:
        ConfigurationError: The package mcap is not installed, or the name ends otherwise.
    """

    def __init__(self, path: Path | str) -> None:
        path = Path(path)
        check(path)
        from mcap.writer import Writer

        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._part = path, path.with_name(path.name + ".part")
        self._file = self._part.open("wb")
        self._writer = Writer(self._file)
        self._writer.start(profile="ros2", library="neuro_control")
        self._schemas: dict[str, int] = {}
        self._channels: dict[str, int] = {}
        self._kinds: dict[str, str] = {}
        self.count = 0

    def open_topic(self, topic: Topic) -> None:
        """Declare a topic."""
        self._kinds[topic.name] = topic.kind
        if topic.kind not in self._schemas:
            self._schemas[topic.kind] = self._writer.register_schema(
                topic.kind, "ros2msg", topic.definition.encode()
            )
        self._channels[topic.name] = self._writer.register_channel(
            topic.name,
            "cdr",
            self._schemas[topic.kind],
            {"offered_qos_profiles": topic.qos, "topic_type_hash": ""},
        )

    def write(self, name: str, nanoseconds: int, data: bytes) -> None:
        """Write a message; ``Sink`` has the arguments."""
        data = trimmed(self._kinds[name], data)
        self._writer.add_message(
            self._channels[name], nanoseconds, data, nanoseconds, sequence=self.count % 2**32
        )
        self.count += 1

    def close(self) -> None:
        """End the file, and give it its name."""
        with self._file:
            self._writer.finish()
        self._part.replace(self._path)


def check(path: Path) -> None:
    """Refuse a file that can't be recorded to, before anything runs.

    Raises:
        ConfigurationError: The package mcap is not installed, or the name ends otherwise.
    """
    if path.suffix != ".mcap":
        raise ConfigurationError(f"a recording's name ends in .mcap, as run.mcap does; not {path}")
    if path.is_dir():
        raise ConfigurationError(f"a recording is a file, and {path} is a folder")
    try:
        import mcap  # noqa: F401  # only whether it is there
    except ImportError as error:
        raise ConfigurationError(
            "recordings are written by mcap: pip install 'neuro_control[bags]'"
        ) from error
