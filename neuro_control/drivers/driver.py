# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Base of the nodes that drive a device."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, TypeVar

from neuro_control.ros.diagnostics.node import DiagnosticNode
from neuro_control.ros.safety.safety import Interlocked

P = TypeVar("P")


class Driver(Interlocked, DiagnosticNode[P]):
    """Base of the nodes that drive a device.

    Its callbacks and its emergency stop exclude one another.

    Args:
        name: Name of the node.
        parameters_type: Dataclass of its parameters.
        node_options: Passed on to the rclpy node.

    Raises:
        ConfigurationError: A parameter is unknown or its value wrong.
    """

    def __init__(self, name: str, parameters_type: type[P], **node_options: Any) -> None:
        super().__init__(name, parameters_type, "driver", **node_options)

    @abstractmethod
    def stop(self) -> None:
        """Bring the device to rest and release it; calling it more than once does no harm."""

    def destroy_node(self) -> None:
        """Bring the device to rest and end the node."""
        self.stop()
        super().destroy_node()
