# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Topics of the simulation: odometry, joints, sensors and commands by the tables of a model."""

import numpy as np
import pytest
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import Imu, JointState, Range

import neuro_control.envs  # noqa: F401  # registers the environments
from neuro_control.errors import ConfigurationError
from neuro_control.ros.messages import COMMAND_QOS, SENSOR_QOS, joint_state, to_nanoseconds
from neuro_control.simulation.node import Simulation
from tests.bench import MS, Probe, options
from tests.ros.simulation_setting import SWIM, rig


def test_odometry_is_where_the_model_is_in_base_links_axes(bench):
    simulation, pilot = rig(bench, law=lambda angles: np.full(5, 4e-4))
    heard = []
    pilot.create_subscription(Odometry, "ground_truth/odom", heard.append, SENSOR_QOS)
    bench.spin_until(lambda: simulation.steps > 20 and len(heard) > 5)
    pilot.answering = False
    bench.spin_for(0.3)
    message, data = heard[-1], simulation.data
    pose, twist = message.pose.pose, message.twist.twist
    np.testing.assert_allclose(
        [pose.position.x, pose.position.y, pose.position.z], data.site("base_link").xpos, atol=1e-12
    )
    # The head looks along -y of its body: forward speed is the head's -vy, leftward its vx.
    head = data.sensor("velocity_0").data
    np.testing.assert_allclose([twist.linear.x, twist.linear.y], [-head[1], head[0]], atol=1e-12)
    assert twist.angular.z == pytest.approx(data.sensor("gyro_0").data[2], abs=1e-12)
    yaw = 2 * np.arctan2(pose.orientation.z, pose.orientation.w)
    expected = data.qpos[2] - np.pi / 2
    assert np.cos(yaw - expected) == pytest.approx(1, abs=1e-12)


def test_the_old_odom_is_served_while_somebody_subscribes_and_nobody_else_publishes(bench):
    _, pilot = rig(bench)
    heard = []
    subscription = pilot.create_subscription(Odometry, "odom", heard.append, SENSOR_QOS)
    bench.spin_until(lambda: heard)
    estimator = pilot.create_publisher(Odometry, "odom", SENSOR_QOS)
    bench.spin_until(lambda: pilot.count_publishers("odom") == 1)
    pilot.destroy_publisher(estimator)
    bench.spin_until(lambda: pilot.count_publishers("odom") == 1)
    pilot.destroy_subscription(subscription)
    bench.spin_until(lambda: pilot.count_publishers("odom") == 0)


def test_in_place_of_an_estimator_the_simulation_publishes_odom_itself(bench):
    simulation = bench.add(Simulation(**options(**SWIM, odometry_topic="odom")))
    assert simulation.count_publishers("odom") == 1
    assert simulation.count_publishers("ground_truth/odom") == 0


def test_joint_states_carry_the_joints_with_encoders_and_their_torque(bench):
    simulation, pilot = rig(bench, law=lambda angles: np.linspace(1e-4, 5e-4, 5))
    bench.spin_until(lambda: simulation.steps > 3)
    message = pilot.observations[-1]
    assert list(message.name) == [f"joint_{i}" for i in range(1, 6)]
    np.testing.assert_allclose(message.effort, np.linspace(1e-4, 5e-4, 5), rtol=1e-12)


SENSORS = """
<mujoco>
  <worldbody>
    <body name="box" pos="0 0 1">
      <freejoint/>
      <geom type="box" size=".1 .1 .1" mass="1"/>
      <site name="imu_site"/>
      <site name="down" pos="0 0 -.11" zaxis="0 0 -1"/>
      <site name="up" pos="0 0 .11"/>
    </body>
    <geom type="plane" size="5 5 .1"/>
  </worldbody>
  <option gravity="0 0 -9.81"/>
  <sensor>
    <accelerometer name="acc" site="imu_site"/>
    <gyro name="gyro" site="imu_site"/>
    <velocimeter name="speed" site="imu_site"/>
    <rangefinder name="low" site="down"/>
    <rangefinder name="high" site="up"/>
  </sensor>
</mujoco>
"""


def test_sensors_of_a_model_become_messages_by_the_table(bench, tmp_path):
    path = tmp_path / "box.xml"
    path.write_text(SENSORS)
    simulation = bench.add(
        Simulation(
            **options(model=str(path), lockstep=False, observation_period=0.01, odometry=False)
        )
    )
    probe = bench.add(Probe())
    heard = {"imu": [], "speed": [], "low": [], "high": []}
    probe.create_subscription(Imu, "imu_site/imu", heard["imu"].append, SENSOR_QOS)
    probe.create_subscription(TwistStamped, "imu_site/velocity", heard["speed"].append, SENSOR_QOS)
    probe.create_subscription(Range, "down/range", heard["low"].append, SENSOR_QOS)
    probe.create_subscription(Range, "up/range", heard["high"].append, SENSOR_QOS)
    bench.spin_until(lambda: all(heard.values()))
    imu = heard["imu"][0]
    assert imu.header.frame_id == "imu_site"
    # Falling freely, an accelerometer reads nothing; no attitude sensor, so that is unknown.
    assert abs(imu.linear_acceleration.z) < 1e-6
    assert imu.orientation_covariance[0] == -1
    assert imu.angular_velocity_covariance[0] == 0
    low, time = heard["low"][0], to_nanoseconds(heard["low"][0].header.stamp) * 1e-9
    assert low.range == pytest.approx(0.89 - 9.81 / 2 * time**2, abs=0.02)
    assert heard["high"][0].range == np.inf
    speed = heard["speed"][0]
    fallen = -9.81 * to_nanoseconds(speed.header.stamp) * 1e-9
    assert speed.twist.linear.z == pytest.approx(fallen, abs=1e-6)
    assert simulation.model.nu == 0
    with pytest.raises(ConfigurationError, match="site base_link, which the model lacks"):
        Simulation(**options(model=str(path)))


FEET = """
<mujoco>
  <worldbody>
    <geom type="plane" size="1 1 .1"/>
    <body name="left" pos="-.5 0 .1"><freejoint/><geom size=".1" mass="2"/><site name="heel" size=".11"/></body>
    <body name="right" pos=".5 0 .9"><freejoint/><geom size=".1" mass="3"/><site name="toe" size=".11"/></body>
  </worldbody>
  <sensor><touch name="RIGHT_force" site="toe"/><touch name="sole" site="heel"/></sensor>
</mujoco>
"""  # noqa: E501


def test_touch_sensors_become_one_message_by_their_names(bench, tmp_path):
    path = tmp_path / "feet.xml"
    path.write_text(FEET)
    bench.add(
        Simulation(
            **options(model=str(path), lockstep=False, observation_period=0.01, odometry=False)
        )
    )
    heard = []
    bench.add(Probe()).create_subscription(JointState, "foot_forces", heard.append, SENSOR_QOS)
    # One lies on the ground, the other falls for 0.4 s.
    bench.spin_until(lambda: heard and heard[-1].header.stamp.nanosec >= 300 * MS)
    assert list(heard[-1].name) == ["RIGHT", "sole"]
    assert list(heard[-1].effort) == pytest.approx([0.0, 2 * 9.81], rel=0.02)
    bench.spin_until(lambda: heard[-1].header.stamp.sec >= 1)
    assert heard[-1].effort[0] == pytest.approx(3 * 9.81, rel=0.02)


SERVOS = """
<mujoco>
  <worldbody>
    <body><joint name="hip" axis="0 1 0"/><geom size=".1" pos="0 0 -.3"/>
      <body pos="0 0 -.3"><joint name="knee" axis="0 1 0"/><geom size=".1" pos="0 0 -.3"/>
        <body pos="0 0 -.3"><joint name="toe" axis="0 1 0"/><geom size=".1" pos="0 0 -.3"/></body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <velocity joint="knee" kv="1"/><position joint="hip" kp="10"/><motor joint="toe" gear="4"/>
  </actuator>
</mujoco>
"""


def test_a_command_feeds_each_actuator_from_its_own_field(bench, tmp_path):
    path = tmp_path / "leg.xml"
    path.write_text(SERVOS)
    simulation = bench.add(Simulation(**options(model=str(path), odometry=False)))
    probe = bench.add(Probe())
    command = probe.create_publisher(JointState, "joint_commands", COMMAND_QOS)
    bench.spin_until(command.get_subscription_count)
    names = ["hip", "knee", "toe"]
    command.publish(
        joint_state(0, names, np.array([0.1, 9, 9]), np.array([9, 0.2, 9]), np.array([9, 9, 2.0]))
    )
    bench.spin_until(lambda: simulation.steps == 1)
    np.testing.assert_allclose(simulation.data.ctrl, [0.2, 0.1, 0.5])
