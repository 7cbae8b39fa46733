# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Group controllers of ros2_control in place of joint_commands: for controllers and simulation."""

import numpy as np
import pytest
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

from neuro_control.errors import ConfigurationError
from neuro_control.ros.messages import COMMAND_QOS, joint_state
from neuro_control.ros.ros2_control.groups import Group, GroupPublisher
from neuro_control.simulation.node import Simulation
from neuro_control.swimmer.control.circuit import Circuit
from neuro_control.swimmer.nodes.controller import SwimmerController
from tests.bench import Probe, options

JOINTS = [f"joint_{i}" for i in range(1, 6)]


def test_a_controllers_efforts_go_to_the_group_in_the_groups_order(bench):
    order = JOINTS[::-1]
    probe = bench.add(Probe())
    numbers = []
    topic = "swimmer_effort_controller/commands"
    probe.create_subscription(Float64MultiArray, topic, numbers.append, COMMAND_QOS)
    group = f"swimmer_effort_controller:effort:{','.join(order)}"
    node = bench.add(SwimmerController(**options(group_controllers=[group], input_timeout=30.0)))
    node.start()
    bench.spin_until(
        lambda: probe.joints.get_subscription_count() and probe.count_publishers(topic)
    )
    angles = np.linspace(-0.5, 0.5, 5)
    bench.spin_for(0.05)
    # As a joint_state_broadcaster sends them: in an order of its own, with speeds and efforts.
    shuffled = [2, 0, 4, 1, 3]
    before = len(numbers)
    probe.joints.publish(
        joint_state(
            node.get_clock().now().nanoseconds, [JOINTS[k] for k in shuffled], angles[shuffled],
            np.zeros(5), np.zeros(5),
        )
    )  # fmt: skip
    expected = Circuit(5).step(angles)[::-1] * 5e-4
    bench.spin_until(lambda: any(np.array_equal(m.data, expected) for m in numbers[before:]))
    assert not probe.commands  # and to nobody else


def test_a_simulation_stands_in_for_the_controller_manager_and_swims(bench):
    groups = ["front:effort:joint_1,joint_2", "rear:effort:joint_3,joint_4,joint_5"]
    simulation = bench.add(
        Simulation(
            **options(
                model="neuro_control.swimmer.simulation.tasks:swim", lockstep=False,
                group_controllers=groups, real_time_factor=10.0,
            )
        )
    )  # fmt: skip
    swimmer = bench.add(
        SwimmerController(
            **options(group_controllers=groups, use_sim_time=True, input_timeout=30.0)
        )
    )
    swimmer.start()
    simulation.start()
    bench.spin_until(lambda: simulation.data.time > 3.0)
    assert np.abs(simulation.data.ctrl).max() > 1e-5
    assert np.linalg.norm(simulation.data.qpos[:2]) > 0.02  # it has swum
    assert simulation.diagnostic_values()["mode"] == "free-running"


def test_numbers_of_a_wrong_count_or_none_at_all_are_refused_by_the_simulation(bench):
    probe = bench.add(Probe())
    simulation = bench.add(
        Simulation(
            **options(
                model="neuro_control.swimmer.simulation.tasks:swim", lockstep=False,
                group_controllers=[f"all:effort:{','.join(JOINTS)}"],
            )
        )
    )  # fmt: skip
    publisher = probe.create_publisher(Float64MultiArray, "all/commands", COMMAND_QOS)
    bench.spin_until(publisher.get_subscription_count)
    for data, reason in (([1.0], "size"), ([np.nan] * 5, "not_finite")):
        publisher.publish(Float64MultiArray(data=data))
        bench.spin_until(
            lambda key=f"rejected/{reason}": simulation.diagnostic_values().get(key) == "1"
        )
    assert not simulation.data.ctrl.any()


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["efforts"], "a group is CONTROLLER:INTERFACE"),
        (["efforts:torque"], "with one of position, velocity, effort, not 'efforts:torque'"),
    ],
)
def test_a_text_that_is_no_group_ends_the_start(bench, groups, message):
    node = bench.add(SwimmerController(**options(group_controllers=groups)))
    with pytest.raises(ConfigurationError, match=message):
        node.start()


def test_a_simulation_needs_joints_and_must_run_freely(bench):
    model = "neuro_control.swimmer.simulation.tasks:swim"
    with pytest.raises(ConfigurationError, match="set lockstep to false"):
        Simulation(**options(model=model, group_controllers=["all:effort:joint_1"]))
    with pytest.raises(ConfigurationError, match="needs the joints of all/commands"):
        Simulation(**options(model=model, lockstep=False, group_controllers=["all:effort"]))


def test_without_joints_a_group_takes_the_commands_own_order(bench):
    probe = bench.add(Probe())
    found = []
    probe.create_subscription(Float64MultiArray, "servos/commands", found.append, COMMAND_QOS)
    publisher = GroupPublisher(probe, [Group.of("servos:position")])
    bench.spin_until(lambda: probe.count_subscribers("servos/commands"))
    bench.spin_for(0.05)
    publisher.publish(JointState(name=["b", "a"], position=[1.0, 2.0]))
    bench.spin_until(lambda: found)
    assert list(found[0].data) == [1.0, 2.0]
    publisher.destroy()
