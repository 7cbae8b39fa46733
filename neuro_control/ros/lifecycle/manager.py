# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Brings nodes up together and keeps them so: configures all, then activates them in their order.

When one of them does not answer any longer, the others are deactivated, so that each sends its safe
command. When it is there again, as one that launch has started anew, all are brought up again. A
node that somebody else deactivates is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from lifecycle_msgs.msg import State, Transition
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_srvs.srv import SetBool

from neuro_control.errors import ConfigurationError
from neuro_control.ros.diagnostics.node import DiagnosticNode
from neuro_control.ros.lifecycle.peer import ManagedPeer
from neuro_control.ros.parameters import parameter
from neuro_control.ros.process import run_node

# Wall time between two looks at the nodes, s: the heartbeat of Nav2's bonds.
_PERIOD = 0.25


@dataclass(frozen=True)
class LifecycleManagerParameters:
    """Parameters of the lifecycle manager."""

    node_names: tuple[str, ...] = parameter(
        (), "Nodes to bring up, in this order, by their names in this namespace", fixed=True
    )
    autostart: bool = parameter(True, "Bring the nodes up when this node starts", fixed=True)
    node_timeout: float = parameter(
        4.0, "Time without an answer after which a node counts as lost, s", low=0.5, high=60.0
    )
    transition_timeout: float = parameter(
        180.0, "Longest time that configuring or activating a node takes, s", low=1.0, high=3600.0
    )


class LifecycleManager(DiagnosticNode[LifecycleManagerParameters]):
    """Lifecycle manager of the nodes of one robot.

    Topic ``~/summary`` (diagnostic_msgs/DiagnosticStatus, kept for latecomers): what the bring-up
    waits for, and in its values the state of each node.
    Service ``~/bring_up`` (std_srvs/SetBool): with true brings the nodes up, with false deactivates
    them, the last first.

    Args:
        name: Name of the node.
        node_options: Passed on to the rclpy node.

    Raises:
        ConfigurationError: No nodes are named, or one twice.
    """

    def __init__(self, name: str = "lifecycle_manager", **node_options: Any) -> None:
        super().__init__(name, LifecycleManagerParameters, "lifecycle manager", **node_options)
        names = self.parameters.node_names
        if not names or len(set(names)) < len(names):
            self.destroy_node()
            raise ConfigurationError(
                f"{name}: node_names is a list of one or more names, each once, not {list(names)}"
            )
        self._peers = [ManagedPeer(self, each) for each in names]
        self._up = self.parameters.autostart
        self._complete = False
        # What each node and its topics have last reported, by the name of the status.
        self._statuses: dict[str, DiagnosticStatus] = {}
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._summary = self.create_publisher(DiagnosticStatus, "~/summary", latched)
        self._published: DiagnosticStatus | None = None
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 100)
        self.create_service(SetBool, "~/bring_up", self._on_bring_up)
        self.create_timer(_PERIOD, self._look, clock=self.steady)

    def diagnostic_values(self) -> dict[str, str]:
        """State of each node."""
        return {each.name: each.label for each in self._peers}

    def _on_bring_up(self, request: Any, response: Any) -> Any:
        self._up, self._complete = request.data, False
        for each in self._peers:
            each.forgive()
        response.success = True
        response.message = "bringing the nodes up" if request.data else "deactivating the nodes"
        return response

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        prefix = self.get_namespace().strip("/")
        names = [f"{prefix}/{each.name}".lstrip("/") for each in self._peers]
        for status in message.status:
            if status.name.partition(": ")[0] in names and len(status.values) < 1000:
                self._statuses[status.name] = status
        while len(self._statuses) > 100 * len(names):
            self._statuses.pop(next(iter(self._statuses)))

    # The bring-up.

    def _look(self) -> None:
        for each in self._peers:
            each.ask(self.parameters.node_timeout, self.parameters.transition_timeout)
        level, text = self._act()
        self.set_state(level, text)
        self._publish_summary(level, text)

    def _act(self) -> tuple[bytes, str]:
        """Start the transition that is due, if one is; level and text of the state."""
        busy = [each for each in self._peers if each.changing]
        if busy:
            return DiagnosticStatus.STALE, f"waits for {busy[0].name} to {busy[0].changing}"
        failed = [each for each in self._peers if each.failed]
        if failed:
            self._deactivate()
            return DiagnosticStatus.ERROR, (
                f"{failed[0].name} can't {failed[0].failed}, its log says why: then call "
                f"`~/bring_up` true on {self.get_name()}"
            )
        if not self._up:
            self._deactivate()
            return DiagnosticStatus.STALE, (
                f"the nodes are not brought up: call `~/bring_up` true on {self.get_name()}"
            )
        missing = [each for each in self._peers if not each.known]
        begun_anew = [each for each in self._peers if each.begun_anew]
        if missing or begun_anew:
            self._complete = False
        if missing:
            self._deactivate()
            lost = any(each.label == "lost" for each in missing)
            names = ", ".join(each.name for each in missing)
            return (
                (DiagnosticStatus.ERROR, f"{names} does not answer: the others are deactivated")
                if lost
                else (DiagnosticStatus.STALE, f"waits for {names} to answer")
            )
        if begun_anew:
            if self._deactivate():
                names = ", ".join(each.name for each in begun_anew)
                return DiagnosticStatus.ERROR, f"{names} began anew: the others are deactivated"
            for each in begun_anew:
                each.forgive()
        return self._bring_up()

    def _deactivate(self) -> bool:
        """Deactivate the last node that is active; whether there was one."""
        for each in reversed(self._peers):
            if each.state == State.PRIMARY_STATE_ACTIVE:
                each.change(Transition.TRANSITION_DEACTIVATE)
                return True
        return False

    def _bring_up(self) -> tuple[bytes, str]:
        if self._complete:
            return self._judge()
        for state, transition in (
            (State.PRIMARY_STATE_UNCONFIGURED, Transition.TRANSITION_CONFIGURE),
            (State.PRIMARY_STATE_INACTIVE, Transition.TRANSITION_ACTIVATE),
        ):
            for each in self._peers:
                if each.state == state:
                    each.change(transition)
                    return DiagnosticStatus.STALE, f"waits for {each.name} to {each.changing}"
        self._complete = True
        return self._judge()

    def _judge(self) -> tuple[bytes, str]:
        """State of nodes that have been brought up."""
        for each in self._peers:
            if each.state != State.PRIMARY_STATE_ACTIVE:
                return DiagnosticStatus.WARN, (
                    f"{each.name} is {each.label}, as somebody wanted: call `~/bring_up` true on "
                    f"{self.get_name()} to bring it up again"
                )
        for name, status in self._statuses.items():
            if status.level != DiagnosticStatus.OK:
                return DiagnosticStatus.WARN, f"all are active; {name}: {status.message}"
        return DiagnosticStatus.OK, "all are active"

    def _publish_summary(self, level: bytes, text: str) -> None:
        """Publish what is waited for, when it has changed."""
        summary = DiagnosticStatus(level=level, name=self.get_fully_qualified_name(), message=text)
        summary.values = [KeyValue(key=each.name, value=each.label) for each in self._peers]
        if summary != self._published:
            self._published = summary
            self._summary.publish(summary)


def main() -> None:
    """Run the node: the executable lifecycle_manager."""
    run_node(LifecycleManager)
