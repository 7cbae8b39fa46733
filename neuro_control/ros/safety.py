# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether a node may move its robot: enable and emergency stop, with their services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from std_srvs.srv import SetBool


class Safety:
    """Enable and emergency stop of one node.

    Services: ``~/enable`` and ``~/emergency_stop`` (std_srvs/SetBool). An emergency stop also
    disables, so that releasing it moves nothing: the node moves again after ``~/enable`` only.

    Args:
        node: Offers the services.
        on_disable: Brings the robot to rest; called each time that ``~/enable`` is called with
            false.
        on_emergency_stop: Brings the robot to rest at once; called each time that
            ``~/emergency_stop`` is called with true.
        on_enable: Prepares to move again; called when a disabled node is enabled.

    Attributes:
        enabled: Whether the node may move its robot.
        emergency_stop: Whether an emergency stop is active; the node is then disabled, too.
    """

    def __init__(
        self,
        node: Node,
        on_disable: Callable[[], None],
        on_emergency_stop: Callable[[], None],
        on_enable: Callable[[], None] | None = None,
    ) -> None:
        self.enabled = True
        self.emergency_stop = False
        self._on_disable = on_disable
        self._on_emergency_stop = on_emergency_stop
        self._on_enable = on_enable
        node.create_service(SetBool, "~/enable", self._handle_enable)
        node.create_service(SetBool, "~/emergency_stop", self._handle_emergency_stop)

    @property
    def reason(self) -> str:
        """Why the robot does not move and what brings it back, empty if it may move."""
        if self.emergency_stop:
            return (
                "emergency stop is active: release it with `~/emergency_stop` false, "
                "then call `~/enable` true"
            )
        return "" if self.enabled else "disabled: call `~/enable` true to move again"

    def values(self) -> dict[str, str]:
        """Values for the node's diagnostics."""
        return {
            "enabled": str(self.enabled).lower(),
            "emergency_stop": str(self.emergency_stop).lower(),
        }

    def _handle_enable(self, request: Any, response: Any) -> Any:
        if request.data and self.emergency_stop:
            response.success = False
            response.message = (
                "emergency stop is active: release it first, `~/emergency_stop` false"
            )
            return response
        if request.data and not self.enabled and self._on_enable is not None:
            self._on_enable()
        self.enabled = request.data
        if not self.enabled:
            self._on_disable()
        response.success = True
        response.message = "enabled" if request.data else "disabled"
        return response

    def _handle_emergency_stop(self, request: Any, response: Any) -> Any:
        self.emergency_stop = request.data
        if request.data:
            self.enabled = False
            self._on_emergency_stop()
        response.success = True
        response.message = (
            "stopped" if request.data else "released: call `~/enable` true to move again"
        )
        return response
