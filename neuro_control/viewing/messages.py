# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which message becomes what in the view, by its type and its topic."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neuro_control.bags.message_types import type_name
from neuro_control.viewing.layout import Layout
from neuro_control.viewing.posture import TRUE_ODOMETRY

Array = NDArray[np.float64]

# A path is drawn anew after so many seconds or metres, of so many points at the most.
_PATH_PERIOD, _PATH_STEP, _PATH_POINTS = 0.2, 0.02, 2000
_PATH_COLOURS = {"true": (90, 170, 255), "estimated": (255, 170, 60), "planned": (120, 220, 120)}
_LEVELS = {0: "INFO", 1: "WARN", 2: "ERROR", 3: "INFO"}


class Canvas(Protocol):
    """What messages are shown on.

    Attributes:
        layout: Which views there are.
    """

    layout: Layout

    def log(self, path: str, what: Any, *, static: bool = False) -> None:
        """Log something of Rerun's at a path."""


class Messages:
    """Shows messages in a view.

    Args:
        view: The view.
    """

    def __init__(self, view: Canvas) -> None:
        import rerun

        self._rr, self._view = rerun, view
        self._named: dict[str, list[str]] = {}
        self._paths: dict[str, list[tuple[float, float, float]]] = {}
        self._drawn: dict[str, float] = {}
        self._states: dict[str, str] = {}
        self._pictures: dict[str, tuple[int, int]] = {}
        self._by_kind: dict[str, Callable[[str, float, Any], None]] = {
            "diagnostic_msgs/msg/DiagnosticArray": self._diagnostics,
            "geometry_msgs/msg/PoseStamped": self._goal,
            "geometry_msgs/msg/Twist": self._twist,
            "geometry_msgs/msg/TwistStamped": self._twist,
            "nav_msgs/msg/Odometry": self._odometry,
            "nav_msgs/msg/Path": self._path,
            "sensor_msgs/msg/CompressedImage": self._compressed,
            "sensor_msgs/msg/FluidPressure": self._pressure,
            "sensor_msgs/msg/Image": self._image,
            "sensor_msgs/msg/Imu": self._imu,
            "sensor_msgs/msg/JointState": self._joint_state,
            "sensor_msgs/msg/Range": self._range,
            "std_msgs/msg/Float64": self._number,
            "std_msgs/msg/Float64MultiArray": self._array,
            "std_msgs/msg/String": self._text,
        }

    def show(self, topic: str, seconds: float, message: Any) -> None:
        """Show a message of a topic, received at a time, s; one of an unknown type is left."""
        show = self._by_kind.get(type_name(type(message)))
        if show is not None:
            show(topic.strip("/"), seconds, message)

    # Curves.

    def _curves(self, kind: str, name: str, labels: list[str], values: Any) -> None:
        """Draw values as curves, one for each label."""
        name = name.replace(" ", "_")
        path = f"{kind}/{name}"
        if self._named.get(path) != labels:
            self._named[path] = labels
            if kind == "spikes":
                style = self._rr.SeriesPoints(names=labels, marker_sizes=[1.5] * len(labels))
            else:
                style = self._rr.SeriesLines(names=labels)
            self._view.log(path, style, static=True)
            self._view.layout.show_curves(kind, name)
        self._view.log(path, self._rr.Scalars(np.asarray(values, dtype=np.float64)))

    def _joint_state(self, topic: str, seconds: float, message: Any) -> None:
        node, _, last = topic.rpartition("/")
        if last == "activity":
            self._activity(node, message)
        elif last == "place":
            self._place(message)
        elif last == "scores":
            self._view.layout.show_scores()
            self._view.log("scores", self._rr.BarChart(np.asarray(message.position)))
        elif last == "gait_command":
            self._curves("set_points", last, list(message.name), message.position)
        else:
            for quantity in ("position", "velocity", "effort"):
                values = getattr(message, quantity)
                if len(values) == len(message.name) and len(values):
                    self._curves("joints", f"{topic} {quantity}", list(message.name), values)

    def _activity(self, node: str, message: Any) -> None:
        """Spikes with membrane potentials, or other activity, by what its names begin with."""
        names, values = list(message.name), np.asarray(message.position)
        if len(message.effort):
            # A spike is a dot in its neuron's row; a row without one has no number.
            dots = np.where(values > 0.5, np.arange(1.0, len(values) + 1.0), np.nan)
            self._curves("spikes", node, names, dots)
            self._curves("membranes", node, names, message.effort)
            return
        groups: dict[str, list[int]] = {}
        for index, name in enumerate(names):
            groups.setdefault(name.partition("_")[0], []).append(index)
        alone = [rows[0] for rows in groups.values() if len(rows) == 1]
        groups = {group: rows for group, rows in groups.items() if len(rows) > 1}
        if alone:
            groups["other"] = alone
        for group, rows in groups.items():
            kind = "set_points" if group in ("commanded", "estimated") else "activity"
            self._curves(kind, f"{node} {group}", [names[row] for row in rows], values[rows])

    def _place(self, message: Any) -> None:
        best = message.name[0] if message.name else ""
        where = message.header.frame_id or "never visited"
        if len(message.position):
            self._curves("set_points", "place", ["best score"], message.position[:1])
        self._say("place", f"{where} (best: {best})", "INFO")

    def _twist(self, topic: str, seconds: float, message: Any) -> None:
        twist = getattr(message, "twist", message)
        numbers = [twist.linear.x, twist.linear.y, twist.angular.z]
        kind = "set_points" if topic.endswith("cmd_vel") else "sensors"
        self._curves(kind, topic, ["forward (m/s)", "left (m/s)", "yaw rate (rad/s)"], numbers)

    def _number(self, topic: str, seconds: float, message: Any) -> None:
        self._curves("set_points", topic, [topic], [message.data])

    def _array(self, topic: str, seconds: float, message: Any) -> None:
        self._curves("set_points", topic, [str(i) for i in range(len(message.data))], message.data)

    def _range(self, topic: str, seconds: float, message: Any) -> None:
        self._curves("set_points", topic, [f"{topic} (m)"], [message.range])

    def _pressure(self, topic: str, seconds: float, message: Any) -> None:
        self._curves("sensors", topic, [f"{topic} (Pa)"], [message.fluid_pressure])

    def _imu(self, topic: str, seconds: float, message: Any) -> None:
        for quantity, unit in (("angular_velocity", "rad/s"), ("linear_acceleration", "m/s²")):
            v = getattr(message, quantity)
            names = [f"{axis} ({unit})" for axis in "xyz"]
            self._curves("sensors", f"{topic} {quantity}", names, [v.x, v.y, v.z])

    # Space.

    def _odometry(self, topic: str, seconds: float, message: Any) -> None:
        p = message.pose.pose.position
        true = topic.endswith(TRUE_ODOMETRY)
        self._extend("true" if true else "estimated", topic, seconds, (p.x, p.y, p.z))
        v, w = message.twist.twist.linear, message.twist.twist.angular
        names = ["forward (m/s)", "left (m/s)", "up (m/s)", "yaw rate (rad/s)"]
        self._curves("set_points", topic, names, [v.x, v.y, v.z, w.z])

    def _extend(
        self, kind: str, topic: str, seconds: float, point: tuple[float, float, float]
    ) -> None:
        """Add a point to the path that a robot has taken."""
        path = self._paths.setdefault(topic, [])
        if seconds < self._drawn.get(topic, -math.inf):  # another episode
            path.clear()
            self._drawn.pop(topic)
        if not path or math.dist(path[-1], point) > _PATH_STEP:
            path.append(point)
        if len(path) > _PATH_POINTS:
            del path[:-_PATH_POINTS:2]
        if seconds - self._drawn.get(topic, -math.inf) < _PATH_PERIOD or len(path) < 2:
            return
        self._drawn[topic] = seconds
        self._strip(f"world/paths/{topic}", path, kind)

    def _strip(self, path: str, points: Any, kind: str) -> None:
        strip = self._rr.LineStrips3D([points], colors=[_PATH_COLOURS[kind]], radii=[0.008])
        self._view.log(path, strip)
        self._view.layout.show_world()

    def _path(self, topic: str, seconds: float, message: Any) -> None:
        places = [each.pose.position for each in message.poses]
        self._strip(f"world/paths/{topic}", [(p.x, p.y, p.z) for p in places], "planned")

    def _goal(self, topic: str, seconds: float, message: Any) -> None:
        p = message.pose.position
        points = self._rr.Points3D(
            [(p.x, p.y, p.z)], colors=[_PATH_COLOURS["planned"]], radii=[0.05], labels=[topic]
        )
        self._view.log(f"world/{topic}", points)

    # Pictures.

    def _image(self, topic: str, seconds: float, message: Any) -> None:
        if topic.endswith("attention"):
            self._attention(topic, message)
            return
        picture = _pixels(message)
        if picture is not None:
            self._picture(topic, picture)

    def _compressed(self, topic: str, seconds: float, message: Any) -> None:
        from PIL import Image

        with Image.open(io.BytesIO(bytes(message.data))) as file:
            self._picture(topic, np.asarray(file))

    def _picture(self, topic: str, picture: NDArray[Any]) -> None:
        camera = f"cameras/{topic.removesuffix('/compressed').replace('/', '_')}"
        self._pictures[camera] = picture.shape[:2]
        self._view.layout.show_camera(camera)
        self._view.log(f"{camera}/picture", self._rr.Image(picture).compress(jpeg_quality=90))

    def _attention(self, topic: str, message: Any) -> None:
        """Where a policy looks, as a red glow on the picture of its camera."""
        weights = np.frombuffer(bytes(message.data), dtype=np.uint8).reshape(
            message.height, message.step
        )[:, : message.width]
        for camera, (height, width) in self._pictures.items():
            glow = np.zeros((height, width, 4), dtype=np.uint8)
            side = min(height, width)  # the middle square is what it sees
            top, left = (height - side) // 2, (width - side) // 2
            rows = np.arange(side) * message.height // side
            columns = np.arange(side) * message.width // side
            glow[top : top + side, left : left + side, 3] = weights[np.ix_(rows, columns)] * 0.7
            glow[..., 0] = 255
            self._view.log(f"{camera}/attention", self._rr.Image(glow, draw_order=10.0))

    # Words.

    def _text(self, topic: str, seconds: float, message: Any) -> None:
        if not topic.startswith("neuro_control/"):
            self._say(topic, message.data, "INFO")

    def _diagnostics(self, topic: str, seconds: float, message: Any) -> None:
        for status in message.status:
            level = _LEVELS.get(int.from_bytes(status.level, "little"), "INFO")
            node, _, part = status.name.partition(": ")
            if self._states.get(status.name) != status.message:
                self._states[status.name] = status.message
                self._say(f"{node} {part}", status.message, level)
            numbers = {each.key: _number(each.value) for each in status.values}
            shown = {
                key: value
                for key, value in numbers.items()
                if value is not None and ("latency" in key or key.endswith("_hz"))
            }
            if shown:
                self._curves("latency", f"{node} {part}", list(shown), list(shown.values()))

    def _say(self, who: str, text: str, level: str) -> None:
        self._view.layout.show_log()
        self._view.log(f"log/{who.replace(' ', '_')}", self._rr.TextLog(text, level=level))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


_CHANNELS = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1, "8UC1": 1, "8UC3": 3}


def _pixels(message: Any) -> NDArray[np.uint8] | None:
    """Picture of an image (height, width, 3 or nothing); None of an encoding without eight bits."""
    channels = _CHANNELS.get(message.encoding)
    if channels is None or len(message.data) < message.height * message.step:
        return None
    rows = np.frombuffer(bytes(message.data), dtype=np.uint8)
    rows = rows[: message.height * message.step].reshape(message.height, message.step)
    picture = rows[:, : message.width * channels].reshape(message.height, message.width, channels)
    if message.encoding.startswith("bgr"):
        picture = picture[..., [2, 1, 0, *range(3, channels)]]
    return picture[..., 0] if channels == 1 else picture[..., :3]
