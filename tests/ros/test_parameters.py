# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import dataclass

import pytest
import rcl_interfaces.msg
import rclpy
from hypothesis import given
from hypothesis import strategies as st
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.node import Node
from rclpy.parameter import Parameter

from neuro_control.errors import ConfigurationError
from neuro_control.ros.parameters import changed, declare, parameter, verdict
from tests.bench import options


@dataclass(frozen=True)
class Sample:
    gain: float = parameter(1.0, "Gain", low=0.0, high=10.0)
    limit: float = parameter(5.0, "Limit", low=0.0, high=100.0)
    count: int = parameter(3, "Count", low=1, high=9, fixed=True)
    kind: str = parameter("pid", "Kind", choices=("pid", "snn"))
    names: tuple[str, ...] = parameter((), "Names")
    corners: tuple[float, ...] = parameter((), "Corners", items=float)
    on: bool = parameter(True, "On")
    start_standing: bool = parameter(False, "Stand up", formerly=("upright",))
    stand_delay: float = parameter(
        2.0, "Wait, s", low=0.0, high=10.0, formerly=("patience", "wait")
    )

    def __post_init__(self):
        if self.gain > self.limit:
            raise ConfigurationError(f"gain {self.gain} is above limit {self.limit}")


def node_with(bench, **values):
    node = Node("sample", automatically_declare_parameters_from_overrides=True, **options(**values))
    return bench.add(node)


class Log:
    """Takes down what the bench's nodes log."""

    def __init__(self, bench):
        self.bench = bench
        self.lines = []
        listener = bench.add(rclpy.create_node("log_listener", enable_rosout=False))
        self.subscription = listener.create_subscription(
            rcl_interfaces.msg.Log, "/rosout", lambda m: self.lines.append(m.msg), 100
        )

    def wait_for(self, text):
        self.bench.spin_until(lambda: any(text in line for line in self.lines))

    def count(self, text):
        self.bench.spin_for(0.2)
        return sum(text in line for line in self.lines)


def set_over_ros(bench, **values):
    """Results of setting parameters of the node ``sample`` all at once, as another node does."""
    caller = bench.add(rclpy.create_node("caller", start_parameter_services=False))
    client = caller.create_client(SetParametersAtomically, "/sample/set_parameters_atomically")
    changes = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
    request = SetParametersAtomically.Request(parameters=changes)
    result = bench.call(client, request).result
    return result.successful, result.reason


def judged(bench, **values):
    """A node with the parameters of ``Sample`` that judges every change of them."""
    node = node_with(bench, **values)
    sample = declare(node, Sample)
    node.add_on_set_parameters_callback(lambda changes: verdict(sample, changes))
    return node


def test_every_field_is_declared_with_default_range_and_description(bench):
    node = node_with(bench)
    assert declare(node, Sample) == Sample()
    assert node.get_parameter("gain").value == 1.0
    descriptor = node.describe_parameter("gain")
    assert descriptor.description == "Gain"
    assert descriptor.floating_point_range[0].to_value == 10.0
    assert node.describe_parameter("count").integer_range[0].to_value == 9
    assert node.describe_parameter("count").read_only
    assert node.describe_parameter("kind").additional_constraints == "one of pid, snn"


def test_given_values_are_read_and_an_integer_serves_as_a_number(bench):
    node = node_with(bench, gain=2, names=["a", "b"], kind="snn", use_sim_time=False)
    assert declare(node, Sample) == Sample(gain=2.0, names=("a", "b"), kind="snn")
    assert isinstance(node.get_parameter("gain").value, float)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"gain": 11.0}, "gain lies between 0 and 10, 11 does not"),
        ({"gain": "much"}, "gain is a number, not 'much'"),
        ({"gain": float("nan")}, "gain is a finite number, not nan"),
        ({"count": 2.5}, "count is a whole number, not 2.5"),
        ({"count": True}, "count is a whole number, not True"),
        ({"kind": "lqr"}, "kind is one of pid, snn, not 'lqr'"),
        ({"names": "a"}, "names is a list of texts, not 'a'"),
        ({"names": [1, 2]}, "names is a list of texts"),
        ({"corners": ["a"]}, "corners is a list of finite numbers, not"),
        ({"corners": [1.0, float("nan")]}, "corners is a list of finite numbers"),
        ({"on": "yes"}, "on is true or false, not 'yes'"),
        ({"gain": 6.0}, "gain 6.0 is above limit 5.0"),
        ({"gian": 1.0}, "sample has no parameter gian: it has gain, limit"),
    ],
)
def test_a_wrong_value_is_refused_with_what_would_be_right(bench, values, says):
    with pytest.raises(ConfigurationError, match=says):
        declare(node_with(bench, **values), Sample)


def test_a_list_of_numbers_is_read_and_whole_numbers_serve(bench):
    assert declare(node_with(bench, corners=[1, 2]), Sample).corners == (1.0, 2.0)


def test_a_change_is_judged_as_a_whole():
    both = [Parameter("gain", value=8.0), Parameter("limit", value=9.0)]
    assert changed(Sample(), both) == Sample(gain=8.0, limit=9.0)
    refused = verdict(Sample(), both[:1])
    assert not refused.successful
    assert refused.reason == "gain 8.0 is above limit 5.0"


def test_a_fixed_parameter_changes_only_at_start():
    with pytest.raises(ConfigurationError, match="count can only be set when the node starts"):
        changed(Sample(), [Parameter("count", value=4)])


def test_parameters_of_others_are_left_aside():
    assert changed(Sample(), [Parameter("use_sim_time", value=True)]) == Sample()


@given(st.one_of(st.floats(), st.integers(-100, 100), st.text(), st.booleans()))
def test_no_value_but_a_number_in_range_is_taken(value):
    taken = verdict(Sample(), [Parameter("gain", value=value)]).successful
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    assert taken == (is_number and 0 <= value <= 5)


OLD_NAME = "the parameter 'upright' is now 'start_standing'; the old name goes with release 0.3"


def test_an_old_name_given_at_start_takes_effect_as_the_new_one_and_warns_once(bench):
    log = Log(bench)
    node = node_with(bench, upright=True, wait=3)
    sample = declare(node, Sample)
    assert (sample.start_standing, sample.stand_delay) == (True, 3.0)
    assert node.get_parameter("start_standing").value is True
    assert not node.has_parameter("upright")
    log.wait_for(OLD_NAME)
    assert log.count("'wait' is now 'stand_delay'") == 1
    assert log.count(OLD_NAME) == 1


def test_an_old_name_set_at_run_time_takes_effect_as_the_new_one_and_warns_once(bench):
    log = Log(bench)
    node = judged(bench)
    for value in (True, False, True):
        assert set_over_ros(bench, upright=value) == (True, "")
        assert node.get_parameter("start_standing").value is value
    assert not node.has_parameter("upright")
    log.wait_for(OLD_NAME)
    assert log.count(OLD_NAME) == 1


def test_an_old_name_is_judged_as_the_new_one(bench):
    judged(bench)
    successful, reason = set_over_ros(bench, patience=11)
    assert not successful
    assert reason == "stand_delay lies between 0 and 10, 11 does not"


def test_an_old_and_the_new_name_together_are_an_error_at_start(bench):
    says = "sample: start_standing is given twice: 'upright' is its old name, give the new one only"
    with pytest.raises(ConfigurationError, match=says):
        declare(node_with(bench, upright=True, start_standing=False), Sample)


def test_an_old_and_the_new_name_together_are_an_error_at_run_time(bench):
    node = judged(bench)
    successful, reason = set_over_ros(bench, upright=True, start_standing=False)
    assert not successful
    assert "start_standing is given twice" in reason
    assert node.get_parameter("start_standing").value is False


def test_a_whole_number_set_at_run_time_leaves_the_parameter_a_double(bench):
    node = judged(bench)
    assert set_over_ros(bench, gain=2, corners=[1, 2]) == (True, "")
    assert node.get_parameter("gain").type_ is Parameter.Type.DOUBLE
    assert node.get_parameter("gain").value == 2.0
    assert node.get_parameter("corners").type_ is Parameter.Type.DOUBLE_ARRAY
    assert node.describe_parameter("gain").type == Parameter.Type.DOUBLE.value


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("gain", 11, "gain lies between 0 and 10, 11 does not"),
        ("gain", "1", "gain is a number, not '1'"),
        ("corners", ["a"], "corners is a list of finite numbers, not ['a']"),
    ],
)
def test_a_wrong_value_set_at_run_time_is_refused_with_what_would_be_right(
    bench, name, value, says
):
    node = judged(bench)
    before = node.get_parameter(name).value
    assert set_over_ros(bench, **{name: value}) == (False, says)
    assert node.get_parameter(name).value == before
