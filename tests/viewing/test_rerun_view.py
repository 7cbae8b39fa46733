# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the view's recording holds, opened again, is what was shown."""

import array

import numpy as np
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String

pytest.importorskip("rerun")

from rerun.chunk import RrdReader

from neuro_control.bags.sinks import Topic
from neuro_control.errors import ConfigurationError
from neuro_control.ros.messages import joint_state
from neuro_control.viewing import rerun_view
from neuro_control.viewing.rerun_view import RerunView

MODEL = {"model": "neuro_control.swimmer.simulation.tasks:swim", "arguments": {"links": 6}}


def shown(path, messages, **settings):
    """Show messages (topic, time in s, message), and open the recording again.

    Gives by path: the times of its rows, and the rows of each component.
    """
    view = RerunView(file=str(path), shown_in="file", **settings)
    for name, kind in {name: type(message) for name, _, message in messages}.items():
        view.open_topic(Topic.of(name, kind))
    for name, seconds, message in messages:
        view.write(name, round(1e9 * seconds), serialize_message(message))
    view.close()
    reader, found = RrdReader(path), {}
    assert len(reader.blueprints()) == 1
    for chunk in reader.stream().collect().stream():
        batch = chunk.to_record_batch()
        rows = found.setdefault(str(chunk.entity_path).strip("/"), {})
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name != "log_time":  # of the wall clock, in ns
                rows.setdefault(name.rpartition(":")[2], []).extend(column.to_pylist())
    return found


def test_spikes_and_membranes_are_those_of_the_message(tmp_path):
    spikes = np.array([[0.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    volts = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    names = ["a_0", "a_1", "b_0"]
    found = shown(
        tmp_path / "view.rrd",
        [
            ("/net/activity", 0.1 * i, joint_state(0, names, spikes[i], effort=volts[i]))
            for i in range(2)
        ],
    )
    dots = np.array(found["spikes/net"]["scalars"][-2:])
    assert np.array_equal(dots, [[np.nan, 2.0, np.nan], [1.0, 2.0, np.nan]], equal_nan=True)
    assert np.array_equal(found["membranes/net"]["scalars"][-2:], volts)
    assert [each.total_seconds() for each in found["membranes/net"]["time"]] == [0.0, 0.1]
    assert found["spikes/net"]["names"][0] == names


def test_activity_is_drawn_in_groups_by_what_its_names_begin_with(tmp_path):
    names = ["phase_FL", "phase_FR", "commanded_forward", "commanded_left", "confidence"]
    message = joint_state(0, names, np.arange(5.0))
    found = shown(tmp_path / "view.rrd", [("/walker/activity", 1.0, message)])
    assert found["activity/walker_phase"]["scalars"][-1] == [0.0, 1.0]
    assert found["set_points/walker_commanded"]["scalars"][-1] == [2.0, 3.0]
    assert found["activity/walker_other"]["scalars"][-1] == [4.0]


def test_the_body_moves_with_its_joints(tmp_path):
    def bent(angle):
        return JointState(name=["joint_1"], position=[angle])

    found = shown(
        tmp_path / "view.rrd",
        [("/joint_states", 0.0, bent(0.0)), ("/joint_states", 0.5, bent(1.0))],
        **MODEL,
    )
    places = np.array(found["world/bodies/link_3"]["translation"][-2:]).reshape(2, 3)
    assert np.linalg.norm(places[1] - places[0]) > 0.05
    assert any(path.startswith("world/bodies/link_3/skin") for path in found)


def test_where_a_policy_looks_is_laid_over_the_picture_that_it_sees(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    camera = Image(height=32, width=48, encoding="rgb8", step=144)
    camera.data = array.array("B", picture.tobytes())
    looked = Image(height=2, width=2, encoding="mono8", step=2, data=[255, 0, 0, 100])
    found = shown(
        tmp_path / "view.rrd",
        [("/head/image", 0.0, camera), ("/quart_policy/attention", 0.0, looked)],
    )
    glow = np.array(found["cameras/head_image/attention"]["buffer"][-1], dtype=np.uint8)
    glow = glow.reshape(32, 48, 4)
    assert glow[0, 8, 3] == round(255 * 0.7 - 0.5)
    assert glow[31, 39, 3] == 70
    assert not glow[:, :8, 3].any()  # beside the square that it sees
    assert "cameras/head_image/picture" in found


def test_scores_of_all_places_and_words_are_shown(tmp_path):
    scores = joint_state(0, ["p0", "p1", "p2"], np.array([0.1, 0.9, 0.3]))
    place = joint_state(0, ["p1"], np.array([0.9]))
    place.header.frame_id = "p1"
    found = shown(
        tmp_path / "view.rrd",
        [
            ("/place_recognizer/scores", 0.0, scores),
            ("/place", 0.0, place),
            ("/quart_policy/progress", 0.2, String(data="running: go")),
        ],
    )
    ((values,),) = found["scores"]["values"]
    assert values["buffer"] == [0.1, 0.9, 0.3]
    assert found["log/quart_policy/progress"]["text"][-1] == ["running: go"]
    assert found["log/place"]["text"][-1] == ["p1 (best: p1)"]


def test_a_view_that_can_t_be_shown_is_refused_before_the_run(monkeypatch):
    with pytest.raises(ConfigurationError, match="needs --out"):
        rerun_view.check("file", None)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert rerun_view.place_of("auto") == "browser"
    monkeypatch.setenv("DISPLAY", ":0")
    assert rerun_view.place_of("auto") == "window"
