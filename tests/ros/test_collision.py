# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Velocity commands that mind what range sensors see."""

import math

import numpy as np
import pytest
from geometry_msgs.msg import Twist
from hypothesis import given, settings
from hypothesis import strategies as st
from sensor_msgs.msg import LaserScan, Range

from neuro_control.errors import ConfigurationError
from neuro_control.ros.collision.gate import GateSettings, View, allowed_speed, gate
from neuro_control.ros.collision.node import CollisionMonitor, CollisionParameters
from neuro_control.ros.messages import SENSOR_QOS, SET_POINT_QOS, to_stamp
from tests.bench import Probe, options

SETTINGS = GateSettings()
AHEAD = {"direction": 0.0, "half_angle": 0.5}


def wall(x):
    return View(**AHEAD, points=np.array([[x, y] for y in np.linspace(-1, 1, 21)]))


def test_a_way_that_is_free_is_not_slowed_down():
    for points in (np.empty((0, 2)), np.array([[1.0, 0.9]])):  # nothing; beside the way
        velocity, why = gate((0.8, 0.0, 0.3), [View(**AHEAD, points=points)], SETTINGS)
        assert (velocity, why) == ((0.8, 0.0, 0.3), "")


def test_before_a_wall_it_stands_still_and_may_turn_and_back_off():
    near = [wall(0.55)]
    assert gate((0.8, 0.0, 0.5), near, SETTINGS)[0] == (0.0, 0.0, 0.5)
    assert gate((0.0, 0.0, 1.0), near, SETTINGS)[0] == (0.0, 0.0, 1.0)
    velocity, why = gate((-0.5, 0.0, 0.0), near, SETTINGS)
    assert velocity[0] == pytest.approx(-SETTINGS.blind_speed)  # nobody looks back
    assert why.startswith("no sensor looks there")


def test_a_slanting_way_keeps_its_direction():
    velocity, why = gate((0.8, 0.2, 0.0), [wall(1.0)], SETTINGS)
    assert 0 < velocity[0] < 0.8
    assert velocity[1] / velocity[0] == pytest.approx(0.25)
    assert "an obstacle" in why


def test_a_silent_sensor_stops_the_way_that_it_looks():
    blind = [View(**AHEAD, points=None), View(math.pi, 0.5, np.empty((0, 2)))]
    assert gate((0.5, 0.0, 0.0), blind, SETTINGS)[0] == (0.0, 0.0, 0.0)
    assert gate((-0.5, 0.0, 0.0), blind, SETTINGS)[0] == (-0.5, 0.0, 0.0)


@settings(max_examples=40)
@given(
    st.floats(0.5, 5.0), st.floats(0.05, 3.0), st.floats(0.3, 3.0), st.floats(0.0, 0.5),
    st.floats(0.0, 1.0),
)  # fmt: skip
def test_a_robot_that_brakes_late_as_it_is_said_to_stops_in_time(
    distance, commanded, deceleration, reaction, keep
):
    """It follows what it was allowed a reaction time ago, as fast as its deceleration lets it."""
    numbers = GateSettings(
        half_length=0.0, stop_distance=keep, deceleration=deceleration, reaction_time=reaction
    )
    dt, x, v = 0.01, 0.0, 0.0
    orders = [0.0] * math.floor(reaction / dt)
    for _ in range(800):
        speed = min(commanded, allowed_speed(distance - x, numbers))
        orders.append(speed)
        v = max(orders.pop(0), v - deceleration * dt)
        x += v * dt
    # To within what it drives in one period.
    assert distance - x >= min(keep, distance) - commanded * dt - 1e-6


@given(
    st.tuples(st.floats(-2, 2), st.floats(-2, 2), st.floats(-2, 2)),
    st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), max_size=8),
)
def test_it_never_speeds_up_nor_turns_what_was_commanded(velocity, points):
    view = View(0.0, math.pi, np.array(points).reshape(-1, 2))
    gated, _ = gate(velocity, [view], SETTINGS)
    assert math.hypot(*gated[:2]) <= math.hypot(*velocity[:2]) + 1e-12
    assert gated[0] * velocity[1] == pytest.approx(gated[1] * velocity[0], abs=1e-9)
    assert gated[0] * velocity[0] >= 0
    assert gated[2] == velocity[2]


class Rig:
    """The node, a range sensor, somebody who commands, and who is commanded."""

    def __init__(self, bench, **values):
        self.bench, self.got = bench, []
        self.probe = bench.add(Probe())
        self.node = bench.add(CollisionMonitor(**options(**values)))
        self.node.start()
        self.ranges = self.probe.create_publisher(Range, "front/range", SENSOR_QOS)
        self.scans = self.probe.create_publisher(LaserScan, "scan", SENSOR_QOS)
        self.steer = self.probe.create_publisher(Twist, "cmd_vel_in", SET_POINT_QOS)
        self.probe.create_subscription(Twist, "cmd_vel", self.got.append, SET_POINT_QOS)
        sensor = self.scans if values.get("scan_topic") else self.ranges
        bench.spin_until(
            lambda: (
                sensor.get_subscription_count() and self.steer.get_subscription_count()
                and self.probe.count_publishers("cmd_vel")
            )
        )  # fmt: skip

    def see(self, distance, maximum=8.0):
        message = Range(range=distance, max_range=maximum, field_of_view=0.1)
        message.header.stamp = to_stamp(self.node.now())
        self.ranges.publish(message)

    def drives(self, condition, distance=None, forward=0.8):
        """Whether the commanded velocity comes to fulfil a condition."""

        def there():
            self.steer.publish(twist(forward))
            if distance is not None:
                self.see(distance)
            self.bench.spin_for(0.01)
            return self.got and condition(self.got[-1].linear.x)

        self.bench.spin_until(there)


def test_the_node_passes_commands_on_and_stops_before_an_obstacle_or_without_a_sensor(bench):
    rig = Rig(bench, input_timeout=0.2)
    rig.drives(lambda v: v == 0.8, math.inf)
    rig.drives(lambda v: 0.0 < v < 0.5, 0.6)
    rig.bench.spin_until(lambda: rig.see(0.6) or rig.probe.said("an obstacle 0.5"))
    rig.drives(lambda v: v == 0.0, -math.inf)  # too close to measure
    rig.drives(lambda v: v == 0.8, math.inf)
    rig.drives(lambda v: v == 0.0)  # the sensor is silent
    rig.drives(lambda v: v == 0.8, math.inf)
    rig.drives(lambda v: v == 0.0, math.nan)  # it sees nothing, not even that nothing is there


def test_without_a_command_the_velocity_is_zero(bench):
    rig = Rig(bench, command_timeout=0.1)
    rig.drives(lambda v: v == 0.8, math.inf)
    rig.bench.spin_until(lambda: rig.see(math.inf) or rig.got[-1].linear.x == 0.0)


def test_a_scan_is_minded_all_around(bench):
    rig = Rig(bench, range_topics=[], range_yaws=[], range_offsets=[], scan_topic="scan")

    def scan(bearing, distance):
        ranges = np.full(360, np.inf)
        ranges[round(math.degrees(bearing)) % 360] = distance
        message = LaserScan(
            angle_min=0.0, angle_increment=math.radians(1.0), range_max=10.0,
            ranges=[float(r) for r in ranges],
        )  # fmt: skip
        message.header.stamp = to_stamp(rig.node.now())
        rig.scans.publish(message)

    def comes_to(bearing, forward, expected):
        rig.steer.publish(twist(forward))
        scan(bearing, 0.45)
        rig.bench.spin_for(0.01)
        return rig.got and rig.got[-1].linear.x == expected

    for case in ((math.pi, 0.5, 0.5), (math.pi, -0.5, 0.0), (0, 0.5, 0.0)):
        rig.bench.spin_until(lambda case=case: comes_to(*case))


def twist(forward):
    message = Twist()
    message.linear.x = forward
    return message


def test_settings_that_contradict_one_another_are_refused():
    with pytest.raises(ConfigurationError, match="a number for each sensor: 1, 2, 1"):
        CollisionParameters(range_yaws=(0.0, 1.0))
    with pytest.raises(ConfigurationError, match="nothing to mind"):
        CollisionParameters(range_topics=(), range_yaws=(), range_offsets=())
