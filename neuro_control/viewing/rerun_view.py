# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A live view in Rerun (rerun.io): messages in, a window, a browser's page or a ``.rrd`` file out.

It shows what other viewers show, the robot's body, cameras, paths, set-points and latencies, and
what they don't: spikes, membrane potentials, the activity of circuits, the scores of places over
the route, and where a policy looks. Which messages become what stands in ``messages``; this module
has the recording, its clock, the body and the layout.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.serialization import deserialize_message

from neuro_control.bags.message_types import find_type
from neuro_control.bags.sinks import Topic
from neuro_control.errors import ConfigurationError
from neuro_control.files import writing
from neuro_control.viewing import messages
from neuro_control.viewing.layout import Layout
from neuro_control.viewing.posture import Posture
from neuro_control.viewing.shapes import shapes

SHOWN_IN = ("auto", "window", "browser", "file")
"""Where a view may be shown; ``auto`` is the window where there is a display, else the browser."""
WEB_PORT, DATA_PORT = 9090, 9876
# The eye's distance as a multiple of the radius of the robot's largest part.
_DISTANCE = 7.0
# Time between two changes of the layout, ns.
_LAYOUT_PERIOD = 10**9
# From here on a time is the wall clock's, ns: ten years after 1970.
_WALL_CLOCK = 10 * 365 * 86_400 * 10**9


def check(shown_in: str, file: Path | None) -> None:
    """Refuse a view that can't be shown, before anything runs.

    Raises:
        ConfigurationError: rerun-sdk is not installed, or there is nothing to show it in.
    """
    try:
        import rerun  # noqa: F401  # only whether it is there
    except ImportError as error:
        raise ConfigurationError(
            "the view needs rerun-sdk, and that Python 3.11: pip install 'neuro_control[view]'"
        ) from error
    if shown_in == "file" and file is None:
        raise ConfigurationError("a view in a file needs --out, the folder of that file")


def place_of(shown_in: str) -> str:
    """Where a view is shown: ``auto`` looks for a display."""
    if shown_in != "auto":
        return shown_in
    display = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return "window" if display else "browser"


class RerunView:
    """Shows messages.

    Args:
        model: Name of the simulation's world, for the robot's body; empty shows none.
        arguments: Arguments of that world.
        seed: Seed of the episode.
        file: Receives the recording as well, ``NAME.rrd``; it takes its name when it is closed.
        shown_in: One of ``SHOWN_IN``.
        title: What the view is called.

    Raises:
        ConfigurationError: rerun-sdk is not installed, or the world can't be made.
    """

    def __init__(
        self,
        model: str = "",
        arguments: dict[str, Any] | None = None,
        seed: int = 0,
        file: str | None = None,
        shown_in: str = "auto",
        title: str = "neuro_control",
    ) -> None:
        check(shown_in, None if file is None else Path(file))
        import rerun

        self._rr = rerun
        self.recording = rerun.RecordingStream(f"neuro_control {title}".strip())
        self._stack = ExitStack()
        self._show(place_of(shown_in), file)
        self.layout, self._laid_out = Layout(), 0
        self._kinds: dict[str, type[Any]] = {}
        self._messages = messages.Messages(self)
        self.posture = Posture(model, arguments or {}, seed) if model else None
        if self.posture is not None:
            self._draw_body(self.posture)

    # Where it is shown.

    def _show(self, place: str, file: str | None) -> None:
        rr = self._rr
        sinks: list[Any] = []
        if file is not None:
            part = self._stack.enter_context(writing(Path(file)))
            sinks.append(rr.FileSink(str(part)))
        if place == "window":
            self.recording.spawn(connect=False, port=DATA_PORT)
            sinks.append(rr.GrpcSink(f"rerun+http://127.0.0.1:{DATA_PORT}/proxy"))
        elif place == "browser":
            sinks.append(rr.GrpcServerSink(grpc_port=DATA_PORT))
        self.recording.set_sinks(*sinks)
        if place == "browser":
            address = f"rerun+http://localhost:{DATA_PORT}/proxy"
            rr.serve_web_viewer(web_port=WEB_PORT, open_browser=False, connect_to=address)
            # Standard output belongs to the run's result.
            print(f"the view is at http://localhost:{WEB_PORT}/?url={address}", file=sys.stderr)

    # The body.

    def _draw_body(self, posture: Posture) -> None:
        rr = self._rr
        self.log("world", rr.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
        bodies = np.arange(posture.model.nbody)
        positions, attitudes = posture.place(bodies)
        robot = {int(body) for body in posture.robot}
        for body in (int(each) for each in bodies):
            self.log(
                self._body(body),
                rr.Transform3D(translation=positions[body], mat3x3=attitudes[body]),
                static=body not in robot,
            )
        for shape in shapes(posture.model):
            # Corners of their own give each triangle one brightness.
            corners = shape.vertices[shape.faces]
            normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
            lengths = np.linalg.norm(normals, axis=1, keepdims=True)
            normals = normals / np.where(lengths > 0.0, lengths, 1.0)
            self.log(
                f"{self._body(shape.body)}/{_plain(shape.name)}",
                rr.Mesh3D(
                    vertex_positions=corners.reshape(-1, 3),
                    vertex_normals=np.repeat(normals, 3, axis=0),
                    albedo_factor=np.round(255 * shape.colour).astype(np.uint8),
                ),
                static=True,
            )
        base = int(posture.model.site_bodyid[posture.site])
        size = float(posture.model.geom_rbound[posture.geoms()].max(initial=0.1))
        self.layout.show_world(f"/{self._body(base)}", _DISTANCE * size)

    def _body(self, body: int) -> str:
        posture = self.posture
        name = posture.model.body(body).name if posture is not None else ""
        return f"world/bodies/{_plain(name or str(body))}"

    def _move(self, posture: Posture) -> None:
        poses = zip(posture.robot, *posture.place(), strict=True)
        for body, position, attitude in poses:
            self.log(
                self._body(int(body)), self._rr.Transform3D(translation=position, mat3x3=attitude)
            )

    # Messages.

    def log(self, path: str, what: Any, *, static: bool = False) -> None:
        """Log something of Rerun's at a path."""
        self.recording.log(path, what, static=static)

    def open_topic(self, topic: Topic) -> None:
        """Get ready for a topic; ``Sink`` has the argument."""
        self._kinds[topic.name] = find_type(topic.kind)

    def write(self, name: str, nanoseconds: int, data: bytes) -> None:
        """Show a message; ``Sink`` has the arguments."""
        seconds = nanoseconds / 1e9
        if nanoseconds < _WALL_CLOCK:
            self.recording.set_time("time", duration=seconds)
        else:
            self.recording.set_time("time", timestamp=seconds)
        message = deserialize_message(data, self._kinds[name])
        if self.posture is not None and self.posture.follow(name, message):
            self._move(self.posture)
        self._messages.show(name, seconds, message)
        # Not for each view that appears in the first moments.
        if self.layout.changed and abs(nanoseconds - self._laid_out) > _LAYOUT_PERIOD:
            self._laid_out = nanoseconds
            self.recording.send_blueprint(self.layout.blueprint())

    def close(self) -> None:
        """Send the rest and close the file; the browser's page ends with the process."""
        if self.layout.changed:
            self.recording.send_blueprint(self.layout.blueprint())
        self.recording.flush()
        self.recording.disconnect()
        self._stack.close()


def _plain(name: str) -> str:
    """A name as a part of a path."""
    return "_".join(name.split())
