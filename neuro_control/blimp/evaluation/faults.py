# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The blimp's nodes in the fault matrix: their good streams, and what safe means."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

from neuro_control.blimp.control.types import ACTUATORS
from neuro_control.drivers.propulsion import Propulsion
from neuro_control.faults.subject import Moment, Output, Stream, Subject
from neuro_control.ros.messages import COMMAND_QOS, joint_state

# How often the pins are looked at, s.
_LOOK = 0.005
# Largest thrust of a propeller, N, and duty cycle of a motor.
_MAX_EFFORT, _FULL_DUTY = 0.06, 39 / 45


class WatchedPropulsion(Propulsion):
    """The driver on mock pins, with somebody who looks at them and says what they are set to.

    Publishes ``pins`` (std_msgs/Float64MultiArray): duty cycles of the left and the right motor.
    They are read in a thread, so that a driver that hangs is seen as well.
    """

    def __init__(self, name: str = "propulsion", **node_options: Any) -> None:
        super().__init__(name, **node_options)
        self._pins = self.create_publisher(Float64MultiArray, "pins", COMMAND_QOS)
        self._watcher = threading.Thread(target=self._look, daemon=True)
        self._watcher.start()

    def _look(self) -> None:
        while (outputs := self.outputs) is not None:
            duties = [float(motor.value) for motor in outputs.motors]
            self._pins.publish(Float64MultiArray(data=duties))
            time.sleep(_LOOK)

    def stop(self) -> None:
        """Stop the motors, and look at them no more."""
        super().stop()
        if hasattr(self, "_watcher"):
            self._watcher.join()


def _commands(moment: Moment) -> JointState:
    """Both propellers push upwards."""
    efforts, angles = np.array([0.03, 0.03, 0.0]), np.array([0.0, 0.0, 0.5])
    return joint_state(moment.stamp, list(ACTUATORS), angles, effort=efforts)


def _beyond_duty(message: Float64MultiArray) -> str:
    largest = max(message.data, default=0.0)
    return f"a duty cycle of {largest:g}" if largest > _FULL_DUTY + 1e-9 else ""


PROPULSION = Subject(
    node="neuro_control.blimp.evaluation.faults:WatchedPropulsion",
    streams=(
        Stream(
            "joint_commands", JointState, 10.0, _commands, ("position", "effort"), 0.5, COMMAND_QOS
        ),
    ),
    output=Output(
        "pins",
        Float64MultiArray,
        trouble=_beyond_duty,
        safe=lambda message: not any(message.data),
        fields=("data",),
        most=1 / _LOOK,
    ),
    parameters={"pin_factory": "mock"},
    managed=False,
    services=("enable",),
)

SUBJECTS = {"propulsion": PROPULSION}
