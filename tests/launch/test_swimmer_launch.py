# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The launch file, by the real launch: only where ROS 2's launch_pytest is installed."""

import os
import subprocess
import time
from pathlib import Path

import pytest

launch = pytest.importorskip("launch")
launch_pytest = pytest.importorskip("launch_pytest")

from launch.actions import IncludeLaunchDescription  # noqa: E402
from launch_xml.launch_description_sources import XMLLaunchDescriptionSource  # noqa: E402
from rcl_interfaces.srv import GetParameters  # noqa: E402

from neuro_control.ros.messages import to_nanoseconds  # noqa: E402
from tests.bench import Bench, Probe, before_deadline, wait_until  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "launch" / "swimmer.launch.xml"


@launch_pytest.fixture
def swimming():
    return launch.LaunchDescription(
        [
            IncludeLaunchDescription(
                XMLLaunchDescriptionSource(str(FILE)),
                launch_arguments={"lockstep": "false"}.items(),
            ),
            launch_pytest.actions.ReadyToTest(),
        ]
    )


@pytest.mark.launch(fixture=swimming)
def test_the_launched_swimmer_answers_its_simulation():
    bench = Bench()
    try:
        probe = bench.add(Probe())
        bench.spin_until(lambda: len(probe.commands) > 30 and probe.said("running"))
        stamps = [to_nanoseconds(command.header.stamp) for command in probe.commands]
        assert stamps == sorted(stamps)
        assert any(map(any, probe.efforts()))
    finally:
        bench.close()


@pytest.mark.launch(fixture=swimming, shutdown=True)
def test_after_the_shutdown_no_node_is_left():
    assert _nodes() == []


@launch_pytest.fixture
def swimming_by_trained_weights():
    return launch.LaunchDescription(
        [
            IncludeLaunchDescription(
                XMLLaunchDescriptionSource(str(FILE)),
                launch_arguments={"lockstep": "false", "weights": "trained"}.items(),
            ),
            launch_pytest.actions.ReadyToTest(),
        ]
    )


@pytest.mark.launch(fixture=swimming_by_trained_weights)
def test_the_launch_argument_weights_picks_the_policy():
    bench = Bench()
    try:
        probe = bench.add(Probe())
        client = probe.create_client(GetParameters, "/swimmer_controller/get_parameters")
        answer = bench.call(client, GetParameters.Request(names=["policy"]))
        assert answer.values[0].string_value == "trained"
    finally:
        bench.close()


def _nodes():
    mark = f"ROS_DOMAIN_ID={os.environ['ROS_DOMAIN_ID']}\0"
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (
                mark in (folder / "environ").read_text()
                and "lib/neuro_control/" in (folder / "cmdline").read_text()
            ):
                found.append(folder.name)
        except (OSError, UnicodeDecodeError):
            continue
    return found


def test_nodes_end_when_their_launch_is_killed(tmp_path):
    printed = tmp_path / "printed.txt"
    with printed.open("wb") as out:
        process = subprocess.Popen(["ros2", "launch", str(FILE)], stdout=out, stderr=out)
    try:
        for _ in before_deadline("both nodes' processes are there"):
            assert process.poll() is None, printed.read_text()
            if len(_nodes()) == 2:
                break
            time.sleep(0.1)
        time.sleep(1)
    finally:
        process.kill()
        process.wait()
    wait_until(lambda: not _nodes(), "the nodes' processes have ended")
