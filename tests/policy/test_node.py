# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The policy's node through real topics; the base has tests in ros/test_controller.py."""

import numpy as np
import pytest
import yaml
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
from std_msgs.msg import Float64MultiArray

from neuro_control import weights
from neuro_control.errors import ConfigurationError
from neuro_control.policy.control.networks import KIND
from neuro_control.policy.control.policy import Policy
from neuro_control.policy.nodes.policy import PolicyNode
from neuro_control.quadruped.control.command import gait
from neuro_control.ros.messages import (
    COMMAND_QOS,
    SENSOR_QOS,
    SET_POINT_QOS,
    joint_state,
    odometry,
    to_stamp,
)
from tests.bench import Loop, Probe, options

JOINTS = [f"joint_{i}" for i in range(1, 6)]
UPRIGHT = np.array([1.0, 0.0, 0.0, 0.0])


def written(folder, observation, action, period=0.03):
    """A table with a drawn network of one layer."""
    inputs = sum(len(each.get("numbers", action["numbers"])) for each in observation)
    rng = np.random.default_rng(3)
    outputs = len(action["numbers"])
    arrays = {
        "0.weight": rng.normal(0, 1, (outputs, inputs)).astype(np.float32),
        "0.bias": rng.normal(0, 0.3, outputs).astype(np.float32),
    }
    weights.write(folder / "drawn.safetensors", KIND, arrays, {"activations": ["tanh"]})
    described = {
        "network": "drawn.safetensors", "period": period, "observation": observation,
        "action": action,
    }  # fmt: skip
    (folder / "drawn.yaml").write_text(yaml.dump(described))
    return str(folder / "drawn.yaml")


SWIMMER = {"command": "joint_commands", "numbers": JOINTS, "scale": 5e-4, "limit": 4e-4}


def test_joints_get_the_efforts_that_the_policy_answers_within_their_limits(bench, tmp_path):
    seen = [
        {"source": "joints", "numbers": [f"{j}.position" for j in JOINTS]},
        {"source": "action"},
    ]
    path = written(tmp_path, seen, SWIMMER)
    swimmer = Loop(
        bench, PolicyNode(**options(policy=path, control_period=0.03, use_sim_time=True))
    )
    policy = Policy.load(tmp_path / "drawn.yaml")
    rng = np.random.default_rng(0)
    for _ in range(20):
        swimmer.advance()
        angles = rng.uniform(-1, 1, 5)
        expected = np.clip(policy.step({"joints": angles}), -4e-4, 4e-4)
        np.testing.assert_array_equal(swimmer.answer(angles).effort, expected)


def test_positions_are_held_by_stiffness_and_damping_between_two_actions(bench, tmp_path):
    action = {**SWIMMER, "mode": "position", "scale": 1.0, "stiffness": 2e-3, "damping": 1e-4,
              "limit": 1.0}  # fmt: skip
    seen = [{"source": "joints", "numbers": ["joint_2.position"]}]
    path = written(tmp_path, seen, action, period=0.06)
    parameters = options(policy=path, control_period=0.03, input_timeout=1.0, use_sim_time=True)
    swimmer = Loop(bench, PolicyNode(**parameters))
    policy = Policy.load(tmp_path / "drawn.yaml")
    rng = np.random.default_rng(0)
    for turn in range(6):
        swimmer.advance()
        angles = rng.uniform(-1, 1, 5)
        if turn % 2 == 0:
            policy.step({"joints": angles[1:2]})
        swimmer.probe.joints.publish(
            joint_state(swimmer.now, JOINTS, angles, velocity=np.full(5, 0.3))
        )
        bench.spin_until(lambda turns=turn: len(swimmer.probe.commands) > turns)
        command = swimmer.probe.commands[-1]
        expected = 2e-3 * (policy.values - angles) - 1e-4 * 0.3
        np.testing.assert_allclose(command.effort, expected, atol=1e-12)
        np.testing.assert_array_equal(command.position, policy.values)


class Walker:
    """A robot that sends odometry and goals, and takes down gait commands."""

    def __init__(self, bench, **values):
        self.bench, self.probe, self.commands = bench, bench.add(Probe()), []
        create = self.probe.create_subscription
        create(Float64MultiArray, "gait_command", self.commands.append, COMMAND_QOS)
        self.odom = self.probe.create_publisher(Odometry, "odom", SENSOR_QOS)
        self.goals = self.probe.create_publisher(PoseStamped, "goal_pose", SET_POINT_QOS)
        values = {"input_timeout": 30.0, "control_period": 0.002, **values}
        self.node = bench.add(PolicyNode(**options(**values)))
        self.node.start()
        bench.spin_until(
            lambda: (
                self.odom.get_subscription_count()
                and self.probe.count_publishers("gait_command")
                and (self.goals.get_subscription_count())
            )
        )

    def walk(self, position=(0.0, 0.0, 0.3)):
        """The command that answers odometry."""
        before = len(self.commands)
        now = self.node.get_clock().now().nanoseconds
        self.odom.publish(
            odometry(now, np.array(position), UPRIGHT, np.zeros(3), np.zeros(3))
        )  # fmt: skip
        self.bench.spin_until(lambda: len(self.commands) > before)
        self.bench.spin_for(0.005)
        return np.array(self.commands[-1].data)

    def go_to(self, x, y, frame="odom"):
        goal = PoseStamped()
        goal.header.frame_id = frame
        goal.header.stamp = to_stamp(self.node.get_clock().now().nanoseconds)
        goal.pose.position.x, goal.pose.position.y = x, y
        goal.pose.orientation.w = 1.0
        self.goals.publish(goal)


def test_a_quadruped_stands_without_a_goal_walks_to_one_and_stands_there(bench):
    walker = Walker(bench, policy="go2_goal.yaml")
    standing = gait("stand").array()
    np.testing.assert_array_equal(walker.walk(), standing)
    bench.spin_until(lambda: walker.probe.said("at rest: waiting for goal_pose"))
    walker.go_to(3.0, 0.0)
    bench.spin_until(lambda: walker.node._made["goal"].value is not None)
    walks = walker.walk()
    assert walks[0] > 0.2  # forwards
    np.testing.assert_array_equal(walker.walk((2.9, 0.1, 0.3)), standing)
    walker.go_to(3.0, 0.0, frame="map")
    bench.spin_until(lambda: walker.probe.said("goal_pose rejected"))


def test_the_goal_of_the_parameter_counts_unless_it_is_to_wait_for_one(bench):
    walker = Walker(bench, policy="go2_goal.yaml", goal=[3.0, 0.0, 0.0])
    assert walker.walk()[0] > 0.2
    (done,) = walker.node.set_parameters(options(await_goal=True)["parameter_overrides"])
    assert done.successful
    np.testing.assert_array_equal(walker.walk(), gait("stand").array())


def test_wrong_parameters_end_the_start_with_what_would_be_right(bench):
    with pytest.raises(ConfigurationError, match="goal is x, y and yaw, or empty; it has 2"):
        PolicyNode(**options(goal=[1.0, 2.0]))
    node = bench.add(PolicyNode(**options(policy="nothing.yaml")))
    with pytest.raises(ConfigurationError, match=r"no file 'nothing\.yaml' in config/policies"):
        node.start()
