# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recorded sensors give the recorded commands again, and a change of the controller shows."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("mcap")
pytest.importorskip("rosbags")

from geometry_msgs.msg import Twist
from rosbags.rosbag2 import StoragePlugin
from sensor_msgs.msg import JointState

from neuro_control.bags.comparison import TopicComparison, numbers_of, texts_of
from neuro_control.cli.watching.replay import replay
from neuro_control.errors import ConfigurationError
from tests.bags.recordings import STEPS, foreign, swim
from tests.bench import Probe
from tests.test_cli import command

COMMANDS = "/joint_commands"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return swim(tmp_path_factory.mktemp("swim"))[1]


@pytest.fixture
def replayed(tmp_path):
    """Runs the command in this process; gives its exit code and its result."""
    file = tmp_path / "result.json"

    def run(*arguments):
        code = replay.main([*map(str, arguments), "--json", str(file)], standalone_mode=False)
        return code or 0, json.loads(file.read_text())

    return run


def test_a_controller_gives_the_recorded_commands_again_to_the_bit(recorded, replayed):
    code, found = replayed(recorded)
    assert (code, found["same"], found["scenario"]) == (0, True, "swimmer")
    assert set(found["topics"]) == {COMMANDS, "/swimmer_controller/activity"}
    assert found["topics"][COMMANDS] == {
        "recorded": STEPS,
        "answered": STEPS,
        "missing": 0,
        "different": 0,
        "texts": 0,
        "max_difference": 0.0,
        "rms_difference": 0.0,
        "first_difference_s": None,
    }


def test_a_controller_that_differs_is_found_with_the_time(recorded, replayed):
    code, found = replayed(recorded, "--set", "swimmer_controller.speed=0.5")
    assert (code, found["same"]) == (1, False)
    commands = found["topics"][COMMANDS]
    assert commands["missing"] == 0
    assert 0.0 < commands["max_difference"] <= 1e-3
    assert 0.0 <= commands["first_difference_s"] < 1.0


@pytest.mark.parametrize("storage", [StoragePlugin.SQLITE3, StoragePlugin.MCAP])
def test_a_bag_of_another_package_is_replayed_under_other_names_and_without_a_clock(
    recorded, replayed, tmp_path, storage
):
    topics = ["/joint_states", COMMANDS]
    bag = foreign(recorded, tmp_path / "bag", topics, lambda name: f"/worm{name}", storage)
    remaps = [f"--remap=/worm{name}:={name}" for name in topics]
    code, found = replayed(bag, "--scenario", "swimmer", *remaps)
    assert (code, found["topics"][COMMANDS]["recorded"]) == (0, STEPS)


def test_what_is_wrong_with_a_recording_is_said_in_a_sentence(recorded, replayed, tmp_path):
    bag = foreign(recorded, tmp_path / "bag", ["/joint_states"], lambda name: "/arm")
    with pytest.raises(ConfigurationError, match="name its scenario"):
        replayed(bag)
    with pytest.raises(ConfigurationError, match=r"take, /cmd_vel, /joint_states; --remap"):
        replayed(bag, "--scenario", "swimmer")
    with pytest.raises(ConfigurationError, match="has no topic /leg: there are /arm"):
        replayed(bag, "--scenario", "swimmer", "--remap", "leg:=joint_states")
    with pytest.raises(ConfigurationError, match="no node 'walker'"):
        replayed(recorded, "--node", "walker")
    (tmp_path / "broken.mcap").write_bytes(recorded.read_bytes()[:5000])
    with pytest.raises(ConfigurationError, match="can't read the recording"):
        replayed(tmp_path / "broken.mcap")
    with pytest.raises(ConfigurationError, match="there is no recording"):
        replayed(tmp_path / "nothing.mcap")
    (tmp_path / "old.bag").touch()
    with pytest.raises(ConfigurationError, match="rosbags-convert"):
        replayed(tmp_path / "old.bag")


def test_a_recording_is_published_in_ros(recorded, bench):
    probe, received = bench.add(Probe()), []
    probe.create_subscription(JointState, "/joint_states", received.append, 100)
    with ThreadPoolExecutor() as pool:
        done = pool.submit(command, "replay", recorded, "--to", "ros", "--rate", 10)
        bench.spin_until(lambda: len(received) >= STEPS - 5, what="messages are published")
        assert done.result().returncode == 0, done.result().stderr
    assert received[1].name == received[-1].name


def test_numbers_and_texts_of_messages_are_compared_whatever_their_types():
    twist = Twist()
    twist.linear.x = 1.5
    assert numbers_of(twist).tolist() == [1.5, 0.0, 0.0, 0.0, 0.0, 0.0]
    state = JointState(name=["a", "b"], position=[1.0, 2.0])
    assert numbers_of(state).tolist() == [1.0, 2.0]
    assert texts_of(state).split() == ["a", "b"]
    comparison = TopicComparison()
    for message in (state, JointState(name=["a", "b"], position=[1.0, 2.0])):
        comparison.record(message)
        comparison.answer(JointState(name=["a", "c"], position=[1.0, float("nan")]))
    found = comparison.result()
    assert (found["recorded"], found["different"], found["texts"]) == (1, 1, 1)
