# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Checks of a blimp's lidar and pins; before take-off also of its motors, stop and battery."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState, Range
from std_srvs.srv import SetBool

from neuro_control.doctor.check import Check, Finding, failed, passed, warned
from neuro_control.doctor.robot import Ask, Doctor, Parameters, settings
from neuro_control.drivers.motor_outputs import Outputs, PropulsionParameters
from neuro_control.drivers.propulsion import Propulsion
from neuro_control.drivers.tfmini import Parser, Reading, Tfmini, TfminiParameters, distance
from neuro_control.errors import ConfigurationError
from neuro_control.ros import process
from neuro_control.ros.messages import COMMAND_QOS, SENSOR_QOS, joint_state

_LIDAR, _MOTORS = "tfmini", "propulsion"
# Time in which frames are counted, s; frames a second that the lidar sends, and the fewest.
_COUNTED, _OWN_RATE, _FEWEST = 1.0, 100, 90
# How long a propeller turns, s, its part of the largest thrust, and the commands' period, s.
_TURNS, _PART, _PERIOD = 1.0, 0.4, 0.05
# Commands that a propeller gets at least, however busy the machine is.
_FEWEST_COMMANDS = 4
# By how much the robot is lifted to see whether the lidar follows, m, and what is enough.
_LIFT, _ENOUGH = 0.5, 0.3
# Time for the driver to answer, s.
_ANSWERS = 5.0


def checks(parameters: Parameters) -> list[tuple[str, Check]]:
    """Checks that move nothing."""
    lidar = settings(TfminiParameters, parameters[_LIDAR])
    motors = settings(PropulsionParameters, parameters[_MOTORS])
    return [
        ("serial port", partial(_port, lidar)),
        ("lidar", partial(_frames, lidar)),
        ("pins", partial(_pins, motors)),
    ]


def _port(p: TfminiParameters) -> Finding:
    """Whether the serial port is there and this user's."""
    name, path = "serial port", Path(p.port)
    if not path.exists():
        there = sorted(str(each) for each in Path("/dev").glob("tty[AU]*"))
        remedy = "sudo raspi-config, interface options, serial port: hardware on, no login shell"
        return failed(name, f"no {p.port}; there are {', '.join(there) or 'none'}", remedy)
    if not os.access(path, os.R_OK | os.W_OK):
        remedy = f"sudo usermod -aG dialout {os.environ.get('USER', '$USER')}, and log in again"
        return failed(name, f"this user may not use {p.port}", remedy)
    if _console(path):
        remedy = "sudo raspi-config, interface options, serial port: no login shell; reboot"
        return failed(name, f"the kernel's console is on {p.port}", remedy)
    return passed(name, f"{p.port} is this user's")


def _console(port: Path) -> bool:
    """Whether the kernel writes its messages to the port."""
    names = {port.name, port.resolve().name}
    words = Path("/proc/cmdline").read_text().split()
    consoles = {word.removeprefix("console=").partition(",")[0] for word in words
                if word.startswith("console=")}  # fmt: skip
    return bool(names & consoles)


def _frames(p: TfminiParameters) -> Finding:
    """Whether the lidar sends good frames."""
    name = "lidar"
    readings, parser = _read(p)
    if not readings:
        if parser.skipped:
            remedy = f"set baud_rate: the lidar's own is 115200, not {p.baud_rate}, unless changed"
            return failed(name, f"{parser.skipped} bytes, and no frame among them", remedy)
        remedy = "5 V at its red wire? Its TX (green or white) at pin 10 of the Raspberry Pi?"
        return failed(name, f"no byte in {_COUNTED:g} s", remedy)
    rate = len(readings) / _COUNTED
    reliable = sum(reading.reliable(p.minimum_strength) for reading in readings)
    last = distance(readings[-1], p)
    text = (
        f"{rate:.0f} frames a second, {reliable} of {len(readings)} reliable, "
        f"{parser.bad_checksums} wrong, {last:.2f} m, {readings[-1].temperature:.0f} °C"
    )
    if rate < _FEWEST or parser.bad_checksums > len(readings) // 10:
        return failed(name, text, f"it sends {_OWN_RATE} a second: look at its cable")
    if not reliable:
        remedy = "let it look at a floor that is neither black nor a mirror, from 0.1 to 12 m"
        return warned(name, text, remedy)
    return passed(name, text)


def _read(p: TfminiParameters) -> tuple[list[Reading], Parser]:
    """Frames of a second."""
    try:
        import serial
    except ImportError as error:
        raise ConfigurationError("pip install 'neuro_control[hardware]' for pyserial") from error
    parser, readings = Parser(), []
    try:
        port = serial.Serial(p.port, p.baud_rate, timeout=0.05, exclusive=True)
    except OSError as error:
        raise ConfigurationError(
            f"end whatever else reads {p.port}, as a launch that runs ({error})"
        ) from error
    with port:
        port.reset_input_buffer()
        deadline = time.monotonic() + _COUNTED
        while time.monotonic() < deadline:
            readings += parser.feed(port.read(port.in_waiting or 1))
    return readings, parser


def _pins(p: PropulsionParameters) -> Finding:
    """Whether the pins can be driven; they are low."""
    outputs = Outputs(p)
    try:
        kind = type(outputs.factory).__name__
    finally:
        outputs.close()
    return passed("pins", f"{kind} has the pins of two motors and the servo")


# Before the first flight.


class _Bench:
    """Both drivers, as launch starts them, and somebody who commands and listens."""

    def __init__(self, parameters: Parameters) -> None:
        self.lidar = Tfmini(parameter_overrides=_overrides(parameters[_LIDAR]))
        self.motors = Propulsion(parameter_overrides=_overrides(parameters[_MOTORS]))
        self.node, self.ranges = Node("neuro_control_doctor_blimp"), list[float]()
        self.node.create_subscription(
            Range, "lidar/range", lambda m: self.ranges.append(m.range), SENSOR_QOS
        )
        self.commands = self.node.create_publisher(JointState, "joint_commands", COMMAND_QOS)

    def wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Whether a condition comes to hold within a time, s."""
        deadline = time.monotonic() + timeout
        nodes = [self.lidar, self.motors, self.node]
        process.spin(nodes, lambda: condition() or time.monotonic() > deadline)
        return condition()

    def altitude(self) -> float:
        """Median of the next five ranges, m; not a number if there are none."""
        self.ranges.clear()
        self.wait(lambda: len(self.ranges) >= 5, _ANSWERS)
        good = [each for each in self.ranges if math.isfinite(each)]
        return float(np.median(good)) if good else math.nan

    def drive(self, thrusts: Sequence[float], angle: float, seconds: float) -> float:
        """Command both propellers, N, and the servo, rad; the largest duty cycle they got to."""
        p = self.motors.parameters
        names, efforts = [*p.propellers, p.servo], np.array([*thrusts, 0.0])
        positions = np.array([0.0, 0.0, angle])
        largest, until, due, sent = 0.0, time.monotonic() + seconds, 0.0, 0

        def over() -> bool:
            nonlocal largest, due, sent
            now = time.monotonic()
            if now >= due:
                due, sent = now + _PERIOD, sent + 1
                stamp = self.node.get_clock().now().nanoseconds
                self.commands.publish(joint_state(stamp, names, positions, None, efforts))
            largest = max(largest, *self.motors.duties)
            return now > until and sent >= _FEWEST_COMMANDS

        process.spin([self.motors, self.node], over)
        return largest

    def set(self, service: str, value: bool) -> bool:
        """Call one of the motors' services; whether it was obeyed."""
        client = self.node.create_client(SetBool, f"{_MOTORS}/{service}")
        if not self.wait(client.service_is_ready, _ANSWERS):
            return False
        future = client.call_async(SetBool.Request(data=value))
        return self.wait(future.done, _ANSWERS) and bool(future.result().success)

    def close(self) -> None:
        """End all, the motors at rest."""
        for each in (self.motors, self.lidar, self.node):
            each.destroy_node()


def _overrides(given: Mapping[str, Any]) -> list[Parameter]:
    return [Parameter(name, value=value) for name, value in given.items()]


def before_start(parameters: Parameters, ask: Ask) -> Iterator[Finding]:
    """Battery, lidar, servo, each propeller and the emergency stop, each after a question."""
    yield _answered(
        ask, "battery", "Has the battery rested at 3.9 V or more, measured without load?",
        "charged, as you say", "charge it: below 3.5 V under load the Raspberry Pi goes off",
    )  # fmt: skip
    process.initialise([])
    bench: _Bench | None = None
    try:
        bench = _Bench(parameters)
        yield _lifted(bench, ask)
        if not ask(
            "Motors turn now, at 40 % of full thrust. Is the robot held, and all hair away?"
        ):
            yield failed("actuators", "not tried", "answer yes once the propellers may turn")
            return
        yield from _actuators(bench, ask)
        yield _stop(bench, ask)
    finally:
        if bench is not None:
            bench.close()
        rclpy.try_shutdown()


def _answered(ask: Ask, name: str, question: str, detail: str, remedy: str) -> Finding:
    return passed(name, detail) if ask(question) else failed(name, f"no: {question}", remedy)


def _lifted(bench: _Bench, ask: Ask) -> Finding:
    """The lidar measures what a hand does."""
    name, low = "altitude", bench.altitude()
    if not math.isfinite(low):
        return failed(name, "the lidar sees no floor", "hold the robot 0.2 to 10 m above a floor")
    if not ask(f"It is {low:.2f} m above the floor. Lift it by {_LIFT:g} m; is it up?"):
        return failed(name, "not tried", "lift it, to see whether the lidar follows")
    high = bench.altitude()
    text = f"from {low:.2f} to {high:.2f} m"
    if high - low > _ENOUGH:
        return passed(name, text)
    return failed(name, text, "see that the lidar looks straight down, and nothing is before it")


def _actuators(bench: _Bench, ask: Ask) -> Iterator[Finding]:
    p = bench.motors.parameters
    up, down = p.servo_minimum_angle, p.servo_maximum_angle
    bench.drive((0.0, 0.0), down, _TURNS)
    bench.drive((0.0, 0.0), up, _TURNS)
    yield _answered(
        ask, "servo", "Did the shaft turn down, and up again, without a knock?", "it turned",
        "swap servo_minimum_pulse and servo_maximum_pulse if it turned the other way; else see "
        "its plug and its 5 V",
    )  # fmt: skip
    thrust = _PART * p.max_effort
    for side, thrusts in (("left", (thrust, 0.0)), ("right", (0.0, thrust))):
        duty = bench.drive(thrusts, up, _TURNS)
        bench.drive((0.0, 0.0), up, 0.2)
        name = f"{side} propeller"
        if duty == 0.0:
            text = "its pin got no duty cycle"
            yield failed(name, text, "see the diagnostics of propulsion")
            continue
        yield _answered(
            ask, name, f"Did the {side} propeller turn, and blow down?", f"at {duty:.0%}",
            "swap the motor's two wires if it blew up, the two motors' pins if the other turned",
        )  # fmt: skip


def _stop(bench: _Bench, ask: Ask) -> Finding:
    """Both propellers stand still as soon as it is pressed, whatever is commanded."""
    name, remedy = "emergency stop", "don't fly: see docs/safety.md, emergency stop"
    thrusts, up = [_PART * bench.motors.parameters.max_effort] * 2, 0.0
    before = bench.drive(thrusts, up, _TURNS)
    pressed = bench.set("emergency_stop", True)
    after = bench.drive(thrusts, up, _TURNS)
    released = bench.set("emergency_stop", False)
    alone = bench.drive(thrusts, up, _TURNS)
    enabled = bench.set("enable", True)
    if not (before > 0.0 and pressed and released and enabled):
        return failed(name, "it was not taken, or can't be released", remedy)
    if after > 0.0 or alone > 0.0:
        return failed(name, "propellers were driven before ~/enable was called", remedy)
    return _answered(
        ask, name, "Did both propellers turn for a second, and then stand still?",
        "both stood still until ~/enable", remedy,
    )  # fmt: skip


DOCTOR = Doctor("blimp_hardware.yaml", (_LIDAR, _MOTORS), checks, before_start)
