# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Effects through topics: the same as without ROS, and what messages say of them."""

import mujoco
import numpy as np
import pytest
from sensor_msgs.msg import JointState

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.types import JOINTS
from neuro_control.ros.messages import COMMAND_QOS, SENSOR_QOS, joint_state, to_nanoseconds
from neuro_control.ros.run import read_parameters, set_parameters
from neuro_control.simulation import world as worlds
from neuro_control.simulation.node import Simulation
from neuro_control.swimmer.control.circuit import Circuit
from neuro_control.swimmer.evaluation.report import summary
from neuro_control.swimmer.nodes.controller import SwimmerController
from neuro_control.swimmer.simulation.env import SwimmerSwim
from tests.bench import MS, Probe, options

SWIM = {"model": "neuro_control.swimmer.simulation.tasks:swim"}
EFFECTS = """[{noise: {sensors: joint_position, std: 0.05}}, {stuck: {sensor: joint_2, begins: 1}},
{delay: {sensor: joint_4, seconds: 0.09}}, {command_delay: {seconds: 0.06}},
{command_loss: {probability: 0.1}}, {push: {begins: 0.3, force: 0.05, lasts: 0.3}},
{wind: {speed: 0.05, direction: 1.0}}, {density: {factor: 0.8}}]"""


def test_a_run_with_effects_through_ros_is_the_run_without_to_the_bit(bench, tmp_path):
    recording = tmp_path / "r.npz"
    simulation = bench.add(
        Simulation(**options(**SWIM, effects=EFFECTS, duration=6.0, recording=str(recording)))
    )
    bench.add(SwimmerController(**options(use_sim_time=True))).start()
    bench.spin_until(lambda: simulation.finished, timeout=30)
    simulation.stop()
    environment = SwimmerSwim(effects=EFFECTS)
    observation, _ = environment.reset(seed=0)
    data, circuit = environment.body.data, Circuit(5)
    with np.load(recording) as file:
        rows = dict(file)
    assert len(rows["time"]) == 201
    for step in range(201):
        np.testing.assert_array_equal(rows["qpos"][step], data.qpos)
        np.testing.assert_array_equal(rows["sensordata"][step], data.sensordata)
        observation, *_ = environment.step(circuit.step(observation[:5]))


def test_a_report_scores_the_true_speed_whatever_the_sensors_measure(bench, tmp_path):
    recording = tmp_path / "r.npz"
    noisy = "noise: {sensors: velocity, std: 1}"
    simulation = bench.add(
        Simulation(**options(**SWIM, effects=noisy, duration=3.0, recording=str(recording)))
    )
    bench.add(SwimmerController(**options(use_sim_time=True))).start()
    bench.spin_until(lambda: simulation.finished, timeout=30)
    simulation.stop()
    environment = SwimmerSwim()
    observation, _ = environment.reset(seed=0)
    circuit, rewards = Circuit(5), []
    for _ in range(100):
        observation, reward, *_ = environment.step(circuit.step(observation[:5]))
        rewards.append(reward)
    with np.load(recording) as file:
        found = summary(dict(file), {**SWIM, "model_arguments": {}, "seed": 0, "effects": noisy})
    assert found["return"] == np.sum(rewards)


class Puppeteer(Probe):
    """Answers every observation with the same torques and keeps what it received."""

    def __init__(self, torque):
        super().__init__()
        self.torque = torque
        self.received = []
        self.command = self.create_publisher(JointState, "joint_commands", COMMAND_QOS)
        self.create_subscription(JointState, "joint_states", self.on_joints, SENSOR_QOS)

    def on_joints(self, message):
        self.received.append(message)
        stamp = to_nanoseconds(message.header.stamp)
        effort = np.full(len(message.name), self.torque)
        self.command.publish(joint_state(stamp, list(message.name), effort=effort))

    def positions(self):
        """Positions by stamp, ns."""
        return {to_nanoseconds(m.header.stamp): np.array(m.position) for m in self.received}


def watched(bench, effects, **values):
    puppeteer = bench.add(Puppeteer(2e-4))
    simulation = bench.add(Simulation(**options(**SWIM, effects=effects, **values)))
    bench.spin_until(lambda: simulation.steps >= 30)
    return puppeteer.positions()


def test_messages_say_what_is_lost_stuck_and_late_under_the_present_stamp(bench):
    effects = """[{loss: {sensor: joint_1, begins: 0.3}}, {stuck: {sensor: joint_2, begins: 0.3}},
    {delay: {sensor: joint_3, seconds: 0.15}}]"""
    found = watched(bench, effects)
    later = [stamp for stamp in found if stamp >= 300 * MS]
    assert len(later) >= 10
    assert np.isnan([found[stamp][0] for stamp in later]).all()
    assert {found[stamp][1] for stamp in later} == {found[270 * MS][1]}
    # The fourth joint is as free as the third: only the third is late.
    assert not any(np.isnan(found[stamp][1:]).any() for stamp in found)
    assert len({found[stamp][3] for stamp in later}) == len(later)
    early = [stamp for stamp in found if stamp <= 150 * MS]
    assert len({found[stamp][2] for stamp in early}) == 1
    assert len({found[stamp][2] for stamp in later}) == len(later)


def test_effects_that_the_model_does_not_know_stop_the_start(bench):
    with pytest.raises(ConfigurationError, match="no sensor 'tail': the model has velocity_0"):
        bench.add(Simulation(**options(**SWIM, effects="stuck: {sensor: tail}")))
    with pytest.raises(ConfigurationError, match="no effect 'shove': there are noise, loss"):
        bench.add(Simulation(**options(**SWIM, effects="[{shove: {force: 1}}]")))


@pytest.mark.parametrize("text", ["[{push: {force: 1}}]", "{push: {force: 1}}", "push: {force: 1}"])
def test_a_setting_of_effects_stays_the_text_that_it_is(text):
    parameters = {"simulation": {}}
    set_parameters(parameters, [f"simulation.effects={text}"])
    assert parameters["simulation"]["effects"] == text


def test_a_parameter_file_with_a_list_of_mappings_is_refused_with_what_to_write(tmp_path):
    path = tmp_path / "parameters.yaml"
    path.write_text("simulation: {ros__parameters: {effects: [{push: {force: 1}}]}}")
    with pytest.raises(ConfigurationError, match="effects holds mappings, which no ROS parameter"):
        read_parameters(path, ["simulation"])
    path.write_text("simulation: {ros__parameters: {effects: '[{push: {force: 1}}]'}}")
    found = read_parameters(path, ["simulation"])
    assert found["simulation"]["effects"] == "[{push: {force: 1}}]"


# Model, effects, and a command: names, efforts, and positions where there are servos.
ROBOTS = {
    "blimp": (
        "neuro_control.blimp.simulation.world:world",
        """[{noise: {sensors: gyro, std: 0.1}}, {stuck: {sensor: lidar, begins: 1}},
        {command_delay: {seconds: 0.3}}, {push: {begins: 1, force: 0.05, elevation: 1.5}},
        {wind: {speed: 0.1}}, {payload: {mass: 0.002}}]""",
        (["left_propeller", "right_propeller", "servo"], [0.02, 0.03, 0.0], [0.0, 0.0, 0.5]),
    ),
    "quadruped": (
        "neuro_control.quadruped.simulation.body:world",
        """[{loss: {sensors: FL_calf, begins: 0.02}}, {jump: {sensors: gyro, offset: 0.2}},
        {delay: {sensors: accelerometer, seconds: 0.02}}, {push: {begins: 0.02, force: 50}},
        {command_loss: {probability: 0.2}}, {payload: {mass: 2}},
        {friction: {coefficient: 0.5}}]""",
        (list(JOINTS), [0.5 * k for k in range(12)], None),
    ),
}


class Commander(Probe):
    """Answers every observation with the same command."""

    def __init__(self, names, effort, position):
        super().__init__()
        self.numbers = names, position, None, np.array(effort)
        self.command = self.create_publisher(JointState, "joint_commands", COMMAND_QOS)
        self.create_subscription(JointState, "joint_states", self.on_joints, SENSOR_QOS)

    def on_joints(self, message):
        self.command.publish(joint_state(to_nanoseconds(message.header.stamp), *self.numbers))


@pytest.mark.parametrize("robot", ROBOTS)
def test_any_robots_run_with_effects_through_ros_is_the_run_without(bench, tmp_path, robot):
    name, effects, command = ROBOTS[robot]
    world = worlds.load(name).with_effects(effects)
    recording, steps = tmp_path / "r.npz", 40
    values = {"model": name, "effects": effects, "recording": str(recording)}
    duration = steps * world.control_period
    simulation = bench.add(Simulation(**options(**values, duration=duration)))
    bench.add(Commander(*command))
    bench.spin_until(lambda: simulation.finished, timeout=30)
    simulation.stop()
    with np.load(recording) as file:
        rows = dict(file)
    names, effort, position = command
    control = np.array(effort)
    if position is not None:
        control[names.index("servo")] = position[names.index("servo")]
    data = mujoco.MjData(world.model)
    active = world.reset(data, np.random.default_rng(0))
    substeps = world.substeps(world.control_period)
    assert len(rows["time"]) == steps + 1
    for step in range(steps + 1):
        for quantity in ("qpos", "qvel", "ctrl", "sensordata"):
            np.testing.assert_array_equal(rows[quantity][step], getattr(data, quantity))
        world.step(data, active, control, substeps)


def test_a_late_command_acts_late_in_a_free_run_too(bench, tmp_path):
    recording = tmp_path / "r.npz"
    late = "command_delay: {seconds: 0.15}"
    simulation = bench.add(
        Simulation(
            **options(
                **SWIM,
                effects=late,
                lockstep=False,
                real_time_factor=0.5,
                command_timeout=1.0,
                duration=1.5,
                recording=str(recording),
            )
        )
    )
    puppeteer = bench.add(Puppeteer(2e-4))
    bench.spin_until(lambda: simulation.finished, timeout=30)
    simulation.stop()
    with np.load(recording) as file:
        moved = file["time"][np.abs(file["ctrl"]).max(axis=1) > 0]
    first = min(puppeteer.positions()) / (1000 * MS)
    assert len(moved)
    # The command that answers an observation comes after it.
    assert moved[0] >= first + 0.15
