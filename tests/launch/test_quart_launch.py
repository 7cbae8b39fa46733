# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The launch file of QUART, by the real launch: only where launch_pytest is installed."""

from pathlib import Path

import pytest

launch = pytest.importorskip("launch")
launch_pytest = pytest.importorskip("launch_pytest")

from launch.actions import IncludeLaunchDescription  # noqa: E402
from launch_xml.launch_description_sources import XMLLaunchDescriptionSource  # noqa: E402
from nav_msgs.msg import Odometry  # noqa: E402
from std_msgs.msg import String  # noqa: E402

from neuro_control.quart.nodes.policy import PROGRESS_QOS  # noqa: E402
from neuro_control.ros.messages import SENSOR_QOS  # noqa: E402
from tests.bench import Bench, Probe  # noqa: E402
from tests.quart.policies import steady_policy, write  # noqa: E402

FILE = Path(__file__).resolve().parents[2] / "launch" / "quart.launch.xml"
WORDS = "stop the blue ball"


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    path = tmp_path_factory.mktemp("policy") / "walk.safetensors"
    return str(write(steady_policy(forward=0.5), path))


@launch_pytest.fixture
def following(policy):
    arguments = {
        "policy": policy,
        "instruction": WORDS,
        "real_time_factor": "0.3",  # a pace that a busy machine keeps
    }
    return launch.LaunchDescription(
        [
            IncludeLaunchDescription(
                XMLLaunchDescriptionSource(str(FILE)), launch_arguments=arguments.items()
            ),
            launch_pytest.actions.ReadyToTest(),
        ]
    )


@pytest.mark.timing
@pytest.mark.launch(fixture=following)
def test_the_launched_robot_follows_the_instruction_and_then_another():
    bench = Bench()
    try:
        probe = bench.add(Probe())
        progress, ahead = [], []
        probe.create_subscription(
            String, "quart_policy/progress", lambda m: progress.append(m.data), PROGRESS_QOS
        )
        probe.create_subscription(
            Odometry,
            "ground_truth/odom",
            lambda m: ahead.append(m.pose.pose.position.x),
            SENSOR_QOS,
        )
        bench.spin_until(lambda: f"running: {WORDS}" in progress, timeout=90)
        bench.spin_until(lambda: ahead and ahead[-1] > 0.5, timeout=60)
        publisher = probe.create_publisher(String, "instruction", 1)
        probe.create_timer(0.5, lambda: publisher.publish(String(data="go to the red cube")))
        bench.spin_until(lambda: "running: go to the red cube" in progress, timeout=60)
    finally:
        bench.close()
