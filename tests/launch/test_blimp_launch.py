# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The blimp's launch file, by the real launch: only where ROS 2's launch_pytest is installed."""

from pathlib import Path

import pytest

launch = pytest.importorskip("launch")
launch_pytest = pytest.importorskip("launch_pytest")

from launch.actions import IncludeLaunchDescription  # noqa: E402
from launch_xml.launch_description_sources import XMLLaunchDescriptionSource  # noqa: E402
from nav_msgs.msg import Odometry  # noqa: E402
from std_msgs.msg import Float64  # noqa: E402

from neuro_control.ros.messages import SENSOR_QOS, to_nanoseconds  # noqa: E402
from tests.bench import Bench, Probe  # noqa: E402

FILE = Path(__file__).resolve().parents[2] / "launch" / "blimp.launch.xml"


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
def flying():
    return launched(lockstep="false")


@pytest.mark.launch(fixture=flying)
def test_the_launched_blimp_flies_to_the_set_point_that_is_sent():
    bench = Bench()
    try:
        probe = bench.add(Probe())
        bench.spin_until(lambda: len(probe.commands) > 10)
        stamps = [to_nanoseconds(command.header.stamp) for command in probe.commands]
        assert stamps == sorted(stamps)
        publisher = probe.create_publisher(Float64, "set_point", 1)
        bench.spin_until(publisher.get_subscription_count)
        publisher.publish(Float64(data=2.0))
        heights = []
        probe.create_subscription(
            Odometry, "odom", lambda m: heights.append(m.pose.pose.position.z), SENSOR_QOS
        )
        bench.spin_until(lambda: heights and heights[-1] > 1.2)
    finally:
        bench.close()


@launch_pytest.fixture
def on_hardware(tmp_path_factory):
    drivers = tmp_path_factory.mktemp("hardware") / "drivers.yaml"
    drivers.write_text(
        "/**/tfmini: {ros__parameters: {port: /dev/no_such_lidar}}\n"
        "/**/propulsion: {ros__parameters: {pin_factory: mock}}\n"
    )
    return launched(sim="false", hardware_file=str(drivers))


@pytest.mark.launch(fixture=on_hardware)
def test_on_hardware_a_lidar_that_is_not_there_is_told_and_nothing_pulls():
    bench = Bench()
    try:
        probe = bench.add(Probe())
        bench.spin_until(lambda: probe.said("no_such_lidar"))
        bench.spin_until(lambda: len(probe.commands) > 5)
        assert all(max(command.effort) == 0.0 for command in probe.commands)
    finally:
        bench.close()
