# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The description of a robot and the frames of its links, on topics, over real DDS."""

import math
import os
import re

import numpy as np
import pytest

pytest.importorskip("cyclonedds", reason="needs cyclonedds: pip install 'neuro_control[dds]'")

from geometry_msgs.msg import TransformStamped
from nav_msgs.msg import Odometry
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String

from neuro_control.errors import ConfigurationError
from neuro_control.ros.dds import tf_idl
from neuro_control.ros.dds.participant import Participant, taken
from neuro_control.ros.description import transforms
from neuro_control.ros.description.kinematic_tree import Transform
from neuro_control.ros.description.node import RobotStatePublisher
from neuro_control.ros.messages import NANOSECONDS, SENSOR_QOS, joint_state, odometry
from tests.bench import MS, Probe, options, wait_until

JOINTS = ["left_propeller", "servo"]


class Listener:
    """Somebody else's DDS, as tf2 in another process: the newest frame of each name."""

    def __init__(self, prefix="rt"):
        from cyclonedds.qos import Policy, Qos
        from cyclonedds.sub import DataReader
        from cyclonedds.topic import Topic

        self.here = Participant(int(os.environ["ROS_DOMAIN_ID"]), "lo")
        self.moving = self.here.reader(f"{prefix}/tf", tf_idl.TFMessage, 100)
        # As tf2 asks for what is fixed: reliably, and what was sent before.
        qos = Qos(
            Policy.Reliability.Reliable(0), Policy.Durability.TransientLocal,
            Policy.History.KeepLast(100),
        )  # fmt: skip
        topic = Topic(self.here._participant, f"{prefix}/tf_static", tf_idl.TFMessage)
        self.fixed = DataReader(self.here._participant, topic, qos=qos)
        self.frames, self.stamps = {}, {}

    def take(self):
        for reader in (self.moving, self.fixed):
            for message in taken(reader):
                for each in message.transforms:
                    self.frames[each.child_frame_id] = each
                    stamp = each.header.stamp
                    self.stamps.setdefault(each.child_frame_id, []).append(
                        stamp.sec * NANOSECONDS + stamp.nanosec
                    )
        return self.frames

    def close(self):
        self.here.close()


@pytest.fixture
def listener():
    made = Listener()
    yield made
    made.close()


def make(bench, **parameters):
    return bench.add(RobotStatePublisher(**options(urdf="blimp.urdf", **parameters)))


def test_what_is_fixed_and_the_description_reach_those_who_come_later(bench, listener):
    make(bench)
    probe, found = bench.add(Probe()), []
    qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    probe.create_subscription(String, "robot_description", found.append, qos)
    bench.spin_until(lambda: found and "lidar" in listener.take())
    assert '<robot name="blimp">' in found[0].data
    # A subscription that nobody serves would have a simulation publish its ground truth there.
    assert probe.count_subscribers("odom") == 0
    assert set(listener.frames) == {
        "envelope", "gondola", "lidar", "imu", "barometer", "left_propeller", "right_propeller"
    }  # fmt: skip
    lidar = listener.frames["lidar"]
    assert lidar.header.frame_id == "gondola"
    assert lidar.transform.translation.z == pytest.approx(-0.03)


def test_what_the_participant_writes_is_read_by_ros_as_its_own(bench):
    # rclpy has no TFMessage here, but it has what one consists of.
    probe, found = bench.add(Probe()), []
    qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    here = Participant(int(os.environ["ROS_DOMAIN_ID"]), "lo")
    try:
        writer = here.writer("rt/one_frame", tf_idl.TransformStamped, latched=True)
        pose = tf_idl.Transform(
            tf_idl.Vector3(1.0, 2.0, 3.0), tf_idl.Quaternion(0.0, 0.6, 0.0, 0.8)
        )
        header = tf_idl.Header(tf_idl.Time(7, 8), "odom")
        writer.write(tf_idl.TransformStamped(header, "base_link", pose))
        # Whoever subscribes later gets it, as from /tf_static.
        probe.create_subscription(TransformStamped, "/one_frame", found.append, qos)
        bench.spin_until(lambda: found)
    finally:
        del writer
        here.close()
    message = found[0]
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (7, 8)
    assert (message.header.frame_id, message.child_frame_id) == ("odom", "base_link")
    assert message.transform.translation.z == 3.0
    assert (message.transform.rotation.y, message.transform.rotation.w) == (0.6, 0.8)


def test_joints_and_odometry_become_frames_under_their_stamps(bench, listener):
    make(bench)
    probe = bench.add(Probe(JOINTS))
    publisher = probe.create_publisher(Odometry, "odom", SENSOR_QOS)
    bench.spin_until(
        lambda: probe.joints.get_subscription_count() and publisher.get_subscription_count()
    )
    turned = np.array([math.cos(0.3), 0, 0, math.sin(0.3)])
    at = 5 * NANOSECONDS

    def send():
        nonlocal at
        at += 20 * MS
        probe.send(at, [math.nan, 1.0])
        publisher.publish(odometry(at, np.array([1.0, 2, 3]), turned, np.zeros(3), np.zeros(3)))
        bench.spin_for(0.02)
        return {"shaft", "base_link"} <= set(listener.take())

    bench.spin_until(send)
    shaft, base = listener.frames["shaft"], listener.frames["base_link"]
    assert shaft.header.frame_id == "gondola"
    assert shaft.transform.rotation.y == pytest.approx(math.sin(0.5))
    assert base.header.frame_id == "odom"
    assert base.transform.translation.y == 2.0
    assert base.transform.rotation.z == pytest.approx(math.sin(0.3))
    assert listener.stamps["shaft"][-1] == listener.stamps["base_link"][-1] <= at
    assert "left_propeller" in listener.frames  # a propeller's effort is no angle: it stays fixed


def test_frames_are_thinned_out_by_stamps_and_a_new_episode_begins_anew(bench):
    node = make(bench, publish_rate=10.0)
    sent = []
    node._broadcaster.send = lambda stamp, frames: sent.append(stamp)
    for stamp in [*range(NANOSECONDS, NANOSECONDS + 200 * MS, 2 * MS), 0, 2 * MS, 100 * MS]:
        node._on_joints(joint_state(stamp, JOINTS, np.array([0.0, 1.0])))
    assert sent == [NANOSECONDS, NANOSECONDS + 100 * MS, 0, 100 * MS]


def test_names_have_a_prefix_and_topics_a_namespace(bench):
    listener = Listener("rt/one")
    try:
        node = bench.add(
            RobotStatePublisher(
                namespace="one",
                cli_args=["--ros-args", "-r", "/tf:=tf", "-r", "/tf_static:=tf_static"],
                **options(urdf="blimp.urdf", frame_prefix="one/"),
            )
        )
        wait_until(lambda: "one/lidar" in listener.take(), "a frame under a prefix")
        assert listener.frames["one/lidar"].header.frame_id == "one/gondola"
        assert node.resolve_topic_name("robot_description") == "/one/robot_description"
    finally:
        listener.close()


def test_odometry_that_is_no_pose_is_refused_with_a_reason(bench):
    node = make(bench)
    probe = bench.add(Probe())
    publisher = probe.create_publisher(Odometry, "odom", SENSOR_QOS)
    bench.spin_until(publisher.get_subscription_count)
    for spoil, reason in (
        (lambda m: setattr(m.pose.pose.position, "x", math.nan), "pose[0] is nan"),
        (lambda m: setattr(m.pose.pose.orientation, "w", 2.0), "no unit quaternion"),
        (lambda m: setattr(m, "child_frame_id", ""), "names the frames"),
    ):
        message = odometry(1, np.zeros(3), np.array([1.0, 0, 0, 0]), np.zeros(3), np.zeros(3))
        spoil(message)
        publisher.publish(message)
        bench.spin_until(lambda reason=reason: probe.said(reason))
    assert node.diagnostic_values()["odometry"] == "0"


def test_where_tf2_msgs_is_installed_frames_go_through_ros(monkeypatch):
    # There is no wheel of it: this class and node have what the broadcaster uses of both.
    class TFMessage:
        def __init__(self, transforms):
            self.transforms = transforms

    class Publisher:
        def __init__(self):
            self.sent, self.subscribers = [], 0
            self.publish, self.get_subscription_count = self.sent.append, lambda: self.subscribers

    class Speaker:
        def __init__(self):
            self.topics = {}
            self.destroyed = []
            self.destroy_publisher = self.destroyed.append

        def create_publisher(self, kind, topic, qos):
            assert kind is TFMessage
            self.topics[topic] = Publisher()
            return self.topics[topic]

    monkeypatch.setattr(transforms, "TFMessage", TFMessage)
    speaker = Speaker()
    made = transforms.broadcaster(speaker, "auto", "")
    assert made.name == "ros"
    frame = Transform("odom", "base_link", np.array([1.0, 2, 3]), np.array([0.8, 0, 0.6, 0]))
    made.send(5 * NANOSECONDS, [frame])  # nobody listens
    speaker.topics["/tf"].subscribers = 1
    made.send(6 * NANOSECONDS, [frame])
    made.send_fixed(7, [frame])
    (moving,), (fixed,) = (speaker.topics[each].sent for each in ("/tf", "/tf_static"))
    assert isinstance(moving.transforms[0], TransformStamped)
    assert moving.transforms[0].header.stamp.sec == 6
    assert moving.transforms[0].transform.rotation.y == 0.6
    assert fixed.transforms[0].child_frame_id == "base_link"
    made.close()
    made.close()
    assert len(speaker.destroyed) == 2


def test_a_start_that_can_not_be_says_what_would_be_right(bench, monkeypatch):
    monkeypatch.setattr(transforms, "TFMessage", None)
    for parameters, reason in (
        ({"urdf": ""}, "urdf names the robot's URDF"),
        ({"urdf": "none.urdf"}, "no file 'none.urdf' in config/urdf: there are blimp.urdf"),
        ({"transport": "ros"}, "tf2_msgs is not installed: set transport to cyclonedds"),
    ):
        with pytest.raises(ConfigurationError, match=re.escape(reason)):
            RobotStatePublisher(**options(**{"urdf": "blimp.urdf", **parameters}))
