# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Walks in MuJoCo, by the robot's own measurements alone."""

import numpy as np
import pytest

from neuro_control.quadruped.control.command import GAITS, gait
from neuro_control.quadruped.control.controller import QuadrupedController
from neuro_control.quadruped.control.gait import Gait
from neuro_control.quadruped.control.robots import find_robot
from neuro_control.quadruped.control.types import PERIOD
from neuro_control.quadruped.evaluation.rollout import random_push, rollout
from neuro_control.quadruped.simulation.body import Body, world


def walked(command, robot="go2", seconds=3.6, push=0.0, seed=0, **ground):
    """Record of a walk, in which each row of ``probed`` is the estimate."""
    body, controller = Body(world(robot, **ground)), QuadrupedController(find_robot(robot))
    effects = [random_push(push, seconds, seed)] if push else []
    return rollout(
        body, controller, command, seconds, seed, effects, probe=lambda: controller.gait.estimate
    )


def late(found):
    """Means of velocity forwards and to the left, yaw rate, height and roll in the last second."""
    truth = found.truth
    columns = [truth.velocity[:, 0], truth.velocity[:, 1], truth.yaw_rate, truth.height, truth.roll]
    return np.array([column[-500:].mean() for column in columns])


@pytest.mark.parametrize("robot", ["go2", "go1"])
@pytest.mark.parametrize("name", list(GAITS))
def test_every_gait_goes_as_fast_as_commanded(robot, name):
    found = walked(gait(name, forward=0.5, yaw_rate=0.2), robot)
    assert found.fell is None
    moves = name != "stand"
    np.testing.assert_allclose(late(found)[:3], [0.5 * moves, 0.0, 0.2 * moves], atol=0.045)
    assert late(found)[3] == pytest.approx(0.3, abs=0.015)


@pytest.mark.parametrize(
    "numbers",
    [
        {"forward": 1.5},
        {"forward": -0.5},
        {"left": 0.3, "frequency": 2.0},
        {"yaw_rate": -1.0, "frequency": 4.0},
        {"forward": 0.5, "height": -0.12},
        {"forward": 0.5, "height": 0.04},
    ],
)
def test_a_trot_goes_where_it_should(numbers):
    command = gait("trot", **numbers)
    found = walked(command)
    forward, left, yaw_rate, height, roll = late(found)
    assert forward == pytest.approx(command.forward, abs=0.03)
    assert left == pytest.approx(command.left, abs=0.03)
    assert yaw_rate == pytest.approx(command.yaw_rate, abs=0.03)
    assert height == pytest.approx(0.3 + command.height, abs=0.01)
    assert abs(roll) < np.radians(5)


def test_the_estimate_is_close_to_the_truth():
    found = walked(gait("trot", forward=1.0, yaw_rate=0.5))
    truth = found.truth
    true = np.column_stack([truth.velocity[:, :2], truth.yaw_rate, truth.height])
    error = (np.array(found.probed) - true)[1500:]
    np.testing.assert_allclose(error.mean(axis=0), 0.0, atol=0.02)
    assert error.std(axis=0).max() < 0.05


def test_it_leans_as_commanded():
    body, controller = Body(world()), QuadrupedController(find_robot("go2"))
    rollout(body, controller, gait("stand", pitch=0.2, roll=-0.15), 2.0)
    pitch = -np.arcsin(body.rotation[2, 0])
    assert pitch == pytest.approx(0.2, abs=0.02)
    assert body.roll == pytest.approx(-0.15, abs=0.02)


def test_feet_are_lifted_as_high_as_commanded():
    for swing in (0.05, 0.12):
        body, controller = Body(world()), Gait(find_robot("go2"))
        body.reset(np.random.default_rng(0))
        highest = 0.0
        command = gait("trot", swing=swing)
        for _ in range(1000):
            body.step(controller.step(body.observation, command).efforts)
            highest = max(highest, body.data.body("FL_foot").xpos[2] - 0.022)
        assert highest == pytest.approx(swing, abs=0.012)


@pytest.mark.parametrize("name", ["trot", "pace", "bound", "walk", "stand"])
def test_a_push_does_not_fell_it(name):
    assert walked(gait(name, forward=0.5), seconds=5.2, push=100.0, seed=1).fell is None


@pytest.mark.parametrize(
    "ground",
    [
        {"friction": 0.4},
        {"payload": 3.0},
        {"terrain": "slope", "slope": 15.0},
        {"terrain": "rough", "height": 0.05},
        {"terrain": "stairs", "height": 0.08},
    ],
)
def test_it_walks_on_what_there_is(ground):
    found = walked(gait("trot", forward=0.5, swing=0.12), seconds=5.0, **ground)
    assert found.fell is None
    assert late(found)[0] == pytest.approx(0.5, abs=0.1)


def test_after_a_push_while_it_stands_it_steps_and_stands_again():
    body, controller = Body(world()), Gait(find_robot("go2"))
    body.reset(np.random.default_rng(0))
    durations = []
    for k in range(3000):
        body.push(np.array([0.0, 120.0 * (500 <= k < 600), 0.0]))
        body.step(controller.step(body.observation, gait("stand")).efforts)
        durations.append(controller.schedule.duration)
    assert min(durations) < 0.75
    assert durations[-1] == 1.0
    assert np.abs(body.velocity).max() < 0.05


def test_gaits_change_while_it_walks():
    body, controller = Body(world("go1")), Gait(find_robot("go1"))
    body.reset(np.random.default_rng(0))
    for name in ("trot", "pronk", "pace", "stand", "bound", "walk", "stand"):
        command = gait(name, forward=0.5)
        for _ in range(round(1.5 / PERIOD)):
            body.step(controller.step(body.observation, command).efforts)
        assert not body.fallen


def test_the_same_walk_twice_is_the_same_to_the_bit():
    one, other = (walked(gait("trot", forward=0.5), seconds=1.0, seed=3) for _ in range(2))
    for mine, theirs in zip(one.truth, other.truth, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_torques_stay_within_their_limits():
    body, controller = Body(world()), Gait(find_robot("go2"))
    body.reset(np.random.default_rng(0))
    for _ in range(500):
        answer = controller.step(body.observation, gait("pronk", forward=1.0))
        assert (np.abs(answer.efforts) <= np.tile(find_robot("go2").torque, 4)).all()
        body.step(answer.efforts)
