# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a launch ends when something fails: by the real launch, where it is installed."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("launch")
pytest.importorskip("launch_ros")

from tests.bench import before_deadline

FOLDER = Path(__file__).resolve().parents[2] / "launch"
FILES = sorted(path.name for path in FOLDER.glob("*.launch.xml"))
PROGRAM = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch_xml.launch_description_sources import XMLLaunchDescriptionSource

file, *arguments = sys.argv[1:]
arguments = [argument.split(":=") for argument in arguments]
service = LaunchService()
source = XMLLaunchDescriptionSource(file)
included = IncludeLaunchDescription(source, launch_arguments=arguments)
service.include_launch_description(LaunchDescription([included]))
sys.exit(service.run())
"""


def command(file, *arguments):
    """Command that launches in a process of its own, as launch logs to one."""
    return [sys.executable, "-c", PROGRAM, str(FOLDER / file), *arguments]


def run(file, *arguments):
    """Exit code of a launch and what it printed."""
    done = subprocess.run(
        command(file, *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=110,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("file", FILES)
def test_a_parameter_file_that_is_missing_ends_a_launch_with_an_error(file):
    code, printed = run(file, "params_file:=/no/where.yaml")
    assert code == 1
    assert "params_file: there is no file /no/where.yaml" in printed


def test_a_controller_that_fails_ends_a_launch_with_its_reason():
    code, printed = run("swimmer.launch.xml", "weights:=nonsense")
    assert code == 1
    assert "no policy 'nonsense'" in printed
    assert "swimmer_controller ended early, by exit code 1" in printed


def test_a_simulation_that_is_over_ends_a_launch_well():
    code, printed = run("swimmer.launch.xml", "duration:=1.0", "lockstep:=true", "namespace:=one")
    assert code == 0
    assert "one.swimmer_controller" in printed


class Launched:
    """A launch that runs beside the test."""

    def __init__(self, path, *arguments):
        self._path = path
        with path.open("wb") as out:
            self._process = subprocess.Popen(command(*arguments), stdout=out, stderr=out)

    def printed(self):
        return self._path.read_text()

    def wait_for(self, text, times=1):
        for _ in before_deadline(f"the launch prints '{text}' {times} times", 60.0):
            if self.printed().count(text) >= times:
                return
            assert self._process.poll() is None, self.printed()
            time.sleep(0.1)

    def end_node(self, name, number):
        """Send a signal to the latest process of a node."""
        started = re.findall(rf"\[{name}-\d+\]: process started with pid \[(\d+)\]", self.printed())
        os.kill(int(started[-1]), number)

    def code(self):
        return self._process.wait(timeout=60.0)

    def close(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(timeout=60.0)


@pytest.fixture
def launched(tmp_path):
    made = []

    def start(*arguments):
        made.append(Launched(tmp_path / "printed.txt", *arguments))
        return made[0]

    yield start
    for each in made:
        each.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda each: each.name)
@pytest.mark.parametrize("node", ["swimmer_controller", "simulation"])
def test_a_node_that_is_ended_ends_the_launch_with_another_code_than_0(launched, node, number):
    running = launched("swimmer.launch.xml")
    running.wait_for("[swimmer_controller]: running")
    running.end_node(node, number)
    if (node, number) == ("simulation", signal.SIGTERM):
        assert running.code() == 0  # a simulation that is stopped well is over
        return
    assert running.code() == 1
    assert f"{node} ended early" in running.printed()


def test_a_managed_launch_starts_a_node_again_and_takes_it_in(launched):
    running = launched("swimmer_square.launch.xml", "managed:=true", "respawn:=true")
    running.wait_for("all are active")
    before = running.printed().count("[swimmer_controller]: running")
    running.end_node("swimmer_controller", signal.SIGKILL)
    running.wait_for("all are active", times=2)
    running.wait_for("[swimmer_controller]: running", times=before + 1)
    assert "[swimmer_navigator]: deactivated normally" in running.printed()
