# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The recorder as a ROS 2 node: all messages of a domain into an MCAP file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from neuro_control.bags.listener import Listener, ListenerParameters
from neuro_control.bags.mcap_file import McapFile
from neuro_control.ros.parameters import parameter
from neuro_control.ros.process import run_node


@dataclass(frozen=True)
class RecorderParameters(ListenerParameters):
    """Parameters of the recorder."""

    file: str = parameter(
        "",
        "File to record to, NAME.mcap; empty names one by date and time in the present folder",
        fixed=True,
    )


class BagRecorder(Listener[RecorderParameters]):
    """Records all messages into an MCAP file.

    Args:
        name: Name of the node.
        node_options: Passed on to the rclpy node.

    Raises:
        ConfigurationError: The file can't be written, or mcap is not installed.
    """

    def __init__(self, name: str = "bag_recorder", **node_options: Any) -> None:
        super().__init__(name, RecorderParameters, "recorder", **node_options)

    def make_sink(self) -> McapFile:
        """The file."""
        name = self.parameters.file or f"recording_{datetime.now():%Y%m%d_%H%M%S}.mcap"
        path = Path(name).expanduser().resolve()
        self.get_logger().info(f"recording to {path}")
        return McapFile(path)

    def diagnostic_values(self) -> dict[str, str]:
        """Counts, and the file."""
        return {**super().diagnostic_values(), "file": self.parameters.file}


def main() -> None:
    """Run the node: the executable bag_recorder."""
    run_node(BagRecorder)
