# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Swimmer controller node: joint angles in, joint torques out, set-points from cmd_vel."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from geometry_msgs.msg import Twist, TwistStamped
from numpy.typing import NDArray
from sensor_msgs.msg import JointState

from neuro_control import resources
from neuro_control.errors import ConfigurationError
from neuro_control.ros.controller import Controller, ControllerParameters, Input
from neuro_control.ros.messages import (
    RECORD_QOS,
    SET_POINT_QOS,
    JointReader,
    joint_state,
    read_twist,
)
from neuro_control.ros.parameters import parameter
from neuro_control.ros.process import run_node
from neuro_control.ros.ros2_control.groups import GroupParameters
from neuro_control.swimmer.control.circuit import SIDES, Circuit, Weights
from neuro_control.swimmer.control.policy import CircuitDesign, find_policy
from neuro_control.swimmer.control.steering import Calibration, calibration_path
from neuro_control.swimmer.control.types import MAX_LINKS, MAX_TORQUE, MIN_LINKS

Array = NDArray[np.float64]


# The policies that have a name of their own here, by that of `neuro-control evaluate`.
_POLICIES = {"unit": "ncap", "trained": "ncap-extended"}
# Parameters that a policy's file brings itself.
_WEIGHTS = (
    "oscillator_period",
    "oscillator_weight",
    "proprioception_weight",
    "ipsilateral_weight",
    "contralateral_weight",
)
# Speed, turn and tempo inputs of a circuit at rest.
_REST = (1.0, 0.0, 0.0)


@dataclass(frozen=True)
class SwimmerParameters(ControllerParameters, GroupParameters):
    """Parameters of the swimmer controller."""

    joint_names: tuple[str, ...] = parameter(
        (), "Joints from head to tail; empty means joint_1 to joint_(links - 1)", fixed=True
    )
    links: int = parameter(
        6, "Links of the body, one more than joints", low=MIN_LINKS, high=MAX_LINKS, fixed=True
    )
    max_torque: float = parameter(
        MAX_TORQUE, "Torque of a fully contracted muscle, N·m", low=0.0, high=100.0
    )
    torque_limit: float = parameter(
        0.0,
        "Largest max_torque that may be set, N·m; 0 takes max_torque at the start, beyond which "
        "it can't be raised at run time",
        low=0.0,
        high=100.0,
        fixed=True,
    )
    speed: float = parameter(
        1.0, "Speed input while no cmd_vel is received: 0 rests, 1 swims", low=0.0, high=1.0
    )
    turn: float = parameter(
        0.0, "Turn input while no cmd_vel is received; above 0 turns left", low=-1.0, high=1.0
    )
    cmd_vel_timeout: float = parameter(
        0.5, "Age from which a velocity command rests the swimmer, s", low=1e-2, high=60.0
    )
    stamped_cmd_vel: bool = parameter(
        False, "cmd_vel is a TwistStamped instead of a Twist", fixed=True
    )
    await_cmd_vel: bool = parameter(
        False,
        "Answer an observation only after the cmd_vel of the same stamp was received",
        fixed=True,
    )
    policy: str = parameter(
        "unit",
        "Where weights come from: unit (the parameters below), trained, or a file that training "
        "wrote, in config/weights or by its path",
        fixed=True,
    )
    calibration: str = parameter(
        "",
        "File that maps m/s and rad/s to the circuit's inputs, in config/weights or by its path; "
        "empty takes the one beside the policy",
        fixed=True,
    )
    oscillator_period: float = parameter(
        1.8, "Period of the head oscillator, s", low=0.02, high=60.0, fixed=True
    )
    turn_joints: int = parameter(
        1, "Joints from the head that the turn input reaches", low=1, high=99, fixed=True
    )
    oscillator_weight: float = parameter(
        1.0, "Weight of the oscillator onto the first B-neurons", low=0.0, high=100.0
    )
    proprioception_weight: float = parameter(
        1.0, "Weight of the joint in front onto a B-neuron", low=0.0, high=100.0
    )
    ipsilateral_weight: float = parameter(
        1.0, "Weight of a B-neuron onto the muscle of its side", low=0.0, high=100.0
    )
    contralateral_weight: float = parameter(
        -1.0, "Weight of a B-neuron onto the muscle of the other side", low=-100.0, high=0.0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.torque_limit:
            object.__setattr__(self, "torque_limit", self.max_torque)
        if self.max_torque > self.torque_limit:
            raise ConfigurationError(
                f"max_torque ({self.max_torque:g} N·m) is at most torque_limit "
                f"({self.torque_limit:g} N·m), which can only be set when the node starts"
            )
        if self.joint_names and len(self.joint_names) != self.links - 1:
            raise ConfigurationError(
                f"a swimmer of {self.links} links has {self.links - 1} joints; joint_names "
                f"lists {len(self.joint_names)}"
            )
        if self.turn_joints > self.links - 1:
            raise ConfigurationError(
                f"turn_joints is at most {self.links - 1}, the number of joints; "
                f"got {self.turn_joints}"
            )
        if self.oscillator_period < 2 * self.control_period:
            raise ConfigurationError(
                f"oscillator_period ({self.oscillator_period:g} s) is at least two control periods"
            )
        if self.await_cmd_vel and not self.stamped_cmd_vel:
            raise ConfigurationError("await_cmd_vel needs stamped_cmd_vel: a Twist has no stamp")
        if self.policy != "unit":
            fields = {field.name: field.default for field in dataclasses.fields(self)}
            own = [name for name in _WEIGHTS if getattr(self, name) != fields[name]]
            if own:
                raise ConfigurationError(
                    f"the policy '{self.policy}' brings its own {', '.join(own)}: set "
                    "policy to unit, or leave them"
                )

    @property
    def joints(self) -> list[str]:
        """Names of the joints from head to tail."""
        return list(self.joint_names) or [f"joint_{i}" for i in range(1, self.links)]

    def weights(self) -> Weights:
        """Synaptic weights shared by all joints."""
        unit = Weights.unit()
        return Weights(
            np.array(self.oscillator_weight),
            np.array(self.proprioception_weight),
            np.array(self.ipsilateral_weight),
            np.array(self.contralateral_weight),
            unit.speed,
            unit.turn,
        )


class SwimmerController(Controller[SwimmerParameters]):
    """Swims by the NCAP circuit.

    Subscribes to ``joint_states`` and ``cmd_vel`` (m/s, rad/s), publishes ``joint_commands``
    (efforts, N·m) and, while somebody subscribes, ``~/activity``: B-neurons and muscles by name, in
    the position field of a JointState, each in [0, 1].

    Args:
        name: Name of the node.
        node_options: Passed on to the rclpy node.
    """

    def __init__(self, name: str = "swimmer_controller", **node_options: Any) -> None:
        super().__init__(name, SwimmerParameters, JointState, "joint_commands", **node_options)
        self._activity = self.create_publisher(JointState, "~/activity", RECORD_QOS)

    def configure(self) -> Sequence[Input[Any]]:
        """Build the circuit; joint angles trigger a step, cmd_vel sets speed and turn."""
        p = self.parameters
        self.circuit = self._make_circuit()
        self._calibration = self._find_calibration()
        self._joint_names = p.joints
        self._activity_names = [
            f"{layer}_{side}_{joint}"
            for layer in ("neuron", "muscle")
            for side in SIDES
            for joint in p.joints
        ]
        twist_type = TwistStamped if p.stamped_cmd_vel else Twist
        self._cmd_vel = Input(
            "cmd_vel", twist_type, read_twist, p.cmd_vel_timeout, SET_POINT_QOS, p.await_cmd_vel
        )
        angles = Input("joint_states", JointState, JointReader(p.joints), p.input_timeout)
        return angles, self._cmd_vel

    def _make_circuit(self) -> Circuit:
        p = self.parameters
        if p.policy == "unit":
            # Rounded, since 1.8 / 0.03 is a little more than 60 and both sides would differ.
            period = round(p.oscillator_period / p.control_period, 9)
            return Circuit(p.links - 1, p.weights(), period, p.turn_joints)
        design, vector = find_policy(_POLICIES.get(p.policy, p.policy), p.links)
        if not isinstance(design, CircuitDesign):
            raise ConfigurationError(f"{p.policy} is no circuit: this node runs circuits")
        return design.circuit(vector, p.turn_joints)

    def _find_calibration(self) -> Calibration | None:
        p = self.parameters
        if p.calibration:
            path = resources.find_file("config/weights", p.calibration)
        else:
            path = calibration_path(_POLICIES.get(p.policy, p.policy), p.links)
            if not path.is_file():
                self.get_logger().warning(
                    f"no calibration {path.name}: cmd_vel will rest the swimmer until "
                    "`neuro-control calibrate swimmer` has made one"
                )
                return None
        found = Calibration.load(path)
        self._warn_of_other_weights(found)
        return found

    def _warn_of_other_weights(self, calibration: Calibration) -> None:
        remark = calibration.check(self.circuit)
        if remark:
            self.get_logger().warning(remark)

    def apply(self) -> None:
        """Take over weights and limits; the oscillator runs on."""
        self._cmd_vel.timeout = self.parameters.cmd_vel_timeout
        if self.parameters.policy == "unit":
            self.circuit.weights = self.parameters.weights()
            if self._calibration is not None:
                self._warn_of_other_weights(self._calibration)

    def reset(self) -> None:
        """Start the oscillator anew; a velocity command holds until it is too old."""
        self.circuit.reset()

    def remark(self) -> str | None:
        """That velocity commands have ceased, if they have."""
        if self._cmd_vel.value is None or self._cmd_vel.fresh(self.now()) is not None:
            return None
        return f"at rest: no cmd_vel for {self.parameters.cmd_vel_timeout:g} s"

    def set_point(self) -> tuple[float, float, float]:
        """Speed, turn and tempo inputs of the circuit."""
        p = self.parameters
        if self._cmd_vel.value is None:
            # REP 103: above zero is left; a turn input above zero turns right.
            return p.speed, -p.turn, 1.0
        twist = self._cmd_vel.fresh(self.now())
        if twist is None or self._calibration is None:
            return _REST
        tempo, turn = self._calibration.inputs(twist[0], twist[2])
        return 1.0, turn, tempo

    def step(self, observation: Array) -> Array:
        """Torques (n,), N·m, that answer the joint angles (n,), rad."""
        action = self.circuit.step(observation, *self.set_point())
        return action * self.parameters.max_torque

    def limits(self) -> tuple[float, float]:
        """Largest torques of the muscles, N·m."""
        return -self.parameters.max_torque, self.parameters.max_torque

    def safe_action(self) -> Array:
        """Zero torque: in water a swimmer without torque comes to rest."""
        return np.zeros(len(self._joint_names))

    def command(self, nanoseconds: int, action: Array) -> JointState:
        """Joint efforts, N·m."""
        if self._activity.get_subscription_count():
            neurons, muscles, _ = self.circuit.activity
            values = np.concatenate([neurons.ravel(), muscles.ravel()])
            self._activity.publish(joint_state(nanoseconds, self._activity_names, values))
        return joint_state(nanoseconds, self._joint_names, effort=action)


def main() -> None:
    """Run the node: the executable swimmer_controller."""
    run_node(SwimmerController)
