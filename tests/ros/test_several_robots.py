# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Several robots behind one simulation: a namespace each, one clock, one step for all."""

import numpy as np
import rclpy
from nav_msgs.msg import Odometry
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu, JointState, Range

from neuro_control.ros import process
from neuro_control.ros import run as runs
from neuro_control.ros.description.node import RobotStatePublisher
from neuro_control.ros.messages import COMMAND_QOS, SENSOR_QOS, joint_state, to_nanoseconds
from neuro_control.simulation.node import Simulation
from tests.bench import MS, Probe, options

ROBOTS = (
    "robots: {go2: {model: 'neuro_control.quadruped.simulation.body:world'},"
    " blimp: {model: 'neuro_control.blimp.simulation.world:world', at: [1, 0, 0]}}"
)
WORLD = {
    "model": "neuro_control.simulation.shared.world:world", "model_arguments": ROBOTS
}  # fmt: skip


class Both(Probe):
    """Answers each robot's observations, unless it is told not to."""

    def __init__(self):
        super().__init__()
        self.stamps, self.heard, self.silent, self.clocks = {"go2": [], "blimp": []}, {}, set(), []
        self.commanders = {}
        for robot in self.stamps:
            self.commanders[robot] = self.create_publisher(
                JointState, f"{robot}/joint_commands", COMMAND_QOS
            )
            self.create_subscription(
                JointState, f"{robot}/joint_states", lambda m, r=robot: self.on_joints(r, m),
                SENSOR_QOS,
            )  # fmt: skip
        for kind, topic in (
            (Imu, "go2/imu/imu"), (JointState, "go2/foot_forces"), (Range, "blimp/lidar/range"),
            (Odometry, "blimp/ground_truth/odom"),
        ):  # fmt: skip
            self.create_subscription(
                kind, topic, lambda m, t=topic: self.heard.__setitem__(t, m), SENSOR_QOS
            )
        self.create_subscription(
            Clock, "/clock", lambda m: self.clocks.append(to_nanoseconds(m.clock)), 10
        )

    def on_joints(self, robot, message):
        stamp = to_nanoseconds(message.header.stamp)
        self.heard[robot] = message
        if not self.stamps[robot] or self.stamps[robot][-1] != stamp:
            self.stamps[robot].append(stamp)
        if robot not in self.silent:
            self.answer(robot, stamp, list(message.name))

    def answer(self, robot, stamp, names):
        if robot == "blimp":
            names, angles = ["left_propeller", "right_propeller", "servo"], np.zeros(3)
            self.commanders[robot].publish(
                joint_state(stamp, names, angles, None, np.array([0.02, 0.02, 0.0]))
            )
        else:
            self.commanders[robot].publish(joint_state(stamp, names, effort=np.zeros(len(names))))


def rig(bench, **values):
    both = bench.add(Both())
    simulation = bench.add(Simulation(**options(**WORLD, **values)))
    bench.spin_until(
        lambda: all(
            simulation.count_publishers(f"{robot}/joint_commands")
            and both.count_publishers(f"{robot}/joint_states")
            for robot in both.stamps
        )
    )
    return simulation, both


def test_in_lockstep_each_is_observed_at_its_rate_and_physics_waits_for_those_observed(bench):
    simulation, both = rig(bench, duration=0.15)
    simulation.start()
    bench.spin_until(lambda: simulation.finished)
    assert both.stamps["go2"] == list(range(0, 150 * MS, 2 * MS))
    assert both.stamps["blimp"] == [0, 100 * MS]
    assert set(both.clocks) >= set(range(0, 150 * MS, 2 * MS))
    # Names and frames are those of a robot that is alone.
    assert both.heard["go2"].name[0] == "FL_hip_joint"
    assert both.heard["blimp"].name == ["servo"]
    assert list(both.heard["go2/foot_forces"].name) == ["FL", "FR", "RL", "RR"]
    assert both.heard["go2/imu/imu"].header.frame_id == "imu"
    assert both.heard["blimp/lidar/range"].header.frame_id == "lidar"
    pose = both.heard["blimp/ground_truth/odom"]
    assert pose.child_frame_id == "base_link"
    assert pose.pose.pose.position.x > 0.9


def test_in_lockstep_one_that_does_not_answer_holds_all_and_is_named(bench):
    simulation, both = rig(bench, lockstep_timeout=0.3)
    both.silent.add("blimp")
    simulation.start()
    bench.spin_until(lambda: both.said("publish blimp/joint_commands"))
    assert simulation.steps == 0
    both.silent.clear()
    bench.spin_until(lambda: simulation.steps > 60)


def test_free_running_one_without_commands_is_released_and_the_other_drives_on(bench):
    simulation, both = rig(bench, lockstep=False, command_timeout=0.2, real_time_factor=1.0)
    simulation.start()
    propellers = [simulation.model.actuator(f"blimp/{s}_propeller").id for s in ("left", "right")]
    bench.spin_until(lambda: simulation.data.ctrl[propellers].min() > 0.0)
    both.silent.add("blimp")
    bench.spin_until(lambda: both.said("no blimp/joint_commands for"))
    assert not simulation.data.ctrl[propellers].any()
    steps = len(both.stamps["go2"])
    bench.spin_until(lambda: len(both.stamps["go2"]) > steps + 20)
    assert not both.said("no go2/joint_commands for")


def test_a_node_in_a_namespace_gets_the_parameters_of_its_full_name(tmp_path):
    nodes, file = ["simulation", "go2/robot_state_publisher"], tmp_path / "parameters.yaml"
    given = {"simulation": {"seed": 3}, nodes[1]: {"urdf": "go2.urdf", "publish_rate": 7.0}}
    runs.write_parameters(given, file)
    assert runs.read_parameters(file, nodes) == given
    process.initialise(["--ros-args", "--params-file", str(file)])
    node = None
    try:
        node = runs.namespaced(nodes[1], RobotStatePublisher)()
        assert node.get_fully_qualified_name() == "/go2/robot_state_publisher"
        assert node.resolve_topic_name("joint_states") == "/go2/joint_states"
        assert node.parameters.publish_rate == 7.0
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    assert runs.namespaced("simulation", Simulation) is Simulation
