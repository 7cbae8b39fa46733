from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
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

    def __post_init__(self):
        if self.gain > self.limit:
            raise ConfigurationError(f"gain {self.gain} is above limit {self.limit}")


def node_with(bench, **values):
    node = Node("sample", automatically_declare_parameters_from_overrides=True, **options(**values))
    return bench.add(node)


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
