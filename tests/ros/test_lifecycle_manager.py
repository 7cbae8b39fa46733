# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Nodes are brought up together, and down when one of them is lost, through real services."""

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_srvs.srv import SetBool

from neuro_control.errors import ConfigurationError
from neuro_control.ros.lifecycle.manager import LifecycleManager
from tests.bench import options
from tests.ros.toy import Toy

ACTIVE, INACTIVE = State.PRIMARY_STATE_ACTIVE, State.PRIMARY_STATE_INACTIVE


class Recorded(Toy):
    """A toy that takes down its transitions, with those of others."""

    def __init__(self, name, log):
        super().__init__(name, **options(autostart=False))
        self.log = log

    def on_configure(self, state):
        self.log.append((self.get_name(), "configure"))
        return super().on_configure(state)

    def on_activate(self, state):
        self.log.append((self.get_name(), "activate"))
        return super().on_activate(state)

    def on_deactivate(self, state):
        self.log.append((self.get_name(), "deactivate"))
        return super().on_deactivate(state)


class Fleet:
    """Two toys, their manager, and an onlooker."""

    def __init__(self, bench, **values):
        self.bench, self.log, self.toys = bench, [], {}
        for name in ("first", "second"):
            self.start(name)
        values = {"node_names": ["first", "second"], "node_timeout": 1.0, **values}
        self.manager = bench.add(LifecycleManager(**options(**values)))
        self.onlooker = bench.add(Node("onlooker"))
        self.heard = []
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.onlooker.create_subscription(
            DiagnosticStatus, "lifecycle_manager/summary", self.heard.append, latched
        )

    def start(self, name):
        self.toys[name] = self.bench.add(Recorded(name, self.log))

    def kill(self, name):
        """End a node as if its process had been killed: it sends nothing more."""
        toy = self.toys.pop(name)
        self.bench.nodes.remove(toy)
        self.bench.executor.remove_node(toy)
        toy.destroy_node()

    def says(self, text, timeout=30.0):
        self.bench.spin_until(
            lambda: self.heard and text in self.heard[-1].message,
            timeout,
            f"the summary says '{text}', it says {self.heard[-1:]}",
        )

    def states(self):
        return [each.value for each in self.heard[-1].values]


UP = [(name, does) for does in ("configure", "activate") for name in ("first", "second")]


def test_all_are_configured_before_the_first_is_activated_in_their_order(bench):
    fleet = Fleet(bench)
    fleet.says("all are active")
    assert fleet.log == UP
    assert fleet.states() == ["active", "active"]


def test_the_summary_says_which_topic_of_which_node_is_waited_for(bench):
    fleet = Fleet(bench)
    fleet.says("all are active; first: joint_states: not received")


def test_a_lost_node_brings_the_others_down_and_all_come_back_with_it(bench):
    fleet = Fleet(bench)
    fleet.says("all are active")
    fleet.log.clear()
    fleet.kill("first")
    fleet.says("first does not answer: the others are deactivated")
    bench.spin_until(lambda: fleet.states() == ["lost", "inactive"])
    assert fleet.heard[-1].level == DiagnosticStatus.ERROR
    assert fleet.log == [("second", "deactivate")]
    fleet.log.clear()
    fleet.start("first")
    fleet.says("all are active")
    assert fleet.log == [("first", "configure"), ("first", "activate"), ("second", "activate")]


def test_a_node_that_began_anew_before_it_was_missed_is_taken_in_again(bench):
    fleet = Fleet(bench, node_timeout=60.0)
    fleet.says("all are active")
    fleet.log.clear()
    fleet.kill("second")
    fleet.start("second")
    bench.spin_until(lambda: ("first", "deactivate") in fleet.log)
    bench.spin_until(lambda: fleet.log.count(("first", "activate")) == 1)
    fleet.says("all are active")
    assert fleet.log[0] == ("first", "deactivate")
    assert set(fleet.log[1:]) == {
        ("second", "configure"),
        ("first", "activate"),
        ("second", "activate"),
    }


def test_a_node_that_somebody_else_deactivates_is_left_alone_until_it_is_wanted(bench):
    fleet = Fleet(bench)
    fleet.says("all are active")
    client = fleet.onlooker.create_client(ChangeState, "second/change_state")
    off = Transition(id=Transition.TRANSITION_DEACTIVATE)
    assert bench.call(client, ChangeState.Request(transition=off)).success
    fleet.says("second is inactive, as somebody wanted: call `~/bring_up` true")
    bench.spin_for(1.0)
    assert fleet.states() == ["active", "inactive"]
    bring_up = fleet.onlooker.create_client(SetBool, "lifecycle_manager/bring_up")
    assert bench.call(bring_up, SetBool.Request(data=True)).success
    fleet.says("all are active")


def test_the_nodes_are_brought_down_the_last_first(bench):
    fleet = Fleet(bench)
    fleet.says("all are active")
    fleet.log.clear()
    bring_up = fleet.onlooker.create_client(SetBool, "lifecycle_manager/bring_up")
    assert bench.call(bring_up, SetBool.Request(data=False)).success
    bench.spin_until(lambda: fleet.states() == ["inactive", "inactive"])
    assert fleet.log == [("second", "deactivate"), ("first", "deactivate")]
    fleet.says("the nodes are not brought up: call `~/bring_up` true on lifecycle_manager")


def test_a_node_that_can_not_be_configured_stops_the_bring_up_with_what_to_do(bench):
    fleet = Fleet(bench, autostart=False)
    fleet.says("not brought up")
    fleet.toys["second"].trouble = lambda: ConfigurationError("no weights")
    bring_up = fleet.onlooker.create_client(SetBool, "lifecycle_manager/bring_up")
    bench.call(bring_up, SetBool.Request(data=True))
    fleet.says("second can't configure, its log says why: then call `~/bring_up` true")
    assert fleet.log == UP[:2]
    fleet.toys["second"].trouble = None
    bench.call(bring_up, SetBool.Request(data=True))
    fleet.says("all are active")


@pytest.mark.parametrize("names", [[], ["one", "one"]])
def test_names_that_are_missing_or_given_twice_are_refused(bench, names):
    values = {"node_names": names} if names else {}
    with pytest.raises(ConfigurationError, match="node_names is a list of one or more names"):
        LifecycleManager(**options(**values))
