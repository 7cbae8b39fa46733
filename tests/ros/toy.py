# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A toy control law in a controller of its own, for tests of what all controllers share."""

import math
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import TwistStamped
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64

from neuro_control.errors import ConfigurationError
from neuro_control.ros.controller import Controller, ControllerParameters, Input
from neuro_control.ros.messages import (
    SENSOR_QOS,
    JointReader,
    Rejected,
    joint_state,
    read_twist,
)
from neuro_control.ros.parameters import parameter
from tests.bench import Loop, options

HOUR = 3600 * 10**9
JOINTS = [f"joint_{i}" for i in range(1, 6)]
ANGLES = np.full(5, 0.5)
SAFE, FALLBACK = [0.0] * 5, [0.125] * 5


@dataclass(frozen=True)
class ToyParameters(ControllerParameters):
    gain: float = parameter(2.0, "Effort per angle, N·m/rad", low=-100.0, high=100.0)
    limit: float = parameter(3.0, "Largest effort, N·m", low=0.0, high=100.0)
    awaited: bool = parameter(False, "Wait for the cmd_vel of the same stamp", fixed=True)
    holds: bool = parameter(False, "Answer a bad observation by the fallback", fixed=True)

    def __post_init__(self):
        super().__post_init__()
        if self.gain > 50 and self.limit < 1:
            raise ConfigurationError("a gain above 50 needs a limit of 1 or more")


class Toy(Controller[ToyParameters]):
    """Effort is gain times angle plus the latest cmd_vel's speed plus the latest bias.

    Attributes:
        steps: Steps since the last reset.
        resets: How often it was reset.
        law: Replaces the control law, if set.
        warning: Its remark.
    """

    def __init__(self, name="toy", **node_options):
        super().__init__(name, ToyParameters, JointState, "joint_commands", **node_options)
        self.steps = self.resets = 0
        self.law = self.warning = self.trouble = None

    def configure(self):
        if self.trouble:
            raise self.trouble()
        p = self.parameters
        self.reader = JointReader(JOINTS)
        self.cmd_vel = Input(
            "cmd_vel", TwistStamped, read_twist, 0.5, SENSOR_QOS, awaited=p.awaited
        )
        self.bias = Input("bias", Float64, self.read_bias, 0.2)
        joints = Input("joint_states", JointState, lambda m: self.reader(m), p.input_timeout)
        return joints, self.cmd_vel, self.bias

    @staticmethod
    def read_bias(message):
        if message.data == 13:
            raise ZeroDivisionError("a reader that did not foresee 13")
        if not math.isfinite(message.data):
            raise Rejected("not_finite", f"bias is {message.data}")
        return message.data

    def reset(self):
        self.steps = 0
        self.resets += 1

    def step(self, angles):
        self.steps += 1
        if self.law is not None:
            return self.law(angles)
        speed = self.cmd_vel.fresh(self.now())
        bias = self.bias.fresh(self.now())
        return self.parameters.gain * angles + (speed[0] if speed else 0.0) + (bias or 0.0)

    def limits(self):
        return -self.parameters.limit, self.parameters.limit

    def safe_action(self):
        return np.zeros(5)

    def fallback_action(self):
        return np.full(5, 0.125) if self.parameters.holds else self.safe_action()

    def apply(self):
        if self.trouble:
            raise self.trouble()

    def command(self, nanoseconds, action):
        return joint_state(nanoseconds, JOINTS, effort=action)

    def remark(self):
        return self.warning


def loop_of(bench, **values):
    return Loop(bench, Toy(**options(use_sim_time=True, **values)))
