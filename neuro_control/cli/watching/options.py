# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Options by which a run is recorded and looked at, and the watchers that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from neuro_control.ros.run import Watcher

Command = TypeVar("Command", bound=Callable[..., Any])

_RECORD = click.option(
    "--record",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.mcap",
    help="Record all messages, for rosbag2, Foxglove and `neuro-control replay`.",
)


def record_option(command: Command) -> Command:
    """Add ``--record``."""
    return _RECORD(command)


@dataclass(frozen=True)
class Watching:
    """How a run is watched.

    Attributes:
        record: File that receives all messages, or None.
    """

    record: Path | None = None

    def __bool__(self) -> bool:
        return self.record is not None

    def check(self) -> None:
        """Refuse what can't be done before anything runs.

        Raises:
            ConfigurationError: A package is missing or a file can't be written.
        """
        if self.record is not None:
            from neuro_control.bags.mcap_file import check

            check(self.record)

    def watchers(self, scenario: str) -> list[Watcher]:
        """Watchers of a run of a scenario."""
        from neuro_control.bags.pipe import SinkProcess
        from neuro_control.bags.tap import Tap

        found: list[Watcher] = []
        if self.record is not None:
            path = str(self.record.resolve())
            file = SinkProcess("neuro_control.bags.mcap_file:McapFile", {"path": path}, drop=False)
            found.append(Tap(file, scenario))
        return found
