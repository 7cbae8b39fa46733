# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a process that runs a node ends."""

import signal
import subprocess
import sys

import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.node import Node

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


MANAGED = """
import time
from neuro_control.ros.process import run_node
from tests.bench import options
from tests.ros.toy import Toy

class Slow(Toy):
    def __init__(self):
        super().__init__(**options(autostart=False))

    def set_up(self):
        print("configuring", flush=True)
        time.sleep(600)

run_node(Slow)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_node_that_its_lifecycle_manager_configures(bench, number):
    process = subprocess.Popen(
        [sys.executable, "-c", MANAGED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    client = bench.add(Node("manager")).create_client(ChangeState, "toy/change_state")
    try:
        bench.spin_until(client.service_is_ready)
        configure = Transition(id=Transition.TRANSITION_CONFIGURE)
        client.call_async(ChangeState.Request(transition=configure))
        bench.spin_for(0.1)
        # The middleware may print lines of its own.
        assert "configuring\n" in iter(process.stdout.readline, "")
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "Traceback" not in err
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_node_that_is_still_being_configured(number):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert "configuring\n" in iter(process.stdout.readline, "")
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert err == ""
