"""Effects through topics: the same as without ROS, and what messages say of them."""

import numpy as np
import pytest
from sensor_msgs.msg import JointState

from neuro_control.errors import ConfigurationError
from neuro_control.ros.messages import COMMAND_QOS, SENSOR_QOS, joint_state, to_nanoseconds
from neuro_control.ros.run import set_parameters
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
