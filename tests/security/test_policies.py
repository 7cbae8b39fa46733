# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The policies of SROS 2 are ones, and allow what the scenarios' nodes do."""

import json
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from docs import topics
from neuro_control.cli.scenario import discover

etree = pytest.importorskip("lxml.etree", reason="policies are checked with lxml")

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "config" / "security"
# Prints, for each node of a scenario, what it publishes, subscribes to, offers and calls.
PROGRAM = """
import json, os, sys, tempfile
from pathlib import Path
from neuro_control.ros import process, run
process.discover_locally()
from neuro_control.cli.scenario import find_scenario, resolve

scenario = find_scenario(sys.argv[1])
file = Path(tempfile.mkdtemp()) / "parameters.yaml"
run.write_parameters(run.read_parameters(scenario.config_file(), list(scenario.nodes)), file)
process.initialise(["--ros-args", "--params-file", str(file)])
nodes = {name: resolve(made)() for name, made in scenario.nodes.items()}
for node in list(nodes.values())[1:]:
    node.start()
found = {
    name: {
        "publish": node.get_publisher_names_and_types_by_node(name, "/"),
        "subscribe": node.get_subscriber_names_and_types_by_node(name, "/"),
        "reply": node.get_service_names_and_types_by_node(name, "/"),
        "request": node.get_client_names_and_types_by_node(name, "/"),
    }
    for name, node in nodes.items()
}
print(json.dumps(found), flush=True)
process.close(list(nodes.values()))
"""


def policy_of(path):
    """The policy in a file, what it includes in its place."""
    tree = etree.parse(str(path))
    tree.xinclude()
    # It notes where each part comes from, which SROS 2's schema allows.
    etree.strip_attributes(tree, "{http://www.w3.org/XML/1998/namespace}base")
    return tree


def policies():
    return sorted(FOLDER.glob("*.policy.xml"))


def test_each_scenario_has_a_policy():
    names = {path.name.partition(".")[0] for path in policies()}
    assert names == {name.replace("-", "_") for name in discover()}


@pytest.mark.parametrize("path", policies(), ids=lambda path: path.name)
def test_a_policy_is_one_by_the_schema_of_sros2(path):
    schema = etree.XMLSchema(etree.parse(str(Path(__file__).with_name("policy.xsd"))))
    schema.assertValid(policy_of(path))


def resolved(name, node):
    """A topic's or service's full name, of a node without a namespace."""
    return name.replace("~", f"/{node}", 1) if name.startswith("~") else f"/{name.lstrip('/')}"


# The quadruped's controller takes half a minute to compile where nothing is cached.
@pytest.mark.parametrize("name", ["swimmer-square", "blimp", "places"])
def test_a_policy_allows_each_node_what_it_does_and_little_more(name):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, name], capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stderr
    page = topics.PAGE.read_text()
    tree = policy_of(FOLDER / f"{name.replace('-', '_')}.policy.xml")
    enclave = tree.find(f".//enclave[@path='/{name.replace('-', '_')}']")
    nodes = json.loads(done.stdout.splitlines()[-1])
    assert len(nodes) >= 2
    for node, uses in nodes.items():
        # What `python -m docs.topics` wrote down is what there is.
        for used, types in uses["publish"] + uses["subscribe"]:
            if not used.endswith(topics.OF_ALL):
                assert topics.row(used, types, node) in page, "write docs/reference/topics.md anew"
        profile = enclave.find(f".//profile[@node='{node}']")
        for verb, names in uses.items():
            allowed = [
                resolved(each.text, node) for each in profile.findall(f"*[@{verb}='ALLOW']/*")
            ]
            missing = [
                used for used, _ in names if not any(fnmatch(used, each) for each in allowed)
            ]
            assert not missing, f"{node} may not {verb} {missing}"
    # Motors are commanded by controllers alone, and by no operator.
    commanding = tree.xpath("//profile[topics[@publish]/topic='joint_commands']/@node")
    assert set(commanding) <= {"swimmer_controller", "blimp_altitude", "gait_controller"}
    assert all(each.text != "*" for each in tree.iter("topic", "service"))
