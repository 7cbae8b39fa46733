# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The viewer as a node, and the runs that it and the command's options watch."""

import numpy as np
import pytest
from sensor_msgs.msg import JointState

pytest.importorskip("rerun")

from rerun.chunk import RrdReader

from neuro_control.cli.watching.options import VIEW_FILE, Watching, body_of
from neuro_control.viewing.viewer import Viewer
from tests.bags.recordings import swim
from tests.bench import Probe, options


def paths(file):
    """Paths of a view's recording."""
    chunks = RrdReader(file).stream().collect().stream()
    return {str(chunk.entity_path).strip("/") for chunk in chunks}


def test_the_viewer_shows_what_others_publish_with_the_body_of_a_parameter_file(bench, tmp_path):
    parameters = tmp_path / "swimmer.yaml"
    model = "neuro_control.swimmer.simulation.tasks:swim"
    parameters.write_text(
        f"/**/simulation: {{ros__parameters: {{model: '{model}', model_arguments: 'links: 4'}}}}"
    )
    file = tmp_path / "view.rrd"
    shown = {"file": str(file), "view_in": "file", "params_file": str(parameters)}
    viewer = bench.add(Viewer(**options(**shown, topics=["/joint_states"])))
    probe = bench.add(Probe())
    joints = probe.create_publisher(JointState, "joint_states", 10)
    bench.spin_until(lambda: joints.get_subscription_count() == 1)
    joints.publish(JointState(name=["joint_1"], position=[0.5]))
    bench.spin_until(lambda: viewer.diagnostic_values()["messages"] == "1")
    viewer.stop()
    found = paths(file)
    assert "joints/joint_states_position" in found
    assert any(path.startswith("world/bodies/link_3/") for path in found)
    assert not any("link_4" in path for path in found)


def test_a_run_is_shown_into_a_file_and_stays_the_same_run(tmp_path):
    plain, _ = swim(tmp_path, Watching().watchers, duration=0.3)
    shown, _ = swim(tmp_path, Watching(view=True, view_in="file").watchers, duration=0.3)
    assert np.array_equal(plain.recording["qpos"], shown.recording["qpos"])
    found = paths(tmp_path / VIEW_FILE)
    assert {"activity/swimmer_controller_neuron", "set_points/ground_truth/odom"} <= found


def test_what_has_no_body_is_shown_without_one():
    assert body_of({"player": {"season": "winter"}}) == {
        "model": "",
        "arguments": {},
        "seed": 0,
    }
    found = body_of({"simulation": {"model": "a:b", "model_arguments": "links: 3", "seed": 4}})
    assert found == {"model": "a:b", "arguments": {"links": 3}, "seed": 4}
