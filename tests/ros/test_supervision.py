# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Nodes that no callback, request or transition ends, through real topics and services."""

import time
from dataclasses import dataclass

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameters, SetParameters, SetParametersAtomically
from rclpy.experimental import EventsExecutor
from std_msgs.msg import Float64
from std_srvs.srv import Trigger

from neuro_control.ros import process
from neuro_control.ros.budget import Budget
from neuro_control.ros.diagnostics.node import DiagnosticNode
from neuro_control.ros.parameters import parameter
from tests.bench import TIMEOUT, Loop, Probe, options
from tests.ros.toy import SAFE, Toy


@dataclass(frozen=True)
class Parameters:
    gain: float = parameter(1.0, "Gain", low=0.0, high=10.0)


class Fragile(DiagnosticNode[Parameters]):
    """Fails on the number 13, on each call of its service, and when gain becomes 5."""

    def __init__(self):
        super().__init__("fragile", Parameters, "toy")
        self.received, self.ticks = [], 0
        self.create_subscription(Float64, "number", self.receive, 10)
        self.create_service(Trigger, "~/fail", self.fail)
        self.create_service(Trigger, "~/lose", lambda request, response: None)
        self.create_timer(0.02, self.tick)

    def receive(self, message):
        if message.data == 13:
            raise ZeroDivisionError("13 was not foreseen")
        self.received.append(message.data)

    def tick(self):
        self.ticks += 1
        if self.ticks == 2:
            raise KeyError("second tick")

    def fail(self, request, response):
        response.success = True
        raise RuntimeError("the service is broken")

    def apply(self):
        if self.parameters.gain == 5.0:
            raise RuntimeError("5 can't be applied")

    def diagnostic_values(self):
        return {}


@pytest.fixture
def fragile(bench):
    node = bench.add(Fragile())
    probe = bench.add(Probe())
    bench.spin_until(lambda: probe.count_publishers("/diagnostics"))
    return node, probe


def set_parameters(bench, node, *parameters, service=SetParameters):
    name = "set_parameters" if service is SetParameters else "set_parameters_atomically"
    client = node.create_client(service, f"/{node.target}/{name}")
    response = bench.call(client, service.Request(parameters=list(parameters)))
    return response.results if service is SetParameters else [response.result]


def number(name, value):
    kind = ParameterType.PARAMETER_DOUBLE
    return ParameterMessage(name=name, value=ParameterValue(type=kind, double_value=value))


def test_a_callback_that_raises_is_an_error_state_and_the_next_message_is_received(bench, fragile):
    node, probe = fragile
    publisher = probe.create_publisher(Float64, "number", 10)
    bench.spin_until(publisher.get_subscription_count)
    for value in (1.0, 13.0, 2.0):
        publisher.publish(Float64(data=value))
    bench.spin_until(lambda: len(node.received) == 2)
    assert node.received == [1.0, 2.0]
    bench.spin_until(lambda: probe.said("a message on number failed: ZeroDivisionError"))
    status = next(each for each in probe.diagnostics if "ZeroDivision" in each.message)
    assert status.level == DiagnosticStatus.ERROR


def test_a_timer_that_raises_goes_on(bench, fragile):
    node, probe = fragile
    bench.spin_until(lambda: node.ticks > 5)
    bench.spin_until(lambda: probe.said("the timer of tick failed: KeyError('second tick')"))


def test_a_service_that_raises_answers_that_it_failed_and_why(bench, fragile):
    _, probe = fragile
    client = probe.create_client(Trigger, "fragile/fail")
    for _ in range(2):
        answer = bench.call(client, Trigger.Request())
        assert not answer.success
        assert "the service is broken" in answer.message


def test_what_fails_in_the_middleware_brings_the_node_to_its_safe_state(bench, fragile):
    node, probe = fragile
    client = probe.create_client(Trigger, "fragile/lose")
    bench.spin_until(client.service_is_ready)
    bench.executor.remove_node(node)
    deadline = time.monotonic() + TIMEOUT
    client.call_async(Trigger.Request())

    def failed():
        return "the middleware failed" in node.reported_state()[1] or time.monotonic() > deadline

    process.spin([node], failed)  # it raises while it sends what is no response
    level, text = node.reported_state()
    assert level == DiagnosticStatus.ERROR
    assert text.startswith("the middleware failed: TypeError")
    before = node.ticks
    process.spin([node], lambda: node.ticks > before + 2 or time.monotonic() > deadline)
    assert node.ticks > before + 2


# Parameters.


@pytest.mark.parametrize("service", [SetParameters, SetParametersAtomically])
@pytest.mark.parametrize("kind", [77, 255])
def test_a_parameter_of_an_unknown_type_is_refused(bench, fragile, kind, service):
    node, probe = fragile
    probe.target = "fragile"
    odd = ParameterMessage(name="gain", value=ParameterValue(type=kind))
    (result,) = set_parameters(bench, probe, odd, service=service)
    assert not result.successful
    assert "'gain' is of no type that a parameter can have" in result.reason
    (result,) = set_parameters(bench, probe, number("gain", 2.0), service=service)
    assert result.successful
    assert node.parameters.gain == 2.0


def test_an_undeclared_parameter_is_refused_beside_one_that_is_set(bench, fragile):
    node, probe = fragile
    probe.target = "fragile"
    results = set_parameters(bench, probe, number("loss", 1.0), number("gain", 3.0))
    assert [each.successful for each in results] == [False, True]
    assert "loss" in results[0].reason
    assert node.parameters.gain == 3.0


def test_a_parameter_that_fails_while_it_is_applied_is_an_error_state(bench, fragile):
    _, probe = fragile
    probe.target = "fragile"
    client = probe.create_client(SetParameters, "fragile/set_parameters")
    bench.call(client, SetParameters.Request(parameters=[number("gain", 5.0)]))
    bench.spin_until(lambda: probe.said("5 can't be applied"))


def test_a_request_holds_no_more_parameters_than_the_node_has(bench, fragile):
    node, probe = fragile
    probe.target = "fragile"
    many = [number("gain", 2.0)] * 10_000
    begin = time.thread_time()
    (result,) = set_parameters(bench, probe, *many)
    assert not result.successful
    assert "a request can't concern 10000" in result.reason
    assert node.parameters.gain == 1.0
    # Both sides of the request are in this thread; each took a millisecond a parameter.
    assert time.thread_time() - begin < 5.0
    client = probe.create_client(GetParameters, "fragile/get_parameters")
    assert bench.call(client, GetParameters.Request(names=["gain"] * 10_000)).values == []


def test_requests_are_read_and_refused_beside_the_nodes_thread_which_alone_sets_parameters(bench):
    node = bench.add(Fragile())
    probe = Probe()
    executor = EventsExecutor()
    executor.add_node(probe)
    client = probe.create_client(SetParameters, "fragile/set_parameters")

    def answered(future):
        # The node's own thread rests.
        deadline = time.monotonic() + TIMEOUT
        while not future.done() and time.monotonic() < deadline:
            executor.spin_once(timeout_sec=0.01)
        return future.done()

    try:
        bench.spin_until(client.service_is_ready)
        many = SetParameters.Request(parameters=[number("gain", 2.0)] * 10_000)
        refused = client.call_async(many)
        assert answered(refused)
        assert "a request can't concern 10000" in refused.result().results[0].reason
        one = client.call_async(SetParameters.Request(parameters=[number("gain", 2.0)]))
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            executor.spin_once(timeout_sec=0.01)
        assert not one.done()
        assert node.parameters.gain == 1.0
        bench.spin_until(lambda: node.parameters.gain == 2.0)
        assert answered(one)
        assert one.result().results[0].successful
    finally:
        executor.remove_node(probe)
        executor.shutdown()
        probe.destroy_node()


def test_a_node_ends_although_a_request_waits_for_it(bench):
    node = bench.add(Fragile())
    probe = bench.add(Probe())
    client = probe.create_client(SetParameters, "fragile/set_parameters")
    bench.spin_until(client.service_is_ready)
    client.call_async(SetParameters.Request(parameters=[number("gain", 2.0)]))
    time.sleep(0.3)  # the request is read, and nobody runs the node
    bench.executor.remove_node(node)
    bench.nodes.remove(node)
    begin = time.monotonic()
    node.destroy_node()
    assert time.monotonic() - begin < TIMEOUT
    assert node.parameters.gain == 1.0


def test_requests_beyond_the_nodes_budget_are_refused_until_it_has_refilled(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    budget = Budget(share=0.1, burst=0.5)
    assert budget.wait() == 0.0
    budget.spend(0.4)
    assert budget.wait() == 0.0
    budget.spend(0.3)
    assert budget.wait() == pytest.approx(2.0)
    now[0] = 2.5
    assert budget.wait() == 0.0
    now[0] = 1000.0  # the store holds no more than the burst
    budget.wait()
    budget.spend(0.6)
    assert budget.wait() == pytest.approx(1.0)


def test_the_clock_of_a_running_node_can_not_be_changed(bench, fragile):
    _, probe = fragile
    probe.target = "fragile"
    yes = ParameterValue(type=ParameterType.PARAMETER_BOOL, bool_value=True)
    (result,) = set_parameters(bench, probe, ParameterMessage(name="use_sim_time", value=yes))
    assert not result.successful
    assert result.reason == "use_sim_time can only be set when the node starts"


# Time and lifecycle of a controller.


@pytest.fixture
def loop(bench):
    return Loop(bench, Toy(**options(use_sim_time=True)))


def test_a_time_before_0_is_ignored_and_the_loop_goes_on(loop):
    loop.advance()
    loop.answer(np.full(5, 0.5))
    loop.probe.tick(-5 * 10**9)
    loop.advance()
    assert any(loop.answer(np.full(5, 0.5)).effort)
    assert loop.node.failures == 0


@pytest.mark.parametrize(
    "transition",
    [
        Transition(id=Transition.TRANSITION_CONFIGURE),
        Transition(id=Transition.TRANSITION_CLEANUP),
        Transition(id=Transition.TRANSITION_ACTIVATE),
        Transition(id=99),
        Transition(label="configure"),
        Transition(label="no such transition"),
    ],
    ids=lambda each: each.label or str(each.id),
)
def test_a_transition_that_is_not_possible_is_refused_and_the_robot_moves_on(loop, transition):
    client = loop.probe.create_client(ChangeState, "toy/change_state")
    assert not loop.bench.call(client, ChangeState.Request(transition=transition)).success
    state = loop.probe.create_client(GetState, "toy/get_state")
    now = loop.bench.call(state, GetState.Request()).current_state
    assert now.id == State.PRIMARY_STATE_ACTIVE
    loop.advance()
    assert list(loop.answer(np.full(5, 0.5)).effort) != SAFE
    assert loop.node.failures == 0
