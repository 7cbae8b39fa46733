# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a launch ends when something fails: by the real launch, where it is installed."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("launch")
pytest.importorskip("launch_ros")

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


def run(file, *arguments):
    """Exit code of a launch and what it printed; in a process of its own, as launch logs to one."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(FOLDER / file), *arguments],
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
