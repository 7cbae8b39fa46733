# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a process that runs a node ends."""

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import time
from rclpy.node import Node
from neuro_control.ros.process import run_node

class Slow(Node):
    def __init__(self):
        super().__init__("slow")

    def start(self):
        print("configuring", flush=True)
        time.sleep(600)

run_node(Slow)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_node_that_is_still_being_configured(number):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "configuring\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert err == ""
