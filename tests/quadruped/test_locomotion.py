# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Up, down and up again, in MuJoCo."""

import math

import numpy as np
import pytest

from neuro_control.quadruped.control.command import gait
from neuro_control.quadruped.control.gait import Gait
from neuro_control.quadruped.control.locomotion import LocomotionSettings, LocomotionStateMachine
from neuro_control.quadruped.control.robots import find_robot
from neuro_control.quadruped.control.sensor_monitor import SensorMonitor
from neuro_control.quadruped.control.types import JOINTS, PERIOD
from neuro_control.quadruped.simulation.body import STARTS, Body, world

TROT = gait("trot", forward=0.5)


def begun(robot="go2", start="standing", seed=0):
    body = Body(world(robot, start=start))
    body.reset(np.random.default_rng(seed))
    return body, LocomotionStateMachine(Gait(find_robot(robot)), SensorMonitor())


def go_on(body, machine, command, seconds, change=lambda each: each):
    states = []
    for _ in range(round(seconds / PERIOD)):
        body.step(machine.step(change(body.observation), command).efforts)
        if not states or states[-1] != machine.state:
            states.append(machine.state)
    return states


@pytest.mark.parametrize("robot", ["go2", "go1"])
@pytest.mark.parametrize("start", STARTS)
def test_it_gets_on_its_feet_from_every_start_and_walks(robot, start):
    body, machine = begun(robot, start)
    states = go_on(body, machine, TROT, 5.5)
    assert states[-1] == "walking"
    assert ("self_righting" in states) == (start in ("side", "back"))
    assert body.velocity[0] == pytest.approx(0.5, abs=0.1)
    assert body.height == pytest.approx(0.3, abs=0.015)


def test_it_lies_down_from_a_walk_and_rises_when_asked():
    body, machine = begun()
    go_on(body, machine, TROT, 2.5)
    assert go_on(body, machine, None, 3.5) == ["lowering", "folding", "damping"]
    assert body.height < 0.13
    assert not body.fallen
    assert np.abs(body.data.qvel).max() < 0.1
    assert go_on(body, machine, TROT, 3.0)[-1] == "walking"


def test_it_turns_back_while_it_lies_down():
    body, machine = begun()
    go_on(body, machine, TROT, 2.0)
    assert go_on(body, machine, None, 0.6) == ["lowering"]
    assert go_on(body, machine, TROT, 1.0)[-1] == "walking"


def test_joints_only_brake_in_a_fall():
    body, machine = begun()
    go_on(body, machine, TROT, 2.0)
    body.push(np.array([0.0, 800.0, 0.0]))
    for _ in range(500):
        body.step(machine.step(body.observation, TROT).efforts)
        if machine.state == "damping":
            break
    body.push(np.zeros(3))
    assert body.rotation[2, 2] < 0.75
    answer = machine.step(body.observation, TROT)
    assert (answer.efforts * body.observation.speeds <= 0).all()
    assert go_on(body, machine, TROT, 9.0)[-1] == "walking"


def lose(joint):
    def change(each):
        angles = each.angles.copy()
        angles[joint] = math.nan
        return each._replace(angles=angles)

    return change


@pytest.mark.parametrize("robot", ["go2", "go1"])
@pytest.mark.parametrize("joint", [0, 4, 8])
def test_without_a_joints_sensor_it_lies_down_gently_and_says_why(robot, joint):
    body, machine = begun(robot)
    go_on(body, machine, TROT, 2.0)
    fastest = 0.0
    for _ in range(10):
        states = go_on(body, machine, TROT, 0.15, lose(joint))
        fastest = min(fastest, body.velocity[2])
        assert body.rotation[2, 2] > math.cos(math.radians(35))
    assert states[-1] == "damping"
    assert machine.reason == f"the sensor of {JOINTS[joint]} is not finite"
    assert machine.reason in machine.monitor.remarks
    assert fastest > -0.7
    assert body.height < 0.14
    # The sensor is back.
    assert go_on(body, machine, TROT, 3.5)[-1] == "walking"
    assert machine.reason == ""


def test_without_the_imu_its_joints_only_brake():
    body, machine = begun()
    go_on(body, machine, TROT, 1.5)
    blind = lambda each: each._replace(acceleration=np.full(3, math.inf))  # noqa: E731
    assert go_on(body, machine, TROT, 1.0, blind)[-1] == "damping"
    assert machine.reason == "the IMU is not finite"
    answer = machine.step(blind(body.observation), TROT)
    assert (answer.efforts * body.observation.speeds <= 0).all()


def test_a_fall_is_detected_before_the_ground_is_met():
    body, machine = begun()
    go_on(body, machine, TROT, 2.0)
    body.push(np.array([0.0, 500.0, 0.0]))
    for _ in range(500):
        body.step(machine.step(body.observation, TROT).efforts)
        if machine.state == "damping":
            break
    assert machine.reason == "it fell"
    assert body.rotation[2, 2] > math.cos(math.radians(60))


def test_after_an_estimate_that_is_not_finite_it_brakes_and_rises_again():
    body, machine = begun()
    go_on(body, machine, TROT, 1.0)
    machine.gait.estimator.ground[0] = math.nan
    assert go_on(body, machine, TROT, 0.1)[-1] == "damping"
    assert machine.reason == "its state estimate is not finite"
    assert go_on(body, machine, TROT, 3.5)[-1] == "walking"


def test_without_a_command_it_stays_down():
    body, machine = begun(start="back")
    assert go_on(body, machine, None, 1.0) == ["holding", "damping"]


def test_a_changed_time_counts():
    body, _ = begun(start="back")
    settings = LocomotionSettings(hold_time=1.2)
    machine = LocomotionStateMachine(Gait(find_robot("go2")), SensorMonitor(), settings)
    assert go_on(body, machine, None, 1.19) == ["holding"]
    assert go_on(body, machine, None, 0.02) == ["holding", "damping"]


def test_legs_on_which_it_lies_are_spread_before_they_fold():
    body, machine = begun()
    go_on(body, machine, TROT, 1.5)
    # A front leg is bent forwards and inwards under the trunk, a hind leg backwards.
    astray = [-1.0, -1.1, -1.0, 0.5, 1.35, -2.7, -1.0, 3.4, -2.7, 0.0, -0.5, -1.4]
    body.data.qpos[7:19], body.data.qvel[:] = astray, 0.0
    body.data.qpos[2] = 0.25
    for _ in range(500):
        body.step(-3.0 * body.observation.speeds)
    machine.reset()
    states = go_on(body, machine, TROT, 5.0)
    assert "spreading" in states
    assert states[-1] == "walking"
