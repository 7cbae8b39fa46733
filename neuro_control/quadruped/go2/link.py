# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Links to a Unitree robot: Cyclone DDS by itself, or ROS with Unitree's message packages.

A link calls nobody back from another thread: its user takes messages when there is time for them.
"""

from __future__ import annotations

import importlib.util
from collections import deque
from collections.abc import Iterable
from typing import Any, Protocol

import rclpy
from rclpy.node import Node

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.go2.sport import Call, Service
from neuro_control.ros.dds.participant import Participant, newest, taken
from neuro_control.ros.messages import COMMAND_QOS, SENSOR_QOS

# Answers that may wait to be taken.
_ANSWERS = 16
# States that may wait to be counted.
_COUNTED = 200


class Link(Protocol):
    """A link as a driver needs it; messages are ROS's or those of ``idl``."""

    name: str

    def state(self) -> Any | None:
        """Newest LowState that was not taken yet."""

    def sport_state(self) -> Any | None:
        """Newest SportModeState that was not taken yet."""

    def answers(self) -> Iterable[tuple[Service, Any]]:
        """Responses that were not taken yet, and the services that they come from."""

    def new_command(self) -> Any:
        """An empty LowCmd."""

    def command(self, command: Any) -> None:
        """Send a LowCmd."""

    def request(self, number: int, call: Call) -> None:
        """Send a call as the request of that number."""

    def close(self) -> None:
        """Close the link; calling it more than once does no harm."""


def fill_request(request: Any, number: int, call: Call) -> None:
    """Fill a fresh Request."""
    request.header.identity.id = number
    request.header.identity.api_id = call.number
    request.header.policy.noreply = not call.answered
    request.parameter = call.parameter


class CycloneLink:
    """A robot through Cyclone DDS and our own message classes.

    Args:
        domain: Number of the DDS domain.
        interface: Network interface, as ``Participant`` has it.

    Raises:
        ConfigurationError: As ``Participant`` has it.
    """

    name = "cyclonedds"

    def __init__(self, domain: int, interface: str) -> None:
        self._participant: Participant | None = Participant(domain, interface)
        from neuro_control.quadruped.go2 import idl

        self._idl, here = idl, self._participant
        self._states = here.reader("rt/lowstate", idl.LowState, 1)
        self._sport_states = here.reader("rt/sportmodestate", idl.SportModeState, 1)
        self._commands = here.writer("rt/lowcmd", idl.LowCmd)
        self._requests = {
            each: here.writer(f"rt/api/{each.value}/request", idl.Request) for each in Service
        }
        self._answers = {
            each: here.reader(f"rt/api/{each.value}/response", idl.Response, _ANSWERS)
            for each in Service
        }

    def state(self) -> Any | None:
        """Newest LowState that was not taken yet."""
        return newest(self._states)

    def every_state(self) -> Any:
        """Another reader of LowState, which keeps many, for whoever counts them."""
        if self._participant is None:
            raise RuntimeError("the link is closed")
        return self._participant.reader("rt/lowstate", self._idl.LowState, _COUNTED)

    def sport_state(self) -> Any | None:
        """Newest SportModeState that was not taken yet."""
        return newest(self._sport_states)

    def answers(self) -> Iterable[tuple[Service, Any]]:
        """Responses that were not taken yet, and the services that they come from."""
        return [
            (each, answer) for each, reader in self._answers.items() for answer in taken(reader)
        ]

    def new_command(self) -> Any:
        """An empty LowCmd."""
        return self._idl.LowCmd()

    def command(self, command: Any) -> None:
        """Send a LowCmd."""
        self._commands.write(command)

    def request(self, number: int, call: Call) -> None:
        """Send a call as the request of that number."""
        request = self._idl.Request()
        fill_request(request, number, call)
        self._requests[call.service].write(request)

    def close(self) -> None:
        """Leave the domain; calling it more than once does no harm."""
        here, self._participant = self._participant, None
        if here is None:
            return
        del self._states, self._sport_states, self._commands, self._requests, self._answers
        here.close()


class RosLink:
    """A robot through ROS, where Unitree's message packages are built.

    The DDS domain is ROS's own, and so is the network interface.

    Args:
        node: Node that subscribes and publishes.

    Raises:
        ConfigurationError: unitree_go or unitree_api is missing.
    """

    name = "ros"

    def __init__(self, node: Node) -> None:
        try:
            from unitree_api.msg import Request, Response
            from unitree_go.msg import LowCmd, LowState, SportModeState
        except ImportError as error:
            raise ConfigurationError(
                "the ROS packages unitree_go and unitree_api are not built, or not sourced: "
                "build them, or set transport to cyclonedds"
            ) from error
        self._node, self._request, self.new_command = node, Request, LowCmd
        self._state: deque[Any] = deque(maxlen=1)
        self._sport_state: deque[Any] = deque(maxlen=1)
        self._answers: deque[tuple[Service, Any]] = deque(maxlen=_ANSWERS)
        listen, speak = node.create_subscription, node.create_publisher
        self._subscriptions = [
            listen(LowState, "/lowstate", self._state.append, SENSOR_QOS),
            listen(SportModeState, "/sportmodestate", self._sport_state.append, SENSOR_QOS),
        ]
        self._commands = speak(LowCmd, "/lowcmd", COMMAND_QOS)
        self._requests = {}
        for each in Service:
            self._subscriptions.append(
                listen(
                    Response,
                    f"/api/{each.value}/response",
                    lambda answer, each=each: self._answers.append((each, answer)),
                    SENSOR_QOS,
                )
            )
            self._requests[each] = speak(Request, f"/api/{each.value}/request", COMMAND_QOS)

    def state(self) -> Any | None:
        """Newest LowState that was not taken yet."""
        return self._state.pop() if self._state else None

    def sport_state(self) -> Any | None:
        """Newest SportModeState that was not taken yet."""
        return self._sport_state.pop() if self._sport_state else None

    def answers(self) -> Iterable[tuple[Service, Any]]:
        """Responses that were not taken yet, and the services that they come from."""
        answers, self._answers = list(self._answers), deque(maxlen=_ANSWERS)
        return answers

    def command(self, command: Any) -> None:
        """Send a LowCmd."""
        self._commands.publish(command)

    def request(self, number: int, call: Call) -> None:
        """Send a call as the request of that number."""
        request = self._request()
        fill_request(request, number, call)
        self._requests[call.service].publish(request)

    def close(self) -> None:
        """Destroy the topics; calling it more than once does no harm."""
        subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            self._node.destroy_subscription(subscription)
        if subscriptions:
            for publisher in (self._commands, *self._requests.values()):
                self._node.destroy_publisher(publisher)


def connect(node: Node, transport: str, domain: int, interface: str) -> Link:
    """Link to the robot: ROS where Unitree's packages are built and ROS runs on Cyclone DDS.

    Args:
        node: Node that needs it.
        transport: auto, cyclonedds or ros.
        domain: DDS domain, for Cyclone DDS by itself.
        interface: Network interface, for Cyclone DDS by itself.

    Raises:
        ConfigurationError: The link can't be made on this machine.
    """
    if transport == "auto":
        built = all(importlib.util.find_spec(each) for each in ("unitree_go", "unitree_api"))
        on_cyclone = "cyclone" in rclpy.get_rmw_implementation_identifier()
        transport = "ros" if built and on_cyclone else "cyclonedds"
    return RosLink(node) if transport == "ros" else CycloneLink(domain, interface)
