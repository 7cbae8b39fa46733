# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Faults between topics: what happens to messages by hand, and through real topics."""

import array
import math
from pathlib import Path

import numpy as np
import pytest
import yaml
from geometry_msgs.msg import Pose, PoseArray
from hypothesis import given
from hypothesis import strategies as st
from sensor_msgs.msg import Image, Imu, JointState, Range

from neuro_control.bags.message_types import find_type
from neuro_control.errors import ConfigurationError
from neuro_control.faults.injector import FaultInjector, read_script
from neuro_control.faults.message_faults import FAULTS, FaultyTopic, make_fault
from neuro_control.ros.messages import COMMAND_QOS, SENSOR_QOS, joint_state, to_nanoseconds
from tests.bench import MS, Probe, options

ROOT = Path(__file__).resolve().parents[2]


def taken(times, *faults, seed=0):
    """What comes of messages numbered by their first position, sent at these times, s."""
    topic = FaultyTopic([make_fault(each) for each in faults], np.random.default_rng(seed))
    found = []
    for number, time in enumerate(times):
        message = joint_state(round(time * 1e9), ["a", "b"], position=[number, 10 + number])
        found += [(due, int(each.position[0])) for due, each in topic.take(time, message)]
    return found


def test_without_faults_messages_pass():
    assert taken([0.0, 0.1]) == [(0.0, 0), (0.1, 1)]


def test_drop_loses_messages_while_it_acts():
    times = [0.0, 1.0, 2.0, 3.0]
    assert taken(times, {"drop": {"begins": 1, "lasts": 2}}) == [(0.0, 0), (3.0, 3)]
    share = len(taken(range(2000), {"drop": {"probability": 0.25}})) / 2000
    assert share == pytest.approx(0.75, abs=0.03)


def test_delay_keeps_the_order():
    found = taken([0.01 * n for n in range(200)], {"delay": {"seconds": 0.1, "spread": 0.5}})
    assert [number for _, number in found] == list(range(200))
    dues = [due for due, _ in found]
    assert dues == sorted(dues)
    assert all(due - 0.01 * n >= 0.1 for n, due in enumerate(dues))
    assert taken([2.0], {"delay": {"seconds": 0.5}}) == [(2.5, 0)]


def test_repeat_sends_again_and_reorder_swaps():
    assert taken([0.0], {"repeat": {"times": 2}}) == [(0.0, 0)] * 3
    assert taken([0.0, 1.0, 2.0, 3.0], {"reorder": {"probability": 1}}) == [
        (1.0, 1), (1.0, 0), (3.0, 3), (3.0, 2),
    ]  # fmt: skip
    # What was held back goes on with the next message when the fault ends.
    assert taken([0.0, 1.0], {"reorder": {"probability": 1, "lasts": 0.5}}) == [(1.0, 1), (1.0, 0)]


def test_fields_are_moved_and_overwritten_and_the_message_that_came_is_not():
    message = joint_state(5, ["a", "b"], position=[1.0, 2.0])

    def after(**fault):
        topic = FaultyTopic([make_fault(fault)], np.random.default_rng(0))
        ((_, found),) = topic.take(0.0, message)
        return list(found.position)

    assert after(bias={"field": "position", "offset": 0.5}) == [1.5, 2.5]
    assert after(bias={"field": "position", "offset": 0.5, "index": 1}) == [1.0, 2.5]
    assert after(bias={"field": "position", "offset": 0.5, "index": 9}) == [1.0, 2.0]
    assert math.isnan(after(corrupt={"field": "position", "index": 0})[0])
    assert after(corrupt={"field": "position", "value": 3}) == [3.0, 3.0]
    assert after(corrupt={"field": "position", "value": "random"}) != [1.0, 2.0]
    assert list(message.position) == [1.0, 2.0]


def after(message, *faults):
    """Messages that come of one."""
    topic = FaultyTopic([make_fault(each) for each in faults], np.random.default_rng(0))
    return [found for _, found in topic.take(0.0, message)]


def test_a_repeated_message_is_moved_once_each_time():
    message = joint_state(5, ["a"], position=[1.0])
    found = after(message, {"repeat": {}}, {"bias": {"field": "position", "offset": 0.5}})
    assert [each.position[0] for each in found] == [1.5, 1.5]


def test_a_burst_loses_so_many_in_a_row():
    numbers = [number for _, number in taken(range(5000), {"drop": {"probability": 0.01,
                                                                    "burst": 25}})]  # fmt: skip
    gaps = np.diff([-1, *numbers]) - 1
    assert set(gaps[gaps > 0] % 25) == {0}
    assert (gaps > 0).any()


@pytest.mark.parametrize("value", ["nan", "inf", "random", 1e300, -7])
def test_whole_and_short_numbers_stay_within_their_type(value):
    image = Image(data=array.array("B", [7, 7]))
    (found,) = after(image, {"corrupt": {"field": "data", "value": value}})
    assert list(found.data) != [7, 7]
    (found,) = after(image, {"bias": {"field": "width", "offset": -3}})
    assert found.width == 0
    (found,) = after(Range(range=1.0), {"corrupt": {"field": "range", "value": value}})
    assert found.range != 1.0
    (found,) = after(Imu(), {"corrupt": {"field": "orientation_covariance", "value": value}})
    assert not (found.orientation_covariance == 0).any()


def test_items_are_told_by_name_and_by_number_and_parts_of_lists_are_moved():
    def moved(field, message):
        return after(message, {"bias": {"field": field, "offset": 0.5}})[0]

    joints = joint_state(5, ["hip", "knee"], position=[1.0, 2.0])
    assert list(moved("position[knee]", joints).position) == [1.0, 2.5]
    assert list(moved("position[-2]", joints).position) == [1.5, 2.0]
    assert list(moved("position[ankle]", joints).position) == [1.0, 2.0]
    poses = PoseArray(poses=[Pose(), Pose()])
    for field, heights in (("poses[1].position.z", [0, 0.5]), ("poses.position.z", [0.5, 0.5])):
        assert [each.position.z for each in moved(field, poses).poses] == heights


def test_parts_of_parts_and_stamps_are_moved():
    message = Imu()
    message.linear_acceleration.z = 9.81
    message.header.stamp.sec = 7
    faults = [{"bias": {"field": "linear_acceleration.z", "offset": 1}}, {"stamp": {"seconds": -2}}]
    topic = FaultyTopic([make_fault(each) for each in faults], np.random.default_rng(0))
    ((_, found),) = topic.take(0.0, message)
    assert found.linear_acceleration.z == pytest.approx(10.81)
    assert to_nanoseconds(found.header.stamp) == 5_000_000_000


def test_the_same_seed_does_the_same_and_another_something_else():
    faults = ({"drop": {"probability": 0.5}}, {"delay": {"spread": 1}})
    assert taken(range(50), *faults, seed=3) == taken(range(50), *faults, seed=3)
    assert taken(range(50), *faults, seed=3) != taken(range(50), *faults, seed=4)


@given(st.sampled_from(sorted(FAULTS)), st.dictionaries(
    st.sampled_from(["probability", "seconds", "spread", "times", "begins", "lasts", "offset"]),
    st.floats() | st.integers() | st.text(max_size=3) | st.booleans()))  # fmt: skip
def test_any_numbers_make_a_fault_or_are_refused(kind, numbers):
    try:
        fault = make_fault({kind: numbers})
        fault.check(JointState())
    except ConfigurationError:
        return
    topic = FaultyTopic([fault], np.random.default_rng(0))
    assert len(topic.take(0.0, joint_state(0, ["a"], position=[0.0]))) <= 1001


IMU = {"from": "a", "to": "b", "type": "sensor_msgs/msg/Imu"}


@pytest.mark.parametrize(
    ("topics", "words"),
    [
        ([], "topics is a list of one or more"),
        ([{**IMU, "to": "a"}], "topic 1: from and to are the same"),
        ([{"from": "a", "to": "b"}], "type is missing"),
        ([{**IMU, "type": "os/msg/System"}], "no package of messages 'os'"),
        ([{**IMU, "type": "os:system"}], "a type is like sensor_msgs/msg/Imu"),
        ([{**IMU, "type": "sensor_msgs/msg/Nose"}], "sensor_msgs has no message Nose"),
        ([{**IMU, "qos": "good"}], "qos is one of sensor, command, set_point"),
        ([{**IMU, "faults": [{"lose": {}}]}], "no fault 'lose': there are drop, delay"),
        ([{**IMU, "faults": [{"drop": {"chance": 1}}]}], "drop: no 'chance': there are begins"),
        ([{**IMU, "faults": [{"drop": {"probability": 2}}]}], "between 0 and 1, 2 does not"),
        ([{**IMU, "faults": [{"bias": {"field": "nose"}}]}], "no field 'nose' of Imu: there are h"),
        ([{**IMU, "faults": [{"bias": {"field": "header"}}]}], "'header' holds no numbers"),
        ([{**IMU, "faults": [{"bias": {"field": 3}}]}], "bias: field is the name of a field"),
        ([{**IMU, "faults": [{"bias": {"field": "angular_velocity.x", "index": "x"}}]}],
         "index is a whole number, not x"),
        ([{**IMU, "to": "a b"}], "to is a topic like imu/imu, not 'a b'"),
        ([IMU, {**IMU, "from": "b", "to": "c"}], "messages would go round in a circle"),
        ([{**IMU, "faults": [{"corrupt": {"field": "angular_velocity.x", "value": "x"}}]}],
         "value is nan, inf, random or a number"),
    ],
)  # fmt: skip
def test_a_script_that_can_not_be_is_refused_with_what_can(tmp_path, topics, words):
    path = tmp_path / "script.yaml"
    path.write_text(yaml.dump({"seed": 0, "topics": topics}))
    with pytest.raises(ConfigurationError, match=words):
        read_script(path)


@pytest.mark.parametrize("path", sorted(ROOT.glob("config/inject_*.yaml")), ids=lambda p: p.name)
def test_scripts_that_come_with_the_package_are_right(path):
    seed, routes = read_script(path)
    assert seed == 1
    assert all(route.faults for route in routes)


def test_only_packages_of_messages_are_imported():
    assert find_type("sensor_msgs/msg/Imu") is Imu
    for name in ("antigravity/msg/X", "neuro_control/msg/X", "../msg/X", "sensor_msgs/srv/X"):
        with pytest.raises(ConfigurationError):
            find_type(name)


# Through topics.


def injector(bench, tmp_path, topics):
    path = tmp_path / "script.yaml"
    path.write_text(yaml.dump({"seed": 1, "topics": topics}))
    return bench.add(FaultInjector(**options(script=str(path))))


def test_messages_pass_through_real_topics_with_their_faults(bench, tmp_path):
    node = injector(
        bench,
        tmp_path,
        [
            {
                **IMU, "faults": [{"bias": {"field": "angular_velocity.x", "offset": 2}},
                                  {"repeat": {}}],
            },
            {"from": "c", "to": "d", "type": "sensor_msgs/msg/JointState", "qos": "command"},
        ],
    )  # fmt: skip
    probe = bench.add(Probe())
    received = {"b": [], "d": []}
    probe.create_subscription(Imu, "b", received["b"].append, SENSOR_QOS)
    probe.create_subscription(JointState, "d", received["d"].append, COMMAND_QOS)
    imu = probe.create_publisher(Imu, "a", SENSOR_QOS)
    joints = probe.create_publisher(JointState, "c", COMMAND_QOS)
    bench.spin_until(lambda: imu.get_subscription_count() and joints.get_subscription_count())
    bench.spin_until(lambda: node.count_subscribers("b") and node.count_subscribers("d"))
    imu.publish(Imu())
    joints.publish(joint_state(7 * MS, ["a"], position=[1.5]))
    bench.spin_until(lambda: len(received["b"]) == 2 and len(received["d"]) == 1)
    assert [each.angular_velocity.x for each in received["b"]] == [2.0, 2.0]
    assert list(received["d"][0].position) == [1.5]
    assert node.diagnostic_values()["received"] == "2"
    assert node.diagnostic_values()["sent"] == "3"


def test_a_delayed_message_comes_later_and_not_never(bench, tmp_path):
    node = injector(bench, tmp_path, [{**IMU, "faults": [{"delay": {"seconds": 0.3}}]}])
    probe = bench.add(Probe())
    received = []
    probe.create_subscription(Imu, "b", received.append, SENSOR_QOS)
    imu = probe.create_publisher(Imu, "a", SENSOR_QOS)
    bench.spin_until(lambda: imu.get_subscription_count() and node.count_subscribers("b"))
    imu.publish(Imu())
    bench.spin_until(lambda: node.diagnostic_values()["received"] == "1")
    assert node.diagnostic_values()["waiting"] == "1"
    assert not received
    bench.spin_until(lambda: received)
    assert node.diagnostic_values()["waiting"] == "0"


def test_a_node_without_a_script_is_refused(bench):
    with pytest.raises(ConfigurationError, match="script is empty"):
        FaultInjector(**options())
    with pytest.raises(ConfigurationError, match=r"no file 'none\.yaml' in config"):
        FaultInjector(**options(script="none.yaml"))
