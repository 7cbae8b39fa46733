# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Failures of the simulated Go2's components, in its LowState and by its parameter service."""

import numpy as np
import pytest
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter

from neuro_control.quadruped.go2 import idl
from neuro_control.quadruped.go2.simulated import SimulatedGo2
from neuro_control.quadruped.go2.simulated_robot import SimulatedRobot
from neuro_control.simulation.failures import parse
from tests.bench import Probe, options
from tests.drivers.unitree_peer import DOMAIN


def states(failures, count=10):
    """LowStates of a lying robot that somebody's hand shakes, after failures are switched on."""
    robot = SimulatedRobot("lying")
    robot.body.effects.inject(parse(failures))
    found = []
    for number in range(count):
        robot.body.data.qvel[:6] = 0.1 * np.sin(number + np.arange(6))
        robot.step()
        found.append(idl.LowState())
        robot.fill_state(found[-1])
    assert robot.time == pytest.approx(count * 0.002)  # the physics bore it
    return found


def test_a_stuck_gyro_repeats_itself_in_low_states_and_other_sensors_go_on():
    found = states("gyro stuck")
    assert len({tuple(state.imu_state.gyroscope) for state in found}) == 1
    assert len({tuple(state.imu_state.accelerometer) for state in found}) == len(found)


def test_a_foot_sensor_that_is_off_gives_zero():
    assert all(list(state.foot_force) == [0, 0, 0, 0] for state in states("foot_force off"))


def test_an_encoder_that_is_off_gives_no_number():
    found = states("FR_calf off")[-1].motor_state
    assert np.isnan(found[2].q)
    assert found[2].tau_est == 0.0
    assert np.isfinite([found[i].q for i in range(12) if i != 2]).all()


@pytest.mark.parametrize("allowed", [True, False])
def test_failures_are_switched_while_it_runs_if_the_start_allowed_it(bench, allowed):
    values = {"domain": DOMAIN + 1, "failure_injection": allowed}
    node = bench.add(SimulatedGo2(**options(**values)))
    probe = bench.add(Probe())
    client = probe.create_client(SetParameters, "/simulated_go2/set_parameters")

    def answer(text):
        wanted = [Parameter("injected_failures", value=text).to_parameter_msg()]
        return bench.call(client, SetParameters.Request(parameters=wanted)).results[0]

    assert answer("imu stuck").successful == allowed
    assert node.active_effects.failures == (("imu stuck",) if allowed else ())
    assert not answer("gps off").successful
    assert answer("none").successful
    assert node.active_effects.failures == ()
