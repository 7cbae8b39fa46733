# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Each scenario has a layout for Foxglove and one for RViz, which show topics that there are."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from neuro_control.cli.scenario import discover
from neuro_control.viewing.foxglove_server import FRAMES, SCENE

CONFIG = Path(__file__).resolve().parents[2] / "config"
# Topics that do not come from the scenario's own nodes.
OTHERS = {"/diagnostics", SCENE, FRAMES, "/robot_description"}


def published(name):
    """Topics that the scenario's nodes publish, as its SROS 2 policy has them, which is tested."""
    scenario = discover()[name]
    policy = ElementTree.parse(CONFIG / "security" / f"{name.replace('-', '_')}.policy.xml")
    found = set()
    for profile in policy.getroot().iter("profile"):
        node = profile.get("node")
        if node not in (*scenario.nodes, "operator"):
            continue
        for topic in profile.findall("topics[@publish='ALLOW']/topic"):
            found.add("/" + topic.text.replace("~", node).lstrip("/"))
    return found


def exists(topic, name):
    patterns = [re.escape(each).replace(r"\*", "[^/]+") for each in published(name)]
    return topic in OTHERS or any(re.fullmatch(each, topic) for each in patterns)


@pytest.mark.parametrize("name", discover())
def test_a_foxglove_layout_has_its_panels_and_topics(name):
    layout = json.loads((CONFIG / "foxglove" / f"{name}.json").read_text())

    def panels(part):
        return {part} if isinstance(part, str) else panels(part["first"]) | panels(part["second"])

    assert panels(layout["layout"]) == set(layout["configById"])
    text = json.dumps(layout["configById"])
    topics = set(re.findall(r'"(/[\w/]+)', text))
    assert topics
    assert not {each for each in topics if not exists(each, name)}


@pytest.mark.parametrize("name", discover())
def test_an_rviz_configuration_has_topics_that_there_are(name):
    found = yaml.safe_load((CONFIG / "rviz" / f"{name}.rviz").read_text())
    for display in found["Visualization Manager"]["Displays"]:
        for key in ("Topic", "Description Topic"):
            if key in display:
                assert exists("/" + display[key]["Value"], name), display["Name"]
