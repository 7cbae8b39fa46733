# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Nodes under a flood of messages that anybody could send, and what must hold of what they do.

Messages reach the node's own callbacks as the middleware would call them, past the middleware
itself, and commands are judged where the node publishes them: so a million take minutes.
"""

from __future__ import annotations

import json
import math
import resource
from collections.abc import Callable
from typing import Any

import numpy as np
from geometry_msgs.msg import Twist
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool

from neuro_control.ros.messages import joint_state
from tests.bench import Bench, options
from tests.fuzz.mutation import mutate
from tests.fuzz.place_nodes import PlayerTarget, RecognizerTarget
from tests.fuzz.target import Target
from tests.policies.controllers import SUBJECTS

# Messages between two turns of the executor, and between two calls of a service.
_TURN, _CALL = 50, 5000
# Share of messages that are as they should be.
_GOOD = 0.1


class ControllerTarget(Target):
    """A controller, as the oracles of ``tests.policies`` know it."""

    def __init__(self, bench: Bench, name: str) -> None:
        self.subject = SUBJECTS[name](bench)
        super().__init__(bench, self.subject.node)
        (publisher,) = [
            each
            for each in self.node.publishers
            if each.topic_name == self.node.resolve_topic_name(self.subject.output)
        ]
        publisher.publish = self.judge
        for topic, _ in self.subject.observed(self.subject.now, [0.5] * 8):
            self.examples[topic] = self._observation(topic)
        self.examples[self.subject.set_point] = lambda rng: self.subject.make_set_point(
            self.subject.good_set_points[rng.integers(len(self.subject.good_set_points))]
        )
        self.find_callbacks()

    def _observation(self, topic: str) -> Callable[[np.random.Generator], Any]:
        def make(rng: np.random.Generator) -> Any:
            self.subject.now += int(rng.integers(-1, 3)) * self.subject.period // 4
            messages = self.subject.observed(self.subject.now, rng.random(8))
            return dict(messages)[topic]

        return make

    def turn(self, rng: np.random.Generator) -> None:
        # The clock goes on, now and then back a little, or ahead by a lot.
        step = int(rng.choice([1, 5, 5, 5, 20, -3, 1000])) * self.subject.period
        self.subject.now = max(self.now() + step, 10**12)
        self.subject.set_clock()
        super().turn(rng)

    def failing(self, command: Any) -> str:
        if not np.isfinite(self.subject.numbers(command)).all():
            return f"not finite: {command}"
        if not self.subject.within(command):
            return f"beyond the limits: {command}"
        if not (self.enabled or self.subject.brakes(command)):
            return f"while disabled: {command}"
        return ""


class PropulsionTarget(Target):
    """The propulsion driver on pins that only remember."""

    def __init__(self, bench: Bench) -> None:
        from neuro_control.drivers.propulsion import Propulsion

        super().__init__(bench, bench.add(Propulsion(**options(pin_factory="mock"))))
        names = [*self.node.parameters.propellers, self.node.parameters.servo]

        def make(rng: np.random.Generator) -> JointState:
            left, right, angle = rng.random(3) * (0.06, 0.06, math.pi)
            position, effort = np.array([0.0, 0.0, angle]), np.array([left, right, 0.0])
            return joint_state(self.now(), names, position=position, effort=effort)

        self.examples["joint_commands"] = make
        self.find_callbacks()
        receive = self.callbacks["joint_commands"]

        def receive_and_judge(message: Any) -> None:
            receive(message)
            self.judge(None)

        self.callbacks["joint_commands"] = receive_and_judge

    def failing(self, command: Any) -> str:
        p, outputs = self.node.parameters, self.node.outputs
        for motor in outputs.motors:
            if not 0.0 <= motor.value <= p.full_duty + 1e-9:
                return f"a duty cycle of {motor.value}"
            if motor.value and not self.enabled:
                return "a motor runs while disabled"
        shortest, longest = sorted((p.servo_minimum_pulse, p.servo_maximum_pulse))
        width = outputs.servo.value * 0.02
        inside = shortest - 1e-9 <= width <= longest + 1e-9
        return "" if inside or not width else f"a pulse of {width} s"


class Go2Target(Target):
    """The Go2's driver, and a robot that only reports that it stands, or lies unlocked."""

    def __init__(self, bench: Bench, level: str) -> None:
        from neuro_control.quadruped.control.types import JOINTS
        from neuro_control.quadruped.go2.driver import UnitreeGo2
        from tests.drivers.unitree_peer import DOMAIN, LYING, STANDING, Peer

        self.peer = Peer()
        self.peer.leg = STANDING if level == "high" else LYING
        # On a busy machine nothing is to be late but what the messages say.
        values = {
            "domain": DOMAIN, "network_interface": "lo", "level": level, "state_timeout": 4.0,
            "damp_after": 10.0, "motor_timeout": 1.0, "bridge_time": 1.0,
        }  # fmt: skip
        super().__init__(bench, bench.add(UnitreeGo2(**options(**values))))
        self.probe.create_timer(0.01, self.peer.live)
        self.node.start()
        self.level = level
        if level == "low":
            self.unlock = self.probe.create_client(SetBool, "unitree_go2/unlock")
            bench.spin_until(lambda: self.node.diagnostic_values()["battery_v"])
            assert bench.call(self.unlock, SetBool.Request(data=True)).success
            self.examples["joint_commands"] = lambda rng: joint_state(
                self.now(), list(JOINTS), np.tile(LYING, 4), rng.normal(0.0, 1.0, 12),
                rng.normal(0.0, 10.0, 12),
            )  # fmt: skip
        else:
            self.examples["cmd_vel"] = self._twist
            self.examples["gait_command"] = lambda rng: Float64MultiArray(
                data=(rng.random(15) - 0.5).tolist()
            )
        self.find_callbacks()

    @staticmethod
    def _twist(rng: np.random.Generator) -> Twist:
        twist = Twist()
        twist.linear.x, twist.linear.y, twist.angular.z = rng.normal(0.0, 1.0, 3).tolist()
        return twist

    def close(self) -> None:
        # The driver sends its last requests before their peer has gone.
        self.node.destroy_node()
        self.bench.nodes.remove(self.node)
        self.peer.close()

    def switch(self) -> None:
        super().switch()
        if self.enabled and self.level == "low":
            assert self.bench.call(self.unlock, SetBool.Request(data=True)).success

    def turn(self, rng: np.random.Generator) -> None:
        self.bench.spin_for(0.003)
        for each in (*self.peer.commands, *self.peer.requests):
            self.judge(each)
        self.peer.commands.clear()
        self.peer.requests.clear()

    def failing(self, command: Any) -> str:
        from neuro_control.quadruped.go2.motors import TORQUE, command_checksum

        if self.level == "high":
            return self._failing_request(command)
        if not hasattr(command, "motor_cmd"):
            return ""  # a request to the switcher
        if command.crc != command_checksum(command):
            return f"a wrong checksum {command.crc:#x}"
        for motor in command.motor_cmd[:12]:
            numbers = (motor.q, motor.dq, motor.tau, motor.kp, motor.kd)
            if not np.isfinite(numbers).all() or abs(motor.tau) > TORQUE.max() + 1e-3:
                return f"a motor is commanded {numbers}"
        return ""

    def _failing_request(self, request: Any) -> str:
        p, number = self.node.parameters, request.header.identity.api_id
        values = json.loads(request.parameter or "{}")
        limits = {
            1008: {"x": max(p.max_forward, p.max_backward), "y": p.max_sideways,
                   "z": p.max_yaw_rate},
            1007: {"x": p.max_lean, "y": p.max_lean, "z": 0.0},
        }.get(number, {})  # fmt: skip
        inside = all(abs(values[axis]) <= limit + 1e-9 for axis, limit in limits.items())
        return "" if inside else f"request {number} with {values}"


class SimulationTarget(Target):
    """The simulation of the swimmer, free-running."""

    def __init__(self, bench: Bench) -> None:
        from neuro_control.simulation.node import Simulation

        node = Simulation(
            **options(model="neuro_control.swimmer.simulation.tasks:swim", lockstep=False)
        )
        super().__init__(bench, bench.add(node))
        names = [f"joint_{number}" for number in range(1, 6)]
        self.examples["joint_commands"] = lambda rng: joint_state(
            self.now(), names, effort=rng.normal(0.0, 1.0, 5)
        )
        self.find_callbacks()
        (publisher,) = [
            each
            for each in node.publishers
            if each.topic_name == node.resolve_topic_name("joint_states")
        ]
        publish = publisher.publish

        def publish_and_judge(message: JointState) -> None:
            self.judge(message)
            publish(message)

        publisher.publish = publish_and_judge

    def failing(self, command: Any) -> str:
        numbers = [*command.position, *command.velocity, *command.effort]
        return "" if np.isfinite(numbers).all() else f"not finite: {command}"

    def switch(self) -> None:
        """It has no ``~/enable``."""


TARGETS: dict[str, Callable[[Bench], Target]] = {
    **{name: (lambda bench, name=name: ControllerTarget(bench, name)) for name in SUBJECTS},
    "propulsion": PropulsionTarget,
    "unitree_go2_high": lambda bench: Go2Target(bench, "high"),
    "unitree_go2_low": lambda bench: Go2Target(bench, "low"),
    "simulation": SimulationTarget,
    "place_recognizer": lambda bench: RecognizerTarget(bench, compressed=False),
    "place_recognizer_compressed": lambda bench: RecognizerTarget(bench, compressed=True),
    "player": PlayerTarget,
}


def memory() -> float:
    """Largest memory that the process has had, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def flood(target: Target, count: int, seed: int, show: Callable[[int], None]) -> None:
    """Send ``count`` messages to a node; an exception or an oracle that fails ends it.

    Args:
        target: The node.
        count: Messages.
        seed: Seed of what they hold.
        show: Called now and then with the messages sent so far.
    """
    rng = np.random.default_rng(seed)
    topics = list(target.examples)
    for number in range(count):
        if number % _TURN == 0:
            target.turn(rng)
            show(number)
        if number % _CALL == _CALL - 1:
            target.switch()
        topic = topics[rng.integers(len(topics))]
        message = target.examples[topic](rng)
        if rng.random() > _GOOD:
            mutate(message, rng)
        try:
            target.callbacks[topic](message)
        except Exception as error:
            target.failure = repr(error)
        if target.failure:
            raise AssertionError(
                f"message {number} of seed {seed} on {topic}: {target.failure}\nafter {message}"
            )
    if not target.enabled:
        target.switch()
