# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The quadruped's launch file, by the real launch: only where launch_pytest is installed."""

from pathlib import Path

import pytest

launch = pytest.importorskip("launch")
launch_pytest = pytest.importorskip("launch_pytest")

from geometry_msgs.msg import Twist  # noqa: E402
from launch.actions import IncludeLaunchDescription  # noqa: E402
from launch_xml.launch_description_sources import XMLLaunchDescriptionSource  # noqa: E402
from nav_msgs.msg import Odometry  # noqa: E402

from neuro_control.quadruped.control.types import JOINTS  # noqa: E402
from neuro_control.ros.messages import SENSOR_QOS, to_nanoseconds  # noqa: E402
from tests.bench import Bench, Probe  # noqa: E402

FILE = Path(__file__).resolve().parents[2] / "launch" / "quadruped.launch.xml"


def launched(**arguments):
    return launch.LaunchDescription(
        [
            IncludeLaunchDescription(
                XMLLaunchDescriptionSource(str(FILE)), launch_arguments=arguments.items()
            ),
            launch_pytest.actions.ReadyToTest(),
        ]
    )


@launch_pytest.fixture
def walking():
    # At a pace that a busy machine keeps.
    return launched(real_time_factor="0.3", robot="go1")


@pytest.mark.timing
@pytest.mark.launch(fixture=walking)
def test_the_launched_quadruped_stands_and_walks_by_cmd_vel():
    bench = Bench()
    try:
        probe = bench.add(Probe())
        bench.spin_until(lambda: len(probe.commands) > 100, timeout=40)
        assert list(probe.commands[-1].name) == list(JOINTS)
        stamps = [to_nanoseconds(command.header.stamp) for command in probe.commands]
        assert stamps == sorted(stamps)
        ahead = []
        probe.create_subscription(
            Odometry,
            "ground_truth/odom",
            lambda m: ahead.append(m.pose.pose.position.x),
            SENSOR_QOS,
        )
        bench.spin_until(lambda: ahead)
        assert abs(ahead[-1]) < 0.1
        publisher = probe.create_publisher(Twist, "cmd_vel", 1)
        command = Twist()
        command.linear.x = 0.5
        probe.create_timer(0.1, lambda: publisher.publish(command))
        bench.spin_until(lambda: ahead[-1] > 0.5, timeout=60)
    finally:
        bench.close()


@launch_pytest.fixture
def lying():
    return launched(real_time_factor="0.3", start_standing="false")


@pytest.mark.timing
@pytest.mark.launch(fixture=lying)
def test_without_start_standing_it_lies():
    bench = Bench()
    try:
        probe = bench.add(Probe())
        heights = []
        probe.create_subscription(
            Odometry,
            "ground_truth/odom",
            lambda m: heights.append(m.pose.pose.position.z),
            SENSOR_QOS,
        )
        bench.spin_until(lambda: heights and heights[-1] < 0.15, timeout=40)
    finally:
        bench.close()
