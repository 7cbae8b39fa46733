# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The launch file of places, by the real launch: only where ROS 2's launch_pytest is installed."""

from pathlib import Path

import pytest

launch = pytest.importorskip("launch")
launch_pytest = pytest.importorskip("launch_pytest")

from launch.actions import IncludeLaunchDescription  # noqa: E402
from launch_xml.launch_description_sources import XMLLaunchDescriptionSource  # noqa: E402
from sensor_msgs.msg import Image, JointState  # noqa: E402

from neuro_control.places.nodes.image_messages import raw_message  # noqa: E402
from neuro_control.places.simulation.route import render_route  # noqa: E402
from neuro_control.ros.messages import COMMAND_QOS, SENSOR_QOS  # noqa: E402
from tests.bench import Bench, Probe  # noqa: E402
from tests.places.models import write_model  # noqa: E402

FILE = Path(__file__).resolve().parents[2] / "launch" / "places.launch.xml"


def launched(**arguments):
    return launch.LaunchDescription(
        [
            IncludeLaunchDescription(
                XMLLaunchDescriptionSource(str(FILE)), launch_arguments=arguments.items()
            ),
            launch_pytest.actions.ReadyToTest(),
        ]
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "summer.safetensors"
    write_model(path, *render_route("summer", places=12))
    return str(path)


@launch_pytest.fixture
def riding(model):
    return launched(transport="compressed", model=model)


@pytest.mark.launch(fixture=riding)
def test_the_launched_recogniser_answers_the_launched_player():
    bench = Bench()
    try:
        places = []
        probe = bench.add(Probe())
        probe.create_subscription(JointState, "place", places.append, COMMAND_QOS)
        bench.spin_until(lambda: len(places) > 10 and probe.said("running"))
        assert all(len(place.name) == len(place.position) for place in places)
    finally:
        bench.close()


@launch_pytest.fixture
def on_the_robot(model):
    return launched(sim="false", image="camera/image_raw", model=model)


@pytest.mark.launch(fixture=on_the_robot)
def test_on_the_robot_the_recogniser_answers_the_cameras_topic():
    bench = Bench()
    try:
        places = []
        probe = bench.add(Probe())
        probe.create_subscription(JointState, "place", places.append, COMMAND_QOS)
        camera = probe.create_publisher(Image, "camera/image_raw", SENSOR_QOS)
        bench.spin_until(lambda: probe.said("waiting for image"))
        assert probe.count_publishers("image") == 0
        message = raw_message(render_route("summer", places=3)[0][2])

        def answered():
            message.header.stamp = probe.get_clock().now().to_msg()
            camera.publish(message)
            return bool(places)

        bench.spin_until(answered)
    finally:
        bench.close()
