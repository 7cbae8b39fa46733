# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The blimp's nodes in the fault matrix: their good streams, and what safe means."""

from __future__ import annotations

import array
import math
import os
import tempfile
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from sensor_msgs.msg import JointState, Range
from std_msgs.msg import Float64, Float64MultiArray

from neuro_control.blimp.control.types import ACTUATORS, DOWN, UP
from neuro_control.drivers.propulsion import Propulsion
from neuro_control.faults.subject import Moment, Output, Received, Stream, Subject, Surroundings
from neuro_control.ros.messages import (
    COMMAND_QOS,
    SENSOR_QOS,
    SET_POINT_QOS,
    joint_state,
    to_stamp,
)

# How often the pins are looked at, s.
_LOOK = 0.005
# Largest duty cycle of a motor.
_FULL_DUTY = 39 / 45
# Largest thrust of each propeller that the altitude controller commands, N.
_MAX_THRUST = 0.18 / 2 + 1e-9


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
    name="propulsion",
    streams=(
        Stream(
            "joint_commands",
            JointState,
            10.0,
            _commands,
            ("effort[0]", "effort[1]", "position[2]"),
            timeout=0.5,
            qos=COMMAND_QOS,
        ),
    ),
    output=Output(
        "pins",
        Float64MultiArray,
        trouble=_beyond_duty,
        safe=lambda received: not any(received.message.data),
        fields=("data",),
        most=1 / _LOOK,
    ),
    parameters={"pin_factory": "mock"},
    managed=False,
    services=("enable",),
)


def _range(moment: Moment) -> Range:
    """A lidar below the set-point, whose readings are noisy."""
    message = Range(range=0.9 + float(moment.rng.normal(0.0, 0.005)))
    message.header.stamp = to_stamp(moment.stamp)
    return message


def _beyond_thrust(message: JointState) -> str:
    left, right, _ = message.effort
    angle = message.position[2]
    if not (0.0 <= left <= _MAX_THRUST and 0.0 <= right <= _MAX_THRUST):
        return f"thrusts of {left:g} and {right:g} N"
    return "" if UP <= angle <= DOWN else f"a servo's angle of {angle:g} rad"


def _stands_still_or_holds(received: Received) -> bool:
    """Whether the propellers stand still, or hold the trim: the command before, to the bit."""
    efforts = received.message.effort
    return not any(efforts) or (received.before is not None and efforts == received.before.effort)


ALTITUDE = Subject(
    node="neuro_control.blimp.nodes.altitude:BlimpAltitude",
    name="blimp_altitude",
    streams=(
        # Infinities have a meaning here: too close, and nothing in range. The last valid range
        # counts for 0.5 s, and that the command is held is seen by the second one that is.
        Stream(
            "lidar/range", Range, 10.0, _range, ("range",), timeout=0.75, not_finite=(math.nan,)
        ),
        Stream(
            "set_point",
            Float64,
            2.0,
            lambda _: Float64(data=1.0),
            ("data",),
            timeout=None,
            qos=SET_POINT_QOS,
        ),
    ),
    output=Output(
        "joint_commands",
        JointState,
        trouble=_beyond_thrust,
        safe=_stands_still_or_holds,
        fields=("effort", "position"),
        most=20.0,
    ),
    parameters={"controller": "pid"},
    weights={"weights": "blimp_snn.safetensors"},
    with_weights={"controller": "snn"},
    services=("enable",),
)


class SerialBytes:
    """What comes over a serial line at once.

    Attributes:
        data: The bytes.
    """

    def __init__(self, data: bytes = b"") -> None:
        self.data = array.array("B", data)


def _frame(moment: Moment) -> SerialBytes:
    """A frame of the lidar: distance (cm), strength, temperature, checksum."""
    numbers = (90 + int(moment.rng.integers(10)), 1000, 2308)
    body = b"YY" + b"".join(number.to_bytes(2, "little") for number in numbers)
    return SerialBytes(body + bytes([sum(body) % 256]))


@contextmanager
def _serial_line(_domain: int) -> Iterator[Surroundings]:
    """A pseudo-terminal in the place of the lidar's port, which can be pulled out."""
    with tempfile.TemporaryDirectory() as folder:
        port = Path(folder) / "lidar"
        ends: list[int] = []

        def plug() -> None:
            ends.extend(os.openpty())
            tty.setraw(ends[1])
            os.set_blocking(ends[0], False)
            port.symlink_to(os.ttyname(ends[1]))

        def unplug() -> None:
            port.unlink(missing_ok=True)
            while ends:
                os.close(ends.pop())

        def send(message: SerialBytes) -> None:
            # A line that nobody reads is full, and one that is pulled out leads nowhere.
            with suppress(BlockingIOError):
                if ends:
                    os.write(ends[0], bytes(message.data))

        plug()
        yield Surroundings(
            parameters={"port": str(port)},
            send={"serial line": send},
            lose=unplug,
            restore=plug,
        )
        unplug()


def _no_distance(message: Range) -> str:
    distance = message.range
    measured = math.isfinite(distance) and not 0.1 - 1e-6 <= distance <= 12.0 + 1e-6
    return f"a distance of {distance:g} m" if measured else ""


TFMINI = Subject(
    node="neuro_control.drivers.tfmini:Tfmini",
    name="tfmini",
    streams=(Stream("serial line", SerialBytes, 50.0, _frame, ("data",), timeout=0.3),),
    output=Output(
        "lidar/range",
        Range,
        trouble=_no_distance,
        # Only a distance can mislead a controller: infinities and NaN have REP 117's meaning.
        safe=lambda received: not math.isfinite(received.message.range),
        fields=(),
        most=10.0,
        silence_is_safe=True,
        qos=SENSOR_QOS,
    ),
    managed=False,
    exempt={"wrong_size": "bytes come in portions of any size"},
    shortest=2.5,
    surroundings=_serial_line,
)

SUBJECTS = {"blimp_altitude": ALTITUDE, "propulsion": PROPULSION, "tfmini": TFMINI}
