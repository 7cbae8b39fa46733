# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Ends a launch with a reason and a code other than 0 when one of its nodes fails.

The launch files of this package include it; it starts nothing by itself. In XML a launch can be
ended with a node, but its exit code stays 0.
"""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import OpaqueFunction, RegisterEventHandler
from launch.event_handlers import OnProcessExit


def fail(event, context):
    """Raise, and so end the launch, unless the node ended well or the launch is ending anyway."""
    if event.returncode and not context.is_shutdown:
        node = event.process_name.rsplit("-", 1)[0]
        how = f"exit code {event.returncode}" if event.returncode > 0 else "a signal"
        raise RuntimeError(f"{node} ended early, by {how}; its own message is above")


def check_files(context):
    """Refuse a parameter file that is missing: launch would only warn, and use the defaults."""
    for name, path in context.launch_configurations.items():
        if name.endswith("_file") and path and not Path(path).is_file():
            raise RuntimeError(f"{name}: there is no file {path}")


def generate_launch_description():
    """Watch all processes of the launch."""
    return LaunchDescription(
        [
            OpaqueFunction(function=check_files),
            RegisterEventHandler(OnProcessExit(on_exit=fail)),
        ]
    )
