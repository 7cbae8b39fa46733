# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A peer with the properties of Unitree's own MuJoCo simulator, as it is shipped, in lockstep.

Its LowState has neither checksum, tick, foot forces, battery nor temperatures; it comes 200 times
a second, once a step of 5 ms. A LowCmd is computed when it arrives, and its torque held until the
next, for ever. Source: unitree_mujoco, simulate_python.
"""

import numpy as np
import pytest

pytest.importorskip("cyclonedds", reason="needs cyclonedds: pip install 'neuro_control[unitree]'")

from neuro_control.quadruped.control.command import gait
from neuro_control.quadruped.control.command_mux import CommandSources
from neuro_control.quadruped.control.controller import ControllerSettings, QuadrupedController
from neuro_control.quadruped.control.robots import GO2
from neuro_control.quadruped.control.types import Observation
from neuro_control.quadruped.go2 import idl
from neuro_control.quadruped.go2.low_level import limited
from neuro_control.quadruped.go2.motors import OURS, THEIRS, TORQUE, fill_command, read_state
from neuro_control.quadruped.go2.parameters import UnitreeParameters
from neuro_control.quadruped.go2.state_monitor import StateMonitor
from neuro_control.quadruped.simulation.body import Body, world

STEP = 0.005


class Simulator:
    """The physics of our Go2 behind the messages of Unitree's simulator."""

    def __init__(self):
        self.body = Body(world("go2", start="lying"))
        self.body.reset(np.random.default_rng(0))
        self.body.model.opt.timestep = STEP
        self.torques = np.zeros(12)

    def state(self):
        message, seen = idl.LowState(), self.body.observation
        imu = message.imu_state
        imu.quaternion = self.body.data.qpos[3:7].tolist()
        imu.gyroscope, imu.accelerometer = seen.rate.tolist(), seen.acceleration.tolist()
        for motor, i in zip(message.motor_state, THEIRS, strict=False):
            motor.q, motor.dq = float(seen.angles[i]), float(seen.speeds[i])
        return message

    def take(self, command):
        q, dq, tau, kp, kd = np.array(
            [(m.q, m.dq, m.tau, m.kp, m.kd) for m in command.motor_cmd[:12]]
        )[OURS].T
        seen = self.body.observation
        torques = tau + kp * (q - seen.angles) + kd * (dq - seen.speeds)
        self.torques = np.clip(torques, -TORQUE, TORQUE)

    def advance(self):
        body = self.body
        body.world.step(body.data, body.effects, self.torques, 1)


@pytest.mark.parametrize("late", [0, 1], ids=["in time", "a step late"])
def test_driver_and_gait_layer_walk_unitrees_simulator_as_it_is_shipped(late):
    robot, limits = Simulator(), UnitreeParameters(damping=2.0)
    controller = QuadrupedController(GO2, ControllerSettings(start_standing=False))
    monitor = StateMonitor(limits)
    still = CommandSources.constant(gait("trot"))
    walk = CommandSources.constant(gait("trot", forward=0.4))
    commands, start, heights = [], 0.0, []
    for k in range(round(9.0 / STEP)):
        time = k * STEP
        if k == round(1.0 / STEP):
            controller.stand_up()
        state = read_state(robot.state())
        monitor.check(time, state)
        observation = Observation(
            state.rate, state.acceleration, state.angles, state.speeds, state.forces
        )
        sources = walk if time > 4.0 else still
        drive = limited(state, *controller.step(observation, 1.0 + time, sources), limits)
        command = idl.LowCmd()
        fill_command(command, *drive)
        commands.append(command)
        if len(commands) > late:
            robot.take(commands.pop(0))
        robot.advance()
        if time <= 4.0:
            start = robot.body.data.qpos[0]
        else:
            heights.append(robot.body.height)
    assert min(heights) > 0.25
    assert 1.2 < robot.body.data.qpos[0] - start < 2.4


def test_joints_that_brake_are_damped_less_where_observations_come_rarely():
    """A leg of 0.014 kg m² turns back faster than it came beyond 0.5 * 0.014 / period."""
    for period, most in ((0.002, 3.0), (0.005, 1.4)):
        controller = QuadrupedController(GO2, ControllerSettings(start_standing=False))
        lying = np.tile([0.0, 1.21, -2.65], 4)
        for k in range(round(1.0 / period)):
            # The same once more would be a repeated observation.
            angles, up = lying + 1e-6 * k, np.array([0.0, 0.0, 9.81])
            seen = Observation(np.zeros(3), up, angles, np.full(12, 0.4), np.full(4, 9.0))
            answer = controller.step(seen, 1.0 + k * period, CommandSources.constant(gait("stand")))
        assert controller.locomotion.state == "damping"
        assert (-answer.efforts / 0.4 <= most + 1e-9).all()
        assert (answer.efforts < 0.0).all()
