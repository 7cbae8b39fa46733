# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Load on a node from a process of its own: floods of observations, storms of parameters.

``python -m neuro_control.faults.load SUBJECT DOMAIN flood|parameters``
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import rclpy
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from neuro_control.faults.subject import Moment, Subject, find_subject
from neuro_control.ros.process import Stop, discover_locally

# Observations a second of a flood, and how many are sent at once: no timer runs at 5 kHz.
_FLOOD, _BURST = 5000, 10
# Parameters of one request, and the time between two, s.
_PARAMETERS, _BETWEEN = 10_000, 0.2


def _flood(node: Node, subject: Subject) -> Callable[[], float]:
    stream = subject.streams[0]
    publisher = node.create_publisher(stream.message, stream.topic, stream.qos)
    rng, began = np.random.default_rng(0), time.monotonic()

    def act() -> float:
        for _ in range(_BURST):
            moment = Moment(time.time_ns(), time.monotonic() - began, rng, None)
            publisher.publish(stream.make(moment))
        return _BURST / _FLOOD

    return act


def _storm(node: Node, subject: Subject) -> Callable[[], float]:
    client = node.create_client(SetParameters, f"/{subject.name}/set_parameters")
    value = ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=0.05)
    request = SetParameters.Request(
        parameters=[Parameter(name=f"unknown_{k}", value=value) for k in range(_PARAMETERS)]
    )

    def act() -> float:
        client.call_async(request)
        return _BETWEEN

    return act


LOADS = {"flood": _flood, "parameters": _storm}


def main() -> None:
    """Load the node until the process is ended, or the one that started it has ended."""
    name, domain, kind = sys.argv[1:]
    discover_locally()
    rclpy.init(args=[], domain_id=int(domain), signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("load", enable_rosout=False, start_parameter_services=False)
    act, stop, due = LOADS[kind](node, find_subject(name)), Stop(), time.monotonic()
    while not stop():
        due += act()
        # What was missed is not made up for.
        due = max(due, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main()
