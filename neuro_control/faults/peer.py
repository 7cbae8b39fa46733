# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A robot in a process of its own, which can be killed: sends the streams of a subject.

``python -m neuro_control.faults.peer SUBJECT DOMAIN OFFSET_OF_ITS_CLOCK``
"""

from __future__ import annotations

import os
import sys
import time

import rclpy

from neuro_control.faults.harness import taken
from neuro_control.faults.streams import Streams
from neuro_control.faults.subject import find_subject
from neuro_control.ros.process import Stop, discover_locally

# Time between two looks at what is due, s.
_LOOK = 0.001


def main() -> None:
    """Send streams until the process is ended, or the one that started it has ended."""
    name, domain, offset = sys.argv[1:]
    discover_locally()
    rclpy.init(args=[], domain_id=int(domain))
    # Each has a name of its own: those that were killed are remembered for a while.
    node = rclpy.create_node(
        f"peer_{os.getpid()}", enable_rosout=False, start_parameter_services=False
    )
    subject = find_subject(name)
    output = subject.output
    commands = node.create_subscription(output.message, output.topic, lambda _: None, output.qos)
    streams, latest = Streams(node, subject, False, {}), None
    streams.offset = int(offset)
    stop = Stop()
    while not stop():
        for _, message in taken(commands):
            latest = message
        streams.send(latest)
        time.sleep(_LOOK)


if __name__ == "__main__":
    main()
