# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The gait controller walks the simulated quadruped, through real topics."""

import math

import mujoco
import numpy as np
import pytest
from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu, JointState
from std_srvs.srv import SetBool

from neuro_control.quadruped.control.command import Command
from neuro_control.quadruped.control.command_mux import CommandSources, MuxSettings
from neuro_control.quadruped.control.controller import ControllerSettings, QuadrupedController
from neuro_control.quadruped.control.robots import find_robot
from neuro_control.quadruped.control.types import JOINTS, LEGS, PERIOD
from neuro_control.quadruped.nodes.gait_controller import GaitController, _quaternion
from neuro_control.quadruped.simulation.body import Body, world
from neuro_control.ros.messages import (
    RECORD_QOS,
    SENSOR_QOS,
    to_nanoseconds,
)
from neuro_control.simulation.node import Simulation
from tests.bench import MS, options
from tests.quadruped.node_setting import STEP, Quadruped


def simulated(bench, seconds, seed=3, arguments="{}", effects="[]", **values):
    """Simulation and controller in lockstep; the rows that ``_end_step`` leaves."""
    simulation = bench.add(
        Simulation(
            **options(
                model="neuro_control.quadruped.simulation.body:world",
                model_arguments=arguments,
                seed=seed,
                duration=seconds,
                effects=effects,
            )
        )
    )
    node = bench.add(GaitController(**options(use_sim_time=True, **values)))
    rows, end_step = [], simulation.end_step

    def taken_down():
        rows.append((simulation.data.qpos.copy(), simulation.data.qvel.copy()))
        end_step()

    simulation.end_step = taken_down
    return simulation, node, rows


@pytest.mark.parametrize("robot", ["go2", "go1"])
def test_a_walk_through_ros_is_the_walk_without_it_to_the_bit(bench, robot):
    profile = [0.0, 0.5, 0.0, 0.0, 1.0, 0.3, 0.1, -0.5]
    simulation, node, rows = simulated(
        bench, 1.6, arguments=f"robot: {robot}", robot=robot, velocity_profile=profile
    )
    node.start()
    bench.spin_until(lambda: simulation.finished, timeout=60)
    settings = ControllerSettings(mux=MuxSettings(velocity_profile=tuple(profile)))
    body, controller = Body(world(robot)), QuadrupedController(find_robot(robot), settings)
    body.reset(np.random.default_rng(3))
    for tick, (qpos, _) in enumerate(rows):
        answer = controller.step(body.observation, tick * PERIOD, CommandSources())
        body.step(answer.efforts)
        assert (body.data.qpos == qpos).all(), tick
    assert len(rows) == 800
    assert body.velocity[0] > 0.2


def test_it_walks_as_cmd_vel_says_and_stands_when_that_is_silent(bench):
    simulation, node, rows = simulated(bench, 5.2, stand_delay=0.3)
    probe = bench.add(Node("joystick"))
    publisher = probe.create_publisher(Twist, "cmd_vel", 1)
    told, felt = Twist(), []
    told.linear.x, told.angular.z = 0.5, 0.4
    # A tenth of a second after another, by the simulated clock, for three seconds.
    probe.create_subscription(
        Clock,
        "/clock",
        lambda m: (
            publisher.publish(told)
            if to_nanoseconds(m.clock) % (100 * MS) == 0 and m.clock.sec < 3
            else None
        ),
        10,
    )
    probe.create_subscription(Odometry, "odom", felt.append, SENSOR_QOS)
    # Both ends know of one another before the first step.
    pause = probe.create_client(SetBool, "/simulation/pause")
    assert bench.call(pause, SetBool.Request(data=True)).success
    node.start()
    bench.spin_until(publisher.get_subscription_count)
    assert bench.call(pause, SetBool.Request(data=False)).success
    bench.spin_until(lambda: simulation.finished, timeout=90)
    qpos, qvel = (np.array(each) for each in zip(*rows, strict=True))
    speed = np.hypot(qvel[:, 0], qvel[:, 1])
    assert speed[1000:1500].mean() == pytest.approx(0.5, abs=0.05)
    assert qvel[1000:1500, 5].mean() == pytest.approx(0.4, abs=0.05)
    assert speed[-100:].max() < 0.05
    assert node.controller.gait.schedule.stance.all()
    assert node.controller.state == "walking"
    # Fifty times a second, in odom, and about where it is.
    stamps = [to_nanoseconds(message.header.stamp) for message in felt]
    assert set(np.diff(stamps)) == {20 * MS}
    last = felt[-1]
    assert (last.header.frame_id, last.child_frame_id) == ("odom", "base_link")
    row = qpos[round(stamps[-1] / STEP) - 1]
    position = last.pose.pose.position
    np.testing.assert_allclose([position.x, position.y, position.z], row[:3], atol=0.1)
    turn = last.pose.pose.orientation
    assert abs(np.dot([turn.w, turn.x, turn.y, turn.z], row[3:7])) > 0.99


def lies_softly(rows):
    """Whether the trunk went down, level in the end, neither dropped nor thrown over."""
    up = np.array([1 - 2 * (qpos[4] ** 2 + qpos[5] ** 2) for qpos, _ in rows])
    qpos, qvel = rows[-1]
    assert qpos[2] < 0.15
    assert up.min() > math.cos(math.radians(40))
    assert up[-1] > math.cos(math.radians(20))
    assert np.abs(qvel[:6]).max() < 0.3
    assert min(qvel[2] for _, qvel in rows) > -0.9
    return True


def test_a_stop_lays_it_down_softly(bench):
    simulation, node, rows = simulated(bench, 2.4, velocity_profile=[0.0, 0.5, 0.0, 0.0])
    stop = bench.add(Node("button")).create_client(SetBool, "/gait_controller/emergency_stop")
    bench.spin_until(stop.service_is_ready)
    node.start()
    bench.spin_until(lambda: len(rows) > 500, timeout=60)
    assert bench.call(stop, SetBool.Request(data=True)).success
    bench.spin_until(lambda: simulation.finished, timeout=60)
    assert lies_softly(rows)


def test_a_joint_that_is_lost_in_a_walk_lays_it_down_softly(bench):
    simulation, node, rows = simulated(
        bench,
        2.4,
        effects="loss: {sensor: FL_calf, begins: 1.0}",
        velocity_profile=[0.0, 0.5, 0.0, 0.0],
    )
    node.start()
    bench.spin_until(lambda: simulation.finished, timeout=60)
    assert lies_softly(rows)


def test_the_simulated_quadruped_offers_its_sensors_as_messages(bench):
    bench.add(
        Simulation(
            **options(
                model="neuro_control.quadruped.simulation.body:world",
                model_arguments="{noise: 0}",
                lockstep=False,
                real_time_factor=0.1,
            )
        )
    )
    probe = bench.add(Node("listener"))
    heard = {}
    for topic, kind in (
        ("joint_states", JointState),
        ("foot_forces", JointState),
        ("imu/imu", Imu),
    ):
        probe.create_subscription(
            kind, topic, lambda message, topic=topic: heard.update({topic: message}), SENSOR_QOS
        )
    bench.spin_until(lambda: len(heard) == 3)
    assert list(heard["joint_states"].name) == list(JOINTS)
    assert list(heard["foot_forces"].name) == list(LEGS)
    assert all(force >= 0 for force in heard["foot_forces"].effort)
    assert heard["imu/imu"].header.frame_id == "imu"


def test_phases_stances_and_velocities_are_published_while_somebody_subscribes(bench):
    dog = Quadruped(bench)
    heard = []
    dog.probe.create_subscription(JointState, "/gait_controller/activity", heard.append, RECORD_QOS)
    bench.spin_until(lambda: dog.node.count_subscribers("/gait_controller/activity"))
    dog.steer(0.3)
    for _ in range(10):
        dog.at()
    bench.spin_until(lambda: len(heard) == 10)
    told = dict(zip(heard[-1].name, heard[-1].position, strict=True))
    assert [told[f"stance_{leg}"] for leg in LEGS] == [1.0] * 4
    assert told["commanded_forward"] == 0.3
    assert told["estimated_height"] == pytest.approx(0.3, abs=0.05)


def test_transforms_follow_odometry_where_there_is_tf2_msgs(bench):
    messages = pytest.importorskip("tf2_msgs.msg", reason="there is no wheel of it")
    dog = Quadruped(bench)
    heard = []
    dog.probe.create_subscription(messages.TFMessage, "/tf", heard.append, 10)
    bench.spin_until(lambda: dog.node.count_subscribers("/tf"))
    for _ in range(20):
        dog.at()
    bench.spin_until(lambda: heard)
    (transform,) = heard[0].transforms
    assert (transform.header.frame_id, transform.child_frame_id) == ("odom", "base_link")
    assert transform.transform.translation.z == pytest.approx(0.3, abs=0.05)


def test_quaternions_are_mujocos():
    rng = np.random.default_rng(0)
    for _ in range(50):
        quaternion = rng.normal(size=4)
        quaternion /= np.linalg.norm(quaternion)
        rotation = np.empty(9)
        mujoco.mju_quat2Mat(rotation, quaternion)
        found = _quaternion(rotation.reshape(3, 3))
        assert abs(found @ quaternion) == pytest.approx(1.0)


def test_the_numbers_of_a_gait_command_are_in_the_order_of_the_paper():
    assert list(Command().array()) == [
        0, 0, 0, 0, 3, 0.5, 0, 0, 0.5, 0.08, 0, 0, 0.28, 0.4, 0,
    ]  # fmt: skip
