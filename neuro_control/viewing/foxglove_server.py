# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Serves a run to Foxglove over a websocket: all messages as they are, and the robot's body.

Foxglove reads ROS 2's messages itself. For its 3D panel there are two topics more, in types of its
own: ``/view/scene``, the shapes of the model's bodies, and ``/view/frames``, where the bodies are.
"""

from __future__ import annotations

import sys
from typing import Any

import mujoco
import numpy as np
from rclpy.serialization import deserialize_message

from neuro_control.bags.message_types import find_type
from neuro_control.bags.sinks import Topic
from neuro_control.errors import ConfigurationError
from neuro_control.viewing.posture import Posture
from neuro_control.viewing.shapes import Shape, shapes

SCENE, FRAMES = "/view/scene", "/view/frames"
"""Topics of the robot's body."""
WORLD = "odom"
"""Frame that bodies and odometry are in."""
PORT = 8765
"""Port that Foxglove looks at by default."""


def check() -> None:
    """Refuse what can't be served, before anything runs.

    Raises:
        ConfigurationError: foxglove-sdk is not installed.
    """
    try:
        import foxglove  # noqa: F401  # only whether it is there
    except ImportError as error:
        raise ConfigurationError(
            "Foxglove is served by foxglove-sdk: pip install 'neuro_control[view]'"
        ) from error


class FoxgloveServer:
    """Serves messages to whoever connects.

    Args:
        model: Name of the simulation's world, for the robot's body; empty shows none.
        arguments: Arguments of that world.
        seed: Seed of the episode.
        port: Port; 0 takes one that is free.
        title: What the server is called.

    Attributes:
        port: The port.

    Raises:
        ConfigurationError: foxglove-sdk is not installed, the port is taken, or the world can't be
            made.
    """

    def __init__(
        self,
        model: str = "",
        arguments: dict[str, Any] | None = None,
        seed: int = 0,
        port: int = PORT,
        title: str = "neuro_control",
    ) -> None:
        check()
        import foxglove

        self._foxglove = foxglove
        self._posture = Posture(model, arguments or {}, seed, meshes=False) if model else None
        self._context = foxglove.Context()
        self._kinds: dict[str, type[Any]] = {}
        self._channels: dict[str, Any] = {}
        self._wanted = False  # whether somebody waits for the scene
        try:
            self._server = foxglove.start_server(
                name=title, port=port, context=self._context, server_listener=self
            )
        except Exception as error:  # the library's errors are of several kinds
            raise ConfigurationError(f"can't serve at the port {port}: {error}") from error
        self.port = self._server.port
        if self._posture is not None:
            from foxglove.channels import FrameTransformsChannel, SceneUpdateChannel

            self._scene = SceneUpdateChannel(SCENE, context=self._context)
            self._frames = FrameTransformsChannel(FRAMES, context=self._context)
        # Standard output belongs to the run's result.
        print(f"Foxglove connects to ws://localhost:{self.port}", file=sys.stderr)

    # What the library calls.

    def on_subscribe(self, client: Any, channel: Any) -> None:
        """Somebody subscribes: whoever wants the scene gets it with the next message."""
        self._wanted |= channel.topic == SCENE

    # What a sink does.

    def open_topic(self, topic: Topic) -> None:
        """Offer a topic; ``Sink`` has the argument."""
        self._kinds[topic.name] = find_type(topic.kind)
        schema = self._foxglove.Schema(
            name=topic.kind, encoding="ros2msg", data=topic.definition.encode()
        )
        self._channels[topic.name] = self._foxglove.Channel(
            topic.name, schema=schema, message_encoding="cdr", context=self._context
        )

    def write(self, name: str, nanoseconds: int, data: bytes) -> None:
        """Send a message; ``Sink`` has the arguments."""
        self._channels[name].log(data, log_time=nanoseconds)
        posture = self._posture
        if posture is None or not name.endswith(("joint_states", "odom")):
            return
        if posture.follow(name, deserialize_message(data, self._kinds[name])):
            self._send_frames(posture, nanoseconds)
        if self._wanted:
            self._wanted = False
            self._send_scene(posture, nanoseconds)

    def close(self) -> None:
        """End the server."""
        self._server.stop()

    # The body.

    def _send_frames(self, posture: Posture, nanoseconds: int) -> None:
        from foxglove.messages import FrameTransform, FrameTransforms, Quaternion, Vector3

        stamp = self._stamp(nanoseconds)
        transforms = []
        for body, position, attitude in zip(posture.robot, *posture.place(), strict=True):
            w, x, y, z = _quaternion(attitude)
            transforms.append(
                FrameTransform(
                    timestamp=stamp,
                    parent_frame_id=WORLD,
                    child_frame_id=_frame(posture, int(body)),
                    translation=Vector3(x=position[0], y=position[1], z=position[2]),
                    rotation=Quaternion(x=x, y=y, z=z, w=w),
                )
            )
        self._frames.log(FrameTransforms(transforms=transforms), log_time=nanoseconds)

    def _send_scene(self, posture: Posture, nanoseconds: int) -> None:
        from foxglove.messages import SceneEntity, SceneUpdate

        robot = {int(body) for body in posture.robot}
        bodies = np.arange(posture.model.nbody)
        positions, attitudes = posture.place(bodies)
        entities = []
        for shape in shapes(posture.model):
            moves = shape.body in robot
            # What stands still is drawn where it stands.
            vertices = (
                shape.vertices
                if moves
                else shape.vertices @ attitudes[shape.body].T + positions[shape.body]
            )
            entities.append(
                SceneEntity(
                    timestamp=self._stamp(nanoseconds),
                    frame_id=_frame(posture, shape.body) if moves else WORLD,
                    id=f"{shape.body}/{shape.name}",
                    frame_locked=True,
                    triangles=[_triangles(shape, vertices)],
                )
            )
        self._scene.log(SceneUpdate(entities=entities), log_time=nanoseconds)

    def _stamp(self, nanoseconds: int) -> Any:
        from foxglove.messages import Timestamp

        return Timestamp(sec=nanoseconds // 10**9, nsec=nanoseconds % 10**9)


def _frame(posture: Posture, body: int) -> str:
    return f"view/{posture.model.body(body).name or body}"


def _quaternion(attitude: Any) -> list[float]:
    found = np.empty(4)
    mujoco.mju_mat2Quat(found, np.ascontiguousarray(attitude).ravel())
    return [float(each) for each in found]


def _triangles(shape: Shape, vertices: Any) -> Any:
    from foxglove.messages import Color, Point3, TriangleListPrimitive

    red, green, blue, opacity = (float(each) for each in shape.colour)
    return TriangleListPrimitive(
        points=[Point3(x=x, y=y, z=z) for x, y, z in vertices.tolist()],
        indices=[int(each) for each in shape.faces.ravel()],
        color=Color(r=red, g=green, b=blue, a=opacity),
    )
