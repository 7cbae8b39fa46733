# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the pages of real robots and their systemd units name is there."""

import dataclasses
import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from neuro_control.blimp.nodes.altitude import BlimpParameters
from neuro_control.cli.doctor import doctor
from neuro_control.doctor.robot import doctors
from neuro_control.drivers.motor_outputs import PropulsionParameters
from neuro_control.drivers.tfmini import TfminiParameters
from neuro_control.quadruped.go2.parameters import UnitreeParameters
from neuro_control.quadruped.nodes.parameters import GaitParameters
from neuro_control.ros.collision.node import CollisionParameters

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs" / "hardware").glob("*.md"))
UNITS = sorted((ROOT / "config" / "systemd").glob("*.service"))
PARAMETERS = {
    "unitree_go2": UnitreeParameters, "gait_controller": GaitParameters,
    "tfmini": TfminiParameters, "propulsion": PropulsionParameters,
    "blimp_altitude": BlimpParameters, "collision_monitor": CollisionParameters,
}  # fmt: skip


def arguments_of(launch_file):
    root = ElementTree.parse(ROOT / "launch" / launch_file).getroot()
    return {arg.get("name") for arg in root.findall("arg")}


def assert_commands_are_known(text):
    for line in re.findall(r"ros2 launch neuro_control .*", text):
        words = re.split(r"\s+", line.rstrip("'"))
        given = {word.partition(":=")[0] for word in words if ":=" in word}
        assert given <= arguments_of(words[3]), line
    options = {option for parameter in doctor.params for option in parameter.opts}
    for line in re.findall(r"neuro-control doctor (.*)", text):
        words = shlex.split(line.strip().rstrip("'"))
        assert words[0] in doctors()
        assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_commands_and_parameters_of_a_page_lead_somewhere(page):
    text = page.read_text()
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (page.parent / target).exists(), target
    assert_commands_are_known(text)
    for block in re.findall(r"```yaml\n(.*?)```", text, re.S):
        for node, content in (yaml.safe_load(block) or {}).items():
            if node.startswith("/**/"):
                fields = {f.name for f in dataclasses.fields(PARAMETERS[node.removeprefix("/**/")])}
                assert set(content["ros__parameters"]) <= fields
    known = {f.name for made in PARAMETERS.values() for f in dataclasses.fields(made)}
    known |= {"motion_switcher", "joint_commands", "hottest_motor_c", "gait_command", "cmd_vel"}
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)(?::[^`]*)?`", text))
    assert named - known <= {"network_interface", "collision_monitor"}, named - known


@pytest.mark.parametrize("unit", UNITS, ids=lambda p: p.name)
def test_a_unit_starts_what_there_is_as_its_page_says(unit):
    text = unit.read_text()
    assert_commands_are_known(text)
    robot = unit.stem.removeprefix("neuro-control-")
    assert unit.name in (ROOT / "docs" / "hardware" / f"{robot}.md").read_text()
    # Nodes end as by Ctrl-C, with their safe commands; nothing starts before the doctor is content.
    assert "KillSignal=SIGINT" in text
    assert text.index("ExecStartPre=") < text.index("ExecStart=")
