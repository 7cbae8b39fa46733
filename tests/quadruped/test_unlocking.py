# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The driver's low level, the simulated Go2 and the gait controller, step by step."""

import numpy as np
import pytest

pytest.importorskip("cyclonedds", reason="needs cyclonedds: pip install 'neuro_control[unitree]'")

from neuro_control.quadruped.control.command import gait
from neuro_control.quadruped.control.command_mux import CommandSources
from neuro_control.quadruped.control.controller import ControllerSettings, QuadrupedController
from neuro_control.quadruped.control.robots import GO2
from neuro_control.quadruped.control.types import PERIOD
from neuro_control.quadruped.go2 import idl, sport
from neuro_control.quadruped.go2.low_level import Motors
from neuro_control.quadruped.go2.motors import State, fill_brake, fill_command
from neuro_control.quadruped.go2.parameters import UnitreeParameters
from neuro_control.quadruped.go2.simulated_robot import SimulatedRobot

WALK = CommandSources.constant(gait("trot", forward=0.4))


def state(seen):
    """What a LowState of an observation says, without the message's way through bytes."""
    return State(
        seen.angles, seen.speeds, np.zeros(12), np.array([1.0, 0.0, 0.0, 0.0]), seen.rate,
        seen.acceleration, seen.forces, temperature=30, charge=90, voltage=29.0,
    )  # fmt: skip


class Chain:
    """A robot whose motors the gait controller drives, as ``unitree_go2`` lets it."""

    def __init__(self):
        self.robot = SimulatedRobot()
        self.robot.switch(sport.RELEASE_MODE.number, "")
        self.motors = Motors(UnitreeParameters(release_sport=False), lambda call: None, self.send)
        self.controller = QuadrupedController(GO2, ControllerSettings(start_standing=False))
        self.controller.compile()
        self.linked = True

    def send(self, drive):
        command = idl.LowCmd()
        if drive is None:
            fill_brake(command, 3.0)
        else:
            fill_command(command, *drive)
        self.robot.drive(command)

    def live(self, seconds):
        """Greatest height of the trunk meanwhile, m."""
        heights = []
        for step in range(round(seconds / PERIOD)):
            now = 100.0 + self.robot.time
            if self.linked:
                seen = self.robot.body.observation
                self.motors.observe(now, state(seen))
                self.motors.drive(now, *self.controller.step(seen, now, WALK))
            if step % 5 == 0:
                self.motors.tick(now)
            self.robot.step()
            heights.append(self.robot.body.height)
        return max(heights)


def test_unlocking_after_a_loss_leaves_the_robot_lying_until_the_gait_controller_has_rested():
    chain = Chain()
    chain.motors.unlock(100.0 + chain.robot.time)
    chain.live(2.0)
    chain.controller.stand_up()
    chain.live(3.5)
    assert chain.robot.body.data.qpos[0] > 0.2  # it walks, as a cmd_vel says that goes on
    chain.linked = False
    chain.live(1.5)
    assert chain.motors.stage == "braking"
    assert chain.robot.lies
    chain.linked = True
    chain.live(1.0)
    chain.motors.unlock(100.0 + chain.robot.time)
    assert chain.live(5.0) < 0.2
    chain.controller.lie_down()
    assert chain.live(4.0) < 0.2
    assert chain.motors.waits_for(100.0 + chain.robot.time) == ""
    chain.controller.stand_up()
    start = chain.robot.body.data.qpos[0]
    chain.live(5.0)
    assert chain.robot.body.height > 0.25
    assert chain.robot.body.data.qpos[0] > start + 0.3
