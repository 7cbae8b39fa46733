# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Options by which a run is recorded and looked at, and the watchers that they stand for."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from neuro_control.cli.output import remarks
from neuro_control.errors import ConfigurationError
from neuro_control.yaml_text import read_yaml

if TYPE_CHECKING:
    from neuro_control.bags.pipe import SinkProcess
    from neuro_control.ros.run import Watcher

Command = TypeVar("Command", bound=Callable[..., Any])

SPACING = 0.04
"""Time between two messages of a stream that a view gets, s."""
VIEW_FILE = "view.rrd"
"""Name of the view's recording in the folder of ``--out``."""

view_in_option = click.option(
    "--view-in",
    type=click.Choice(["auto", "window", "browser", "file"]),
    default="auto",
    show_default=True,
    help="Where the view is shown; auto is the window where there is a display.",
)

_OPTIONS = (
    click.option(
        "--record",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE.mcap",
        help="Record all messages, for rosbag2, Foxglove and `neuro-control replay`.",
    ),
    click.option(
        "--view",
        is_flag=True,
        help=f"Show it live in Rerun; with --out, {VIEW_FILE} holds it as well.",
    ),
    view_in_option,
    click.option(
        "--foxglove",
        "foxglove_port",
        type=click.IntRange(1024, 65535),
        metavar="PORT",
        help="Serve it to Foxglove at ws://localhost:PORT, 8765 by its habit.",
    ),
)


def watching_options(command: Command) -> Command:
    """Add ``--record``, ``--view``, ``--view-in`` and ``--foxglove``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True)
class Watching:
    """How a run is watched.

    Attributes:
        record: File that receives all messages, or None.
        view: Whether there is a view in Rerun.
        view_in: Where it is shown, one of ``rerun_view.SHOWN_IN``.
        foxglove_port: Port of a server for Foxglove, or None.
    """

    record: Path | None = None
    view: bool = False
    view_in: str = "auto"
    foxglove_port: int | None = None
    _staying: list[SinkProcess] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.record is not None or self.view or self.foxglove_port is not None

    def check(self, processes: bool, out: Path | None) -> None:
        """Refuse what can't be done before anything runs.

        Args:
            processes: Whether each node has a process of its own.
            out: Folder of the results, if they are kept.

        Raises:
            ConfigurationError: A package is missing, or a file can't be written.
        """
        if self and processes:
            raise ConfigurationError(
                "--record, --view and --foxglove watch nodes of one process: leave --processes "
                "out, or use the launch file's record, view and foxglove"
            )
        if self.record is not None:
            from neuro_control.bags.mcap_file import check

            check(self.record)
        if self.view:
            from neuro_control.viewing import rerun_view

            rerun_view.check(self.view_in, out)
        if self.foxglove_port is not None:
            from neuro_control.viewing import foxglove_server

            foxglove_server.check()

    def watchers(
        self, scenario: str, parameters: Mapping[str, Mapping[str, Any]], out: Path | None
    ) -> list[Watcher]:
        """Watchers of a run.

        Args:
            scenario: Name of the scenario.
            parameters: Of its nodes by name, the simulation's first.
            out: Folder of the results, if they are kept.
        """
        from neuro_control.bags.pipe import SinkProcess
        from neuro_control.bags.tap import Tap
        from neuro_control.viewing.rerun_view import place_of

        # In lockstep a robot has no time to lose.
        real_time = not next(iter(parameters.values())).get("lockstep", True)
        found: list[Watcher] = []
        if self.record is not None:
            path = str(self.record.resolve())
            name = "neuro_control.bags.mcap_file:McapFile"
            file = SinkProcess(name, {"path": path}, drop=False, later=real_time)
            found.append(Tap(file, scenario))
        body = body_of(parameters)
        if self.view:
            file_name = None if out is None else str((out / VIEW_FILE).resolve())
            shown = {"file": file_name, "shown_in": self.view_in, "title": scenario}
            # The page of a browser is served by the view's process; a window has one of its own.
            stay = sys.stderr.isatty() and place_of(self.view_in) == "browser"
            name = "neuro_control.viewing.rerun_view:RerunView"
            view = SinkProcess(name, {**body, **shown}, drop=True, later=real_time, stay=stay)
            self._staying.extend([view] * stay)
            found.append(Tap(view, scenario, SPACING))
        if self.foxglove_port is not None:
            server = SinkProcess(
                "neuro_control.viewing.foxglove_server:FoxgloveServer",
                {**body, "port": self.foxglove_port, "title": scenario},
                drop=True,
                later=real_time,
            )
            found.append(Tap(server, scenario, SPACING))
        return found

    def stay(self) -> None:
        """Wait for Ctrl-C where a browser shows the view, so that the run can be looked at."""
        if not self._staying:
            return
        remarks.print("the view stays in the browser: Ctrl-C ends it")
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
        for sink in self._staying:
            sink.end()


def body_of(parameters: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """World and seed of a run's simulation, for a view of the robot's body; none without a model.

    Args:
        parameters: Of the nodes by name, the simulation's first.
    """
    simulation = next(iter(parameters.values()), {})
    model = simulation.get("model", "")
    if not isinstance(model, str):
        return {}
    arguments = read_yaml(str(simulation.get("model_arguments", "{}")), "model_arguments")
    return {"model": model, "arguments": arguments or {}, "seed": int(simulation.get("seed", 0))}
