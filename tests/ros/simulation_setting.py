# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A simulation and a node that answers its observations."""

from pathlib import Path

import numpy as np
from sensor_msgs.msg import JointState

import neuro_control.envs  # noqa: F401  # registers the environments
from neuro_control.ros.messages import COMMAND_QOS, SENSOR_QOS, joint_state, to_nanoseconds
from neuro_control.simulation.node import Simulation
from tests.bench import MS, Probe, options

ROOT = Path(__file__).resolve().parents[2]
SWIM = {"model": "neuro_control.swimmer.simulation.tasks:swim"}
PERIOD = 30 * MS


class Pilot(Probe):
    """Answers every observation with whatever ``law`` makes of it."""

    def __init__(self, law=lambda angles: np.zeros(len(angles))):
        super().__init__()
        self.law = law
        self.answering = True
        self.observations = []
        self.command = self.create_publisher(JointState, "joint_commands", COMMAND_QOS)
        self.create_subscription(JointState, "joint_states", self.on_joints, SENSOR_QOS)

    def on_joints(self, message):
        self.observations.append(message)
        if self.answering:
            self.answer(message)

    def answer(self, message):
        effort = np.asarray(self.law(np.array(message.position)), dtype=float)
        stamp = to_nanoseconds(message.header.stamp)
        self.command.publish(joint_state(stamp, list(message.name), effort=effort))


def rig(bench, law=None, **values):
    """A simulation and its pilot, which know of one another."""
    pilot = bench.add(Pilot() if law is None else Pilot(law))
    simulation = bench.add(Simulation(**options(**{**SWIM, **values})))
    bench.spin_until(
        lambda: (
            simulation.count_publishers("joint_commands")
            and pilot.count_publishers("ground_truth/odom")
        )
    )
    return simulation, pilot
