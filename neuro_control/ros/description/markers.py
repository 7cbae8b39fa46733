# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a robot feels, plans and aims at, as markers for RViz and Foxglove.

The node knows no robot: it draws what comes on the topics that robots of this package have.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import Point, PoseStamped, PoseWithCovarianceStamped, Vector3
from nav_msgs.msg import Odometry
from sensor_msgs.msg import JointState
from std_msgs.msg import ColorRGBA, Float64

from neuro_control.errors import ConfigurationError
from neuro_control.ros.diagnostics.node import DiagnosticNode
from neuro_control.ros.messages import SENSOR_QOS, SET_POINT_QOS
from neuro_control.ros.parameters import parameter
from neuro_control.ros.process import run_node

Colour = tuple[float, float, float, float]

_STANDS: Colour = (0.2, 0.7, 0.3, 0.9)
_SWINGS: Colour = (0.9, 0.5, 0.1, 0.9)
_PRESSES: Colour = (0.2, 0.4, 0.9, 0.9)
_AIM: Colour = (0.8, 0.2, 0.6, 0.8)
_WAY: Colour = (0.5, 0.5, 0.5, 0.9)
_PLACE: Colour = (0.1, 0.6, 0.7, 0.9)
# Width of lines, size of a foot, of a place and of its name, m.
_LINE, _FOOT, _SPOT, _TEXT = 0.02, 0.05, 0.15, 0.25
# Forces below this draw no arrow, N.
_LEAST = 1.0


@dataclass(frozen=True)
class MarkerParameters:
    """Parameters of the node."""

    rate: float = parameter(10.0, "Arrays of markers a second", low=0.1, high=100.0, fixed=True)
    activity_topic: str = parameter(
        "gait_controller/activity",
        "Topic with planned stances of feet, as stance_FL; empty for none",
        fixed=True,
    )
    foot_frame: str = parameter("{}_foot", "Frame of a foot, by its name", fixed=True)
    force_scale: float = parameter(0.003, "Length of a force's arrow, m/N", low=1e-6, high=10.0)
    way_length: int = parameter(
        500, "Poses of the way that are kept", low=2, high=100_000, fixed=True
    )
    way_step: float = parameter(0.05, "Distance between two of them, m", low=0.0, high=100.0)
    places: int = parameter(200, "Recognised places that are kept", low=1, high=10_000, fixed=True)

    def __post_init__(self) -> None:
        if "{}" not in self.foot_frame:
            raise ConfigurationError(
                f"foot_frame has {{}} where the foot's name goes, unlike '{self.foot_frame}'"
            )


class Markers(DiagnosticNode[MarkerParameters]):
    """Publishes ``markers`` (visualization_msgs/MarkerArray) while somebody subscribes.

    Feet and their forces by ``foot_forces``, which of them shall stand by a gait controller's
    activity, the way by ``odom``, goals by ``goal_pose`` and ``set_point``, and recognised places
    by ``pose`` and ``place``.

    Args:
        name: Name of the node.
        node_options: Passed on to the rclpy node.

    Raises:
        ConfigurationError: A parameter is wrong, or visualization_msgs is missing.
    """

    def __init__(self, name: str = "markers", **node_options: Any) -> None:
        try:
            from visualization_msgs.msg import Marker, MarkerArray
        except ImportError as error:
            raise ConfigurationError(
                "markers need the ROS package visualization_msgs, or pip install "
                "'neuro_control[ros]'"
            ) from error
        super().__init__(name, MarkerParameters, "markers", **node_options)
        self._marker_type, self._array = Marker, MarkerArray
        p = self.parameters
        self._forces: dict[str, float] = {}
        self._stances: dict[str, bool] = {}
        self._way: deque[Point] = deque(maxlen=p.way_length)
        self._frame = "odom"
        self._goal: PoseStamped | None = None
        self._height: float | None = None
        self._name_of_place = ""
        self._places: deque[tuple[str, str, Point]] = deque(maxlen=p.places)
        self._publisher = self.create_publisher(MarkerArray, "markers", 1)
        listen = self.create_subscription
        listen(JointState, "foot_forces", self._on_forces, SENSOR_QOS)
        if p.activity_topic:
            listen(JointState, p.activity_topic, self._on_activity, SENSOR_QOS)
        listen(Odometry, "odom", self._on_odometry, SENSOR_QOS)
        listen(PoseStamped, "goal_pose", self._on_goal, SET_POINT_QOS)
        listen(Float64, "set_point", self._on_set_point, SET_POINT_QOS)
        listen(JointState, "place", self._on_place, SENSOR_QOS)
        listen(PoseWithCovarianceStamped, "pose", self._on_pose, SENSOR_QOS)
        self.create_timer(1.0 / p.rate, self._publish, clock=self.steady)
        self.set_state(DiagnosticStatus.OK, "running")

    def start(self) -> None:
        """Nothing has to be waited for."""

    def diagnostic_values(self) -> dict[str, str]:
        """How much is drawn."""
        return {"way": str(len(self._way)), "places": str(len(self._places))}

    # What comes in; what is not finite is not drawn.

    def _on_forces(self, message: JointState) -> None:
        if len(message.effort) == len(message.name):
            forces = zip(message.name, message.effort, strict=True)
            self._forces = {name: force for name, force in forces if math.isfinite(force)}

    def _on_activity(self, message: JointState) -> None:
        if len(message.position) == len(message.name):
            numbers = zip(message.name, message.position, strict=True)
            self._stances = {
                name.removeprefix("stance_"): number > 0.5
                for name, number in numbers
                if name.startswith("stance_")
            }

    def _on_odometry(self, message: Odometry) -> None:
        place = message.pose.pose.position
        if not _is_finite(place):
            return
        if message.header.frame_id != self._frame:
            self._frame = message.header.frame_id
            self._way.clear()
        last = self._way[-1] if self._way else None
        if last is None or _distance(last, place) >= self.parameters.way_step:
            self._way.append(place)

    def _on_goal(self, message: PoseStamped) -> None:
        self._goal = message if _is_finite(message.pose.position) else None

    def _on_set_point(self, message: Float64) -> None:
        self._height = message.data if math.isfinite(message.data) else None

    def _on_place(self, message: JointState) -> None:
        self._name_of_place = message.header.frame_id

    def _on_pose(self, message: PoseWithCovarianceStamped) -> None:
        place = message.pose.pose.position
        if _is_finite(place):
            self._places.append((message.header.frame_id, self._name_of_place, place))

    # What goes out.

    def _publish(self) -> None:
        if not self._publisher.get_subscription_count():
            return
        kind = self._marker_type
        drawn = [kind(action=kind.DELETEALL)]
        for name, force in self._forces.items():
            drawn += self._foot(name, force)
        if len(self._way) > 1:
            line = self._marker("way", 0, self._frame, kind.LINE_STRIP, _WAY, (_LINE, 0.0, 0.0))
            line.points = list(self._way)
            drawn.append(line)
        drawn += self._goals()
        for number, (frame, name, place) in enumerate(self._places):
            spot = self._marker("places", number, frame, kind.SPHERE, _PLACE, (_SPOT,) * 3)
            text = self._marker("names", number, frame, kind.TEXT_VIEW_FACING, _PLACE,
                                (0.0, 0.0, _TEXT))  # fmt: skip
            text.text = name
            spot.pose.position = place
            text.pose.position = Point(x=place.x, y=place.y, z=place.z + _TEXT)
            drawn += [spot, text]
        self._publisher.publish(self._array(markers=drawn))

    def _foot(self, name: str, force: float) -> list[Any]:
        """A ball in the colour of what is planned, and an arrow as long as the force."""
        frame = self.parameters.foot_frame.format(name)
        kind, number = self._marker_type, sorted(self._forces).index(name)
        stands = self._stances.get(name, force > _LEAST)
        colour = _STANDS if stands else _SWINGS
        drawn = [self._marker("feet", number, frame, kind.SPHERE, colour, (_FOOT,) * 3)]
        if force > _LEAST:
            arrow = self._marker("forces", number, frame, kind.ARROW, _PRESSES,
                                 (_LINE, 2 * _LINE, 0.0))  # fmt: skip
            arrow.points = [Point(), Point(z=self.parameters.force_scale * force)]
            drawn.append(arrow)
        return drawn

    def _goals(self) -> list[Any]:
        kind, drawn = self._marker_type, []
        if self._goal is not None:
            goal = self._marker("goals", 0, self._goal.header.frame_id, kind.CYLINDER, _AIM,
                                (_SPOT, _SPOT, _LINE))  # fmt: skip
            goal.pose.position = self._goal.pose.position
            drawn.append(goal)
        if self._height is not None:
            disc = self._marker("goals", 1, self._frame, kind.CYLINDER, _AIM, (1.0, 1.0, _LINE))
            here = self._way[-1] if self._way else Point()
            disc.pose.position = Point(x=here.x, y=here.y, z=self._height)
            drawn.append(disc)
        return drawn

    def _marker(
        self, group: str, number: int, frame: str, kind: int, colour: Colour,
        scale: tuple[float, float, float],
    ) -> Any:  # fmt: skip
        made = self._marker_type(ns=group, id=number, type=kind, action=self._marker_type.ADD)
        # Stamp 0: wherever the frame is now.
        made.header.frame_id = frame
        made.pose.orientation.w = 1.0
        made.scale = Vector3(x=scale[0], y=scale[1], z=scale[2])
        made.color = ColorRGBA(r=colour[0], g=colour[1], b=colour[2], a=colour[3])
        return made


def _is_finite(place: Point) -> bool:
    return all(math.isfinite(each) for each in (place.x, place.y, place.z))


def _distance(one: Point, other: Point) -> float:
    return math.dist((one.x, one.y, one.z), (other.x, other.y, other.z))


def main() -> None:
    """Run the node: the executable markers."""
    run_node(Markers)
