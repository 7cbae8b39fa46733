# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Ends a launch when one of its nodes ends, with a reason and a code other than 0 if it failed.

The launch files of this package include it; it starts nothing by itself. All nodes are ended with
the launch, and each sends its safe command. In XML a launch can be ended with a node, but its exit
code stays 0. With the argument ``respawn`` launch starts a node again instead, and the lifecycle
manager takes it in.
"""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import EmitEvent, OpaqueFunction, RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown

# Nodes that end by themselves when their run is over, and the run with them.
SOURCES = ("simulation", "player")


def check_files(context):
    """Refuse a parameter file that is missing: launch would only warn, and use the defaults."""
    for name, path in context.launch_configurations.items():
        if name.endswith("_file") and path and not Path(path).is_file():
            raise RuntimeError(f"{name}: there is no file {path}")


def supervise(context):
    """Watch all processes of the launch."""
    respawn = context.launch_configurations.get("respawn", "false").lower() in ("true", "1")

    def ended(event, context):
        """End the launch, by raising if the node should not have ended."""
        if context.is_shutdown:
            return None
        node = event.process_name.rsplit("-", 1)[0]
        if node in SOURCES and event.returncode == 0:
            return EmitEvent(event=Shutdown(reason=f"{node} is over"))
        if node not in SOURCES and respawn:
            return None
        how = f"exit code {event.returncode}" if event.returncode >= 0 else "a signal"
        raise RuntimeError(f"{node} ended early, by {how}; its own message is above")

    return [RegisterEventHandler(OnProcessExit(on_exit=ended))]


def generate_launch_description():
    """Check the files and watch the processes."""
    return LaunchDescription(
        [OpaqueFunction(function=check_files), OpaqueFunction(function=supervise)]
    )
