# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
import yaml

from neuro_control import resources
from neuro_control.errors import ConfigurationError
from neuro_control.policy.control.networks import Layer, Layers
from neuro_control.policy.control.policy import Policy
from neuro_control.policy.control.sources import GOAL, ODOMETRY, goal_numbers, odometry_numbers
from neuro_control.policy.control.table import PolicyTable

GOOD = {
    "network": "p.onnx",
    "period": 0.1,
    "observation": [
        {"source": "goal", "numbers": ["ahead", "left"], "scale": [2.0, 1.0], "clip": 3.0},
        {"source": "odom", "numbers": ["forward"], "offset": 0.5},
        {"source": "goal", "numbers": ["distance"]},
        {"source": "action"},
    ],
    "action": {
        "command": "gait_command", "numbers": ["forward", "yaw_rate"], "low": -1, "high": 1,
        "scale": [0.5, 1.0], "offset": [0.25, 0.0],
    },
}  # fmt: skip


def table(folder, **changes):
    return PolicyTable.of({**GOOD, **changes}, folder)


def test_what_is_observed_is_shifted_scaled_and_cut_off_in_the_order_of_the_table(tmp_path):
    made = table(tmp_path)
    assert made.size == 6
    found = made.observed({"goal": [1.0, 5.0, 7.0], "odom": [0.75]}, np.array([0.1, -0.2]))
    np.testing.assert_allclose(found, np.array([2.0, 3.0, 0.25, 7.0, 0.1, -0.2], np.float32))


def test_an_action_is_cut_off_scaled_and_shifted_and_remembered_as_it_was_carried_out(tmp_path):
    weight = np.zeros((2, 6), np.float32)
    weight[0, 4] = 1.0
    layers = Layers([Layer(weight, np.array([5.0, 0.5], np.float32), "none")])
    policy = Policy(table(tmp_path), layers)
    measured = {"goal": np.zeros(3), "odom": np.zeros(1)}
    np.testing.assert_allclose(policy.step(measured), [0.75, 0.5])
    observed = policy.table.observed(measured, policy._output)
    np.testing.assert_allclose(observed[-2:], [1.0, 0.5])
    policy.reset()
    np.testing.assert_allclose(policy.values, [0.25, 0.0])


def test_a_network_of_another_size_is_refused(tmp_path):
    layers = Layers([Layer(np.zeros((2, 5), np.float32), np.zeros(2, np.float32), "none")])
    with pytest.raises(ConfigurationError, match="takes 5 numbers and gives 2; its table has 6"):
        Policy(table(tmp_path), layers)


def test_an_output_that_is_not_finite_is_an_error(tmp_path):
    bias = np.array([np.nan, 0.0], np.float32)
    policy = Policy(table(tmp_path), Layers([Layer(np.zeros((2, 6), np.float32), bias, "none")]))
    with pytest.raises(ValueError, match="output is"):
        policy.step({"goal": np.zeros(3), "odom": np.zeros(1)})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"networks": "x"}, "has no networks: it has network, period"),
        ({"period": 0}, "period lies between 0 and 10 s"),
        ({"period": "soon"}, "period is a finite number, not 'soon'"),
        ({"observation": []}, "observation is a list of terms"),
        ({"observation": [{"source": "eyes"}]}, "no source 'eyes': there are odom, imu"),
        ({"observation": [{"source": "odom"}]}, "numbers of odom are a list of names"),
        ({"observation": [{"source": "odom", "numbers": ["up", "up"]}]}, "different names"),
        ({"observation": [{"source": "odom", "numbers": ["speed"]}]}, "odom has no speed"),
        ({"observation": [{"source": "joints", "numbers": ["hip"]}]}, "JOINT.position"),
        ({"observation": [{"source": "action", "numbers": ["x"]}]}, "is the whole action"),
        ({"observation": [{"source": "goal", "numbers": ["left"], "scale": [1, 2]}]},
         "scale has 2 values for 1 numbers"),
        ({"observation": [{"source": "goal", "numbers": ["left"], "clip": 0}]}, "above 0"),
        ({"action": {"command": "cmd", "numbers": ["x"]}}, "no command 'cmd'"),
        ({"action": {"command": "gait_command", "numbers": ["speed"]}}, "command has no speed"),
        ({"action": {"command": "joint_commands", "numbers": ["a"]}}, "need limit"),
        ({"action": {"command": "joint_commands", "numbers": ["a"], "limit": -1}}, "not below 0"),
        ({"action": {"command": "joint_commands", "numbers": ["a"], "limit": 1, "mode": "x"}},
         "no mode 'x'"),
        ({"action": {"command": "gait_command"}}, "the action lacks numbers"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_refused_with_what_would_be_right(changes, message, tmp_path):
    with pytest.raises(ConfigurationError, match=message):
        table(tmp_path, **changes)


def test_errors_of_a_file_name_it(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text(yaml.dump({**GOOD, "period": -1}))
    with pytest.raises(ConfigurationError, match=r"p\.yaml: period lies between"):
        PolicyTable.read(path)
    with pytest.raises(ConfigurationError, match=r"missing\.yaml"):
        PolicyTable.read(tmp_path / "missing.yaml")


def test_the_policy_of_the_package_turns_towards_its_goal_and_walks():
    policy = Policy.load(resources.find_file("config/policies", "go2_goal.yaml"))
    for _ in range(5):
        ahead = policy.step({"goal": [2.0, 0.0], "odom": [0.4, 0.0]})
    assert ahead[0] > 0.4
    assert abs(ahead[1]) < 0.5
    policy.reset()
    left = policy.step({"goal": [0.0, 2.0], "odom": [0.0, 0.0]})
    policy.reset()
    right = policy.step({"goal": [0.0, -2.0], "odom": [0.0, 0.0]})
    assert left[1] > 0.5
    assert right[1] < -0.5


def test_numbers_of_odometry_are_those_of_the_body():
    yaw, pitch = 0.5, 0.2
    quaternion = np.array(
        [
            math.cos(yaw / 2) * math.cos(pitch / 2),
            -math.sin(yaw / 2) * math.sin(pitch / 2),
            math.cos(yaw / 2) * math.sin(pitch / 2),
            math.sin(yaw / 2) * math.cos(pitch / 2),
        ]
    )
    numbers = odometry_numbers(np.arange(3.0), quaternion, np.arange(3.0), np.arange(3.0))
    found = dict(zip(ODOMETRY, numbers, strict=True))
    assert found["yaw"] == pytest.approx(yaw)
    assert found["pitch"] == pytest.approx(pitch)
    assert found["roll"] == pytest.approx(0.0, abs=1e-12)
    # Nose down by 0.2 rad, gravity points ahead in the body.
    gravity = [found[f"gravity_{axis}"] for axis in "xyz"]
    np.testing.assert_allclose(gravity, [math.sin(pitch), 0.0, -math.cos(pitch)], atol=1e-12)


def test_a_goal_is_seen_from_the_robot():
    numbers = goal_numbers(np.array([1.0, 3.0, 0.0]), np.array([1.0, 1.0, math.pi / 2]))
    found = dict(zip(GOAL, numbers, strict=True))
    assert found["ahead"] == pytest.approx(2.0)
    assert found["left"] == pytest.approx(0.0, abs=1e-12)
    assert found["distance"] == pytest.approx(2.0)
    assert found["turn"] == pytest.approx(-math.pi / 2)
