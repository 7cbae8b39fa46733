# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Markers show feet, the way, goals and places."""

import math

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64

from neuro_control.errors import ConfigurationError
from neuro_control.ros.description.markers import MarkerParameters, Markers
from neuro_control.ros.messages import joint_state, odometry
from tests.bench import Probe, options


def test_without_the_package_the_node_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "visualization_msgs.msg", None)
    monkeypatch.setitem(sys.modules, "visualization_msgs", None)
    with pytest.raises(ConfigurationError, match=r"neuro_control\[ros\]"):
        Markers()


def test_a_frame_without_a_place_for_the_name_is_refused():
    with pytest.raises(ConfigurationError, match="where the foot's name goes"):
        MarkerParameters(foot_frame="foot")


def test_feet_way_goals_and_places_are_drawn_in_their_frames(bench):
    messages = pytest.importorskip("visualization_msgs.msg")
    node, probe, got = bench.add(Markers(**options(way_step=0.1))), bench.add(Probe()), []
    send = {
        topic: probe.create_publisher(kind, topic, 10)
        for kind, topic in (
            (JointState, "foot_forces"), (JointState, "gait_controller/activity"),
            (Odometry, "odom"), (PoseStamped, "goal_pose"), (Float64, "set_point"),
            (JointState, "place"), (PoseWithCovarianceStamped, "pose"),
        )
    }  # fmt: skip
    probe.create_subscription(messages.MarkerArray, "markers", got.append, 10)
    bench.spin_until(lambda: all(each.get_subscription_count() for each in send.values()))
    send["foot_forces"].publish(joint_state(0, ["FL", "FR"], effort=np.array([50.0, math.nan])))
    send["gait_controller/activity"].publish(
        joint_state(0, ["stance_FL", "phase_FL"], np.array([0.0, 0.3]))
    )
    for x in (0.0, 0.05, 0.2, math.nan):  # too near to the one before; no place at all
        send["odom"].publish(
            odometry(0, np.array([x, 0, 0]), np.array([1.0, 0, 0, 0]), np.zeros(3), np.zeros(3))
        )
    goal = PoseStamped()
    goal.header.frame_id, goal.pose.position.x = "map", 3.0
    send["goal_pose"].publish(goal)
    send["set_point"].publish(Float64(data=1.5))
    place = JointState()
    place.header.frame_id = "kitchen"
    send["place"].publish(place)
    bench.spin_until(lambda: node._name_of_place == "kitchen")
    pose = PoseWithCovarianceStamped()
    pose.header.frame_id = "map"
    send["pose"].publish(pose)

    def drawn():
        return {(m.ns, m.id): m for m in got[-1].markers} if got else {}

    bench.spin_until(
        lambda: {("places", 0), ("way", 0), ("goals", 0), ("goals", 1), ("feet", 0)} <= set(drawn())
    )
    found = drawn()
    assert got[-1].markers[0].action == messages.Marker.DELETEALL
    assert found["feet", 0].header.frame_id == "FL_foot"
    assert found["feet", 0].color.r > 0.8  # it shall swing, although it presses
    assert found["forces", 0].points[1].z == pytest.approx(0.15)
    assert ("feet", 1) not in found  # its force is not known
    assert [p.x for p in found["way", 0].points] == [0.0, 0.2]
    assert (found["goals", 0].header.frame_id, found["goals", 0].pose.position.x) == ("map", 3.0)
    assert found["goals", 1].pose.position.z == 1.5
    assert (found["names", 0].text, found["names", 0].header.frame_id) == ("kitchen", "map")
