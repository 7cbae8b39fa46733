# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages from node to node of one process: handed over, and still there for everybody else."""

import os
import signal
import time

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState, Range
from std_msgs.msg import Float64
from std_srvs.srv import SetBool, Trigger

from neuro_control.cli.scenario import find_scenario, resolve
from neuro_control.ros import run as runs
from neuro_control.ros.intraprocess import HandingOver, handing_over
from neuro_control.ros.messages import COMMAND_QOS, SENSOR_QOS, joint_state
from neuro_control.swimmer.control.circuit import Circuit
from neuro_control.swimmer.simulation.env import SwimmerSwim
from tests.bench import Bench


class Outside:
    """A node of another context: for the middleware another participant, as a process is."""

    def __init__(self):
        self.context = Context()
        rclpy.init(context=self.context)
        self.node = Node("outside", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)

    def close(self):
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


@pytest.fixture
def outside():
    made = Outside()
    try:
        yield made
    finally:
        made.close()


class Pair:
    """Two nodes of one process that hand messages to one another."""

    def __init__(self, bench, bus, qos=10, message=Float64, heard_qos=None):
        self.bench, self.bus = bench, bus
        self.sender, self.receiver = (
            bench.add(HandingOver(name)) for name in ("sender", "receiver")
        )
        self.heard = []
        self.publisher = self.sender.create_publisher(message, "number", qos)
        self.receiver.create_subscription(message, "number", self.heard.append, heard_qos or qos)

    def spin(self, until, outside=None, timeout=10.0):
        deadline = time.monotonic() + timeout

        def over():
            if outside is not None:
                outside.executor.spin_once(timeout_sec=0.0)
            return until() or time.monotonic() > deadline

        while not over():
            self.bus.turn(self.bench.executor, 0.01)
        assert until(), "what was waited for did not happen"


@pytest.fixture
def bus(bench):
    with handing_over() as made:
        yield made


def test_a_subscriber_of_the_same_process_receives_the_message_itself(bench, bus):
    pair = Pair(bench, bus)
    sent = [Float64(data=float(number)) for number in range(5)]
    for message in sent:
        pair.publisher.publish(message)
    pair.spin(lambda: len(pair.heard) == 5)
    assert all(heard is message for heard, message in zip(pair.heard, sent, strict=True))


def test_of_unread_messages_the_latest_of_the_depth_are_kept(bench, bus):
    pair = Pair(bench, bus, qos=2)
    for number in range(5):
        pair.publisher.publish(Float64(data=float(number)))
    pair.spin(lambda: len(pair.heard) == 2)
    pair.spin(lambda: True)
    assert [message.data for message in pair.heard] == [3.0, 4.0]


def test_messages_of_several_topics_arrive_in_the_order_in_which_they_were_published(bench, bus):
    pair = Pair(bench, bus)
    other = pair.sender.create_publisher(Float64, "other", 10)
    pair.receiver.create_subscription(Float64, "other", pair.heard.append, 10)
    for number in range(6):
        (other if number % 2 else pair.publisher).publish(Float64(data=float(number)))
    pair.spin(lambda: len(pair.heard) == 6)
    assert [message.data for message in pair.heard] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_reliable_subscription_receives_nothing_from_a_best_effort_publisher(bench, bus):
    pair = Pair(bench, bus, qos=SENSOR_QOS, heard_qos=COMMAND_QOS)
    pair.publisher.publish(Float64())
    deadline = time.monotonic() + 0.2
    pair.spin(lambda: time.monotonic() > deadline)
    assert pair.heard == []


def test_a_latched_message_reaches_a_subscription_made_afterwards(bench, bus):
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    pair = Pair(bench, bus, qos=latched)
    pair.publisher.publish(Float64(data=3.0))
    late = []
    pair.receiver.create_subscription(Float64, "number", late.append, latched)
    pair.spin(lambda: late and pair.heard)
    assert [message.data for message in late] == [3.0]


def test_numbers_of_32_bits_arrive_rounded_as_on_the_way(bench, bus):
    pair = Pair(bench, bus, message=Range)
    pair.publisher.publish(Range(range=0.1))
    pair.spin(lambda: pair.heard)
    assert pair.heard[0].range == np.float32(0.1)


def test_whoever_subscribes_from_outside_receives_it_too_and_nobody_twice(bench, bus, outside):
    pair = Pair(bench, bus)
    there = []
    subscription = outside.node.create_subscription(Float64, "number", there.append, 10)
    pair.spin(lambda: pair.publisher.get_subscription_count() == 2, outside)
    for number in range(5):
        pair.publisher.publish(Float64(data=float(number)))
    pair.spin(lambda: len(there) == 5 and len(pair.heard) == 5, outside)
    assert [message.data for message in pair.heard] == [message.data for message in there]
    outside.node.destroy_subscription(subscription)
    pair.spin(lambda: pair.publisher.get_subscription_count() == 1, outside)
    last = Float64(data=9.0)
    pair.publisher.publish(last)
    pair.spin(lambda: len(pair.heard) == 6, outside)
    assert pair.heard[-1] is last


def test_what_somebody_outside_publishes_arrives(bench, bus, outside):
    pair = Pair(bench, bus)
    publisher = outside.node.create_publisher(Float64, "number", 10)
    pair.spin(lambda: publisher.get_subscription_count() == 1, outside)
    publisher.publish(Float64(data=7.0))
    pair.spin(lambda: pair.heard, outside)
    assert pair.heard[0].data == 7.0


def test_a_subscription_destroyed_receives_nothing_more(bench, bus):
    pair = Pair(bench, bus)
    kept = []
    subscription = pair.receiver.create_subscription(Float64, "number", kept.append, 10)
    pair.publisher.publish(Float64(data=1.0))
    pair.receiver.destroy_subscription(subscription)
    pair.publisher.publish(Float64(data=2.0))
    pair.spin(lambda: len(pair.heard) == 2)
    assert kept == []


@pytest.mark.timing
def test_the_executor_gets_its_turn_while_messages_go_to_and_fro(bench, bus):
    pair = Pair(bench, bus)
    back = pair.receiver.create_publisher(Float64, "back", 10)
    pair.sender.create_subscription(Float64, "back", pair.publisher.publish, 10)
    pair.receiver.create_subscription(Float64, "number", back.publish, 10)

    def on_trigger(request, response):
        response.success = True
        return response

    pair.receiver.create_service(Trigger, "trigger", on_trigger)
    client = pair.sender.create_client(Trigger, "trigger")
    pair.spin(client.service_is_ready)
    pair.publisher.publish(Float64())
    pair.spin(lambda: len(pair.heard) > 1000)
    asked = time.monotonic()
    future = client.call_async(Trigger.Request())
    pair.spin(future.done)
    assert future.result().success
    assert time.monotonic() - asked < 0.2


def scenario(name, folder, seconds, **settings):
    """Nodes of a scenario by name, its parameter file and its recording's."""
    found = find_scenario(name)
    parameters = runs.read_parameters(found.config_file(), list(found.nodes))
    simulation, *others = found.nodes
    recording = folder / "recording.npz"
    parameters[simulation].update(duration=seconds, recording=str(recording), **settings)
    for other in others:
        parameters[other]["use_sim_time"] = True
    file = folder / "parameters.yaml"
    runs.write_parameters(parameters, file)
    return {name: resolve(each) for name, each in found.nodes.items()}, file, recording


def through_the_middleware(factories, file):
    """Run the nodes in this process without handing over."""
    bench = Bench(["--ros-args", "--params-file", str(file)])
    try:
        simulation, *others = [bench.add(make()) for make in factories.values()]
        for other in others:
            other.start()
        bench.spin_until(lambda: simulation.finished, timeout=60)
    finally:
        bench.close()


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("swimmer", 3.0), ("swimmer-square", 3.0), ("blimp", 10.0), ("quadruped", 2.0)],
)
def test_a_run_handed_over_is_the_run_through_the_middleware_to_the_bit(tmp_path, name, seconds):
    factories, file, recording = scenario(name, tmp_path, seconds)
    handed = runs.run_together(factories, file, recording, None, lambda _: None).recording
    recording.unlink()
    through_the_middleware(factories, file)
    with np.load(recording) as other:
        for key in ("time", "qpos", "qvel", "ctrl", "sensordata"):
            np.testing.assert_array_equal(handed[key], other[key])


@pytest.mark.parametrize(("topic", "kind"), [("/clock", Clock), ("joint_states", JointState)])
def test_who_comes_and_goes_outside_changes_no_bit_of_a_run(tmp_path, outside, topic, kind):
    factories, file, recording = scenario("swimmer", tmp_path, 240.0)
    heard, subscriptions, changes = [], [], 0

    def meanwhile(simulated):
        """Called every few ms of the run: subscribe, once that was heard no more, and again."""
        nonlocal changes
        outside.executor.spin_once(timeout_sec=0.0)
        if subscriptions and len(heard) > 20:
            outside.node.destroy_subscription(subscriptions.pop())
            heard.clear()
            changes += 1
        elif not subscriptions and simulated > 1.0:
            subscriptions.append(
                outside.node.create_subscription(kind, topic, heard.append, SENSOR_QOS)
            )

    recorded = runs.run_together(factories, file, recording, None, meanwhile).recording
    assert changes > 2
    environment, circuit = SwimmerSwim(), Circuit(5)
    observation, _ = environment.reset(seed=0)
    for qpos in recorded["qpos"][:1000]:
        np.testing.assert_array_equal(qpos, environment.body.data.qpos)
        observation, *_ = environment.step(circuit.step(observation[:5]))
    assert not (recorded["ctrl"][1:] == 0.0).all(axis=1).any()


@pytest.mark.timing
@pytest.mark.parametrize("lockstep", [True, False])
def test_during_a_run_topics_services_and_commands_from_outside_work(tmp_path, outside, lockstep):
    factories, file, recording = scenario("swimmer", tmp_path, 0.0, lockstep=lockstep)
    node, heard = outside.node, {"joint_states": [], "joint_commands": [], "/diagnostics": []}
    for topic, kind in (("joint_states", JointState), ("joint_commands", JointState)):
        node.create_subscription(kind, topic, heard[topic].append, SENSOR_QOS)
    node.create_subscription(DiagnosticArray, "/diagnostics", heard["/diagnostics"].append, 10)
    publisher = node.create_publisher(JointState, "joint_commands", COMMAND_QOS)
    client = node.create_client(SetBool, "swimmer_controller/enable")
    stale = joint_state(0, [f"joint_{i}" for i in range(1, 6)], effort=np.zeros(5))
    calls, waits = [], []
    deadline = time.monotonic() + 30.0

    def told(text):
        """Whether the simulation's diagnostics count what starts with ``text``."""
        statuses = [status for message in heard["/diagnostics"] for status in message.status]
        return any(
            pair.key.startswith(text)
            for status in statuses
            if status.name == "simulation: simulation"
            for pair in status.values
        )

    def meanwhile(simulated):
        """What happens outside, called every few ms; ends the run when all was seen."""
        outside.executor.spin_once(timeout_sec=0.0)
        if simulated < 1.0 or not client.service_is_ready():
            return
        publisher.publish(stale)
        if calls and calls[-1][1].done():
            waits.append(time.monotonic() - calls[-1][0])
        if not calls or (calls[-1][1].done() and len(calls) < 5):
            calls.append((time.monotonic(), client.call_async(SetBool.Request(data=True))))
        # In lockstep, what answers no observation of now is passed over.
        seen = all(heard.values()) and len(waits) >= 5 and (lockstep or told("rejected/stale"))
        if seen or time.monotonic() > deadline:
            os.kill(os.getpid(), signal.SIGINT)

    result = runs.run_together(factories, file, recording, None, meanwhile)
    assert result.interrupted == signal.SIGINT
    assert len(waits) >= 5
    assert max(waits[:5]) < 0.2
    assert heard["joint_states"]
    assert heard["joint_commands"]
    assert lockstep or told("rejected/stale")
    # The run is what it is without anybody outside.
    if lockstep:
        environment, circuit = SwimmerSwim(), Circuit(5)
        observation, _ = environment.reset(seed=0)
        for qpos in result.recording["qpos"][:100]:
            np.testing.assert_array_equal(qpos, environment.body.data.qpos)
            observation, *_ = environment.step(circuit.step(observation[:5]))
