# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Checks of a Unitree Go2: network and states; before the first walk also motors and stop."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import rclpy
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool, Trigger

from neuro_control.doctor import network
from neuro_control.doctor.check import Check, Finding, failed, passed, warned
from neuro_control.doctor.robot import Ask, Doctor, Parameters, settings
from neuro_control.quadruped.control.types import JOINTS
from neuro_control.quadruped.go2.driver import UnitreeGo2
from neuro_control.quadruped.go2.link import CycloneLink, connect
from neuro_control.quadruped.go2.motors import State, read_state
from neuro_control.quadruped.go2.parameters import UnitreeParameters
from neuro_control.quadruped.go2.sport import CHECK_MODE
from neuro_control.quadruped.go2.state_monitor import StateMonitor
from neuro_control.ros import process
from neuro_control.ros.dds.participant import taken
from neuro_control.ros.messages import Rejected

Array = NDArray[np.float64]

_NODE = "unitree_go2"
# The robot's own network.
_NETWORK = "192.168.123.0/24"
# States come within this time, s; then they are counted for a second.
_FIRST, _COUNTED = 2.0, 1.0
# Rates of LowState that the driver walks by, Hz, and the robot's own.
_SLOWEST, _FASTEST, _OWN_RATE = 180.0, 1100.0, 500.0
# Gravity that an IMU at rest measures, m/s², and how far from it a robot at rest may be.
_GRAVITY, _STILL = 9.81, 0.8
# Charge below which nobody begins a walk, %.
_CHARGE = 20
# A joint that a robot turns on its way up turns by more than this, rad; the way takes as long, s.
_TURNED, _RISES = 0.1, 8.0


@dataclass
class _Heard:
    """What came from the robot while it was listened to.

    Attributes:
        states: Good states.
        refused: Why others were none.
        sport_states: Count of SportModeState.
        began: When the first state came after the beginning, s; None if none did.
        elapsed: Time of the counting, s.
        answer: Answer of the service that says which controller has the motors.
    """

    states: list[State] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    sport_states: int = 0
    began: float | None = None
    elapsed: float = 0.0
    answer: str | None = None


def checks(parameters: Parameters) -> list[tuple[str, Check]]:
    """Checks that move nothing."""
    p = settings(UnitreeParameters, parameters[_NODE])
    found: list[tuple[str, Check]] = [("DDS of the robot", _dds)]
    if p.network_interface:
        name = p.network_interface
        found += [
            (f"interface {name}", lambda: network.interface_check(name, _NETWORK)),
            (f"multicast {name}", lambda: network.multicast(name)),
        ]
    return [*found, ("domains", partial(_domains, p)), ("robot", partial(_robot, p))]


def _dds() -> Finding:
    """Whether there is something that speaks the robot's DDS."""
    from importlib.metadata import version

    name = "DDS of the robot"
    if importlib.util.find_spec("cyclonedds"):
        return passed(name, f"cyclonedds {version('cyclonedds')}")
    if importlib.util.find_spec("unitree_go") and importlib.util.find_spec("unitree_api"):
        return passed(name, "the ROS packages unitree_go and unitree_api")
    return failed(name, "neither cyclonedds nor unitree_go", "pip install 'neuro_control[unitree]'")


def _domains(p: UnitreeParameters) -> Finding:
    """Whether ROS keeps off the robot's domain."""
    own = int(os.environ.get("ROS_DOMAIN_ID") or 0)
    if own != p.domain:
        return passed("domains", f"the robot is on {p.domain}, ROS on {own}")
    remedy = "export ROS_DOMAIN_ID with another number: it keeps ROS's topics off the robot"
    return warned("domains", f"the robot and ROS are both on {own}", remedy)


def _robot(p: UnitreeParameters) -> Iterator[Finding]:
    """What the robot sends."""
    heard = _listen(p)
    if heard.began is None:
        where = f"domain {p.domain}" + (
            f" through {p.network_interface}" if p.network_interface else ""
        )
        remedy = (
            "switch the robot on and wait a minute; see the lines on interface, multicast and "
            "firewall; a real robot is on domain 0; `ping 192.168.123.161`"
        )
        yield failed("states", f"no LowState on {where} in {_FIRST:g} s", remedy)
        return
    yield _rate(heard)
    yield from _contents(p, heard)
    yield _controller(p, heard)


def _listen(p: UnitreeParameters) -> _Heard:
    process.initialise([])
    node = rclpy.create_node("neuro_control_doctor_go2")
    link: Any = None
    heard = _Heard()
    try:
        link = connect(node, p.transport, p.domain, p.network_interface)
        # A link keeps the newest state alone, which is no way to count them.
        reader = link.every_state() if isinstance(link, CycloneLink) else None
        begin = time.monotonic()
        while (now := time.monotonic()) - (heard.began or now) < _COUNTED:
            if heard.began is None and now - begin > _FIRST:
                break
            if reader is None:
                rclpy.spin_once(node, timeout_sec=0.0)
            states = [link.state()] if reader is None else taken(reader)
            _hear(link, [each for each in states if each is not None], heard, now)
            if heard.began == now:
                link.request(1, CHECK_MODE)
            time.sleep(0.0005)
        heard.elapsed = time.monotonic() - (heard.began or begin)
        del reader
    finally:
        if link is not None:
            link.close()
        node.destroy_node()
        rclpy.try_shutdown()
    return heard


def _hear(link: Any, states: list[Any], heard: _Heard, now: float) -> None:
    for message in states:
        heard.began = heard.began or now
        try:
            heard.states.append(read_state(message))
        except Rejected as error:
            heard.refused.append(str(error))
    heard.sport_states += link.sport_state() is not None
    for _, answer in link.answers():
        if answer.header.identity.api_id == CHECK_MODE.number:
            heard.answer = answer.data or f"code {answer.header.status.code}"


def _rate(heard: _Heard) -> Finding:
    count = len(heard.states) + len(heard.refused)
    ticks = heard.states[-1].tick - heard.states[0].tick if len(heard.states) > 1 else 0
    rate = count / heard.elapsed
    text = f"{rate:.0f} LowState and {heard.sport_states / heard.elapsed:.0f} SportModeState a s"
    if ticks:
        text += f", in {ticks / 1000:.2f} s of the robot's own time"
    if _SLOWEST <= rate <= _FASTEST:
        return passed("rates", text)
    remedy = (
        f"the robot sends {_OWN_RATE:g} a second: use its cable rather than Wi-Fi, and see that "
        "this machine has a core to spare"
    )
    return failed("rates", text, remedy)


def _contents(p: UnitreeParameters, heard: _Heard) -> Iterator[Finding]:
    monitor = StateMonitor(p)
    for state in heard.states:
        try:
            monitor.check(0.0, state)
        except Rejected as error:
            heard.refused.append(str(error))
    if heard.refused:
        remedy = "see docs/go2.md, which states count; look at the joint or the cable it names"
        text = f"{len(heard.refused)} of {len(heard.states)} refused: {heard.refused[-1]}"
        yield failed("plausible states", text, remedy)
    if not heard.states:
        return
    state = heard.states[-1]
    if not heard.refused:
        yield passed("plausible states", f"all of {len(heard.states)}")
    yield _imu(heard.states)
    yield _feet(state)
    yield _battery(state, p.min_charge)
    if state.temperature >= p.max_motor_temperature:
        yield failed("motors", f"one is at {state.temperature} °C", "let them cool down")
    else:
        yield passed("motors", f"the hottest is at {state.temperature} °C")


def _imu(states: list[State]) -> Finding:
    accelerations = np.array([state.acceleration for state in states])
    force, spread = np.linalg.norm(accelerations.mean(0)), float(accelerations.std(0).max())
    text = f"{force:.2f} m/s² of gravity, {spread:.2f} m/s² of noise"
    if abs(force - _GRAVITY) < _STILL:
        return passed("IMU", text)
    return failed("IMU", text, "let the robot lie still; if it does, calibrate its IMU by the app")


def _feet(state: State) -> Finding:
    forces = ", ".join(f"{force:.0f}" for force in state.forces)
    if np.any(state.forces):
        return passed("feet", f"{forces} (the robot's unit; FL, FR, RL, RR)")
    remedy = "set foot_sensors of gait_controller to false if the robot has none"
    return warned("feet", "all at 0", remedy)


def _battery(state: State, least: int, name: str = "battery") -> Finding:
    text = f"{state.charge} %, {state.voltage:.1f} V"
    if state.charge == 0:
        return warned(name, "its charge is not reported", "look at the lamps of the battery")
    if state.charge < least:
        return failed(name, text, f"charge it to more than {least} %")
    return passed(name, text)


def _controller(p: UnitreeParameters, heard: _Heard) -> Finding:
    name = "the robot's own controller"
    if heard.answer:
        return passed(name, heard.answer)
    if not p.release_sport:
        return passed(name, "none is asked for (release_sport is false)")
    remedy = "only the low level needs it: the EDU version offers motion_switcher"
    return warned(name, "motion_switcher did not answer", remedy)


# Before the first walk.


class _Operator:
    """The driver, as launch starts it, and somebody who calls its services."""

    def __init__(self, given: dict[str, Any]) -> None:
        process.initialise([])
        # The robot's own controller moves the legs: that is what can be undone by lying down.
        values = {**given, "level": "high", "autostart": True}
        overrides = [Parameter(name, value=value) for name, value in values.items()]
        self.driver = UnitreeGo2(parameter_overrides=overrides)
        self.node = Node("neuro_control_doctor_go2")
        self.driver.start()

    def wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Whether a condition comes to hold within a time, s."""
        deadline = time.monotonic() + timeout
        process.spin([self.driver, self.node], lambda: condition() or time.monotonic() > deadline)
        return condition()

    def call(self, service: str, kind: Any, request: Any) -> Any:
        """Answer of one of the driver's services; None if none comes."""
        client = self.node.create_client(kind, f"{_NODE}/{service}")
        if not self.wait(client.service_is_ready, 5.0):
            return None
        future = client.call_async(request)
        self.wait(future.done, 5.0)
        return future.result() if future.done() else None

    def trigger(self, service: str) -> str:
        """Call a Trigger; empty if it was obeyed, else why not."""
        answer = self.call(service, Trigger, Trigger.Request())
        if answer is None:
            return "no answer"
        return "" if answer.success else str(answer.message)

    def set(self, service: str, value: bool) -> bool:
        """Call a SetBool; whether it was obeyed."""
        answer = self.call(service, SetBool, SetBool.Request(data=value))
        return answer is not None and bool(answer.success)

    @property
    def state(self) -> State | None:
        """The robot's latest good state."""
        return self.driver.robot_state

    def close(self) -> None:
        """End both, the robot stopped."""
        self.driver.destroy_node()
        self.node.destroy_node()
        rclpy.try_shutdown()


def before_start(parameters: Parameters, ask: Ask) -> Iterator[Finding]:
    """Let the robot stand up and lie down, and stop it, each after a question."""
    p = settings(UnitreeParameters, parameters[_NODE])
    operator = _Operator(dict(parameters[_NODE]))
    try:
        operator.wait(lambda: operator.state is not None, _FIRST + 3.0)
        state = operator.state
        if state is None:
            yield failed("driver", "it receives no states", "run the doctor without --before-start")
            return
        yield _battery(state, max(_CHARGE, p.min_charge), "battery for a walk")
        question = (
            "The robot stands up and lies down again. Is it on level ground, 2 m clear around it, "
            "and the remote control at hand?"
        )
        if not ask(question):
            yield failed("actuators", "not tried", "answer yes once the robot may move")
            return
        yield _legs(operator)
        yield _stop(operator)
        if ask("Did the robot stand up, lie down, and stay down?"):
            yield passed("seen by you", "it did as it was told")
        else:
            yield failed("seen by you", "it did something else", "don't walk it: look at its log")
    finally:
        operator.close()


def _legs(operator: _Operator) -> Finding:
    """Every joint turns on the way up and down, as far as its sensor says."""
    angles: list[Array] = []

    def moved() -> Array:
        if operator.state is not None:
            angles.append(operator.state.angles)
        turned: Array = np.ptp(np.array(angles), axis=0) if angles else np.zeros(len(JOINTS))
        return turned

    moved()
    refusal = operator.trigger("stand_up")
    if refusal:
        return failed("actuators", f"it does not stand up: {refusal}", "see docs/go2.md")
    stood = operator.wait(lambda: moved() is not None and operator.driver.sport.stage == "standing",
                          _RISES)  # fmt: skip
    operator.trigger("lie_down")
    operator.wait(lambda: moved() is not None and _folded(operator.state), _RISES)
    # Hips may stay where they are on the way up.
    still = [
        joint
        for joint, turned in zip(JOINTS, moved(), strict=True)
        if turned < _TURNED and "hip" not in joint
    ]
    if still:
        remedy = "look at these joints' motors and cables; see the robot's app for their errors"
        return failed("actuators", f"{', '.join(still)} did not turn", remedy)
    if not stood:
        remedy = "see whether the remote control or the app has taken the robot over"
        return failed("actuators", f"it did not stand within {_RISES:g} s", remedy)
    return passed("actuators", "it stood up and lay down; thighs and calves turned")


def _folded(state: State | None) -> bool:
    return state is not None and bool(state.angles[2::3].mean() < -2.4)


def _stop(operator: _Operator) -> Finding:
    """The emergency stop reaches the robot, and holds until it is released and enabled."""
    name, remedy = "emergency stop", "don't walk it: see docs/safety.md, emergency stop"
    try:
        if not operator.set("emergency_stop", True):
            return failed(name, "it was not taken", remedy)
        if operator.set("enable", True):
            return failed(name, "~/enable was obeyed while it was pressed", remedy)
        if not operator.trigger("stand_up"):
            return failed(name, "the robot may be made to stand up while it is pressed", remedy)
    finally:
        released = operator.set("emergency_stop", False)
        enabled = operator.set("enable", True)
    if not (released and enabled):
        return failed(name, "it can't be released", remedy)
    return passed(name, "it was taken, held, and was released")


DOCTOR = Doctor("quadruped_hardware.yaml", (_NODE,), checks, before_start)
