# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A controller that fails and takes long to end, and a simulation that fails for want of it."""

import os
import time
from pathlib import Path

from rclpy.node import Node

from neuro_control.errors import ConfigurationError
from tests.bench import wait_until

# Names the file by which the simulation knows that the controller has failed.
VARIABLE = "NEURO_CONTROL_TEST_FAILED"


class SlowController(Node):
    failure = "the motor is missing"

    def __init__(self):
        super().__init__("controller")

    @property
    def finished(self):
        return "simulation" in self.get_node_names()

    def stop(self):
        Path(os.environ[VARIABLE]).touch()
        time.sleep(1.0)


class Simulation(Node):
    def __init__(self):
        super().__init__("simulation")

    def start(self):
        wait_until(Path(os.environ[VARIABLE]).exists, "the controller has failed")
        raise ConfigurationError("nobody answers")
