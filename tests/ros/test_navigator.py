# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped, TwistStamped
from nav_msgs.msg import Odometry
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock

from neuro_control.errors import ConfigurationError
from neuro_control.ros.messages import COMMAND_QOS, SENSOR_QOS, odometry, to_nanoseconds, to_stamp
from neuro_control.swimmer.nodes.navigator import SwimmerNavigator
from tests.bench import MS, options

PERIOD = 30 * MS


class Navigator:
    """A navigator under simulated time, and the topics of the robot that it leads."""

    def __init__(self, bench, **values):
        self.bench = bench
        self.node = bench.add(SwimmerNavigator(**options(use_sim_time=True, **values)))
        self.probe = probe = bench.add(bench_node())
        self.commands = []
        self.clock = probe.create_publisher(Clock, "/clock", 10)
        self.odom = probe.create_publisher(Odometry, "odom", SENSOR_QOS)
        self.goals = probe.create_publisher(PoseStamped, "goal_pose", 1)
        probe.create_subscription(TwistStamped, "cmd_vel", self.commands.append, COMMAND_QOS)
        self.node.start()
        self.now = 10**12
        topics = (self.clock, self.odom, self.goals)
        bench.spin_until(lambda: all(each.get_subscription_count() for each in topics))
        bench.spin_until(lambda: probe.count_publishers("cmd_vel"))
        bench.spin_for(0.05)
        self.set_clock()

    def set_clock(self):
        self.clock.publish(Clock(clock=to_stamp(self.now)))
        self.bench.spin_until(lambda: self.node.get_clock().now().nanoseconds == self.now)

    def at(self, x, y, yaw=0.0, age=0, frame="odom"):
        """Speed (m/s) and yaw rate (rad/s) that answer the next odometry."""
        self.now += PERIOD
        self.set_clock()
        before = len(self.commands)
        quaternion = np.array([math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)])
        place, zero = np.array([x, y, 0.0]), np.zeros(3)
        message = odometry(self.now - age, place, quaternion, zero, zero)
        message.header.frame_id = frame
        self.odom.publish(message)
        self.bench.spin_until(lambda: len(self.commands) > before)
        twist = self.commands[-1].twist
        return twist.linear.x, twist.angular.z

    def goal(self, x, y, frame="odom"):
        message = PoseStamped()
        message.header.frame_id = frame
        message.header.stamp = to_stamp(self.now)
        message.pose.position.x, message.pose.position.y = float(x), float(y)
        message.pose.orientation.w = 1.0
        self.goals.publish(message)


def bench_node():
    from rclpy.node import Node

    return Node("robot")


def test_without_a_goal_it_rests(bench):
    assert Navigator(bench).at(0.0, 0.0) == (0.0, 0.0)


def test_waypoints_are_passed_one_after_the_other_and_the_last_is_kept(bench):
    navigator = Navigator(bench, waypoints=[1.0, 0.0, 1.0, 1.0])
    assert navigator.at(0.0, 0.0) == (0.08, 0.0)
    assert to_nanoseconds(navigator.commands[-1].header.stamp) == navigator.now
    # Within 0.1 m of the first: the second lies to the left.
    speed, rate = navigator.at(0.95, 0.0)
    assert speed == 0.08
    assert rate > 0.2
    # The head looks along y now.
    assert navigator.at(1.0, 0.5, math.pi / 2)[0] == 0.08
    assert navigator.at(1.0, 0.95, math.pi / 2) == (0.0, 0.0)
    assert navigator.at(1.0, 0.2, math.pi / 2) == (0.0, 0.0)


def test_a_loop_of_waypoints_starts_again(bench):
    navigator = Navigator(bench, waypoints=[1.0, 0.0, 3.0, 0.0], loop=True)
    navigator.at(1.0, 0.0)
    assert navigator.at(3.0, 0.0, math.pi) == (0.08, 0.0)


def test_a_goal_takes_over_and_is_held(bench):
    navigator = Navigator(bench, waypoints=[5.0, 0.0])
    assert navigator.at(0.0, 0.0) == (0.08, 0.0)
    navigator.goal(0.0, -5.0)
    bench.spin_until(lambda: navigator.at(0.0, 0.0)[1] == -0.35)
    assert navigator.at(0.0, -4.95) == (0.0, 0.0)


def test_stale_odometry_and_another_frame_get_zero_and_are_told(bench):
    navigator = Navigator(bench, waypoints=[5.0, 0.0])
    assert navigator.at(0.0, 0.0) == (0.08, 0.0)
    assert navigator.at(0.0, 0.0, age=10**9) == (0.0, 0.0)
    assert navigator.at(0.0, 0.0) == (0.08, 0.0)
    assert navigator.at(0.0, 0.0, frame="map") == (0.0, 0.0)
    assert navigator.at(math.nan, 0.0) == (0.0, 0.0)
    navigator.goal(1.0, 1.0, frame="map")
    counts = navigator.node.diagnostic_values
    bench.spin_until(lambda: counts().get("rejected/goal_pose/frame") == "1")
    assert counts()["rejected/odom/stale"] == "1"
    assert navigator.at(0.0, 0.0) == (0.08, 0.0)


def test_silence_of_the_odometry_stops_the_swimmer(bench):
    navigator = Navigator(bench, waypoints=[5.0, 0.0])
    assert navigator.at(0.0, 0.0) == (0.08, 0.0)
    before = len(navigator.commands)
    navigator.now += 200 * MS
    navigator.set_clock()
    bench.spin_until(lambda: len(navigator.commands) > before)
    assert navigator.commands[-1].twist.linear.x == 0.0


def test_new_waypoints_are_taken_at_run_time_and_half_a_one_is_refused(bench):
    navigator = Navigator(bench, waypoints=[5.0, 0.0])
    assert navigator.at(0.0, 0.0)[1] == 0.0
    assert navigator.node.set_parameters([Parameter("waypoints", value=[0.0, 5.0])])[0].successful
    assert navigator.at(0.0, 0.0)[1] == 0.35
    refused = navigator.node.set_parameters([Parameter("waypoints", value=[1.0, 2.0, 3.0])])[0]
    assert not refused.successful
    assert "one too few" in refused.reason
    with pytest.raises(ConfigurationError, match="waypoints is a list of finite numbers"):
        SwimmerNavigator(**options(waypoints=["a", "b"]))
