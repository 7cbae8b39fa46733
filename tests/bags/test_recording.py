# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A recorded run is read by mcap's own reader and by rosbags, and is the run without recording."""

import numpy as np
import pytest

pytest.importorskip("mcap")
pytest.importorskip("mcap_ros2")
pytest.importorskip("rosbags")

from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rclpy.serialization import serialize_message
from rosbags.highlevel import AnyReader
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from neuro_control.bags import pipe
from neuro_control.bags.mcap_file import McapFile
from neuro_control.bags.pipe import SinkProcess
from neuro_control.bags.recorder import BagRecorder, RecorderParameters
from neuro_control.bags.sinks import RUN_TOPIC, Topic
from neuro_control.cli.watching.options import Watching
from neuro_control.errors import ConfigurationError
from tests.bags.recordings import STEPS, swim
from tests.bench import Probe, options


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return swim(tmp_path_factory.mktemp("swim"))


def test_mcap_s_own_reader_decodes_all_that_was_published(recorded):
    result, path = recorded
    with path.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        assert reader.get_header().profile == "ros2"
        angles = [
            message.position
            for _, _, _, message in reader.iter_decoded_messages(topics="/joint_states")
        ]
        commands = list(reader.iter_decoded_messages(topics="/joint_commands"))
    # All but the last state, which ends the run unobserved.
    assert np.array_equal(np.array(angles), result.recording["qpos"][:-1, 3:])
    assert len(commands) == STEPS


def test_rosbags_reads_all_of_it_and_its_quality_of_service(recorded):
    _, path = recorded
    counts = {}
    with AnyReader([path]) as reader:
        qos = {each.topic: each.ext.offered_qos_profiles[0] for each in reader.connections}
        for connection, nanoseconds, data in reader.messages():
            message = reader.deserialize(data, connection.msgtype)
            counts[connection.topic] = counts.get(connection.topic, 0) + 1
            if connection.topic == "/joint_states":
                stamp = message.header.stamp
                assert nanoseconds == stamp.sec * 10**9 + stamp.nanosec
    assert counts["/joint_states"] == counts["/joint_commands"] == STEPS
    assert counts["/swimmer_controller/activity"] == STEPS
    assert counts[RUN_TOPIC] == 1
    assert qos["/joint_states"].reliability.name == "BEST_EFFORT"
    assert qos["/joint_commands"].reliability.name == "RELIABLE"


def test_a_run_is_the_same_whether_it_is_recorded_or_not(recorded, tmp_path):
    result, _ = recorded
    plain, _ = swim(tmp_path, Watching().watchers)
    for name in ("qpos", "qvel", "ctrl"):
        assert np.array_equal(plain.recording[name], result.recording[name])


def test_a_sink_that_fails_is_reported_when_the_run_ends(tmp_path, capfd):
    file = {"path": str(tmp_path / "run.txt")}
    sink = SinkProcess("neuro_control.bags.mcap_file:McapFile", file, drop=False)
    sink.open_topic(Topic.of("/text", String))
    sink.write("/text", 0, serialize_message(String(data="a" * 100_000)))
    with pytest.raises(ConfigurationError, match="message is above"):
        sink.close()
    assert "ends in .mcap" in capfd.readouterr().err


def test_what_can_t_be_recorded_to_is_refused_before_the_run(tmp_path):
    with pytest.raises(ConfigurationError, match=r"ends in \.mcap"):
        Watching(tmp_path / "run.bag").check(False, None)
    (tmp_path / "run.mcap").mkdir()
    with pytest.raises(ConfigurationError, match="is a folder"):
        Watching(tmp_path / "run.mcap").check(False, None)


def test_the_recorder_node_takes_topics_as_they_appear(bench, tmp_path):
    path = tmp_path / "node.mcap"
    probe = bench.add(Probe())
    recorder = bench.add(BagRecorder(**options(file=str(path), topics=["/arm/.*"])))
    arm = probe.create_publisher(JointState, "/arm/joint_states", 10)
    other = probe.create_publisher(JointState, "/leg/joint_states", 10)
    bench.spin_until(lambda: arm.get_subscription_count(), what="the recorder has found the topic")
    for number in range(3):
        arm.publish(JointState(name=["elbow"], position=[float(number)]))
        other.publish(JointState())
    bench.spin_until(
        lambda: recorder.diagnostic_values()["messages"] == "3", what="they are recorded"
    )
    recorder.stop()
    with path.open("rb") as file:
        found = list(
            make_reader(file, decoder_factories=[DecoderFactory()]).iter_decoded_messages()
        )
    positions = [message.position for _, channel, _, message in found if channel.topic != RUN_TOPIC]
    assert positions == [[0.0], [1.0], [2.0]]


def test_where_messages_may_be_dropped_only_so_many_wait_and_the_rest_is_counted(
    tmp_path, monkeypatch
):
    path = tmp_path / "run.mcap"
    arguments = "neuro_control.bags.mcap_file:McapFile", {"path": str(path)}
    monkeypatch.setattr(pipe, "_LIMIT", 3000)
    sink = SinkProcess(*arguments, drop=True)
    sink.open_topic(Topic.of("/text", String))
    data = serialize_message(String(data="a" * 1000))
    for number in range(10):
        sink.write("/text", number, data)
    assert sink.dropped == 7
    sink.close()
    with path.open("rb") as file:
        assert [each.log_time for _, _, each in make_reader(file).iter_messages()] == [0, 1, 2]


def test_a_recorder_whose_disk_is_full_says_so_and_lives_on(bench, tmp_path, monkeypatch):
    recorder = bench.add(BagRecorder(**options(file=str(tmp_path / "full.mcap"))))

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recorder._sink, "write", full)
    probe = bench.add(Probe())
    text = probe.create_publisher(String, "/text", 10)
    bench.spin_until(lambda: text.get_subscription_count() == 1)
    text.publish(String(data="a"))
    bench.spin_until(lambda: "No space left" in recorder.reported_state()[1])
    text.publish(String(data="b"))
    bench.spin_for(0.1)
    with (tmp_path / "full.mcap").open("rb") as file:
        assert make_reader(file).get_summary().statistics.message_count == 1  # what ran


def test_a_file_that_can_t_be_ended_keeps_what_it_has_under_another_name(tmp_path, monkeypatch):
    made = McapFile(tmp_path / "run.mcap")
    made.open_topic(Topic.of("/text", String))
    made.write("/text", 0, serialize_message(String(data="a")))

    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(made._writer, "finish", full)
    with pytest.raises(OSError, match="No space"):
        made.close()
    assert [each.name for each in tmp_path.iterdir()] == ["run.mcap.part"]


@pytest.mark.parametrize(("topics", "exclude"), [(["("], []), ([], ["*"])])
def test_a_pattern_that_is_none_is_refused(topics, exclude):
    with pytest.raises(ConfigurationError, match="is no regular expression"):
        RecorderParameters(topics=tuple(topics), exclude=tuple(exclude))
