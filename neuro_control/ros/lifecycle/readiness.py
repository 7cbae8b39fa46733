# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether the nodes that answer a simulation are ready to: configured and active."""

from __future__ import annotations

import time
from typing import Any

from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rclpy.node import Node

_GET_STATE = "lifecycle_msgs/srv/GetState"
# States of a node that may become active by itself or by its lifecycle manager.
_PREPARING = (
    State.PRIMARY_STATE_UNCONFIGURED,
    State.PRIMARY_STATE_INACTIVE,
    State.TRANSITION_STATE_CONFIGURING,
    State.TRANSITION_STATE_ACTIVATING,
)


# Wall time within which a node that is being configured answers again, s.
_LONGEST = 180.0


class Readiness:
    """Watches the lifecycle of the nodes that are in one namespace with a topic.

    A node that is being configured, as one that compiles its control law, answers nobody. So a
    node with a lifecycle counts as preparing until it says otherwise, or publishes the answers, or
    has said nothing for longer than anything takes to compile: discovery lists a node that was
    killed, too, until its lease ends.

    Args:
        node: Asks them.
        topic: Where they publish their answers; below the node's namespace, or a robot's in it.
    """

    def __init__(self, node: Node, topic: str) -> None:
        self._node = node
        self._topic = topic
        robot = topic.rpartition("/")[0]
        own = node.get_namespace().rstrip("/")
        self._namespace = f"{own}/{robot}" if robot else own
        self._clients: dict[str, Any] = {}
        self._asked: dict[str, Any] = {}
        self._states: dict[str, int] = {}
        self._seen: dict[str, float] = {}  # first time, on the monotonic clock, s

    def preparing(self) -> list[str]:
        """Names of the nodes that are not active yet, as far as can be known."""
        publishers = {
            info.node_name for info in self._node.get_publishers_info_by_topic(self._topic)
        }
        found = []
        for name in self._managed():
            self._ask(name)
            # A node that has its publisher is configured, and one that never answers may be stuck.
            silent = time.monotonic() - self._seen.setdefault(name, time.monotonic())
            known = name in publishers or silent > _LONGEST
            default = State.PRIMARY_STATE_ACTIVE if known else _PREPARING[0]
            if self._states.get(name, default) in _PREPARING:
                found.append(name)
        return found

    def configuring(self) -> list[str]:
        """Names of those of them that are on their way: nobody has to ask them to become active.

        A node that has answered that it is not configured waits for its lifecycle manager.
        """
        waiting = (State.PRIMARY_STATE_UNCONFIGURED, State.PRIMARY_STATE_INACTIVE)
        return [name for name in self.preparing() if self._states.get(name) not in waiting]

    def _managed(self) -> list[str]:
        """Names of the other nodes of this namespace that have a lifecycle."""
        own, namespace = self._node.get_name(), self._namespace or "/"
        # A node with a lifecycle is listed more than once.
        names = {
            name
            for name, place in self._node.get_node_names_and_namespaces()
            if place == namespace and name != own and not name.startswith("_")
        }
        services = dict(self._node.get_service_names_and_types())
        return sorted(name for name in names if _GET_STATE in services.get(self._service(name), []))

    def _service(self, name: str) -> str:
        return f"{self._namespace}/{name}/get_state"

    def _ask(self, name: str) -> None:
        """Ask a node for its state, and take down what it has answered."""
        if name not in self._clients:
            self._clients[name] = self._node.create_client(GetState, self._service(name))
        pending = self._asked.get(name)
        if pending is not None and pending.done():
            self._states[name] = pending.result().current_state.id
            pending = None
        if pending is None and self._clients[name].service_is_ready():
            self._asked[name] = self._clients[name].call_async(GetState.Request())
